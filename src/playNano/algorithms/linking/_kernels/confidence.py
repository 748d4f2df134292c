"""Kernel of confidence: how likely the best assignment is beside its nearest rivals."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms.linking._kernels.assignment import Floats, Indices, Ints
from playNano.algorithms.linking._kernels.motion_model import decay

MOST_ROWS = 8


@jit(inline="always")
def _weight(extra: float) -> float:
    """Return exp(-extra); the extra cost may be a little, or where links were given much, below 0."""
    return float(decay(extra)) if extra >= 0.0 else float(np.exp(-extra))


@jit(inline="always")
def _on_path(row_at: Ints, level: int, row: int) -> bool:
    """Tell whether a row is on the path already."""
    found = False
    for k in range(level + 1):
        found = found or row_at[k] == row
    return found


@jit(inline="always")
def _count_rival(out: Floats, row_at: Ints, level: int, holder: int, weight: float) -> None:
    """Add a rival's weight for every row whose column it changes."""
    for k in range(level + 1):
        out[row_at[k]] += weight
    if holder >= 0:
        out[holder] += weight


@jit
def sort_rivals(
    lo: Ints,
    hi: Ints,
    cols: Indices,
    cost: Floats,
    col_of_row: Indices,
    price: Floats,
    dual: Floats,
    cut: float,
    first: int,
    last: int,
) -> None:
    """Turn the edges of the rows first .. last into steps away from the assignment, cheapest first, in place.

    A step costs what it makes the assignment dearer, by price and dual; those from `cut` on, and the edges
    that were chosen, are left out.
    """
    for row in range(first, last):
        end = lo[row]
        for e in range(lo[row], hi[row]):
            column = cols[e]
            extra = cost[e] - price[column] - dual[row]
            if column == col_of_row[row] or extra >= cut:
                continue
            at = end
            while at > lo[row] and cost[at - 1] > extra:
                cols[at], cost[at] = cols[at - 1], cost[at - 1]
                at -= 1
            cols[at], cost[at] = column, extra
            end += 1
        hi[row] = end


@jit
def rival_weights(
    lo: Ints,
    hi: Ints,
    cols: Indices,
    extra: Floats,
    col_of_row: Indices,
    row_of_col: Indices,
    price: Floats,
    dual: Floats,
    first: int,
    last: int,
    depth: int,
    cut: float,
    sharpness: float,
    out: Floats,
) -> None:
    """Add up, for every chosen edge, the weights exp(-sharpness * extra cost) of rivals without it.

    Rows first .. last begin the rivals. A rival differs along one alternating path or cycle through at most
    `depth` rows. A row takes another column; the column's holder takes a third one, stays alone, or takes
    what the first row left. Rivals that cost more than `cut` extra do not count. The steps, cheapest first,
    are those of `sort_rivals`: in an optimal assignment all cost 0 or more, which is what bounds the search.
    """
    row_at = np.empty(MOST_ROWS, np.int64)
    edge_at = np.empty(MOST_ROWS, np.int64)
    cost_at = np.empty(MOST_ROWS)
    for root in range(first, last):
        home = col_of_row[root]
        # What it costs that the root's own column is left free.
        leave = -price[home] if home >= 0 else 0.0
        level = 0
        row_at[0], edge_at[0], cost_at[0] = root, lo[root], 0.0
        if home >= 0 and leave - dual[root] < cut:
            out[root] += _weight(sharpness * (leave - dual[root]))
        while level >= 0:
            row = row_at[level]
            e = edge_at[level]
            if e >= hi[row] or cost_at[level] + extra[e] >= cut:
                level -= 1
                continue
            edge_at[level] += 1
            column = cols[e]
            so_far = cost_at[level] + extra[e]
            if column == home:
                out[root] += _weight(sharpness * so_far)
                continue
            holder = row_of_col[column]
            free = so_far + leave
            if holder >= 0:
                if _on_path(row_at, level, holder):
                    continue
                free -= dual[holder]
            if free < cut:
                _count_rival(out, row_at, level, holder, _weight(sharpness * free))
            if holder >= 0 and level + 1 < depth:
                level += 1
                row_at[level], edge_at[level], cost_at[level] = holder, lo[holder], so_far
