"""Kernels of exact sparse linear assignment (sparse LAPJV): augmenting row reduction, then augmenting paths.

Every row may stay unassigned at a fixed cost (its own dummy column); every column may stay unassigned for
free. Any instance is therefore feasible, and a search never leaves the connected component in which it starts.

References
----------
Jonker, Volgenant: A shortest augmenting path algorithm for dense and sparse linear assignment problems, Computing
38, 1987, doi 10.1007/BF02278710.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from playNano._jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]

ROW_REDUCTION_STEPS = 32


class Edges(NamedTuple):
    """The edges of a bipartite graph between rows and columns: row r has the edges start[r] .. stop[r].

    start, stop : (n_rows,) int64. col : (n_edges,) int32, the column that each edge leads to. cost : (n_edges,).
    """

    start: Ints
    stop: Ints
    col: Indices
    cost: Floats


class Matching(NamedTuple):
    """The state of an assignment: matched pairs, dual prices of the columns, and the workspace of a path search.

    edge_of_row : (n_rows,) int64, the edge that row r is assigned by, or -1. row_of_col : (n_cols,) int32, the row
    that holds column c, or -1. price : (n_cols,), the dual price. dist, parent_edge, parent_row : (n_cols,), length
    and last step of the shortest path to each column. heap, heap_position : (n_cols,), a binary heap of columns by
    distance; the position is -1 for columns not yet seen and -2 for finished ones. seen : (n_cols,), columns that the
    search has touched.
    """

    edge_of_row: Ints
    row_of_col: Indices
    price: Floats
    dist: Floats
    parent_edge: Ints
    parent_row: Indices
    heap: Indices
    heap_position: Indices
    seen: Indices


def new_matching(n_rows: int, n_cols: int) -> Matching:
    """Return the state in which every row and every column is free."""
    return Matching(
        edge_of_row=np.full(n_rows, -1, np.int64),
        row_of_col=np.full(n_cols, -1, np.int32),
        price=np.zeros(n_cols),
        dist=np.full(n_cols, np.inf),
        parent_edge=np.empty(n_cols, np.int64),
        parent_row=np.empty(n_cols, np.int32),
        heap=np.empty(n_cols, np.int32),
        heap_position=np.full(n_cols, -1, np.int32),
        seen=np.empty(n_cols, np.int32),
    )


@jit
def _heap_up(heap: Indices, position: Indices, dist: Floats, k: int) -> None:
    """Move the heap entry at k towards the root until its parent is not farther away; ties are ordered by column."""
    column = heap[k]
    while k > 0:
        parent = (k - 1) >> 1
        other = heap[parent]
        if dist[other] < dist[column] or (dist[other] == dist[column] and other < column):
            break
        heap[k] = other
        position[other] = k
        k = parent
    heap[k] = column
    position[column] = k


@jit
def _heap_pop(heap: Indices, position: Indices, dist: Floats, size: int) -> int:
    """Remove and return the nearest column of a heap of `size` entries."""
    top = heap[0]
    last = heap[size - 1]
    size -= 1
    k = 0
    while True:
        child = 2 * k + 1
        if child >= size:
            break
        a = heap[child]
        if child + 1 < size:
            b = heap[child + 1]
            if dist[b] < dist[a] or (dist[b] == dist[a] and b < a):
                child += 1
                a = b
        if dist[last] < dist[a] or (dist[last] == dist[a] and last < a):
            break
        heap[k] = a
        position[a] = k
        k = child
    if size > 0:
        heap[k] = last
        position[last] = k
    return int(top)


@jit
def _reduce_rows(rows: Ints, edges: Edges, skip: float, state: Matching, queue: Ints) -> int:
    """Assign rows by augmenting row reduction; queue the unassigned rows and return their number."""
    start, stop, cols, cost = edges
    edge_of_row, row_of_col, price = state.edge_of_row, state.row_of_col, state.price
    n_queue = 0
    for r in rows:
        row = r
        for step in range(ROW_REDUCTION_STEPS + 1):
            best = np.inf
            second = skip
            edge = -1
            for e in range(start[row], stop[row]):
                value = cost[e] - price[cols[e]]
                if value < best:
                    if best < second:
                        second = best
                    best = value
                    edge = e
                elif value < second:
                    second = value
            if edge < 0 or best > skip:
                break
            column = cols[edge]
            holder = row_of_col[column]
            if holder >= 0 and (second <= best or step == ROW_REDUCTION_STEPS):
                queue[n_queue] = row
                n_queue += 1
                break
            price[column] -= second - best
            row_of_col[column] = row
            edge_of_row[row] = edge
            if holder < 0:
                break
            edge_of_row[holder] = -1
            row = holder
    return n_queue


@jit
def _update_dual_prices(state: Matching, n_seen: int, end: int, path_length: float) -> None:
    """Lower the dual prices of the columns that a path search finished, and reset its workspace."""
    price, dist, position, seen = state.price, state.dist, state.heap_position, state.seen
    for k in range(n_seen):
        column = seen[k]
        if position[column] == -2 and column != end:
            price[column] += dist[column] - path_length
        position[column] = -1
        dist[column] = np.inf


@jit
def _shortest_path(root: int, edges: Edges, skip: float, state: Matching) -> tuple[int, int]:
    """Return the end of the shortest augmenting path from a free row (Dijkstra): a free column, or -1 and a row.

    The row is the one whose release (to its dummy column) is cheapest.
    """
    start, stop, cols, cost = edges
    edge_of_row, row_of_col, price = state.edge_of_row, state.row_of_col, state.price
    dist, heap, position, seen = state.dist, state.heap, state.heap_position, state.seen
    parent_edge, parent_row = state.parent_edge, state.parent_row
    row = root
    base = 0.0
    offset = 0.0
    min_skip = np.inf
    skip_row = root
    n_seen = 0
    n_heap = 0
    end = np.int64(-1)
    path_length = 0.0
    while True:
        to_skip = base + skip - offset
        if to_skip < min_skip:
            min_skip = to_skip
            skip_row = row
        for e in range(start[row], stop[row]):
            column = cols[e]
            if position[column] == -2:
                continue
            d = base + cost[e] - price[column] - offset
            if d < dist[column] and d <= min_skip:
                if position[column] == -1:
                    seen[n_seen] = column
                    n_seen += 1
                    position[column] = n_heap
                    heap[n_heap] = column
                    n_heap += 1
                dist[column] = d
                parent_edge[column] = e
                parent_row[column] = row
                _heap_up(heap, position, dist, position[column])
        if n_heap == 0 or dist[heap[0]] > min_skip:
            path_length = min_skip
            break
        column = _heap_pop(heap, position, dist, n_heap)
        n_heap -= 1
        position[column] = -2
        if row_of_col[column] < 0:
            end = np.int64(column)
            path_length = dist[column]
            break
        row = row_of_col[column]
        base = dist[column]
        edge = edge_of_row[row]
        offset = cost[edge] - price[column]
    _update_dual_prices(state, n_seen, end, path_length)
    return int(end), skip_row


@jit
def assign_rows(rows: Ints, edges: Edges, skip: float, state: Matching) -> None:
    """Solve the assignment of `rows` to columns at minimum total cost; a row without a column costs `skip`.

    On entry the rows and their columns are free in `state`; on return it holds the optimal assignment.
    """
    cols = edges.col
    edge_of_row, row_of_col = state.edge_of_row, state.row_of_col
    parent_edge, parent_row = state.parent_edge, state.parent_row
    queue = np.empty(rows.size, np.int64)
    n_queue = _reduce_rows(rows, edges, skip, state, queue)
    for q in range(n_queue):
        root = queue[q]
        column, skip_row = _shortest_path(root, edges, skip, state)
        if column < 0:
            if skip_row == root:
                continue
            column = cols[edge_of_row[skip_row]]
            edge_of_row[skip_row] = -1
        while True:
            row = parent_row[column]
            freed = edge_of_row[row]
            edge_of_row[row] = parent_edge[column]
            row_of_col[column] = row
            if row == root:
                break
            column = cols[freed]
