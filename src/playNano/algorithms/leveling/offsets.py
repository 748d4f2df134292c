"""Offsets of scan lines and of whole frames by medians."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.medians import median_of_usable

Frame = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def row_offsets(frame: Frame, mask: Mask | None = None) -> npt.NDArray[np.float64]:
    """Return the median of every row of a frame.

    Parameters
    ----------
    frame
        Heights, (h, w), float32 or float64. Pixels that are not finite are ignored.
    mask
        True where pixels are ignored, (h, w); None for nowhere.

    Returns
    -------
    ndarray
        (h,) float64, in the unit of the heights. A row without usable pixels has the offset interpolated
        between the nearest rows that have one; 0 everywhere if no row has.

    Examples
    --------
    >>> row_offsets(np.array([[1.0, 2, 3], [np.nan] * 3, [7, 9, 8]])).tolist()
    [2.0, 5.0, 8.0]
    """
    usable = np.isfinite(frame) if mask is None else np.isfinite(frame) & ~mask
    offsets = median_of_usable(frame, usable)
    known = np.flatnonzero(~np.isnan(offsets))
    if not known.size:
        return np.zeros_like(offsets)
    return np.interp(np.arange(offsets.size), known, offsets[known])


def frame_offset(frame: Frame, mask: Mask | None = None) -> float:
    """Return the median of a frame.

    Parameters
    ----------
    frame
        Heights, (h, w), float32 or float64. Pixels that are not finite are ignored.
    mask
        True where pixels are ignored, (h, w); None for nowhere.

    Returns
    -------
    float
        In the unit of the heights; 0 if no pixel is usable.

    Examples
    --------
    >>> frame_offset(np.array([[1.0, 2], [3, np.nan]]))
    2.0
    """
    usable = np.isfinite(frame) if mask is None else np.isfinite(frame) & ~mask
    return float(np.median(frame[usable])) if usable.any() else 0.0
