"""Local background of a frame under the particles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def local_background(frame: npt.ArrayLike, window_px: int = 64) -> FloatArray:
    """Estimate the background of a frame from the medians of overlapping windows.

    Parameters
    ----------
    frame
        Heights, (h, w). Pixels that are not finite are ignored.
    window_px
        Side of a window, px, at least 1; windows lie half a side apart.

    Returns
    -------
    ndarray
        (h, w) float64: medians interpolated linearly between the centres of the windows, and extrapolated linearly
        beyond the outermost centres. A window without finite pixels takes the frame's median.

    Examples
    --------
    >>> local_background(np.full((8, 9), 2.5), 4).shape
    (8, 9)
    """
    z = np.asarray(frame, dtype=np.float64)
    finite = np.isfinite(z)
    if not finite.any():
        return np.full(z.shape, np.nan)
    rows, cols = (_window_starts(length, window_px) for length in z.shape)
    height, width = (min(window_px, length) for length in z.shape)
    medians = np.empty((len(rows), len(cols)))
    for i, row in enumerate(rows):
        for j, col in enumerate(cols):
            window = np.s_[row : row + height, col : col + width]
            heights = z[window][finite[window]]
            medians[i, j] = np.median(heights) if heights.size else np.median(z[finite])
    down = _linear_weights(rows + (height - 1) / 2, z.shape[0])
    across = _linear_weights(cols + (width - 1) / 2, z.shape[1])
    background: FloatArray = down @ medians @ across.T
    return background


def _window_starts(length: int, window: int) -> npt.NDArray[np.int64]:
    """Return the starts of windows spread evenly over a length, about half a window apart."""
    if length <= window:
        return np.zeros(1, dtype=np.int64)
    count = int(np.ceil((length - window) / (window / 2))) + 1
    return np.round(np.linspace(0, length - window, count)).astype(np.int64)


def _linear_weights(knots: FloatArray, length: int) -> FloatArray:
    """Return the weights (length, knots) of linear interpolation, extrapolated beyond the outer knots."""
    if len(knots) == 1:
        return np.ones((length, 1))
    position = np.arange(length, dtype=np.float64)
    low = np.clip(np.searchsorted(knots, position, side="right") - 1, 0, len(knots) - 2)
    fraction = (position - knots[low]) / (knots[low + 1] - knots[low])
    weights = np.zeros((length, len(knots)))
    weights[np.arange(length), low] = 1 - fraction
    weights[np.arange(length), low + 1] = fraction
    return weights
