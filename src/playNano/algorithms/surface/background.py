"""The ground under the particles, where it is not the same everywhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def local_background(frame: npt.ArrayLike, window_px: int = 64) -> npt.NDArray[np.float64]:
    """Estimate the ground of a frame from the medians of overlapping windows.

    Parameters
    ----------
    frame
        Heights, (h, w). Pixels that are not finite do not count.
    window_px
        Side of a window in pixels; windows lie half a side apart.

    Returns
    -------
    ndarray
        (h, w) float64: medians joined by straight lines, and carried on along them beyond the outermost
        windows' middles. A window without finite pixels takes the frame's median.

    Examples
    --------
    >>> local_background(np.full((8, 9), 2.5), 4).shape
    (8, 9)
    """
    from playNano.algorithms.surface._background_kernels import window_medians

    z = np.ascontiguousarray(frame, dtype=np.float64)
    good = np.isfinite(z)
    if not good.any():
        return np.full(z.shape, np.nan)
    starts = [_window_starts(n, window_px) for n in z.shape]
    sides = [min(window_px, n) for n in z.shape]
    grid = window_medians(z, starts[0], starts[1], sides[0], sides[1])
    grid = np.where(np.isnan(grid), np.median(z[good]), grid)
    down = _straight(starts[0] + (sides[0] - 1) / 2, z.shape[0])
    across = _straight(starts[1] + (sides[1] - 1) / 2, z.shape[1])
    ground: npt.NDArray[np.float64] = down @ grid @ across.T
    return ground


def _window_starts(length: int, window: int) -> npt.NDArray[np.int64]:
    """Spread windows of a side evenly over a length, about half a side apart."""
    if length <= window:
        return np.zeros(1, dtype=np.int64)
    count = int(np.ceil((length - window) / (window / 2))) + 1
    return np.round(np.linspace(0, length - window, count)).astype(np.int64)


def _straight(knots: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Return the (length, knots) weights of linear interpolation, carried on beyond the outer knots."""
    if len(knots) == 1:
        return np.ones((length, 1))
    at = np.arange(length, dtype=np.float64)
    low = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    share = (at - knots[low]) / (knots[low + 1] - knots[low])
    weights = np.zeros((length, len(knots)))
    weights[np.arange(length), low] = 1 - share
    weights[np.arange(length), low + 1] = share
    return weights
