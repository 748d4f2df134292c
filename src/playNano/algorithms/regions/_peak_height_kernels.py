"""Compiled heights of regions: a paraboloid through the pixels around the summit."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._paraboloid_kernels import tops
from playNano.algorithms.regions._sums import (
    ANCHOR,
    AREA,
    BACKGROUND,
    BELOW,
    DIAGONAL,
    HEIGHT,
    MIN,
    N_RUNS,
    PERIMETER,
    ROW_0,
    SUM_X,
    SUM_Y,
    SUM_Z,
    SUM_ZX,
    SUM_ZY,
)

# A window moves with its summit, but not for ever.
MOST_MOVES = 4
# A top closer than this to the middle pixel, px, is fitted well enough from there.
FAR = 0.75
# 4 pi area / perimeter^2 above which a region is taken for one particle; two discs that touch have a half.
ROUND = 0.75


@jit
def crofton_weights(dy, dx):
    """Return the length that an entry into a region stands for along rows, columns and diagonals.

    Each is the spacing of the lines x the angular share of their direction. Every run is entered once along
    the rows; along the columns and diagonals each pixel is entered unless its neighbour there belongs to the
    region.
    """
    along = math.atan2(dy, dx)
    return along * dy, (math.pi / 2 - along) * dx, math.pi / 4 * dx * dy / math.hypot(dy, dx)


@jit(inline="always")
def _coarse_summit(z, runs, c):
    """Return the pixel of a region with the greatest mean over 3 x 3 pixels."""
    # Unsigned, so that numba does not ask of every place whether it counts from the end.
    one = np.uint64(1)
    last_row, last_col = np.uint64(z.shape[0] - 1), np.uint64(z.shape[1] - 1)
    bounds, rows, starts, ends = runs
    best_row, best_col = np.uint64(rows[bounds[c]]), np.uint64(starts[bounds[c]])
    best = -np.inf
    for i in range(np.uint64(bounds[c]), np.uint64(bounds[c + 1])):
        row = np.uint64(rows[i])
        up, down = max(row, one) - one, min(row + one, last_row)
        first = np.uint64(starts[i])
        before = max(first, one) - one
        left = np.float64(z[up, before] + z[row, before] + z[down, before])
        here = np.float64(z[up, first] + z[row, first] + z[down, first])
        for x in range(first, np.uint64(ends[i])):
            after = min(x + one, last_col)
            right = np.float64(z[up, after] + z[row, after] + z[down, after])
            # Beside a gap the sum is NaN and never the greatest.
            if left + here + right > best:
                best = left + here + right
                best_row, best_col = row, x
            left = here
            here = right
    return np.int64(best_row), np.int64(best_col)


@jit
def _shape_window(reach_y, reach_x, halves, window):
    """Write the half width of each row of an elliptic window, and what a fit to it needs but the heights.

    ``window`` becomes the inverse of the number of places; the means of y^2 and x^2 over them; the inverse of the
    matrix of their spreads (y y, x x, y x); and the inverse sums of y^2, x^2 and (y x)^2.
    """
    n = y2 = x2 = y4 = y2x2 = x4 = 0.0
    for i in range(int(reach_y) + 1):
        half = int(reach_x * math.sqrt(1.0 - (i / reach_y) ** 2))
        halves[i] = half
        places = (2.0 if i else 1.0) * (2.0 * half + 1.0)
        across = half * (half + 1.0) * places / 3.0
        n += places
        y2 += places * i * i
        x2 += across
        y4 += places * i * i * i * i
        y2x2 += across * i * i
        x4 += across * (3.0 * half * half + 3.0 * half - 1.0) / 5.0
    m_y, m_x, m_yx = y4 - y2 * y2 / n, x4 - x2 * x2 / n, y2x2 - y2 * x2 / n
    det = m_y * m_x - m_yx * m_yx
    window[0], window[1], window[2] = 1 / n, y2 / n, x2 / n
    window[3], window[4], window[5] = m_x / det, m_y / det, -m_yx / det
    window[6], window[7], window[8] = 1 / y2, 1 / x2, 1 / y2x2


@jit(inline="always")
def _window_sums(z, row, col, tall, halves, sums):
    """Sum heights above the middle pixel's over a window. Return False where a pixel of it is missing."""
    height, width = z.shape
    if row - tall < 0 or row + tall >= height or col - halves[0] < 0 or col + halves[0] >= width:
        return False
    zero = np.float64(z[row, col])
    all_h = all_y = all_x = all_yy = all_yx = all_xx = 0.0
    y = -np.float64(tall)
    for i in range(-tall, tall + 1):
        line = z[row + i]
        h_sum = np.float64(line[col]) - zero
        x_sum = 0.0
        xx_sum = 0.0
        x = 1.0
        for j in range(1, halves[abs(i)] + 1):
            left = np.float64(line[col - j]) - zero
            right = np.float64(line[col + j]) - zero
            h_sum += left + right
            x_sum += (right - left) * x
            xx_sum += (left + right) * (x * x)
            x += 1.0
        all_h += h_sum
        all_y += h_sum * y
        all_x += x_sum
        all_yy += h_sum * (y * y)
        all_yx += x_sum * y
        all_xx += xx_sum
        y += 1.0
    sums[0], sums[1], sums[2], sums[3], sums[4], sums[5] = all_h, all_y, all_x, all_yy, all_yx, all_xx
    return np.isfinite(all_h)


@jit(inline="always")
def _vertex(sums, window, reach_y, reach_x):
    """Fit a paraboloid by least squares; return whether it has a top, its height and place (y, x).

    Both are relative to the middle pixel.

    The window is symmetric, so that slopes and twist stand alone and only three unknowns hang together.
    Where the top lies beyond the window, the height of the surface over the middle and the way to go are
    returned; where there is none, only the former.
    """
    # c + b y^2 + a x^2 + slope_y y + slope_x x + twist y x
    v_y, v_x = sums[3] - sums[0] * window[1], sums[5] - sums[0] * window[2]
    b = v_y * window[3] + v_x * window[5]
    a = v_x * window[4] + v_y * window[5]
    c = sums[0] * window[0] - b * window[1] - a * window[2]
    slope_y, slope_x, twist = sums[1] * window[6], sums[2] * window[7], sums[4] * window[8]
    curved = 4 * a * b - twist * twist
    if not (a < 0 and b < 0 and curved > 0):
        return False, c, 0.0, 0.0
    dy = (twist * slope_x - 2 * a * slope_y) / curved
    dx = (twist * slope_y - 2 * b * slope_x) / curved
    far = (dy / reach_y) ** 2 + (dx / reach_x) ** 2
    if far > 1:
        return True, c, dy / math.sqrt(far), dx / math.sqrt(far)
    return True, c + 0.5 * (slope_y * dy + slope_x * dx), dy, dx


@jit
def _top(z, row, col, reach_y, reach_x, halves, sums, window):
    """Return whether the paraboloid around a pixel has a top, and its height, following it."""
    height = 0.0
    good = False
    for _ in range(MOST_MOVES):
        if not _window_sums(z, row, col, int(reach_y), halves, sums):
            break
        good, top, move_y, move_x = _vertex(sums, window, reach_y, reach_x)
        height = np.float64(z[row, col]) + top
        if abs(move_y) < FAR and abs(move_x) < FAR:
            return good, height
        row += round(move_y)
        col += round(move_x)
    else:
        return good, height
    return False, _border_top(z, row, col, reach_y, reach_x)


@jit
def _border_top(z, row, col, reach_y, reach_x):
    """Return the height of a summit at the border or beside gaps: the window is not symmetric there."""
    top, left = max(row - int(reach_y) - 1, 0), max(col - int(reach_x) - 1, 0)
    part = z[top : row + int(reach_y) + 2, left : col + int(reach_x) + 2].astype(np.float64)
    # Measured in reaches of the window, of which it wants to know 1 / 0.8.
    place = np.array([[np.float64(row - top), np.float64(col - left), 1.25]])
    out = np.empty(1)
    tops(part, place, np.array([1.0 / reach_y, 1.0 / reach_x]), out)
    return out[0]


@jit
def summits(z, runs, acc, chosen, pixel):
    """Write perimeter and height above the background of each chosen region into its row of sums."""
    dy, dx = pixel[0], pixel[1]
    weights = crofton_weights(dy, dx)
    sums, window = np.empty(6), np.empty(9)
    halves = np.empty(z.shape[0] + 2, np.int64)
    shaped = (0.0, 0.0)
    for c in range(acc.shape[0]):
        if chosen[c] == 0:
            continue
        area = acc[c, AREA]
        around = weights[0] * acc[c, N_RUNS]
        around += weights[1] * (area - acc[c, BELOW])
        around += weights[2] * (2 * area - acc[c, DIAGONAL])
        acc[c, PERIMETER] = around
        # For a disc of radius R twice area / perimeter is R, for a strand of width w it is w; the window
        # reaches R / 2 and w / 4.
        size = area * dy * dx
        roundness = 4 * math.pi * size / (around * around)
        reach = 0.5 * size / around * (1.0 + roundness)
        reach_y, reach_x = max(reach / dy, 1.5), max(reach / dx, 1.5)
        if shaped != (reach_y, reach_x):
            _shape_window(reach_y, reach_x, halves, window)
            shaped = (reach_y, reach_x)
        good = False
        height = 0.0
        if roundness > ROUND:
            above = acc[c, SUM_Z] - acc[c, MIN] * area
            if above > 0:
                # From the middle of what stands above the rim: nothing is picked by its noise there.
                row = acc[c, ROW_0] + (acc[c, SUM_ZY] - acc[c, MIN] * acc[c, SUM_Y]) / above
                col = acc[c, ANCHOR] + (acc[c, SUM_ZX] - acc[c, MIN] * acc[c, SUM_X]) / above
                good, height = _top(z, int(row + 0.5), int(col + 0.5), reach_y, reach_x, halves, sums, window)
        if not good:
            start_row, start_col = _coarse_summit(z, runs, c)
            good, height = _top(z, start_row, start_col, reach_y, reach_x, halves, sums, window)
        acc[c, HEIGHT] = height - acc[c, BACKGROUND]
