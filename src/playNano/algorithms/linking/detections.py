"""Detections in canonical order, and the grid by which those near a place are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.threads import frame_blocks, in_threads
from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections, Grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
DistanceScale = Literal["constant", "sqrt", "linear"]

REACH_POWER: dict[str, int] = {"constant": 0, "sqrt": 1, "linear": 2}


@dataclass(frozen=True)
class Prepared:
    """Checked detections, sorted.

    `order` gives the input index of each sorted detection; detections of unobserved frames are left out.
    """

    points: Detections
    order: Ints
    n_input: int
    dims: int

    @property
    def n(self) -> int:
        """Number of detections that take part."""
        return int(self.order.size)

    def to_input(self, values: npt.NDArray[Any], missing: Any) -> npt.NDArray[Any]:
        """Bring values of the sorted detections into the order of the input; left-out ones get `missing`."""
        out = np.full(self.n_input, missing, dtype=values.dtype)
        out[self.order] = values
        return out


def prepare(
    frame: npt.ArrayLike,
    positions: npt.ArrayLike,
    *,
    observed: npt.ArrayLike | None = None,
    time_s: npt.ArrayLike | None = None,
    frame_interval_s: float | None = None,
) -> Prepared:
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
        Time that counts as one frame, s; None: the median time from one frame to the next.

    Returns
    -------
    Prepared
        The detections in canonical order.

    Raises
    ------
    ParameterError
        If shapes disagree, a position is not finite, or time does not run forward.
    """
    frames = _checked_frames(frame)
    where = _checked_positions(positions, frames.size)
    seen = _checked_observed(observed, frames)
    clock = _clock(frames, time_s, frame_interval_s)
    return _sorted(frames, where, clock, seen)


def _checked_frames(frame: npt.ArrayLike) -> Ints:
    raw = np.asarray(frame)
    if raw.ndim != 1:
        raise ParameterError(f"frame must be one-dimensional, one entry a detection; got shape {raw.shape}")
    if raw.size == 0:
        return np.zeros(0, np.int64)
    whole = raw.dtype.kind in "iu" or (raw.dtype.kind == "f" and bool(np.all(raw == np.floor(raw))))
    if not whole or not np.all(np.isfinite(raw)):
        raise ParameterError("frame must hold whole numbers (0-based frame indices)")
    frames = raw.astype(np.int64)
    if frames.min() < 0:
        raise ParameterError("frame must not be negative: frames count from 0")
    return frames


def _checked_positions(positions: npt.ArrayLike, n: int) -> Floats:
    try:
        where = np.array(positions, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ParameterError("positions must be an (N, D) array of numbers") from error
    if where.size == 0 and n == 0:
        return np.zeros((0, where.shape[1] if where.ndim == 2 and where.shape[1] > 1 else 2))
    if where.ndim != 2 or where.shape[0] != n or where.shape[1] < 1:
        raise ParameterError(
            f"positions must have the shape ({n}, D), one row a detection; got {where.shape}"
        )
    bad = ~np.isfinite(where).all(axis=1)
    if bad.any():
        raise ParameterError(
            f"positions has {int(bad.sum())} rows that are not finite, the first at {int(np.argmax(bad))}: "
            "leave those detections out"
        )
    return where


def _checked_observed(observed: npt.ArrayLike | None, frames: Ints) -> npt.NDArray[np.bool_]:
    n_frames = int(frames.max()) + 1 if frames.size else 0
    if observed is None:
        return np.ones(n_frames, np.bool_)
    seen = np.asarray(observed)
    if seen.ndim != 1 or seen.dtype != np.bool_:
        raise ParameterError("observed must be a one-dimensional array of booleans, one a frame")
    if seen.size < n_frames:
        raise ParameterError(f"observed has {seen.size} frames, but frame goes up to {n_frames - 1}")
    return seen


def _clock(frames: Ints, time_s: npt.ArrayLike | None, frame_interval_s: float | None) -> Floats:
    """Return the time of each detection in units of a frame interval."""
    if frame_interval_s is not None and not (np.isfinite(frame_interval_s) and frame_interval_s > 0):
        raise ParameterError(
            f"frame_interval_s must be a positive number of seconds; got {frame_interval_s!r}"
        )
    if time_s is None or frames.size == 0:
        return frames.astype(np.float64)
    time = np.asarray(time_s, dtype=np.float64)
    if time.shape != frames.shape or not np.all(np.isfinite(time)):
        raise ParameterError("time_s must hold one finite time for each detection")
    count = np.bincount(frames)
    used = np.flatnonzero(count)
    mean_time = np.bincount(frames, weights=time)[used] / count[used]
    steps = np.diff(mean_time)
    if np.any(steps <= 0):
        at = int(used[int(np.argmax(steps <= 0)) + 1])
        raise ParameterError(f"time_s must grow from frame to frame; it does not at frame {at}")
    if frame_interval_s is None:
        frame_interval_s = float(np.median(steps / np.diff(used))) if steps.size else 1.0
    return np.asarray((time - mean_time[0]) / frame_interval_s, dtype=np.float64)


def _sorted(frames: Ints, where: Floats, clock: Floats, seen: npt.NDArray[np.bool_]) -> Prepared:
    from playNano.algorithms.linking._kernels.grid import Detections, sort_frames
    from playNano.algorithms.linking._kernels.tracks import sort_by_count

    dims = where.shape[1]
    if dims == 1:
        where = np.column_stack([where, np.zeros(where.shape[0])])
    n_frames = int(seen.sum())
    rank = np.where(seen, np.cumsum(seen) - 1, -1)
    rank_of = rank[frames]
    taken = np.flatnonzero(rank_of >= 0)
    count = np.bincount(rank_of[taken], minlength=n_frames)
    frame_ptr = np.concatenate([[0], np.cumsum(count)])
    order = np.asarray(sort_by_count(taken, rank_of, n_frames))
    position, time = np.empty((order.size, where.shape[1])), np.empty(order.size)
    latest = np.full(n_frames, -np.inf)

    def run(span: tuple[int, int]) -> None:
        sort_frames(span, frame_ptr, where, clock, order, position, time, latest)

    in_threads(run, frame_blocks(frame_ptr))
    points = Detections(position, time, np.repeat(np.arange(n_frames), count), frame_ptr, latest)
    return Prepared(points, order, frames.size, dims)


@dataclass(frozen=True)
class Reach:
    """How far a link may go: max_distance**2 * gap**power squared, at most limit2 (by number of frames)."""

    max_distance: float
    n_gaps: int
    power: int
    limit2: Floats

    @classmethod
    def over(cls, max_distance: float, n_gaps: int, power: int) -> Reach:
        """Make a reach without a further limit."""
        return cls(max_distance, n_gaps, power, np.full(n_gaps, np.inf))


def sort_into_cells(points: Detections, width: float) -> Grid:
    """Sort the detections of every frame into cells about as wide as told."""
    from playNano.algorithms.linking._kernels.grid import Grid, fill_grid, plan_grid

    size, origin, shape, first_cell = plan_grid(points.position, points.frame_ptr, width)
    grid = Grid(
        size,
        origin,
        shape,
        first_cell,
        np.full(int(first_cell[-1]) + 1, points.frame_of.size, np.int64),
        np.empty(points.frame_of.size, np.int32),
        np.empty(points.position.shape),
    )

    def run(span: tuple[int, int]) -> None:
        fill_grid(span, points.position, points.frame_ptr, grid)

    in_threads(run, frame_blocks(points.frame_ptr))
    return grid
