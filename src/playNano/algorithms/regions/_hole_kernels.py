"""Compiled filling of holes: the background is labelled by runs, as the foreground is."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._union_find_kernels import find_root, join


@jit
def _background_runs(mask, start, end, row_ptr, parent):
    """Cut the background into runs and join those that share a side (4-connectivity)."""
    height, width = mask.shape
    n = 0
    above = 0
    for row in range(height):
        row_ptr[row] = n
        low = above
        above = n
        x = 0
        while x < width:
            if mask[row, x]:
                x += 1
                continue
            s = x
            while x < width and mask[row, x] == 0:
                x += 1
            start[n] = s
            end[n] = x
            parent[n] = n
            while low < above and end[low] <= s:
                low += 1
            i = low
            while i < above and start[i] < x:
                join(parent, i, n)
                i += 1
            n += 1
    row_ptr[height] = n
    return n


@jit
def fill_holes(masks, hole_area):
    """Fill the holes of each mask in place.

    Parameters
    ----------
    masks
        (n, h, w) uint8.
    hole_area
        Fill every piece of background smaller than this; if negative, every piece that does not reach
        the border.
    """
    n, height, width = masks.shape
    most = height * ((width + 1) // 2)
    start = np.empty(most, np.int32)
    end = np.empty(most, np.int32)
    parent = np.empty(most, np.int32)
    area = np.empty(most, np.int64)
    row_ptr = np.empty(height + 1, np.int64)
    for f in range(n):
        runs = _background_runs(masks[f], start, end, row_ptr, parent)
        area[:runs] = 0
        for row in range(height):
            for r in range(row_ptr[row], row_ptr[row + 1]):
                root = find_root(parent, r)
                outside = row == 0 or row == height - 1 or start[r] == 0 or end[r] == width
                if hole_area < 0 and outside:
                    area[root] = height * width + 1
                area[root] += end[r] - start[r]
        limit = hole_area if hole_area >= 0 else np.float64(height * width + 1)
        for row in range(height):
            for r in range(row_ptr[row], row_ptr[row + 1]):
                if area[find_root(parent, r)] < limit:
                    masks[f, row, start[r] : end[r]] = 1
