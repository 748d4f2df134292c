"""Compiled grounds: of a frame, and of windows."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median

MIN_RING_PIXELS = 8


@jit
def frame_background(seeds, z):
    """Return the median of the finite pixels that belong to no region; NaN where there is none."""
    values = np.empty(z.size, z.dtype)
    n = 0
    for row in range(z.shape[0]):
        for x in range(z.shape[1]):
            v = z[row, x]
            if seeds[row, x] == 0 and np.isfinite(v):
                values[n] = v
                n += 1
    return median(values, n)


@jit
def window_medians(z, rows, cols, height, width):
    """Return the medians of the finite pixels in windows of one size; NaN where there are none."""
    out = np.empty((rows.size, cols.size))
    values = np.empty(height * width, z.dtype)
    for i in range(rows.size):
        for j in range(cols.size):
            n = 0
            for row in range(rows[i], rows[i] + height):
                for x in range(cols[j], cols[j] + width):
                    v = z[row, x]
                    if np.isfinite(v):
                        values[n] = v
                        n += 1
            out[i, j] = median(values, n)
    return out
