"""Kernels of the confidence of links: the weights of rival assignments relative to the optimal one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Edges, Floats, Indices, Ints
from playNano.algorithms.linking._kernels.motion_model import exp_minus

MAX_DEPTH = 8


class Solution(NamedTuple):
    """A solved assignment and its duals.

    col_of_row, row_of_col : (N,) int32, the partner of each row and column, or -1. price : (N,), dual of each column.
    dual : (N,), dual of each row.
    """

    col_of_row: Indices
    row_of_col: Indices
    price: Floats
    dual: Floats


class RivalSearch(NamedTuple):
    """Limits of the search for rival assignments.

    depth : maximum number of rows that a rival changes, up to MAX_DEPTH. max_extra : extra cost from which rivals are
    ignored. inverse_temperature : factor of the extra cost in the exponent of a rival's weight, 0 to 1.
    """

    depth: int
    max_extra: float
    inverse_temperature: float


@jit(inline="always")
def _weight(extra: float) -> float:
    """Return exp(-extra); the extra cost is negative where the assignment is not the optimal one."""
    return float(exp_minus(extra)) if extra >= 0.0 else float(np.exp(-extra))


@jit(inline="always")
def _on_path(path: Ints, level: int, row: int) -> bool:
    """Return whether a row is on the path up to a level."""
    on_path = False
    for k in range(level + 1):
        on_path = on_path or path[k] == row
    return on_path


@jit(inline="always")
def _add_rival(out: Floats, path: Ints, level: int, holder: int, weight: float) -> None:
    """Add a rival's weight to every row whose column it changes."""
    for k in range(level + 1):
        out[path[k]] += weight
    if holder >= 0:
        out[holder] += weight


@jit
def sort_rivals(edges: Edges, solution: Solution, max_extra: float, block: tuple[int, int]) -> None:
    """Replace the costs of the rows block[0] .. block[1] by reduced costs, cheapest edge first, in place.

    The reduced cost is the increase of the total cost with the edge, by prices and duals. Edges of `max_extra` or
    more, and those of the assignment, are left out.
    """
    start, stop, cols, cost = edges
    col_of_row, price, dual = solution.col_of_row, solution.price, solution.dual
    for row in range(block[0], block[1]):
        end = start[row]
        for e in range(start[row], stop[row]):
            column = cols[e]
            extra = cost[e] - price[column] - dual[row]
            if column == col_of_row[row] or extra >= max_extra:
                continue
            at = end
            while at > start[row] and cost[at - 1] > extra:
                cols[at], cost[at] = cols[at - 1], cost[at - 1]
                at -= 1
            cols[at], cost[at] = column, extra
            end += 1
        stop[row] = end


@jit
def rival_weights(
    edges: Edges, solution: Solution, search: RivalSearch, block: tuple[int, int], out: Floats
) -> None:
    """Add up, for the link of every row, the weights exp(-inverse_temperature * extra cost) of rivals without it.

    Rivals start at the rows block[0] .. block[1]. A rival differs along one alternating path or cycle: a row takes
    another column; the row that held it takes a third one, stays unassigned, or takes the column of the first row. The
    edges are those of `sort_rivals`: in an optimal assignment all reduced costs are 0 or more, which bounds the
    depth-first search.
    """
    start, stop, cols, extra = edges
    col_of_row, row_of_col, price, dual = solution
    depth, max_extra, beta = search
    path = np.empty(MAX_DEPTH, np.int64)
    edge_at = np.empty(MAX_DEPTH, np.int64)
    cost_at = np.empty(MAX_DEPTH)
    for root in range(block[0], block[1]):
        home = col_of_row[root]
        # The cost of leaving the first row's column free.
        leave = -price[home] if home >= 0 else 0.0
        level = 0
        path[0], edge_at[0], cost_at[0] = root, start[root], 0.0
        if home >= 0 and leave - dual[root] < max_extra:
            out[root] += _weight(beta * (leave - dual[root]))
        while level >= 0:
            row = path[level]
            e = edge_at[level]
            if e >= stop[row] or cost_at[level] + extra[e] >= max_extra:
                level -= 1
                continue
            edge_at[level] += 1
            column = cols[e]
            so_far = cost_at[level] + extra[e]
            if column == home:
                out[root] += _weight(beta * so_far)
                continue
            holder = row_of_col[column]
            total = so_far + leave
            if holder >= 0:
                if _on_path(path, level, holder):
                    continue
                total -= dual[holder]
            if total < max_extra:
                _add_rival(out, path, level, holder, _weight(beta * total))
            if holder >= 0 and level + 1 < depth:
                level += 1
                path[level], edge_at[level], cost_at[level] = holder, start[holder], so_far
