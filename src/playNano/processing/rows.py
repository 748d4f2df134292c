"""Take the offsets between scan lines out of frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
    from playNano.algorithms.leveling._line_kernels import subtract_medians

    out = np.empty_like(data)
    finite = np.zeros(data.shape[:2], dtype=np.bool_)
    if mask is None:
        lines = data.reshape(-1, data.shape[2])
        subtract_medians(lines, out.reshape(lines.shape), finite.reshape(-1))
    for frame in np.flatnonzero(~finite.all(axis=1)):
        out[frame] = _align_partial(data[frame], None if mask is None else mask[frame])
    return out


def _align_partial(frame: Pixels, mask: Mask | None) -> Pixels:
    """Align one frame by its usable pixels only."""
    from playNano.algorithms.leveling._line_kernels import line_medians

    usable = np.isfinite(frame) if mask is None else np.isfinite(frame) & ~mask
    offsets = _interpolated(line_medians(frame, usable))
    return np.asarray(frame - offsets[:, None].astype(frame.dtype))


def _interpolated(offsets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = np.flatnonzero(~np.isnan(offsets))
    if known.size == offsets.size:
        return offsets
    if not known.size:
        return np.zeros_like(offsets)
    return np.interp(np.arange(offsets.size), known, offsets[known])
