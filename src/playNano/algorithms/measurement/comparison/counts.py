"""Rates of few events that differ between movies: Poisson counts with a log-normal effect of the movie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import chdtrc, gammaln, logsumexp, stdtrit

from playNano.algorithms.measurement.intervals import NONE, Interval

Floats = npt.NDArray[np.float64]
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(20)
MAX_TAU, WIDEST = 3.0, 10.0


@dataclass(frozen=True)
class LogRate:
    """The logarithm of a rate, or of a ratio of rates.

    Parameters
    ----------
    value
        Its maximum-likelihood estimate.
    interval
        By the profile likelihood, with Student's t in place of the normal quantile.
    p
        Probability of a larger likelihood ratio if it were 0; for a ratio only.
    """

    value: float
    interval: Interval
    p: float = float("nan")


def poisson_log_rate(events: npt.ArrayLike, exposure: npt.ArrayLike, level: float = 0.95) -> LogRate:
    """Return the logarithm of the median rate of movies with few events, some of them without any.

    Parameters
    ----------
    events
        Number of events of each movie, (n,), n >= 2, at least one in all.
    exposure
        Time in which they were seen, (n,), > 0.
    level
        Coverage of the interval, 0 to 1.
    """
    data = _Counts(
        np.asarray(events, np.float64), np.asarray(exposure, np.float64), np.zeros(np.size(events), int)
    )
    (start,) = data.starts()
    return data.profiled(start, np.size(events) - 1, level)


def poisson_log_ratio(
    first: tuple[npt.ArrayLike, npt.ArrayLike],
    second: tuple[npt.ArrayLike, npt.ArrayLike],
    level: float = 0.95,
) -> LogRate:
    """Return the logarithm of the ratio of two rates, second over first, with one variance between movies.

    Parameters
    ----------
    first, second
        Events and exposures of the movies of each condition, at least one event in each.
    level
        Coverage of the interval, 0 to 1.
    """
    events = [np.asarray(side[0], np.float64) for side in (first, second)]
    exposure = [np.asarray(side[1], np.float64) for side in (first, second)]
    group = np.repeat([0, 1], [len(side) for side in events])
    data = _Counts(np.concatenate(events), np.concatenate(exposure), group)
    low, high = data.starts()
    return data.profiled(high - low, len(group) - 2, level)


@dataclass(frozen=True)
class _Counts:
    events: Floats
    exposure: Floats
    group: npt.NDArray[np.int64]

    def starts(self) -> list[float]:
        """Return the logarithm of the pooled rate of each group."""
        own = [self.group == k for k in range(self.group.max() + 1)]
        return [float(np.log(self.events[k].sum() / self.exposure[k].sum())) for k in own]

    def log_likelihood(self, log_rate: Floats, tau: float) -> float:
        """Return the marginal log likelihood, by Gauss-Hermite quadrature about the maximum of each movie."""
        tau = max(tau, 1e-6)
        mean = np.log(self.exposure) + log_rate
        effect = np.zeros_like(mean)
        for _ in range(8):  # maximum of the integrand
            rate = np.exp(mean + effect)
            effect = effect + np.clip((self.events - rate - effect / tau**2) / (rate + tau**-2), -1, 1)
        width = 1 / np.sqrt(np.exp(mean + effect) + tau**-2)
        b = effect[:, None] + width[:, None] * NODES
        joint = self.events[:, None] * (mean[:, None] + b) - np.exp(mean[:, None] + b)
        joint += (
            -0.5 * (b / tau) ** 2 - np.log(tau) + 0.5 * NODES**2 + np.log(WEIGHTS) + np.log(width)[:, None]
        )
        constant = gammaln(self.events + 1) + 0.5 * np.log(2 * np.pi)
        return float((logsumexp(joint, axis=1) - constant).sum())

    def loss(self, log_rate: float, ratio: float, tau: float) -> float:
        """Return minus the log likelihood at the log rate of the first group, the log ratio of the second, and tau."""
        return -self.log_likelihood((log_rate + ratio * self.group).astype(np.float64), tau)

    def profile(self, target: float, start: Floats) -> float:
        """Return the log likelihood at a log rate, or log ratio, maximised over the rest; `start` is the best fit."""
        if self.group.max() == 0:
            best = minimize_scalar(
                lambda tau: self.loss(target, 0.0, float(tau)), bounds=(1e-4, MAX_TAU), method="bounded"
            )
            return -float(best.fun)
        bounds = [(start[0] - WIDEST, start[0] + WIDEST), (1e-4, MAX_TAU)]
        free = minimize(
            lambda x: self.loss(float(x[0]), target, float(x[1])),
            start[[0, 2]],
            bounds=bounds,
            method="L-BFGS-B",
        )
        return -float(free.fun)

    def profiled(self, start: float, degrees: int, level: float) -> LogRate:
        """Return the estimate with its interval; `start` is near it."""
        two = bool(self.group.max() > 0)
        first = self.starts()[0]
        limits = [(first - WIDEST, first + WIDEST), (-WIDEST, WIDEST) if two else (0.0, 0.0), (1e-4, MAX_TAU)]
        fit = minimize(
            lambda x: self.loss(*map(float, x)),
            [first, start if two else 0.0, 0.3],
            bounds=limits,
            method="L-BFGS-B",
        )
        value, top = float(fit.x[1 if two else 0]), -float(fit.fun)
        p = float(chdtrc(1, max(2 * (top - self.profile(0.0, fit.x)), 0.0))) if two else float("nan")
        if degrees < 1:
            return LogRate(value, NONE, p)
        floor = top - float(stdtrit(degrees, (1 + level) / 2)) ** 2 / 2

        def above(x: float) -> float:
            return self.profile(x, fit.x) - floor

        ends = []
        for sign in (-1, 1):
            end = value + sign * WIDEST
            inside = above(end) >= 0
            ends.append(sign * np.inf if inside else float(brentq(above, *sorted((value, end)), xtol=1e-3)))
        return LogRate(value, (ends[0], ends[1]), p)
