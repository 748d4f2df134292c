"""Times of detections, and what they are based on."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack


def add_times(table: Any, stack: AFMImageStack) -> Any:
    """Insert the columns ``time_s`` and ``frame_time_s`` after ``frame``.

    Parameters
    ----------
    table
        Detections with ``frame`` (from 0) and ``y`` (px); changed in place.
    stack
        The movie.

    Returns
    -------
    DataFrame
        The table itself. ``time_s`` is when the tip passed the detection, ``frame_time_s`` when the frame began, s.
    """
    frames = table["frame"].to_numpy()
    starts = np.asarray(stack.get_frame_times(), dtype=np.float64)
    table.insert(1, "time_s", stack.detection_times(frames, table["y"].to_numpy()))
    table.insert(2, "frame_time_s", starts[frames] if len(frames) else np.empty(0))
    return table


def times_from(stack: AFMImageStack) -> str:
    """Say what the times of a movie's detections are based on.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    str
        "line": the frame's start and the line that the tip was on; "frame": the frame's start, for want of line
        time or direction; "index": the frame's number, for want of any time.
    """
    if not stack.has_times:
        return "index"
    return "line" if stack.scan is not None and stack.scan.has_line_times else "frame"
