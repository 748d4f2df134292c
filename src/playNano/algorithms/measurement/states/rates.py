"""Rates of transitions between states: from the likelihood of all values at their own times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.states import _hmm_kernels as kernels
from playNano.algorithms.measurement.states.chains import Chains
from playNano.algorithms.measurement.states.hmm import Model, log_likelihood, n_nodes_for
from playNano.algorithms.measurement.tracked_movie import Bools, Floats

MIN_TRANSITIONS = 0.5
"""Expected number of transitions below which a rate is only bounded."""


@dataclass(frozen=True)
class TransitionRates:
    """Rates between states.

    Parameters
    ----------
    rate, low, high
        Rates with their intervals, (K, K) 1/s; 0 on the diagonal.
    log_covariance
        Covariance of the logarithms of the free rates, in the order of `free`.
    free
        Which rates were fitted, (K, K).
    status
        Of each rate, (K, K).
    """

    rate: Floats
    low: Floats
    high: Floats
    log_covariance: Floats
    free: Bools
    status: list[list[Status]]

    @property
    def leaving(self) -> Floats:
        """Total rate out of each state, (K,) 1/s."""
        return np.asarray(self.rate.sum(axis=1), dtype=np.float64)

    def leaving_log_error(self) -> Floats:
        """Return the standard error of the logarithm of the total rate out of each state, (K,); NaN: not known."""
        k = len(self.rate)
        where = np.argwhere(self.free)
        out = np.full(k, np.nan)
        for state in range(k):
            mine = np.flatnonzero(where[:, 0] == state)
            total = self.rate[state].sum()
            if mine.size and total > 0:
                share = self.rate[state, where[mine, 1]] / total
                out[state] = np.sqrt(share @ self.log_covariance[np.ix_(mine, mine)] @ share)
        return out


def generator(rate: Floats) -> Floats:
    """Return the generator of rates: their matrix with minus the row sums on the diagonal.

    Parameters
    ----------
    rate
        (K, K) 1/s; the diagonal does not count.
    """
    q = rate - np.diag(np.diag(rate))
    return np.asarray(q - np.diag(q.sum(axis=1)), dtype=np.float64)


def transition_matrices(rate: Floats, durations: Floats) -> Floats:
    """Return the matrices of transition probabilities after some times, exp(Q t), (n, K, K).

    Parameters
    ----------
    rate
        Rates, (K, K) 1/s.
    durations
        Times, (n,) s.
    """
    out = np.empty((len(durations), *rate.shape))
    kernels.transition_matrices(generator(rate), np.asarray(durations, np.float64), out)
    return out


def rates_from_matrix(transition: Floats, interval_s: float) -> Floats | None:
    """Return the rates of a matrix of transition probabilities, by its logarithm; None: states change too fast.

    Parameters
    ----------
    transition
        Probabilities after one interval, (K, K).
    interval_s
        The interval, s.

    Returns
    -------
    ndarray of float64
        (K, K) 1/s, negative ones set to 0; None where an eigenvalue is not positive.
    """
    from scipy.linalg import logm

    values = np.linalg.eigvals(transition)
    if (values.real <= 1e-6).any():
        return None
    rate = np.real(logm(transition)) / interval_s
    rate = np.where(np.eye(len(rate)) > 0, 0.0, np.maximum(rate, 0.0))
    return np.asarray(rate, dtype=np.float64)


def fit_rates(
    grid: Chains, seen: Chains, model: Model, pairs: Floats, level: float = 0.95
) -> TransitionRates:
    """Fit the rates to the values at their own times, and return them with Wald intervals.

    The likelihood uses exp(Q t) for the time t between any two successive values of a chain, so that missed detections,
    lost frames and the moment at which the tip passes count as they are. The intervals are those of the logarithm
    of the rates, with the Hessian of the log likelihood in all rates, levels, widths and the spread of the offsets.

    Parameters
    ----------
    grid
        Values on the grid of frames, to which the model was fitted.
    seen
        The same values at their own times.
    model
        The fitted model.
    pairs
        Expected numbers of transitions, (K, K).
    level
        Coverage of the intervals.

    Returns
    -------
    TransitionRates
        "unresolved" where states change so fast that a frame does not say in which state the next one will be; bounded
        above only where no transition is expected.
    """
    k = model.n_states
    first = rates_from_matrix(model.transition, float(grid.durations[0]))
    if first is None or k == 1:
        nan = np.full((k, k), np.nan)
        status: Status = "unresolved" if k > 1 else "ok"
        return TransitionRates(
            nan, nan, nan, np.zeros((0, 0)), np.zeros((k, k), np.bool_), [[status] * k for _ in range(k)]
        )
    free = (pairs >= MIN_TRANSITIONS) & (np.eye(k) == 0)
    held = np.where(free, np.maximum(first, 1e-3 / grid.durations[0] / max(grid.n_values, 1)), 0.0)
    fitted = _maximise(seen, model, held, free)
    covariance = _covariance(seen, model, fitted, free)
    stay = pairs.sum(axis=1) * grid.durations[0]
    return _with_intervals(fitted, free, covariance, stay, level)


def _maximise(seen: Chains, model: Model, rate: Floats, free: Bools) -> Floats:
    """Return the rates that maximise the likelihood, the levels being held."""
    from scipy.optimize import minimize

    if not free.any():
        return rate
    n_nodes = n_nodes_for(seen, model)

    def lost(theta: Floats) -> float:
        moved = np.zeros_like(rate)
        moved[free] = np.exp(np.clip(theta, -60, 60))
        return -log_likelihood(seen, model, transition_matrices(moved, seen.durations), n_nodes)

    start = np.log(rate[free])
    limits = [(value - 7, value + 7) for value in start]
    found = minimize(
        lost, start, method="L-BFGS-B", bounds=limits, options={"ftol": 1e-12, "gtol": 1e-4, "eps": 1e-4}
    )
    out = np.zeros_like(rate)
    out[free] = np.exp(found.x if found.fun <= lost(start) else start)
    return out


def _covariance(seen: Chains, model: Model, rate: Floats, free: Bools) -> Floats:
    """Return the covariance of the logarithms of the free rates from the Hessian in all parameters; NaN: none."""
    n_free, k = int(free.sum()), model.n_states
    if not n_free:
        return np.zeros((0, 0))
    scale = np.concatenate([np.ones(n_free), model.sd, np.ones(k), np.ones(int(model.offset_sd > 0))])
    n_nodes = n_nodes_for(seen, model)

    def value(theta: Floats) -> float:
        moved = np.zeros_like(rate)
        moved[free] = rate[free] * np.exp(theta[:n_free])
        other = replace(
            model,
            mean=model.mean + theta[n_free : n_free + k],
            sd=model.sd * np.exp(theta[n_free + k : n_free + 2 * k]),
            offset_sd=model.offset_sd * float(np.exp(theta[-1])) if model.offset_sd > 0 else 0.0,
        )
        return log_likelihood(seen, other, transition_matrices(moved, seen.durations), n_nodes)

    hessian = _hessian(value, 0.02 * scale)
    try:
        covariance = np.linalg.inv(-hessian)[:n_free, :n_free]
    except np.linalg.LinAlgError:
        return np.full((n_free, n_free), np.nan)
    bad = ~(np.diag(covariance) > 0)
    covariance[bad] = np.nan
    covariance[:, bad] = np.nan
    return np.asarray(covariance, dtype=np.float64)


def _hessian(function: Callable[[Floats], float], step: Floats) -> Floats:
    """Return the matrix of second derivatives at 0 by central differences."""
    n = len(step)
    shift = np.diag(step)
    here = function(np.zeros(n))
    up = np.array([function(shift[i]) for i in range(n)])
    down = np.array([function(-shift[i]) for i in range(n)])
    out = np.diag((up + down - 2 * here) / step**2)
    for i in range(n):
        for j in range(i):
            both = function(shift[i] + shift[j]) + function(-shift[i] - shift[j])
            out[i, j] = out[j, i] = (both - up[i] - down[i] - up[j] - down[j] + 2 * here) / (
                2 * step[i] * step[j]
            )
    return out


def _with_intervals(
    rate: Floats, free: Bools, covariance: Floats, stay_s: Floats, level: float
) -> TransitionRates:
    """Return the rates with intervals, and bounds for those that were not fitted."""
    k = len(rate)
    low, high = np.full((k, k), np.nan), np.full((k, k), np.nan)
    error = np.zeros((k, k))
    error[free] = np.sqrt(np.diag(covariance)) if free.any() else 0.0
    width = np.exp(float(ndtri((1 + level) / 2)) * error)
    low[free], high[free] = (rate / width)[free], (rate * width)[free]
    status: list[list[Status]] = [["ok"] * k for _ in range(k)]
    for i in range(k):
        for j in range(k):
            if i != j and not free[i, j]:
                status[i][j] = "no_events"
                low[i, j] = 0.0
                high[i, j] = -np.log(1 - level) / stay_s[i] if stay_s[i] > 0 else np.inf
            elif i != j and not np.isfinite(low[i, j]):
                status[i][j] = "at_bound"
    return TransitionRates(rate, low, high, covariance, free, status)
