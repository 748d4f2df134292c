"""Trace and retrace: the lag between them, and one image of both without the tails behind steep objects."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
Method = Literal["slope", "lower"]

STEP_PX = 0.25
"""Spacing of the lags that are compared, px."""
MIN_DEPTH = 0.1
"""Smallest decrease of the cost at the lag, as a fraction of the median over all lags."""
WRONG_SIDE = 3.0
"""Weight of pixels on which the pass that rises lies above the one that falls, which no tail explains."""
SIMILAR = 0.5
"""Of minima that are at least this fraction as deep as the deepest, the one of the smallest lag is taken."""
MAX_ROWS = 48
"""Largest number of rows of a frame, those with the largest relief, from which the lag is estimated."""
MIN_PIXELS = 20
"""Smallest number of pixels with relief in a frame."""
SLOPE_SIGMAS = 2.0
"""Slope, in standard deviations of its noise, from which only one of the two passes is used."""
SMOOTHING_PX = 1.0


def shifted_along_x(frame: Frame, shift: float) -> FloatArray:
    """Return a frame moved along its rows, by cubic interpolation; NaN where nothing is known.

    Parameters
    ----------
    frame
        Heights, (h, w).
    shift
        Towards higher columns, px.

    Returns
    -------
    ndarray
        (h, w) float64. Pixels within half a pixel of the border keep the value at the border.
    """
    from scipy.ndimage import shift as moved

    z = np.asarray(frame, dtype=np.float64)
    if shift == 0.0:
        return z.copy()
    known = np.isfinite(z)
    out: FloatArray = moved(filled_along_x(z), (0, shift), order=3, mode="nearest")
    column = np.arange(z.shape[1]) - shift
    outside = (column < -0.5) | (column > z.shape[1] - 0.5)
    source = np.clip(np.rint(column).astype(int), 0, z.shape[1] - 1)
    out[~known[:, source] | outside[None, :]] = np.nan
    return out


def filled_along_x(z: FloatArray) -> FloatArray:
    """Return a frame without NaN: linear interpolation along the rows; 0 in rows without values.

    Parameters
    ----------
    z
        Heights, (h, w).
    """
    known = np.isfinite(z)
    if known.all():
        return z
    out = z.copy()
    column = np.arange(z.shape[1])
    for row in np.flatnonzero(~known.all(axis=1)):
        some = known[row]
        out[row] = np.interp(column, column[some], z[row, some]) if some.any() else 0.0
    return out


def estimate_lag(trace: Frame, retrace: Frame, max_lag: float = 8.0) -> float:
    """Estimate how far the trace lies behind the retrace, from the parts of the surface on which both agree.

    Behind a steep object the tip falls slower than the surface, on the right side in the trace and on the left side
    in the retrace. This looks like a lag to a correlation. Here pixels on which both passes disagree at a lag count
    nothing (Geman-McClure's cost), so that tops and gentle slopes decide.

    Parameters
    ----------
    trace, retrace
        Heights, (h, w) or (n, h, w), both from left to right; frames have one lag in common.
    max_lag
        Largest lag, px.

    Returns
    -------
    float
        Shift of the trace against the retrace towards higher columns, px; NaN if the frames do not determine it.

    References
    ----------
    Geman S., McClure D., "Statistical methods for tomographic image reconstruction", Bulletin of the International
    Statistical Institute 52, 1987.

    Examples
    --------
    >>> x = np.arange(60.0)
    >>> surface = 3 * np.exp(-((x - 30) ** 2) / 50) + np.random.default_rng(0).normal(0, 0.05, (40, 60))
    >>> round(estimate_lag(shifted_along_x(surface, 1.0), shifted_along_x(surface, -1.0)), 1)
    2.0
    """
    traces, retraces = (z[None] if z.ndim == 2 else z for z in map(np.asarray, (trace, retrace)))
    lags = np.arange(-max_lag, max_lag + STEP_PX / 2, STEP_PX)
    cost, pixels = np.zeros(len(lags)), 0
    for one, other in zip(traces, retraces, strict=True):
        costs, n = _costs(one, other, lags)
        cost, pixels = cost + costs, pixels + n
    return _lowest(lags, cost / pixels) if pixels else float("nan")


def _lowest(lags: FloatArray, cost: FloatArray) -> float:
    """Return the lag of the lowest cost; of similarly low ones, the smallest, since long tails agree at large lags."""
    inner = np.arange(1, len(lags) - 1)
    lowest = inner[(cost[inner] <= cost[inner - 1]) & (cost[inner] < cost[inner + 1])]
    depth = np.median(cost) - cost
    lowest = lowest[depth[lowest] > MIN_DEPTH * np.median(cost)]
    if not lowest.size:
        return float("nan")
    lowest = lowest[depth[lowest] >= SIMILAR * depth[lowest].max()]
    best = int(lowest[np.argmin(np.abs(lags[lowest]))])
    left, here, right = cost[best - 1 : best + 2]
    return float(lags[best] + STEP_PX * 0.5 * (left - right) / (left - 2 * here + right))


def _costs(trace: Frame, retrace: Frame, lags: FloatArray) -> tuple[FloatArray, int]:
    """Return the robust cost of the differences of one frame at each lag, and the number of pixels; 0 if unusable."""
    from playNano.algorithms.surface.noise import robust_noise

    first, second = _without_offsets(trace), _without_offsets(retrace)
    noise = float(np.hypot(robust_noise(first), robust_noise(second)))
    known = np.isfinite(first) & np.isfinite(second)
    relief = _relief(first, second, noise) & known
    n = int(relief.sum())
    if n < MIN_PIXELS or first.shape[1] < 2 * np.abs(lags).max():
        return np.zeros(len(lags)), 0
    # Enough rows decide, and many would take long.
    rows = np.sort(np.argsort(-relief.sum(axis=1), kind="stable")[:MAX_ROWS])
    first, second, relief, known = first[rows], second[rows], relief[rows], known[rows]
    n = int(relief.sum())
    scale = 2 * max(noise, 1e-9 * float(np.abs(first[known]).max()))
    cost = np.array([_cost(first, second, lag, scale, relief) for lag in lags])
    return (cost * n, n) if np.isfinite(cost).all() else (np.zeros(len(lags)), 0)


def _without_offsets(frame: Frame) -> FloatArray:
    """Return a frame whose rows have the median zero."""
    z = np.where(np.isfinite(frame), frame, np.nan).astype(np.float64)
    out = np.full(z.shape, np.nan)
    some = np.isfinite(z).any(axis=1)
    if some.any():
        out[some] = z[some] - np.nanmedian(z[some], axis=1)[:, None]
    return out


def _smooth(z: FloatArray, sigma: float = SMOOTHING_PX) -> FloatArray:
    """Smooth along the rows."""
    from scipy.ndimage import gaussian_filter1d

    smooth: FloatArray = gaussian_filter1d(filled_along_x(z), sigma, axis=1, mode="nearest")
    return smooth


def _relief(first: FloatArray, second: FloatArray, noise: float) -> npt.NDArray[np.bool_]:
    """Return the pixels with objects, and their surroundings."""
    from scipy.ndimage import maximum_filter1d

    mean = _smooth((filled_along_x(first) + filled_along_x(second)) / 2)
    relief: npt.NDArray[np.bool_] = maximum_filter1d(np.abs(mean) > 3 * noise, 5, axis=1)
    return relief


def _cost(
    first: FloatArray, second: FloatArray, lag: float, scale: float, relief: npt.NDArray[np.bool_]
) -> float:
    """Return the mean robust cost of the differences at a lag."""
    early, late = shifted_along_x(first, -lag / 2), shifted_along_x(second, lag / 2)
    rest = early - late
    use = np.isfinite(rest) & relief
    squares = (rest[use] / scale) ** 2
    # A tail makes the trace higher on the right side, the retrace on the left one, never the other way round.
    slope = np.gradient(_smooth((early + late) / 2), axis=1)[use]
    weight = np.where((rest[use] * slope > 0) & (squares > 1), WRONG_SIDE, 1.0)
    return float(np.mean(weight * squares / (1 + squares))) if squares.size else float("nan")


def fuse_frame(trace: Frame, retrace: Frame, lag: float, method: Method = "slope") -> Frame:
    """Return one frame of trace and retrace, both moved by half of the lag.

    Parameters
    ----------
    trace, retrace
        Heights, (h, w).
    lag
        Shift of the trace against the retrace towards higher columns, px.
    method
        "slope": where the surface rises from left to right, the trace, where it falls, the retrace, on level parts the
        mean. "lower": the lower of the two, whose noise lies below that of the mean.

    Returns
    -------
    ndarray
        (h, w) float64; where one of the two is NaN, the other; NaN where both are. Rows have the offsets of the
        trace: the median difference of each row of the retrace is left out.
    """
    first, second = shifted_along_x(trace, -lag / 2), shifted_along_x(retrace, lag / 2)
    difference = first - second
    some = np.isfinite(difference).any(axis=1)
    second[some] += np.nanmedian(difference[some], axis=1)[:, None]
    if method == "lower":
        fused = np.fmin(first, second)
    else:
        from playNano.algorithms.surface.noise import robust_noise

        mean = (filled_along_x(first) + filled_along_x(second)) / 2
        slope = np.gradient(_smooth(mean), axis=1) if mean.shape[1] > 1 else np.zeros(mean.shape)
        noise = max(robust_noise(slope), 1e-12)
        weight = np.clip(0.5 + slope / (2 * SLOPE_SIGMAS * noise), 0.0, 1.0)
        weight = np.where(np.isnan(second), 1.0, np.where(np.isnan(first), 0.0, weight))
        fused = weight * np.where(np.isnan(first), 0.0, first) + (1 - weight) * np.where(
            np.isnan(second), 0.0, second
        )
        fused = np.where(np.isnan(first) & np.isnan(second), np.nan, fused)
    return fused
