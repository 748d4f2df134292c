"""Kernel of confidence: how likely the best assignment is beside its nearest rivals."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

import numpy as np
from numba import njit

from playNano.algorithms._assignment_kernels import Floats, Indices, Ints

MOST_ROWS = 8


@njit(cache=True, nogil=True)
def rival_weights(
    ptr: Ints,
    cols: Indices,
    cost: Floats,
    edge_of_row: Ints,
    row_of_col: Indices,
    price: Floats,
    dual: Floats,
    depth: int,
    cut: float,
    sharpness: float,
    out: Floats,
) -> None:
    """Add up, for every chosen edge, the weights exp(-sharpness * extra cost) of the rival assignments without it.

    A rival differs along one alternating path or cycle through at most `depth` rows. A row takes another column;
    the column's holder takes a third one, stays alone, or takes what the first row left. Rivals that cost more
    than `cut` extra do not count. price and dual (by column and row) make all steps of an optimal assignment
    cost 0 or more, which is what bounds the search.
    """
    row_at = np.empty(MOST_ROWS, np.int64)
    edge_at = np.empty(MOST_ROWS, np.int64)
    cost_at = np.empty(MOST_ROWS)
    for root in range(edge_of_row.size):
        own = edge_of_row[root]
        home = cols[own] if own >= 0 else -1
        # What it costs that the root's own column is left free.
        leave = -price[home] if own >= 0 else 0.0
        level = 0
        row_at[0], edge_at[0], cost_at[0] = root, ptr[root], 0.0
        if own >= 0 and leave - dual[root] < cut:
            out[root] += np.exp(-sharpness * (leave - dual[root]))
        while level >= 0:
            row = row_at[level]
            e = edge_at[level]
            if e >= ptr[row + 1]:
                level -= 1
                continue
            edge_at[level] += 1
            if e == edge_of_row[row]:
                continue
            column = cols[e]
            so_far = cost_at[level] + cost[e] - price[column] - dual[row]
            if so_far >= cut:
                continue
            if column == home:
                if level > 0:
                    out[root] += np.exp(-sharpness * so_far)
                continue
            holder = row_of_col[column]
            free = so_far + leave
            if holder >= 0:
                known = False
                for k in range(level + 1):
                    known = known or row_at[k] == holder
                if known:
                    continue
                free -= dual[holder]
            if free < cut:
                weight = np.exp(-sharpness * free)
                for k in range(level + 1):
                    out[row_at[k]] += weight
                if holder >= 0:
                    out[holder] += weight
            if holder >= 0 and level + 1 < depth:
                level += 1
                row_at[level], edge_at[level], cost_at[level] = holder, ptr[holder], so_far
