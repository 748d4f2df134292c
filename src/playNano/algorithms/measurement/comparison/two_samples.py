"""Two conditions with a value a movie: difference, permutation, effect sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import gammaln, stdtr, stdtrit

from playNano.algorithms.measurement.intervals import NONE, Interval

Floats = npt.NDArray[np.float64]

MAX_EXACT = 100_000
"""Number of permutations up to which all are counted."""


@dataclass(frozen=True)
class Difference:
    """A difference with its interval and test.

    Parameters
    ----------
    value
        Second minus first.
    interval
        Of the difference; NaN without one.
    p
        Of no difference, two-sided; NaN without a test.
    """

    value: float
    interval: Interval
    p: float


def t_difference(value: float, error2: Sequence[float], degrees: Sequence[float], level: float) -> Difference:
    """Return a difference of two means with Student's t; degrees of freedom by Welch and Satterthwaite.

    Parameters
    ----------
    value
        The difference.
    error2
        Squared standard errors of the means.
    degrees
        Their degrees of freedom; infinite if the errors are known.
    level
        Coverage of the interval, 0 to 1.

    References
    ----------
    Welch: The generalization of "Student's" problem when several different population variances are involved,
    Biometrika 34, 1947, doi 10.1093/biomet/34.1-2.28.
    """
    total = float(np.sum(error2))
    if not np.isfinite(total):
        return Difference(value, NONE, float("nan"))
    if total == 0:
        return Difference(value, NONE, float("nan"))  # all values equal: nothing is known of their variation
    inverse = sum((part / total) ** 2 / freedom for part, freedom in zip(error2, degrees, strict=True))
    freedom = 1 / inverse if inverse > 0 else 1e9
    error = float(np.sqrt(total))
    width = float(stdtrit(freedom, (1 + level) / 2)) * error
    return Difference(value, (value - width, value + width), float(2 * stdtr(freedom, -abs(value) / error)))


def welch(first: Floats, second: Floats, level: float = 0.95) -> Difference:
    """Return the difference of two means of independent values, whose variances may differ.

    Parameters
    ----------
    first, second
        Values, at least two each.
    level
        Coverage of the interval, 0 to 1.

    Examples
    --------
    >>> found = welch(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 5.0]))
    >>> round(found.value, 3), round(found.p, 3)
    (1.333, 0.285)
    """
    error2 = [float(side.var(ddof=1) / side.size) for side in (first, second)]
    value = float(second.mean() - first.mean())
    return t_difference(value, error2, [first.size - 1, second.size - 1], level)


def permutation_p(
    first: Floats, second: Floats, *, paired: bool = False, seed: int = 0
) -> tuple[float, float]:
    """Return the p of a difference of means by permutation of movies, or of signs, and the smallest possible p.

    Parameters
    ----------
    first, second
        A value a movie; in pairs if `paired`.
    paired
        Whether conditions are exchanged within pairs only.
    seed
        Seed of the permutations that are drawn if there are too many to count them all.

    Returns
    -------
    p : float
        Two-sided.
    p_min : float
        The p of the most different arrangement: 2/C(2n, n) for n + n movies, 2/2^n for n pairs.

    Examples
    --------
    >>> permutation_p(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    (0.1, 0.1)
    """
    from scipy.stats import permutation_test

    number = 2**first.size if paired else comb(first.size + second.size, first.size)
    p_min = min(2 / number, 1.0)
    result = permutation_test(
        (second, first),
        lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
        permutation_type="samples" if paired else "independent",
        vectorized=True,
        n_resamples=np.inf if number <= MAX_EXACT else 9999,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue), max(p_min, 0.0 if number <= MAX_EXACT else 2 / 10_000)


def hedges_g(
    value: float, sd: float, degrees: int, n_effective: float, level: float
) -> tuple[float, Interval]:
    """Return the standardised difference, corrected for small samples, with its interval.

    Parameters
    ----------
    value
        Difference of means.
    sd
        Standard deviation by which it is divided: pooled, or that of differences within pairs.
    degrees
        Its degrees of freedom.
    n_effective
        n1 n2/(n1 + n2) movies, or the number of pairs.
    level
        Coverage of the interval, 0 to 1; by the non-central t distribution.

    References
    ----------
    Hedges: Distribution theory for Glass's estimator of effect size, J. Educ. Stat. 6, 1981,
    doi 10.3102/10769986006002107.
    """
    if degrees < 2 or not sd > 0:
        return float("nan"), NONE
    correction = float(np.exp(gammaln(degrees / 2) - gammaln((degrees - 1) / 2)) / np.sqrt(degrees / 2))
    scale = np.sqrt(n_effective)
    t = value / sd * scale
    ends = [_noncentrality(t, degrees, tail) for tail in ((1 + level) / 2, (1 - level) / 2)]
    return correction * value / sd, (correction * ends[0] / scale, correction * ends[1] / scale)


def _noncentrality(t: float, degrees: int, tail: float) -> float:
    """Return the non-centrality at which t is a quantile; NaN where the distribution cannot be computed."""
    from scipy.stats import nct

    def above(shift: float) -> float:
        return float(nct.cdf(t, degrees, shift)) - tail

    step = 0.5 if tail < 0.5 else -0.5
    inner, outer = t, t + step
    while (above(outer) < 0) == (above(inner) < 0):
        inner, outer, step = outer, outer + step, 1.5 * step
        if not np.isfinite(above(outer)) or abs(step) > 100:
            return float("nan")
    return float(brentq(above, *sorted((inner, outer)), xtol=1e-10))


def superiority(
    first: Sequence[Floats], second: Sequence[Floats], level: float = 0.95, *, paired: bool = False
) -> tuple[float, Interval]:
    """Return the probability that a track of the second condition has the larger value.

    Parameters
    ----------
    first, second
        Values of the tracks of each movie; ties count half, and each movie counts the same.
    level
        Coverage of the interval, 0 to 1: jackknife over movies; NaN for one movie in a condition.
    paired
        Whether tracks are compared within pairs of movies only.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson: Comparing the areas under two or more correlated receiver operating characteristic
    curves, Biometrics 44, 1988, doi 10.2307/2531595.

    Examples
    --------
    >>> superiority([np.array([1.0, 2.0])], [np.array([1.5, 3.0])])[0]
    0.75
    """
    if paired:
        each = np.array([_share_larger(a, b) for a, b in zip(first, second, strict=True)])
        parts, degrees = [_error2(each)], [each.size - 1.0]
        value = float(each.mean())
    else:
        matrix = np.array([[_share_larger(a, b) for b in second] for a in first])
        value = float(matrix.mean())
        parts = [_error2(matrix.mean(axis=1)), _error2(matrix.mean(axis=0))]
        degrees = [len(first) - 1.0, len(second) - 1.0]
    low, high = t_difference(value, parts, degrees, level).interval
    return value, (max(low, 0.0), min(high, 1.0)) if np.isfinite(low) else NONE


def holm(p: npt.ArrayLike) -> Floats:
    """Return p values adjusted for the number of comparisons; NaN remain, and are not counted.

    Parameters
    ----------
    p
        p values.

    References
    ----------
    Holm: A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan"), 0.03]).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    given = np.asarray(p, np.float64)
    out = np.full(given.shape, np.nan)
    known = np.flatnonzero(np.isfinite(given))
    order = known[np.argsort(given[known], kind="stable")]
    out[order] = np.minimum(np.maximum.accumulate(given[order] * np.arange(order.size, 0, -1)), 1.0)
    return out


def _share_larger(first: Floats, second: Floats) -> float:
    """Return the share of pairs in which the second is larger."""
    ordered = np.sort(first)
    below = np.searchsorted(ordered, second, side="left")
    upto = np.searchsorted(ordered, second, side="right")
    return float((below + upto).mean() / (2 * ordered.size))


def _error2(values: Floats) -> float:
    return float(values.var(ddof=1) / values.size) if values.size > 1 else float("nan")
