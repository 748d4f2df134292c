"""Noise of the response of the Laplacian of Gaussian."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import as_block, pixel_pair
from playNano.algorithms.blobs.options import BlobOptions


def response_noise(
    frames: npt.ArrayLike,
    options: BlobOptions,
    pixel_size_nm: float | tuple[float, float],
    limit_nm: float,
) -> float:
    """Return the noise of the filter's response on the background of frames: the largest of all scales.

    Parameters
    ----------
    frames
        Heights above the background, (n, h, w), nm.
    options
        Scales of the filter.
    pixel_size_nm
        Pixel size (y, x), or one number for square pixels, nm.
    limit_nm
        Heights that deviate from the background by more belong to objects, and are set to 0, nm.

    Returns
    -------
    float
        Standard deviation, nm, from the median deviation of the response.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.2, (2, 64, 64))
    >>> round(response_noise(noise, BlobOptions(min_sigma=2, max_sigma=3), 1.0, 0.6), 2)
    0.04
    """
    from scipy.ndimage import gaussian_filter1d

    z = as_block(frames).astype(np.float64)
    z = np.where(np.abs(z) <= limit_nm, z, 0.0)
    low, high = options.sigma_limits
    unit = pixel_pair(pixel_size_nm) if options.in_nm else (1.0, 1.0)
    largest = 0.0
    for sigma in np.linspace(low, high, 3):
        along = sigma / unit[0], sigma / unit[1]
        response = np.zeros_like(z)
        for axis in (0, 1):
            part = gaussian_filter1d(z, along[axis], axis=axis + 1, order=2)
            response -= along[axis] ** 2 * gaussian_filter1d(part, along[1 - axis], axis=2 - axis)
        if response.size:
            largest = max(largest, 1.4826 * float(np.median(np.abs(response))))
    return largest
