"""Frames that were shifted are not taken for damaged ones."""

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.frame_quality import judge_movie


def test_the_empty_border_of_shifted_frames_is_not_lost():
    movie = np.random.default_rng(0).normal(size=(8, 40, 40))
    entries = [{"timestamp": float(k), "shift_nm": [2.0 * k, -1.0 * k]} for k in range(8)]
    for k in range(8):
        movie[k, :k] = np.nan
        movie[k, :, 40 - k // 2 :] = np.nan
    stack = AFMImageStack(movie, 2.0, "height", "movie.npy", entries)
    assert judge_movie(stack).table["usable"].all()
    assert not judge_movie(stack).table["partly_torn"].any()
    for entry in stack.frame_metadata:
        del entry["shift_nm"]
    assert judge_movie(stack).table["partly_torn"].any()
