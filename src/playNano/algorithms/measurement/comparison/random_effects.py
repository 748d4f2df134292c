"""Means of estimates with errors of their own, which also differ between movies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import chdtrc, ndtri, stdtrit

from playNano.algorithms.measurement.intervals import NONE, Interval

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RandomMean:
    """Mean of estimates.

    Parameters
    ----------
    value
        The mean, weighted by 1/(error^2 + tau^2).
    error
        Its standard error; NaN for one estimate without an error.
    degrees
        Degrees of freedom of Student's t; infinite if the errors of the estimates alone give the interval.
    tau
        Standard deviation between movies, beyond the errors; NaN for one estimate.
    n
        Number of estimates.
    over_movies
        Whether the error is that between movies; if not, it is that of the estimates themselves.
    """

    value: float
    error: float
    degrees: float
    tau: float
    n: int
    over_movies: bool

    def interval(self, level: float = 0.95) -> Interval:
        """Return the interval of the mean; NaN without an error.

        Parameters
        ----------
        level
            Coverage, 0 to 1.
        """
        if not np.isfinite(self.error):
            return NONE
        quantile = ndtri if np.isinf(self.degrees) else lambda p: stdtrit(self.degrees, p)
        width = float(quantile((1 + level) / 2)) * self.error
        return self.value - width, self.value + width


def random_mean(estimates: npt.ArrayLike, errors: npt.ArrayLike) -> RandomMean:
    """Return the mean of estimates of movies that differ by more than the errors of the estimates.

    Parameters
    ----------
    estimates
        One a movie, on the scale on which they are added: logarithms of rates, (n,), n > 0.
    errors
        Their standard errors, (n,), >= 0.

    Returns
    -------
    RandomMean
        Weights 1/(error^2 + tau^2), with tau^2 by restricted maximum likelihood, and the variance of the mean from the
        weighted deviations with n - 1 degrees of freedom (Hartung and Knapp), which for equal errors is Student's. Two
        movies that do not differ significantly (p > 0.1 by Cochran's Q) are pooled by their errors alone, and one has
        its own.

    References
    ----------
    Hartung, Knapp: A refined method for the meta-analysis of controlled clinical trials with binary outcome, Stat.
    Med. 20, 2001, doi 10.1002/sim.1009. Viechtbauer: Bias and efficiency of meta-analytic variance estimators in the
    random-effects model, J. Educ. Behav. Stat. 30, 2005, doi 10.3102/10769986030003261.

    Examples
    --------
    >>> mean = random_mean([1.0, 2.0, 3.0], [0.1, 0.1, 0.1])
    >>> round(mean.value, 3), round(mean.error, 3), round(mean.tau, 3)
    (2.0, 0.577, 0.995)
    """
    y, v = np.asarray(estimates, np.float64), np.asarray(errors, np.float64) ** 2
    n = y.size
    if n == 1:
        return RandomMean(float(y[0]), float(np.sqrt(v[0])), np.inf, float("nan"), 1, False)
    if n == 2 and (v > 0).all():
        weights = 1 / v
        mean = float((weights @ y) / weights.sum())
        if chdtrc(1, float(weights @ (y - mean) ** 2)) > 0.1:
            return RandomMean(mean, float(1 / np.sqrt(weights.sum())), np.inf, 0.0, 2, False)
    tau2 = _restricted_variance(y, v)
    total = v + tau2
    if not (total > 0).all():  # all values equal, without errors
        return RandomMean(float(y.mean()), 0.0, n - 1.0, 0.0, n, True)
    weights = 1 / total
    mean = float((weights @ y) / weights.sum())
    variance = float(weights @ (y - mean) ** 2) / ((n - 1) * weights.sum())
    return RandomMean(mean, float(np.sqrt(variance)), n - 1.0, float(np.sqrt(tau2)), n, True)


def _restricted_variance(y: Floats, v: Floats) -> float:
    """Return tau^2 by restricted maximum likelihood."""
    if not v.any() or np.ptp(y) == 0:
        return float(y.var(ddof=1)) if np.ptp(y) else 0.0

    def loss(tau: float) -> float:
        total = v + tau**2
        if not (total > 0).all():
            return float("inf")
        weights = 1 / total
        mean = (weights @ y) / weights.sum()
        return float(np.log(total).sum() + np.log(weights.sum()) + weights @ (y - mean) ** 2)

    top = 3 * float(y.std(ddof=1)) + 1e-12
    grid = np.linspace(0, top, 25)
    at = int(np.argmin([loss(tau) for tau in grid]))
    ends = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    best = float(minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-9 * top}).x)
    return best**2 if loss(best) < loss(0.0) else 0.0
