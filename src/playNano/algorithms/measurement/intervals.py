"""Confidence intervals: profile likelihood, jackknife over tracks or movies, Student t, gamma."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import chdtri, gammaincinv, stdtrit

Interval = tuple[float, float]
NONE: Interval = (float("nan"), float("nan"))
"""The interval of a number that has none."""


def t_interval(values: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Return Student's interval of the mean of independent values.

    Parameters
    ----------
    values
        One per replicate.
    level
        Coverage, 0 to 1.

    Returns
    -------
    tuple of float
        Low and high end; NaN for fewer than two values.

    Examples
    --------
    >>> [round(end, 3) for end in t_interval([1.0, 2.0, 3.0])]
    [-0.484, 4.484]
    """
    given = np.asarray(values, dtype=np.float64)
    if given.size < 2:
        return NONE
    return _t(float(given.mean()), float(given.std(ddof=1) / np.sqrt(given.size)), given.size - 1, level)


def jackknife_t(
    estimate: float, left_out: npt.ArrayLike, level: float = 0.95, *, log: bool = False
) -> Interval:
    """Return the interval of an estimate from those with one replicate left out each, with Student's t.

    Parameters
    ----------
    estimate
        From all replicates.
    left_out
        The same estimate without replicate i, (n,).
    level
        Coverage, 0 to 1.
    log
        Whether the interval is computed on the logarithm; estimates must then be positive.

    Returns
    -------
    tuple of float
        Low and high end; NaN for fewer than two replicates, or estimates that have no logarithm.

    References
    ----------
    Efron, Tibshirani: An introduction to the bootstrap, 1993, chapter 11.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0])
    >>> [round(end, 3) for end in jackknife_t(2.0, (6.0 - values) / 2)]
    [-0.484, 4.484]
    """
    others, n = np.asarray(left_out, dtype=np.float64), np.size(left_out)
    if n < 2 or not np.isfinite(others).all() or not np.isfinite(estimate):
        return NONE
    if log and not (estimate > 0 and (others > 0).all()):
        return NONE
    centre, parts = (np.log(estimate), np.log(others)) if log else (estimate, others)
    error = float(np.sqrt((n - 1) / n * ((parts - parts.mean()) ** 2).sum()))
    low, high = _t(float(centre), error, n - 1, level)
    return (float(np.exp(low)), float(np.exp(high))) if log else (low, high)


def ratio_interval(numerators: npt.ArrayLike, denominators: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Return the interval of a ratio of sums: jackknife over replicates on the logarithm, Student's t.

    Parameters
    ----------
    numerators, denominators
        Contribution of each replicate, (n,).
    level
        Coverage, 0 to 1.

    Returns
    -------
    tuple of float
        Low and high end; NaN for fewer than two replicates with a positive denominator.

    Examples
    --------
    >>> low, high = ratio_interval([10.0, 12.0, 11.0], [1.0, 1.0, 1.0])
    >>> round(low, 2), round(high, 2)
    (8.77, 13.79)
    """
    top, bottom = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    top, bottom = top[bottom > 0], bottom[bottom > 0]
    if top.size < 2:
        return NONE
    left_out = (top.sum() - top) / (bottom.sum() - bottom)
    return jackknife_t(float(top.sum() / bottom.sum()), left_out, level, log=True)


def profile_interval(
    log_likelihood: Callable[[float], float],
    best: float,
    bounds: tuple[float, float],
    level: float = 0.95,
) -> Interval:
    """Return where the profile log likelihood has fallen by half the chi-square quantile of one degree of freedom.

    Parameters
    ----------
    log_likelihood
        Of one parameter, the others maximised.
    best
        The parameter at its maximum.
    bounds
        Ends of the search; an end at which the likelihood has not fallen enough is returned as it is.
    level
        Coverage, 0 to 1.

    Returns
    -------
    tuple of float
        Low and high end.

    Examples
    --------
    >>> low, high = profile_interval(lambda mean: -0.5 * mean**2, 0.0, (-10.0, 10.0))
    >>> round(low, 3), round(high, 3)
    (-1.96, 1.96)
    """
    floor = log_likelihood(best) - chdtri(1, 1 - level) / 2

    def above(value: float) -> float:
        return float(log_likelihood(value) - floor)

    ends = []
    for end in bounds:
        inside = end == best or above(end) >= 0
        ends.append(float(end) if inside else float(brentq(above, end, best, xtol=1e-12, rtol=1e-10)))
    return ends[0], ends[1]


def gamma_rate_interval(events: int, exposure: float, level: float = 0.95) -> Interval:
    """Return the exact interval of a Poisson rate.

    Parameters
    ----------
    events
        Number of events, >= 0.
    exposure
        Time (or length, or area and time) in which they were seen, > 0.
    level
        Coverage, 0 to 1; without events the interval is one-sided.

    Returns
    -------
    tuple of float
        Low and high end, 1/exposure.

    References
    ----------
    Garwood: Fiducial limits for the Poisson distribution, Biometrika 28, 1936, doi 10.1093/biomet/28.3-4.437.

    Examples
    --------
    >>> [round(end, 3) for end in gamma_rate_interval(10, 1.0)]
    [4.795, 18.39]
    """
    if not exposure > 0:
        return NONE
    if events == 0:
        return 0.0, float(-np.log(1 - level) / exposure)
    low = gammaincinv(events, (1 - level) / 2) / exposure
    return float(low), float(gammaincinv(events + 1, (1 + level) / 2) / exposure)


def _t(centre: float, error: float, degrees: int, level: float) -> Interval:
    """Return centre -+ t times error."""
    width = float(stdtrit(degrees, (1 + level) / 2)) * error
    return centre - width, centre + width
