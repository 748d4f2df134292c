"""Input checks common to the detectors: blocks of frames and pixel sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano._options import pixel_pair
from playNano.errors import ParameterError

__all__ = ["as_block", "pixel_pair"]


def as_block(block: npt.ArrayLike, name: str = "block") -> npt.NDArray[Any]:
    """Return frames as a contiguous float array of (n, h, w).

    Parameters
    ----------
    block
        Frames; float32 and float64 are kept, other types become float64.
    name
        Name of the array in error messages.

    Returns
    -------
    ndarray
        (n, h, w), float32 or float64, contiguous; the input itself where nothing needs to change.

    Raises
    ------
    ParameterError
        If it does not have three dimensions.

    Examples
    --------
    >>> as_block(np.zeros((1, 2, 3), dtype=int)).dtype
    dtype('float64')
    """
    z = np.asarray(block)
    if z.ndim != 3:
        raise ParameterError(f"{name} must have the axes (frame, y, x), not the shape {z.shape}")
    return np.ascontiguousarray(z, dtype=np.float32 if z.dtype == np.float32 else np.float64)
