"""The compiled median of all kernels: quickselect in a buffer that may be reordered."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit


@jit
def select(values, n, rank):
    """Return the value of a rank (0 the smallest) among the first ``n``; reorders them around it (quickselect)."""
    low, high = 0, n
    while high - low > 1:
        # The median of three values as pivot: sorted and constant lines are then no worst case.
        first, last, pivot = values[low], values[high - 1], values[(low + high) // 2]
        if first > last:
            first, last = last, first
        pivot = min(max(pivot, first), last)
        # Smaller values to the front. Every value is swapped, and the end of the front moves or not: this is faster
        # than a branch, which the processor would guess wrong every second time.
        end = low
        for i in range(low, high):
            v = values[i]
            values[i] = values[end]
            values[end] = v
            end += v < pivot
        if rank < end:
            high = end
            continue
        # Then those that equal the pivot.
        low = end
        for i in range(low, high):
            v = values[i]
            values[i] = values[end]
            values[end] = v
            end += v == pivot
        if rank < end:
            return pivot
        low = end
    return values[rank]


@jit
def median(values, n):
    """Return the median of the first ``n`` values, all finite, in double precision; NaN where ``n`` is 0.

    The values are reordered. Of an even number, the mean of the two in the middle.
    """
    if n == 0:
        return np.nan
    upper = np.float64(select(values, n, n // 2))
    if n % 2 == 1:
        return upper
    lower = values[0]
    for i in range(1, n // 2):
        lower = max(lower, values[i])
    return 0.5 * lower + 0.5 * upper
