"""Gaussian hidden Markov models, fitted by expectation maximisation, with an offset a chain if wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from playNano.algorithms.measurement.states import _hmm_kernels as kernels
from playNano.algorithms.measurement.states.chains import Chains
from playNano.algorithms.measurement.tracked_movie import Floats

FLOOR = 1e-3
"""Minimum standard deviation of a state, relative to that of all values."""

SPAN = 3.0
"""Range of the offsets in their standard deviations."""

MAX_OUTLIERS = 0.2
"""Maximum share of outliers."""

SAFETY = 3.0
"""Factor on the expected gain of further iterations before a fit is given up."""

FEW_NODES, MANY_NODES = 21, 41
"""Number of offsets over which the likelihood of a chain is integrated: the second where chains determine them well."""


@dataclass(frozen=True)
class Model:
    """Parameters of a hidden Markov model.

    Parameters
    ----------
    start
        Probability of each state at the beginning of a chain, (K,).
    transition
        Probability of each state one frame later, (K, K).
    mean, sd
        Of the values in each state, (K,).
    offset_sd
        Standard deviation of the offsets of chains; 0: none.
    outlier_share
        Probability that a value is an outlier, the same in each state; 0: there are none.
    outlier_density
        Density of outliers: one over the range of all values.
    """

    start: Floats
    transition: Floats
    mean: Floats
    sd: Floats
    offset_sd: float = 0.0
    outlier_share: float = 0.0
    outlier_density: float = 0.0

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.mean)

    @property
    def n_parameters(self) -> int:
        """Number of free parameters."""
        k = self.n_states
        return k * k + 2 * k - 1 + int(self.offset_sd > 0) + int(self.outlier_share > 0)

    def by_mean(self) -> Model:
        """Return the model with its states in the order of their means."""
        order = np.argsort(self.mean, kind="stable")
        return replace(
            self,
            start=self.start[order],
            transition=self.transition[np.ix_(order, order)],
            mean=self.mean[order],
            sd=self.sd[order],
        )


@dataclass(frozen=True)
class Expectation:
    """What is expected of the states, given the values.

    Parameters
    ----------
    log_likelihood
        Of all chains.
    gamma
        Probability of each state at each row, (N, K).
    pairs
        Expected number of transitions, (K, K).
    sums
        Starts, weights, sums and sums of squares by state, (4, K).
    offset_square
        Mean square of the offsets.
    """

    log_likelihood: float
    gamma: Floats
    pairs: Floats
    sums: Floats
    offset_square: float


def offset_nodes(offset_sd: float, n_nodes: int = FEW_NODES) -> tuple[Floats, Floats]:
    """Return offsets evenly over three standard deviations to either side, and the log of their weights.

    Parameters
    ----------
    offset_sd
        Standard deviation of the offsets; 0: the offset 0 alone.
    n_nodes
        Number of offsets.
    """
    if not offset_sd > 0:
        return np.zeros(1), np.zeros(1)
    z = np.linspace(-SPAN, SPAN, n_nodes)
    weight = np.exp(-0.5 * z**2)
    return z * offset_sd, np.log(weight / weight.sum())


def n_nodes_for(chains: Chains, model: Model) -> int:
    """Return the number of offsets that resolve what a typical chain says about its own.

    Parameters
    ----------
    chains
        The values.
    model
        The model.
    """
    typical = chains.n_values / max(chains.n_chains, 1)
    sharp = model.offset_sd * np.sqrt(typical) > 6 * float(model.sd.mean())
    return MANY_NODES if sharp else FEW_NODES


def log_likelihood(
    chains: Chains, model: Model, transitions: Floats | None = None, n_nodes: int = FEW_NODES
) -> float:
    """Return the log likelihood of a model.

    Parameters
    ----------
    chains
        The values.
    model
        The model.
    transitions
        Transition matrix of each of the chains' durations, (n, K, K); None: that of the model.
    n_nodes
        Number of offsets over which it is integrated.
    """
    return float(_by_offset(chains, model, transitions, n_nodes)[0].sum())


def _by_offset(
    chains: Chains, model: Model, transitions: Floats | None, n_nodes: int
) -> tuple[Floats, Floats, Floats]:
    """Return the log likelihood of each chain, the posterior weights of the offsets, and the offsets."""
    offsets, log_weight = offset_nodes(model.offset_sd, n_nodes)
    table = np.empty((chains.n_chains, len(offsets)))
    arrays, parameters = _arrays(
        chains, model, model.transition[None] if transitions is None else transitions
    )
    kernels.log_likelihoods(arrays, parameters, offsets, table)
    table += log_weight
    largest = table.max(axis=1, keepdims=True)
    weight = np.exp(table - largest)
    total = weight.sum(axis=1, keepdims=True)
    return (largest + np.log(total))[:, 0], weight / total, offsets


def _arrays(
    chains: Chains, model: Model, transitions: Floats
) -> tuple[kernels.ChainArrays, kernels.Parameters]:
    """Return chains and parameters as the kernels take them."""
    given = (model.start, transitions, model.mean, model.sd)
    start, steps, mean, sd = (np.ascontiguousarray(part, dtype=np.float64) for part in given)
    arrays = kernels.ChainArrays(chains.value, chains.bounds, chains.index)
    return arrays, kernels.Parameters(
        start, steps, mean, sd, float(model.outlier_share), float(model.outlier_density)
    )


def expect(chains: Chains, model: Model, n_nodes: int = FEW_NODES) -> Expectation:
    """Return what is expected of the states, by the forward-backward algorithm.

    Parameters
    ----------
    chains
        The values.
    model
        The model.
    n_nodes
        Number of offsets over which it is integrated.
    """
    logs, weight, offsets = _by_offset(chains, model, None, n_nodes)
    k = model.n_states
    gamma, pairs, sums = np.zeros((len(chains.value), k)), np.zeros((k, k)), np.zeros((4, k))
    arrays, parameters = _arrays(chains, model, model.transition[None])
    kernels.statistics(arrays, parameters, offsets, weight, kernels.Sums(gamma, pairs, sums))
    square = float((weight * offsets**2).sum() / max(chains.n_chains, 1))
    return Expectation(float(logs.sum()), gamma, pairs, sums, square)


def maximise(expected: Expectation, model: Model, floor: float, n_values: int) -> Model:
    """Return the parameters that maximise the expected log likelihood.

    Parameters
    ----------
    expected
        What is expected of the states.
    model
        The model before; a state without values keeps its parameters.
    floor
        Minimum standard deviation.
    n_values
        Number of values.
    """
    starts, weight, total, square = expected.sums
    used = weight > 1e-10
    safe = np.where(used, weight, 1.0)
    mean = np.where(used, total / safe, model.mean)
    variance = np.where(used, square / safe - mean**2, model.sd**2)
    leaving = expected.pairs.sum(axis=1, keepdims=True)
    transition = np.where(
        leaving > 1e-10, expected.pairs / np.where(leaving > 1e-10, leaving, 1.0), model.transition
    )
    offset_sd = max(float(np.sqrt(expected.offset_square)), 1e-3 * floor) if model.offset_sd > 0 else 0.0
    sd = np.sqrt(np.maximum(variance, floor**2))
    share = 0.0
    if model.outlier_share > 0 and n_values:
        share = float(np.clip(1 - weight.sum() / n_values, 1e-6, MAX_OUTLIERS))
    return Model(starts / starts.sum(), transition, mean, sd, offset_sd, share, model.outlier_density)


def fit_em(
    chains: Chains,
    model: Model,
    *,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    needed: float = -np.inf,
) -> tuple[Model, float]:
    """Fit a model by expectation maximisation (Baum-Welch).

    Frames without a value count with the density 1: the state goes on without being seen. Each chain may have an
    offset from a normal distribution, over which its likelihood is integrated.

    Parameters
    ----------
    chains
        Values on the grid of frames.
    model
        Where to start; with ``offset_sd`` > 0 offsets are fitted.
    iterations
        Maximum number of iterations.
    tolerance
        Gain of the log likelihood per value below which it ends.
    needed
        Log likelihood below which the model is of no use: the fit ends where the gains, which fall geometrically, will
        not add up to it.

    Returns
    -------
    tuple
        The model, and its log likelihood.

    References
    ----------
    Rabiner: A tutorial on hidden Markov models, Proceedings of the IEEE 77, 1989, doi 10.1109/5.18626.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> value = np.where(np.arange(200) // 20 % 2, 3.0, 0.0) + rng.normal(0, 0.3, 200)
    >>> chains = Chains(value, np.array([0, 200]), np.zeros(200, np.int64), np.ones(1))
    >>> start = Model(np.full(2, 0.5), np.full((2, 2), 0.5), np.array([0.5, 2.0]), np.ones(2))
    >>> fit_em(chains, start)[0].mean.round(1).tolist()
    [0.0, 3.0]
    """
    spread, size = float(np.nanstd(chains.value)), float(np.nanmax(np.abs(chains.value)))
    floor = max(FLOOR * spread, 1e-12 * size, 1e-12)
    best, last_gain = -np.inf, np.inf
    enough = tolerance * max(chains.n_values, 1)
    for _ in range(iterations):
        expected = expect(chains, model, n_nodes_for(chains, model))
        gain = expected.log_likelihood - best
        ratio = min(gain / last_gain, 0.999) if last_gain > 0 else 0.0
        hopeless = expected.log_likelihood + SAFETY * gain * ratio / (1 - ratio) < needed
        if gain < enough or (hopeless and np.isfinite(last_gain)):
            return model, expected.log_likelihood
        best, last_gain = expected.log_likelihood, gain
        model = maximise(expected, model, floor, chains.n_values)
    return model, log_likelihood(chains, model, None, n_nodes_for(chains, model))
