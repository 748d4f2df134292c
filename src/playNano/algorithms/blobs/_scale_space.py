"""Laplacian of Gaussian scale space of a frame by separable filters (OpenCV), and its maxima: exact or approximate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from playNano.algorithms.blobs._maxima_kernels import Filters

FloatArray = npt.NDArray[np.floating[Any]]
Single = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

MIN_STEP = 0.64
"""Minimum variance (px^2) of a blur between scales: the variance of a narrower sampled Gaussian deviates from it."""
LAPLACIAN_VARIANCE = 1 / 6
"""Variance (px^2) of the blur that the nine-point Laplacian adds."""


@dataclass(frozen=True)
class Maxima:
    """Maxima of a scale space.

    Attributes
    ----------
    where
        (k, 3): scale, row, column, by decreasing response; equal ones by row, column and scale.
    response
        (k,) float64.
    space
        (scales, h, w) float32 responses.
    """

    where: IntArray
    response: npt.NDArray[np.float64]
    space: Single


@dataclass(frozen=True)
class Kernels:
    """Kernels of one scale along one axis, symmetric.

    Attributes
    ----------
    smooth
        Sampled Gaussian, cut at four sigma, of sum 1.
    curvature
        Its second derivative times minus the variance: the scale-normalised response along this axis.
    """

    smooth: npt.NDArray[np.float64]
    curvature: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Blur:
    """The blur that leads to a scale from the frame or from an earlier scale.

    Attributes
    ----------
    y, x
        Gaussian kernels along each axis.
    keep
        Whether the next scale is blurred from this one, rather than from the image from which this one was blurred.
    laplacian
        (3, 3) minus the scale-normalised nine-point Laplacian.
    """

    y: Single
    x: Single
    keep: bool
    laplacian: Single


@dataclass(frozen=True)
class Scales:
    """The scales of a search.

    Attributes
    ----------
    sigmas
        (n,) ascending, in the unit of ``pixel``.
    pixel
        Height and width of a pixel: 1, 1 for sigmas in px, the pixel size for sigmas in nm.
    kernels
        One pair (along y, along x) a scale, for exact responses.
    filters
        The same for compiled code.
    blurs
        One a scale, for fast responses.
    """

    sigmas: npt.NDArray[np.float64]
    pixel: tuple[float, float]
    kernels: tuple[tuple[Kernels, Kernels], ...]
    filters: Filters
    blurs: tuple[Blur, ...]


@lru_cache(maxsize=16)
def make_scales(low: float, high: float, count: int, pixel: tuple[float, float]) -> Scales:
    """Return evenly spaced scales and their kernels.

    Parameters
    ----------
    low, high
        Minimum and maximum sigma, in the unit of ``pixel``.
    count
        Number of scales.
    pixel
        Height and width of a pixel.
    """
    sigmas = np.linspace(low, high, count)
    along = sigmas[:, None] / np.array(pixel)
    kernels = tuple((_kernels(y), _kernels(x)) for y, x in along.tolist())
    return Scales(sigmas, pixel, kernels, _filters(kernels), _blurs(along**2))


def _kernels(sigma: float) -> Kernels:
    """Return the kernels for a sigma in px: the impulse response of `scipy.ndimage.gaussian_filter1d`."""
    from scipy.ndimage import gaussian_filter1d

    radius = int(4.0 * sigma + 0.5)
    impulse = np.zeros(2 * radius + 1)
    impulse[radius] = 1.0
    smooth = gaussian_filter1d(impulse, sigma, mode="constant")
    curvature = gaussian_filter1d(impulse, sigma, order=2, mode="constant")
    return Kernels(smooth, -(sigma**2) * curvature)


def _filters(kernels: tuple[tuple[Kernels, Kernels], ...]) -> Filters:
    """Return halves of all kernels in arrays."""
    from playNano.algorithms.blobs._maxima_kernels import Filters

    radii = np.array([[k.smooth.size // 2 for k in pair] for pair in kernels], dtype=np.int64)
    halves = np.zeros((2, len(kernels), 2, int(radii.max()) + 1))
    for (k, axis), radius in np.ndenumerate(radii):
        halves[axis, k, 0, : radius + 1] = kernels[k][axis].smooth[radius:]
        halves[axis, k, 1, : radius + 1] = kernels[k][axis].curvature[radius:]
    return Filters(halves[0], halves[1], radii)


def _blurs(variances: npt.NDArray[np.float64]) -> tuple[Blur, ...]:
    """Return the blurs that lead to scales of (n, 2) variances along y and x, px^2."""
    start = np.zeros(2)
    blurs = []
    for variance in variances:
        target = np.maximum(variance - LAPLACIAN_VARIANCE, 0.0)
        step = target - start
        keep = bool(step.min() >= MIN_STEP)
        y, x = (_gaussian(float(v)) for v in step)
        blurs.append(Blur(y, x, keep, _laplacian(*variance)))
        if keep:
            start = target
    return tuple(blurs)


def _gaussian(variance: float) -> Single:
    """Return a sampled Gaussian of a variance in px^2, cut at four sigma, of sum 1."""
    if variance <= 0:
        return np.ones(1, dtype=np.float32)
    radius = max(int(4.0 * np.sqrt(variance) + 0.5), 1)
    kernel = np.exp(-0.5 * np.arange(-radius, radius + 1) ** 2 / variance)
    weights: Single = (kernel / kernel.sum()).astype(np.float32)
    return weights


def _laplacian(variance_y: float, variance_x: float) -> Single:
    """Return minus the nine-point Laplacian, with each axis scaled by its variance.

    Adding a twelfth of the sum of the variances times both second differences makes the error isotropic.
    """
    second = np.array([1.0, -2.0, 1.0])
    centre = np.array([0.0, 1.0, 0.0])
    along_y, along_x = np.outer(second, centre), np.outer(centre, second)
    mixed = (variance_y + variance_x) / 12 * np.outer(second, second)
    weights: Single = -(variance_y * along_y + variance_x * along_x + mixed).astype(np.float32)
    return weights


def exact_maxima(frame: FloatArray, scales: Scales, threshold: float) -> Maxima:
    """Find the maxima of minus the scale-normalised Laplacian of Gaussian.

    The space is computed in single precision around the frame's mean; its maxima are checked in double precision.

    Parameters
    ----------
    frame
        (h, w), finite; edge pixels are repeated by reflection (d c b a | a b c d).
    scales
        The scales.
    threshold
        Maxima must exceed this.

    Returns
    -------
    Maxima
        Responses in double precision.
    """
    import cv2

    from playNano.algorithms.blobs._maxima_kernels import confirm

    image = np.ascontiguousarray(frame, dtype=np.float64)
    mean = float(image.mean())
    centred = (image - mean).astype(np.float32)
    space = np.empty((len(scales.kernels), *image.shape), dtype=np.float32)
    for plane, (y, x) in zip(space, scales.kernels, strict=True):
        # The second derivative is truncated at four sigma and does not sum to exactly zero.
        leak = mean * float(y.curvature.sum() + x.curvature.sum())
        border = cv2.BORDER_REFLECT
        cv2.sepFilter2D(centred, -1, x.smooth, y.curvature, dst=plane, delta=leak, borderType=border)
        plane += cv2.sepFilter2D(centred, -1, x.curvature, y.smooth, borderType=border)
    tolerance = 64 * float(np.finfo(np.float32).eps) * float(np.abs(image).max())
    candidates = local_maxima(space, threshold, tolerance)
    response = np.empty(len(candidates))
    confirm(image, space, candidates, scales.filters, tolerance, response)
    return _sorted(candidates, response, threshold, space)


def fast_maxima(frame: FloatArray, scales: Scales, threshold: float) -> Maxima:
    """Find the maxima of an approximate scale space of the frame minus its mean, in single precision.

    Each scale is blurred from the previous one, and the Laplacian is approximated by nine points; the variance of the
    blur is reduced by the blur of that stencil.

    Parameters
    ----------
    frame, scales, threshold
        As for `exact_maxima`.

    Returns
    -------
    Maxima
        Approximate responses.
    """
    import cv2

    image: Single = (frame - frame.mean(dtype=np.float64)).astype(np.float32)
    space = np.empty((len(scales.blurs), *image.shape), dtype=np.float32)
    for plane, blur in zip(space, scales.blurs, strict=True):
        blurred = cv2.sepFilter2D(image, -1, blur.x, blur.y, borderType=cv2.BORDER_REFLECT)
        cv2.filter2D(blurred, -1, blur.laplacian, dst=plane, borderType=cv2.BORDER_REFLECT)
        if blur.keep:
            image = blurred
    where = local_maxima(space, threshold)
    return _sorted(where, space[tuple(where.T)].astype(np.float64), threshold, space)


def local_maxima(space: Single, threshold: float, tolerance: float = 0.0) -> IntArray:
    """Find the cells above a threshold that none of their 26 neighbours exceeds.

    Parameters
    ----------
    space
        (scales, h, w) responses.
    threshold
        Maxima must exceed this.
    tolerance
        How much a neighbour, or the threshold, may exceed a cell.

    Returns
    -------
    ndarray
        (k, 3) int64: scale, row, column.
    """
    import cv2

    height, width = space.shape[1:]
    square = np.ones((3, 3), dtype=np.uint8)
    offset_y, offset_x = np.mgrid[-1:2, -1:2]
    highest = np.empty((height, width), dtype=np.float32)
    maxima = []
    for k, plane in enumerate(space):
        cv2.dilate(plane, square, dst=highest)
        raised = plane + np.float32(tolerance) if tolerance else plane
        row, column = np.divmod(np.flatnonzero((raised >= highest) & (raised > np.float32(threshold))), width)
        for other in (*space[max(k - 1, 0) : k], *space[k + 1 : k + 2]):
            # Replicated borders: the pixels beyond are copies of neighbours, which are compared anyway.
            beside_y = np.clip(row[:, None, None] + offset_y, 0, height - 1)
            beside_x = np.clip(column[:, None, None] + offset_x, 0, width - 1)
            is_maximum = raised[row, column] >= other[beside_y, beside_x].max(axis=(1, 2), initial=-np.inf)
            row, column = row[is_maximum], column[is_maximum]
        maxima.append(np.column_stack([np.full(len(row), k), row, column]))
    where: IntArray = np.concatenate(maxima)
    return where


def _sorted(where: IntArray, response: npt.NDArray[np.float64], threshold: float, space: Single) -> Maxima:
    """Sort the maxima above the threshold by decreasing response; candidates with response NaN are dropped."""
    above = response > threshold
    where, response = where[above], response[above]
    k, row, column = where.T
    order = np.lexsort((k, column, row, -response))
    return Maxima(where[order], response[order], space)
