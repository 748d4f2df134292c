"""Tracks of a real movie go through the frames in which the tip lost the surface."""

import os
from pathlib import Path

import numpy as np
import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.loader import load_afm_stack

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
FIRST = 90
LOST = np.arange(111, 127) - FIRST
LEVELLING = [
    "remove_plane",
    "row_median_align",
    "mask_threshold:threshold=2",
    "polynomial_flatten:order=2",
    "zero_median",
]


@pytest.mark.filterwarnings("ignore:.*frames are unusable:UserWarning")
@pytest.mark.parametrize("max_missing", [0, 20])
def test_no_protein_departs_while_the_tip_is_off_the_surface(max_missing):
    path = DATA / "asd" / "sbccd_v1.asd"
    if not path.exists():
        pytest.skip(f"no real files at {DATA}")
    stack = load_afm_stack(path, channel="TP")[FIRST:150]
    stack.apply(LEVELLING)
    pipeline = AnalysisPipeline()
    pipeline.add("frame_quality")
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=2.0, min_size=20)
    pipeline.add("particle_tracking", max_distance=10.0, max_missing=max_missing)
    analysis = pipeline.run(stack)["analysis"]
    detected = analysis["step_2_feature_detection"]
    np.testing.assert_array_equal(np.flatnonzero(~detected["observed"]), LOST)
    assert not np.isin(detected["table"]["frame"], LOST).any()
    tracks = analysis["step_3_particle_tracking"]["track_table"]
    through = tracks[(tracks["start_frame"] < LOST[0]) & (tracks["end_frame"] > LOST[-1])]
    assert len(through) >= 1
    # The protein is in every frame that was observed: the lost ones are neither seen nor missed.
    longest = through.sort_values("length").iloc[-1]
    assert longest["length"] == stack.n_frames - len(LOST)
    assert longest["missed"] == 0
    # Whoever was there in the last frame before did not depart: nobody was looking.
    last = tracks[tracks["end_frame"] == LOST[0] - 1]
    assert last["censored_end"].all()
    assert not np.isin(tracks["end_frame"], LOST).any()
