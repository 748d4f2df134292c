"""Take the offsets between scan lines out of frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.processing.steps import Pixels, step, usable_pixels

Mask = npt.NDArray[np.bool_]


@step("filter", "1.0", min_pixels=lambda params: 1)
def row_median_align(data: Pixels, mask: Mask | None = None) -> Pixels:
    """Subtract each row's median.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mask
        True where pixels are left out of the medians (they are levelled all the same).

    Returns
    -------
    numpy.ndarray
        Heights about the rows' medians, same shape. NaN stays NaN. A row without usable pixels takes
        the offset interpolated between the nearest rows that have one; a frame without usable pixels
        is returned as it is.

    Examples
    --------
    >>> row_median_align(np.array([[1.0, 2, 3], [7, 9, 8]])).tolist()
    [[-1.0, 0.0, 1.0], [-1.0, 1.0, 0.0]]
    """
    from playNano.processing._kernels import line_medians

    n, height, width = data.shape
    usable = usable_pixels(data, mask)
    everything = np.ones((1, 1), dtype=np.bool_)
    flags = everything if usable is None else usable.reshape(-1, width)
    offsets = line_medians(data.reshape(-1, width), flags, usable is None).reshape(n, height)
    for frame in np.flatnonzero(np.isnan(offsets).any(axis=1)):
        offsets[frame] = _interpolated(offsets[frame])
    return np.asarray(data - offsets[:, :, None].astype(data.dtype))


def _interpolated(offsets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = np.flatnonzero(~np.isnan(offsets))
    if not known.size:
        return np.zeros_like(offsets)
    return np.interp(np.arange(offsets.size), known, offsets[known])
