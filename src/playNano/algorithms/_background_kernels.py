"""Compiled estimates of the ground around regions."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

MIN_RING_PIXELS = 8
# Places in a region's row of sums, as in _region_kernels.
_ROW_0, _COL_0, _ROW_1, _COL_1, _BACKGROUND = 6, 7, 8, 9, 19


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})
def _split(values, at):
    """Return how many values are at most ``at``, the largest of them and the smallest of the others."""
    count = 0
    below = -np.inf
    above = np.inf
    for i in range(values.size):
        v = np.float64(values[i])
        inside = v <= at
        count += inside
        below = max(below, v if inside else -np.inf)
        above = min(above, np.inf if inside else v)
    return count, below, above


@njit(cache=True, nogil=True)
def median(values):
    """Return the median of finite values by bisection: no sorting, no copy, one pass a halving.

    Each pass moves a bound to a value that exists, so it ends at the exact order statistic.
    """
    n = values.size
    if n == 0:
        return np.nan
    k = (n - 1) // 2
    low = np.float64(values.min())
    high = np.float64(values.max())
    while low < high:
        middle = low + 0.5 * (high - low)
        count, below, above = _split(values, middle)
        if count > k:
            high = below
        else:
            low = above
    if n % 2 == 1:
        return low
    count, below, above = _split(values, low)
    return low if count > k + 1 else 0.5 * (low + above)


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
def _mark(cover, s, e, reach, sign):
    """Add a run, widened by ``reach``, to the differences from which the cover is summed."""
    cover[max(s - reach, 0)] += sign
    cover[min(e + reach, cover.size - 1)] -= sign


@njit(cache=True, nogil=True)
def _ring(seeds, z, box, runs, rows, start, end, gap, reach, covers, values):
    """Collect the ground pixels between ``gap`` and ``reach`` (Chebyshev) around one region.

    The dilated region is the union of its widened runs; going down, runs enter and leave a window of
    rows, so each costs four marks whatever the width of the ring. Return the number of pixels.
    """
    height, width = z.shape
    row_0, col_0, row_1, col_1 = box
    left = max(col_0 - reach, 0)
    right = min(col_1 + reach, width)
    outer, inner = covers[0], covers[1]
    m = runs.size
    into_outer = out_of_outer = into_inner = out_of_inner = 0
    n = 0
    for row in range(row_0 - reach, min(row_1 + reach, height)):
        while into_outer < m and rows[runs[into_outer]] <= row + reach:
            _mark(outer, start[runs[into_outer]], end[runs[into_outer]], reach, 1)
            into_outer += 1
        while out_of_outer < m and rows[runs[out_of_outer]] < row - reach:
            _mark(outer, start[runs[out_of_outer]], end[runs[out_of_outer]], reach, -1)
            out_of_outer += 1
        while into_inner < m and rows[runs[into_inner]] <= row + gap:
            _mark(inner, start[runs[into_inner]], end[runs[into_inner]], gap, 1)
            into_inner += 1
        while out_of_inner < m and rows[runs[out_of_inner]] < row - gap:
            _mark(inner, start[runs[out_of_inner]], end[runs[out_of_inner]], gap, -1)
            out_of_inner += 1
        if row < 0:
            continue
        near = 0
        far = 0
        for x in range(left, right):
            far += outer[x]
            near += inner[x]
            if far > 0 and near == 0 and seeds[row, x] == 0 and np.isfinite(z[row, x]):
                values[n] = z[row, x]
                n += 1
    outer[left : right + 1] = 0
    inner[left : right + 1] = 0
    return n


@njit(cache=True, nogil=True)
def _runs_by_region(row_ptr, region, k):
    """Sort the runs by region, stably. Return the bounds of each region, the runs and the runs' rows."""
    total = row_ptr[row_ptr.size - 1]
    bounds = np.zeros(k + 1, np.int64)
    rows = np.empty(total, np.int32)
    order = np.empty(total, np.int32)
    for row in range(row_ptr.size - 1):
        for r in range(row_ptr[row], row_ptr[row + 1]):
            rows[r] = row
            bounds[region[r] + 1] += 1
    for c in range(k):
        bounds[c + 1] += bounds[c]
    place = bounds[:k].copy()
    for r in range(total):
        order[place[region[r]]] = r
        place[region[r]] += 1
    return bounds, order, rows


@njit(cache=True, nogil=True)
def ring_backgrounds(seeds, z, row_ptr, start, end, region, acc, chosen, ring):
    """Write the median of the ring around each chosen region into its row of sums.

    Where fewer than eight ring pixels are ground, the frame's own background stands in.
    """
    height, width = z.shape
    gap, reach = ring[0], ring[0] + ring[1]
    bounds, order, rows = _runs_by_region(row_ptr, region, acc.shape[0])
    covers = np.zeros((2, width + 1), np.int32)
    values = np.empty(height * width, z.dtype)
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
        n = _ring(seeds, z, box, runs, rows, start, end, gap, reach, covers, values)
        if n >= MIN_RING_PIXELS:
            acc[c, _BACKGROUND] = median(values[:n])
            continue
        if not known:
            whole = frame_background(seeds, z)
            known = True
        acc[c, _BACKGROUND] = whole
