"""Kernels of linking from frame to frame: optimal assignment of a frame's detections to the open tracks."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

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


@jit
def _longer(edges: Edges, n_edges: int) -> Edges:
    """Return a copy of the edges with space for n_edges, and at least twice as many as before."""
    size = max(2 * edges.cost.size, n_edges)
    cols, cost = np.empty(size, np.int32), np.empty(size)
    cols[: edges.col.size] = edges.col
    cost[: edges.cost.size] = edges.cost
    return Edges(edges.start, edges.stop, cols, cost)


@jit
def _add_row(
    points: Detections, grid: Grid, limits: SearchLimits, i: int, f: int, row: int, edges: Edges
) -> Edges:
    """Write the candidate links from detection i to frame f as edges of a row, and return the edges."""
    position, time, begin = points.position, points.time, points.frame_ptr[f]
    squared, power, _ = limits
    largest = squared_search_range(points.latest[f] - time[i], squared, power)
    row_lo, row_hi, col_lo, col_hi = cells_within(
        grid.size[f], grid.origin, grid.shape, f, position[i, 0], position[i, 1], np.sqrt(largest)
    )
    at = edges.stop[row - 1] if row > 0 else 0
    edges.start[row] = at
    for cell_row in range(row_lo, row_hi + 1):
        cell = grid.first_cell[f] + cell_row * grid.shape[f, 1]
        first, last = grid.cell_ptr[cell + col_lo], grid.cell_ptr[cell + col_hi + 1]
        if at + last - first > edges.cost.size:
            edges = _longer(edges, at + last - first)
        for m in range(first, last):
            distance2 = squared_distance(grid.position, m, position, i)
            gap = time[grid.member[m]] - time[i]
            limit2 = squared_search_range(gap, squared, power)
            if distance2 > largest or distance2 > limit2:
                continue
            fraction = distance2 / limit2 if limit2 > 0.0 else 0.0
            edges.col[at] = grid.member[m] - begin
            edges.cost[at] = (fraction - 1.0) / max(gap, 1.0)
            at += 1
    edges.stop[row] = at
    return edges


@jit
def link_block(
    points: Detections,
    grid: Grid,
    limits: SearchLimits,
    frames: tuple[int, int],
    skip: float,
    state: Matching,
    linked: Indices,
    previous: Indices,
) -> None:
    """Link the detections of the frames frames[0] .. frames[1] to the open tracks, frame by frame.

    A link costs -1 at no distance and 0 at the search range, over the gap: otherwise a track lost for long, whose
    range is wide, would take what belongs to one seen just before. Tracks seen last come first, so that they win
    where costs tie. previous[j] becomes the detection before j in its track, or -1; linked[i] is 1 where a link
    leaves i. `state` holds the open tracks (rows) and the detections (columns) of any one frame.
    """
    frame_ptr = points.frame_ptr
    edge_of_row, row_of_col, price = state.edge_of_row, state.row_of_col, state.price
    n_most = edge_of_row.size
    rows, source = np.arange(n_most), np.empty(n_most, np.int64)
    edges = Edges(
        np.empty(n_most, np.int64), np.empty(n_most, np.int64), np.empty(64, np.int32), np.empty(64)
    )
    for f in range(frames[0], frames[1]):
        begin, end = frame_ptr[f], frame_ptr[f + 1]
        n_rows = 0
        for g in range(1, min(limits.cap.size, f) + 1):
            for i in range(frame_ptr[f - g], frame_ptr[f - g + 1]):
                if linked[i] != 0 or begin == end:
                    continue
                edges = _add_row(points, grid, limits, i, f, n_rows, edges)
                if edges.stop[n_rows] > edges.start[n_rows]:
                    source[n_rows] = i
                    n_rows += 1
        edge_of_row[:n_rows] = -1
        row_of_col[: end - begin] = -1
        price[: end - begin] = 0.0
        assign_rows(rows[:n_rows], edges, skip, state)
        for c in range(end - begin):
            r = row_of_col[c]
            previous[begin + c] = source[r] if r >= 0 else -1
            if r >= 0:
                linked[source[r]] = 1


@jit
def group_medians(values: Floats, group_ptr: Ints, medians: Floats) -> None:
    """Write the median of each group of values, by column; groups without values stay as they are.

    values : (n, D), sorted by group. group_ptr : (n_groups + 1,), where each group starts. medians : (n_groups, D).
    """
    buffer = np.empty(values.shape[0])
    for g in range(group_ptr.size - 1):
        first, n = group_ptr[g], group_ptr[g + 1] - group_ptr[g]
        for d in range(values.shape[1] if n > 0 else 0):
            for k in range(n):
                buffer[k] = values[first + k, d]
            medians[g, d] = median(buffer, n)
