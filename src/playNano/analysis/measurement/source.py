"""The tracks that a measurement module measures, from the outputs of earlier modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.tracked_movie import (
    IN_WINDOW,
    Clock,
    Frames,
    TrackedMovie,
    tracked_movie,
)
from playNano.algorithms.measurement.window import detection_window
from playNano.analysis.observed import observed_frames
from playNano.analysis.points import DETECTIONS
from playNano.analysis.previous import of_kind
from playNano.analysis.times import times_from
from playNano.core.frame_shifts import has_shift
from playNano.errors import MissingInputError

DEFAULT_TRACKING = "particle_tracking"


def frames_of(stack: AFMImageStack, observed: Any) -> Frames:
    """Return the times of a stack's frames, and which are observed.

    Parameters
    ----------
    stack
        The movie.
    observed
        Whether each frame shows the surface, (n_frames,).
    """
    start = np.asarray(stack.get_frame_times(), dtype=np.float64)
    scan, by_line = stack.scan, times_from(stack) == "line"
    upwards = np.zeros(stack.n_frames, np.bool_)
    if scan is not None and by_line:
        upwards[:] = scan.direction == "up"
        if scan.alternating:
            numbers = (
                np.arange(stack.n_frames) if scan.frame_numbers is None else np.asarray(scan.frame_numbers)
            )
            upwards ^= numbers % 2 == 1
    line_time = scan.line_time_s if scan is not None and by_line and scan.line_time_s else 0.0
    lines = scan.lines if scan is not None else stack.image_shape[0]
    first, step = (0.0, 1.0) if scan is None else (scan.first_line, scan.line_step)
    line_nm = stack.pixel_size_yx_nm[0] / step
    # Places are those in the movie as recorded, whose line 0 lies at 0 unless rows were put in another order.
    origin = stack.origin_nm[0] - first * line_nm
    return Frames(start, np.asarray(observed, np.bool_), line_time, lines, line_nm, upwards, origin)


def tracking_outputs(
    previous_results: Mapping[str, Any] | None, tracking_module: str | None, module: str
) -> Mapping[str, Any]:
    """Return the outputs of the tracking to measure: the given one, or the latest.

    Parameters
    ----------
    previous_results
        Outputs of earlier modules.
    tracking_module
        Its name; None: the latest of the kind "tracking".
    module
        Name of the measuring module, for the message.

    Raises
    ------
    MissingInputError
        No tracking has run.
    """
    results = previous_results or {}
    names = of_kind(results, "tracking") or [DEFAULT_TRACKING]
    name = tracking_module or names[-1]
    if name not in results:
        raise MissingInputError(f"{module} needs tracks: run particle_tracking before it")
    outputs: Mapping[str, Any] = results[name]
    return outputs


def tracks_of(
    stack: AFMImageStack,
    previous_results: Mapping[str, Any] | None,
    module: str,
    *,
    tracking_module: str | None = None,
    edge_nm: float | None = None,
) -> TrackedMovie:
    """Return the tracks of a movie for measurement.

    Parameters
    ----------
    stack
        The movie.
    previous_results
        Outputs of earlier modules, among them the tracking's.
    module
        Name of the measuring module, for messages.
    tracking_module
        Tracking to measure; None: the latest.
    edge_nm
        Margin of the window on each side, nm; None: half the median extent of the particles.

    Returns
    -------
    TrackedMovie
        Detections, frames, window, confidence of the links, merges and splits.

    Raises
    ------
    MissingInputError
        No tracking has run.
    """
    results = previous_results or {}
    outputs = tracking_outputs(results, tracking_module, module)
    table = outputs["table"]
    window = detection_window(table, stack.image_shape, stack.pixel_size_yx_nm, edge_nm, stack.origin_nm)
    frames = frames_of(stack, observed_frames(results, stack.n_frames))
    return tracked_movie(
        _in_window(_with_times(table, frames), stack),
        frames,
        window,
        clock=cast(Clock, times_from(stack)),
        links=outputs.get("links"),
        events=outputs.get("events"),
    )


def _with_times(table: Any, frames: Frames) -> Any:
    """Return a table of tracks with time_s: the number of the frame where no times are known."""
    if "time_s" in table and table["time_s"].notna().all():
        return table
    return table.assign(time_s=frames.pass_s(table["frame"], table["y_nm"]))


def _in_window(table: Any, stack: AFMImageStack) -> Any:
    """Return a table with the places in the frames as they are, if these were shifted."""
    if not has_shift(stack.frame_metadata) or not {"y", "x"} <= {*table.columns}:
        return table
    places = [
        table[name] * edge + origin
        for name, edge, origin in zip("yx", stack.pixel_size_yx_nm, stack.origin_nm, strict=True)
    ]
    return table.assign(**dict(zip(IN_WINDOW, places, strict=True)))


def detections_of(
    stack: AFMImageStack,
    previous_results: Mapping[str, Any] | None,
    module: str,
    *,
    edge_nm: float | None = None,
) -> TrackedMovie:
    """Return the detections of a movie that has not been tracked, each as a track of its own.

    Parameters
    ----------
    stack
        The movie.
    previous_results
        Outputs of earlier modules, among them a detection's; the latest counts.
    module
        Name of the measuring module, for messages.
    edge_nm
        Margin of the window on each side, nm; None: half the median extent of the particles.

    Raises
    ------
    MissingInputError
        No detection has run.
    """
    results = previous_results or {}
    names = of_kind(results, "detection") or [name for name in DETECTIONS if name in results]
    if not names:
        raise MissingInputError(f"{module} needs detections or tracks: run feature_detection before it")
    table = results[names[-1]]["table"]
    window = detection_window(table, stack.image_shape, stack.pixel_size_yx_nm, edge_nm, stack.origin_nm)
    frames = frames_of(stack, observed_frames(results, stack.n_frames))
    alone = _in_window(_with_times(table, frames), stack).assign(track_id=np.arange(len(table)))
    return tracked_movie(alone, frames, window, clock=cast(Clock, times_from(stack)))
