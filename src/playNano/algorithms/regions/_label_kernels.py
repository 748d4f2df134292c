"""Compiled run-length labelling: runs of neighbouring rows that touch are joined by union-find."""

# mypy: ignore-errors
from __future__ import annotations

from playNano._jit import jit
from playNano.algorithms._common._union_find_kernels import find_root, join


@jit
def label_runs(line, start, end, part, region, vertical, diagonal):
    """Number the 8-connected regions of runs in raster order.

    Parameters
    ----------
    line, start, end
        (n_runs,) int64: row (counted through all frames, with a gap of one between frames) and half-open columns of
        each run, in raster order.
    part
        (n_runs,) int64: only runs of equal value are joined.
    region
        (n_runs,) int64, filled with the region of each run, from 0.
    vertical, diagonal
        (n_runs,) int64, zero; filled with the number of pixel pairs of one region that each run has with the row
        above, along columns and along both diagonals.

    Returns
    -------
    int
        The number of regions.
    """
    n = line.size
    parent = region.copy()
    low = 0
    for j in range(n):
        parent[j] = j
        # Skip what ends before this run: in farther rows, or to the left of it in the row above.
        while line[low] < line[j] - 1 or (line[low] == line[j] - 1 and end[low] < start[j]):
            low += 1
        i = low
        while line[i] < line[j] and start[i] <= end[j]:
            if part[i] == part[j]:
                join(parent, i, j)
                vertical[j] += max(0, min(end[j], end[i]) - max(start[j], start[i]))
                diagonal[j] += max(0, min(end[j], end[i] + 1) - max(start[j], start[i] + 1))
                diagonal[j] += max(0, min(end[j], end[i] - 1) - max(start[j], start[i] - 1))
            i += 1
    n_regions = 0
    for j in range(n):
        root = find_root(parent, j)
        if root == j:
            region[j] = n_regions
            n_regions += 1
        else:
            # A root is the first run of its region.
            region[j] = region[root]
    return n_regions


@jit
def order_by_region(region, position, order):
    """Sort runs by their region, in linear time and without changing the order within a region (counting sort).

    Parameters
    ----------
    region
        (n_runs,) int64.
    position
        (n_regions,) int64: where the runs of each region begin; raised to where they end.
    order
        (n_runs,) int64, filled: indices of the runs in the new order.
    """
    for i in range(region.size):
        order[position[region[i]]] = i
        position[region[i]] += 1


@jit
def paint_labels(runs, number, labels):
    """Write the number of each region into its pixels, where that is not 0.

    Parameters
    ----------
    runs
        `Runs` of all regions.
    number
        (n_regions,) int64.
    labels
        (n, h, w) int32, painted.
    """
    for c in range(number.size):
        if number[c] > 0:
            for i in range(runs.bounds[c], runs.bounds[c + 1]):
                line = labels[runs.frame[i], runs.row[i]]
                for x in range(runs.start[i], runs.end[i]):
                    line[x] = number[c]
