"""Compiled run-length labelling: touching runs of adjacent rows are joined by union-find."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit
from playNano.algorithms._common._union_find_kernels import find_root, join
from playNano.algorithms.regions._sums_kernels import Runs

Ints = NDArray[np.int64]


@jit
def label_runs(
    line: Ints, start: Ints, end: Ints, part: Ints, region: Ints, vertical: Ints, diagonal: Ints
) -> int:
    """Label the 8-connected regions of runs in raster order (run-length labelling with union-find).

    Parameters
    ----------
    line, start, end
        (n_runs,) int64: row (counted through all frames, with a gap of one between frames) and half-open columns of
        each run, in raster order.
    part
        (n_runs,) int64: only runs of the same part are joined.
    region
        (n_runs,) int64, filled with the region of each run, from 0.
    vertical, diagonal
        (n_runs,) int64, zero; filled with the number of pairs of pixels of the same region that each run forms with
        the row above, along columns and along both diagonals.

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
        # Skip runs that cannot touch this one: in farther rows, or to the left of it in the row above.
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
def order_by_region(region: Ints, position: Ints, order: Ints) -> None:
    """Sort runs by region with a counting sort, which keeps the order within a region.

    Parameters
    ----------
    region
        (n_runs,) int64.
    position
        (n_regions,) int64: first index of the runs of each region; on return, the index after the last.
    order
        (n_runs,) int64, filled: indices of the runs in the new order.
    """
    for i in range(region.size):
        order[position[region[i]]] = i
        position[region[i]] += 1


@jit
def paint_labels(runs: Runs, number: Ints, labels: NDArray[np.int32]) -> None:
    """Write the number of each region into its pixels; regions of number 0 are left out.

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
