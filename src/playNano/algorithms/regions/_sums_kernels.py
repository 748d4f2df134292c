"""Compiled sums over the pixels of each region."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Ints = NDArray[np.int64]

# Rows of the array of sums, which has one column per region. SUM_* are sums over pixels of y, x (both relative to the
# first pixel of the region, so that they stay exact integers) and z. FIRST_ROW and FIRST_COL are the position of that
# pixel, ROW_END and COL_END the ends of the half-open bounding box.
AREA, SUM_Y, SUM_X, SUM_Z, SUM_YY, SUM_XX, SUM_XY, SUM_ZY, SUM_ZX, MIN, MAX = range(11)
FIRST_ROW, FIRST_COL, MIN_COL, ROW_END, COL_END, N_RUNS = range(11, 17)
N_SUMS = 17


class Runs(NamedTuple):
    """Runs of foreground pixels within a row, sorted by region, in raster order within each region.

    Attributes
    ----------
    bounds
        (n_regions + 1,) int64; the runs of region ``c`` are ``bounds[c]`` up to ``bounds[c + 1]``.
    frame, row
        (n_runs,) int64.
    start, end
        (n_runs,) int64, columns, half open.
    """

    bounds: Ints
    frame: Ints
    row: Ints
    start: Ints
    end: Ints


@jit
def sum_regions(z: NDArray[np.float32], runs: Runs, sums: NDArray[np.float64]) -> None:
    """Compute area, moments, sums of heights, extremes and bounding box of each region.

    Parameters
    ----------
    z
        (n, h, w) float32 heights.
    runs
        `Runs` of all regions.
    sums
        (``N_SUMS``, n_regions) float64, filled.
    """
    for c in range(runs.bounds.size - 1):
        first, last = runs.bounds[c], runs.bounds[c + 1]
        first_row, first_col = runs.row[first], runs.start[first]
        min_col, end_col = first_col, runs.end[first]
        area = sum_y = sum_x = sum_yy = sum_xx = sum_xy = 0
        sum_z = sum_zy = sum_zx = 0.0
        low, high = np.inf, -np.inf
        for i in range(first, last):
            y, left = runs.row[i] - first_row, runs.start[i] - first_col
            line = z[runs.frame[i], runs.row[i]]
            # Heights are summed run by run, which reduces rounding errors.
            run_z = run_zx = 0.0
            for col in range(runs.start[i], runs.end[i]):
                v = np.float64(line[col])
                x = col - first_col
                sum_x += x
                sum_xx += x * x
                run_z += v
                run_zx += v * (x - left)
                low = min(low, v)
                high = max(high, v)
            length = runs.end[i] - runs.start[i]
            area += length
            sum_y += y * length
            sum_yy += y * y * length
            sum_xy += y * (left + left + length - 1) * length // 2
            sum_z += run_z
            sum_zy += y * run_z
            sum_zx += run_zx + left * run_z
            min_col = min(min_col, runs.start[i])
            end_col = max(end_col, runs.end[i])
        sums[AREA, c], sums[SUM_Y, c], sums[SUM_X, c], sums[SUM_Z, c] = area, sum_y, sum_x, sum_z
        sums[SUM_YY, c], sums[SUM_XX, c], sums[SUM_XY, c] = sum_yy, sum_xx, sum_xy
        sums[SUM_ZY, c], sums[SUM_ZX, c], sums[MIN, c], sums[MAX, c] = sum_zy, sum_zx, low, high
        sums[FIRST_ROW, c], sums[FIRST_COL, c], sums[MIN_COL, c] = first_row, first_col, min_col
        sums[ROW_END, c], sums[COL_END, c], sums[N_RUNS, c] = runs.row[last - 1] + 1, end_col, last - first
