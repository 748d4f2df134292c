"""Figure of the number of detections against the threshold, which shows how much depends on the value in effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.blobs import BlobOptions, find_blobs
from playNano.algorithms.peaks import PeakOptions, find_peaks
from playNano.algorithms.regions import RegionOptions
from playNano.algorithms.segmentation import Levels
from playNano.analysis.detection.automatic import object_options, peak_options
from playNano.analysis.detection.mask_source import StepMask
from playNano.analysis.detection.stored_levels import levels_from
from playNano.analysis.modules.feature_detection import RegionSearch
from playNano.core.stack import Stack
from playNano.core.stack_text import channel_read
from playNano.core.value_units import value_label
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.style import COLUMN_WIDTH_IN, add_axes, figure_style, new_figure
from playNano.processing.steps import step_registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_THRESHOLDS = 24
"""Number of thresholds at which detections are counted."""

_MAX_SLOW_FRAMES = 4
"""Number of frames in which blobs and objects of an automatic segmentation are counted, which take longer."""

_N_SLOW_THRESHOLDS = 12

_HEIGHT_MASKS = {"mask_threshold": "threshold", "mask_morphological": "threshold"}
_LOCAL_MASKS = {"mask_adaptive": "offset", "mask_local_height": "height_nm"}
_MASKS_BY_FRAME = ("mask_otsu", "mask_multi_otsu", "mask_li", "mask_triangle")


@dataclass(frozen=True)
class ThresholdCurve:
    """Number of detections at a range of thresholds.

    Parameters
    ----------
    name
        What is compared with the threshold, with its unit.
    noun
        Plural name of what is counted.
    thresholds
        Thresholds, (n,), increasing.
    counts
        Number of detections, (n, k), in each of k frames.
    in_effect
        The threshold in effect, (1,), or that of each frame where it is found by frame, (k,).
    """

    name: str
    noun: str
    thresholds: npt.NDArray[np.float64]
    counts: npt.NDArray[np.intp]
    in_effect: npt.NDArray[np.float64]


def threshold_curve(movie: AnalysedMovie) -> ThresholdCurve | None:
    """Count the detections in the sampled frames of a movie at a range of thresholds, with all other options as used.

    Parameters
    ----------
    movie
        The movie with its detections.

    Returns
    -------
    ThresholdCurve or None
        None where no single threshold is known: without a detection, for masks of a user's function or of an earlier
        step, for a mask with two thresholds, for matches of a template, and where the movie has no contrast.
    """
    if movie.outputs.get("table") is None or not len(movie.sampled):
        return None
    if "segmentation" in movie.outputs and not np.isfinite(_levels(movie).threshold_nm):
        return None
    params = movie.step.get("params", {})
    curves: dict[str, Callable[[AnalysedMovie, Mapping[str, Any]], ThresholdCurve | None]] = {
        "feature_detection": _of_regions,
        "log_blob_detection": _of_blobs,
        "peak_detection": _of_peaks,
    }
    curve = curves.get(str(movie.step.get("name")))
    return None if curve is None else curve(movie, params)


def draw_threshold(curve: ThresholdCurve, stack: Stack) -> Figure:
    """Draw the number of detections per frame against the threshold, with the value in effect.

    Parameters
    ----------
    curve
        The numbers.
    stack
        The movie, for its name.

    Returns
    -------
    matplotlib.figure.Figure
        One axes, with the legend below it.
    """
    from matplotlib.ticker import StrMethodFormatter

    wide, tall = COLUMN_WIDTH_IN, 2.75
    with figure_style():
        figure = new_figure(wide, tall)
        axes = add_axes(figure, 0.45, 0.3, wide - 0.55, 1.6)
        low, high = curve.counts.min(axis=1), curve.counts.max(axis=1)
        n_frames = curve.counts.shape[1]
        if n_frames > 1:
            axes.fill_between(
                curve.thresholds,
                low,
                high,
                color="#0072b2",
                alpha=0.2,
                linewidth=0,
                label="minimum to maximum",
            )
        mean = f"mean of {n_frames} frames" if n_frames > 1 else "one frame"
        axes.plot(curve.thresholds, curve.counts.mean(axis=1), color="#0072b2", label=mean)
        start, stop = float(curve.in_effect.min()), float(curve.in_effect.max())
        if stop > start:
            text = f"in effect: {start:.3g} to {stop:.3g}, by frame"
            axes.axvspan(start, stop, color="#d55e00", alpha=0.3, linewidth=0, label=text)
        else:
            axes.axvline(start, color="#d55e00", label=f"in effect: {start:.3g}")
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.set_ylim(0, max(1.0, float(high.max()) * 1.3))
        axes.set_xlim(curve.thresholds[0], curve.thresholds[-1])
        axes.set_xlabel(f"threshold: {curve.name}")
        axes.set_ylabel(f"{curve.noun} per frame")
        axes.grid(alpha=0.25, linewidth=0.5)
        figure.text(0.06 / wide, 1 - 0.13 / tall, _heading(stack), va="center", weight="bold")
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(0, -0.24),
            frameon=False,
            ncols=1,
            borderaxespad=0,
            labelspacing=0.2,
        )
    return figure


def _heading(stack: Stack) -> str:
    name = stack.file_path.name
    return f"{name if len(name) <= 40 else name[:18] + ' ... ' + name[-16:]}, {channel_read(stack)}"


def _of_regions(movie: AnalysedMovie, params: Mapping[str, Any]) -> ThresholdCurve | None:
    """Count the regions of a mask."""
    if "segmentation" in movie.outputs:
        return _of_objects(movie, params)
    frames, mask = _frames(movie), params.get("mask_fn")
    # This mask marks pits itself; the others are computed on inverted frames.
    sign = -1 if params.get("polarity") == "down" and mask != "mask_below_threshold" else 1
    unit = value_label(movie.stack)
    if mask in _HEIGHT_MASKS or mask == "mask_below_threshold":
        name, parameter = str(mask), "threshold"
        used = np.array([float(params[parameter])])
        heights = _side(sign * frames, -1 if mask == "mask_below_threshold" else 1)
        label = unit if sign > 0 else f"minus {unit}"
    elif mask in _LOCAL_MASKS and params.get(_LOCAL_MASKS[mask]) is not None:
        name, parameter, label = str(mask), _LOCAL_MASKS[mask], f"{unit} above the surroundings"
        used, heights = (
            np.array([float(params[parameter])]),
            (0.0, np.subtract(*_side(sign * frames, 1)[::-1])),
        )
    elif mask == "mask_mean_offset":
        name, parameter, label = str(mask), "factor", "standard deviations above the mean"
        used, heights = np.array([float(params[parameter])]), _deviations(sign * frames)
    elif mask in _MASKS_BY_FRAME:
        used = _thresholds_by_frame(sign * frames, str(mask), params)
        name, parameter, label, heights = "mask_threshold", "threshold", unit, _side(sign * frames, 1)
    else:
        return None
    step = step_registry()[name]
    given = {p.name: params[p.name] for p in step.declaration.parameters() if p.name in params}
    options = RegionOptions(**{f.name: params[f.name] for f in fields(RegionOptions) if f.name in params})

    def count(threshold: float) -> npt.NDArray[np.intp]:
        source = StepMask(step, {**given, parameter: threshold})
        search = RegionSearch(source, movie.stack.pixel_size_yx_nm, options)
        return _by_frame(search(0, frames, np.ones(len(frames), np.bool_))[0], len(frames))

    return _curve(label, "regions", heights, used, count)


def _of_objects(movie: AnalysedMovie, params: Mapping[str, Any]) -> ThresholdCurve | None:
    """Count the objects of an automatic segmentation at other thresholds."""
    levels = _levels(movie)
    frames = _frames(movie)
    frames = frames[_spread_out(len(frames))]
    options = RegionOptions(**{f.name: params[f.name] for f in fields(RegionOptions) if f.name in params})
    sides = {"up": (1,), "down": (-1,), "both": (1, -1)}[levels.polarity]
    high = max(_side(side * (frames - levels.background_nm), 1)[1] for side in sides)

    def count(threshold: float) -> npt.NDArray[np.intp]:
        # Objects are flooded down to a fraction of the threshold, but not into the noise.
        low = max(min(2.5 * levels.noise_nm, levels.low_nm), levels.low_nm * threshold / levels.threshold_nm)
        changed = replace(levels, threshold_nm=threshold, low_nm=low)
        search = RegionSearch(changed, movie.stack.pixel_size_yx_nm, object_options(options, changed))
        return _by_frame(search(0, frames, np.ones(len(frames), np.bool_))[0], len(frames))

    name = f"{value_label(movie.stack)} of the peak above the background"
    used = np.array([levels.threshold_nm])
    return _curve(name, "objects", (levels.noise_nm, high), used, count, _N_SLOW_THRESHOLDS)


def _of_blobs(movie: AnalysedMovie, params: Mapping[str, Any]) -> ThresholdCurve | None:
    """Count the blobs of one detection at the lowest threshold that exceed each threshold."""
    frames = _frames(movie)
    frames = frames[_spread_out(len(frames))]
    # Values that were found from the movie take the place of parameters that were not given.
    values = {**params, **movie.outputs.get("segmentation", {})}
    options = BlobOptions(**{f.name: values[f.name] for f in fields(BlobOptions) if f.name in values})
    used = float(values["threshold"])
    options = replace(options, threshold=used / 4)
    table = find_blobs(frames, options, pixel_size_nm=movie.stack.pixel_size_yx_nm)
    # Those of pits are negative.
    response = table["response"].abs()
    top = float(response.max()) if len(table) else used

    def count(threshold: float) -> npt.NDArray[np.intp]:
        return _by_frame(table[response > threshold], len(frames))

    name = f"response, {value_label(movie.stack)}"
    return _curve(name, "blobs", (used / 4, top), np.array([used]), count)


def _of_peaks(movie: AnalysedMovie, params: Mapping[str, Any]) -> ThresholdCurve | None:
    """Count the peaks of one detection without a minimum height that exceed each height."""
    frames = _frames(movie)
    options = PeakOptions(**{f.name: params[f.name] for f in fields(PeakOptions) if f.name in params})
    if "segmentation" in movie.outputs:
        options = peak_options(options, _levels(movie))
    used = float(options.min_height_nm or 0.0)
    table = find_peaks(
        frames, replace(options, min_height_nm=0.0), pixel_size_nm=movie.stack.pixel_size_yx_nm
    )
    heights = table["z_max_nm"].abs().to_numpy()

    def count(threshold: float) -> npt.NDArray[np.intp]:
        return _by_frame(table[heights >= threshold], len(frames))

    top = float(heights.max()) if len(heights) else max(used, 1.0)
    return _curve(f"{value_label(movie.stack)} of the peak", "peaks", (0.0, top), np.array([used]), count)


def _frames(movie: AnalysedMovie) -> npt.NDArray[Any]:
    frames = np.stack([movie.pixels(int(i)) for i in movie.sampled])
    return frames if frames.dtype.kind == "f" else frames.astype(np.float64)


def _levels(movie: AnalysedMovie) -> Levels:
    return levels_from(movie.outputs["segmentation"], movie.stack.value_suffix)


def _spread_out(number: int) -> npt.NDArray[np.intp]:
    """Return at most `_MAX_SLOW_FRAMES` evenly spaced indices, with the first and the last."""
    return np.linspace(0, number - 1, min(_MAX_SLOW_FRAMES, number)).round().astype(np.intp)


def _by_frame(table: Any, n_frames: int) -> npt.NDArray[np.intp]:
    return np.bincount(table["frame"].to_numpy(np.intp), minlength=n_frames)


def _curve(
    name: str,
    noun: str,
    limits: tuple[float, float],
    used: npt.NDArray[np.float64],
    count: Callable[[float], npt.NDArray[np.intp]],
    number: int = N_THRESHOLDS,
) -> ThresholdCurve | None:
    """Count at evenly spaced thresholds between the limits, and at the thresholds in effect."""
    used = used[np.isfinite(used)]
    if not len(used) or not np.isfinite(limits).all():
        return None
    low, high = min(limits[0], used.min()), max(limits[1], used.max())
    # The value in effect is not at the edge of the figure.
    margin = 0.05 * (high - low) or 1.0
    values = np.linspace(low - margin * (used.min() <= low), high + margin * (used.max() >= high), number)
    values = np.union1d(values, [used.min(), used.max()])
    return ThresholdCurve(name, noun, values, np.stack([count(float(value)) for value in values]), used)


def _side(frames: npt.NDArray[Any], side: int) -> tuple[float, float]:
    """Return the range of heights from the median to the extreme of a side, without 0.02 % of the pixels."""
    heights = frames[np.isfinite(frames)]
    if not heights.size:
        return np.nan, np.nan
    low, high = np.percentile(heights, (50, 99.98) if side > 0 else (0.02, 50))
    return float(low), float(high)


def _deviations(frames: npt.NDArray[Any]) -> tuple[float, float]:
    """Return 0, and the highest pixels in standard deviations above the mean."""
    heights = frames[np.isfinite(frames)]
    deviation = float(heights.std()) if heights.size else 0.0
    return 0.0, (_side(frames, 1)[1] - float(heights.mean())) / deviation if deviation > 0 else np.nan


def _thresholds_by_frame(
    frames: npt.NDArray[Any], mask: str, params: Mapping[str, Any]
) -> npt.NDArray[np.float64]:
    """Return the threshold of each frame, between the marked and the other pixels; NaN where none is marked."""
    step = step_registry()[mask]
    given = {p.name: params[p.name] for p in step.declaration.parameters() if p.name in params}
    marked = np.asarray(step.function(frames, **given))
    used = np.full(len(frames), np.nan)
    for index, (frame, own) in enumerate(zip(frames, marked, strict=True)):
        others = frame[~own & np.isfinite(frame)]
        if own.any() and others.size:
            used[index] = (float(frame[own].min()) + float(others.max())) / 2
    return used
