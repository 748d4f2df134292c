"""Settings are ranked by their stability."""

import numpy as np
import pandas as pd
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.tuning import LEVELLING, RUN_LENGTH, Setting, _best, _spans, tune
from playNano.analysis.tuning_detections import Axis, BaseDetections
from playNano.analysis.tuning_links import Links
from playNano.errors import ParameterError


def base(heights, others=()):
    table = pd.DataFrame({"frame": 0, "y": np.arange(len(heights)), "x": 0.0, "height_nm": heights})
    axis = Axis("min_height_nm", "height_nm", (1.0,), 1.25)
    return BaseDetections("feature_detection", {}, table, np.ones(1, bool), (axis,), others)


def test_stability_is_the_mean_f1_under_small_changes():
    # A limit of 2 keeps four; 2.5 keeps three of these, 1.6 all five.
    found = base([1.7, 2.2, 3.0, 3.0, -3.0])
    assert found.stability([2.0]) == pytest.approx(np.mean([2 * 3 / (4 + 3), 2 * 4 / (4 + 5)]))
    assert found.stability([9.0]) == 0.0
    # A variant that finds two of the four, and one object more, counts as a change.
    variant = pd.DataFrame({"frame": 0, "y": [1.0, 2.0, 90.0], "x": 0.0, "height_nm": [2.2, 3.0, 4.0]})
    other = base([1.7, 2.2, 3.0, 3.0, -3.0], ((variant, np.array([-1, 0, 1, -1, -1])),))
    expected = np.mean([2 * 3 / 7, 2 * 4 / 9, 2 * 2 / (4 + 3)])
    assert other.stability([2.0]) == pytest.approx(expected)


def test_frames_come_from_runs_with_usable_frames():
    usable = np.ones(100, bool)
    usable[:20] = usable[60:70] = False
    spans = _spans(usable)
    assert [span.stop - span.start for span in spans] == [RUN_LENGTH, RUN_LENGTH]
    assert usable[np.r_[spans[0], spans[1]]].all()
    assert _spans(np.ones(7, bool)) == [slice(0, 7)]


def test_faint_specks_beside_clear_particles_are_left_out():
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:96, :96]
    frames = rng.normal(0, 0.1, (8, 96, 96))
    for k, frame in enumerate(frames):
        for cy, cx in ((20, 20), (22, 60), (60, 24), (70, 66)):
            frame[(y - cy) ** 2 + (x - cx - k) ** 2 < 30] += 5.0
        # Specks near the threshold, elsewhere in every frame.
        for cy, cx in rng.uniform(5, 90, (25, 2)):
            frame += rng.uniform(0.2, 0.6) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 5)
    stack = AFMImageStack(frames, 1.0, "height", "m.npy")
    before = stack.data.copy()
    tuning = tune(stack)
    assert tuning.best.n_per_frame == pytest.approx(4, abs=0.5)
    default = next(s for s in tuning.settings if s.steps_from_default == 0)
    assert default.n_per_frame > 6
    assert tuning.best.score > default.score
    table = tuning.table()
    assert table.iloc[0]["score"] == table["score"].max()
    # Search ranges on both sides of the one that is found from the movie.
    ranges = table["max_distance_nm"].dropna() / table.iloc[0]["search_range_nm"]
    assert sorted(ranges.round(1)) == [0.7, 1.4]
    assert np.array_equal(stack.data, before)
    assert not stack.provenance["warnings"]


def test_of_settings_that_are_as_good_the_nearest_to_the_defaults_is_the_best():
    def setting(stability, steps, wrong):
        return Setting(
            LEVELLING[0], "feature_detection", {}, {}, steps, 4.0, stability, None, Links(3, wrong, 9.0, 1.0)
        )

    near, far, better = setting(0.95, 0, 0.0), setting(0.965, 3, 0.0), setting(0.99, 5, 0.0)
    assert _best([far, near]) is near
    assert _best([far, near, better]) is better
    # Stable detections whose links are wrong are no better.
    assert _best([setting(0.99, 0, 0.3), far]) is far
    unlinked = Setting(LEVELLING[0], "feature_detection", {}, {}, 0, 4.0, 1.0)
    assert np.isnan(unlinked.score)


def test_nothing_to_tune_is_an_error():
    blank = AFMImageStack(np.zeros((3, 32, 32)), 1.0, "height", "m.npy")
    with pytest.raises(ParameterError, match="usable"):
        tune(blank)
    with pytest.raises(ParameterError, match="not for filaments"):
        tune(blank, "filaments")
