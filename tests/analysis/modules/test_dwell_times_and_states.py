"""What the modules take from the movie and the tracking, and how they warn."""

import numpy as np
import pandas as pd
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.dwell_times import DwellTimesModule
from playNano.analysis.modules.states import StatesModule
from playNano.errors import MissingInputError, PlayNanoWarning

N_FRAMES = 60


def stack(**change):
    metadata = [{"timestamp": 0.5 * i} for i in range(N_FRAMES)]
    data = np.zeros((N_FRAMES, 50, 50), np.float32)
    return AFMImageStack(data, 2.0, "height", "movie.asd", metadata, **change)


def tracked(missed=0.1, max_missing=2, seed=0):
    """Outputs of tracking: molecules at rest that leave, some detections missing."""
    rng = np.random.default_rng(seed)
    rows = []
    for track in range(60):
        first = int(rng.integers(1, 40))
        last = min(first + int(rng.exponential(12)), N_FRAMES - 1)
        y, x = rng.uniform(5, 45, 2)
        frames = np.arange(first, last + 1)
        frames = frames[(rng.random(frames.size) >= missed) | (frames == first)]
        rows += [(track, frame, y, x, 3.0 + rng.normal(0, 0.1)) for frame in frames]
    table = pd.DataFrame(rows, columns=["track_id", "frame", "y", "x", "height_nm"])
    table = table.assign(y_nm=2 * table["y"], x_nm=2 * table["x"], time_s=0.5 * table["frame"])
    return {"table": table, "summary": {"search": {"max_missing": max_missing}}}


def test_gap_closing_and_lost_frames_come_from_earlier_modules():
    usable = np.ones(N_FRAMES, bool)
    usable[50:] = False
    outputs = tracked()
    table = outputs["table"]
    results = {
        "frame_quality": {"usable": usable},
        "particle_tracking": {**outputs, "table": table[table["frame"] < 50]},
    }
    measured = DwellTimesModule().run(stack(), results, model="exponential")
    assert measured["rates"]["miss_rate"][0] == pytest.approx(0.1, abs=0.04)
    assert measured["counts"]["n_detections"].isna().sum() == 10
    assert set(measured["dwells"]["end_reason"]) == {"left", "frame_lost"}
    assert [line["name"] for line in measured["summary"]["headlines"]] == ["k_off", "dwell", "k_on"]
    one = DwellTimesModule().run(stack(), results, model="exponential", miss_rate=0.0)
    assert one["rates"]["k_off_1_s"][0] > measured["rates"]["k_off_1_s"][0]


def test_a_rate_that_is_not_given_is_a_warning():
    cut = tracked(missed=0.3, max_missing=0)
    table = cut["table"]
    begins = (table["track_id"].diff() != 0) | (table["frame"].diff() != 1)
    cut["table"] = table.assign(track_id=begins.cumsum() - 1)
    with pytest.warns(PlayNanoWarning, match="dwell_times: after .* max_missing"):
        measured = DwellTimesModule().run(stack(), {"particle_tracking": cut}, sites="off")
    assert measured["summary"]["headlines"][0]["text"].startswith("k_off: not given (at bound)")


def test_the_window_is_the_frame_less_the_margin():
    results = {"particle_tracking": tracked()}
    for margin, area in ((0.0, 100.0**2), (5.0, 90.0**2)):
        measured = DwellTimesModule().run(stack(), results, edge_nm=margin, model="exponential")
        assert measured["rates"]["area_nm2"][0] == pytest.approx(area)


def test_states_take_the_height_in_the_unit_of_the_channel():
    outputs = tracked()
    degrees = {**outputs, "table": outputs["table"].rename(columns={"height_nm": "height_deg"})}
    measured = StatesModule().run(stack(unit="deg"), {"particle_tracking": degrees})
    assert measured["state_table"]["height_deg"].tolist() == pytest.approx([3.0], abs=0.05)
    assert measured["summary"]["n_states"] == 1


@pytest.mark.parametrize("module", [DwellTimesModule, StatesModule])
def test_tracks_are_needed(module):
    with pytest.raises(MissingInputError, match="run particle_tracking before it"):
        module().run(stack(), {})
