"""Compiled medians: of the ground of a frame, and of windows."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

MIN_RING_PIXELS = 8
FEW = 8
# Values are counted so many at a time; buffers have that many places to spare.
LANES = 32
# A float32 counts exactly up to 2 ** 24.
STRIDE = np.uint64(1 << 24)
# Half the first bracket around the mean, in standard errors of it: those of a median are a quarter larger, and
# three quarters as large is its distance from the mean.
FIRST_REACH = 1.7
TRIES = 4


# Sums whose order is free are vectorised; they are only a first guess.
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def rough_moments(values, n):
    """Return mean and standard deviation, roughly; neither is finite where a value is not."""
    kind = values.dtype.type
    first = values[0]
    total = kind(0)
    squares = kind(0)
    for i in range(n):
        d = values[i] - first
        total += d
        squares += d * d
    mean = np.float64(total) / n
    rest = np.float64(squares) / n - mean * mean
    return np.float64(first) + mean, np.sqrt(rest if not rest < 0 else 0.0)


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _count(values, padded, a, b):
    """Count the values that are at most ``a``, and at most ``b``; no value is beyond the padding."""
    at_a = 0
    at_b = 0
    for first in range(np.uint64(0), np.uint64(padded), STRIDE):
        # As many are counted at once as there are float32 in a register.
        part_a = np.float32(0)
        part_b = np.float32(0)
        for i in range(first, min(first + STRIDE, np.uint64(padded))):
            part_a += np.float32(1) if values[i] <= a else np.float32(0)
            part_b += np.float32(1) if values[i] <= b else np.float32(0)
        at_a += np.int64(part_a)
        at_b += np.int64(part_b)
    return at_a, at_b


@njit(cache=True, nogil=True)
def _guess(values, n, padded, k, mean, spread):
    """Bracket rank ``k`` around the mean, and then where the bracket's counts place it.

    Returns ``floor, ceiling, below, within``: ``below`` values are at most ``floor``, ``within`` at most
    ``ceiling``, and rank ``k`` lies between.
    """
    kind = values.dtype.type
    floor = kind(-np.inf)
    ceiling = kind(np.inf)
    below = 0
    within = n
    if not spread < np.inf:
        return floor, ceiling, below, within
    middle = mean
    reach = FIRST_REACH * spread / np.sqrt(n)
    for _ in range(TRIES):
        a = max(kind(middle - reach), floor)
        b = min(kind(middle + reach), ceiling)
        if not a < b:
            break
        at_a, at_b = _count(values, padded, a, b)
        if at_a > k:
            ceiling = a
            within = at_a
        elif at_b > k:
            floor = a
            below = at_a
            ceiling = b
            within = at_b
        else:
            floor = b
            below = at_b
        if within - below <= FEW or not np.float64(ceiling) - np.float64(floor) < np.inf:
            break
        step = (np.float64(ceiling) - np.float64(floor)) / (within - below)
        middle = floor + (k + 1 - below) * step
        reach = 0.45 * FEW * step
    return floor, ceiling, below, within


@njit(cache=True, nogil=True)
def _halve(values, n, padded, k, bracket):
    """Halve a bracket until few values are left in it."""
    kind = values.dtype.type
    floor, ceiling, below, within = bracket
    # No median is farther from the mean than the standard deviation.
    mean = 0.0
    for i in range(n):
        mean += (np.float64(values[i]) - values[0]) / n
    squares = 0.0
    for i in range(n):
        squares += (np.float64(values[i]) - values[0] - mean) ** 2 / n
    low = values[0] + mean - 1.01 * np.sqrt(squares)
    high = values[0] + mean + 1.01 * np.sqrt(squares)
    for step in range(80):
        if within - below <= FEW:
            break
        # First the ends, which rounding may have misplaced; then the middles.
        middle = kind(low if step == 0 else high if step == 1 else low + 0.5 * (high - low))
        if not floor < middle < ceiling:
            if step > 1:
                break
            low, high = max(low, np.float64(floor)), min(high, np.float64(ceiling))
            continue
        count, _ = _count(values, padded, middle, middle)
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
def _pack(values, n, floor, ceiling):
    """Move the values of a bracket to the front. Return their number."""
    m = np.uint64(0)
    for i in range(np.uint64(n)):
        v = values[i]
        values[m] = v
        m += np.uint64((v > floor) & (v <= ceiling))
    return np.int64(m)


@njit(cache=True, nogil=True)
def median_near(values, n, mean, spread):
    """Return the exact median of ``n`` finite values, of which mean and deviation are roughly known.

    The array has ``LANES`` more places and is used as scratch.
    """
    k = (n - 1) // 2
    padded = (n + LANES - 1) // LANES * LANES
    for i in range(n, padded):
        values[i] = np.inf
    bracket = _guess(values, n, padded, k, mean, spread)
    if bracket[3] - bracket[2] > FEW:
        bracket = _halve(values, n, padded, k, bracket)
    floor, ceiling, below, within = bracket
    above = np.inf
    beyond = n % 2 == 0 and k + 1 == within
    if beyond:
        for i in range(n):
            v = np.float64(values[i])
            above = min(above, v if v > ceiling else np.inf)
    m = _pack(values, n, floor, ceiling)
    _sort(values[:m])
    middle = np.float64(values[k - below])
    if n % 2 == 1:
        return middle
    return 0.5 * (middle + (above if beyond else np.float64(values[k + 1 - below])))


@njit(cache=True, nogil=True)
def median(values, n):
    """Return the exact median of the first ``n`` values, finite ones; NaN of none.

    The array has ``LANES`` more places and is used as scratch.
    """
    if n == 0:
        return np.nan
    mean, spread = rough_moments(values, n)
    return median_near(values, n, mean, spread)


@njit(cache=True, nogil=True)
def frame_background(seeds, z):
    """Return the median of the finite pixels that belong to no region; NaN where there is none."""
    values = np.empty(z.size + LANES, z.dtype)
    n = 0
    for row in range(z.shape[0]):
        for x in range(z.shape[1]):
            v = z[row, x]
            if seeds[row, x] == 0 and np.isfinite(v):
                values[n] = v
                n += 1
    return median(values, n)


@njit(cache=True, nogil=True)
def window_medians(z, rows, cols, height, width):
    """Return the medians of the finite pixels in windows of one size; NaN where there are none."""
    out = np.empty((rows.size, cols.size))
    values = np.empty(height * width + LANES, z.dtype)
    for i in range(rows.size):
        for j in range(cols.size):
            n = 0
            for row in range(rows[i], rows[i] + height):
                for x in range(cols[j], cols[j] + width):
                    v = z[row, x]
                    values[n] = v
                    n += v - v == 0
            out[i, j] = median(values, n)
    return out
