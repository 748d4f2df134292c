"""Kernels of linking: canonical order, a grid per frame, candidate pairs, frame-to-frame assignment."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from playNano.algorithms._assignment_kernels import Floats, Indices, Ints, Matching, assign_rows

CELLS_PER_POINT = 4


class Detections(NamedTuple):
    """Detections in canonical order: by observed frame, then y, x and the further coordinates.

    position (N, D) float64; clock (N,) float64, the time in units of a frame; frame_of (N,) int64, the rank
    of the frame among the observed ones; frame_ptr (F + 1,) int64, where each observed frame starts; latest
    (F,) float64, the last clock reading of each frame.
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


@njit(cache=True, nogil=True)
def _comes_before(position: Floats, a: int, b: int) -> bool:
    """Tell whether detection a comes strictly before b by y, then x and further coordinates."""
    for d in range(position.shape[1]):
        if position[a, d] != position[b, d]:
            return bool(position[a, d] < position[b, d])
    return False


@njit(cache=True, nogil=True)
def finish_sort(order: Ints, frame_ptr: Ints, position: Floats) -> None:
    """Bring detections that are sorted but for rounding by y, then x and further coordinates, in place."""
    for f in range(frame_ptr.size - 1):
        for k in range(frame_ptr[f] + 1, frame_ptr[f + 1]):
            mine = order[k]
            at = k
            while at > frame_ptr[f]:
                other = order[at - 1]
                if not _comes_before(position, mine, other) and (
                    other < mine or _comes_before(position, other, mine)
                ):
                    break
                order[at] = other
                at -= 1
            order[at] = mine


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def fill_grid(
    position: Floats, frame_ptr: Ints, size: Floats, origin: Floats, shape: Ints, first_cell: Ints
) -> tuple[Ints, Indices, Floats]:
    """Sort the points of every frame into its cells."""
    cell_ptr = np.zeros(first_cell[-1] + 1, np.int64)
    cell_of = np.empty(position.shape[0], np.int64)
    for f in range(frame_ptr.size - 1):
        for k in range(frame_ptr[f], frame_ptr[f + 1]):
            row = min(np.int64((position[k, 0] - origin[f, 0]) / size[f]), shape[f, 0] - 1)
            col = min(np.int64((position[k, 1] - origin[f, 1]) / size[f]), shape[f, 1] - 1)
            cell_of[k] = first_cell[f] + row * shape[f, 1] + col
            cell_ptr[cell_of[k] + 1] += 1
    for c in range(cell_ptr.size - 1):
        cell_ptr[c + 1] += cell_ptr[c]
    cursor = cell_ptr.copy()
    member = np.empty(position.shape[0], np.int32)
    place = np.empty(position.shape)
    for k in range(position.shape[0]):
        at = cursor[cell_of[k]]
        cursor[cell_of[k]] += 1
        member[at] = k
        for d in range(position.shape[1]):
            place[at, d] = position[k, d]
    return cell_ptr, member, place


@njit(cache=True, nogil=True)
def squared_reach(gap: float, base2: float, power: int) -> float:
    """Return the squared reach after `gap` frame intervals: base2, base2 * gap or base2 * gap**2."""
    gap = max(gap, 0.0)
    if power == 0:
        return base2
    if power == 1:
        return base2 * gap
    return base2 * gap * gap


@njit(cache=True, nogil=True, inline="always")
def _cells_within(grid: Grid, f: int, y: float, x: float, reach: float) -> tuple[int, int, int, int]:
    """Return the rows and columns of cells, first and last, that a disc may touch; an empty range if none."""
    size, rows, columns = grid.size[f], grid.shape[f, 0], grid.shape[f, 1]
    reach += 1e-9 * size
    dy, dx = y - grid.origin[f, 0], x - grid.origin[f, 1]
    if dy + reach < 0.0 or dx + reach < 0.0 or dy - reach > rows * size or dx - reach > columns * size:
        return 0, -1, 0, -1
    row_lo = int(max((dy - reach) / size, 0.0))
    row_hi = int(min((dy + reach) / size, rows - 1.0))
    col_lo = int(max((dx - reach) / size, 0.0))
    col_hi = int(min((dx + reach) / size, columns - 1.0))
    return row_lo, row_hi, min(col_lo, columns - 1), col_hi


@njit(cache=True, nogil=True)
def bound_pairs(
    points: Detections,
    grid: Grid,
    first: int,
    last: int,
    n_gaps: int,
    base2: float,
    power: int,
    limit2: Floats,
    bound: Ints,
) -> None:
    """Add up, by frame, how many pairs the detections first .. last can have at most."""
    position, clock, frame_of, frame_ptr = points.position, points.clock, points.frame_of, points.frame_ptr
    latest, cell_ptr, first_cell, shape = points.latest, grid.cell_ptr, grid.first_cell, grid.shape
    n_frames = frame_ptr.size - 1
    for i in range(first, last):
        total = 0
        for g in range(n_gaps):
            f = frame_of[i] + g + 1
            if f >= n_frames or frame_ptr[f + 1] == frame_ptr[f]:
                continue
            reach2 = min(squared_reach(latest[f] - clock[i], base2, power), limit2[g])
            row_lo, row_hi, col_lo, col_hi = _cells_within(
                grid, f, position[i, 0], position[i, 1], np.sqrt(reach2)
            )
            for row in range(row_lo, row_hi + 1):
                cell = first_cell[f] + row * shape[f, 1]
                total += cell_ptr[cell + col_hi + 1] - cell_ptr[cell + col_lo]
        bound[frame_of[i]] += total


@njit(cache=True, nogil=True)
def scan_pairs(
    points: Detections,
    grid: Grid,
    first: int,
    last: int,
    n_gaps: int,
    base2: float,
    power: int,
    limit2: Floats,
    ptr: Ints,
    cols: Indices,
    squared: Floats,
) -> int:
    """Write the pairs within reach of the detections first .. last, up to n_gaps ahead; return how many.

    Those of detection i at gap g start at ptr[(i - first) * n_gaps + g]. limit2 bounds the squared reach by
    gap. Squared distances are written if there is room for them.
    """
    position, clock, frame_of, frame_ptr = points.position, points.clock, points.frame_of, points.frame_ptr
    cell_ptr, member, place, latest = grid.cell_ptr, grid.member, grid.place, points.latest
    n_frames = frame_ptr.size - 1
    dims = position.shape[1]
    at = 0
    for i in range(first, last):
        for g in range(n_gaps):
            f = frame_of[i] + g + 1
            ptr[(i - first) * n_gaps + g] = at
            if f >= n_frames or frame_ptr[f + 1] == frame_ptr[f]:
                continue
            reach2 = min(squared_reach(latest[f] - clock[i], base2, power), limit2[g])
            row_lo, row_hi, col_lo, col_hi = _cells_within(
                grid, f, position[i, 0], position[i, 1], np.sqrt(reach2)
            )
            for row in range(row_lo, row_hi + 1):
                cell = grid.first_cell[f] + row * grid.shape[f, 1]
                for m in range(cell_ptr[cell + col_lo], cell_ptr[cell + col_hi + 1]):
                    d2 = 0.0
                    for d in range(dims):
                        step = place[m, d] - position[i, d]
                        d2 += step * step
                    if d2 > reach2:
                        continue
                    j = member[m]
                    if clock[j] < latest[f] and d2 > squared_reach(clock[j] - clock[i], base2, power):
                        continue
                    cols[at] = j
                    if squared.size > 0:
                        squared[at] = d2
                    at += 1
    ptr[(last - first) * n_gaps] = at
    return at


@njit(cache=True, nogil=True)
def link_block(
    points: Detections,
    frames: tuple[int, int],
    n_gaps: int,
    first: int,
    ptr: Ints,
    cols: Indices,
    cost: Floats,
    skip: float,
    lo: Ints,
    hi: Ints,
    state: Matching,
    previous: Indices,
) -> None:
    """Link the detections of the frames frames[0] .. frames[1] to the tracks still open, frame by frame.

    Tracks seen last come first, so that they win where costs tie.
    previous[j] becomes the detection before j in its track, or -1; lo and hi are room for the rows' edges.
    """
    rows = np.empty(points.frame_of.size, np.int64)
    frame_ptr, edge_of_row, row_of_col = points.frame_ptr, state.edge_of_row, state.row_of_col
    for f in range(frames[0], frames[1]):
        n_rows = 0
        for g in range(1, min(n_gaps, f) + 1):
            for i in range(frame_ptr[f - g], frame_ptr[f - g + 1]):
                if edge_of_row[i] >= 0:
                    continue
                slot = (i - first) * n_gaps + g - 1
                if ptr[slot] == ptr[slot + 1]:
                    continue
                lo[i], hi[i] = ptr[slot], ptr[slot + 1]
                rows[n_rows] = i
                n_rows += 1
        assign_rows(rows[:n_rows], lo, hi, cols, cost, skip, state)
        for j in range(frame_ptr[f], frame_ptr[f + 1]):
            previous[j] = row_of_col[j]


@njit(cache=True, nogil=True)
def pair_costs(
    points: Detections,
    first: int,
    last: int,
    n_gaps: int,
    base2: float,
    power: int,
    ptr: Ints,
    cols: Indices,
    squared: Floats,
) -> None:
    """Turn squared distances into costs, in place: less one at no distance, 0 at the reach, over the gap.

    Over the gap, because otherwise a track lost for long, whose reach is wide, would take what belongs to one
    seen just before.
    """
    for i in range(first, last):
        for e in range(ptr[(i - first) * n_gaps], ptr[(i - first + 1) * n_gaps]):
            gap = points.clock[cols[e]] - points.clock[i]
            reach2 = squared_reach(gap, base2, power)
            part = squared[e] / reach2 if reach2 > 0.0 else 0.0
            squared[e] = (part - 1.0) / max(gap, 1.0)


@njit(cache=True, nogil=True)
def number_tracks(previous: Indices) -> tuple[Ints, int]:
    """Give each detection the number of its chain, in order of the chains' first detections; count them."""
    track = np.empty(previous.size, np.int64)
    n_tracks = 0
    for j in range(previous.size):
        if previous[j] < 0:
            track[j] = n_tracks
            n_tracks += 1
        else:
            track[j] = track[previous[j]]
    return track, n_tracks


@njit(cache=True, nogil=True)
def frame_medians(values: Floats, edges: Ints, out: Floats) -> None:
    """Write the median of each column over values[edges[f] .. edges[f + 1]] into out[f], if there are any."""
    for f in range(edges.size - 1):
        if edges[f + 1] > edges[f]:
            for d in range(values.shape[1]):
                out[f, d] = np.median(values[edges[f] : edges[f + 1], d])
