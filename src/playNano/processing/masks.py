"""Masks: boolean images that mark the foreground of a frame."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.algorithms.surface import thresholds
from playNano.processing.steps import Pixels, step

Mask = npt.NDArray[np.bool_]
Level = Annotated[float, Unit("channel's")]


@step("mask", "1.0")
def mask_threshold(data: Pixels, *, threshold: Level = 0.0) -> Mask:
    """Mark pixels above a height.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    threshold
        Height above which a pixel is marked, in the pixels' unit.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked.

    Examples
    --------
    >>> mask_threshold(np.array([[1.0, 2.0]]), threshold=1.5).tolist()
    [[False, True]]
    """
    return data > threshold


@step("mask", "1.0")
def mask_below_threshold(data: Pixels, *, threshold: Level = 0.0) -> Mask:
    """Mark pixels below a height.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    threshold
        Height below which a pixel is marked, in the pixels' unit.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked.

    Examples
    --------
    >>> mask_below_threshold(np.array([[1.0, 2.0]]), threshold=1.5).tolist()
    [[True, False]]
    """
    return data < threshold


@step("mask", "1.0")
def mask_mean_offset(data: Pixels, *, factor: float = 1.0) -> Mask:
    """Mark pixels that exceed the mean of the frame by a number of standard deviations.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    factor
        Threshold, in standard deviations above the mean.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked and is excluded from mean and standard deviation.

    Examples
    --------
    >>> mask_mean_offset(np.array([[0.0, 0.0, 0.0, 8.0]]), factor=1.0).tolist()
    [[False, False, False, True]]
    """
    finite = np.isfinite(data)
    count = np.maximum(finite.sum(axis=(1, 2)), 1)
    mean = np.sum(data, axis=(1, 2), dtype=np.float64, where=finite) / count
    centred = data - mean[:, None, None]
    variance = np.sum(centred * centred, axis=(1, 2), dtype=np.float64, where=finite) / count
    return np.asarray(centred > (factor * np.sqrt(variance))[:, None, None])


@step("mask", "1.0")
def mask_morphological(
    data: Pixels,
    *,
    threshold: Level = 0.0,
    structure_size: Annotated[int, Field(ge=1, le=999), Unit("px")] = 3,
) -> Mask:
    """Mark pixels above a height, followed by a morphological closing.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    threshold
        Height above which a pixel is marked, in the pixels' unit.
    structure_size
        Edge of the square structuring element of the closing, px.

    Returns
    -------
    numpy.ndarray
        bool, same shape: the binary closing of ``data > threshold``; the border is treated
        as in `skimage.morphology.closing` with ``mode="ignore"``.

    Examples
    --------
    >>> mask_morphological(np.array([[1.0, 0.0, 1.0]]), threshold=0.5).tolist()
    [[True, True, True]]
    """
    import cv2

    square = np.ones((structure_size, structure_size), dtype=np.uint8)
    marked = (data > threshold).view(np.uint8)
    # A square of even edge has no central pixel: the erosion compensates the shift of the dilation.
    centre, opposite = structure_size // 2, structure_size - 1 - structure_size // 2
    closed: list[Any] = [
        cv2.erode(cv2.dilate(frame, square, anchor=(centre, centre)), square, anchor=(opposite, opposite))
        for frame in marked
    ]
    return np.array(closed, dtype=np.bool_).reshape(data.shape)


@step("mask", "1.0")
def mask_adaptive(
    data: Pixels,
    *,
    block_size: Annotated[int, Field(ge=1, le=9999), Unit("px")] = 15,
    offset: Level = 0.0,
) -> Mask:
    """Mark pixels above the local mean of their neighbourhood.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    block_size
        Edge of the square around the pixel over which the mean is taken, px.
    offset
        Height above the local mean from which a pixel is marked, in the pixels' unit.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked and is excluded from the means. The border is mirrored.

    Examples
    --------
    >>> frame = np.zeros((9, 9)); frame[4, 4] = 5.0
    >>> int(mask_adaptive(frame, block_size=5, offset=1.0).sum())
    1
    """
    import cv2

    def local_sum(values: Any) -> Any:
        return cv2.boxFilter(
            values, cv2.CV_64F, (block_size, block_size), normalize=False, borderType=cv2.BORDER_REFLECT
        )

    out = np.zeros(data.shape, dtype=np.bool_)
    for index, frame in enumerate(data):
        finite = np.isfinite(frame)
        # The mean is subtracted before summing, to avoid a loss of precision by a large common offset.
        level = np.mean(frame, dtype=np.float64, where=finite) if finite.any() else 0.0
        centred = np.where(finite, frame - level, 0.0)
        count = local_sum(finite.astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            out[index] = finite & (centred > local_sum(centred) / count + offset)
    return out


def _threshold_step(name: str, threshold: Callable[..., Mask]) -> Callable[..., Mask]:
    """Declare a threshold algorithm as a step, with its parameters, limits and documentation."""

    @functools.wraps(threshold)
    def mask(data: Pixels, **params: Any) -> Mask:
        return threshold(data, **params)

    mask.__name__ = mask.__qualname__ = name
    mask.__module__ = __name__
    # The examples in the docstring call the algorithm by its own name.
    mask.__doc__ = (threshold.__doc__ or "").partition("Examples\n")[0].rstrip()
    return step("mask", "1.0")(mask)


mask_otsu = _threshold_step("mask_otsu", thresholds.otsu)
mask_multi_otsu = _threshold_step("mask_multi_otsu", thresholds.multi_otsu)
mask_li = _threshold_step("mask_li", thresholds.li)
mask_triangle = _threshold_step("mask_triangle", thresholds.triangle)
mask_hysteresis = _threshold_step("mask_hysteresis", thresholds.hysteresis)
mask_local_height = _threshold_step("mask_local_height", thresholds.local_height)
