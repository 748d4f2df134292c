"""The whole validation, small."""

import json

import numpy as np
import pytest
from PIL import Image
from tests.validate.scenes import LEVEL, PIXEL, cap, movie, rod

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.core.provenance import latest_table
from playNano.errors import ParameterError, StackError
from playNano.plots.validation import save_validation
from playNano.validate import Effort, score_result, validate_pipeline

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=20"
TRACK = "particle_tracking:max_distance=8,max_missing=2"
SMALL = Effort(n_copies=2, max_frames=40, factors=())

pytestmark = pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")


def told_and_actual(stack, truth, plan, effort=SMALL):
    result = validate_pipeline(stack, plan, effort=effort)
    copy = stack[:]
    record = plan.run(copy)
    actual = score_result(
        truth, latest_table(record, "detection"), latest_table(record, "tracking"), shape=stack.image_shape,
        pixel_size_nm=(PIXEL, PIXEL), gate_nm=result.gate_nm, border_nm=result.border_nm,
    )  # fmt: skip
    return result, actual


CASES = {
    "caps that touch": ((cap(),), (4.0,), 14, 13.0),
    "rods": ((rod(),), (3.0,), 8, 22.0),
    "two heights": ((cap(1.3), cap(8.0, 9.0)), (1.3, 8.0), 8, 24.0),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("processing", [LEVEL, "remove_plane;row_median_align;gaussian_filter:sigma=1"])
def test_told_scores_are_the_actual_ones(case, processing):
    shapes, heights, n, apart = CASES[case]
    stack, truth = movie(shapes, heights, n, n_frames=40, pixels=96, apart_nm=apart, turn=0.3, seed=4)
    before = np.array(stack.data)
    plan = Plan.from_options(processing, f"{DETECT};{TRACK}", None)
    result, actual = told_and_actual(stack, truth, plan)
    np.testing.assert_array_equal(stack.data, before)
    assert not stack.processed
    assert result.withheld == ()
    for name, error in {
        "recall": 0.04,
        "precision": 0.04,
        "link_error": 0.06,
        "diffusion_bias": 0.12,
    }.items():
        m = result.measures[name]
        assert m.value == pytest.approx(actual[name], abs=error)
        assert m.low - 0.005 <= actual[name] <= m.high + 0.005
    height = float(np.mean(heights))
    assert result.measures["height_bias_nm"].value == pytest.approx(
        actual["height_bias_nm"], abs=0.05 * height
    )


@pytest.mark.parametrize(
    "surface",
    [
        lambda y, x: np.where(x > 60, 4.0, 0.0),
        lambda y, x: 2.0 * np.exp(-((y - 0.6 * x - 30) ** 2) / 12),
    ],
    ids=["terraces", "strand"],
)
def test_where_the_background_is_not_flat_nothing_is_told(surface, tmp_path):
    stack, _ = movie(surface=surface)
    result = validate_pipeline(stack, Plan.from_options(LEVEL, f"{DETECT};{TRACK}", None), effort=SMALL)
    assert any("not flat" in reason for reason in result.withheld)
    for m in result.measures.values():
        assert m.status == "withheld"
        assert "not flat" in m.reason
        assert np.isnan([m.value, m.low, m.high, m.on_copies, m.on_movie]).all()
    assert result.further == {}
    assert result.classes == []
    assert result.recommended == []
    assert result.search is None
    save_validation(result, tmp_path)
    read = json.loads((tmp_path / "validate.json").read_text())
    assert read["scores"]["recall"]["value"] is None
    assert read["further_scores"] == {}


def test_too_few_particles(tmp_path):
    stack, _ = movie(n=2, n_frames=6)
    result = validate_pipeline(stack, Plan.from_options(LEVEL, DETECT, None), effort=SMALL)
    assert "could be cut out" in result.withheld[0]
    assert result.measures["recall"].status == "withheld"
    save_validation(result, tmp_path)


@pytest.fixture(scope="module")
def searched():
    stack, _ = movie(n=8, n_frames=30, step_nm=5.0, seed=2)
    plan = Plan.from_options(
        LEVEL, f"frame_quality;{DETECT};particle_tracking:max_distance_nm=7;diffusion", None
    )
    told = []
    result = validate_pipeline(
        stack, plan, effort=Effort(2, 30, (1.0, 3.0)), progress=lambda *step: told.append(step)
    )
    return result, told


@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
def test_a_short_search_range_is_recommended_to_grow(searched):
    result, _ = searched
    assert result.search.sensitivities[0].parameter == "max_distance_nm"
    change = next(c for c in result.recommended if c["parameter"] == "max_distance_nm")
    assert (change["yours"], change["recommended"]) == (7.0, 21.0)
    assert min(result.search.gains["others"]) > 0.03
    assert result.motion.needed_range_nm > 8
    d = next(s for s in result.measurements if (s.module, s.name) == ("diffusion", "D"))
    assert d.bias < -0.1
    assert d.n_copies == 2


@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
def test_files_and_progress(searched, tmp_path):
    result, told = searched
    paths = save_validation(result, tmp_path)
    read = json.loads(paths[0].read_text())
    assert read["method"] == "replanting"
    assert read["scores"]["recall"]["value"] == result.measures["recall"].value
    assert read["recommended"] == result.recommended
    assert all(figure["agrees"] for figure in read["figures"])
    assert paths[1].read_text().splitlines()[0] == "score,value,low,high,unit,status,reason"
    with Image.open(paths[2]) as picture:
        assert min(picture.size) > 400
    whats = {what for what, _, _ in told}
    assert {"movie analysed", "copies analysed", "parameters tried", "settings tried"} <= whats
    for what in whats:
        assert any(w == what and done == total for w, done, total in told)


def test_detection_alone_and_the_same_seed():
    stack, _ = movie(n_frames=14)
    plan = Plan.from_options(LEVEL, DETECT, None)
    first, second = (validate_pipeline(stack, plan, effort=SMALL, seed=5) for _ in range(2))
    assert json.dumps(first.to_dict()) == json.dumps(second.to_dict())
    assert set(first.measures) == {"recall", "precision", "height_bias_nm"}
    assert first.motion is None


def test_a_pipeline_that_finds_nothing(tmp_path):
    stack, _ = movie(n_frames=14)
    out = validate_pipeline(stack, Plan.from_options(LEVEL, DETECT.replace("1.5", "400"), None), effort=SMALL)
    assert out.measures["recall"].value == 0
    assert out.measures["precision"].status == "undefined"
    assert out.measures["height_bias_nm"].status == "undefined"
    save_validation(out, tmp_path)


def test_what_cannot_be_validated():
    stack, _ = movie(n_frames=8)
    with pytest.raises(ParameterError, match="detects"):
        validate_pipeline(stack, Plan.from_options(LEVEL, "count_nonzero", None), effort=SMALL)
    blank = AFMImageStack(np.zeros((4, 32, 32)), 1.0, "height", "blank.npy")
    with pytest.raises(StackError, match="no frame"):
        validate_pipeline(blank, Plan.from_options(LEVEL, DETECT, None), effort=SMALL)
    volts = AFMImageStack(stack.data, 1.0, "phase", "phase.npy", unit="deg")
    with pytest.raises(StackError, match="only movies of heights"):
        validate_pipeline(volts, Plan.from_options(LEVEL, DETECT, None), effort=SMALL)
    with pytest.raises(ParameterError, match="move pixels"):
        validate_pipeline(stack, Plan.from_options(f"{LEVEL};vertical_flip", DETECT, None), effort=SMALL)
