"""Times and places of detections, and the basis of times."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack


def add_times(table: Any, stack: AFMImageStack) -> Any:
    """Insert the columns ``time_s`` and ``frame_time_s`` after ``frame``, and count places from the movie as recorded.

    Parameters
    ----------
    table
        Detections with ``frame`` (from 0) and ``y`` (px); changed in place. Places in nm are from pixel (0, 0).
    stack
        The movie.

    Returns
    -------
    DataFrame
        The same table. ``time_s`` is the time when the tip passed the detection, ``frame_time_s`` the start of the
        frame, s; places in nm are those in the movie as recorded, from which a crop was cut or whose pixels were
        shifted. Where the drift of the movie is known, ``y_corrected_nm, x_corrected_nm`` are the places without it.
    """
    frames = table["frame"].to_numpy()
    rows = table["y"].to_numpy()
    starts = np.asarray(stack.get_frame_times(), dtype=np.float64)
    table.insert(1, "time_s", stack.detection_times(frames, rows))
    table.insert(2, "frame_time_s", starts[frames] if len(frames) else np.empty(0))
    shift, drift = stack.shift_of(frames, rows), stack.drift_of(frames, rows)
    for k, axis in enumerate("yx"):
        for name in (f"{axis}_nm", f"{axis}_weighted_nm"):
            if name in table:
                table[name] += stack.origin_nm[k] - shift[:, k]
        if drift is not None and f"{axis}_nm" in table:
            table[f"{axis}_corrected_nm"] = table[f"{axis}_nm"] - drift[:, k]
    return table


def times_from(stack: AFMImageStack) -> str:
    """Return the basis of the times of detections: line times, frame times or frame numbers.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    str
        "line": the start of the frame and the time of the scan line; "frame": the start of the frame, if line
        time or direction is unknown; "index": the number of the frame, if no time is known.
    """
    if not stack.has_times:
        return "index"
    return "line" if stack.scan is not None and stack.scan.has_line_times else "frame"
