"""Feature detection, against scikit-image."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import remove_small_holes
from skimage.segmentation import clear_border

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.core.scan import ScanGeometry
from playNano.errors import MissingInputError, ParameterError, StepError, UnknownNameError

KEYS = {"frame_timestamp", "label", "area", "min", "max", "mean", "bbox", "centroid"}


def detect(stack, previous=None, **params):
    return FeatureDetectionModule().run(stack, previous, **params)


def bumpy(shape=(4, 30, 41), seed=0):
    """Return a movie with many irregular regions above 0.5, some with holes, some at the edge."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, (0, 1.3, 1.3)) * 4).astype(np.float32)


def expected(frame, mask, min_size, remove_edge):
    """Find features by scikit-image."""
    labels = label(mask, connectivity=2)
    sizes = np.bincount(labels.ravel())
    if remove_edge:
        labels = clear_border(labels)
    kept = np.where(sizes[labels] >= min_size, labels, 0)
    # Numbered in raster order without gaps, as `label` numbers what stays.
    labels = label(kept > 0, connectivity=2)
    return labels, regionprops(labels, intensity_image=frame)


@pytest.mark.parametrize("min_size", [0, 1, 10, 30])
@pytest.mark.parametrize("remove_edge", [True, False])
def test_equals_scikit_image(make_stack, min_size, remove_edge):
    stack = make_stack(bumpy())
    out = detect(stack, mask_fn="mask_threshold", threshold=0.5, min_size=min_size, remove_edge=remove_edge)
    total = 0
    for index, frame in enumerate(stack.data):
        labels, regions = expected(frame, frame > 0.5, min_size, remove_edge)
        np.testing.assert_array_equal(out["labeled_masks"][index], labels)
        features = out["features_per_frame"][index]
        assert [f["label"] for f in features] == [r.label for r in regions]
        assert [f["area"] for f in features] == [r.area for r in regions]
        assert [f["bbox"] for f in features] == [r.bbox for r in regions]
        for feature, region in zip(features, regions, strict=True):
            assert feature["centroid"] == pytest.approx(region.centroid)
            values = [region.intensity_min, region.intensity_max, region.intensity_mean]
            assert [feature[k] for k in ("min", "max", "mean")] == pytest.approx(values, rel=1e-5)
            assert feature["frame_timestamp"] == 0.5 * index
        total += len(regions)
    assert total > 4
    average = total / 4
    assert out["summary"] == {
        "total_frames": 4,
        "total_features": total,
        "avg_features_per_frame": average,
        "avg_per_frame": average,
    }


def test_features_are_plain(make_stack):
    out = detect(make_stack(), threshold=1.0)
    assert len(out["features_per_frame"]) == 6
    feature = out["features_per_frame"][0][0]
    assert set(feature) >= KEYS
    kinds = {
        "label": int,
        "area": int,
        "min": float,
        "bbox": tuple,
        "centroid": tuple,
        "frame_timestamp": float,
    }
    assert {key: type(feature[key]) for key in kinds} == kinds
    assert [type(v) for v in feature["bbox"]] == [int] * 4
    assert out["labeled_masks"].dtype.kind == "i"


def test_positions_of_known_particles(make_stack, make_spots):
    _, truth = make_spots()
    out = detect(make_stack(), threshold=1.0)
    for frame, features in enumerate(out["features_per_frame"]):
        centroids = sorted(f["centroid"] for f in features)
        assert np.array(centroids) == pytest.approx(np.array(sorted(map(tuple, truth[:, frame]))), abs=0.4)


def test_regions_that_touch_at_a_corner_are_one(make_stack):
    data = np.zeros((1, 9, 9))
    data[0, 2:4, 2:4] = data[0, 4:6, 4:6] = 1
    assert [
        f["area"] for f in detect(make_stack(data), threshold=0.5, min_size=1)["features_per_frame"][0]
    ] == [8]


@pytest.mark.filterwarnings("ignore:.*no detections")
def test_a_region_of_exactly_the_minimum_area_stays(make_stack):
    data = np.zeros((1, 9, 9))
    data[0, 2:4, 2:7] = 1
    stack = make_stack(data)
    assert detect(stack, threshold=0.5)["summary"]["total_features"] == 1
    assert detect(stack, threshold=0.5, min_size=11)["summary"]["total_features"] == 0


@pytest.mark.filterwarnings("ignore:.*no detections")
@pytest.mark.parametrize("edge", [np.s_[0, 3:6], np.s_[-1, 3:6], np.s_[3:6, 0], np.s_[3:6, -1]])
def test_every_edge(make_stack, edge):
    data = np.zeros((1, 9, 9))
    data[0][edge] = 1
    stack = make_stack(data)
    assert detect(stack, threshold=0.5, min_size=1)["summary"]["total_features"] == 0
    assert detect(stack, threshold=0.5, min_size=1, remove_edge=False)["summary"]["total_features"] == 1


def test_holes(make_stack):
    pytest.importorskip("skimage", minversion="0.26", reason="the oracle was called otherwise")
    stack = make_stack(bumpy())
    whole = detect(stack, threshold=0.2, remove_edge=False, fill_holes=True, min_size=1)
    small = detect(stack, threshold=0.2, remove_edge=False, fill_holes=True, hole_area=6, min_size=1)
    for index, frame in enumerate(stack.data):
        filled = ndimage.binary_fill_holes(frame > 0.2)
        np.testing.assert_array_equal(whole["labeled_masks"][index] > 0, filled)
        fewer = remove_small_holes(frame > 0.2, max_size=5)
        np.testing.assert_array_equal(small["labeled_masks"][index] > 0, fewer)


def test_a_mask_function(make_stack):
    stack = make_stack()

    def above(frame, level=1.0):
        return frame > level

    by_function = detect(stack, mask_fn=above)
    assert by_function["features_per_frame"] == detect(stack, threshold=1.0)["features_per_frame"]
    higher = detect(stack, mask_fn=above, level="3")
    assert higher["features_per_frame"] == detect(stack, threshold=3.0)["features_per_frame"]
    assert detect(stack, mask_fn=lambda frame: frame > 1)["summary"] == by_function["summary"]


def test_a_mask_function_may_work_in_place(make_stack):
    stack = make_stack()
    before = stack.data.copy()

    def careless(frame):
        frame -= 1
        return frame > 0

    assert detect(stack, mask_fn=careless)["summary"]["total_features"] > 0
    np.testing.assert_array_equal(stack.data, before)


@pytest.mark.parametrize("name", ["mask_threshold", "threshold_mask"])
def test_names_of_the_threshold(make_stack, name):
    stack = make_stack()
    named = detect(stack, mask_fn=name, threshold=1)
    assert named["features_per_frame"] == detect(stack, threshold=1)["features_per_frame"]


@pytest.mark.parametrize(
    ("mask", "params"),
    [
        ("mask_mean_offset", {"factor": 1.5}),
        ("mask_adaptive", {"block_size": 11, "offset": 0.5}),
        ("mask_morphological", {"threshold": 1.0, "structure_size": 3}),
        ("mask_below_threshold", {"threshold": -0.05}),
    ],
)
def test_every_registered_mask(make_stack, mask, params):
    import playNano.processing.masks as masks

    stack = make_stack()
    out = detect(stack, mask_fn=mask, min_size=1, remove_edge=False, **params)
    np.testing.assert_array_equal(out["labeled_masks"] > 0, getattr(masks, mask)(stack.data, **params))


def test_a_stored_mask(make_stack):
    stack = make_stack()
    masks = stack.data > 1
    reference = detect(stack, threshold=1)["features_per_frame"]
    assert detect(stack, {"masks": masks}, mask_key="masks")["features_per_frame"] == reference
    results = {"other": {"n": 1}, "segmentation": {"masks": masks}}
    assert detect(stack, results, mask_key="masks")["features_per_frame"] == reference


def test_a_mask_that_is_not_there(make_stack):
    with pytest.raises(MissingInputError, match="mask_key 'masks'"):
        detect(make_stack(), {"other": {"n": 1}}, mask_key="masks")
    with pytest.raises(RuntimeError, match="mask_key 'masks'"):
        detect(make_stack(), None, mask_key="masks")


@pytest.mark.parametrize(
    "mask", [np.zeros((6, 32, 40)), np.zeros((5, 32, 40), bool), np.zeros((32, 40), bool)]
)
def test_a_stored_mask_of_another_kind(make_stack, mask):
    with pytest.raises(ParameterError, match=r"must be a bool array of shape \(6, 32, 40\)"):
        detect(make_stack(), {"masks": mask}, mask_key="masks")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"separate": "watershed"}, ParameterError, "separate applies to masks"),
        ({"mask_fn": "mask_threshold", "mask_key": "m"}, ParameterError, "not both"),
        ({"mask_fn": "mask_treshold"}, UnknownNameError, "did you mean 'mask_threshold'"),
        ({"mask_fn": "remove_plane"}, ParameterError, "'remove_plane' is a filter, not a mask"),
        ({"mask_fn": 3}, ParameterError, "'mask_fn'"),
        ({"mask_fn": "mask_threshold", "treshold": 1}, ParameterError, "did you mean 'threshold'"),
        ({"mask_fn": "mask_threshold", "min_siz": 1}, ParameterError, "did you mean 'min_size'"),
        (
            {"mask_fn": lambda frame: frame > 0, "level": 2},
            ParameterError,
            "unknown parameter 'level'",
        ),
        ({"mask_key": "m", "threshold": 2}, ParameterError, "unknown parameter 'threshold'"),
        ({"threshold": 1, "min_size": -1}, ParameterError, "'min_size' must be int >= 0"),
        ({"threshold": 1, "min_size": 2.5}, ParameterError, "'min_size'"),
        ({"threshold": 1, "remove_edge": 3}, ParameterError, "'remove_edge'"),
        ({"threshold": 1, "hole_area": 5}, ParameterError, "hole_area needs fill_holes"),
        ({"threshold": 1, "fill_holes": True, "hole_area": 0}, ParameterError, "'hole_area'"),
    ],
)
def test_wrong_parameters(make_stack, params, error, message):
    with pytest.raises(error, match=message):
        detect(make_stack(), {"m": np.zeros((6, 32, 40), bool)}, **params)


def test_a_mask_function_that_fails_names_the_frame(make_stack):
    data = np.zeros((5, 4, 4))
    data[3] = 1

    def fail(frame):
        if frame.any():
            raise ZeroDivisionError("light")
        return frame > 0

    with pytest.raises(
        StepError, match=r"movie\.asd: mask function on frame 3 failed: ZeroDivisionError: light"
    ):
        detect(make_stack(data), mask_fn=fail)


@pytest.mark.parametrize("mask_fn", [lambda frame: frame, lambda frame: frame[1:] > 0, lambda frame: True])
def test_a_mask_function_of_another_kind(make_stack, mask_fn):
    with pytest.raises(ParameterError, match=r"frame 0 must return bool of shape \(32, 40\)"):
        detect(make_stack(), mask_fn=mask_fn)


@pytest.mark.filterwarnings("ignore:.*no detections")
def test_no_features_and_no_frames(make_stack):
    nothing = detect(make_stack(np.zeros((3, 9, 9))), threshold=1)
    assert nothing["features_per_frame"] == [[], [], []]
    assert not nothing["labeled_masks"].any()
    assert nothing["summary"]["avg_per_frame"] == 0
    empty = detect(make_stack(np.zeros((0, 9, 9))), threshold=1)
    assert empty["features_per_frame"] == []
    assert empty["labeled_masks"].shape == (0, 9, 9)
    assert empty["summary"]["total_frames"] == 0
    assert list(empty["table"].columns) == list(nothing["table"].columns)
    by_function = detect(make_stack(np.zeros((0, 9, 9))), mask_fn=lambda frame: frame > 0)
    assert by_function["features_per_frame"] == []


def test_nan_is_background(make_stack):
    data = make_stack().data.copy()
    data[2, 5:12, 5:12] = np.nan
    data[4] = np.nan
    out = detect(make_stack(data), mask_fn=lambda frame: ~(frame < 1))
    assert not out["labeled_masks"][np.isnan(data)].any()
    assert out["features_per_frame"][4] == []
    assert np.isfinite(out["table"][["mean", "min", "max"]].to_numpy()).all()


def test_lost_frames_are_skipped(make_stack):
    """A lost frame is full of regions above any threshold: unlevelled, noisy, torn."""
    data = make_stack().data.copy()
    noise = np.random.default_rng(3).normal(size=data.shape[1:])
    data[2] = 8 * ndimage.gaussian_filter(noise, 1.5) + np.linspace(-0.5, 0.5, data.shape[2])
    stack = make_stack(data)
    usable = np.array([True, True, False, True, True, True])
    every = detect(stack, threshold=1.0, min_size=3)
    seen = detect(stack, {"frame_quality": {"usable": usable}}, threshold=1.0, min_size=3)
    assert len(every["features_per_frame"][2]) > 3
    assert seen["features_per_frame"][2] == []
    assert not seen["labeled_masks"][2].any()
    np.testing.assert_array_equal(seen["observed"], usable)
    expected = every["table"][every["table"]["frame"] != 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(seen["table"], expected)
    np.testing.assert_array_equal(seen["labeled_masks"][usable], every["labeled_masks"][usable])
    stored = {"frame_quality": {"usable": usable}, "masks": data > 1.0}
    by_key = detect(stack, stored, mask_key="masks", min_size=3)
    pd.testing.assert_frame_equal(by_key["table"], expected)


def test_integers(make_stack):
    data = np.round(make_stack().data * 10).astype(np.int16)
    ints, floats = (
        detect(make_stack(data), threshold=9.5),
        detect(make_stack(data.astype(float)), threshold=9.5),
    )
    np.testing.assert_array_equal(ints["labeled_masks"], floats["labeled_masks"])
    for a, b in zip(ints["features_per_frame"][0], floats["features_per_frame"][0], strict=True):
        assert a["mean"] == pytest.approx(b["mean"])


def test_the_table_carries_units(make_stack):
    scan = ScanGeometry(lines=32, line_time_s=0.01, direction="down")
    out = detect(make_stack(pixel_size_nm=(4.0, 2.0), scan=scan), threshold=1.0)
    table = out["table"]
    np.testing.assert_allclose(table["y_nm"], table["y"] * 4)
    np.testing.assert_allclose(table["x_nm"], table["x"] * 2)
    np.testing.assert_allclose(table["area_nm2"], table["area_px"] * 8)
    np.testing.assert_allclose(table["frame_time_s"], table["frame"] * 0.5)
    np.testing.assert_allclose(table["time_s"], table["frame_time_s"] + 0.01 * table["y"])
    feature = out["features_per_frame"][1][0]
    assert feature["area_nm2"] == feature["area"] * 8
    assert feature["time_s"] > feature["frame_timestamp"]


@pytest.mark.filterwarnings("ignore:.*no detections")
def test_limits_in_nm(make_stack):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    table = detect(stack, threshold=1.0)["table"]
    limit = float(table["area_nm2"].median())
    fewer = detect(stack, threshold=1.0, min_area_nm2=limit)["table"]
    assert len(fewer) == (table["area_nm2"] >= limit).sum() < len(table)
    assert detect(stack, threshold=1.0, min_height_nm=100)["summary"]["total_features"] == 0


@pytest.mark.filterwarnings("ignore:.*no detections")
@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(-0.5, 1.5), st.integers(0, 12), st.booleans())
def test_labels_and_table_agree(seed, threshold, min_size, remove_edge):
    data = bumpy((2, 14, 17), seed)
    stack = AFMImageStack(data, 1.0, "c", "f")
    out = detect(stack, threshold=threshold, min_size=min_size, remove_edge=remove_edge)
    for index in range(2):
        labels, features = out["labeled_masks"][index], out["features_per_frame"][index]
        assert [f["label"] for f in features] == list(range(1, len(features) + 1))
        assert [f["area"] for f in features] == np.bincount(labels.ravel(), minlength=1)[1:].tolist()
        assert not (labels[data[index] <= threshold]).any()
        for feature in features:
            where = np.argwhere(labels == feature["label"])
            assert feature["bbox"] == (*where.min(axis=0), *(where.max(axis=0) + 1))
            assert feature["centroid"] == pytest.approx(tuple(where.mean(axis=0)))
