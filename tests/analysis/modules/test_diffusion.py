import numpy as np
import pandas as pd
import pytest

from playNano.analysis.modules.diffusion import DiffusionModule
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import MissingInputError, ParameterError, PlayNanoWarning
from playNano.measurement import diffusion


def tracking(n_tracks=12, n=30, *, max_distance_nm=None, seed=0):
    """Return the outputs of a tracking of Brownian particles near the centre of a field of 400 nm."""
    rng = np.random.default_rng(seed)
    parts = []
    for track in range(n_tracks):
        place = 200 + np.cumsum(rng.normal(0, 5.0, (n, 2)), axis=0)
        rows = {"track_id": track, "frame": range(n), "time_s": np.arange(n) * 0.5}
        parts.append(pd.DataFrame({**rows, "y_nm": place[:, 0], "x_nm": place[:, 1], "radius_nm": 5.0}))
    table = pd.concat(parts, ignore_index=True)
    target = np.flatnonzero(table["frame"] > 0)
    moved = table[["y_nm", "x_nm"]].diff().to_numpy()[target]
    links = pd.DataFrame({"target": target, "gap": 1, "confidence": 0.9})
    links["displacement_nm"] = np.hypot(*moved.T)
    search = None if max_distance_nm is None else {"max_distance_nm": max_distance_nm}
    return {"table": table, "links": links, "summary": {"search": search}}


@pytest.fixture
def stack(make_stack):
    return make_stack(np.zeros((30, 200, 200), np.float32))


def test_outputs_are_those_of_the_function_on_the_table(stack):
    results = {"particle_tracking": tracking()}
    out = DiffusionModule().run(stack, results, edge_band=0.0)
    expected = diffusion(results["particle_tracking"]["table"])
    pd.testing.assert_frame_equal(out["track_diffusion"], expected.track_diffusion)
    pd.testing.assert_frame_equal(out["diffusion_states"], expected.diffusion_states)
    headline = out["summary"]["headlines"][0]
    assert headline["text"].startswith("D = 2")
    assert headline["unit"] == "nm2_s"
    assert headline["n"] == 12


def test_steps_near_the_border_of_the_frame_are_left_out(stack):
    results = {"particle_tracking": tracking()}
    rows = DiffusionModule().run(stack, results)["track_diffusion"]
    wide = DiffusionModule().run(stack, results, edge_nm=150.0)["track_diffusion"]
    assert rows["n_steps_edge"][0] == 0
    assert wide["n_steps_edge"][0] > 0


def test_a_search_range_that_cuts_steps_is_a_warning(stack):
    step = float(np.quantile(tracking()["links"]["displacement_nm"], 0.95))
    with pytest.warns(PlayNanoWarning, match="D is low.*set max_distance_nm of the tracking to"):
        out = DiffusionModule().run(stack, {"particle_tracking": tracking(max_distance_nm=step)})
    assert out["summary"]["messages"][0].startswith("D is low")
    out = DiffusionModule().run(stack, {"particle_tracking": tracking(max_distance_nm=60.0)})
    assert not any(message.startswith("D is low") for message in out["summary"]["messages"])


def test_links_below_the_confidence_cut_tracks(stack):
    results = {"particle_tracking": tracking()}
    results["particle_tracking"]["links"].loc[::2, "confidence"] = 0.1
    rows = DiffusionModule().run(stack, results, min_confidence=0.5)["track_diffusion"]
    assert rows["n_steps"][0] == len(results["particle_tracking"]["links"]) // 2


def test_tracking_is_needed_and_options_are_checked(stack):
    with pytest.raises(MissingInputError, match="particle_tracking"):
        DiffusionModule().run(stack, {})
    with pytest.raises(ParameterError, match="'noise' must be"):
        AnalysisPipeline().add("diffusion", noise="none")
    with pytest.raises(ParameterError, match="edge_band"):
        AnalysisPipeline().add("diffusion", edge_band="-1")


def test_through_a_pipeline_from_the_movie(make_spots, make_stack):
    data, _ = make_spots((12, 32, 40))
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", threshold=1.0)
    pipeline.add("particle_tracking")
    pipeline.add("diffusion")
    record = pipeline.run(make_stack(data))
    out = record["analysis"]["step_3_diffusion"]
    assert set(out) == {"msd", "track_diffusion", "diffusion_states", "summary"}
    assert record["provenance"]["steps"][-1]["params"]["edge_band"] == 3.0
    assert out["track_diffusion"]["track_id"].tolist()[0] == -1
