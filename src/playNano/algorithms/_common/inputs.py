"""Checks that the detectors share: blocks of frames and pixel sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError


def pixel_pair(pixel_size_nm: float | tuple[float, float]) -> tuple[float, float]:
    """Return the pixel size as (y, x).

    Parameters
    ----------
    pixel_size_nm
        One number, or (y, x), in nm, positive.

    Returns
    -------
    tuple of float
        Height and width of a pixel in nm.

    Raises
    ------
    ParameterError
        If a size is not positive and finite.

    Examples
    --------
    >>> pixel_pair(2)
    (2.0, 2.0)
    """
    given = np.atleast_1d(np.asarray(pixel_size_nm, dtype=np.float64))
    if given.size not in (1, 2) or not np.all(np.isfinite(given) & (given > 0)):
        raise ParameterError(f"pixel_size_nm must be one positive number or (y, x), not {pixel_size_nm!r}")
    return float(given[0]), float(given[-1])


def as_block(block: npt.ArrayLike, name: str = "block") -> npt.NDArray[Any]:
    """Return frames as a contiguous float array of (n, h, w).

    Parameters
    ----------
    block
        Frames; float32 and float64 are kept, other kinds become float64.
    name
        What to call it in an error.

    Returns
    -------
    ndarray
        (n, h, w), float32 or float64, contiguous; the input itself where it is so already.

    Raises
    ------
    ParameterError
        If it has not three dimensions.

    Examples
    --------
    >>> as_block(np.zeros((1, 2, 3), dtype=int)).dtype
    dtype('float64')
    """
    z = np.asarray(block)
    if z.ndim != 3:
        raise ParameterError(f"{name} must have the axes (frame, y, x), not the shape {z.shape}")
    return np.ascontiguousarray(z, dtype=np.float32 if z.dtype == np.float32 else np.float64)
