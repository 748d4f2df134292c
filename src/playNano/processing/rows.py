"""The step that subtracts the offsets between scan lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.algorithms.leveling.offsets import row_offsets
from playNano.processing.steps import Pixels, step

Mask = npt.NDArray[np.bool_]


@step("filter", "1.0", min_pixels=lambda params: 1)
def row_median_align(data: Pixels, mask: Mask | None = None) -> Pixels:
    """Subtract each row's median.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mask
        True where pixels are excluded from the medians (they are levelled nevertheless).

    Returns
    -------
    numpy.ndarray
        Heights relative to the medians of the rows, same shape. NaN stays NaN. The offset of a row without usable
        pixels is interpolated between the nearest rows that have one; a frame without usable pixels
        is returned unchanged.

    Examples
    --------
    >>> row_median_align(np.array([[1.0, 2, 3], [7, 9, 8]])).tolist()
    [[-1.0, 0.0, 1.0], [-1.0, 1.0, 0.0]]
    """
    out = np.empty_like(data)
    for k, frame in enumerate(data):
        offsets = row_offsets(frame, None if mask is None else mask[k])
        np.subtract(frame, offsets[:, None].astype(frame.dtype), out=out[k])
    return out
