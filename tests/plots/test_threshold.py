"""The number of detections against the threshold."""

import warnings

import numpy as np
import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import PlayNanoWarning
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.threshold import draw_threshold, threshold_curve


def analysed(stack, steps):
    """A record; that a threshold leaves nothing is no fault here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlayNanoWarning)
        return AnalysisPipeline().add_steps(steps).run(stack)


def curve_of(stack, steps):
    record = analysed(stack, steps)
    return threshold_curve(AnalysedMovie.of(stack, record)), record


def detections(stack, steps):
    record = analysed(stack, steps)
    table = next(iter(record["analysis"].values()))["table"]
    return np.bincount(table["frame"], minlength=stack.n_frames)


@pytest.mark.parametrize(
    ("step", "parameter", "used"),
    [
        ("feature_detection:mask_fn=mask_threshold,min_size=4,threshold={}", "threshold", 1.0),
        ("feature_detection:mask_fn=mask_below_threshold,min_size=4,threshold={}", "threshold", -0.05),
        (
            "feature_detection:mask_fn=mask_morphological,structure_size=2,remove_edge=false,threshold={}",
            "threshold",
            2.0,
        ),
        ("feature_detection:mask_fn=mask_mean_offset,min_size=4,factor={}", "factor", 1.5),
        ("feature_detection:mask_fn=mask_adaptive,min_size=4,offset={}", "offset", 0.6),
        (
            "feature_detection:mask_fn=mask_local_height,window_px=16,min_size=4,height_nm={}",
            "height_nm",
            1.2,
        ),
        ("peak_detection:min_prominence_nm=0,min_height_nm={}", "min_height_nm", 2.0),
        ("log_blob_detection:max_sigma=3,threshold={}", "threshold", 0.3),
    ],
)
def test_the_curve_is_what_the_detector_finds_at_each_threshold(make_stack, step, parameter, used):
    stack = make_stack()
    curve, record = curve_of(stack, step.format(used))
    assert curve.in_effect.tolist() == [used]
    assert used in curve.thresholds
    assert (np.diff(curve.thresholds) > 0).all()
    frames = [0, 2, 3, 5] if "blob" in step else list(range(6))
    if "blob" not in step:
        for index in range(0, len(curve.thresholds), 5):
            value = repr(float(curve.thresholds[index]))
            if float(value) >= 0 or "peak" not in step:
                expected = detections(stack, step.format(value))
                np.testing.assert_array_equal(curve.counts[index], expected, err_msg=value)
    table = next(iter(record["analysis"].values()))["table"]
    expected = np.bincount(table["frame"], minlength=6)[frames]
    np.testing.assert_array_equal(curve.counts[curve.thresholds == used][0], expected)
    assert len(np.unique(curve.counts.mean(axis=1))) > 1


@pytest.mark.parametrize("mask", ["mask_otsu", "mask_li", "mask_triangle", "mask_multi_otsu"])
def test_thresholds_by_frame_are_those_of_the_mask(make_stack, mask):
    from skimage import filters

    stack = make_stack()
    curve, _ = curve_of(stack, f"feature_detection:mask_fn={mask},min_size=4")
    if mask == "mask_multi_otsu":
        thresholds = [filters.threshold_multiotsu(frame, classes=3, nbins=256)[0] for frame in stack.data]
    else:
        thresholds = [getattr(filters, mask.replace("mask", "threshold"))(frame) for frame in stack.data]
    assert len(curve.in_effect) == 6
    # As good as the pixels tell: none lies between the two values.
    for frame, value, expected in zip(stack.data, curve.in_effect, thresholds, strict=True):
        np.testing.assert_array_equal(frame > value, frame > expected)


def test_ten_frames_are_counted(make_stack, make_spots):
    curve, _ = curve_of(make_stack(make_spots((25, 32, 40))[0]), "feature_detection:threshold=1")
    assert curve.counts.shape[1] == 10


@pytest.mark.parametrize("steps", ["frame_quality", "count_nonzero"])
def test_no_threshold_no_curve(make_stack, steps):
    assert curve_of(make_stack(), steps)[0] is None


def test_masks_of_a_function_have_no_curve(make_stack):
    stack, pipeline = make_stack(), AnalysisPipeline()
    pipeline.add("feature_detection", mask_fn=lambda frame: frame > 1)
    assert threshold_curve(AnalysedMovie.of(stack, pipeline.run(stack))) is None


@pytest.mark.parametrize(
    "steps",
    [
        "feature_detection:threshold=1",
        "feature_detection",
        "log_blob_detection",
        "peak_detection",
        "peak_detection:min_height_nm=1",
    ],
)
@pytest.mark.parametrize("level", [np.nan, 0.0, 450.0])
def test_movies_that_show_nothing(make_stack, steps, level):
    """No figure, or an empty one, but no failure."""
    curve, _ = curve_of(make_stack(np.full((3, 16, 16), level)), steps)
    if curve is not None:
        assert curve.counts.max() <= 1
        draw_threshold(curve, make_stack()).draw_without_rendering()
    else:
        assert np.isnan(level) or ":" not in steps


def test_the_figure_marks_the_value_in_effect(make_stack):
    stack = make_stack(unit="deg", channel="phase")
    curve, _ = curve_of(stack, "feature_detection:threshold=1")
    figure = draw_threshold(curve, stack)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "threshold: phase (deg)"
    assert axes.get_ylabel() == "regions per frame"
    assert axes.get_legend_handles_labels()[1] == ["minimum to maximum", "mean of 6 frames", "in effect: 1"]
    marked = next(line for line in axes.lines if line.get_label() == "in effect: 1")
    assert marked.get_xdata() == [1.0, 1.0]
    mean = next(line for line in axes.lines if line.get_label() == "mean of 6 frames")
    np.testing.assert_array_equal(mean.get_ydata(), curve.counts.mean(axis=1))
    figure.draw_without_rendering()
    legend = axes.get_legend().get_window_extent()
    assert legend.y1 < axes.get_window_extent().y0
    assert legend.y0 >= 0


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("unit", ["nm", "deg"])
@pytest.mark.parametrize("module", ["feature_detection", "log_blob_detection", "peak_detection"])
def test_thresholds_found_from_the_movie_have_a_curve(make_stack, make_spots, module, sign, unit):
    """At the threshold in effect the curve has the number of detections, with objects above and below."""
    stack = make_stack(sign * make_spots((4, 64, 64), noise=0.1)[0], unit=unit)
    curve, record = curve_of(stack, module)
    table = record["analysis"][f"step_1_{module}"]["table"]
    expected = np.bincount(table["frame"], minlength=4)
    assert expected.min() == 3
    assert len(curve.in_effect) == 1
    np.testing.assert_array_equal(curve.counts[curve.thresholds == curve.in_effect[0]][0], expected)
    assert curve.counts[0].sum() >= expected.sum()
    assert curve.counts[-1].sum() <= 1
