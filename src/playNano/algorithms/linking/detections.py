"""Detections in canonical order, and the grid in which neighbours are searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.threads import frame_blocks, in_threads
from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections, Grid, SearchLimits

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]

CELLS_PER_POINT = 4


@dataclass(frozen=True)
class SortedDetections:
    """Checked detections in canonical order.

    Parameters
    ----------
    points
        The detections, sorted by observed frame, then y, x and the further coordinates.
    order
        Input index of each sorted detection, (N,); detections of unobserved frames are left out.
    n_input
        Number of detections of the input.
    dims
        Number of coordinates of the input.
    """

    points: Detections
    order: Ints
    n_input: int
    dims: int

    @property
    def n(self) -> int:
        """Number of detections in observed frames."""
        return int(self.order.size)

    def to_input(self, values: npt.NDArray[Any], missing: Any) -> npt.NDArray[Any]:
        """Return values of the sorted detections in the order of the input; those left out get `missing`.

        Parameters
        ----------
        values
            Values of the sorted detections, (n, ...).
        missing
            Value of the detections that were left out.
        """
        out = np.full(self.n_input, missing, dtype=values.dtype)
        out[self.order] = values
        return out


def sort_detections(
    frame: npt.ArrayLike,
    positions: npt.ArrayLike,
    *,
    observed: npt.ArrayLike | None = None,
    time_s: npt.ArrayLike | None = None,
    frame_interval_s: float | None = None,
) -> SortedDetections:
    """Check detections and sort them by frame, then y, then x.

    Parameters
    ----------
    frame
        0-based frame of each detection, (N,).
    positions
        Coordinates (y, x, ...) of each detection, (N, D), D >= 1, in any unit.
    observed
        Per frame, whether it was observed, (n_frames,); None: all were.
    time_s
        Time of each detection, (N,), s; None: one frame interval from frame to frame.
    frame_interval_s
        Length of a frame interval, s; None: the median time from one frame to the next.

    Returns
    -------
    SortedDetections
        The detections in canonical order.

    Raises
    ------
    ParameterError
        If shapes disagree, a position is not finite, or time does not increase from frame to frame.
    """
    frames = _checked_frames(frame)
    position = _checked_positions(positions, frames.size)
    seen = _checked_observed(observed, frames)
    time = _in_frame_intervals(frames, time_s, frame_interval_s)
    return _sorted(frames, position, time, seen)


def _checked_frames(frame: npt.ArrayLike) -> Ints:
    """Return 0-based frame indices, (N,) int64."""
    raw = np.asarray(frame)
    if raw.ndim != 1:
        raise ParameterError(f"frame must be one-dimensional, one entry per detection; got shape {raw.shape}")
    if raw.size == 0:
        return np.zeros(0, np.int64)
    whole = raw.dtype.kind in "iu" or (raw.dtype.kind == "f" and bool(np.all(raw == np.floor(raw))))
    if not whole or not np.all(np.isfinite(raw)):
        raise ParameterError("frame must contain integers (0-based frame indices)")
    frames = raw.astype(np.int64)
    if frames.min() < 0:
        raise ParameterError("frame must not be negative: frames count from 0")
    return frames


def _checked_positions(positions: npt.ArrayLike, n: int) -> Floats:
    """Return finite coordinates, (n, D) float64."""
    try:
        position = np.array(positions, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ParameterError("positions must be an (N, D) array of numbers") from error
    if position.size == 0 and n == 0:
        return np.zeros((0, position.shape[1] if position.ndim == 2 and position.shape[1] > 1 else 2))
    if position.ndim != 2 or position.shape[0] != n or position.shape[1] < 1:
        raise ParameterError(
            f"positions must have the shape ({n}, D), one row per detection; got {position.shape}"
        )
    bad = ~np.isfinite(position).all(axis=1)
    if bad.any():
        raise ParameterError(
            f"positions has {int(bad.sum())} rows that are not finite, the first at {int(np.argmax(bad))}: "
            "leave those detections out"
        )
    return position


def _checked_observed(observed: npt.ArrayLike | None, frames: Ints) -> npt.NDArray[np.bool_]:
    """Return whether each frame was observed, up to the last frame with a detection or further."""
    n_frames = int(frames.max()) + 1 if frames.size else 0
    if observed is None:
        return np.ones(n_frames, np.bool_)
    seen = np.asarray(observed)
    if seen.ndim != 1 or seen.dtype != np.bool_:
        raise ParameterError("observed must be a one-dimensional array of booleans, one per frame")
    if seen.size < n_frames:
        raise ParameterError(f"observed has {seen.size} frames, but frame goes up to {n_frames - 1}")
    return seen


def _in_frame_intervals(frames: Ints, time_s: npt.ArrayLike | None, frame_interval_s: float | None) -> Floats:
    """Return the time of each detection in units of a frame interval."""
    if frame_interval_s is not None and not (np.isfinite(frame_interval_s) and frame_interval_s > 0):
        raise ParameterError(
            f"frame_interval_s must be a positive number of seconds; got {frame_interval_s!r}"
        )
    if time_s is None or frames.size == 0:
        return frames.astype(np.float64)
    time = np.asarray(time_s, dtype=np.float64)
    if time.shape != frames.shape or not np.all(np.isfinite(time)):
        raise ParameterError("time_s must contain one finite time for each detection")
    count = np.bincount(frames)
    used = np.flatnonzero(count)
    mean_time = np.bincount(frames, weights=time)[used] / count[used]
    steps = np.diff(mean_time)
    if np.any(steps <= 0):
        at = int(used[int(np.argmax(steps <= 0)) + 1])
        raise ParameterError(f"time_s must increase from frame to frame; it does not at frame {at}")
    if frame_interval_s is None:
        frame_interval_s = float(np.median(steps / np.diff(used))) if steps.size else 1.0
    return np.asarray((time - mean_time[0]) / frame_interval_s, dtype=np.float64)


def _sorted(frames: Ints, position: Floats, time: Floats, seen: npt.NDArray[np.bool_]) -> SortedDetections:
    """Return the detections of the observed frames in canonical order."""
    from playNano.algorithms.linking._kernels.grid import Detections

    dims = position.shape[1]
    if dims == 1:
        position = np.column_stack([position, np.zeros(position.shape[0])])
    n_frames = int(seen.sum())
    frame_of = np.where(seen, np.cumsum(seen) - 1, -1)[frames]
    order = _canonical_order(frame_of, position)
    order = order[np.count_nonzero(frame_of < 0) :]
    frame_of, time = frame_of[order], time[order]
    count = np.bincount(frame_of, minlength=n_frames)
    latest = np.full(n_frames, -np.inf)
    frame_ptr = np.concatenate([[0], np.cumsum(count)])
    filled = np.flatnonzero(count)
    if filled.size:
        latest[filled] = np.maximum.reduceat(time, frame_ptr[filled])
    points = Detections(position[order], time, frame_of, frame_ptr, latest)
    return SortedDetections(points, order, frames.size, dims)


def _canonical_order(frame_of: Ints, position: Floats) -> Ints:
    """Return the order by frame (-1 first), then y, x and so on; ties keep the input order."""
    order = np.argsort(position[:, 0])
    order = order[stable_order(frame_of[order] + 1)]
    y, frame = position[order, 0], frame_of[order]
    if np.any((y[1:] == y[:-1]) & (frame[1:] == frame[:-1])):
        order = np.lexsort((*position.T[::-1], frame_of))
    return order


def stable_order(key: Ints) -> Ints:
    """Return the stable sorting order of integers >= 0; fast where they are below 65536 (radix sort).

    Parameters
    ----------
    key
        Integers, (N,), >= 0.
    """
    return np.argsort(key.astype(np.min_scalar_type(int(key.max(initial=0)))), kind="stable")


@dataclass(frozen=True)
class SearchRange:
    """The search range of links.

    Parameters
    ----------
    max_distance
        Maximum displacement in one frame interval.
    n_gaps
        Number of frames that a link may span, >= 1.
    power
        The squared search range grows with this power of the gap in frame intervals: 0, 1 or 2.
    cap
        Further limit of the squared displacement from each frame over 1, 2, ... frames, (n_frames, n_gaps); None: no
        limit.
    """

    max_distance: float
    n_gaps: int
    power: int
    cap: Floats | None = None

    def limits(self) -> SearchLimits:
        """Return the limits in the form used by kernels; without a cap, for linking from frame to frame only."""
        from playNano.algorithms.linking._kernels.grid import SearchLimits

        cap = np.full((1, self.n_gaps), np.inf) if self.cap is None else self.cap
        return SearchLimits(float(self.max_distance) ** 2, self.power, cap)


def build_grid(points: Detections, width: float) -> Grid:
    """Sort the detections of every frame into square cells about as wide as the search range.

    Parameters
    ----------
    points
        Detections in canonical order.
    width
        Width of the cells, > 0; they are wider where a frame has few detections.
    """
    from playNano.algorithms.linking._kernels.grid import Grid, fill_grid

    size, origin, shape = _cell_sizes(points.position, points.frame_ptr, width)
    first_cell = np.concatenate([[0], np.cumsum(shape.prod(axis=1))])
    grid = Grid(
        size,
        origin,
        shape,
        first_cell,
        np.full(int(first_cell[-1]) + 1, points.frame_of.size, np.int64),
        np.empty(points.frame_of.size, np.int32),
        np.empty(points.position.shape),
    )

    def fill(frames: tuple[int, int]) -> None:
        fill_grid(frames, points.position, points.frame_ptr, grid)

    in_threads(fill, frame_blocks(points.frame_ptr))
    return grid


def _cell_sizes(position: Floats, frame_ptr: Ints, width: float) -> tuple[Floats, Floats, Ints]:
    """Return edge, origin and number of the cells of each frame: about `width` wide, but not many more than points."""
    count = np.diff(frame_ptr)
    n_frames, filled = count.size, np.flatnonzero(count)
    size, origin = np.ones(n_frames), np.zeros((n_frames, 2))
    shape = np.zeros((n_frames, 2), np.int64)
    if filled.size:
        first = frame_ptr[filled]
        low = np.minimum.reduceat(position[:, :2], first, axis=0)
        extent = np.maximum.reduceat(position[:, :2], first, axis=0) - low
        max_cells = CELLS_PER_POINT * count[filled]
        height, length = extent.T
        edge = np.maximum(width, extent.max(axis=1) / max_cells)
        edge = np.maximum(edge, np.sqrt(height / max_cells) * np.sqrt(length))
        size[filled] = np.where(edge > 0, edge, 1.0)
        origin[filled] = low
        shape[filled] = (extent / size[filled, None]).astype(np.int64) + 1
    return size, origin, shape
