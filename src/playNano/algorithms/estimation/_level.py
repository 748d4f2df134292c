"""Levelling of frames and segmentation of the background: the first step of every estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.medians import median_of_usable

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_TRIM = 0.02
# Variance of a standard normal variable between its 2nd and 98th percentile.
_TRIMMED_VARIANCE = 0.792_836
_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Levelled:
    """Frames without tilt and line offsets.

    Parameters
    ----------
    height_nm
        Heights above the background, nm, (n, h, w); NaN where the input has none.
    background
        Pixels that belong to the background, (n, h, w).
    offset_nm
        Level of every line, nm, (n, h).
    noise_nm
        Standard deviation of the background's pixels, nm.
    """

    height_nm: FloatArray
    background: Mask
    offset_nm: FloatArray
    noise_nm: float


def trimmed_variance(values: FloatArray) -> float:
    """Estimate the variance of normal values by those between the 2nd and 98th percentile; NaN for fewer than 8.

    Unlike the median absolute deviation it varies smoothly for heights that are quantised by a converter.
    """
    if values.size < 8:
        return float("nan")
    low, high = np.quantile(values, (_TRIM, 1 - _TRIM))
    inner = values[(values >= low) & (values <= high)]
    return float(inner.var() / _TRIMMED_VARIANCE)


def second_differences(height_nm: FloatArray, background: Mask) -> FloatArray:
    """Return second differences along the columns where all three pixels are background; NaN elsewhere.

    They are independent of slopes; for white noise of variance s**2 their variance is 6 s**2.
    """
    d = height_nm[:, 2:] - 2 * height_nm[:, 1:-1] + height_nm[:, :-2]
    return np.where(background[:, 2:] & background[:, 1:-1] & background[:, :-2], d, np.nan)


def _row_steps(z: FloatArray) -> FloatArray:
    """Return the level of every row as the sum of the median steps between rows.

    A particle causes a step up on one side and down on the other, so the medians are valid even where it covers most
    of a row; a slow drift along the rows remains.
    """
    steps = np.diff(z, axis=1)
    step = np.nan_to_num(median_of_usable(steps, np.isfinite(steps)))
    return np.concatenate([np.zeros((len(z), 1)), np.cumsum(step, axis=1)], axis=1)


def _row_levels(z: FloatArray, background: Mask) -> FloatArray:
    """Return the median of every row's background, interpolated where little of a row is background, (n, h)."""
    level_of_row = median_of_usable(z, background)
    enough = background.sum(axis=2) >= max(4, z.shape[2] // 10)
    rows = np.arange(z.shape[1])
    for k, good in enumerate(enough):
        level_of_row[k] = np.interp(rows, rows[good], level_of_row[k, good]) if good.any() else 0.0
    return level_of_row


def _column_trend(z: FloatArray, background: Mask) -> FloatArray:
    """Return the parabola along x fitted to the medians of every frame's columns, (n, 1, w)."""
    w = z.shape[2]
    x = np.linspace(-1.0, 1.0, w)
    medians = median_of_usable(z, background, axis=1)
    out = np.zeros((len(z), 1, w))
    for k, column in enumerate(medians):
        known = np.isfinite(column)
        if known.sum() >= 3:
            out[k, 0] = np.polyval(np.polyfit(x[known], column[known], 2), x)
    return out


def level(frames: FloatArray) -> Levelled:
    """Level frames and segment their background.

    The medians of the lines and a parabola along x are fitted to the background and subtracted, then the background
    is segmented again, and so on. It consists of the pixels that are farther than two pixels from any pixel at which
    the slightly smoothed frame exceeds three standard deviations of the noise.

    Parameters
    ----------
    frames
        Heights, nm, float64 (n, h, w); NaN for missing pixels.

    Returns
    -------
    Levelled
        Heights, background, line levels and noise.
    """
    from scipy.ndimage import binary_dilation, gaussian_filter

    known = np.isfinite(frames)
    z = frames.copy()
    background = known.copy()
    offset = np.zeros(frames.shape[:2])
    noise = float("nan")
    for turn in range(_ROUNDS):
        step = _row_levels(z, background) if turn else _row_steps(z)
        z -= step[:, :, None]
        offset += step
        z -= _column_trend(z, background)
        if turn == 0:
            continue
        curvature = second_differences(z, background)
        noise = float(np.sqrt(trimmed_variance(curvature[np.isfinite(curvature)]) / 6))
        smooth = gaussian_filter(np.where(known, z, 0.0), (0, 1, 1), mode="nearest")
        # The noise left by smoothing depends on its correlation: it is measured on the pixels below zero.
        spread = float(np.sqrt(np.mean(smooth[known & (smooth < 0)] ** 2))) if (smooth < 0).any() else 0.0
        high = smooth > 3 * max(spread, 1e-12)
        background = known & ~binary_dilation(high, np.ones((1, 5, 5), dtype=bool))
        if background.mean() < 0.05:
            background = known & ~high
    return Levelled(z, background, offset, noise)
