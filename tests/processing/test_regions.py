"""Masks and crops of regions of interest, in movies as recorded and in cropped ones, and their record."""

import dask.array
import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.core.roi import RegionOfInterest
from playNano.core.roi_files import write_rois
from playNano.errors import ParameterError, StepError
from playNano.processing.pipeline import ProcessingPipeline
from playNano.processing.regions import mask_roi

SIZE = (2.0, 1.25)
DISC = RegionOfInterest("disc", "ellipse", ((20.3, 10.2), (50.1, 32.7)))
LINE = RegionOfInterest("axis", "line", ((20.0, 10.0), (51.0, 33.0)))
CUT = {"crop": {"y": 5, "x": 4, "height": 24, "width": 30}}


def stack_of(lazy=False):
    data = np.random.default_rng(3).normal(size=(6, 30, 40)).astype(np.float32)
    return AFMImageStack(
        dask.array.from_array(data, chunks=(2, 30, 40)) if lazy else data, SIZE, "h", "m.npy"
    )


def run(*steps, lazy=False):
    stack = stack_of(lazy)
    ProcessingPipeline(stack).add_steps(list(steps)).run(block_frames=2)
    return stack


@pytest.fixture
def file(tmp_path):
    write_rois(tmp_path / "r.yaml", [DISC, LINE])
    return tmp_path / "r.yaml"


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a_mask_after_a_crop_marks_the_same_places(file, lazy, where):
    text = f"mask_roi:region={file}#disc,where={where}"
    whole, part = run(text, lazy=lazy), run(CUT, text, lazy=lazy)
    (expected,), (mask,) = whole.masks.values(), part.masks.values()
    expected, mask = np.asarray(expected), np.asarray(mask)
    inside = DISC.mask((30, 40), SIZE)
    np.testing.assert_array_equal(expected, np.broadcast_to(inside == (where == "inside"), (6, 30, 40)))
    np.testing.assert_array_equal(mask, expected[:, 5:29, 4:34])
    assert 100 < inside.sum() < 400


def test_masked_pixels_take_no_part_in_a_fit(file):
    stack = stack_of()
    stack.data[:, DISC.mask((30, 40), SIZE)] += 100
    ProcessingPipeline(stack).add_steps([f"mask_roi:region={file}#disc", "zero_mean"]).run()
    assert abs(stack.data[:, ~DISC.mask((30, 40), SIZE)].mean()) < 1e-5


@pytest.mark.parametrize("lazy", [False, True])
def test_a_crop_in_a_shape(file, lazy):
    stack = run(CUT, f"crop_roi:region={file}#disc,outside=nan", lazy=lazy)
    inside = DISC.mask((30, 40), SIZE)
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    expected = np.where(inside, stack_of().data, np.nan)[:, box[0], box[1]]
    np.testing.assert_array_equal(np.asarray(stack.data), expected)
    assert stack.origin_nm == (rows[0] * 2.0, columns[0] * 1.25)
    kept = run(f"crop_roi:region={file}#disc", lazy=lazy)
    np.testing.assert_array_equal(np.asarray(kept.data), stack_of().data[:, box[0], box[1]])


def test_a_crop_around_a_line(file):
    stack = run(f"crop_roi:region={file}#axis")
    np.testing.assert_array_equal(stack.data, stack_of().data[:, 10:27, 8:28])
    with pytest.raises(StepError, match="'axis' is a line"):
        run(f"crop_roi:region={file}#axis,outside=nan")


def test_a_crop_beyond_the_frames():
    region = {"name": "b", "shape": "box", "points_nm": [[-10, 0], [20, 20]]}
    with pytest.warns(UserWarning, match="a part of the region 'b' lies outside the frames"):
        stack = run({"crop_roi": {"region": region}})
    assert stack.data.shape == (6, 10, 16)
    region["points_nm"] = [[-10, 0], [-2, 20]]
    with pytest.raises(StepError, match="no pixel of the frames lies in the region 'b'"):
        run({"crop_roi": {"region": region}})


def test_the_record_holds_the_points_and_replays_without_the_file(file):
    stack = run(f"mask_roi:region={file}#disc", "zero_mean", "clear_mask", f"crop_roi:region={file}#disc")
    steps = stack.provenance["processing"]["steps"]
    assert steps[0]["params"]["region"] == DISC.to_dict() == steps[3]["params"]["region"]
    file.unlink()
    again = stack_of()
    ProcessingPipeline(again).add_steps(steps).run()
    np.testing.assert_array_equal(again.data, stack.data)


def test_wrong_regions_are_refused_before_the_movie_is_read(file):
    with pytest.raises(ParameterError, match=r"'region' must be.*no region 'disk'"):
        ProcessingPipeline().add_mask("mask_roi", region=f"{file}#disk")
    with pytest.raises(ParameterError, match="'axis' is a line, which has no area"):
        ProcessingPipeline().add_mask("mask_roi", region=f"{file}#axis")
    with pytest.raises(ParameterError, match="give the geometry"):
        mask_roi(np.zeros((3, 3)), region=DISC)


def test_a_region_in_px_counts_from_the_frames_of_the_step():
    region = RegionOfInterest("p", "box", ((0, 0), (3, 4)), "px")
    (mask,) = run(CUT, {"mask_roi": {"region": region}}).masks.values()
    expected = np.zeros((24, 30), bool)
    expected[:3, :4] = True
    np.testing.assert_array_equal(mask[0], expected)
