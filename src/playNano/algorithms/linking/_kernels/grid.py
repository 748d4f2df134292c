"""Kernels that find the detections near a place: canonical order, and a grid of cells over every frame."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Floats, Indices, Ints

CELLS_PER_POINT = 4


class Detections(NamedTuple):
    """Detections in canonical order: by observed frame, then y, x and the further coordinates.

    position (N, D) float64, D >= 2; clock (N,) float64, the time in units of a frame; frame_of (N,) int64,
    the rank of the frame among the observed ones; frame_ptr (F + 1,) int64, where each observed frame starts;
    latest (F,) float64, the last clock reading of each frame.
    """

    position: Floats
    clock: Floats
    frame_of: Ints
    frame_ptr: Ints
    latest: Floats


class Grid(NamedTuple):
    """Square cells over the first two coordinates of every frame; `place` are the positions by cell."""

    size: Floats
    origin: Floats
    shape: Ints
    first_cell: Ints
    cell_ptr: Ints
    member: Indices
    place: Floats


@jit
def _comes_before(position: Floats, a: int, b: int) -> bool:
    """Tell whether detection a comes strictly before b by y, then x and further coordinates."""
    for d in range(position.shape[1]):
        if position[a, d] != position[b, d]:
            return bool(position[a, d] < position[b, d])
    return False


@jit
def sort_frames(
    frames: tuple[int, int],
    frame_ptr: Ints,
    where: Floats,
    time: Floats,
    order: Ints,
    position: Floats,
    clock: Floats,
    latest: Floats,
) -> None:
    """Sort the detections of each frame by y, x and so on, then as they were, and write them in this order."""
    for f in range(frames[0], frames[1]):
        lo, hi = frame_ptr[f], frame_ptr[f + 1]
        mine = order[lo:hi]
        y = np.empty(hi - lo)
        for k in range(hi - lo):
            y[k] = where[mine[k], 0]
        mine[:] = mine[np.argsort(y)]
        for k in range(1, hi - lo):
            moved = mine[k]
            at = k
            while at > 0:
                other = mine[at - 1]
                if not _comes_before(where, moved, other) and (
                    other < moved or _comes_before(where, other, moved)
                ):
                    break
                mine[at] = other
                at -= 1
            mine[at] = moved
        for k in range(lo, hi):
            clock[k] = time[order[k]]
            latest[f] = max(latest[f], clock[k])
            for d in range(where.shape[1]):
                position[k, d] = where[order[k], d]


@jit
def plan_grid(position: Floats, frame_ptr: Ints, reach: float) -> tuple[Floats, Floats, Ints, Ints]:
    """Choose cell sizes and counts: cells about `reach` wide, but never many more cells than points."""
    n_frames = frame_ptr.size - 1
    size = np.ones(n_frames)
    origin = np.zeros((n_frames, 2))
    shape = np.zeros((n_frames, 2), np.int64)
    first_cell = np.zeros(n_frames + 1, np.int64)
    for f in range(n_frames):
        lo, hi = frame_ptr[f], frame_ptr[f + 1]
        if hi > lo:
            y0, y1 = position[lo, 0], position[hi - 1, 0]
            x0 = x1 = position[lo, 1]
            for k in range(lo, hi):
                x0 = min(x0, position[k, 1])
                x1 = max(x1, position[k, 1])
            most = CELLS_PER_POINT * (hi - lo)
            height, width = y1 - y0, x1 - x0
            wide = max(reach, max(height, width) / most, np.sqrt(height / most) * np.sqrt(width))
            size[f] = wide if wide > 0.0 else 1.0
            origin[f, 0], origin[f, 1] = y0, x0
            shape[f, 0] = np.int64(height / size[f]) + 1
            shape[f, 1] = np.int64(width / size[f]) + 1
        first_cell[f + 1] = first_cell[f] + shape[f, 0] * shape[f, 1]
    return size, origin, shape, first_cell


@jit
def fill_grid(frames: tuple[int, int], position: Floats, frame_ptr: Ints, grid: Grid) -> None:
    """Sort the points of the frames frames[0] .. frames[1] into their cells."""
    size, origin, shape, first_cell = grid.size, grid.origin, grid.shape, grid.first_cell
    cell_ptr, member, place = grid.cell_ptr, grid.member, grid.place
    most = 0
    for f in range(frames[0], frames[1]):
        most = max(most, frame_ptr[f + 1] - frame_ptr[f])
    cell_of = np.empty(most, np.int64)
    for f in range(frames[0], frames[1]):
        lo, hi = frame_ptr[f], frame_ptr[f + 1]
        cells = cell_ptr[first_cell[f] : first_cell[f + 1]]
        cells[:] = 0
        for k in range(lo, hi):
            row = min(np.int64((position[k, 0] - origin[f, 0]) / size[f]), shape[f, 0] - 1)
            col = min(np.int64((position[k, 1] - origin[f, 1]) / size[f]), shape[f, 1] - 1)
            cell_of[k - lo] = row * shape[f, 1] + col
            cells[cell_of[k - lo]] += 1
        end = lo
        for c in range(cells.size):
            end += cells[c]
            cells[c] = end
        # Filled from behind, so that what marks the ends of the cells comes to mark their starts.
        for k in range(hi - 1, lo - 1, -1):
            c = cell_of[k - lo]
            cells[c] -= 1
            member[cells[c]] = k
            for d in range(position.shape[1]):
                place[cells[c], d] = position[k, d]


@jit
def squared_reach(gap: float, base2: float, power: int) -> float:
    """Return the squared reach after `gap` frame intervals: base2, base2 * gap or base2 * gap**2."""
    gap = max(gap, 0.0)
    if power == 0:
        return base2
    if power == 1:
        return base2 * gap
    return base2 * gap * gap


@jit(inline="always")
def cells_within(
    size: float, origin: Floats, shape: Ints, f: int, y: float, x: float, reach: float
) -> tuple[int, int, int, int]:
    """Return the rows and columns of cells, first and last, that a disc may touch; an empty range if none.

    `size` is the cells' in frame f.
    """
    rows, columns = shape[f, 0], shape[f, 1]
    reach += 1e-9 * size
    dy, dx = y - origin[f, 0], x - origin[f, 1]
    if dy + reach < 0.0 or dx + reach < 0.0 or dy - reach > rows * size or dx - reach > columns * size:
        return 0, -1, 0, -1
    row_lo = int(max((dy - reach) / size, 0.0))
    row_hi = int(min((dy + reach) / size, rows - 1.0))
    col_lo = int(max((dx - reach) / size, 0.0))
    col_hi = int(min((dx + reach) / size, columns - 1.0))
    return row_lo, row_hi, min(col_lo, columns - 1), col_hi


@jit(inline="always")
def squared_distance(place: Floats, m: int, position: Floats, i: int) -> float:
    """Return the squared distance of two points with at least two coordinates."""
    dy, dx = place[m, 0] - position[i, 0], place[m, 1] - position[i, 1]
    d2 = dy * dy + dx * dx
    for d in range(2, place.shape[1]):
        step = place[m, d] - position[i, d]
        d2 += step * step
    return float(d2)


@jit
def bound_pairs(
    points: Detections,
    grid: Grid,
    first: int,
    last: int,
    n_gaps: int,
    base2: float,
    power: int,
    limit2: Floats,
) -> int:
    """Return how many pairs the detections first .. last can have at most, up to n_gaps frames ahead."""
    position, clock, frame_of, frame_ptr = points.position, points.clock, points.frame_of, points.frame_ptr
    latest, cell_ptr, first_cell, shape = points.latest, grid.cell_ptr, grid.first_cell, grid.shape
    size, origin = grid.size, grid.origin
    n_frames = frame_ptr.size - 1
    total = 0
    for i in range(first, last):
        for g in range(n_gaps):
            f = frame_of[i] + g + 1
            if f >= n_frames or frame_ptr[f + 1] == frame_ptr[f]:
                continue
            reach = np.sqrt(min(squared_reach(latest[f] - clock[i], base2, power), limit2[g]))
            row_lo, row_hi, col_lo, col_hi = cells_within(
                size[f], origin, shape, f, position[i, 0], position[i, 1], reach
            )
            for row in range(row_lo, row_hi + 1):
                cell = first_cell[f] + row * shape[f, 1]
                total += cell_ptr[cell + col_hi + 1] - cell_ptr[cell + col_lo]
    return total
