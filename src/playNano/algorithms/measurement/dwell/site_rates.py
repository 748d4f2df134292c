"""Rates of binding to and leaving a site: two states, seen at the passes of the tip, with missed detections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtri

from playNano.algorithms.measurement.dwell.sites import Outcomes, Sites
from playNano.algorithms.measurement.intervals import NONE, Interval
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.tracked_movie import Floats

MAX_BY_CHANCE = 0.5
"""Share of sites that may be places near each other by chance, from which rates are not given."""

RARELY_MISSED = 1e-5
"""Probability of a missed detection at or below which it is taken as 0."""


@dataclass(frozen=True)
class SiteRates:
    """Rates of all sites together.

    Parameters
    ----------
    k_on, k_off
        Rates at which a free site is occupied and an occupied one becomes free, 1/s; NaN if they are not given.
    k_on_interval, k_off_interval
        Their intervals, 1/s.
    miss_rate
        Probability that a molecule at a site is not detected at a pass.
    n_sites, n_visits, n_detections
        Of the sites that are used.
    status
        "ok", or why the rates are not given.
    """

    k_on: float
    k_off: float
    k_on_interval: Interval
    k_off_interval: Interval
    miss_rate: float
    n_sites: int
    n_visits: int
    n_detections: int
    status: Status


def pass_log_likelihood(
    wait_s: Floats, outcome: Outcomes, k_on: float, k_off: float, miss_rate: float
) -> Floats:
    """Return the log likelihood of what the passes show at each site, given a detection at the first one.

    Parameters
    ----------
    wait_s
        Times from pass to pass, (n_sites, m) s; that of the first is not used.
    outcome
        1 detected, 0 not detected, -1 no information, (n_sites, m); 1 at the first pass.
    k_on, k_off
        Rates at which a free site is occupied and an occupied one becomes free, 1/s, > 0.
    miss_rate
        Probability that a molecule at a site is not detected at a pass.

    Returns
    -------
    ndarray of float64
        (n_sites,).

    References
    ----------
    Rabiner: A tutorial on hidden Markov models, Proceedings of the IEEE 77, 1989, doi 10.1109/5.18626.
    Colquhoun, Hawkes: On the stochastic properties of single ion channels, Proc. R. Soc. B 211, 1981.

    Examples
    --------
    >>> once = pass_log_likelihood(np.array([[0.0, 1.0]]), np.array([[1, 1]], np.int8), 1.0, 1.0, 0.0)
    >>> round(float(np.exp(once[0])), 4), round(float(0.5 * (1 + np.exp(-2.0))), 4)
    (0.5677, 0.5677)
    """
    binds, leaves = _transitions(wait_s, k_on, k_off)
    occupied_shows = np.where(outcome == 1, 1 - miss_rate, np.where(outcome == 0, miss_rate, 1.0))
    free_shows = (outcome != 1).astype(np.float64)
    occupied, total = np.ones(len(wait_s)), np.ones(wait_s.shape)
    for j in range(1, wait_s.shape[1]):
        free = 1 - occupied
        here = (occupied * (1 - leaves[:, j]) + free * binds[:, j]) * occupied_shows[:, j]
        gone = (occupied * leaves[:, j] + free * (1 - binds[:, j])) * free_shows[:, j]
        total[:, j] = here + gone
        with np.errstate(invalid="ignore"):
            occupied = here / total[:, j]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(total).sum(axis=1), dtype=np.float64)


def return_probability(
    wait_s: Floats, outcome: Outcomes, k_on: float, k_off: float, miss_rate: float, max_gap: int
) -> Floats:
    """Return the probability that a second visit of each site is seen, given a detection at the first pass.

    It is that of any outcomes in which a detection comes after more than `max_gap` passes in a row without one.

    Parameters
    ----------
    wait_s
        Times from pass to pass, (n_sites, m) s; that of the first is not used.
    outcome
        (n_sites, m); only where it is -1, which says that there is no pass, counts.
    k_on, k_off
        Rates at which a free site is occupied and an occupied one becomes free, 1/s, > 0.
    miss_rate
        Probability that a molecule at a site is not detected at a pass.
    max_gap
        Number of passes without a detection that do not end a visit.

    Returns
    -------
    ndarray of float64
        (n_sites,).

    Examples
    --------
    >>> three = np.ones((1, 3)), np.array([[1, 0, 1]], np.int8)
    >>> round(float(return_probability(*three, 1.0, 1.0, 0.0, 0)[0]), 4)
    0.1869
    """
    binds, leaves = _transitions(wait_s, k_on, k_off)
    size = max_gap + 2
    occupied, free = np.zeros((size, len(wait_s))), np.zeros((size, len(wait_s)))
    occupied[0] = 1.0
    returned = np.zeros(len(wait_s))
    for j in range(1, wait_s.shape[1]):
        bind, leave = binds[:, j], leaves[:, j]
        here = occupied * (1 - leave) + free * bind
        gone = occupied * leave + free * (1 - bind)
        seen = here * (1 - miss_rate)
        later_occupied, later_free = _one_gap_more(here * miss_rate), _one_gap_more(gone)
        later_occupied[0] = seen[:-1].sum(axis=0)
        there = outcome[:, j] >= 0
        returned += np.where(there, seen[-1], 0.0)
        occupied = np.where(there, later_occupied, occupied)
        free = np.where(there, later_free, free)
    return returned


def _one_gap_more(values: Floats) -> Floats:
    """Return the probabilities by number of undetected passes after one more of them; the last number is kept."""
    out = np.zeros_like(values)
    out[1:] = values[:-1]
    out[-1] += values[-1]
    return out


def _transitions(wait_s: Floats, k_on: float, k_off: float) -> tuple[Floats, Floats]:
    """Return the probabilities that a free site is occupied, and an occupied one free, after each time."""
    both = k_on + k_off
    change = -np.expm1(-both * wait_s)
    return k_on / both * change, k_off / both * change


def fit_site_rates(sites: Sites, miss_rate: float | None = None, level: float = 0.95) -> SiteRates:
    """Fit the rates of all sites together by maximum likelihood.

    The likelihood of a site begins at its first detection, and is divided by the probability that a second visit is
    seen (`return_probability`), since places with one visit are not known to be sites. Neither the time before the
    first detection nor the sites that were not noticed then bias the rates.

    Parameters
    ----------
    sites
        The sites.
    miss_rate
        Probability of a missed detection at a pass; None: fitted too.
    level
        Coverage of the intervals, 0 to 1.

    Returns
    -------
    SiteRates
        With Wald intervals on the logarithm.
    """
    used = sites.resolved
    n_sites, n_visits = int(used.sum()), int(sites.n_visits[used].sum())
    counts = (n_sites, n_visits, int(sites.n_detections[used].sum()))
    nan = float("nan")
    if not n_sites or sites.n_by_chance > MAX_BY_CHANCE * n_sites:
        return SiteRates(nan, nan, NONE, NONE, nan, *counts, "unresolved" if len(used) else "no_events")
    wait, outcome = sites.wait_s[used], sites.outcome[used]

    def negative(free: Floats) -> float:
        k_on, k_off, miss = _parameters(free, miss_rate)
        passes = pass_log_likelihood(wait, outcome, k_on, k_off, miss)
        back = return_probability(wait, outcome, k_on, k_off, miss, sites.max_gap)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float((np.log(back) - passes).sum())
        return value if np.isfinite(value) else 1e10

    total, step = float(wait.sum()), float(np.median(wait[wait > 0])) if (wait > 0).any() else nan
    share = float((outcome == 1).sum() / (outcome >= 0).sum())
    start = np.log([n_visits / (total * (1 - 0.9 * share)), n_visits / (total * share)])
    bounds = [(np.log(1e-2 / total), np.log(1e2 / step))] * 2
    if miss_rate is None:
        start = np.append(start, logit(0.05))
        bounds.append((float(logit(RARELY_MISSED)), float(logit(0.9))))
    best = minimize(negative, start, jac="3-point", bounds=bounds, method="L-BFGS-B").x
    k_on, k_off, miss = _parameters(best, miss_rate)
    at_bound = any(
        min(abs(x - end) for end in ends) < 1e-3 for x, ends in zip(best[:2], bounds, strict=False)
    )
    free = [0, 1] if miss_rate is not None or miss < 2 * RARELY_MISSED else [0, 1, 2]
    errors = _standard_errors(negative, best, free)
    if at_bound or not np.isfinite(errors).all():
        return SiteRates(nan, nan, NONE, NONE, miss, *counts, "at_bound")
    width = np.exp(ndtri((1 + level) / 2) * errors)
    return SiteRates(
        k_on,
        k_off,
        (float(k_on / width[0]), float(k_on * width[0])),
        (float(k_off / width[1]), float(k_off * width[1])),
        0.0 if miss < 2 * RARELY_MISSED else miss,
        *counts,
        "ok",
    )


def _parameters(free: Floats, miss_rate: float | None) -> tuple[float, float, float]:
    """Return rates and probability of a missed detection from the parameters that are varied."""
    miss = float(expit(free[2])) if miss_rate is None else miss_rate
    return float(np.exp(free[0])), float(np.exp(free[1])), miss


def _standard_errors(
    negative: Callable[[Floats], float], best: Floats, free: list[int], step: float = 1e-2
) -> Floats:
    """Return the standard errors of the first two parameters from the curvature at the minimum; NaN: it has none."""
    axes = np.eye(len(best))[free] * step
    centre = negative(best)
    hessian = np.empty((len(free), len(free)))
    for i, a in enumerate(axes):
        for j, b in enumerate(axes[: i + 1]):
            if i == j:
                value = negative(best + a) + negative(best - a) - 2 * centre
            else:
                value = (
                    negative(best + a + b)
                    + negative(best - a - b)
                    - negative(best + a - b)
                    - negative(best - a + b)
                ) / 4
            hessian[i, j] = hessian[j, i] = value / step**2
    if not (np.isfinite(hessian).all() and np.linalg.eigvalsh(hessian)[0] > 0):
        return np.full(2, np.nan)
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(hessian))[:2]), dtype=np.float64)
