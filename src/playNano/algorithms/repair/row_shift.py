"""Odd and even rows that are shifted against each other along x, as in bidirectional scans."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.repair.retrace import filled_along_x, shifted_along_x

Frame = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]

BAND_PX = (1.0, 8.0)
"""Standard deviations of the Gaussians between which structures along x are compared, px."""
MIN_PEAK = 5.0
"""Smallest height of the peak, in root sums of squares of the correlations of rows that are far from each other."""


def row_shift(frame: Frame, max_shift: float = 8.0) -> float:
    """Estimate how far the odd rows of a frame are shifted against the even ones along x.

    Each odd row is correlated with the mean of its two even neighbours, whose inclined edges cancel, and all
    correlations are added; the peak is refined by a parabola and by a second correlation after the shift is removed.

    Parameters
    ----------
    frame
        Heights, (h, w); NaN is interpolated along the rows.
    max_shift
        Largest shift, px.

    Returns
    -------
    float
        Shift of the odd rows (1, 3, ...) towards higher columns, px; NaN if the frame does not determine it.

    Examples
    --------
    >>> y, x = np.mgrid[:40, :60]
    >>> frame = np.exp(-((x - 30 - 1.5 * (y % 2)) ** 2 + (y - 20) ** 2) / 40)
    >>> frame = frame + np.random.default_rng(0).normal(0, 0.02, frame.shape)
    >>> round(row_shift(frame), 1)
    1.5
    """
    if frame.shape[0] < 5 or frame.shape[1] < 4 * max_shift or not np.isfinite(frame).any():
        return float("nan")
    z = np.where(np.isfinite(frame), frame, np.nan).astype(np.float64)
    first = _peak(z, max_shift)
    if not np.isfinite(first):
        return float("nan")
    # At a fraction of a pixel the parabola is biased; what is left after the shift is small.
    total = first
    for _ in range(2):
        rest = _peak(shifted_rows(z, total), max_shift)
        if not np.isfinite(rest):
            break
        total += rest
    return float(total)


def _peak(z: FloatArray, max_shift: float) -> float:
    """Return the place of the peak of the correlation of odd rows with their neighbours, px."""
    from scipy.ndimage import gaussian_filter1d

    filled = filled_along_x(z)
    # At the ends of the rows the band would show a tilt as structure that does not move.
    filled = filled - np.median(np.diff(filled, axis=1)) * np.arange(z.shape[1])
    band = gaussian_filter1d(filled, BAND_PX[0], axis=1) - gaussian_filter1d(filled, BAND_PX[1], axis=1)
    spread = float(np.median(np.abs(band))) / 0.6745
    if spread == 0.0:
        spread = float(band.std())
    # One scar or spike must not decide.
    band = np.clip(band, -20 * spread, 20 * spread)
    second = band[1:-1:2]
    even = (band[0:-2:2] + band[2::2])[: len(second)] / 2
    lags = np.arange(-int(max_shift) - 1, int(max_shift) + 2)
    total = _correlations(second, even, lags).sum(axis=0)
    best = int(np.argmax(total))
    # Rows that are far from each other have nothing in common: their correlations have random signs.
    apart = [np.roll(even, len(even) // part, axis=0) for part in (2, 3, 4)]
    random = [
        float(np.sqrt(np.sum(_correlations(second, other, lags) ** 2, axis=0).max())) for other in apart
    ]
    if best in (0, len(lags) - 1) or total[best] <= MIN_PEAK * np.median(random):
        return float("nan")
    left, here, right = total[best - 1 : best + 2]
    return float(lags[best] + 0.5 * (left - right) / (left - 2 * here + right))


def _correlations(second: FloatArray, even: FloatArray, lags: npt.NDArray[np.int64]) -> FloatArray:
    """Return the correlations of pairs of rows at some lags, (rows, lags)."""
    n = 2 * second.shape[1]
    spectra = np.fft.rfft(second, n, axis=1) * np.conj(np.fft.rfft(even, n, axis=1))
    return np.asarray(np.fft.irfft(spectra, n, axis=1)[:, lags])


def shifted_rows(frame: Frame, shift: float) -> FloatArray:
    """Return a frame in which odd and even rows are moved towards each other, each by half of a shift.

    Parameters
    ----------
    frame
        Heights, (h, w).
    shift
        Shift of the odd rows towards higher columns, px.

    Returns
    -------
    ndarray
        (h, w) float64; NaN where nothing is known, at the ends of the rows.
    """
    out = np.asarray(frame, dtype=np.float64).copy()
    out[1::2] = shifted_along_x(out[1::2], -shift / 2)
    out[::2] = shifted_along_x(out[::2], shift / 2)
    return out
