"""Detection and measurement of particles in levelled frames, for the estimates of particles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.estimation._level import Levelled, trimmed_variance

FloatArray = npt.NDArray[np.float64]

# Squared radius at half height of a Gaussian, in units of its variance.
_HALF2 = 2 * np.log(2.0)
# Smallest area of a particle above half its height, px.
_MIN_AREA = 4
# Peaks below this fraction of the median height count as debris.
_MIN_HEIGHT = 0.4


@dataclass(frozen=True, eq=False)
class Particles:
    """The particles of some frames.

    Parameters
    ----------
    smooth_nm
        The smoothed frames, (n, h, w).
    peaks
        Frame, row and column of each particle, (m, 3).
    sigma_px
        Standard deviation of the smoothing, px.
    radius_px
        Median radius at half height, px.
    height_nm, radius2_px
        Height and squared radius of each, corrected for smoothing; NaN where it touches other particles.
    measured
        Whether each of them is complete and not debris, (m,).
    """

    smooth_nm: FloatArray
    peaks: npt.NDArray[np.int64]
    sigma_px: float
    radius_px: float
    height_nm: FloatArray
    radius2_px: FloatArray
    measured: npt.NDArray[np.bool_]

    def inside(self, levelled: Levelled) -> npt.NDArray[np.bool_]:
        """Return whether the centre of each particle lies within the frame, (m,)."""
        z = np.nan_to_num(levelled.height_nm)
        return _inside(z, self.peaks, self.sigma_px, self.radius_px**2 / _HALF2)

    def positions(self) -> FloatArray:
        """Return (y, x) of each particle, px, refined by parabolas through the pixels around its peak."""
        frame, row, col = self.peaks.T
        h, w = self.smooth_nm.shape[1:]
        out = self.peaks[:, 1:].astype(np.float64)
        for axis, index, size in ((0, row, h), (1, col, w)):
            inner = (index > 0) & (index < size - 1)
            step = np.array([[1, 0], [0, 1]])[axis]
            peak = self.smooth_nm[frame, row, col]
            near = [
                self.smooth_nm[
                    frame,
                    np.clip(row + s * step[0], 0, h - 1),
                    np.clip(col + s * step[1], 0, w - 1),
                ]
                for s in (-1, 1)
            ]
            curvature = near[0] - 2 * peak + near[1]
            with np.errstate(divide="ignore", invalid="ignore"):
                shift = (near[0] - near[1]) / (2 * curvature)
            out[:, axis] += np.where(inner & (curvature < 0), np.clip(shift, -0.5, 0.5), 0.0)
        return out


def find_particles(levelled: Levelled, min_height_nm: float = 0.0) -> Particles | None:
    """Detect and measure particles in two passes; the second smooths by two fifths of the radius from the first.

    Parameters
    ----------
    levelled
        Frames without tilt and line offsets.
    min_height_nm
        Lower peaks count as debris, whatever the median height, nm.

    Returns
    -------
    Particles or None
        None where there are no particles.
    """
    from scipy.ndimage import gaussian_filter

    z = np.nan_to_num(levelled.height_nm)
    sigma, distance, threshold = 1.0, 2, 0.0
    for last in (False, True):
        smooth = gaussian_filter(z, (0, sigma, sigma), mode="nearest")
        spread = _background_noise(smooth, levelled)
        peaks = _peaks(smooth, max(5 * spread, threshold), distance)
        if len(peaks) == 0:
            return None
        height, radius2 = _measure(smooth, peaks, sigma)
        good = np.isfinite(radius2) & (height >= min_height_nm)
        if not good.any():
            return None
        lowest = max(min_height_nm, _MIN_HEIGHT * float(np.median(height[good])))
        good &= height > lowest
        radius_px = float(np.sqrt(np.median(radius2[good])))
        if not last:
            sigma = max(1.0, 0.4 * radius_px)
            distance = max(2, round(1.2 * radius_px))
            # Threshold: the height of the lowest particle after the second smoothing.
            threshold = lowest * radius_px**2 / (radius_px**2 + _HALF2 * sigma**2)
    return Particles(smooth, peaks, sigma, radius_px, height, radius2, good)


def _background_noise(smooth: FloatArray, levelled: Levelled) -> float:
    """Return the standard deviation of the background of smoothed frames; 0 if there are too few pixels."""
    values = smooth[levelled.background]
    return float(np.sqrt(trimmed_variance(values))) if values.size >= 8 else 0.0


def _peaks(smooth: FloatArray, threshold: float, distance: int) -> npt.NDArray[np.int64]:
    """Return (frame, row, column) of the pixels above a threshold that are maximal within a distance in px."""
    from scipy.ndimage import maximum_filter

    maximum = maximum_filter(smooth, (1, 2 * distance + 1, 2 * distance + 1), mode="nearest")
    return np.argwhere((smooth == maximum) & (smooth > threshold))


def _half_area(image: FloatArray, row: int, col: int, half_width: int) -> float:
    """Return the area above half of a peak's height connected to it, px; NaN if it meets the window's edge."""
    from scipy.ndimage import label

    top, left = max(row - half_width, 0), max(col - half_width, 0)
    window = image[top : row + half_width + 1, left : col + half_width + 1]
    labels, _ = label(window > image[row, col] / 2)
    region = labels == labels[row - top, col - left]
    if region[0].any() or region[-1].any() or region[:, 0].any() or region[:, -1].any():
        return float("nan")
    return float(region.sum())


def _measure(
    smooth: FloatArray, peaks: npt.NDArray[np.int64], sigma_px: float
) -> tuple[FloatArray, FloatArray]:
    """Return height, and squared radius in px, of each peak, both corrected for smoothing."""
    half_width = 3 * int(max(12, 8 * sigma_px))
    area = np.array([_half_area(smooth[f], r, c, half_width) for f, r, c in peaks])
    smoothed2 = area / np.pi
    radius2 = np.where(area >= _MIN_AREA, smoothed2 - _HALF2 * sigma_px**2, np.nan)
    radius2 = np.where(radius2 > 0, radius2, np.nan)
    height = smooth[tuple(peaks.T)] * smoothed2 / radius2
    return height, radius2


def _inside(
    z: FloatArray, peaks: npt.NDArray[np.int64], sigma_px: float, variance_px: float
) -> npt.NDArray[np.bool_]:
    """Return whether the centre of the particle at each peak lies within the frame, (m,).

    A peak on the border may belong to a particle beyond it. A Gaussian centred on the edge of the frame, half a
    pixel outside the last pixel, falls by a factor of exp(1 / variance) between the last pixel and the one before.
    """
    from scipy.ndimage import gaussian_filter1d

    inside = np.ones(len(peaks), dtype=bool)
    for axis in (1, 2):
        # Smoothed along the border only.
        along = gaussian_filter1d(z, sigma_px, axis=3 - axis, mode="nearest")
        for border, step in ((0, 1), (z.shape[axis] - 1, -1)):
            here = np.flatnonzero(peaks[:, axis] == border)
            next_to = peaks[here].copy()
            next_to[:, axis] += step
            outer, inner = along[tuple(peaks[here].T)], along[tuple(next_to.T)]
            inside[here] &= outer <= np.maximum(inner, 0.0) * np.exp(1 / variance_px)
    return inside
