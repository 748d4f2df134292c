"""Fluctuations of height by pixel: what is left of the variance after noise and jitter of the alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano._options import check_options

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
NAN = float("nan")

MAD_TO_SD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

MIN_FRAMES = 20
"""Frames below which a correlation time is not estimated."""

MIN_PIXELS = 10
"""Pixels that must fluctuate for their correlation time to be estimated."""


@dataclass(frozen=True)
class FluctuationOptions:
    """Options of a fluctuation map.

    Parameters
    ----------
    robust
        Whether the variance is that of the median absolute deviation, which a scar does not change, but which hides a
        second state with an occupancy below 25 %; "auto": where quality control has found scars in
        frames that are used.
    """

    robust: bool | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics of the heights of each pixel over the frames, (height, width).

    Parameters
    ----------
    mean
        Mean height; the median if robust.
    variance
        Its variance; that of the median absolute deviation if robust. NaN for fewer than two values.
    count
        Number of values.
    """

    mean: Floats
    variance: Floats
    count: npt.NDArray[np.int64]


def pixel_statistics(heights: Floats, robust: bool) -> PixelStatistics:
    """Return mean and variance of each pixel over the frames.

    Parameters
    ----------
    heights
        (n_frames, height, width); NaN for missing values.
    robust
        Whether median and median absolute deviation are used.

    Examples
    --------
    >>> got = pixel_statistics(np.array([1.0, 2.0, 3.0])[:, None, None], robust=False)
    >>> float(got.mean[0, 0]), float(got.variance[0, 0])
    (2.0, 1.0)
    """
    known = np.isfinite(heights)
    count = known.sum(axis=0)
    blank = np.full(heights.shape[1:], np.nan)
    if not len(heights):
        return PixelStatistics(blank, blank.copy(), count)
    some = count > 0
    mean, variance = blank, blank.copy()
    if robust:
        median = np.median if known.all() else np.nanmedian
        mean[some] = median(heights[:, some], axis=0)
        deviation = np.abs(heights[:, some] - mean[some])
        variance[some] = (MAD_TO_SD * median(deviation, axis=0)) ** 2
    else:
        mean[some] = np.where(known[:, some], heights[:, some], 0.0).sum(axis=0) / count[some]
        square = np.where(known[:, some], heights[:, some] - mean[some], 0.0) ** 2
        variance[some] = square.sum(axis=0) / np.maximum(count[some] - 1, 1)
    variance[count < 2] = np.nan
    return PixelStatistics(mean, variance, count)


@dataclass(frozen=True)
class Relief:
    """The mean image as a pattern by which displaced frames are recognised.

    Parameters
    ----------
    gradient
        Gradient of the mean image along y and x, per nm, (2, height, width); 0 along an axis with one pixel.
    flat
        Pixels of the flat background: the flatter half of the lower half, (height, width).
    sloping
        Pixels whose gradient is not that of noise, (height, width).
    floor
        Standard deviation of the flat background: the noise.
    """

    gradient: Floats
    flat: Bools
    sloping: Bools
    floor: float

    @classmethod
    def of(cls, statistics: PixelStatistics, pixel_nm: tuple[float, float]) -> Relief:
        """Return the relief of the mean image.

        Parameters
        ----------
        statistics
            Of each pixel.
        pixel_nm
            Pixel size along y and x, nm.
        """
        mean, variance = statistics.mean, statistics.variance
        known = np.isfinite(variance) & np.isfinite(mean)
        gradient = np.zeros((2, *mean.shape))
        for axis, size in enumerate(pixel_nm):
            if mean.shape[axis] > 1:
                gradient[axis] = np.gradient(mean, size, axis=axis)
        slope = (gradient**2).sum(axis=0)
        if not known.any():
            return cls(gradient, known, known, NAN)
        low = known & (mean <= np.median(mean[known]))
        steep = np.where(np.isfinite(slope), slope, np.inf)
        flat = low & (steep <= np.median(steep[low]))
        floor = float(np.sqrt(np.median(variance[flat])))
        noise = floor**2 / float(np.median(statistics.count[known])) * sum(0.5 / size**2 for size in pixel_nm)
        limit = max(10 * noise, 1e-12 * float(slope[np.isfinite(slope)].max(initial=0.0)))
        return cls(gradient, flat, known & np.isfinite(slope) & (slope > limit), floor)

    def halves(self) -> list[Bools]:
        """Return the sloping pixels in the left, right, top and bottom half of the relief, each (n_pixels,)."""
        weight = (self.gradient[:, self.sloping] ** 2).sum(axis=0)
        parts = []
        for place in np.nonzero(self.sloping)[::-1]:
            low = place <= _weighted_median(place, weight)
            parts += [low, ~low]
        return parts

    def projectors(self) -> Floats:
        """Return the matrices by which the deviations of sloping pixels give displacements, (4, 2, n_pixels).

        One for each of the `halves`; 0 for a half without pixels.
        """
        matrices = np.zeros((4, 2, int(self.sloping.sum())))
        pattern = -self.gradient[:, self.sloping]
        for matrix, half in zip(matrices, self.halves() if pattern.size else (), strict=False):
            part = pattern[:, half]
            matrix[:, half] = np.linalg.pinv(part @ part.T, rcond=1e-6) @ part
        return matrices


@dataclass(frozen=True)
class FrameDisplacement:
    """Function that estimates the displacement of frames by least squares of their deviations on the gradient.

    Parameters
    ----------
    mean
        Mean height of the sloping pixels, (n_pixels,).
    spread
        Their standard deviation; deviations beyond three of them are clipped.
    sloping
        Where they are, (height, width).
    projectors
        As `Relief.projectors` returns them.
    """

    mean: Floats
    spread: Floats
    sloping: Bools
    projectors: Floats

    def __call__(self, start: int, block: npt.NDArray[np.generic]) -> Floats:
        """Return the displacement (y, x) of each half of each frame, nm, (n_frames, 4, 2).

        Parameters
        ----------
        start
            Number of the first frame.
        block
            Frames, (n_frames, height, width).
        """
        moved = np.empty((len(block), 4, 2))
        # Frame by frame, so that the result does not depend on the blocks.
        for number, frame in enumerate(np.asarray(block)):
            deviation = np.nan_to_num(np.asarray(frame[self.sloping], dtype=np.float64) - self.mean)
            moved[number] = self.projectors @ np.clip(deviation, -3 * self.spread, 3 * self.spread)
        return moved


@dataclass(frozen=True)
class FluctuationMap:
    """Fluctuation of height of each pixel.

    Parameters
    ----------
    rmsf
        Root mean square fluctuation without noise and jitter, (height, width).
    jitter_nm
        Root mean square displacement of the frames that the alignment has left, along an axis, nm.
    limit
        Fluctuation that 95 % of the pixels of the flat background do not exceed.
    """

    rmsf: Floats
    jitter_nm: float
    limit: float


def fluctuation_map(statistics: PixelStatistics, relief: Relief, displacement: Floats) -> FluctuationMap:
    """Subtract noise and jitter from the variance of each pixel.

    Where the mean image has the gradient g, displacements of the frames with the covariance S add the variance g' S
    g, which outlines every particle. S is that of the displacements of whole frames, without their own error from
    noise, so that what moves by itself is not taken for jitter.

    Parameters
    ----------
    statistics
        Of each pixel.
    relief
        Gradient and noise of the mean image.
    displacement
        Displacement (y, x) of the halves of each frame, nm, (n_frames, 4, 2): left, right, top, bottom.

    Returns
    -------
    FluctuationMap
        The map.
    """
    excess = statistics.variance - relief.floor**2
    if not relief.flat.any():
        return FluctuationMap(np.full(excess.shape, np.nan), NAN, NAN)
    covariance = common_displacement(displacement)
    gradient = np.nan_to_num(relief.gradient)
    jitter = np.einsum("ayx,ab,byx->yx", gradient, covariance, gradient)
    rmsf = np.sqrt(np.maximum(excess - jitter, 0.0))
    axes = max(1, int((np.diag(covariance) > 0).sum()))
    return FluctuationMap(
        rmsf, float(np.sqrt(np.trace(covariance) / axes)), float(np.quantile(rmsf[relief.flat], 0.95))
    )


def common_displacement(displacement: Floats) -> Floats:
    """Return the covariance of the displacement that is common to the halves of frames, nm2, (2, 2).

    Parameters
    ----------
    displacement
        Displacement (y, x) of the halves of each frame, nm, (n_frames, 4, 2): left, right, top, bottom.

    Returns
    -------
    ndarray of float64
        0 along an axis along which the halves are not significantly displaced together.
    """
    n, common = len(displacement), np.zeros((2, 2))
    if n < 3:
        return common
    centred = displacement - displacement.mean(axis=0)
    variance = (centred**2).sum(axis=0) / (n - 1)
    splits = [k for k in (0, 2) if (variance[k : k + 2].sum(axis=1) > 0).all()]
    if not splits:
        return common
    both = np.array([centred[:, k].T @ centred[:, k + 1] / (n - 1) for k in splits])
    error = np.array([np.sqrt(variance[k] * variance[k + 1] / n) for k in splits])
    along = np.diagonal(both, axis1=1, axis2=2)
    significant = (along > 3 * error).all(axis=0)
    axes = np.where(significant, along.min(axis=0), 0.0)
    cross = float((both + both.transpose(0, 2, 1)).mean(axis=0)[0, 1] / 2)
    limit = float(np.sqrt(axes.prod()))
    return np.array([[axes[0], np.clip(cross, -limit, limit)], [np.clip(cross, -limit, limit), axes[1]]])


def _weighted_median(values: npt.NDArray[Any], weights: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def correlation_frames(series: Floats, variance: float, spread: Floats) -> float:
    """Return the time in which the fluctuations of pixels decay to 1/e of their variance, frames.

    Parameters
    ----------
    series
        Heights of the pixels, (n_frames, n_pixels); NaN for missing values.
    variance
        Mean variance of the pixels without noise and jitter.
    spread
        Standard deviation of each pixel; deviations beyond three of them are clipped.

    Returns
    -------
    float
        NaN if there are too few values or pixels. As the mean of the movie is subtracted, long times are
        underestimated.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> series = np.zeros((2000, 20))
    >>> for k in range(1, 2000):
    ...     series[k] = 0.8 * series[k - 1] + 0.6 * rng.normal(size=20)
    >>> round(correlation_frames(series, 1.0, np.ones(20)), 1)  # -1 / ln 0.8 = 4.5
    4.3
    """
    n_frames, n_pixels = series.shape
    if n_frames < MIN_FRAMES or n_pixels < MIN_PIXELS or not variance > 0:
        return NAN
    centre = np.nanmedian(series, axis=0)
    known = np.isfinite(series)
    deviation = np.where(known, np.clip(series - centre, -3 * spread, 3 * spread), 0.0)
    deviation -= np.where(known, deviation.sum(axis=0) / known.sum(axis=0), 0.0)
    before = 1.0
    for lag in range(1, n_frames // 2 + 1):
        pairs = int((known[lag:] & known[:-lag]).sum())
        if not pairs:
            return NAN
        now = float((deviation[lag:] * deviation[:-lag]).sum() / pairs) / variance
        if now < np.exp(-1):
            if lag == 1:
                return float(-1 / np.log(max(now, 1e-3)))
            return float(lag - 1 + (before - np.exp(-1)) / (before - now))
        before = now
    return float(n_frames // 2)
