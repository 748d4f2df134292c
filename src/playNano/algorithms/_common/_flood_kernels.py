"""Compiled flooding from the peaks down: basins, saddles and prominences in one pass."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._union_find_kernels import find_root


@jit
def descending_keys(z, active):
    """Return one 64-bit key a pixel of ``active``, whose ascending order is descending height.

    The low 32 bits hold the flat index, so that equal heights keep raster order whatever sorts them.
    """
    flat = z.reshape(-1)
    bits = flat.view(np.int32)
    keys = np.empty(flat.size, np.uint64)
    chosen = active.reshape(-1)
    n = 0
    for i in range(flat.size):
        if chosen[i]:
            # Flipping the magnitude of negative numbers makes the bit pattern rise with the value.
            rank = np.int64(bits[i]) if bits[i] >= 0 else -np.int64(bits[i] & 0x7FFFFFFF)
            keys[n] = np.uint64((np.int64(0x80000000) - rank) << 32) | np.uint64(i)
            n += 1
    return keys[:n]


@jit
def _neighbours(i, width, height, basin, parent, z):
    """Return the root of the oldest basin beside pixel ``i`` and the highest flooded neighbour (or -1)."""
    row = i // width
    col = i - row * width
    oldest = -1
    steepest = -1
    for r in range(max(row - 1, 0), min(row + 2, height)):
        for c in range(max(col - 1, 0), min(col + 2, width)):
            j = r * width + c
            if basin[j] >= 0:
                root = find_root(parent, basin[j])
                if oldest < 0 or root < oldest:
                    oldest = root
                if steepest < 0 or z[j] > z[steepest]:
                    steepest = j
    return oldest, steepest


@jit
def _merge(i, width, height, depth, oldest, basin, parent, z, peak, prominence):
    """Merge the basins that meet at pixel ``i`` into the oldest, where they rise less than ``depth``.

    Basins of one plateau are one basin, whatever the depth. Return whether any were merged.
    """
    merged = False
    row = i // width
    col = i - row * width
    for r in range(max(row - 1, 0), min(row + 2, height)):
        for c in range(max(col - 1, 0), min(col + 2, width)):
            j = r * width + c
            if basin[j] >= 0:
                root = find_root(parent, basin[j])
                rise = np.float64(z[peak[root]]) - np.float64(z[i])
                if root != oldest and (rise < depth or rise == 0.0):
                    parent[root] = oldest
                    prominence[root] = rise
                    merged = True
    return merged


@jit
def flood(z, keys, depth, basin):
    """Flood a frame from its peaks down.

    Parameters
    ----------
    z
        (h, w) float32 heights.
    keys
        Sorted keys of the pixels to flood.
    depth
        Basins whose peak rises less than this above the saddle to a higher one are merged into it.
    basin
        (h * w,) int32 to be written: 1.. for the basins that stay, in falling order of their peaks.

    Returns
    -------
    tuple of ndarray
        Flat index of each peak; height above the saddle at which it was merged into a higher one, or, where it
        stayed, above the lowest pixel of its own basin; and whether it stayed.
    """
    height, width = z.shape
    flat = z.reshape(-1)
    most = ((height + 1) // 2) * ((width + 1) // 2)
    peak = np.empty(most, np.int64)
    parent = np.empty(most, np.int64)
    prominence = np.empty(most, np.float64)
    basin[:] = -1
    n = 0
    for key in keys:
        i = np.int64(key & np.uint64(0xFFFFFFFF))
        oldest, steepest = _neighbours(i, width, height, basin, parent, flat)
        if oldest < 0:
            peak[n] = i
            parent[n] = n
            prominence[n] = 0.0
            basin[i] = n
            n += 1
            continue
        merged = _merge(i, width, height, depth, oldest, basin, parent, flat, peak, prominence)
        # What has just been merged may meet nowhere but here: given to a third basin, this pixel would
        # leave it in pieces.
        root = oldest if merged else find_root(parent, basin[steepest])
        basin[i] = root
        prominence[root] = np.float64(flat[peak[root]]) - np.float64(flat[i])
    number = np.zeros(n, np.int32)
    stayed = 0
    for b in range(n):
        if parent[b] == b:
            stayed += 1
            number[b] = stayed
    for i in range(flat.size):
        basin[i] = number[find_root(parent, basin[i])] if basin[i] >= 0 else 0
    return peak[:n], prominence[:n], number > 0
