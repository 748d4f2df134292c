"""Compiled background of a frame: the median outside a mask."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median

# Fewer pixels of an annulus do not give a median; one number for regions and blobs, which do not import each other.
MIN_ANNULUS_PIXELS = 8


@jit
def frame_background(mask, z):
    """Return the median of the finite pixels of a frame outside a mask; NaN where there are none.

    Parameters
    ----------
    mask
        (h, w) uint8; 0 is background.
    z
        (h, w) float32 heights.
    """
    values = np.empty(z.size, z.dtype)
    n = 0
    for row in range(z.shape[0]):
        for col in range(z.shape[1]):
            if mask[row, col] == 0 and np.isfinite(z[row, col]):
                values[n] = z[row, col]
                n += 1
    return median(values, n)
