"""Set where zero height is, and which way is up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.processing.steps import Pixels, step, usable_pixels

Mask = npt.NDArray[np.bool_]


@step("filter", "1.0", min_pixels=lambda params: 1)
def zero_mean(data: Pixels, mask: Mask | None = None) -> Pixels:
    """Subtract each frame's mean.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mask
        True where pixels are left out of the mean.

    Returns
    -------
    numpy.ndarray
        Heights about the mean, same shape. NaN stays NaN; a frame without usable pixels is returned
        as it is.

    Examples
    --------
    >>> zero_mean(np.array([[1.0, 2], [3, 6]])).tolist()
    [[-2.0, -1.0], [0.0, 3.0]]
    """
    usable = usable_pixels(data, mask)
    if usable is None:
        count = np.full(len(data), data[0].size if len(data) else 1)
        total = data.sum(axis=(1, 2), dtype=np.float64)
    else:
        count = np.maximum(usable.sum(axis=(1, 2)), 1)
        total = np.sum(data, axis=(1, 2), dtype=np.float64, where=usable)
    return np.asarray(data - (total / count)[:, None, None].astype(data.dtype))


@step("filter", "1.0", min_pixels=lambda params: 1)
def zero_median(data: Pixels, mask: Mask | None = None) -> Pixels:
    """Subtract each frame's median.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mask
        True where pixels are left out of the median.

    Returns
    -------
    numpy.ndarray
        Heights about the median, same shape. NaN stays NaN; a frame without usable pixels is returned
        as it is.

    Examples
    --------
    >>> zero_median(np.array([[1.0, 2], [3, 60]])).tolist()
    [[-1.5, -0.5], [0.5, 57.5]]
    """
    from playNano.processing._kernels import line_medians

    usable = usable_pixels(data, mask)
    everything = np.ones((1, 1), dtype=np.bool_)
    flags = everything if usable is None else usable.reshape(len(data), -1)
    medians = line_medians(data.reshape(len(data), -1), flags, usable is None)
    return np.asarray(data - np.nan_to_num(medians, nan=0.0)[:, None, None].astype(data.dtype))


@step("filter", "1.0")
def vertical_flip(data: Pixels) -> Pixels:
    """Turn each frame upside down.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).

    Returns
    -------
    numpy.ndarray
        The frames with their rows in reverse order.

    Examples
    --------
    >>> vertical_flip(np.array([[1.0, 2], [3, 4]])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    return data[:, ::-1].copy()
