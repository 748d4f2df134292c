"""Exact sparse assignment: augmenting row reduction, then shortest augmenting paths.

Every row may stay alone at a fixed cost (its private dummy column); every column may stay alone for free.
That makes any instance feasible, and a search never leaves the connected component in which it starts.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from playNano._jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]

ROW_REDUCTION_STEPS = 32


class Matching(NamedTuple):
    """The state of an assignment: who holds whom, the columns' prices, and the room that a search needs.

    edge_of_row[r] is the edge chosen by row r or -1, row_of_col[c] the row that holds column c or -1.
    """

    edge_of_row: Ints
    row_of_col: Indices
    price: Floats
    dist: Floats
    parent_edge: Ints
    parent_row: Indices
    heap: Indices
    where: Indices
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
        where=np.full(n_cols, -1, np.int32),
        seen=np.empty(n_cols, np.int32),
    )


@jit
def _heap_up(heap: Indices, where: Indices, dist: Floats, k: int) -> None:
    """Move the heap entry at k towards the root until its parent is not farther."""
    column = heap[k]
    while k > 0:
        parent = (k - 1) >> 1
        other = heap[parent]
        if dist[other] < dist[column] or (dist[other] == dist[column] and other < column):
            break
        heap[k] = other
        where[other] = k
        k = parent
    heap[k] = column
    where[column] = k


@jit
def _heap_pop(heap: Indices, where: Indices, dist: Floats, size: int) -> int:
    """Take the nearest column off a heap of `size` entries."""
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
        where[a] = k
        k = child
    if size > 0:
        heap[k] = last
        where[last] = k
    return int(top)


@jit
def _reduce_rows(
    rows: Ints, lo: Ints, hi: Ints, cols: Indices, cost: Floats, skip: float, state: Matching, queue: Ints
) -> int:
    """Assign rows by bidding; return how many rows were left over for the path search."""
    edge_of_row, row_of_col, price = state.edge_of_row, state.row_of_col, state.price
    n_queue = 0
    for r in rows:
        row = r
        for step in range(ROW_REDUCTION_STEPS + 1):
            best = np.inf
            second = skip
            edge = -1
            for e in range(lo[row], hi[row]):
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
def _settle_prices(state: Matching, n_seen: int, end: int, reach: float) -> None:
    """Lower the prices of the columns that a search went through, and clear its room."""
    price, dist, where, seen = state.price, state.dist, state.where, state.seen
    for k in range(n_seen):
        column = seen[k]
        if where[column] == -2 and column != end:
            price[column] += dist[column] - reach
        where[column] = -1
        dist[column] = np.inf


@jit
def _grow_path(
    root: int, lo: Ints, hi: Ints, cols: Indices, cost: Floats, skip: float, state: Matching
) -> tuple[int, int]:
    """Find the cheapest alternating path from a free row, to a free column or to a row that steps back."""
    edge_of_row, row_of_col, price = state.edge_of_row, state.row_of_col, state.price
    dist, heap, where, seen = state.dist, state.heap, state.where, state.seen
    parent_edge, parent_row = state.parent_edge, state.parent_row
    row = root
    base = 0.0
    offset = 0.0
    best_skip = np.inf
    skip_row = root
    n_seen = 0
    n_heap = 0
    end = np.int64(-1)
    reach = 0.0
    while True:
        to_skip = base + skip - offset
        if to_skip < best_skip:
            best_skip = to_skip
            skip_row = row
        for e in range(lo[row], hi[row]):
            column = cols[e]
            if where[column] == -2:
                continue
            d = base + cost[e] - price[column] - offset
            if d < dist[column] and d <= best_skip:
                if where[column] == -1:
                    seen[n_seen] = column
                    n_seen += 1
                    where[column] = n_heap
                    heap[n_heap] = column
                    n_heap += 1
                dist[column] = d
                parent_edge[column] = e
                parent_row[column] = row
                _heap_up(heap, where, dist, where[column])
        if n_heap == 0 or dist[heap[0]] > best_skip:
            reach = best_skip
            break
        column = _heap_pop(heap, where, dist, n_heap)
        n_heap -= 1
        where[column] = -2
        if row_of_col[column] < 0:
            end = np.int64(column)
            reach = dist[column]
            break
        row = row_of_col[column]
        base = dist[column]
        edge = edge_of_row[row]
        offset = cost[edge] - price[column]
    _settle_prices(state, n_seen, end, reach)
    return int(end), skip_row


@jit
def assign_rows(
    rows: Ints, lo: Ints, hi: Ints, cols: Indices, cost: Floats, skip: float, state: Matching
) -> None:
    """Solve the assignment of `rows` to columns at least total cost.

    Row r has the edges lo[r] .. hi[r]; edge e leads to column cols[e] at cost[e]; a row without a column
    costs `skip`. On entry the rows and their columns are free in `state`; on return it holds the assignment.
    """
    edge_of_row, row_of_col = state.edge_of_row, state.row_of_col
    parent_edge, parent_row = state.parent_edge, state.parent_row
    queue = np.empty(rows.size, np.int64)
    n_queue = _reduce_rows(rows, lo, hi, cols, cost, skip, state, queue)
    for q in range(n_queue):
        root = queue[q]
        column, skip_row = _grow_path(root, lo, hi, cols, cost, skip, state)
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
