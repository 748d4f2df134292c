"""Level frames roughly and tell the ground from what lies on it: the first step of every estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
        Heights above the ground, nm, (n, h, w); NaN where the input had none.
    ground
        Pixels that belong to the ground, (n, h, w).
    offset_nm
        Level of every line, nm, (n, h).
    noise_nm
        Standard deviation of the ground's pixels, nm.
    """

    height_nm: FloatArray
    ground: Mask
    offset_nm: FloatArray
    noise_nm: float


def trimmed_variance(values: FloatArray) -> float:
    """Return the variance of values, of which the outer 2 % on each side are left out and made good for.

    Unlike one from the median deviation it is smooth for heights that come in steps of a converter.
    """
    if values.size < 8:
        return float("nan")
    low, high = np.quantile(values, (_TRIM, 1 - _TRIM))
    inner = values[(values >= low) & (values <= high)]
    return float(inner.var() / _TRIMMED_VARIANCE)


def bends(height_nm: FloatArray, ground: Mask) -> FloatArray:
    """Return second differences down the columns where all three pixels are ground; NaN elsewhere.

    Slopes fall out of them; of white noise of variance s**2 their variance is 6 s**2.
    """
    d = height_nm[:, 2:] - 2 * height_nm[:, 1:-1] + height_nm[:, :-2]
    return np.where(ground[:, 2:] & ground[:, 1:-1] & ground[:, :-2], d, np.nan)


def _medians(z: FloatArray, usable: Mask, axis: int) -> FloatArray:
    """Return medians of the usable values along an axis; NaN where there are none."""
    # Missing values sort to the end; numpy's nanmedian is an order of magnitude slower.
    ranked = np.sort(np.where(usable, z, np.nan), axis=axis)
    count = usable.sum(axis=axis, keepdims=True)
    low = np.take_along_axis(ranked, np.maximum(count - 1, 0) // 2, axis=axis)
    high = np.take_along_axis(ranked, np.minimum(count // 2, z.shape[axis] - 1), axis=axis)
    return np.asarray(np.take((low + high) / 2, 0, axis=axis), dtype=np.float64)


def _row_steps(z: FloatArray) -> FloatArray:
    """Return the level of every row from the medians of the steps between rows.

    A particle steps up on one side and down on the other, so these hold where it covers most of a row; what is left
    is a slow wander.
    """
    step = np.nan_to_num(_medians(np.diff(z, axis=1), np.isfinite(np.diff(z, axis=1)), axis=2))
    return np.concatenate([np.zeros((len(z), 1)), np.cumsum(step, axis=1)], axis=1)


def _row_levels(z: FloatArray, ground: Mask) -> FloatArray:
    """Return the median of every row's ground, between such rows where little of it is ground."""
    level_of_row = _medians(z, ground, axis=2)
    enough = ground.sum(axis=2) >= max(4, z.shape[2] // 10)
    rows = np.arange(z.shape[1])
    for k, good in enumerate(enough):
        level_of_row[k] = np.interp(rows, rows[good], level_of_row[k, good]) if good.any() else 0.0
    return level_of_row


def _column_trend(z: FloatArray, ground: Mask) -> FloatArray:
    """Return a parabola along x through the medians of every frame's columns, (n, 1, w)."""
    w = z.shape[2]
    x = np.linspace(-1.0, 1.0, w)
    middle = _medians(z, ground, axis=1)
    out = np.zeros((len(z), 1, w))
    for k, column in enumerate(middle):
        found = np.isfinite(column)
        if found.sum() >= 3:
            out[k, 0] = np.polyval(np.polyfit(x[found], column[found], 2), x)
    return out


def level(frames: FloatArray) -> Levelled:
    """Level frames and find their ground.

    Lines are joined by the steps between them, then set to the median of their ground, and frames freed of a
    parabola along x, in turns; ground is what
    does not stand out from a slightly blurred frame by more than three standard deviations of the noise, nor
    lies next to such pixels.

    Parameters
    ----------
    frames
        Heights, nm, float64 (n, h, w); NaN for missing pixels.

    Returns
    -------
    Levelled
        Heights, ground, line levels and noise.
    """
    from scipy.ndimage import binary_dilation, gaussian_filter

    known = np.isfinite(frames)
    z = frames.copy()
    ground = known.copy()
    offset = np.zeros(frames.shape[:2])
    noise = float("nan")
    for turn in range(_ROUNDS):
        step = _row_levels(z, ground) if turn else _row_steps(z)
        z -= step[:, :, None]
        offset += step
        z -= _column_trend(z, ground)
        if turn == 0:
            continue
        curves = bends(z, ground)
        noise = float(np.sqrt(trimmed_variance(curves[np.isfinite(curves)]) / 6))
        smooth = gaussian_filter(np.where(known, z, 0.0), (0, 1, 1), mode="nearest")
        # What the blur leaves of the noise depends on how its pixels hang together: measure it below the ground.
        spread = float(np.sqrt(np.mean(smooth[known & (smooth < 0)] ** 2))) if (smooth < 0).any() else 0.0
        high = smooth > 3 * max(spread, 1e-12)
        ground = known & ~binary_dilation(high, np.ones((1, 5, 5), dtype=bool))
        if ground.mean() < 0.05:
            ground = known & ~high
    return Levelled(z, ground, offset, noise)
