"""Compiled heights of regions: a paraboloid through the pixels around the summit."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np
from numba import njit

from playNano.algorithms._blob_fit_kernels import tops

# A window moves with its summit, but not for ever.
MOST_MOVES = 4
# A top closer than this to the middle pixel, px, is fitted well enough from there.
FAR = 0.75
# Places in a region's row of sums, as in _region_kernels.
_AREA, _SUM_Y, _SUM_X, _SUM_Z, _MIN, _ROW_0, _ANCHOR, _SUM_ZY, _SUM_ZX = 0, 1, 2, 3, 4, 6, 10, 14, 15
_N_RUNS, _BELOW, _DIAGONAL, _BACKGROUND, _HEIGHT, _PERIMETER = 16, 17, 18, 19, 20, 21
# 4 pi area / perimeter^2 above which a region is taken for one particle; two discs that touch have a half.
ROUND = 0.75


@njit(cache=True, nogil=True)
def crofton_weights(dy, dx):
    """Return the length that an entry into a region stands for along rows, columns and diagonals.

    Each is the spacing of the lines x the angular share of their direction. Every run is entered once along
    the rows; along the columns and diagonals each pixel is entered unless its neighbour there belongs to the
    region.
    """
    along = math.atan2(dy, dx)
    return along * dy, (math.pi / 2 - along) * dx, math.pi / 4 * dx * dy / math.hypot(dy, dx)


@njit(cache=True, nogil=True, inline="always")
def _coarse_summit(z, runs, rows, start, end):
    """Return the pixel of a region with the greatest mean over 3 x 3 pixels."""
    height, width = z.shape
    best_row, best_col = rows[runs[0]], np.int64(start[runs[0]])
    best = -np.inf
    for r in runs:
        row = rows[r]
        up, down = max(row - 1, 0), min(row + 1, height - 1)
        x = np.int64(start[r])
        before = max(x - 1, 0)
        left = np.float64(z[up, before] + z[row, before] + z[down, before])
        here = np.float64(z[up, x] + z[row, x] + z[down, x])
        while x < end[r]:
            after = min(x + 1, width - 1)
            right = np.float64(z[up, after] + z[row, after] + z[down, after])
            # Beside a gap the sum is NaN and never the greatest.
            if left + here + right > best:
                best = left + here + right
                best_row, best_col = row, x
            left = here
            here = right
            x += 1
    return best_row, best_col


@njit(cache=True, nogil=True, inline="always")
def _shape_window(reach_y, reach_x, halves, powers):
    """Write the half width of each row of an elliptic window, and the sums of powers of its places."""
    powers[:] = 0.0
    for i in range(int(reach_y) + 1):
        half = int(reach_x * math.sqrt(1.0 - (i / reach_y) ** 2))
        halves[i] = half
        rows = 2.0 if i else 1.0
        n = rows * (2.0 * half + 1.0)
        x2 = half * (half + 1.0) * n / 3.0
        y2 = np.float64(i * i)
        powers[0] += n
        powers[1] += n * y2
        powers[2] += x2
        powers[3] += n * y2 * y2
        powers[4] += x2 * y2
        powers[5] += x2 * (3.0 * half * half + 3.0 * half - 1.0) / 5.0


@njit(cache=True, nogil=True, inline="always")
def _window_sums(z, row, col, tall, halves, sums):
    """Sum heights above the middle pixel's over a window. Return False where a pixel of it is missing."""
    height, width = z.shape
    if row - tall < 0 or row + tall >= height or col - halves[0] < 0 or col + halves[0] >= width:
        return False
    zero = np.float64(z[row, col])
    all_h = all_y = all_x = all_yy = all_yx = all_xx = 0.0
    for i in range(-tall, tall + 1):
        half = halves[abs(i)]
        h_sum = 0.0
        x_sum = 0.0
        xx_sum = 0.0
        for j in range(-half, half + 1):
            h = np.float64(z[row + i, col + j]) - zero
            h_sum += h
            x_sum += h * j
            xx_sum += h * (j * j)
        all_h += h_sum
        all_y += h_sum * i
        all_x += x_sum
        all_yy += h_sum * (i * i)
        all_yx += x_sum * i
        all_xx += xx_sum
    sums[0], sums[1], sums[2], sums[3], sums[4], sums[5] = all_h, all_y, all_x, all_yy, all_yx, all_xx
    return np.isfinite(all_h)


@njit(cache=True, nogil=True, inline="always")
def _vertex(sums, powers, reach_y, reach_x):
    """Fit a paraboloid by least squares; return whether it has a top, its height and place (y, x).

    Both are relative to the middle pixel.

    The window is symmetric, so that slopes and twist stand alone and only three unknowns hang together.
    Where the top lies beyond the window, the height of the surface over the middle and the way to go are
    returned; where there is none, only the former.
    """
    n, y2, x2, y4, y2x2, x4 = powers
    # Cramer's rule for c + b y^2 + a x^2.
    m_y, m_x, m_yx = y4 - y2 * y2 / n, x4 - x2 * x2 / n, y2x2 - y2 * x2 / n
    v_y, v_x = sums[3] - sums[0] * y2 / n, sums[5] - sums[0] * x2 / n
    det = m_y * m_x - m_yx * m_yx
    b = (v_y * m_x - v_x * m_yx) / det
    a = (v_x * m_y - v_y * m_yx) / det
    c = (sums[0] - b * y2 - a * x2) / n
    slope_y, slope_x, twist = sums[1] / y2, sums[2] / x2, sums[4] / y2x2
    curved = 4 * a * b - twist * twist
    if not (a < 0 and b < 0 and curved > 0):
        return False, c, 0.0, 0.0
    dy = (twist * slope_x - 2 * a * slope_y) / curved
    dx = (twist * slope_y - 2 * b * slope_x) / curved
    far = math.sqrt((dy / reach_y) ** 2 + (dx / reach_x) ** 2)
    if far > 1:
        return True, c, dy / far, dx / far
    return True, c + 0.5 * (slope_y * dy + slope_x * dx), dy, dx


@njit(cache=True, nogil=True)
def _top(z, row, col, reach_y, reach_x, halves, sums, powers):
    """Return whether the paraboloid around a pixel has a top, and its height, following it."""
    _shape_window(reach_y, reach_x, halves, powers)
    height = 0.0
    good = False
    for _ in range(MOST_MOVES):
        if not _window_sums(z, row, col, int(reach_y), halves, sums):
            break
        good, top, move_y, move_x = _vertex(sums, powers, reach_y, reach_x)
        height = np.float64(z[row, col]) + top
        if abs(move_y) < FAR and abs(move_x) < FAR:
            return good, height
        row += round(move_y)
        col += round(move_x)
    else:
        return good, height
    # At the border and beside gaps the window is not symmetric: the general fit is needed.
    top, left = max(row - int(reach_y) - 1, 0), max(col - int(reach_x) - 1, 0)
    part = z[top : row + int(reach_y) + 2, left : col + int(reach_x) + 2].astype(np.float64)
    # Measured in reaches of the window, of which it wants to know 1 / 0.8.
    place = np.array([[np.float64(row - top), np.float64(col - left), 1.25]])
    out = np.empty(1)
    tops(part, place, np.array([1.0 / reach_y, 1.0 / reach_x]), out)
    return False, out[0]


@njit(cache=True, nogil=True)
def summits(z, lists, start, end, acc, chosen, pixel):
    """Write perimeter and height above the background of each chosen region into its row of sums."""
    bounds, order, rows = lists
    dy, dx = pixel[0], pixel[1]
    weights = crofton_weights(dy, dx)
    sums, powers = np.empty(6), np.empty(6)
    halves = np.empty(z.shape[0] + 2, np.int64)
    for c in range(acc.shape[0]):
        if chosen[c] == 0:
            continue
        area = acc[c, _AREA]
        around = weights[0] * acc[c, _N_RUNS]
        around += weights[1] * (area - acc[c, _BELOW])
        around += weights[2] * (2 * area - acc[c, _DIAGONAL])
        acc[c, _PERIMETER] = around
        # For a disc of radius R twice area / perimeter is R, for a strand of width w it is w; the window
        # reaches R / 2 and w / 4.
        size = area * dy * dx
        roundness = 4 * math.pi * size / (around * around)
        reach = 0.5 * size / around * (1.0 + roundness)
        reach_y, reach_x = max(reach / dy, 1.5), max(reach / dx, 1.5)
        good = False
        height = 0.0
        if roundness > ROUND:
            above = acc[c, _SUM_Z] - acc[c, _MIN] * area
            if above > 0:
                # From the middle of what stands above the rim: nothing is picked by its noise there.
                row = acc[c, _ROW_0] + (acc[c, _SUM_ZY] - acc[c, _MIN] * acc[c, _SUM_Y]) / above
                col = acc[c, _ANCHOR] + (acc[c, _SUM_ZX] - acc[c, _MIN] * acc[c, _SUM_X]) / above
                good, height = _top(z, int(row + 0.5), int(col + 0.5), reach_y, reach_x, halves, sums, powers)
        if not good:
            start_row, start_col = _coarse_summit(z, order[bounds[c] : bounds[c + 1]], rows, start, end)
            good, height = _top(z, start_row, start_col, reach_y, reach_x, halves, sums, powers)
        acc[c, _HEIGHT] = height - acc[c, _BACKGROUND]
