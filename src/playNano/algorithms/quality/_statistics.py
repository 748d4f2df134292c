"""Robust statistics of rows of an array, for the rules of quality control."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# E|x| of the lowest three quarters of a normal distribution's |x|, in standard deviations.
TRIMMED_MEAN = 0.5145
# The lower quartile of |x| of a normal distribution, in standard deviations.
LOWER_QUARTILE = 0.3186


def lower_quartile(values: FloatArray) -> float:
    """Return the lower quartile of the finite values, one of them; 0 where there is none."""
    kept = values[np.isfinite(values)]
    return float(np.quantile(kept, 0.25, method="lower")) if kept.size else 0.0


def finite_median(values: FloatArray) -> float:
    """Return the median of the finite values; NaN where there is none."""
    kept = values[np.isfinite(values)]
    return float(np.median(kept)) if kept.size else float("nan")


def finite_row_medians(values: FloatArray) -> FloatArray:
    """Return the median of the finite values of every row, (n,); NaN where there is none."""
    finite = np.isfinite(values)
    ordered = np.sort(np.where(finite, values, np.inf), axis=1)
    count = finite.sum(axis=1)
    low, high = (
        np.take_along_axis(ordered, np.maximum(rank, 0)[:, None], axis=1)[:, 0]
        for rank in ((count - 1) // 2, count // 2)
    )
    return np.where(count > 0, (low + high) / 2, np.nan)


def finite_quantile(values: FloatArray, q: float) -> float:
    """Return a quantile of the finite values; NaN where there is none."""
    kept = values[np.isfinite(values)]
    return float(np.quantile(kept, q)) if kept.size else float("nan")


def masked_quantile(values: FloatArray, keep: BoolArray, q: float) -> FloatArray:
    """Return a quantile of the kept values of every row (nearest value below); NaN where none is kept."""
    if values.size == 0:
        return np.full(len(values), np.nan)
    ordered = np.sort(np.where(keep, values, np.inf), axis=1)
    count = keep.sum(axis=1)
    rank = np.floor(q * np.maximum(count - 1, 0)).astype(np.int64)
    return np.where(count > 0, np.take_along_axis(ordered, rank[:, None], axis=1)[:, 0], np.nan)


def step_noise(steps: FloatArray, valid: BoolArray) -> FloatArray:
    """Return the standard deviation of every frame's steps between lines; NaN where none is valid.

    It comes from the mean size of the smaller three quarters, so that scars and tears do not count.
    """
    ordered = np.sort(np.where(valid, np.abs(steps), np.inf), axis=1)
    count = valid.sum(axis=1)
    kept = np.maximum((3 * count) // 4, np.minimum(count, 1))
    within = np.arange(steps.shape[1]) < kept[:, None]
    total = np.where(within, ordered, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(kept, 1) / TRIMMED_MEAN, np.nan)


def window_mean(values: FloatArray, keep: BoolArray, half_width: int) -> FloatArray:
    """Return the mean of the kept values within a window along each row; infinite where none is kept."""
    padding = ((0, 0), (half_width + 1, half_width))
    total = np.cumsum(np.pad(np.where(keep, values, 0.0), padding), axis=1)
    count = np.cumsum(np.pad(keep.astype(np.float64), padding), axis=1)
    size = 2 * half_width + 1
    number = count[:, size:] - count[:, :-size]
    mean = (total[:, size:] - total[:, :-size]) / np.maximum(number, 1.0)
    return np.where(number > 0.5, mean, np.inf)


def runs(mask: BoolArray, min_length: int = 1) -> list[tuple[int, int]]:
    """Return start and stop of every run of True values of a minimum length."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= min_length]


def outliers(values: FloatArray, pool: BoolArray, ratio: float, *, below: bool) -> BoolArray:
    """Flag positive values that differ from the pool's median by a factor and by six median absolute deviations.

    The deviations are those of the logarithms; `below` includes outliers below the median.
    """
    positive = np.isfinite(values) & (values > 0)
    fit = pool & positive
    if fit.sum() < 2:
        return np.zeros(len(values), dtype=np.bool_)
    logs = np.log(values, where=positive, out=np.zeros(len(values)))
    centre = float(np.median(logs[fit]))
    spread = 1.4826 * float(np.median(np.abs(logs[fit] - centre)))
    off = logs - centre
    limit = max(np.log(ratio), 6 * spread)
    flagged: BoolArray = positive & ((off > limit) | (below & (off < -limit)))
    return flagged
