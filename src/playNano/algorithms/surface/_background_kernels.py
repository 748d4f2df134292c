"""Compiled background of a frame: the median outside a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median

# Minimum number of pixels of an annulus from which a median is taken; common to regions and blobs, which do not import
# each other.
MIN_ANNULUS_PIXELS = 8


@jit
def frame_background(mask: NDArray[np.uint8], z: NDArray[np.floating[Any]]) -> float:
    """Return the median height of the background, the finite pixels outside a mask; NaN where there are none.

    Parameters
    ----------
    mask
        (h, w) uint8; 0 is background.
    z
        (h, w) heights, float32 or float64.
    """
    values = np.empty(z.size, z.dtype)
    n = 0
    for row in range(z.shape[0]):
        for col in range(z.shape[1]):
            if mask[row, col] == 0 and np.isfinite(z[row, col]):
                values[n] = z[row, col]
                n += 1
    background: float = median(values, n)
    return background
