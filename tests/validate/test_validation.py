"""The whole validation, small."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.errors import ParameterError, PlayNanoWarning, StackError
from playNano.plots.validation import save_validation
from playNano.simulate import simulate_movie
from playNano.validate import Effort, validate_pipeline

LEVEL = "remove_plane;row_median_align;mask_mean_offset:factor=2;remove_plane;row_median_align;clear_mask"
DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=8,remove_edge=false"
SMALL = Effort(n_movies=3, n_swept=1, pixels=50_000, factors=(1.0, 3.0))


@pytest.fixture(scope="module")
def stack():
    return simulate_movie(20, (72, 72), n_particles=7, diffusion_nm2_s=30.0, seed=3).to_stack()


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def result(stack, told):
    before = stack.data.copy()
    plan = Plan.from_options(LEVEL, f"frame_quality;{DETECT};particle_tracking:max_distance_nm=8", None)
    with warnings.catch_warnings(), pytest.warns(PlayNanoWarning, match="tracks are cut"):
        warnings.filterwarnings("ignore", ".*expected to be wrong")
        out = validate_pipeline(stack, plan, effort=SMALL, progress=lambda *step: told.append(step))
    np.testing.assert_array_equal(stack.data, before)
    assert not stack.processed
    return out


def test_scores_with_intervals(result):
    for name in ("recall", "precision", "link_error", "height_bias_nm", "diffusion_bias"):
        m = result.measures[name]
        assert m.n_movies == 3
        assert m.low <= m.value <= m.high
    assert result.measures["recall"].value > 0.9
    # Steps are longer than the reach allows: links are missed, and those made make particles look slow.
    assert result.measures["link_recall"].value < 0.85
    assert result.measures["diffusion_bias"].high < 0


def test_the_reach_is_what_matters_and_a_longer_one_is_recommended(result):
    assert result.sensitivities[0].parameter == "max_distance_nm"
    (change,) = [c for c in result.recommended if c["parameter"] == "max_distance_nm"]
    assert change == {
        "module": "particle_tracking",
        "parameter": "max_distance_nm",
        "yours": 8.0,
        "recommended": 24.0,
    }
    assert result.compared["difference"]["low"] > 0
    assert result.compared["scores"]["link_error"]["value"] < result.measures["link_error"].value


def test_what_the_pipeline_found_on_the_movie(result):
    assert result.on_movie["per_frame"] == pytest.approx(result.measured.particles.per_frame, rel=0.2)
    assert result.caveats == ()


def test_progress_is_told_to_its_end(result, told):
    whats = {what for what, _, _ in told}
    assert {"measuring the movie", "movies simulated", "parameters tried", "settings tried"} <= whats
    for what in whats:
        assert any(w == what and done == total for w, done, total in told)


def test_files(result, tmp_path):
    paths = save_validation(result, tmp_path / "new")
    read = json.loads(paths[0].read_text())
    assert read["scores"]["recall"]["value"] == result.measures["recall"].value
    assert read["recommended"][0]["recommended"] == 24.0
    assert read["movie"]["particles"]["radius_nm"] > 0
    assert [next(iter(step)) for step in read["pipeline"]] == [
        "frame_quality",
        "feature_detection",
        "particle_tracking",
    ]
    with Image.open(paths[1]) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 400


def test_detection_alone_and_the_same_seed(stack, tmp_path):
    plan = Plan.from_options(LEVEL, DETECT, None)
    effort = Effort(2, 1, 30_000, (1.0,))
    first, second = (validate_pipeline(stack[:8], plan, effort=effort, seed=5) for _ in range(2))
    assert json.dumps(first.to_dict()) == json.dumps(second.to_dict())
    assert "hota" not in first.measures
    assert first.recommended == []
    save_validation(first, tmp_path)


@pytest.mark.filterwarnings("ignore:.*no detections")
def test_a_pipeline_that_finds_nothing(stack, tmp_path):
    plan = Plan.from_options(LEVEL, DETECT.replace("1.5", "400"), None)
    out = validate_pipeline(stack[:8], plan, effort=Effort(2, 1, 30_000, (1.0,)))
    assert out.measures["recall"].value == 0
    assert any("almost nothing" in text for text in out.caveats)
    save_validation(out, tmp_path)


@pytest.mark.filterwarnings("ignore:.*no detections")
def test_what_cannot_be_validated(stack):
    with pytest.raises(ParameterError, match="detects"):
        validate_pipeline(stack[:8], Plan.from_options(LEVEL, "count_nonzero", None), effort=SMALL)
    blank = AFMImageStack(np.zeros((4, 32, 32)), 1.0, "height", "blank.npy")
    with pytest.raises(StackError, match="no frame"):
        validate_pipeline(blank, Plan.from_options(LEVEL, DETECT, None), effort=SMALL)
