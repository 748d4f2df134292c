"""Rotational diffusion of all tracks together by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import chdtrc

from playNano.algorithms.measurement.intervals import NONE, Interval, jackknife_t, profile_interval
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.rotation.circle_filter import CircleFilter
from playNano.algorithms.measurement.rotation.sequences import Orientations, correlation

Floats = npt.NDArray[np.float64]
NAN = float("nan")

MAX_TURN = 0.6
"""Variance of the rotation in a frame, D_r T, above which it cannot be resolved."""

MIN_CORRELATION = 0.1
"""Correlation of orientation from frame to frame, <cos 2(difference)>, below which it cannot be resolved either."""

MAX_ERROR = 1.2
"""Maximum error of an orientation, rad: beyond, it tells nothing."""


@dataclass(frozen=True)
class RotationFit:
    """Rotational diffusion coefficient with its interval.

    Parameters
    ----------
    diffusion
        rad2/s; NaN if it cannot be had.
    interval
        Its interval, rad2/s.
    error
        Error of an observed orientation, rad.
    status
        Why it is not given.
    method
        How the interval was computed: "profile", or "jackknife_t" where tracks differ.
    differ_p
        Probability that tracks of one coefficient would differ as much.
    """

    diffusion: float
    interval: Interval = NONE
    error: float = NAN
    status: Status = "ok"
    method: str = ""
    differ_p: float = NAN


def first_guess(given: Orientations) -> tuple[float, float]:
    """Return diffusion, rad2/s, and error, rad, from the covariance of unwrapped rotations.

    Parameters
    ----------
    given
        Orientations.
    """
    follows, step, lag = given.follows, given.steps, np.diff(given.time)
    both = follows[1:] & follows[:-1]
    square = float((step[follows] ** 2).mean())
    product = float((step[1:][both] * step[:-1][both]).mean()) if both.any() else 0.0
    diffusion = (square + 2 * product) / (2 * float(lag[follows].mean()))
    floor = 1e-3 * square / float(lag[follows].mean())
    return max(diffusion, floor, 1e-12), float(np.sqrt(max(-product, 1e-3 * square, 1e-8)))


def fit_rotation(given: Orientations, interval_s: float, bins: int = 90, level: float = 0.95) -> RotationFit:
    """Fit rotational diffusion and the error of orientations to all tracks together.

    Parameters
    ----------
    given
        Orientations; each piece has at least two.
    interval_s
        Time from frame to frame, s.
    bins
        Minimum number of bins; more are used for small rotations.
    level
        Coverage of the interval.
    """
    steps = given.follows
    if not (steps[1:] & steps[:-1]).any():
        return RotationFit(NAN, status="too_short")
    cosine, _, count, _ = correlation(given, 1)
    if count.sum() and cosine.sum() / count.sum() < MIN_CORRELATION:
        return RotationFit(NAN, status="unresolved")
    diffusion, error = first_guess(given)
    scale = np.sqrt(2 * diffusion * interval_s + error**2)
    likelihood = CircleFilter(given, int(np.clip(np.ceil(2 * np.pi / scale), bins, max(bins, 1440))))
    limits = np.log([1e-4 * scale**2 / interval_s, 4 / interval_s]), np.log([0.02 * scale, MAX_ERROR])

    def negative(point: npt.ArrayLike) -> float:
        inside = [float(np.clip(value, *ends)) for value, ends in zip(np.asarray(point), limits, strict=True)]
        outside = float(np.abs(np.asarray(point) - inside).sum())
        return -float(likelihood.log_likelihoods(np.exp(inside[0]), np.exp(inside[1])).sum()) + 1e3 * outside

    starts = [
        (np.log(diffusion * by), np.log(min(e, 0.9))) for by in (1, 3, 10) for e in (error, 0.3 * scale)
    ]
    start = min(starts, key=negative)
    found = minimize(negative, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-4})
    best, noise = (float(np.clip(v, *ends)) for v, ends in zip(found.x, limits, strict=True))

    def profile(log_diffusion: float) -> float:
        ends = max(noise - 1.5, limits[1][0]), min(noise + 1.5, limits[1][1])
        inner = minimize_scalar(
            lambda e: negative((log_diffusion, e)), bounds=ends, method="bounded", options={"xatol": 1e-2}
        )
        return -min(float(inner.fun), negative((log_diffusion, noise)))

    if likelihood.log_likelihoods(np.exp(limits[0][0]), np.exp(noise)).sum() > -found.fun - 0.05:
        high = profile_interval(
            profile, float(limits[0][0]), (float(limits[0][0]), float(limits[0][1])), level
        )[1]
        return RotationFit(0.0, (0.0, float(np.exp(high))), float(np.exp(noise)), "at_bound", "profile")
    ends = profile_interval(profile, best, (float(limits[0][0]), float(limits[0][1])), level)
    low, high = (float(np.exp(end)) for end in ends)
    low = 0.0 if ends[0] <= limits[0][0] else low
    value, sigma = float(np.exp(best)), float(np.exp(noise))
    if value * interval_s > MAX_TURN or ends[1] >= limits[0][1]:
        return RotationFit(NAN, NONE, sigma, "unresolved")
    if len(np.unique(likelihood.track)) < 3:
        return RotationFit(value, NONE, sigma, "too_few_tracks")
    differ_p, jackknife = _between_tracks(likelihood, best, sigma, level)
    if differ_p < 0.01:
        return RotationFit(value, jackknife, sigma, "ok", "jackknife_t", differ_p)
    return RotationFit(value, (low, high), sigma, "ok", "profile", differ_p)


def _between_tracks(
    likelihood: CircleFilter, best: float, error: float, level: float
) -> tuple[float, Interval]:
    """Return the p of a test for tracks of one coefficient, and the interval by jackknife over tracks."""
    grid = best + np.linspace(-3.0, 3.0, 31)
    tracks, number = np.unique(likelihood.track, return_inverse=True)
    by_track = np.zeros((len(tracks), len(grid)))
    for column, value in enumerate(grid):
        np.add.at(by_track[:, column], number, likelihood.log_likelihoods(np.exp(value), error))
    total = by_track.sum(axis=0)
    ratio = 2 * float((by_track.max(axis=1) - by_track[:, len(grid) // 2]).sum())
    left_out = np.array([_maximum(grid, total - part) for part in by_track])
    interval = jackknife_t(np.exp(_maximum(grid, total)), np.exp(left_out), level, log=True)
    return float(chdtrc(len(tracks) - 1, ratio)), interval


def _maximum(grid: Floats, values: Floats) -> float:
    """Return where a parabola through the maximum of tabulated values and its neighbours has its maximum."""
    k = int(np.clip(np.argmax(values), 1, len(grid) - 2))
    left, centre, right = values[k - 1 : k + 2]
    curvature = left - 2 * centre + right
    shift = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return float(grid[k] + np.clip(shift, -1, 1) * (grid[1] - grid[0]))
