"""Kernels of linking from frame to frame: optimal assignment of a frame's detections to the open tracks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median
from playNano.algorithms.linking._kernels.assignment import (
    Edges,
    Floats,
    Indices,
    Ints,
    Matching,
    assign_rows,
)
from playNano.algorithms.linking._kernels.grid import (
    Detections,
    Grid,
    SearchLimits,
    cells_within,
    squared_distance,
    squared_search_range,
)


class FrameLinks(NamedTuple):
    """Links from frame to frame.

    linked : (N,) int32, 1 where a link leaves a detection. previous : (N,) int32, the detection before each one in its
    track, or -1. velocity : (N, D), by which positions are predicted: after each detection, if no link leads to it;
    where a link leads to it, it becomes the mean of the velocity before and that of the link. (0, D): the prediction is
    the last position.
    """

    linked: Indices
    previous: Indices
    velocity: Floats


@jit
def _squared_residual(
    position: Floats, i: int, by_cell: Floats, m: int, velocity: Floats, gap: float, directed: bool
) -> float:
    """Return the squared distance of a candidate from detection i, or from its predicted position."""
    if not directed:
        return float(squared_distance(by_cell, m, position, i))
    squared = 0.0
    for d in range(position.shape[1]):
        step = by_cell[m, d] - position[i, d] - gap * velocity[i, d]
        squared += step * step
    return squared


@jit
def _frame_edges(
    points: Detections,
    grid: Grid,
    limits: SearchLimits,
    f: int,
    links: FrameLinks,
    source: Ints,
    edges: Edges,
) -> int:
    """List the candidate links from open tracks to frame f as edges; return the number of tracks that have any.

    source[row] becomes the last detection of the track. Returns -1 where the arrays are too short for the edges.
    """
    # Local names for the arrays: access through the tuple would count references in every iteration.
    position, time, latest, frame_ptr = points.position, points.time, points.latest, points.frame_ptr
    size, origin, shape, first_cell = grid.size, grid.origin, grid.shape, grid.first_cell
    cell_ptr, member, by_cell = grid.cell_ptr, grid.member, grid.position
    squared, power, cap = limits
    start, stop, cols, cost = edges
    n_rows, at = 0, 0
    linked, velocity = links.linked, links.velocity
    directed = velocity.shape[0] > 0
    for g in range(1, min(cap.shape[1], f) + 1):
        for i in range(frame_ptr[f - g], frame_ptr[f - g + 1]):
            if linked[i] != 0:
                continue
            gap = latest[f] - time[i]
            largest = squared_search_range(gap, squared, power)
            y, x, radius = position[i, 0], position[i, 1], np.sqrt(largest)
            if directed:
                # Detections of a frame differ in time by up to one interval.
                radius += np.sqrt(velocity[i, 0] ** 2 + velocity[i, 1] ** 2)
                y, x = y + gap * velocity[i, 0], x + gap * velocity[i, 1]
            row_lo, row_hi, col_lo, col_hi = cells_within(size[f], origin, shape, f, y, x, radius)
            start[n_rows] = at
            for row in range(row_lo, row_hi + 1):
                cell = first_cell[f] + row * shape[f, 1]
                first, last = cell_ptr[cell + col_lo], cell_ptr[cell + col_hi + 1]
                if at + last - first > cost.size:
                    return -1
                for m in range(first, last):
                    gap = time[member[m]] - time[i]
                    distance2 = _squared_residual(position, i, by_cell, m, velocity, gap, directed)
                    if distance2 > largest:
                        continue
                    limit2 = squared_search_range(gap, squared, power)
                    if distance2 > limit2:
                        continue
                    fraction = distance2 / limit2 if limit2 > 0.0 else 0.0
                    cols[at] = member[m] - frame_ptr[f]
                    cost[at] = (fraction - 1.0) / max(gap, 1.0)
                    at += 1
            if at > start[n_rows]:
                stop[n_rows], source[n_rows] = at, i
                n_rows += 1
    return n_rows


@jit
def _update_velocity(points: Detections, i: int, j: int, previous: Indices, velocity: Floats) -> None:
    """Set the velocity after detection j from its link from i, averaged with the velocity before."""
    # Lines scanned at nearly the same time would give a huge velocity.
    gap = max(points.time[j] - points.time[i], 0.25)
    for d in range(velocity.shape[1]):
        step = (points.position[j, d] - points.position[i, d]) / gap
        velocity[j, d] = step if previous[i] < 0 else 0.5 * (velocity[i, d] + step)


@jit
def link_block(
    points: Detections,
    grid: Grid,
    limits: SearchLimits,
    frames: tuple[int, int],
    skip: float,
    state: Matching,
    links: FrameLinks,
) -> None:
    """Link the detections of the frames frames[0] .. frames[1] to the open tracks, frame by frame.

    A link costs -1 at distance 0 and 0 at the search range, divided by the gap: otherwise a track lost for long, whose
    range is wide, would take the detection of a track seen just before. Tracks seen last come first, so that they are
    preferred where costs tie. The links of these frames are written to `links`. `state` holds the open tracks (rows)
    and the detections (columns) of one frame.
    """
    frame_ptr = points.frame_ptr
    linked, previous, velocity = links
    edge_of_row, row_of_col, price = state.edge_of_row, state.row_of_col, state.price
    rows, source = np.arange(edge_of_row.size), np.empty(edge_of_row.size, np.int64)
    start, stop = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    edges = Edges(start, stop, np.empty(64, np.int32), np.empty(64))
    for f in range(frames[0], frames[1]):
        begin, end = frame_ptr[f], frame_ptr[f + 1]
        if begin == end:
            continue
        n_rows = _frame_edges(points, grid, limits, f, links, source, edges)
        while n_rows < 0:
            n_edges = 2 * edges.cost.size
            edges = Edges(start, stop, np.empty(n_edges, np.int32), np.empty(n_edges))
            n_rows = _frame_edges(points, grid, limits, f, links, source, edges)
        edge_of_row[:n_rows] = -1
        row_of_col[: end - begin] = -1
        price[: end - begin] = 0.0
        assign_rows(rows[:n_rows], edges, skip, state)
        for c in range(end - begin):
            r = row_of_col[c]
            previous[begin + c] = source[r] if r >= 0 else -1
            if r >= 0:
                linked[source[r]] = 1
                if velocity.shape[0] > 0:
                    _update_velocity(points, source[r], begin + c, previous, velocity)


@jit
def group_medians(values: Floats, group_ptr: Ints, medians: Floats) -> None:
    """Compute the median of each group of values, by column; empty groups are left unchanged.

    values : (n, D), sorted by group. group_ptr : (n_groups + 1,), where each group starts. medians : (n_groups, D).
    """
    buffer = np.empty(values.shape[0])
    for g in range(group_ptr.size - 1):
        first, n = group_ptr[g], group_ptr[g + 1] - group_ptr[g]
        for d in range(values.shape[1] if n > 0 else 0):
            for k in range(n):
                buffer[k] = values[first + k, d]
            medians[g, d] = median(buffer, n)
