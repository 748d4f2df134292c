"""Masks: where a frame shows what is not substrate."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.processing.steps import Pixels, step

Mask = npt.NDArray[np.bool_]
Level = Annotated[float, Unit("nm")]
Bins = Annotated[int, Field(ge=2, le=65536)]
Classes = Annotated[int, Field(ge=2, le=5)]


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
    """Mark pixels above the frame's mean by a number of standard deviations.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    factor
        Standard deviations above the mean.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked and enters neither mean nor deviation.

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
    """Mark pixels above a height, and close gaps between them.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    threshold
        Height above which a pixel is marked, in the pixels' unit.
    structure_size
        Edge of the square with which the mask is closed, px.

    Returns
    -------
    numpy.ndarray
        bool, same shape: the binary closing of ``data > threshold``; the frame's border counts as marked
        when gaps are closed, as in `skimage.morphology.closing` with ``mode="ignore"``.

    Examples
    --------
    >>> mask_morphological(np.array([[1.0, 0.0, 1.0]]), threshold=0.5).tolist()
    [[True, True, True]]
    """
    import cv2

    square = np.ones((structure_size, structure_size), dtype=np.uint8)
    marked = (data > threshold).view(np.uint8)
    # A square of even edge has no centre: what dilation shifts one way, erosion shifts back.
    middle, opposite = structure_size // 2, structure_size - 1 - structure_size // 2
    closed: list[Any] = [
        cv2.erode(cv2.dilate(frame, square, anchor=(middle, middle)), square, anchor=(opposite, opposite))
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
    """Mark pixels above the mean of their surroundings.

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
        bool, same shape; NaN is never marked and enters no mean. The border is mirrored.

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
        # Sums of heights about their mean keep the digits that a large common height would cost.
        level = np.mean(frame, dtype=np.float64, where=finite) if finite.any() else 0.0
        centred = np.where(finite, frame - level, 0.0)
        count = local_sum(finite.astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            out[index] = finite & (centred > local_sum(centred) / count + offset)
    return out


@step("mask", "1.0")
def mask_otsu(data: Pixels, *, nbins: Bins = 256) -> Mask:
    """Mark pixels above the threshold of Otsu of each frame.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    nbins
        Bins of the histogram of heights.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked. See `playNano.algorithms.surface.thresholds.otsu`.
    """
    from playNano.algorithms.surface.thresholds import otsu

    return otsu(data, nbins=nbins)


@step("mask", "1.0")
def mask_multi_otsu(
    data: Pixels, *, classes: Classes = 3, level: Annotated[int, Field(ge=1)] = 1, nbins: Bins = 256
) -> Mask:
    """Mark pixels above one of several thresholds of Otsu of each frame.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    classes
        Number of classes into which heights are parted.
    level
        Which of the thresholds, counted from the lowest, 1.
    nbins
        Bins of the histogram of heights.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked. See `playNano.algorithms.surface.thresholds.multi_otsu`.
    """
    from playNano.algorithms.surface.thresholds import multi_otsu

    return multi_otsu(data, classes=classes, level=level, nbins=nbins)


@step("mask", "1.0")
def mask_li(data: Pixels) -> Mask:
    """Mark pixels above the threshold of Li (least cross entropy) of each frame.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked. See `playNano.algorithms.surface.thresholds.li`.
    """
    from playNano.algorithms.surface.thresholds import li

    return li(data)


@step("mask", "1.0")
def mask_triangle(data: Pixels, *, nbins: Bins = 256) -> Mask:
    """Mark pixels above the triangle threshold of each frame's histogram.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    nbins
        Bins of the histogram of heights.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked. See `playNano.algorithms.surface.thresholds.triangle`.
    """
    from playNano.algorithms.surface.thresholds import triangle

    return triangle(data, nbins=nbins)


@step("mask", "1.0")
def mask_hysteresis(data: Pixels, *, low_nm: Level, high_nm: Level) -> Mask:
    """Mark what is above a low height and touches something above a high one.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    low_nm, high_nm
        The two heights, nm.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked. See `playNano.algorithms.surface.thresholds.hysteresis`.
    """
    from playNano.algorithms.surface.thresholds import hysteresis

    return hysteresis(data, low_nm=low_nm, high_nm=high_nm)


@step("mask", "1.0")
def mask_local_height(
    data: Pixels,
    *,
    height_nm: Level | None = None,
    sigmas: Annotated[float, Field(gt=0)] | None = None,
    window_px: Annotated[int, Field(ge=3), Unit("px")] = 64,
) -> Mask:
    """Mark pixels that stand above their local background.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    height_nm
        Least height above the background, nm. Either this or `sigmas`.
    sigmas
        The same in standard deviations of the frame's noise.
    window_px
        Edge of the window over which the background is taken, px.

    Returns
    -------
    numpy.ndarray
        bool, same shape; NaN is never marked. See `playNano.algorithms.surface.thresholds.local_height`.
    """
    from playNano.algorithms.surface.thresholds import local_height

    return local_height(data, height_nm=height_nm, sigmas=sigmas, window_px=window_px)
