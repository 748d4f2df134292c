"""Steps that set the zero of the heights or the order of the rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.algorithms.leveling.offsets import frame_offset
from playNano.core.scan import ScanGeometry
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
        True where pixels are excluded from the mean.

    Returns
    -------
    numpy.ndarray
        Heights relative to the mean, same shape. NaN stays NaN; a frame without usable pixels is returned
        unchanged.

    Examples
    --------
    >>> zero_mean(np.array([[1.0, 2], [3, 6]])).tolist()
    [[-2.0, -1.0], [0.0, 3.0]]
    """
    out = np.empty_like(data)
    for index, frame in enumerate(data):
        own = None if mask is None else mask[index : index + 1]
        usable = usable_pixels(frame[None], own)
        if usable is None:
            mean = frame.mean(dtype=np.float64)
        else:
            count = np.count_nonzero(usable) or 1
            mean = np.sum(frame, dtype=np.float64, where=usable[0]) / count
        np.subtract(frame, data.dtype.type(mean), out=out[index])
    return out


@step("filter", "1.0", min_pixels=lambda params: 1)
def zero_median(data: Pixels, mask: Mask | None = None) -> Pixels:
    """Subtract each frame's median.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mask
        True where pixels are excluded from the median.

    Returns
    -------
    numpy.ndarray
        Heights relative to the median, same shape. NaN stays NaN; a frame without usable pixels is returned
        unchanged.

    Examples
    --------
    >>> zero_median(np.array([[1.0, 2], [3, 60]])).tolist()
    [[-1.5, -0.5], [0.5, 57.5]]
    """
    out = np.empty_like(data)
    for k, frame in enumerate(data):
        offset = frame_offset(frame, None if mask is None else mask[k])
        np.subtract(frame, data.dtype.type(offset), out=out[k])
    return out


@step("filter", "1.1", scan=ScanGeometry.turned)
def vertical_flip(data: Pixels) -> Pixels:
    """Flip each frame vertically; the scan direction is reversed with it.

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
