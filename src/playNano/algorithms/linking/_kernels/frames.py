"""Kernels of linking: frame-to-frame assignment, chains of links, common motion."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Floats, Indices, Ints, Matching, assign_rows
from playNano.algorithms.linking._kernels.grid import (
    Detections,
    Grid,
    cells_within,
    squared_distance,
    squared_reach,
)


@jit
def _grown(values: Floats, least: int) -> Floats:
    """Return a longer array that begins with the values."""
    out = np.empty(max(2 * values.size, least), values.dtype)
    out[: values.size] = values
    return out


@jit
def link_block(
    points: Detections,
    grid: Grid,
    frames: tuple[int, int],
    n_gaps: int,
    base2: float,
    power: int,
    skip: float,
    state: Matching,
    taken: Indices,
    previous: Indices,
) -> None:
    """Link the detections of the frames frames[0] .. frames[1] to the tracks still open, frame by frame.

    A link costs less one at no distance, 0 at the reach, over the gap: otherwise a track lost for long, whose
    reach is wide, would take what belongs to one seen just before. Tracks seen last come first, so that they
    win where costs tie. previous[j] becomes the detection before j in its track, or -1; taken[i] is 1 where
    a link leaves i. `state` has room for the tracks open at, and the detections of, any one frame.
    """
    position, clock, latest, frame_ptr = points.position, points.clock, points.latest, points.frame_ptr
    size, origin, shape, first_cell = grid.size, grid.origin, grid.shape, grid.first_cell
    cell_ptr, member, place = grid.cell_ptr, grid.member, grid.place
    edge_of_row, row_of_col, price = state.edge_of_row, state.row_of_col, state.price
    rows, row_of = np.arange(edge_of_row.size), np.empty(edge_of_row.size, np.int64)
    lo, hi = np.empty(edge_of_row.size, np.int64), np.empty(edge_of_row.size, np.int64)
    cols, cost = np.empty(64, np.int32), np.empty(64)
    for f in range(frames[0], frames[1]):
        begin, end = frame_ptr[f], frame_ptr[f + 1]
        n_rows, at = 0, 0
        for g in range(1, min(n_gaps, f) + 1):
            for i in range(frame_ptr[f - g], frame_ptr[f - g + 1]):
                if taken[i] != 0 or begin == end:
                    continue
                reach2 = squared_reach(latest[f] - clock[i], base2, power)
                row_lo, row_hi, col_lo, col_hi = cells_within(
                    size[f], origin, shape, f, position[i, 0], position[i, 1], np.sqrt(reach2)
                )
                lo[n_rows] = at
                for row in range(row_lo, row_hi + 1):
                    cell = first_cell[f] + row * shape[f, 1]
                    m_lo, m_hi = cell_ptr[cell + col_lo], cell_ptr[cell + col_hi + 1]
                    if at + m_hi - m_lo > cols.size:
                        cols, cost = _grown(cols, at + m_hi - m_lo), _grown(cost, at + m_hi - m_lo)
                    for m in range(m_lo, m_hi):
                        d2 = squared_distance(place, m, position, i)
                        if d2 > reach2:
                            continue
                        gap = clock[member[m]] - clock[i]
                        within2 = squared_reach(gap, base2, power)
                        if d2 > within2:
                            continue
                        part = d2 / within2 if within2 > 0.0 else 0.0
                        cols[at] = member[m] - begin
                        cost[at] = (part - 1.0) / max(gap, 1.0)
                        at += 1
                if at > lo[n_rows]:
                    hi[n_rows], row_of[n_rows] = at, i
                    n_rows += 1
        edge_of_row[:n_rows] = -1
        row_of_col[: end - begin] = -1
        price[: end - begin] = 0.0
        assign_rows(rows[:n_rows], lo, hi, cols, cost, skip, state)
        for c in range(end - begin):
            r = row_of_col[c]
            previous[begin + c] = row_of[r] if r >= 0 else -1
            if r >= 0:
                taken[row_of[r]] = 1


@jit
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


@jit
def turn_round(previous: Indices) -> Indices:
    """Return the detection after each one in its track, or -1."""
    following = np.full(previous.size, -1, np.int32)
    for j in range(previous.size):
        if previous[j] >= 0:
            following[previous[j]] = j
    return following


@jit
def squared_steps(points: Detections, previous: Indices, least_gap: float) -> Floats:
    """Return the squared step per frame interval of every link, in order of their targets."""
    position, clock = points.position, points.clock
    out = np.empty(previous.size)
    n = 0
    for j in range(previous.size):
        i = previous[j]
        if i >= 0:
            out[n] = squared_distance(position, j, position, i) / max(clock[j] - clock[i], least_gap)
            n += 1
    return out[:n].copy()


@jit
def count_steps(frames: tuple[int, int], points: Detections, previous: Indices, count: Ints) -> None:
    """Count the links from each frame to the next, by the later one."""
    frame_of, frame_ptr = points.frame_of, points.frame_ptr
    for f in range(frames[0], frames[1]):
        n = 0
        for j in range(frame_ptr[f], frame_ptr[f + 1]):
            n += previous[j] >= 0 and frame_of[previous[j]] == f - 1
        count[f] = n


@jit
def middle_steps(
    frames: tuple[int, int], points: Detections, previous: Indices, edges: Ints, step: Floats, middle: Floats
) -> None:
    """Write the links from each frame to the next, those to frame f at edges[f], and their medians."""
    position, frame_of, frame_ptr = points.position, points.frame_of, points.frame_ptr
    for f in range(frames[0], frames[1]):
        at = edges[f]
        for j in range(frame_ptr[f], frame_ptr[f + 1]):
            i = previous[j]
            if i >= 0 and frame_of[i] == f - 1:
                for d in range(position.shape[1]):
                    step[at, d] = position[j, d] - position[i, d]
                at += 1
        if at > edges[f]:
            for d in range(position.shape[1]):
                middle[f, d] = np.median(step[edges[f] : at, d])
