"""Compiled peak heights: the vertex of a paraboloid fitted to the pixels around each peak."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit
from playNano.algorithms.regions._sums_kernels import Runs

Heights = NDArray[np.float32]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
WindowSums = tuple[float, float, float, float, float, float, float, float, float, float, float, float, float]

# Maximum number of fits, with the window moved to the vertex of the one before.
MAX_FITS = 4
# A vertex closer than this to the centre of the window, px, needs no further fit.
CLOSE = 0.75
# Below this F ratio (5 terms beside the constant) a maximum may be one of the noise.
MIN_F_RATIO = 5.0
# By how many standard errors of a 3 x 3 mean, and which share of the relief of the region, another place must exceed
# the height at the centre of a region to be its peak.
MIN_EXCESS_SIGMAS = 5.5
MIN_EXCESS_SHARE = 0.08
# How many times larger second differences squared may be along one axis than along the other by the shape alone.
MAX_BEND_RATIO = 2.0
NO_PEAK, PEAK, FLAT, INCOMPLETE = 0, 1, 2, 3


@jit
def _pixel_of_greatest_mean(z: Heights, runs: Runs, c: int) -> tuple[int, int, float]:
    """Return the pixel (row, col) of a region with the maximum mean over 3 x 3 pixels, and this mean.

    The mean is over the pixels that are not missing; at the border of a frame its pixels are repeated.
    """
    height, width = z.shape[1:]
    best = -np.inf
    first = runs.bounds[c]
    best_row, best_col = runs.row[first], runs.start[first]
    for i in range(first, runs.bounds[c + 1]):
        for col in range(runs.start[i], runs.end[i]):
            total, n = 0.0, 0
            for y in range(runs.row[i] - 1, runs.row[i] + 2):
                for x in range(col - 1, col + 2):
                    v = z[runs.frame[i], min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
                    if np.isfinite(v):
                        total += v
                        n += 1
            if n and total / n > best:
                best, best_row, best_col = total / n, runs.row[i], col
    return best_row, best_col, best


@jit
def _bends_along_rows(z: Heights, runs: Runs, c: int) -> tuple[float, int]:
    """Return the sum of the absolute second differences along the rows of a region, and their number."""
    total, n = 0.0, 0
    for i in range(runs.bounds[c], runs.bounds[c + 1]):
        line = z[runs.frame[i], runs.row[i]]
        for col in range(runs.start[i] + 1, runs.end[i] - 1):
            bend = abs(np.float64(line[col - 1]) - 2.0 * line[col] + line[col + 1])
            if np.isfinite(bend):
                total += bend
                n += 1
    return total, n


@jit
def _bends_along_columns(z: Heights, runs: Runs, c: int) -> tuple[float, int]:
    """Return the sum of the absolute second differences along the columns of a region, and their number."""
    total, n = 0.0, 0
    first, end = runs.bounds[c], runs.bounds[c + 1]
    for i in range(first, end):
        frame, row = z[runs.frame[i]], runs.row[i]
        for above in range(first, i):
            if runs.row[above] != row - 1:
                continue
            for below in range(i + 1, end):
                if runs.row[below] > row + 1:
                    break
                if runs.row[below] != row + 1:
                    continue
                low = max(runs.start[i], runs.start[above], runs.start[below])
                for col in range(low, min(runs.end[i], runs.end[above], runs.end[below])):
                    bend = abs(np.float64(frame[row - 1, col]) - 2.0 * frame[row, col] + frame[row + 1, col])
                    if np.isfinite(bend):
                        total += bend
                        n += 1
    return total, n


@jit
def _lowest(z: Heights, runs: Runs, c: int) -> float:
    """Return the lowest height of a region."""
    lowest = np.inf
    for i in range(runs.bounds[c], runs.bounds[c + 1]):
        for col in range(runs.start[i], runs.end[i]):
            lowest = min(lowest, z[runs.frame[i], runs.row[i], col])
    return lowest


@jit
def _error_of_means(z: Heights, runs: Runs, c: int) -> float:
    """Return the standard error of the means over 3 x 3 pixels in a region.

    From second differences, along rows and columns. What one has more than the shape explains is noise of whole lines,
    of which a mean over 3 x 3 pixels averages three values only, not nine.
    """
    in_rows, n_rows = _bends_along_rows(z, runs, c)
    in_columns, n_columns = _bends_along_columns(z, runs, c)
    # The mean absolute value of a normal variable is sqrt(2 / pi) of its standard deviation, here sqrt(6) sigma.
    x = math.pi / 12.0 * (in_rows / n_rows) ** 2 if n_rows else 0.0
    y = math.pi / 12.0 * (in_columns / n_columns) ** 2 if n_columns else 0.0
    return math.sqrt(min(x, y) / 9.0 + max(max(x, y) - MAX_BEND_RATIO * min(x, y), 0.0) / 3.0)


@jit
def _window_sums(
    z: Heights, frame: int, row: int, col: int, half_y: float, half_x: float
) -> tuple[bool, WindowSums]:
    """Compute the sums for a least-squares paraboloid over an elliptic window; return whether it is complete.

    The sums are those of 1, y^2, x^2, y^4, y^2 x^2, x^4 and of h, h y, h x, h y^2, h y x, h x^2, h^2, where y and x are
    counted from the centre pixel and h is the height above it.
    """
    height, width = z.shape[1:]
    n = y2 = x2 = y4 = y2x2 = x4 = h = hy = hx = hyy = hyx = hxx = hh = 0.0
    tall, wide = int(half_y), int(half_x)
    inside = row - tall >= 0 and row + tall < height and col - wide >= 0 and col + wide < width
    if inside:
        centre = np.float64(z[frame, row, col])
        for y in range(-tall, tall + 1):
            half = int(half_x * math.sqrt(1.0 - (y / half_y) ** 2))
            for x in range(-half, half + 1):
                v = np.float64(z[frame, row + y, col + x]) - centre
                n += 1.0
                y2 += y * y
                x2 += x * x
                y4 += y * y * y * y
                y2x2 += y * y * x * x
                x4 += x * x * x * x
                h += v
                hy += v * y
                hx += v * x
                hyy += v * (y * y)
                hyx += v * (y * x)
                hxx += v * (x * x)
                hh += v * v
    return inside and np.isfinite(h), (n, y2, x2, y4, y2x2, x4, h, hy, hx, hyy, hyx, hxx, hh)


@jit
def _fit_vertex(sums: WindowSums, half_y: float, half_x: float) -> tuple[int, float, float, float]:
    """Fit ``c + b y^2 + a x^2 + slope_y y + slope_x x + twist y x`` by least squares.

    Return PEAK with its height and position (y, x), relative to the centre pixel of the window. Where the maximum lies
    outside the window, the height at the centre and the direction to move are returned; without a maximum, NO_PEAK and
    the height at the centre; and in both cases FLAT, if slopes and curvatures are within the noise. The window is
    symmetric, so that slopes and twist are independent of the other unknowns.
    """
    n, y2, x2, y4, y2x2, x4, h, hy, hx, hyy, hyx, hxx, hh = sums
    # Normal equations of b and a, after c is eliminated.
    m_y, m_x, m_yx = y4 - y2 * y2 / n, x4 - x2 * x2 / n, y2x2 - y2 * x2 / n
    v_y, v_x = hyy - h * y2 / n, hxx - h * x2 / n
    det = m_y * m_x - m_yx * m_yx
    b = (v_y * m_x - v_x * m_yx) / det
    a = (v_x * m_y - v_y * m_yx) / det
    c = (h - b * y2 - a * x2) / n
    slope_y, slope_x, twist = hy / y2, hx / x2, hyx / y2x2
    explained = b * v_y + a * v_x + slope_y * hy + slope_x * hx + twist * hyx
    is_flat = explained / 5 <= MIN_F_RATIO * (hh - h * h / n - explained) / max(n - 6, 1.0)
    curvature = 4 * a * b - twist * twist
    if not (a < 0 and b < 0 and curvature > 0):
        return FLAT if is_flat else NO_PEAK, c, 0.0, 0.0
    dy = (twist * slope_x - 2 * a * slope_y) / curvature
    dx = (twist * slope_y - 2 * b * slope_x) / curvature
    outside = (dy / half_y) ** 2 + (dx / half_x) ** 2
    if outside > 1:
        if is_flat:
            return FLAT, c, 0.0, 0.0
        return PEAK, c, dy / math.sqrt(outside), dx / math.sqrt(outside)
    return PEAK, c + 0.5 * (slope_y * dy + slope_x * dx), dy, dx


@jit
def _climb(
    z: Heights, frame: int, row: int, col: int, half_y: float, half_x: float
) -> tuple[int, float, int, int]:
    """Fit paraboloids repeatedly, moving the window to the vertex of the last one.

    Return NO_PEAK, PEAK, FLAT or INCOMPLETE (a pixel of the window is missing), the height, and the last centre (row,
    col).
    """
    status, height = NO_PEAK, 0.0
    for _ in range(MAX_FITS):
        complete, sums = _window_sums(z, frame, row, col, half_y, half_x)
        if not complete:
            return INCOMPLETE, height, row, col
        status, top, move_y, move_x = _fit_vertex(sums, half_y, half_x)
        height = np.float64(z[frame, row, col]) + top
        if abs(move_y) < CLOSE and abs(move_x) < CLOSE:
            break
        row += round(move_y)
        col += round(move_x)
    return status, height, row, col


@jit
def fit_peaks(
    z: Heights, runs: Runs, chosen: Ints, windows: Floats, starts: Ints, heights: Floats, incomplete: Ints
) -> None:
    """Measure the peak height of each of the chosen regions by paraboloid fits.

    Parameters
    ----------
    z
        (n, h, w) float32 heights.
    runs
        `Runs` of all regions.
    chosen
        (n_chosen,) int64, numbers of the regions.
    windows
        (n_chosen, 2) float64: half axes (y, x) of the elliptic window, px, at least 1.5.
    starts
        (n_chosen, 2) int64: pixel (row, col) around which the first paraboloid is fitted. Where it is (-1, -1), or
        where there is no maximum, it is the pixel of the region with the maximum 3 x 3 mean.
    heights
        (n_chosen,) float64, filled: heights in the units of ``z``.
    incomplete
        (n_chosen, 2) int64, filled: (-1, -1), or the centre of a window with missing pixels, for which there is no
        height.
    """
    for k in range(chosen.size):
        frame = runs.frame[runs.bounds[chosen[k]]]
        half_y, half_x = windows[k, 0], windows[k, 1]
        status, height, row, col = NO_PEAK, 0.0, starts[k, 0], starts[k, 1]
        if row >= 0:
            status, height, row, col = _climb(z, frame, row, col, half_y, half_x)
        high_row, high_col, greatest = _pixel_of_greatest_mean(z, runs, chosen[k])
        excess = greatest - height
        # The centre of a region of several lobes is lower than these.
        elsewhere = status not in (PEAK, FLAT) or (
            excess > MIN_EXCESS_SHARE * (height - _lowest(z, runs, chosen[k]))
            and excess > MIN_EXCESS_SIGMAS * _error_of_means(z, runs, chosen[k])
        )
        if elsewhere:
            status, height, row, col = _climb(z, frame, high_row, high_col, half_y, half_x)
        heights[k] = height
        incomplete[k, 0] = row if status == INCOMPLETE else -1
        incomplete[k, 1] = col if status == INCOMPLETE else -1
