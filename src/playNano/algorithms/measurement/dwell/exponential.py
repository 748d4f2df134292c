"""The rate of departure from passes of the tip: exact likelihood of a constant rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, ndtri

from playNano.algorithms.measurement.dwell.passes import Passes
from playNano.algorithms.measurement.intervals import NONE, Interval, profile_interval
from playNano.algorithms.measurement.results import CIMethod, Status
from playNano.algorithms.measurement.tracked_movie import Bools, Floats


def end_probability(rate: float | Floats, wait_s: Floats, miss_rate: float) -> Floats:
    """Return the probability that a molecule is not detected again in any of the next passes.

    Either it has left before the first pass, or it was missed there and left before the second, and so on, or it was
    missed at all of them.

    Parameters
    ----------
    rate
        Rate of departure, 1/s, >= 0; of each molecule, or one.
    wait_s
        Times to the passes, (n, m) s, increasing; NaN at the end of a row: there are fewer.
    miss_rate
        Probability of a missed detection at a pass.

    Returns
    -------
    ndarray of float64
        (n,); 1 for a molecule without any later pass.

    Examples
    --------
    >>> end_probability(0.1, np.array([[1.0, 2.0]]), 0.0).round(4).tolist()
    [0.0952]
    """
    wait = wait_s if miss_rate > 0 else wait_s[:, :1]
    k = np.broadcast_to(np.asarray(rate, np.float64), len(wait))
    left = np.zeros(len(wait))
    missed, before = np.ones(len(wait)), np.zeros(len(wait))
    for j in range(wait.shape[1]):
        here = np.isfinite(wait[:, j])
        now = np.where(here, wait[:, j], before)
        left += np.where(here, missed * np.exp(-k * before) * -np.expm1(-k * (now - before)), 0.0)
        missed = np.where(here, missed * miss_rate, missed)
        before = now
    return np.asarray(left + missed * np.exp(-k * before), dtype=np.float64)


def expected_restarts(rate: float, wait_s: Floats, miss_rate: float) -> float:
    """Return the expected number of ends after which the molecule was still there, and missed at all passes.

    Parameters
    ----------
    rate
        Rate of departure, 1/s.
    wait_s
        Times from the last detections to the next passes, (n, m) s; NaN: there are fewer, and no restart was seen.
    miss_rate
        Probability of a missed detection at a pass.
    """
    full = wait_s[np.isfinite(wait_s).all(axis=1)] if len(wait_s) else wait_s
    if not (miss_rate > 0 and len(full)):
        return 0.0
    missed = miss_rate ** full.shape[1] * np.exp(-rate * full[:, -1])
    return float((missed / end_probability(rate, full, miss_rate)).sum())


def detection_probability(rate: float, interval_s: float, miss_rate: float, passes: int = 200) -> float:
    """Return the probability that a molecule that arrives at a random moment is detected before it leaves.

    Parameters
    ----------
    rate
        Rate of departure, 1/s, >= 0.
    interval_s
        Time from pass to pass, s.
    miss_rate
        Probability of a missed detection at a pass.
    passes
        Number of passes after which the sum ends.

    Examples
    --------
    >>> round(detection_probability(1.0, 1.0, 0.0), 4), detection_probability(0.0, 1.0, 0.0)
    (0.6321, 1.0)
    """
    product = rate * interval_s
    first = 1.0 if product == 0 else -np.expm1(-product) / product
    later = (miss_rate * np.exp(-product)) ** np.arange(passes if miss_rate > 0 else 1)
    return float(first * (1 - miss_rate) * later.sum())


MAX_RESTARTS = 0.05
"""Maximum share of ends that may be missed detections."""


@dataclass(frozen=True)
class RateFit:
    """A rate of departure.

    Parameters
    ----------
    rate
        Maximum of the likelihood, 1/s; 0 if no molecule left; NaN if it is not given.
    low, high
        Ends of its interval, 1/s.
    log_likelihood
        At the maximum.
    status
        "ok", or why the rate is one-sided or not given.
    ci_method
        How the interval was computed.
    level
        Coverage of the interval.
    """

    rate: float
    low: float
    high: float
    log_likelihood: float
    status: Status
    ci_method: CIMethod = "profile"
    level: float = 0.95

    @property
    def log_error(self) -> float:
        """Standard error of the logarithm of the rate, from the width of its interval; NaN if one-sided."""
        if not (self.low > 0 and np.isfinite(self.high)):
            return float("nan")
        return float(np.log(self.high / self.low) / (2 * ndtri((1 + self.level) / 2)))


@dataclass(frozen=True)
class RateLikelihood:
    """Log likelihood of a constant rate of departure.

    Parameters
    ----------
    exposure_s
        Total time for which molecules were seen to stay, s.
    wait_s
        Times from the last detection of each molecule that left to the next passes, (n, m) s.
    miss_rate
        Probability of a missed detection at a pass.
    """

    exposure_s: float
    wait_s: Floats
    miss_rate: float

    def __call__(self, rate: float) -> float:
        """Return the log likelihood of a rate, 1/s.

        Parameters
        ----------
        rate
            1/s, >= 0.
        """
        with np.errstate(divide="ignore"):
            ends = np.log(end_probability(rate, self.wait_s, self.miss_rate)).sum()
        return float(ends - rate * self.exposure_s)

    def slope(self, rate: float) -> float:
        """Return the derivative of the log likelihood by the rate, s, by a central difference on the logarithm.

        Parameters
        ----------
        rate
            1/s, > 0.
        """
        step = 1e-4
        high, low = self(rate * np.exp(step)), self(rate * np.exp(-step))
        return (high - low) / (2 * step * rate)


def fit_rate(exposure_s: float, wait_s: Floats, miss_rate: float = 0.0, level: float = 0.95) -> RateFit:
    """Fit a constant rate of departure.

    The likelihood of a molecule that was seen for a time t and then, in the next passes, no more is
    ``exp(-k t)`` times the probability of the latter (`end_probability`); of one whose end was not seen ``exp(-k t)``.
    It is exact for any frame rate: a molecule that left between two passes did so at any moment between them, and the
    time after its first detection has no memory of the time before.

    Parameters
    ----------
    exposure_s
        Total time for which molecules were seen to stay, s.
    wait_s
        Times from the last detection of each molecule that left to the next passes, (n, m) s; NaN: there are fewer.
    miss_rate
        Probability of a missed detection at a pass.
    level
        Coverage of the interval, 0 to 1.

    Returns
    -------
    RateFit
        Rate with its profile likelihood interval. Without an end the rate is 0 with an upper bound; without any time
        the rate is not bounded above, and is not given.

    References
    ----------
    Kalbfleisch, Prentice: The statistical analysis of failure time data, 2002, chapter 3 (interval censoring).

    Examples
    --------
    >>> fit = fit_rate(100.0, np.ones((10, 1)))
    >>> round(fit.rate, 4), round(float(-np.log(1 - 10 / 110)), 4)
    (0.0953, 0.0953)
    """
    likelihood = RateLikelihood(exposure_s, wait_s, miss_rate)
    nan = float("nan")
    tail = -float(np.log(1 - level))
    if not len(wait_s):
        if exposure_s <= 0:
            return RateFit(nan, nan, nan, nan, "at_bound", level=level)
        return RateFit(0.0, 0.0, tail / exposure_s, 0.0, "all_censored", level=level)
    if exposure_s <= 0:
        low = _falls_to(likelihood, -tail, wait_s)
        return RateFit(nan, low, float("inf"), 0.0, "at_bound", level=level)
    best = _maximum(likelihood, wait_s)
    if best == 0.0:
        top = likelihood(0.0) - chdtri(1, 2 * (1 - level)) / 2
        high = brentq(lambda k: likelihood(k) - top, 1e-12 / exposure_s, 1e3 / exposure_s)
        return RateFit(0.0, 0.0, float(high), likelihood(0.0), "at_bound", level=level)
    low, high = _profile(likelihood, best, level)
    return RateFit(best, low, high, likelihood(best), "ok", level=level)


def _maximum(likelihood: RateLikelihood, wait_s: Floats) -> float:
    """Return the rate at the maximum of the likelihood; 0 if it decreases from there on."""
    longest, shortest = likelihood.exposure_s + float(np.nansum(wait_s)), float(np.nanmin(wait_s))
    low, high = 1e-6 / longest, 1e2 / shortest
    if likelihood.slope(low) <= 0:
        return 0.0
    log_rate = brentq(lambda x: likelihood.slope(float(np.exp(x))), np.log(low), np.log(high), xtol=1e-9)
    return float(np.exp(log_rate))


def _profile(likelihood: RateLikelihood, best: float, level: float) -> Interval:
    """Return the profile likelihood interval of a rate."""
    centre = float(np.log(best))

    def on_log(x: float) -> float:
        return likelihood(float(np.exp(x)))

    low, high = profile_interval(on_log, centre, (centre - 20, centre + 20), level)
    return float(np.exp(low)), float(np.exp(high))


def _falls_to(likelihood: RateLikelihood, value: float, wait_s: Floats) -> float:
    """Return the rate below which the likelihood of molecules that were all seen only once is too low."""
    low, high = 1e-9 / float(np.nanmax(wait_s)), 1e3 / float(np.nanmin(wait_s))
    return float(brentq(lambda k: likelihood(k) - value, low, high))


def is_refused(passes: Passes, restarts: float) -> bool:
    """Return whether too many ends may be missed detections.

    Parameters
    ----------
    passes
        What each pass says.
    restarts
        Share of the ends after which a track begins at the same place.
    """
    if not np.isfinite(passes.miss_rate):
        return restarts > MAX_RESTARTS
    cut = passes.miss_rate ** (passes.max_missing + 1) * len(passes.piece)
    return bool(cut > MAX_RESTARTS * len(passes.first))


def end_chances(rate: float, wait_s: Floats, at_risk: Bools, miss_rate: float) -> Floats:
    """Return the probability under a constant rate that a row at risk is the last of its molecule, 0 for others, (N,).

    Parameters
    ----------
    rate
        1/s.
    wait_s
        Times from each detection to the next passes, (N, m) s.
    at_risk
        Whether the outcome of a row counts, (N,).
    miss_rate
        Probability of a missed detection at a pass.
    """
    out = np.zeros(len(at_risk))
    out[at_risk] = end_probability(rate, wait_s[at_risk], miss_rate)
    return out


NOT_GIVEN = RateFit(*NONE, float("nan"), float("nan"), "at_bound")
"""A rate that the data do not carry."""
