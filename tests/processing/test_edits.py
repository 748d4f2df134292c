"""Edits change pixels, times, places, pixel size and scan together."""

import numpy as np
import pytest
from scipy import ndimage

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.scan import ScanGeometry
from playNano.errors import ParameterError, PlayNanoError, PlayNanoWarning, StackError, StepError
from playNano.processing.pipeline import ProcessingPipeline

SHAPE = (40, 60)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]


def movie(n=6, *, lazy=False, times=True, alternating=False, pixel=(2.0, 1.0), data=None):
    """Return a movie whose pixels tell their frame, row and column."""
    pixels = np.stack([1e4 * k + 100.0 * ROWS + COLUMNS for k in range(n)]) if data is None else data
    if lazy:
        import dask.array

        pixels = dask.array.from_array(pixels, chunks=(2, -1, -1))
    scan = ScanGeometry(SHAPE[0], 0.01, 0.5, "down", alternating=alternating, trace="trace")
    entries = [{"timestamp": 0.5 * k} for k in range(len(pixels))] if times else None
    return AFMImageStack(pixels, pixel, "height", "movie.asd", entries, scan=scan)


def edited(stack, steps):
    ProcessingPipeline(stack).add_steps(steps).run()
    return stack


@pytest.fixture(params=[False, True], ids=["eager", "lazy"])
def lazy(request):
    return request.param


def values(stack):
    return np.asarray(stack.data)


def test_frames_keep_their_times(lazy):
    stack = edited(movie(lazy=lazy), [{"drop_frames": {"frames": "1,3"}}])
    assert (values(stack)[:, 0, 0] // 1e4).tolist() == [0, 2, 4, 5]
    assert stack.get_frame_times() == [0.0, 1.0, 2.0, 2.5]
    assert np.asarray(stack.processed["raw"]).shape[0] == 4
    assert stack.provenance["processing"]["steps"][0]["frames"] == [0, 2, 4, 5]


def test_frames_without_times_keep_their_numbers():
    stack = edited(movie(times=False), "select_frames:frames=1:6:2;drop_final_frames")
    assert not stack.has_times
    assert stack.get_frame_times() == [1.0, 3.0]


def test_an_alternating_scan_keeps_the_direction_of_its_frames():
    whole = movie(alternating=True)
    stack = edited(movie(alternating=True), [{"drop_frames": {"frames": [0, 1, 3]}}, "drop_frames:frames=0"])
    kept = [4, 5]
    rows = np.array([3.0, 3.0])
    np.testing.assert_allclose(stack.detection_times([0, 1], rows), whole.detection_times(kept, rows))


@pytest.mark.parametrize("frames", ["2:9", "7", "-9", "3:3", [2, 6]])
def test_frames_that_do_not_exist_are_refused(frames):
    with pytest.raises(StepError, match=r"movie.asd, step 1 \(select_frames\)"):
        edited(movie(), [{"select_frames": {"frames": frames}}])


def test_names_and_parameters_of_the_published_program():
    for step in (
        {"drop_frames": {"indices_to_drop": [0, 5]}},
        {"select_frames": {"keep_indices": [4, 1, 2, 3]}},
    ):
        assert (values(edited(movie(), [step]))[:, 0, 0] // 1e4).tolist() == [1, 2, 3, 4]
    stack = edited(movie(), "drop_frame_range:start=1,end=3;drop_final_frames:n_frames_to_drop=2")
    assert (values(stack)[:, 0, 0] // 1e4).tolist() == [0, 3]
    with pytest.raises(StepError, match="one of both"):
        edited(movie(), "drop_frames")


def test_places_and_times_of_a_crop_are_those_of_the_movie_as_recorded(lazy):
    stack = edited(movie(lazy=lazy), "crop:y=20,x=10,height=40,width=30,unit=nm")
    assert stack.image_shape == (20, 30)
    assert stack.origin_nm == (20.0, 10.0)
    assert values(stack)[0, 0, 0] == 100 * 10 + 10
    np.testing.assert_allclose(stack.detection_times([1], [5.0]), movie().detection_times([1], [15.0]))
    same = edited(movie(), "crop:y=10,x=10,height=20,width=30")
    np.testing.assert_array_equal(same.data, values(stack))


@pytest.mark.parametrize(
    "box",
    ["y=30,x=0,height=20,width=5", "y=-1,x=0,height=5,width=5", "y=0.5,x=0,height=5,width=5",
     "y=0.5,x=0,height=0.5,width=5,unit=nm"],
)  # fmt: skip
def test_a_crop_outside_the_frame_is_refused(box):
    with pytest.raises(StepError, match=r"step 1 \(crop\)"):
        edited(movie(), f"crop:{box}")


def test_a_crop_after_a_flip_cuts_the_raw_movie_at_the_same_place():
    for steps in (
        ["vertical_flip;crop:y=0,x=0,height=5,width=7"],
        ["vertical_flip", "crop:y=0,x=0,height=5,width=7"],
    ):
        stack = movie()
        for step in steps:
            edited(stack, step)
        np.testing.assert_array_equal(stack.processed["raw"], stack.data)
        assert stack.data[0, 0, 0] == 100 * 39
        np.testing.assert_allclose(stack.detection_times([0], [0.0]), movie().detection_times([0], [39.0]))
        before = stack.scan
        stack.restore_raw()
        assert stack.scan == before


def test_flips_and_turns_of_a_crop_know_the_lines():
    stack = edited(movie(), "crop:y=4,x=0,height=10,width=60;flip:axis=y;flip:axis=x;rotate:angle_deg=180")
    np.testing.assert_array_equal(stack.data, movie().data[:, 4:14])
    np.testing.assert_allclose(
        stack.detection_times([2, 2], [0.0, 9.0]), movie().detection_times([2, 2], [4.0, 13.0])
    )
    assert stack.scan == ScanGeometry(40, 0.01, 0.5, "down", trace="trace", first_line=4.0)
    assert edited(movie(), "flip:axis=x").scan.trace == "retrace"


def test_binned_pixels_lie_where_their_mean_does(lazy):
    stack = edited(movie(lazy=lazy), "bin_pixels:factor=4,columns=3")
    assert stack.image_shape == (10, 20)
    assert stack.pixel_size_nm == (8.0, 3.0)
    assert stack.origin_nm == (3.0, 1.0)
    np.testing.assert_allclose(values(stack)[2], movie().data[2].reshape(10, 4, 20, 3).mean(axis=(1, 3)))
    np.testing.assert_allclose(stack.detection_times([0], [2.0]), movie().detection_times([0], [9.5]))


def test_binning_leaves_out_pixels_without_a_value():
    data = np.full((1, *SHAPE), 5.0)
    data[0, 0, :3] = np.nan
    data[0, 2:4, 2:4] = np.nan
    made = edited(movie(data=data), "bin_pixels").data[0]
    assert made[0, 0] == 5.0
    assert np.isnan(made[1, 1])
    assert np.isnan(made).sum() == 1


def smooth(y, x):
    return 3.0 * np.exp(-((y - 40) ** 2 + (x - 30) ** 2) / (2 * 8.0**2))


def test_square_pixels_show_the_same_heights_at_the_same_places(lazy):
    data = smooth(ROWS * 2.0, COLUMNS * 1.0)[None]
    stack = edited(movie(data=data, lazy=lazy), "resample_square")
    assert stack.pixel_size_nm == 1.0
    assert stack.image_shape == (80, 60)
    rows, columns = np.mgrid[:80, :60]
    y, x = rows + stack.origin_nm[0], columns + stack.origin_nm[1]
    inner = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(values(stack)[0][inner], smooth(y, x)[inner], atol=2e-3)
    np.testing.assert_allclose(stack.detection_times([0], [10.5]), movie().detection_times([0], [5.0]))


def test_a_rotation_is_scipys_and_has_no_lines():
    data = smooth(ROWS, COLUMNS * 1.0 + 5)[None]
    stack = edited(movie(data=data, pixel=1.0), "rotate:angle_deg=30")
    expected = ndimage.rotate(data[0], 30, reshape=False, order=3, cval=np.nan)
    known = np.isfinite(stack.data[0]) & np.isfinite(expected)
    assert known.mean() > 0.7
    known = ndimage.binary_erosion(known, iterations=8)  # the splines differ at the border
    np.testing.assert_allclose(stack.data[0][known], expected[known], atol=1e-4)
    assert not stack.scan.has_line_times
    with pytest.raises(StepError, match="resample_square"):
        edited(movie(), "rotate:angle_deg=30")


def test_a_quarter_turn_keeps_the_centre():
    stack = edited(movie(), "rotate:angle_deg=90")
    np.testing.assert_array_equal(stack.data, np.rot90(movie().data, 1, axes=(1, 2)))
    assert stack.pixel_size_nm == (1.0, 2.0)
    y, x = stack.origin_nm
    assert (y + 59 / 2 * 1.0, x + 39 / 2 * 2.0) == (39.0, 29.5)


def test_pixels_that_are_known_in_all_frames(lazy):
    data = movie().data.copy()
    data[0, :3] = np.nan
    data[4, :, 50:] = np.nan
    stack = edited(movie(data=data, lazy=lazy), "intersection_crop")
    assert stack.image_shape == (37, 50)
    assert stack.origin_nm == (6.0, 0.0)
    assert np.isfinite(values(stack)).all()
    square = edited(movie(data=data, lazy=lazy), [{"crop_square": {"pad": [1, 2]}}])
    assert square.image_shape == (39, 41)
    assert square.origin_nm == (2.0 * (3 - 1), 6 - 2)
    beyond = edited(movie(lazy=lazy), "intersection_crop:pad=2")
    assert beyond.image_shape == (44, 64)
    assert np.isnan(values(beyond)).sum() == 6 * (44 * 64 - 40 * 60)
    assert beyond.origin_nm == (-4.0, -2.0)
    with pytest.warns(PlayNanoWarning, match="no pixel is known"):
        edited(movie(data=np.full((2, *SHAPE), np.nan)), "intersection_crop")


def test_flagged_frames_are_dropped(lazy):
    data = np.random.default_rng(0).normal(size=(6, *SHAPE))
    data[2] = 450.0
    stack = edited(movie(data=data, lazy=lazy), "drop_flagged")
    assert stack.get_frame_times() == [0.0, 0.5, 1.5, 2.0, 2.5]
    assert stack.provenance["processing"]["steps"][0]["dropped"] == [2]


def test_missing_values():
    data = np.array([[[1.0, np.nan, 3.0, 8.0]], [[np.nan, np.nan, 0.0, 1.0]]])
    stack = AFMImageStack(data, 1.0, "height", "movie.asd")
    for step, expected in (
        ("fill_nan", [3.0, 0.5]),
        ("fill_nan:mode=mean", [4.0, 0.5]),
        ("replace_nan", [0.0, 0.0]),
        ("replace_nan:mode=constant,value=7", [7.0, 7.0]),
        ("replace_nan:mode=global_mean", [2.6, 2.6]),
    ):
        ProcessingPipeline(stack).add_steps(step).run()
        np.testing.assert_allclose(stack.data[:, 0, 1], expected)
        assert stack.data[0, 0, 0] == 1.0
        stack.restore_raw()
    with pytest.raises(PlayNanoError, match="value"):
        edited(stack, "fill_nan:mode=constant")


def test_a_mask_in_force_does_not_survive_an_edit():
    with pytest.raises(StepError, match="put clear_mask before it"):
        edited(movie(), "mask_threshold:threshold=3;crop:y=0,x=0,height=5,width=5")
    stack = edited(movie(), "mask_threshold:threshold=3;clear_mask;crop:y=0,x=0,height=5,width=5;mask_otsu")
    assert list(stack.masks) == ["step_4_mask_otsu"]
    assert list(stack.processed) == ["raw", "step_3_crop"]


def test_pixels_of_another_size_are_refused_with_the_steps_to_use():
    stack = movie()
    with pytest.raises(StackError, match="crop, bin_pixels"):
        stack.data = np.zeros((6, 10, 10))
    with pytest.raises(StackError, match="select_frames"):
        stack.data = np.zeros((3, *SHAPE))


def particles(seed=3):
    """Return a movie of particles on noise."""
    rng = np.random.default_rng(seed)
    data = rng.normal(0, 0.05, (8, *SHAPE))
    for k in range(8):
        for y, x in ((10, 15), (27, 42), (30, 12), (14, 51)):
            data[k] += 4.0 * np.exp(-((ROWS - y - 0.2 * k) ** 2 + (COLUMNS - x) ** 2) / (2 * 2.0**2))
    return data


def test_detections_and_tracks_of_a_part_are_those_of_the_whole():
    modules = [{"feature_detection": {"mask_fn": "mask_threshold", "threshold": 1.0}}, "particle_tracking"]
    whole, part = movie(data=particles()), movie(data=particles())
    edited(part, "drop_frames:frames=3;crop:y=1,x=22,height=39,width=38")
    tables = []
    for stack in (whole, part):
        record = AnalysisPipeline().add_steps(modules).run(stack)
        found, tracked = record["analysis"].values()
        tables.append((found["table"], tracked["table"]))
    names = ["time_s", "frame_time_s", "y_nm", "x_nm", "y_weighted_nm", "height_nm", "volume_nm3", "area_nm2"]
    for first, second in zip(*tables, strict=True):
        inside = first[(first["x_nm"] > 25) & (first["frame"] != 3)].sort_values(["time_s", "x_nm"])
        np.testing.assert_allclose(inside[names], second.sort_values(["time_s", "x_nm"])[names], rtol=1e-9)
    assert tables[1][1]["track_id"].nunique() == 2


def test_a_wrong_parameter_is_refused_before_anything_runs():
    with pytest.raises(ParameterError, match="width"):
        ProcessingPipeline().add_filter("crop", y=0, x=0, height=3, width=0)
    for frames in ("x", "1:2:3:4", "1-3", ""):
        with pytest.raises(ParameterError, match="'frames' must be"):
            ProcessingPipeline().add_filter("select_frames", frames=frames)
    with pytest.raises(ParameterError, match="axis"):
        ProcessingPipeline().add_filter("flip", axis="z")


def test_the_raw_movie_keeps_its_edits():
    stack = edited(movie(), "zero_mean;crop:y=10,x=10,height=20,width=30;zero_median")
    stack.restore_raw()
    np.testing.assert_array_equal(stack.data, movie().data[:, 10:30, 10:40])
    assert [(s["index"], s["name"]) for s in stack.provenance["processing"]["steps"]] == [(1, "crop")]
    assert stack.origin_nm == (20.0, 10.0)
