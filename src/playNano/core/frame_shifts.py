"""Drift and shift of each frame, as its metadata keep them, and how they move places and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry

Floats = npt.NDArray[np.float64]
Entries = Sequence[Mapping[str, Any]]

DRIFT, DRIFT_SPEED = "drift_nm", "drift_nm_s"
"""Metadata of a frame: movement [y, x] of the surface since the first frame, nm, and its speed within the frame."""

SHIFT, SHIFT_SPEED = "shift_nm", "shift_nm_s"
"""Metadata of a frame: by how much its pixels were moved [y, x], nm, and the speed of that within the frame."""

_KEYS = (DRIFT, DRIFT_SPEED, SHIFT, SHIFT_SPEED)
_ITERATIONS = 3


def has_drift(entries: Entries) -> bool:
    """Return whether the drift of the frames is known.

    Parameters
    ----------
    entries
        Metadata of the frames.
    """
    return any(DRIFT in entry for entry in entries)


def has_shift(entries: Entries) -> bool:
    """Return whether pixels of the frames were moved.

    Parameters
    ----------
    entries
        Metadata of the frames.
    """
    return any(SHIFT in entry for entry in entries)


def frame_vectors(entries: Entries, key: str) -> Floats:
    """Return a vector of each frame, (n, 2); 0 where a frame has none.

    Parameters
    ----------
    entries
        Metadata of the frames.
    key
        `DRIFT`, `SHIFT` or one of their speeds.

    Examples
    --------
    >>> frame_vectors([{}, {"drift_nm": [1, 2]}], DRIFT).tolist()
    [[0.0, 0.0], [1.0, 2.0]]
    """
    vectors = [entry.get(key, (0.0, 0.0)) for entry in entries]
    return np.asarray(vectors, dtype=np.float64).reshape(-1, 2)


def mapped_vectors(entries: Entries, matrix: npt.ArrayLike) -> tuple[dict[str, Any], ...]:
    """Return the metadata of frames that were mirrored or rotated.

    Parameters
    ----------
    entries
        Metadata of the frames.
    matrix
        New (y, x) = matrix @ (y, x).

    Examples
    --------
    >>> mapped_vectors([{"drift_nm": [1.0, 2.0]}], [[-1, 0], [0, 1]])
    ({'drift_nm': [-1.0, 2.0]},)
    """
    change = np.asarray(matrix, dtype=np.float64)
    return tuple(
        {key: (change @ value).tolist() if key in _KEYS else value for key, value in entry.items()}
        for entry in entries
    )


def since_centre_s(scan: ScanGeometry | None, row: npt.ArrayLike, frame: npt.ArrayLike) -> Floats:
    """Return the time from the scan of the central line of a frame to that of a row, s; 0 if it is not known.

    Parameters
    ----------
    scan
        Timing and direction of the scan, if known.
    row
        Rows, px, (N,).
    frame
        Their frames, (N,).
    """
    rows = np.asarray(row, dtype=np.float64)
    if scan is None or scan.line_time_s is None or scan.direction is None:
        return np.zeros(rows.shape)
    return scan.delay_s(rows, frame) - (scan.lines - 1) / 2 * scan.line_time_s


def shift_at(
    entries: Entries, scan: ScanGeometry | None, frame: npt.ArrayLike, row: npt.ArrayLike, row_nm: float
) -> Floats:
    """Return by how much the pixels at given rows were moved, (N, 2) nm.

    Parameters
    ----------
    entries
        Metadata of the frames.
    scan
        Timing and direction of the scan, if known.
    frame
        Frames, (N,).
    row
        Rows in the frames as they are, px, (N,).
    row_nm
        Height of a pixel, nm.
    """
    frames, rows = np.asarray(frame, dtype=np.int64), np.asarray(row, dtype=np.float64)
    shift = frame_vectors(entries, SHIFT)[frames]
    speed = frame_vectors(entries, SHIFT_SPEED)[frames]
    moved = shift
    if speed.any():
        for _ in range(_ITERATIONS):
            delay = since_centre_s(scan, rows - moved[:, 0] / row_nm, frames)
            moved = shift + speed * delay[:, None]
    return moved


def drift_at(
    entries: Entries, scan: ScanGeometry | None, frame: npt.ArrayLike, scanned_row: npt.ArrayLike
) -> Floats:
    """Return the drift of the surface when given rows were scanned, (N, 2) nm.

    Parameters
    ----------
    entries
        Metadata of the frames.
    scan
        Timing and direction of the scan, if known.
    frame
        Frames, (N,).
    scanned_row
        Rows that were scanned, before any shift, px, (N,).
    """
    frames = np.asarray(frame, dtype=np.int64)
    speed = frame_vectors(entries, DRIFT_SPEED)[frames]
    delay = since_centre_s(scan, scanned_row, frames)
    return frame_vectors(entries, DRIFT)[frames] + speed * delay[:, None]


def in_shifted_frames(table: Any, stack: Any) -> Any:
    """Return a table whose ``y_nm, x_nm`` are places in the frames as they are, as pictures need them.

    Parameters
    ----------
    table
        Detections or tracks with places in the movie as recorded; None stays None.
    stack
        The movie.
    """
    if (
        table is None
        or not has_shift(stack.frame_metadata)
        or not {"frame", "y_nm", "x_nm"} <= {*table.columns}
    ):
        return table
    shift = frame_vectors(stack.frame_metadata, SHIFT)[table["frame"].to_numpy(np.int64)]
    return table.assign(y_nm=table["y_nm"] + shift[:, 0], x_nm=table["x_nm"] + shift[:, 1])
