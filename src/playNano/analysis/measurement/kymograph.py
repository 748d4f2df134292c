"""Kymographs of stacks: lazily, in blocks of frames, with times and drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.kymograph import (
    KymographOptions,
    SampledLine,
    line_sampler,
    sample_times,
    sampled_line,
)
from playNano.algorithms.measurement.measured import table_of
from playNano.algorithms.measurement.results import Headline
from playNano.analysis.measurement.source import frames_of
from playNano.analysis.observed import observed_frames
from playNano.analysis.previous import of_kind
from playNano.analysis.times import times_from
from playNano.core.executor import map_frames
from playNano.errors import ParameterError

Floats = npt.NDArray[np.float64]


def kymograph(stack: AFMImageStack, *, line_nm: Sequence[Sequence[float]], **options: Any) -> dict[str, Any]:
    """Measure heights along a polyline in every frame of a stack, with the time of every sample.

    Parameters
    ----------
    stack
        The movie; of an array ``AFMImageStack(data, pixel_size_nm, "height", "movie.npy", frame_metadata)``.
    line_nm
        Vertices (y, x), nm.
    **options
        See `playNano.algorithms.measurement.kymograph.KymographOptions`.

    Returns
    -------
    dict
        As `playNano.analysis.modules.kymograph.KymographModule` returns it.

    Raises
    ------
    ParameterError
        The line has no length, or lies outside the frame.

    Examples
    --------
    >>> slope = np.broadcast_to(np.arange(8.0), (2, 8, 8))
    >>> stack = AFMImageStack(slope, 2.0, "height", "movie.npy", [{"timestamp": 0.0}, {"timestamp": 0.5}])
    >>> result = kymograph(stack, line_nm=[(4, 2), (4, 8)])
    >>> result["kymograph"].round(6).tolist(), result["time_s"][1].tolist()
    ([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]], [0.5, 0.5, 0.5, 0.5])
    """
    vertices = tuple((float(y), float(x)) for y, x in line_nm)
    return kymograph_of(stack, KymographOptions(line_nm=vertices, **options))


def kymograph_of(
    stack: AFMImageStack, options: KymographOptions, previous_results: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the kymograph of a stack along a polyline.

    Parameters
    ----------
    stack
        The movie, in memory or lazy.
    options
        See `KymographOptions`.
    previous_results
        Outputs of earlier modules: quality control, whose unusable frames are NaN, and tracking, whose drift the line
        follows.

    Returns
    -------
    dict
        As `playNano.analysis.modules.kymograph.KymographModule` returns it.

    Raises
    ------
    ParameterError
        The line has no length, or lies outside the frame.
    """
    if options.line_nm is None:
        raise ParameterError("kymograph: give line_nm, or a region")
    size, shape, origin = stack.pixel_size_yx_nm, stack.image_shape, stack.origin_nm
    line = sampled_line(options.line_nm, options.step_nm or min(size))
    drift = _drift(previous_results, stack.n_frames) if options.subtract_drift else None
    of_tracking = np.zeros((stack.n_frames, 2)) if drift is None else drift
    numbers, centre = np.arange(stack.n_frames), np.full(stack.n_frames, (shape[0] - 1) / 2)
    known = stack.drift_of(numbers, centre) if options.subtract_drift else None
    of_movie = np.zeros((stack.n_frames, 2)) if known is None else known
    # The line is a line of the surface: in shifted frames it stays where it is, but was scanned elsewhere.
    scanned = of_tracking + of_movie
    sampler = line_sampler(line, size, options.width_nm, scanned + stack.shift_of(numbers, centre), origin)
    ends = [origin[axis] + (shape[axis] - 1) * size[axis] for axis in (0, 1)]
    inside = (line.y_nm >= origin[0]) & (line.y_nm <= ends[0])
    inside &= (line.x_nm >= origin[1]) & (line.x_nm <= ends[1])
    if not inside.any():
        raise ParameterError(
            "kymograph: line_nm lies outside the frame, which extends from "
            f"{origin[0]:.4g} to {ends[0]:.4g} nm (y) and from {origin[1]:.4g} to {ends[1]:.4g} nm (x)"
        )
    parts = map_frames(sampler, stack.data, what="kymograph")
    heights = np.concatenate([np.empty((0, len(line.y_nm))), *parts])
    observed = observed_frames(previous_results, stack.n_frames)
    heights[~observed] = np.nan
    frames, clock = frames_of(stack, observed), times_from(stack)
    trace = stack.scan.trace if stack.scan is not None and clock == "line" else None
    times = sample_times(line, frames, *_columns_as_recorded(stack), trace, scanned)
    said = _messages(heights, clock, trace, drift is not None, known is not None)
    headline = Headline("line", float(line.distance_nm[-1]), "nm", n=int(observed.sum()), n_of="frames")
    return {
        "kymograph": heights,
        "time_frame" if clock == "index" else "time_s": times,
        "distance_nm": line.distance_nm,
        "profile": _profile(line, heights, stack.value_suffix),
        "clock": clock,
        "unit": stack.unit,
        "summary": {"headlines": [headline.to_dict()], "messages": said},
    }


def _columns_as_recorded(stack: AFMImageStack) -> tuple[float, int]:
    """Return width of a pixel, nm, and number of columns before the first edit: a scan line is longer than a crop."""
    for step in stack.provenance["processing"]["steps"]:
        before = step.get("geometry_before")
        if before is not None:
            return float(before["pixel_size_nm"][1]), int(before["shape"][1])
    return stack.pixel_size_yx_nm[1], stack.image_shape[1]


def _drift(previous_results: Mapping[str, Any] | None, n_frames: int) -> Floats | None:
    """Return the drift (y, x) that the latest tracking has estimated, nm, (n_frames, 2); None if it has not."""
    results = previous_results or {}
    names = of_kind(results, "tracking") or [name for name in ("particle_tracking",) if name in results]
    table = results[names[-1]].get("drift") if names else None
    if table is None or not len(table):
        return None
    drift = np.zeros((n_frames, 2))
    drift[table["frame"].to_numpy(np.int64)] = table[["y_nm", "x_nm"]].to_numpy(np.float64)
    return drift


def _profile(line: SampledLine, heights: Floats, suffix: str) -> Any:
    """Return the mean profile over the frames as a table."""
    count = np.isfinite(heights).sum(axis=0)
    filled = np.nan_to_num(heights)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / count
        square = np.where(np.isfinite(heights), heights - mean, 0.0) ** 2
        sd = np.sqrt(square.sum(axis=0) / (count - 1))
    status = np.where(count == 0, "at_bound", np.where(count == 1, "one_frame", "ok"))
    values = {
        "distance_nm": line.distance_nm,
        "y_nm": line.y_nm,
        "x_nm": line.x_nm,
        f"height_{suffix}": np.where(count > 0, mean, np.nan),
        f"height_sd_{suffix}": np.where(count > 1, sd, np.nan),
    }
    dtypes = {
        **dict.fromkeys(values, "float64"),
        "status": "str",
        "n_frames": "int64",
        "n_movies": "int64",
    }
    return table_of(
        (
            {
                **{name: column[k] for name, column in values.items()},
                "status": status[k],
                "n_frames": n,
                "n_movies": 1,
            }
            for k, n in enumerate(count)
        ),
        dtypes,
    )


def _messages(heights: Floats, clock: str, trace: str | None, tracked: bool, known: bool) -> list[str]:
    """Return remarks on times, drift and missing samples."""
    said = []
    if tracked:
        said.append("the line moves with the drift of the tracking")
    if known:
        said.append("the line moves with the drift of the movie")
    if clock == "frame":
        said.append("line times are not known: all samples of a frame have its start as time")
    if clock == "line" and trace is None:
        said.append(
            "it is not known whether lines are trace or retrace: samples have the time at which their line began"
        )
    part = float(np.isnan(heights).mean()) if heights.size else 0.0
    if part > 0:
        said.append(
            f"{100 * part:.3g} % of the samples are missing: outside the frame, or in frames that are not usable"
        )
    return said
