"""Compiled labelling of regions by runs: their sums are gathered, and those that stay are painted."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._union_find_kernels import find_root
from playNano.algorithms.regions._annulus_kernels import mark_near, region_gaps, ring_backgrounds
from playNano.algorithms.regions._bracket_kernels import LANES
from playNano.algorithms.regions._peak_height_kernels import summits
from playNano.algorithms.regions._run_kernels import frame_runs
from playNano.algorithms.regions._shape_kernels import N_SHAPES, write_shapes
from playNano.algorithms.regions._sums import (
    ANCHOR,
    AREA,
    BACKGROUND,
    BELOW,
    COL_0,
    COL_1,
    DIAGONAL,
    HEIGHT,
    MAX,
    MIN,
    N_BASIC,
    N_FULL,
    N_RUNS,
    ROW_0,
    ROW_1,
    SUM_X,
    SUM_XX,
    SUM_XY,
    SUM_Y,
    SUM_YY,
    SUM_Z,
    SUM_ZX,
    SUM_ZY,
)
from playNano.algorithms.surface._background_kernels import frame_background

# Columns of the table; shapes follow behind the basic sums in that of the full set.
FRAME, LABEL, FIRST_SUM = 0, 1, 2
FIRST_SHAPE = FIRST_SUM + N_BASIC
N_COLUMNS = FIRST_SHAPE + N_SHAPES

BACKGROUND_ZERO, BACKGROUND_FRAME, BACKGROUND_RING = 0, 1, 2


@jit(inline="always")
def _open_region(acc, row, s, low, high):
    acc[:] = 0.0
    acc[ROW_0] = row
    acc[COL_0] = s
    acc[ANCHOR] = s
    acc[MIN] = low
    acc[MAX] = high


@jit(inline="always")
def _add_run(acc, row, s, e, sums):
    length = e - s
    dy = row - np.int64(acc[ROW_0])
    dx = s - np.int64(acc[ANCHOR])
    acc[AREA] += length
    acc[SUM_Y] += dy * length
    acc[SUM_X] += (2 * dx + length - 1) * length // 2
    acc[SUM_Z] += sums[0]
    acc[MIN] = min(acc[MIN], sums[2])
    acc[MAX] = max(acc[MAX], sums[3])
    acc[COL_0] = min(acc[COL_0], s)
    acc[ROW_1] = row + 1
    acc[COL_1] = max(acc[COL_1], e)


@jit(inline="always")
def _add_moments(acc, row, s, e, sums, shared):
    length = e - s
    dy = row - np.int64(acc[ROW_0])
    a = s - np.int64(acc[ANCHOR])
    b = a + length
    sum_x = (a + b - 1) * length // 2
    acc[SUM_YY] += dy * dy * length
    acc[SUM_XX] += ((b - 1) * b * (2 * b - 1) - (a - 1) * a * (2 * a - 1)) // 6
    acc[SUM_XY] += dy * sum_x
    acc[SUM_ZY] += dy * sums[0]
    acc[SUM_ZX] += sums[1] + a * sums[0]
    acc[N_RUNS] += 1
    acc[BELOW] += shared[0]
    acc[DIAGONAL] += shared[1]


@jit
def gather(row_ptr, start, end, sums, parent, shared, region, acc, full):
    """Count the regions in raster order, sum over their runs and return their number."""
    k = 0
    for row in range(row_ptr.size - 1):
        for r in range(row_ptr[row], row_ptr[row + 1]):
            root = find_root(parent, r)
            if root == r:
                region[r] = k
                _open_region(acc[k], row, start[r], sums[r, 2], sums[r, 3])
                k += 1
            else:
                region[r] = region[root]
            mine = acc[region[r]]
            _add_run(mine, row, np.int64(start[r]), np.int64(end[r]), sums[r])
            if full:
                _add_moments(mine, row, np.int64(start[r]), np.int64(end[r]), sums[r], shared[r])
    return k


@jit
def runs_by_region(row_ptr, start, end, region, acc, runs):
    """Copy the runs sorted by region, and by row within each.

    ``runs`` are ``bounds, rows, starts, ends``: the runs of region ``c`` are those from ``bounds[c]`` up to
    ``bounds[c + 1]``; one place more in ``bounds`` is used on the way.
    """
    bounds, rows, starts, ends = runs
    bounds[0] = bounds[1] = 0
    for c in range(acc.shape[0]):
        bounds[c + 2] = bounds[c + 1] + np.int32(acc[c, N_RUNS])
    for row in range(row_ptr.size - 1):
        for r in range(np.uint64(row_ptr[row]), np.uint64(row_ptr[row + 1])):
            after = np.uint64(region[r] + 1)
            i = np.uint64(bounds[after])
            bounds[after] += 1
            rows[i], starts[i], ends[i] = row, start[r], end[r]


@jit
def _paint(row_ptr, start, end, region, number, labels):
    for row in range(row_ptr.size - 1):
        labels[row] = 0
        for r in range(row_ptr[row], row_ptr[row + 1]):
            label = number[region[r]]
            if label > 0:
                for x in range(start[r], end[r]):
                    labels[row, x] = label


@jit
def _choose(acc, k, shape, min_size, remove_edge, pixel, area_nm2, number):
    """Mark the regions that stay by size and place."""
    height, width = shape
    for c in range(k):
        mine = acc[c]
        edge = mine[ROW_0] == 0 or mine[COL_0] == 0 or mine[ROW_1] == height or mine[COL_1] == width
        area = mine[AREA] * (pixel[0] * pixel[1])
        fits = mine[AREA] >= min_size and area >= area_nm2[0] and area <= area_nm2[1]
        number[c] = 1 if fits and not (edge and remove_edge) else 0


@jit
def _number(acc, k, height_nm, full, number):
    """Drop regions by their height above the background and number the rest. Return how many stay."""
    kept = 0
    for c in range(k):
        if number[c] and full:
            height = acc[c, HEIGHT]
            # Written so that an unknown height (NaN) passes only where no limit is set.
            below = height_nm[0] > -np.inf and not height >= height_nm[0]
            above = height_nm[1] < np.inf and not height <= height_nm[1]
            if below or above:
                number[c] = 0
        if number[c]:
            kept += 1
            number[c] = kept
    return kept


@jit
def _write_rows(acc, number, frame, pixel, full, out, rows):
    """Write the regions that stay into the table. Return the rows in use."""
    shapes = out[FIRST_SHAPE:]
    for c in range(acc.shape[0]):
        if number[c]:
            out[FRAME, rows] = frame
            out[LABEL, rows] = number[c]
            for i in range(N_BASIC):
                out[FIRST_SUM + i, rows] = acc[c, i]
            if full:
                write_shapes(acc[c], pixel, shapes, rows)
            rows += 1
    return rows


@jit
def regions_of_block(
    seeds,
    words,
    z,
    first,
    rows,
    runs,
    labels,
    out,
    min_size,
    remove_edge,
    pixel,
    area_nm2,
    height_nm,
    full,
    background,
    ring,
):
    """Label frames ``first`` onwards until the table or the room for runs is full.

    Parameters
    ----------
    seeds
        (n, h, w) uint8 or int32: pixels of one non-zero value that touch make a region.
    words
        The same memory as 64-bit words, or empty; empty stretches are skipped eight pixels at a time.
    z
        (n, h, w) heights.
    first, rows
        First frame to do and rows of the table already written.
    runs
        Room for the runs of a frame; a row's pixels more than there are.
    labels
        (n, h, w) int32, to be painted.
    out
        (``N_COLUMNS`` or, if not ``full``, ``FIRST_SHAPE``; capacity) table to be filled.
    min_size, remove_edge
        The contract's filters.
    pixel
        (2,) height and width of a pixel in nm.
    area_nm2
        (2,) least and greatest area.
    height_nm
        (2,) least and greatest height above the background.
    full
        Whether to gather moments, perimeter, background and height.
    background, ring
        Kind of background; (2,) gap (negative: by the region's size) and width of the ring in pixels.

    Returns
    -------
    tuple
        The first frame not done, the rows of the table in use, and whether it is runs that there is no room for.
    """
    n, height, width = z.shape
    start = np.empty(runs, np.int32)
    end = np.empty(runs, np.int32)
    parent = np.empty(runs, np.int32)
    region = np.empty(runs, np.int32)
    shared = np.empty((runs, 2), np.int32)
    sums = np.empty((runs, 4), np.float64)
    row_ptr = np.empty(height + 1, np.int64)
    acc = np.empty((runs, N_FULL if full else N_BASIC), np.float64)
    number = np.empty(runs, np.int32)
    # A word to spare in each row: 64 columns may begin in the last.
    bits = np.empty((2, height if full else 0, (width + 63) // 64 + 1), np.uint64)
    gaps = np.empty(runs, np.int64)
    # A region's own gap is never wider than the frame.
    tall = height + 4 * (max(ring[0], height + width) + ring[1])
    covers = (np.empty(tall, np.uint64), np.empty(tall, np.uint64))
    by_region = (
        np.empty(runs + 2, np.int32),
        np.empty(runs, np.int32),
        np.empty(runs, np.int32),
        np.empty(runs, np.int32),
    )
    values = np.empty(height * width + LANES, z.dtype)
    for f in range(first, n):
        found = frame_runs(
            seeds[f], words, z[f], f * height * width, start, end, sums, row_ptr, parent, shared
        )
        if found < 0:
            return f, rows, True
        k = gather(row_ptr, start, end, sums, parent, shared, region, acc, full)
        _choose(acc, k, z[f].shape, min_size, remove_edge, pixel, area_nm2, number)
        if full:
            runs_by_region(row_ptr, start, end, region, acc[:k], by_region)
            if background == BACKGROUND_RING:
                region_gaps(acc[:k], ring[0], min_size, gaps)
                mark_near(by_region, acc[:k], gaps, width, bits[0], covers[0])
                ring_backgrounds(
                    seeds[f],
                    z[f],
                    by_region,
                    acc[:k],
                    number,
                    gaps,
                    ring[1],
                    (bits[0], bits[1]),
                    covers,
                    values,
                )
            else:
                level = frame_background(seeds[f], z[f]) if background == BACKGROUND_FRAME else 0.0
                acc[:k, BACKGROUND] = level
            summits(z[f], by_region, acc[:k], number, pixel)
        kept = _number(acc, k, height_nm, full, number)
        if rows + kept > out.shape[1]:
            return f, rows, False
        _paint(row_ptr, start, end, region, number, labels[f])
        rows = _write_rows(acc[:k], number, f, pixel, full, out, rows)
    return n, rows, False
