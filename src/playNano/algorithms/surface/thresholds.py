"""Standard thresholding methods: masks of the foreground in each frame of a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import HeightUnit, Unit
from playNano.algorithms._common.arguments import check_arguments
from playNano.algorithms._common.inputs import as_block
from playNano.algorithms.surface.background import local_background
from playNano.errors import ParameterError

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.floating[Any]]
Bins = Annotated[int, Field(ge=2, le=65536)]
Height = Annotated[
    float, HeightUnit(instead="use mask_threshold, whose threshold is in the unit of the channel")
]
LocalHeight = Annotated[float, HeightUnit(instead="give sigmas")]
Window = Annotated[int, Field(ge=3), Unit("px")]


@check_arguments
def otsu(block: npt.ArrayLike, *, nbins: Bins = 256) -> BoolArray:
    """Mark the pixels above Otsu's threshold, frame by frame.

    Parameters
    ----------
    block
        Heights, (n, h, w). Pixels that are not finite are background, and the threshold ignores them.
    nbins
        Bins of the histogram of heights, 2 to 65536.

    Returns
    -------
    ndarray
        (n, h, w) bool; a frame without contrast is background.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Otsu N., "A threshold selection method from gray-level histograms", IEEE Trans. Systems, Man, and
    Cybernetics 9, 1979, doi:10.1109/TSMC.1979.4310076.

    Examples
    --------
    >>> otsu(np.array([[[0.0, 0.1, 0.0, 5.0, 5.2]]]), nbins=8)
    array([[[False, False, False,  True,  True]]])
    """
    from skimage.filters import threshold_otsu

    return _above(block, lambda heights: threshold_otsu(heights, nbins=nbins))


@check_arguments
def multi_otsu(
    block: npt.ArrayLike,
    *,
    classes: Annotated[int, Field(ge=2, le=5)] = 3,
    level: Annotated[int, Field(ge=1)] = 1,
    nbins: Bins = 256,
) -> BoolArray:
    """Mark the pixels above one of several thresholds of Otsu, which divide the heights into classes.

    Parameters
    ----------
    block
        Heights, (n, h, w). Pixels that are not finite are background, and the threshold ignores them.
    classes
        Number of classes, 2 to 5.
    level
        Number of the threshold: 1 is the lowest, classes - 1 the highest.
    nbins
        Bins of the histogram of heights, ``classes`` to 65536.

    Returns
    -------
    ndarray
        (n, h, w) bool; a frame with fewer different heights than classes is background.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Liao P.-S., Chen T.-S., Chung P.-C., "A fast algorithm for multilevel thresholding", J. Information
    Science and Engineering 17, 2001, doi:10.6688/JISE.2001.17.5.1.

    Examples
    --------
    >>> multi_otsu(np.array([[[0.0, 0.1, 2.0, 2.2, 5.0, 5.1]]]), level=2)
    array([[[False, False, False, False,  True,  True]]])
    """
    from skimage.filters import threshold_multiotsu

    if not 1 <= level < classes:
        raise ParameterError(f"level must lie between 1 and classes - 1 = {classes - 1}, not {level!r}")
    if nbins < classes:
        raise ParameterError(f"nbins must be at least classes = {classes}, not {nbins!r}")

    def threshold(heights: FloatArray) -> float:
        filled = np.count_nonzero(np.histogram(heights, nbins)[0])
        if filled < classes:
            return np.inf
        return float(threshold_multiotsu(heights, classes=classes, nbins=nbins)[level - 1])

    return _above(block, threshold)


def li(block: npt.ArrayLike) -> BoolArray:
    """Mark the pixels above Li's minimum cross-entropy threshold, frame by frame.

    Parameters
    ----------
    block
        Heights, (n, h, w). Pixels that are not finite are background, and the threshold ignores them.

    Returns
    -------
    ndarray
        (n, h, w) bool; a frame without contrast is background.

    References
    ----------
    Li C.H., Tam P.K.S., "An iterative algorithm for minimum cross entropy thresholding", Pattern
    Recognition Letters 18, 1998, doi:10.1016/S0167-8655(98)00057-9.

    Examples
    --------
    >>> li(np.array([[[0.0, 0.1, 0.2, 5.0, 5.2]]]))
    array([[[False, False, False,  True,  True]]])
    """
    from skimage.filters import threshold_li

    return _above(block, threshold_li)


@check_arguments
def triangle(block: npt.ArrayLike, *, nbins: Bins = 256) -> BoolArray:
    """Mark the pixels above the triangle threshold, which suits few particles on a large background.

    Parameters
    ----------
    block
        Heights, (n, h, w). Pixels that are not finite are background, and the threshold ignores them.
    nbins
        Bins of the histogram of heights, 2 to 65536.

    Returns
    -------
    ndarray
        (n, h, w) bool; a frame without contrast is background.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Zack G.W., Rogers W.E., Latt S.A., "Automatic measurement of sister chromatid exchange frequency",
    J. Histochemistry and Cytochemistry 25, 1977, doi:10.1177/25.7.70454.

    Examples
    --------
    >>> int(triangle(np.array([[[0.0] * 40 + [3.0, 4.0, 5.0]]]), nbins=8).sum())
    3
    """
    from skimage.filters import threshold_triangle

    return _above(block, lambda heights: threshold_triangle(heights, nbins=nbins))


@check_arguments
def hysteresis(block: npt.ArrayLike, *, low_nm: Height, high_nm: Height) -> BoolArray:
    """Mark the 4-connected regions above a low height that contain a pixel above a high one (hysteresis threshold).

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm. Pixels that are not finite are background.
    low_nm
        Height above which a pixel is marked if it is connected to one above `high_nm`, nm.
    high_nm
        Height above which a pixel is always marked, nm, >= `low_nm`.

    Returns
    -------
    ndarray
        (n, h, w) bool, as `skimage.filters.apply_hysteresis_threshold` gives it.

    Raises
    ------
    ParameterError
        If low exceeds high.

    References
    ----------
    Canny J., "A computational approach to edge detection", IEEE PAMI 8, 1986,
    doi:10.1109/TPAMI.1986.4767851.

    Examples
    --------
    >>> hysteresis(np.array([[[2.0, 0.0, 2.0, 4.0]]]), low_nm=1, high_nm=3)
    array([[[False, False,  True,  True]]])
    """
    from skimage.filters import apply_hysteresis_threshold

    if not low_nm <= high_nm:
        raise ParameterError(f"low_nm ({low_nm!r}) must not exceed high_nm ({high_nm!r})")
    z = as_block(block)
    masks = np.zeros(z.shape, dtype=bool)
    for frame, mask in zip(z, masks, strict=True):
        mask[:] = apply_hysteresis_threshold(np.where(np.isfinite(frame), frame, -np.inf), low_nm, high_nm)
    return masks


@check_arguments
def local_height(
    block: npt.ArrayLike,
    *,
    height_nm: LocalHeight | None = None,
    sigmas: Annotated[float, Field(gt=0)] | None = None,
    window_px: Window = 64,
) -> BoolArray:
    """Mark the pixels that exceed the local background by a height or by a multiple of the noise.

    The background is that of `playNano.algorithms.surface.background.local_background`; particles must cover
    less than half of a window.

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm. Pixels that are not finite are background, and the estimates ignore them.
    height_nm
        Minimum height above the background, nm. Either this or ``sigmas``.
    sigmas
        The same in standard deviations of the frame's noise (`playNano.algorithms.surface.noise.robust_noise`), which
        does not include offsets between lines: level the lines first. 3 where neither is given.
    window_px
        Side of a window of the background, px, at least 3.

    Returns
    -------
    ndarray
        (n, h, w) bool; a frame without contrast is background.

    Raises
    ------
    ParameterError
        If both heights are given or the window is too small.

    Examples
    --------
    >>> frame = np.tile(np.linspace(0, 20, 64), (64, 1))
    >>> frame[30:34, 30:34] += 2
    >>> int(local_height(frame[None], height_nm=1.5, window_px=16).sum())
    16
    """
    from playNano.algorithms.surface.noise import robust_noise

    if height_nm is not None and sigmas is not None:
        raise ParameterError("give either height_nm or sigmas, not both")
    z = as_block(block)
    masks = np.zeros(z.shape, dtype=bool)
    for frame, mask in zip(z, masks, strict=True):
        limit = (
            height_nm if height_nm is not None else (3 if sigmas is None else sigmas) * robust_noise(frame)
        )
        if _contrast(frame):
            mask[:] = np.isfinite(frame) & (frame - local_background(frame, window_px) > limit)
    return masks


@check_arguments
def adaptive(
    block: npt.ArrayLike, *, window_px: Window = 51, offset_nm: Height = 0.0, deviations: float = 0.0
) -> BoolArray:
    """Mark the pixels that exceed the mean of a box around them (Niblack's local threshold).

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm. Pixels that are not finite are background and are ignored; frames are
        reflected at their borders.
    window_px
        Side of the box, px, odd, at least 3.
    offset_nm
        Minimum height above the mean, nm.
    deviations
        Number of standard deviations of the box that is added to the mean (Niblack's rule).

    Returns
    -------
    ndarray
        (n, h, w) bool; a frame without contrast is background.

    Raises
    ------
    ParameterError
        If the window is even or too small.

    References
    ----------
    Niblack W., "An introduction to digital image processing", Prentice-Hall, 1986.

    Examples
    --------
    >>> adaptive(np.array([[[0.0, 0.0, 4.0, 0.0, 0.0]]]), window_px=3, offset_nm=1)
    array([[[False, False,  True, False, False]]])
    """
    from scipy.ndimage import uniform_filter

    if window_px % 2 == 0:
        raise ParameterError(f"window_px must be odd, not {window_px!r}")
    z = as_block(block)
    masks = np.zeros(z.shape, dtype=bool)
    for frame, mask in zip(z, masks, strict=True):
        if not _contrast(frame):
            continue
        good = np.isfinite(frame)
        # Heights relative to the median: with a large offset the variance would be lost in rounding.
        heights = np.where(good, frame.astype(np.float64) - np.median(frame[good]), 0.0)
        fraction = uniform_filter(good.astype(np.float64), window_px)
        fraction = np.where(fraction > 0.5 / window_px**2, fraction, np.nan)
        mean = uniform_filter(heights, window_px) / fraction
        limit = mean + offset_nm
        if deviations:
            spread = uniform_filter(heights**2, window_px) / fraction - mean**2
            limit += deviations * np.sqrt(np.maximum(spread, 0))
        mask[:] = good & (heights > limit)
    return masks


def _contrast(frame: FloatArray) -> bool:
    """Return whether the finite heights of a frame differ by more than rounding."""
    heights = frame[np.isfinite(frame)]
    if not heights.size:
        return False
    low, high = float(heights.min()), float(heights.max())
    return high - low > 1e-5 * max(abs(low), abs(high))


def _above(block: npt.ArrayLike, threshold: Callable[[FloatArray], float]) -> BoolArray:
    """Mark the pixels of each frame above the threshold computed from its finite heights."""
    z = as_block(block)
    masks = np.zeros(z.shape, dtype=bool)
    for frame, mask in zip(z, masks, strict=True):
        if _contrast(frame):
            good = np.isfinite(frame)
            mask[:] = good & (frame > threshold(frame[good]))
    return masks
