"""Steps that smooth frames."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from playNano._options import Unit
from playNano.processing.steps import Pixels, step

TRUNCATE = 4.0
"""Truncation of the kernel, in units of sigma, as in scipy.ndimage and scikit-image."""


@step("filter", "1.0")
def gaussian_filter(
    data: Pixels, *, sigma: Annotated[float, Field(ge=0, le=1000), Unit("px")] = 1.0
) -> Pixels:
    """Smooth each frame with a Gaussian filter.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    sigma
        Standard deviation of the Gaussian, px; 0 changes nothing.

    Returns
    -------
    numpy.ndarray
        The smoothed frames; the border is mirrored (scipy.ndimage's "reflect"). NaN stays NaN, and is
        excluded from the averages of its neighbours.

    Examples
    --------
    >>> spot = np.zeros((9, 9)); spot[4, 4] = 1.0
    >>> round(float(gaussian_filter(spot, sigma=1.0)[4, 4]), 4)
    0.1592
    """
    import cv2

    if sigma == 0:
        return data.copy()
    radius = int(TRUNCATE * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()

    def smooth(frame: Pixels, out: Pixels) -> Pixels:
        return np.asarray(cv2.sepFilter2D(frame, -1, kernel, kernel, dst=out, borderType=cv2.BORDER_REFLECT))

    out = np.empty_like(data)
    for index, frame in enumerate(data):
        smooth(frame, out[index])
        # A NaN pixel spreads to its neighbours: a result without NaN means that the frame had none.
        if np.isfinite(out[index]).all():
            continue
        finite = np.isfinite(frame)
        weight = smooth(finite.astype(frame.dtype), np.empty_like(frame))
        filled = smooth(np.where(finite, frame, 0).astype(frame.dtype), np.empty_like(frame))
        with np.errstate(invalid="ignore", divide="ignore"):
            out[index] = np.where(finite, filled / weight, frame)
    return out
