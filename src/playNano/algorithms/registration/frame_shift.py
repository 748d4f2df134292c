"""The shift between two frames: overlap-normalised correlation, refined by robust least squares on pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]

MAX_POINTS = 6000
"""Pixels used in the refinement."""

POINT_SHARE = 0.3
"""Share of the pixels, those with the largest gradient, that are used."""

CLIP = 4.0
"""Values are clipped at this multiple of the noise before they are correlated."""

CONVERGED_PX = 5e-3
"""The refinement ends when a step is smaller, px."""

SCALE_POINTS = 1500
"""Pixels from which the scale of the residuals is estimated."""

MIN_OVERLAP = 0.25
"""Minimum part of the frame that two shifted frames have in common."""


@dataclass(frozen=True)
class Signal:
    """A frame prepared for registration; see `prepare`.

    Parameters
    ----------
    image
        Band-passed heights in units of the noise, float32 (height, width).
    spectrum
        Fourier transform of the coarse image, padded to twice its size.
    energy
        Cumulative sums of the squares of the coarse image, (rows + 1, columns + 1).
    coarse_shape
        Rows and columns of the coarse image.
    step
        Pixels per coarse pixel.
    points
        Rows and columns of the pixels with the largest gradient, float32 (2, n).
    values
        Their heights, float64 (n,).
    gradient
        Gradient there along y and x, float64 (2, n).
    margin
        Pixels at the border that are not compared, because the band-pass continues frames by their mirror images.
    """

    image: Image
    spectrum: npt.NDArray[np.complex64]
    energy: Floats
    coarse_shape: tuple[int, int]
    step: int
    points: npt.NDArray[np.float32]
    values: Floats
    gradient: Floats
    margin: int = 0


@dataclass(frozen=True)
class PairShift:
    """The shift of one frame against another.

    Parameters
    ----------
    shift_px
        Movement (y, x) of the surface from the first to the second frame, px.
    information
        Inverse covariance of the shift, (2, 2), up to a common factor.
    score
        Correlation of both frames at this shift, -1 to 1.
    """

    shift_px: Floats
    information: Floats
    score: float


def prepare(
    frame: npt.ArrayLike,
    band_px: tuple[float, float] = (0.7, 3.0),
    region: npt.NDArray[np.bool_] | None = None,
) -> Signal:
    """Prepare a frame for registration: band-pass, row medians removed, in units of the noise.

    Parameters
    ----------
    frame
        Heights, (height, width); NaN is left out.
    band_px
        Scales of the structures that are registered, from and to, px.
    region
        Pixels that are used, bool (height, width); None: all.

    Returns
    -------
    Signal
        The prepared frame.
    """
    heights = np.asarray(frame, dtype=np.float32)
    known = np.isfinite(heights)
    filtered = _band_passed(heights, known, band_px, region)
    # Filled pixels and the flanks of their filling are no structure.
    inner = known if known.all() else ndimage.binary_erosion(known, iterations=2, border_value=1)
    used = inner if region is None else inner & region
    scale = 1.4826 * float(np.median(np.abs(filtered[used]))) if used.any() else 1.0
    image = np.where(inner, filtered / (scale or 1.0), np.float32(0)).astype(np.float32)
    step = 2 if min(image.shape) >= 256 else 1
    coarse = np.clip(image if region is None else image * used, -CLIP, CLIP)
    if step > 1:
        rows, columns = (n // step * step for n in image.shape)
        coarse = cv2.resize(
            coarse[:rows, :columns], (columns // step, rows // step), interpolation=cv2.INTER_AREA
        )
    padded = [fft.next_fast_len(2 * n, real=True) for n in coarse.shape]
    energy = np.zeros((coarse.shape[0] + 1, coarse.shape[1] + 1))
    energy[1:, 1:] = np.cumsum(np.cumsum(coarse.astype(np.float64) ** 2, axis=0), axis=1)
    margin = min(int(np.ceil(band_px[1])), min(image.shape) // 10)
    points, values, gradient = _points(image, used, max(margin, 1))
    return Signal(
        image,
        fft.rfft2(coarse, s=padded),
        energy,
        (coarse.shape[0], coarse.shape[1]),
        step,
        points,
        values,
        gradient,
        margin,
    )


def correlation_peaks(first: Signal, second: Signal, max_shift_px: float, count: int = 1) -> list[Floats]:
    """Return the shifts at which two frames correlate best.

    The correlation at each shift is normalised by the energy of both frames in their overlap, so that it is not
    biased towards zero shift.

    Parameters
    ----------
    first, second
        Prepared frames.
    max_shift_px
        Largest shift along each axis, px.
    count
        Number of peaks.

    Returns
    -------
    list of ndarray
        Shifts (y, x), px, the best first.

    References
    ----------
    Padfield: Masked object registration in the Fourier domain, IEEE Transactions on Image Processing 21, 2012,
    doi 10.1109/TIP.2011.2181402.
    """
    shape = [fft.next_fast_len(2 * n, real=True) for n in first.coarse_shape]
    product = fft.irfft2(np.conj(first.spectrum) * second.spectrum, s=shape)
    limits = [min(int(max_shift_px / first.step), int((1 - MIN_OVERLAP) * n)) for n in first.coarse_shape]
    shifts = [np.arange(-r, r + 1) for r in limits]
    sums = product[np.ix_(shifts[0], shifts[1])]
    own = _overlap_energy(first.energy, -shifts[0], -shifts[1])
    other = _overlap_energy(second.energy, shifts[0], shifts[1])
    scale = np.sqrt(np.maximum(own * other, 0))
    correlation = np.where(scale > 1e-9 * scale.max(initial=0), sums / np.maximum(scale, 1e-30), -1.0)
    peaks = (correlation == ndimage.maximum_filter(correlation, 5)) & (correlation > 0)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-correlation[rows, columns], kind="stable")[:count]
    return [
        first.step * np.array(_sub_pixel(correlation, rows[k], columns[k], limits), dtype=np.float64)
        for k in order
    ]


def refine(first: Signal, second: Signal, start_px: npt.ArrayLike, iterations: int = 8) -> PairShift:
    """Refine a shift by robust least squares on the pixels with the largest gradients.

    Objects that move by themselves are outliers: weights are those of Geman and McClure.

    Parameters
    ----------
    first, second
        Prepared frames.
    start_px
        Shift (y, x) to start from, px.
    iterations
        Maximum number of Gauss-Newton steps.

    Returns
    -------
    PairShift
        The shift; its score is -1 if too few pixels overlap.
    """
    shift = np.array(start_px, dtype=np.float64)
    height, width = second.image.shape
    margin = second.margin
    lost = PairShift(shift.copy(), np.zeros((2, 2)), -1.0)
    if first.values.size < 20:
        return lost
    information, score = np.zeros((2, 2)), -1.0
    previous: Floats | None = None
    for _ in range(iterations):
        y, x = first.points[0] + np.float32(shift[0]), first.points[1] + np.float32(shift[1])
        inside = (y >= margin) & (y <= height - 1 - margin) & (x >= margin) & (x <= width - 1 - margin)
        if np.count_nonzero(inside) < max(20, MIN_OVERLAP * inside.size):
            return lost
        sampled = cv2.remap(second.image, x[None], y[None], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[
            0
        ]
        residual = np.where(inside, sampled - first.values, 0.0)
        weight = np.where(inside, _geman_mcclure(residual[inside], residual), 0.0)
        weighted = first.gradient * weight
        information = weighted @ first.gradient.T
        try:
            change = -np.linalg.solve(information, weighted @ residual)
        except np.linalg.LinAlgError:
            return lost
        change = np.clip(change, -1.5, 1.5)
        score = _correlation(first.values[inside], sampled[inside])
        if previous is None:
            previous = change
        else:
            # Noise in the gradient shortens the steps, by about the same factor each: sum up those to come.
            ratio = float(change @ previous) / max(float(previous @ previous), 1e-30)
            previous = None
            if 0 < ratio < 0.9:
                change = np.clip(change / (1 - ratio), -1.5, 1.5)
        shift += change
        if np.abs(change).max() < CONVERGED_PX:
            break
    return PairShift(shift, information, score)


def correlation_at(first: Signal, second: Signal, shift_px: npt.ArrayLike) -> float:
    """Return the correlation of two frames at a shift, -1 to 1; -1 if too few pixels overlap.

    Parameters
    ----------
    first, second
        Prepared frames.
    shift_px
        Movement (y, x) of the surface from the first to the second, px.
    """
    along_y, along_x = np.asarray(shift_px, dtype=np.float32)
    height, width = second.image.shape
    y, x = first.points[0] + along_y, first.points[1] + along_x
    inside = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1)
    if np.count_nonzero(inside) < max(20, MIN_OVERLAP * inside.size):
        return -1.0
    sampled = cv2.remap(second.image, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    return _correlation(first.values[inside], sampled[inside])


def _band_passed(
    heights: Image,
    known: npt.NDArray[np.bool_],
    band_px: tuple[float, float],
    region: npt.NDArray[np.bool_] | None,
) -> Image:
    """Return a difference of Gaussians without its row medians; unknown pixels have no weight."""
    filled = np.where(known, heights, np.float32(0))
    narrow, broad = (_blurred(filled, sigma) for sigma in band_px)
    if not known.all():
        weight = known.astype(np.float32)
        narrow /= np.maximum(_blurred(weight, band_px[0]), np.float32(1e-3))
        broad /= np.maximum(_blurred(weight, band_px[1]), np.float32(1e-3))
    difference = narrow - broad
    used = known if region is None else known & region
    if used.all():
        offsets = np.median(difference, axis=1, keepdims=True)
    else:
        empty = ~np.any(used, axis=1, keepdims=True)
        used = used | empty
        offsets = np.nanmedian(np.where(used, difference, np.nan), axis=1, keepdims=True)
    return np.asarray(np.where(known, difference - offsets, 0), dtype=np.float32)


def _blurred(image: Image, sigma: float) -> Image:
    """Return an image smoothed by a Gaussian."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), dtype=np.float32)


def _points(
    image: Image, used: npt.NDArray[np.bool_], margin: int
) -> tuple[npt.NDArray[np.float32], Floats, Floats]:
    """Return places, values and gradients of the pixels with the largest gradient."""
    along_y = np.zeros_like(image)
    along_x = np.zeros_like(image)
    along_y[1:-1] = (image[2:] - image[:-2]) / 2
    along_x[:, 1:-1] = (image[:, 2:] - image[:, :-2]) / 2
    size = np.where(used, along_y**2 + along_x**2, 0)
    size[:margin] = size[-margin:] = size[:, :margin] = size[:, -margin:] = 0
    count = min(MAX_POINTS, int(POINT_SHARE * np.count_nonzero(used)))
    # A regular part of the pixels above the quantile, so that one object does not take all.
    limit = np.quantile(size[used], 1 - POINT_SHARE) if used.any() else 0.0
    candidates = np.flatnonzero((size > max(limit, 0)).ravel())
    if candidates.size > count > 0:
        candidates = candidates[np.linspace(0, candidates.size - 1, count).astype(np.int64)]
    rows, columns = np.unravel_index(candidates, image.shape)
    gradient = np.stack([along_y[rows, columns], along_x[rows, columns]]).astype(np.float64)
    places = np.stack([rows, columns]).astype(np.float32)
    return places, image[rows, columns].astype(np.float64), gradient


def _overlap_energy(energy: Floats, along_y: npt.NDArray[np.int64], along_x: npt.NDArray[np.int64]) -> Floats:
    """Return the sum of squares over the part of a frame that overlaps with one shifted by each (y, x)."""
    rows, columns = energy.shape[0] - 1, energy.shape[1] - 1
    top, bottom = np.maximum(along_y, 0), np.minimum(along_y + rows, rows)
    left, right = np.maximum(along_x, 0), np.minimum(along_x + columns, columns)
    corners = energy[np.ix_(bottom, right)] - energy[np.ix_(top, right)]
    return np.asarray(corners - energy[np.ix_(bottom, left)] + energy[np.ix_(top, left)])


def _sub_pixel(correlation: Floats, row: int, column: int, limits: list[int]) -> tuple[float, float]:
    """Return the place of a peak from parabolas through its neighbours."""
    place = []
    for axis, index in enumerate((row, column)):
        line = correlation[:, column] if axis == 0 else correlation[row]
        offset = 0.0
        if 0 < index < line.size - 1:
            before, peak, after = line[index - 1 : index + 2]
            curvature = before - 2 * peak + after
            offset = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
        place.append(float(index - limits[axis] + np.clip(offset, -0.5, 0.5)))
    return place[0], place[1]


def _geman_mcclure(inner: Floats, residual: Floats) -> Floats:
    """Return the weights of residuals, whose scale is twice that of the noise."""
    some = inner[:: max(1, inner.size // SCALE_POINTS)]
    scale = 2 * 1.4826 * float(np.median(np.abs(some))) + 1e-12
    return np.asarray(1 / (1 + (residual / scale) ** 2) ** 2)


def _correlation(first: Floats, second: npt.ArrayLike) -> float:
    """Return the correlation of clipped values."""
    a, b = np.clip(first, -CLIP, CLIP), np.clip(np.asarray(second, np.float64), -CLIP, CLIP)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else -1.0
