"""Recognition of lattices whose corrugation is taken for noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]

MIN_CORRELATION = 0.2
MIN_PROMINENCE = 0.25
MIN_LAG_PX = 5
MAX_FRAMES = 8


def is_periodic(smoothed: FloatArray, threshold_nm: float) -> bool:
    """Return whether the background of frames is periodic.

    Parameters
    ----------
    smoothed, threshold_nm
        As for `lattice_vector`.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 1, (1, 80, 80))
    >>> is_periodic(noise, 9.0)
    False
    """
    return lattice_vector(smoothed, threshold_nm) is not None


def lattice_vector(smoothed: FloatArray, threshold_nm: float) -> tuple[float, float] | None:
    """Return the shortest vector by which the background of frames repeats.

    Parameters
    ----------
    smoothed
        Smoothed frames, (n, h, w), above the background, nm. At most eight are used.
    threshold_nm
        Higher pixels, and those around them, are objects and are left out, nm.

    Returns
    -------
    tuple of float or None
        (y, x), px: the peak of the autocorrelation nearest to the origin among those that rise out of a valley
        between them; None if there is none. A slow decay, of noise that is correlated over long distances, has none.

    Examples
    --------
    >>> y, x = np.mgrid[:80, :80]
    >>> lattice = np.cos(np.pi * x / 8) * np.cos(np.pi * y / 10)
    >>> noise = np.random.default_rng(0).normal(0, 0.5, (80, 80))
    >>> lattice_vector((lattice + noise)[None], 9.0)
    (10.0, -8.0)
    """
    from scipy.ndimage import gaussian_filter, maximum_filter

    chosen = smoothed[np.linspace(0, len(smoothed) - 1, min(MAX_FRAMES, len(smoothed))).round().astype(int)]
    total = np.mean([_autocorrelation(frame, threshold_nm) for frame in chosen], axis=0)
    correlation = gaussian_filter(total, 1)
    centre = np.array(correlation.shape) // 2
    correlation /= max(correlation[tuple(centre)], 1e-300)
    y, x = np.indices(correlation.shape) - centre[:, None, None]
    # Half of the plane: the other half is its mirror image. Neighbouring lines share their offset.
    allowed = (y >= 3) & (np.hypot(y, x) > MIN_LAG_PX)
    peaks = np.argwhere(
        allowed & (correlation == maximum_filter(correlation, 5)) & (correlation > MIN_CORRELATION)
    )
    along = np.linspace(0, 1, 60)[:, None]
    for peak in peaks[np.argsort(np.hypot(*(peaks - centre).T), kind="stable")]:
        path = (centre + along * (peak - centre)).round().astype(int)
        if correlation[tuple(peak)] - correlation[tuple(path.T)].min() > MIN_PROMINENCE:
            return float(peak[0] - centre[0]), float(peak[1] - centre[1])
    return None


def _autocorrelation(frame: FloatArray, threshold_nm: float) -> FloatArray:
    """Return the autocorrelation of the background up to a third of the frame, with lag 0 at the centre."""
    from scipy import fft
    from scipy.ndimage import maximum_filter

    quiet = ~maximum_filter(np.abs(frame) > threshold_nm, 7)
    mean = np.where(quiet, frame, 0).sum(axis=1) / np.maximum(quiet.sum(axis=1), 1)
    background = np.where(quiet, frame - mean[:, None], 0.0)
    shape = [fft.next_fast_len(2 * n, real=True) for n in frame.shape]

    def lagged(image: FloatArray) -> FloatArray:
        product: FloatArray = fft.fftshift(fft.irfft2(np.abs(fft.rfft2(image, shape)) ** 2, shape))
        return product

    pairs = np.maximum(lagged(quiet.astype(np.float64)), 1.0)
    height, width = frame.shape
    zero_y, zero_x = shape[0] // 2, shape[1] // 2
    inside = np.s_[
        zero_y - height // 3 : zero_y + height // 3 + 1, zero_x - width // 3 : zero_x + width // 3 + 1
    ]
    correlation: FloatArray = (lagged(background) / pairs)[inside]
    return correlation / max(float(correlation.max()), 1e-300)
