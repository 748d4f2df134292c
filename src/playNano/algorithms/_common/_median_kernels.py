"""Compiled median by quickselect, in a buffer that is reordered."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Floats = NDArray[np.floating[Any]]


@jit
def select(values: Floats, n: int, rank: int) -> float:
    """Return the value of a rank (0 is the minimum) among the first ``n`` by quickselect, which reorders them."""
    low, high = 0, n
    while high - low > 1:
        # The pivot is the median of three values, so that sorted input is not the worst case.
        first, last, centre = values[low], values[high - 1], values[(low + high) // 2]
        if first > last:
            first, last = last, first
        pivot: float = min(max(centre, first), last)
        # Move smaller values to the front. Swapping every value is faster than a branch that is mispredicted every
        # second time.
        end = low
        for i in range(low, high):
            v = values[i]
            values[i] = values[end]
            values[end] = v
            end += v < pivot
        if rank < end:
            high = end
            continue
        # Move values equal to the pivot behind them.
        low = end
        for i in range(low, high):
            v = values[i]
            values[i] = values[end]
            values[end] = v
            end += v == pivot
        if rank < end:
            return pivot
        low = end
    selected: float = values[rank]
    return selected


@jit
def median(values: Floats, n: int) -> float:
    """Return the median of the first ``n`` values, all finite, in double precision; NaN where ``n`` is 0.

    The values are reordered. For an even number of values it is the mean of the two central ones.
    """
    if n == 0:
        return np.nan
    upper: float = np.float64(select(values, n, n // 2))
    if n % 2 == 1:
        return upper
    lower: float = values[0]
    for i in range(1, n // 2):
        lower = max(lower, values[i])
    return 0.5 * lower + 0.5 * upper
