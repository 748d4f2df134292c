"""Compiled medians: of the ground of a frame, and of windows."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

MIN_RING_PIXELS = 8
FEW = 4
# A float32 counts exactly up to 2 ** 24.
STRIDE = 1 << 24


@njit(cache=True, nogil=True, inline="always")
def _moments(values):
    """Return mean and standard deviation, roughly."""
    first = np.float64(values[0])
    total = 0.0
    squares = 0.0
    for i in range(values.size):
        d = np.float64(values[i]) - first
        total += d
        squares += d * d
    mean = total / values.size
    return first + mean, np.sqrt(max(squares / values.size - mean * mean, 0.0))


@njit(cache=True, nogil=True, inline="always")
def _count(values, at):
    """Count the values that are at most ``at``."""
    count = 0
    for first in range(0, values.size, STRIDE):
        # As many are counted at once as there are float32 in a register.
        part = np.float32(0)
        for i in range(first, min(first + STRIDE, values.size)):
            part += np.float32(1) if values[i] <= at else np.float32(0)
        count += np.int64(part)
    return count


# Sums whose order is free are vectorised.
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _bracket(values, k):
    """Halve a range of heights until few values are left around rank ``k``.

    Returns ``floor, ceiling, below, within``: ``below`` values are at most ``floor``, ``within`` at most
    ``ceiling``, and rank ``k`` lies between.
    """
    kind = values.dtype.type
    # No median is farther from the mean than the standard deviation.
    mean, spread = _moments(values)
    floor = kind(-np.inf)
    ceiling = kind(np.inf)
    below = 0
    within = values.size
    low, high = mean - 1.01 * spread, mean + 1.01 * spread
    for step in range(80):
        if within - below <= FEW:
            break
        # First the ends, which rounding may have misplaced; then the middles.
        middle = kind(low if step == 0 else high if step == 1 else low + 0.5 * (high - low))
        if not floor < middle < ceiling:
            break
        count = _count(values, middle)
        if count > k:
            ceiling = middle
            within = count
            high = np.float64(middle)
        else:
            floor = middle
            below = count
            low = np.float64(middle)
    return floor, ceiling, below, within


@njit(cache=True, nogil=True, inline="always")
def _sort(values):
    """Sort a few values, or many equal ones, in place by insertion."""
    for i in range(1, values.size):
        v = values[i]
        j = i - 1
        while j >= 0 and values[j] > v:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = v


@njit(cache=True, nogil=True)
def median(values):
    """Return the exact median of finite values; NaN of none. The array is used as scratch."""
    n = values.size
    if n == 0:
        return np.nan
    k = (n - 1) // 2
    floor, ceiling, below, within = _bracket(values, k)
    above = np.inf
    beyond = n % 2 == 0 and k + 1 == within
    if beyond:
        for i in range(n):
            v = np.float64(values[i])
            above = min(above, v if v > ceiling else np.inf)
    m = 0
    for i in range(n):
        v = values[i]
        values[m] = v
        m += (v > floor) & (v <= ceiling)
    _sort(values[:m])
    middle = np.float64(values[k - below])
    if n % 2 == 1:
        return middle
    return 0.5 * (middle + (above if beyond else np.float64(values[k + 1 - below])))


@njit(cache=True, nogil=True)
def frame_background(seeds, z):
    """Return the median of the finite pixels that belong to no region; NaN where there is none."""
    values = np.empty(z.size, z.dtype)
    n = 0
    for row in range(z.shape[0]):
        for x in range(z.shape[1]):
            v = z[row, x]
            if seeds[row, x] == 0 and np.isfinite(v):
                values[n] = v
                n += 1
    return median(values[:n])


@njit(cache=True, nogil=True)
def window_medians(z, rows, cols, height, width):
    """Return the medians of the finite pixels in windows of one size; NaN where there are none."""
    out = np.empty((rows.size, cols.size))
    values = np.empty(height * width, z.dtype)
    for i in range(rows.size):
        for j in range(cols.size):
            n = 0
            for row in range(rows[i], rows[i] + height):
                for x in range(cols[j], cols[j] + width):
                    v = z[row, x]
                    values[n] = v
                    n += v - v == 0
            out[i, j] = median(values[:n])
    return out
