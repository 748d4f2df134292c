"""Kernels of the neighbour search: a grid of square cells over every frame, and the candidate pairs within range."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Edges, Floats, Indices, Ints


class Detections(NamedTuple):
    """Detections in canonical order: by observed frame, then y, x and the further coordinates.

    position : (N, D) float64, D >= 2. time : (N,) float64, in frame intervals. frame_of : (N,) int64, the rank of
    the frame among the observed ones. frame_ptr : (F + 1,) int64, where the detections of each observed frame start.
    latest : (F,) float64, the latest time in each frame.
    """

    position: Floats
    time: Floats
    frame_of: Ints
    frame_ptr: Ints
    latest: Floats


class Grid(NamedTuple):
    """Square cells over the first two coordinates of every frame.

    size : (F,), edge of the cells of a frame. origin : (F, 2), y and x of its first cell. shape : (F, 2), its rows
    and columns of cells. first_cell : (F + 1,), index of its first cell. cell_ptr : (n_cells + 1,), where the members
    of each cell start. member : (N,), detections by cell. position : (N, D), their positions in that order.
    """

    size: Floats
    origin: Floats
    shape: Ints
    first_cell: Ints
    cell_ptr: Ints
    member: Indices
    position: Floats


class SearchLimits(NamedTuple):
    """The search range: squared displacements up to squared * gap**power, and up to cap[frames - 1].

    squared : squared search range over one frame interval. power : 0 constant, 1 as in diffusion, 2 as in directed
    motion. cap : (F, n_gaps), a further limit of the squared displacement from each frame over 1, 2, ... frames; inf
    for none.
    """

    squared: float
    power: int
    cap: Floats


@jit
def fill_grid(frames: tuple[int, int], position: Floats, frame_ptr: Ints, grid: Grid) -> None:
    """Sort the detections of the frames frames[0] .. frames[1] into their cells (counting sort)."""
    size, origin, shape, first_cell = grid.size, grid.origin, grid.shape, grid.first_cell
    cell_ptr, member, by_cell = grid.cell_ptr, grid.member, grid.position
    largest = 0
    for f in range(frames[0], frames[1]):
        largest = max(largest, frame_ptr[f + 1] - frame_ptr[f])
    cell_of = np.empty(largest, np.int64)
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
        # Filled from the back, so that the ends of the cells become their starts.
        for k in range(hi - 1, lo - 1, -1):
            c = cell_of[k - lo]
            cells[c] -= 1
            member[cells[c]] = k
            for d in range(position.shape[1]):
                by_cell[cells[c], d] = position[k, d]


@jit
def squared_search_range(gap: float, squared: float, power: int) -> float:
    """Return the squared search range after `gap` frame intervals: squared * max(gap, 0)**power."""
    gap = max(gap, 0.0)
    if power == 0:
        return squared
    if power == 1:
        return squared * gap
    return squared * gap * gap


@jit(inline="always")
def cells_within(
    size: float, origin: Floats, shape: Ints, f: int, y: float, x: float, radius: float
) -> tuple[int, int, int, int]:
    """Return the first and last row and column of cells of frame f that a disc may overlap; an empty range if none.

    `size` is the edge of the cells in frame f.
    """
    rows, columns = shape[f, 0], shape[f, 1]
    radius += 1e-9 * size
    dy, dx = y - origin[f, 0], x - origin[f, 1]
    if dy + radius < 0.0 or dx + radius < 0.0 or dy - radius > rows * size or dx - radius > columns * size:
        return 0, -1, 0, -1
    row_lo = int(max((dy - radius) / size, 0.0))
    row_hi = int(min((dy + radius) / size, rows - 1.0))
    col_lo = int(max((dx - radius) / size, 0.0))
    col_hi = int(min((dx + radius) / size, columns - 1.0))
    return row_lo, row_hi, min(col_lo, columns - 1), col_hi


@jit(inline="always")
def squared_distance(a: Floats, i: int, b: Floats, j: int) -> float:
    """Return the squared distance of row i of `a` and row j of `b`; both have at least two coordinates."""
    dy, dx = a[i, 0] - b[j, 0], a[i, 1] - b[j, 1]
    squared = dy * dy + dx * dx
    for d in range(2, a.shape[1]):
        step = a[i, d] - b[j, d]
        squared += step * step
    return float(squared)


@jit
def count_candidates(points: Detections, grid: Grid, limits: SearchLimits, block: tuple[int, int]) -> int:
    """Return an upper bound on the number of candidate pairs of the detections block[0] .. block[1]."""
    position, time, frame_of, frame_ptr = points.position, points.time, points.frame_of, points.frame_ptr
    latest, cell_ptr, first_cell, shape = points.latest, grid.cell_ptr, grid.first_cell, grid.shape
    size, origin = grid.size, grid.origin
    squared, power, cap = limits
    n_frames = frame_ptr.size - 1
    total = 0
    for i in range(block[0], block[1]):
        for g in range(cap.shape[1]):
            f = frame_of[i] + g + 1
            if f >= n_frames or frame_ptr[f + 1] == frame_ptr[f]:
                continue
            limit = min(squared_search_range(latest[f] - time[i], squared, power), cap[frame_of[i], g])
            radius = np.sqrt(limit)
            row_lo, row_hi, col_lo, col_hi = cells_within(
                size[f], origin, shape, f, position[i, 0], position[i, 1], radius
            )
            for row in range(row_lo, row_hi + 1):
                cell = first_cell[f] + row * shape[f, 1]
                total += cell_ptr[cell + col_hi + 1] - cell_ptr[cell + col_lo]
    return total


@jit
def list_candidates(
    points: Detections, grid: Grid, limits: SearchLimits, block: tuple[int, int], at: int, edges: Edges
) -> None:
    """List the candidate edges of the detections block[0] .. block[1], from edge `at` on, without their costs.

    The first edge of each row r leads to column r and means that the detection is clutter. The others lead to the
    detections of later frames within the search range.
    """
    position, time, frame_of, frame_ptr = points.position, points.time, points.frame_of, points.frame_ptr
    latest, cell_ptr, first_cell, shape = points.latest, grid.cell_ptr, grid.first_cell, grid.shape
    size, origin, member, by_cell = grid.size, grid.origin, grid.member, grid.position
    squared, power, cap = limits
    start, stop, cols, _ = edges
    n_frames = frame_ptr.size - 1
    for i in range(block[0], block[1]):
        start[i] = at
        cols[at] = i
        at += 1
        for g in range(cap.shape[1]):
            f = frame_of[i] + g + 1
            if f >= n_frames or frame_ptr[f + 1] == frame_ptr[f]:
                continue
            largest = min(squared_search_range(latest[f] - time[i], squared, power), cap[frame_of[i], g])
            row_lo, row_hi, col_lo, col_hi = cells_within(
                size[f], origin, shape, f, position[i, 0], position[i, 1], np.sqrt(largest)
            )
            for row in range(row_lo, row_hi + 1):
                cell = first_cell[f] + row * shape[f, 1]
                for m in range(cell_ptr[cell + col_lo], cell_ptr[cell + col_hi + 1]):
                    distance2 = squared_distance(by_cell, m, position, i)
                    if distance2 > largest:
                        continue
                    j = member[m]
                    limit2 = squared_search_range(time[j] - time[i], squared, power)
                    if time[j] < latest[f] and distance2 > limit2:
                        continue
                    cols[at] = j
                    at += 1
        stop[i] = at
