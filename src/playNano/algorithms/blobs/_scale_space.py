"""The scale space of a frame and its maxima: exact as scikit-image, or fast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]
Rooms = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Scales:
    """The scales of a search: their sigmas along each axis, and what to multiply curvature by.

    Attributes
    ----------
    sigmas
        (n, 2) along y and x, in pixels, of the type whose rounding counts.
    factors
        (n, 2) weights of the curvature along y and x.
    """

    sigmas: FloatArray
    factors: FloatArray

    @cached_property
    def kernels(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], IntArray]:
        """Return half kernels along y and x, (n, 2, longest + 1 or more), and their reach, (n, 2).

        The weights are what `scipy.ndimage.gaussian_filter1d` makes of a single 1, so that they are its
        own to the bit.
        """
        from scipy.ndimage import gaussian_filter1d

        reaches = (4.0 * self.sigmas.astype(np.float64) + 0.5).astype(np.int64)
        halves = np.zeros((2, len(self.sigmas), 2, int(_even(reaches).max()) + 1))
        square = np.array_equal(self.sigmas[:, 0], self.sigmas[:, 1])
        for axis in (0,) if square else (0, 1):
            for i, (sigma, reach) in enumerate(zip(self.sigmas[:, axis], reaches[:, axis], strict=True)):
                one = np.zeros(2 * reach + 1)
                one[reach] = 1.0
                for j, order in enumerate((0, 2)):
                    halves[axis, i, j, : reach + 1] = gaussian_filter1d(
                        one, sigma, order=order, mode="constant"
                    )[reach:]
        if square:
            halves[1] = halves[0]
        # One factor multiplies both curvatures; where they differ, the kernel along x carries the rest.
        other = self.factors[:, 1] != self.factors[:, 0]
        halves[1, other, 1] *= (self.factors[other, 1] / self.factors[other, 0])[:, None]
        return halves[0], halves[1], reaches

    @cached_property
    def blurs(self) -> tuple[npt.NDArray[np.float32], IntArray, npt.NDArray[np.bool_]]:
        """Return the blurs that lead to each scale, and whether the next one starts from there.

        Half kernels along y and x, (n, 2, longest + 1), their reach, (n, 2), and (n,) truths.
        """
        steps, onwards = _steps(np.maximum(self.sigmas.astype(np.float64) ** 2 - 1 / 6, 0.0))
        reaches = _even((4.0 * np.sqrt(steps) + 0.5).astype(np.int64))
        halves = np.zeros((len(steps), 2, int(reaches.max()) + 1), dtype=np.float32)
        for i, axis in np.ndindex(len(steps), 2):
            half = _half_gaussian(float(steps[i, axis]), int(reaches[i, axis]))
            halves[i, axis, : half.size] = half
        return halves, reaches, onwards


def exact_maxima(
    frame: FloatArray, scales: Scales, threshold: float, rooms: Rooms
) -> tuple[IntArray, FloatArray, npt.NDArray[np.float32]]:
    """Find the maxima of the scale space that scikit-image finds.

    The space is computed in single precision around the frame's mean; candidates whose rank is in
    doubt at that precision are decided by exact values.

    Parameters
    ----------
    frame
        (h, w), finite, float32 or float64; its type sets the rounding, as in scikit-image.
    scales
        What to search.
    threshold
        Maxima must exceed this.
    rooms
        Arrays of earlier frames, to be used again: fresh memory costs more than what is done with it. What is
        returned for one frame is written over by the next.

    Returns
    -------
    tuple
        (k, 3) scale, row and column; (k,) exact values; and the (scales + 2, h + 2, w + 2) space.
    """
    from playNano.algorithms.blobs._exact_kernels import confirm
    from playNano.algorithms.blobs._log_kernels import laplace_of_gaussian

    kernels_y, kernels_x, reaches = scales.kernels
    middle = float(np.mean(frame, dtype=np.float64))
    rough = (frame - frame.dtype.type(middle)).astype(np.float32)
    offset = float(frame.dtype.type(middle))
    cube = _empty_space(frame.shape, len(scales.sigmas), rooms)
    factors = scales.factors[:, 0].astype(frame.dtype)
    for i, (reach_y, reach_x) in enumerate(reaches):
        half_y, half_x = kernels_y[i, :, : reach_y + 1], kernels_x[i, :, : _even(reach_x) + 1]
        full_y, full_x = 2 * half_y.sum(axis=1) - half_y[:, 0], 2 * half_x.sum(axis=1) - half_x[:, 0]
        # The second derivative is cut off at four sigma and does not quite sum to zero, so that the
        # height of the whole frame leaks into the response; scikit-image's does, and so must this.
        leak = -offset * float(factors[i]) * (full_y[0] * full_x[1] + full_y[1] * full_x[0])
        laplace_of_gaussian(
            rough, np.ascontiguousarray(half_y, np.float32), np.ascontiguousarray(half_x, np.float32),
            np.float32(factors[i]), np.float32(leak), cube[i + 1],
        )  # fmt: skip
    slack = np.float32(64 * np.finfo(np.float32).eps * float(np.abs(frame).max()))
    where = _candidates(cube, 1, threshold, slack)
    value = np.empty(len(where), dtype=frame.dtype)
    confirm(
        frame.astype(np.float64), cube, where, kernels_y, kernels_x, reaches, factors,
        frame.dtype.type(threshold), slack, value,
    )  # fmt: skip
    stays = ~np.isnan(value)
    if stays.sum() == frame.size * len(scales.sigmas) > 1:
        stays[:] = False  # a frame without any contrast has no maxima
    return where[stays], value[stays], cube


def fast_maxima(
    frame: FloatArray, scales: Scales, threshold: float, rooms: Rooms
) -> tuple[IntArray, FloatArray, npt.NDArray[np.float32]]:
    """Find the maxima of an approximate scale space: each scale is blurred from the one before.

    Curvature is the nine-point Laplacian, whose error is a blur of its own, the same in all directions;
    it is taken off beforehand (1/6 of a pixel squared of variance).

    Parameters
    ----------
    frame
        (h, w), finite.
    scales
        What to search.
    threshold
        Maxima must exceed this.
    rooms
        Arrays of earlier frames, to be used again: fresh memory costs more than what is done with it. What is
        returned for one frame is written over by the next.

    Returns
    -------
    tuple
        As `exact_maxima`; the values are approximate.
    """
    from playNano.algorithms.blobs._fast_kernels import enter, small_steps

    kernels, reaches, onwards = scales.blurs
    height, width = frame.shape
    margin = int(reaches.max())
    images = _room(rooms, "images", (2, height + 2 * margin, width + 2 * margin))
    fresh = "cube" not in rooms
    cube = _room(rooms, "cube", (len(kernels) + 2, height + 2, width + 2 * margin))
    if fresh:
        cube[0] = cube[-1] = -np.inf
        cube[:, 0] = cube[:, -1] = -np.inf
    enter(frame, margin, images[0])
    where = np.empty((4096, 3), dtype=np.int64)
    factors = scales.factors.astype(np.float32)
    n = small_steps(images, kernels, reaches, onwards, factors, margin, cube, np.float32(threshold), where)
    where = _raster(where[:n]) if n <= len(where) else _candidates(cube, margin, threshold, np.float32(0))
    space = cube[:, :, margin - 1 : margin + width + 1]
    return where, space[where[:, 0] + 1, where[:, 1] + 1, where[:, 2] + 1], space


def _steps(
    variances: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the variance of the blur that leads to each scale, and whether the next one starts from there.

    A sampled Gaussian much narrower than a pixel has not the variance that it claims: small steps are
    taken from further back.
    """
    reached = np.zeros(2)
    steps = np.empty_like(variances)
    onwards = np.empty(len(variances), dtype=bool)
    for i, wanted in enumerate(variances):
        steps[i] = wanted - reached
        onwards[i] = steps[i].min() >= 0.64
        if onwards[i]:
            reached = wanted
    return steps, onwards


def _even(reaches: IntArray | np.int64) -> IntArray:
    """Return the next reaches that `correlate` can do."""
    even: IntArray = np.maximum(reaches + reaches % 2, 4)
    return even


def _half_gaussian(variance: float, reach: int) -> npt.NDArray[np.float32]:
    """Return half of a sampled Gaussian of a variance in pixels squared."""
    half = np.zeros(reach + 1)
    half[0] = 1.0
    if variance > 0:
        half = np.exp(-0.5 * np.arange(reach + 1) ** 2 / variance)
    weights: npt.NDArray[np.float32] = (half / (2 * half.sum() - half[0])).astype(np.float32)
    return weights


def _room(rooms: Rooms, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    if name not in rooms or rooms[name].shape != shape:
        rooms[name] = np.empty(shape, dtype=np.float32)
    return rooms[name]


def _empty_space(shape: tuple[int, ...], count: int, rooms: Rooms) -> npt.NDArray[np.float32]:
    cube = _room(rooms, "cube", (count + 2, shape[0] + 2, shape[1] + 2))
    cube[0] = cube[-1] = -np.inf
    cube[:, 0] = cube[:, -1] = -np.inf
    cube[:, :, 0] = cube[:, :, -1] = -np.inf
    return cube


def _candidates(cube: npt.NDArray[np.float32], margin: int, threshold: float, slack: np.float32) -> IntArray:
    """Return the maxima in raster order."""
    from playNano.algorithms.blobs._log_kernels import scale_space_maxima

    where = np.empty((4096, 3), dtype=np.int64)
    n = scale_space_maxima(cube, margin, np.float32(threshold), slack, where)
    if n > len(where):
        where = np.empty((n, 3), dtype=np.int64)
        scale_space_maxima(cube, margin, np.float32(threshold), slack, where)
    return _raster(where[:n])


def _raster(where: IntArray) -> IntArray:
    """Order maxima by row, column and scale, which settles ties as scikit-image does."""
    ordered: IntArray = where[np.lexsort((where[:, 0], where[:, 2], where[:, 1]))]
    return ordered
