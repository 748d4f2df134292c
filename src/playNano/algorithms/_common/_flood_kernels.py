"""Compiled watershed by flooding from the peaks: basins, saddles and prominences in one pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit
from playNano.algorithms._common._union_find_kernels import find_root

Indices = NDArray[np.int32]
Shape = tuple[int, int]
Limits = tuple[float, float, float]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Flood(NamedTuple):
    """State of the basins while a frame of (h, w) pixels is flooded.

    Attributes
    ----------
    heights
        (h * w,) float32.
    basin
        (h * w,) int32: number of each flooded pixel's basin, from 0 in the order in which their peaks emerge; else -1.
    parent
        (n,) int64: union-find tree of the basins, whose root is the one with the highest peak.
    peak
        (n,) int64: flat index of each basin's peak.
    prominence
        (n,) float64: height of the peak above the saddle at which the basin was merged into that of a higher peak; for
        basins that were not merged, above their lowest pixel.
    """

    heights: NDArray[np.float32]
    basin: Indices
    parent: Ints
    peak: Ints
    prominence: Floats


@jit
def _neighbouring_basins(state: Flood, i: int, shape: Shape) -> tuple[int, int]:
    """Return the root of the basin of the highest peak beside pixel ``i``, and its highest flooded neighbour; or -1."""
    height, width = shape
    row, col = i // width, i % width
    root_of_highest = -1
    highest_pixel = -1
    for r in range(max(row - 1, 0), min(row + 2, height)):
        for c in range(max(col - 1, 0), min(col + 2, width)):
            j = r * width + c
            if state.basin[j] >= 0:
                root = find_root(state.parent, state.basin[j])
                if root_of_highest < 0 or root < root_of_highest:
                    root_of_highest = root
                if highest_pixel < 0 or state.heights[j] > state.heights[highest_pixel]:
                    highest_pixel = j
    return root_of_highest, highest_pixel


@jit
def _merge(state: Flood, i: int, shape: Shape, limits: Limits, into: int) -> bool:
    """Merge the basins that meet at pixel ``i`` into basin ``into`` where their peak is not one of its own.

    Basins of the same plateau are always merged. Return whether any were merged.
    """
    height, width = shape
    depth, own, other = limits
    row, col = i // width, i % width
    saddle = np.float64(state.heights[i])
    is_shallow = other < np.inf and saddle >= other * np.float64(state.heights[state.peak[into]])
    merged = False
    for r in range(max(row - 1, 0), min(row + 2, height)):
        for c in range(max(col - 1, 0), min(col + 2, width)):
            j = r * width + c
            if state.basin[j] >= 0:
                root = find_root(state.parent, state.basin[j])
                peak = np.float64(state.heights[state.peak[root]])
                rise = peak - saddle
                if root != into and (rise < depth or rise == 0.0 or (is_shallow and saddle >= own * peak)):
                    state.parent[root] = into
                    state.prominence[root] = rise
                    merged = True
    return merged


@jit
def flood(state: Flood, order: Ints, shape: Shape, limits: Limits) -> int:
    """Flood a frame from its peaks down; return the number of basins.

    Parameters
    ----------
    state
        `Flood` with space for ((h + 1) // 2) * ((w + 1) // 2) basins, its ``basin`` filled with -1.
    order
        (k,) int64: flat indices of the pixels to flood, by decreasing height.
    shape
        (h, w).
    limits
        Depth, and fractions of the peak's own and of the higher peak's height: basins whose peak rises less than the
        depth above the saddle to a higher one are merged into it, and those whose saddle is as high as both fractions.
    """
    n = 0
    for i in order:
        highest, neighbour = _neighbouring_basins(state, i, shape)
        if highest < 0:
            state.peak[n] = i
            state.parent[n] = n
            state.prominence[n] = 0.0
            state.basin[i] = n
            n += 1
            continue
        merged = _merge(state, i, shape, limits, highest)
        # Basins that have just been merged may touch at this pixel only: assigned to a third basin, it would leave
        # them disconnected.
        root = highest if merged else find_root(state.parent, state.basin[neighbour])
        state.basin[i] = root
        state.prominence[root] = np.float64(state.heights[state.peak[root]]) - np.float64(state.heights[i])
    return n


@jit
def resolve_basins(basin: Indices, parent: Ints, labels: Indices) -> None:
    """Replace basins by the label of the root that they were merged into; 0 where nothing was flooded.

    Parameters
    ----------
    basin
        (h * w,) int32, overwritten with labels.
    parent
        (n,) int64: the union-find tree.
    labels
        (n,) int32: label of each root.
    """
    for i in range(basin.size):
        basin[i] = labels[find_root(parent, basin[i])] if basin[i] >= 0 else 0
