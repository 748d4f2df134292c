"""Compiled estimates of the ground around regions."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

MIN_RING_PIXELS = 8
FEW = 16
# Weight of the inner reach in the cover: far above the number of runs that can overlap.
INNER = 1 << 20
# Places in a region's row of sums, as in _region_kernels.
_ROW_0, _COL_0, _ROW_1, _COL_1, _BACKGROUND = 6, 7, 8, 9, 19


@njit(cache=True, nogil=True)
def _count(values, at):
    """Count the values that are at most ``at``; simple enough for the compiler to vectorise."""
    count = 0
    for i in range(values.size):
        count += values[i] <= at
    return count


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})
def _extremes(values):
    """Return the least and the greatest of finite values; freed of NaN, it is vectorised."""
    low = values[0]
    high = values[0]
    for v in values:
        low = min(low, v)
        high = max(high, v)
    return low, high


@njit(cache=True, nogil=True)
def _bracket(values, k):
    """Halve the range of the values until few are left around rank ``k``.

    Returns ``floor, ceiling, below, within``: ``below`` values are at most ``floor``, ``within`` at most
    ``ceiling``, and rank ``k`` lies between.
    """
    low, high = _extremes(values)
    floor = np.float64(low)
    ceiling = np.float64(high)
    below = 0
    within = values.size
    for _ in range(60):
        if within - below <= FEW:
            break
        middle = values.dtype.type(floor + 0.5 * (ceiling - floor))
        if not floor < middle < ceiling:
            break
        count = _count(values, middle)
        if count > k:
            ceiling = np.float64(middle)
            within = count
        else:
            floor = np.float64(middle)
            below = count
    return (floor if below else -np.inf), ceiling, below, within


@njit(cache=True, nogil=True)
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
    m = 0
    above = np.inf
    even = n % 2 == 0 and k + 1 == within
    for i in range(n):
        v = values[i]
        if even and v > ceiling:
            above = min(above, np.float64(v))
        values[m] = v
        m += (v > floor) & (v <= ceiling)
    _sort(values[:m])
    middle = np.float64(values[k - below])
    if n % 2 == 1:
        return middle
    return 0.5 * (middle + (above if even else np.float64(values[k + 1 - below])))


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
def _mark(cover, runs, at, stop, rows, last, start, end, reach, weight):
    """Add the runs up to row ``last``, widened by ``reach``, to the differences that sum to the cover."""
    while at < stop and rows[runs[at]] <= last:
        r = runs[at]
        cover[max(start[r] - reach, 0)] += weight
        cover[min(end[r] + reach, cover.size - 1)] -= weight
        at += 1
    return at


@njit(cache=True, nogil=True)
def _ring_row(cover, seeds, z, row, left, right, values, n):
    """Append the ground pixels of one row that are covered by the outer reach alone."""
    total = np.int32(0)
    for x in range(left, right):
        total += cover[x]
        v = z[row, x]
        # Without a branch: the outcome is hard to foresee, and a wrong guess costs ten such lines.
        values[n] = v
        n += (total > 0) & (total < INNER) & (seeds[row, x] == 0) & (v - v == 0)
    return n


@njit(cache=True, nogil=True)
def _ring(seeds, z, box, runs, rows, start, end, gap, reach, cover, values):
    """Collect the ground pixels between ``gap`` and ``reach`` (Chebyshev) around one region.

    The dilated region is the union of its widened runs; going down, runs enter and leave a window of
    rows, so each costs a few marks whatever the width of the ring. Return the number of pixels.
    """
    height, width = z.shape
    row_0, col_0, row_1, col_1 = box
    left = max(col_0 - reach, 0)
    right = min(col_1 + reach, width)
    m = runs.size
    in_outer = out_outer = in_inner = out_inner = 0
    n = 0
    for row in range(row_0 - reach, min(row_1 + reach, height)):
        in_outer = _mark(cover, runs, in_outer, m, rows, row + reach, start, end, reach, 1)
        out_outer = _mark(cover, runs, out_outer, m, rows, row - reach - 1, start, end, reach, -1)
        in_inner = _mark(cover, runs, in_inner, m, rows, row + gap, start, end, gap, INNER)
        out_inner = _mark(cover, runs, out_inner, m, rows, row - gap - 1, start, end, gap, -INNER)
        if row >= 0:
            n = _ring_row(cover, seeds, z, row, left, right, values, n)
    cover[left : right + 1] = 0
    return n


@njit(cache=True, nogil=True)
def _runs_by_region(row_ptr, region, bounds, order, rows):
    """Sort the runs by region, stably, and note their rows.

    The runs of region ``c`` are ``order[bounds[c] : bounds[c + 1]]``; one place more in ``bounds`` is
    used on the way.
    """
    bounds[:] = 0
    total = row_ptr[row_ptr.size - 1]
    for row in range(row_ptr.size - 1):
        for r in range(row_ptr[row], row_ptr[row + 1]):
            rows[r] = row
            bounds[region[r] + 2] += 1
    for c in range(2, bounds.size):
        bounds[c] += bounds[c - 1]
    for r in range(total):
        order[bounds[region[r] + 1]] = r
        bounds[region[r] + 1] += 1


@njit(cache=True, nogil=True)
def ring_backgrounds(seeds, z, row_ptr, start, end, region, acc, chosen, ring, scratch, values):
    """Write the median of the ring around each chosen region into its row of sums.

    Where fewer than eight ring pixels are ground, the frame's own background stands in. ``scratch`` are
    four int32 arrays (w + 1, regions + 2, runs, runs), ``values`` has room for a frame and one pixel.
    """
    gap, reach = ring[0], ring[0] + ring[1]
    cover, bounds, order, rows = scratch
    bounds = bounds[: acc.shape[0] + 2]
    _runs_by_region(row_ptr, region, bounds, order, rows)
    cover[:] = 0
    whole = np.nan
    known = False
    for c in range(acc.shape[0]):
        acc[c, _BACKGROUND] = np.nan
        if chosen[c] == 0:
            continue
        box = (
            np.int64(acc[c, _ROW_0]),
            np.int64(acc[c, _COL_0]),
            np.int64(acc[c, _ROW_1]),
            np.int64(acc[c, _COL_1]),
        )
        runs = order[bounds[c] : bounds[c + 1]]
        n = _ring(seeds, z, box, runs, rows, start, end, gap, reach, cover, values)
        if n >= MIN_RING_PIXELS:
            acc[c, _BACKGROUND] = median(values[:n])
            continue
        if not known:
            whole = frame_background(seeds, z)
            known = True
        acc[c, _BACKGROUND] = whole


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
