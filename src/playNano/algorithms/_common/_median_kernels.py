"""The compiled median of all kernels: quickselect in a buffer that may be reordered."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit


@jit
def select(values, n, rank):
    """Return the value of a rank (0 the smallest) among the first ``n``; reorders them around it (quickselect)."""
    low, high = 0, n - 1
    while low < high:
        # The median of three values as pivot: sorted and constant lines are then no worst case.
        first, last, pivot = values[low], values[high], values[(low + high) // 2]
        if first > last:
            first, last = last, first
        pivot = min(max(pivot, first), last)
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
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
