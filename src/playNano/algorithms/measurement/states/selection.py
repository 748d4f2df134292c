"""The number of states, and whether molecules differ by an offset, by BIC."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from playNano.algorithms.measurement.states.chains import Chains
from playNano.algorithms.measurement.states.hmm import Model, fit_em
from playNano.algorithms.measurement.tracked_movie import Floats

FIRST_ITERATIONS = 30
"""Iterations from each start; only the best of them goes on."""

VALUES_A_PARAMETER = 5
"""Minimum number of values a parameter of the models between which BIC selects."""

TOLERANCE = 2e-7
"""Gain of the log likelihood per value and iteration below which a fit ends."""


@dataclass(frozen=True)
class FittedModel:
    """A model with its likelihood.

    Parameters
    ----------
    model
        The model, states in the order of their means.
    log_likelihood
        Its log likelihood.
    bic
        Bayesian information criterion, with the number of values.
    """

    model: Model
    log_likelihood: float
    bic: float


def fit_states(chains: Chains, n_states: int, seed: int = 0, lowest_bic: float = np.inf) -> FittedModel:
    """Fit a model without offsets: the best of starts from quantiles, k-means and random values.

    Parameters
    ----------
    chains
        Values on the grid of frames.
    n_states
        Number of states.
    seed
        Seed of the random starts.
    lowest_bic
        BIC that the model must fall below to be of use; a fit that will not ends early.

    Returns
    -------
    FittedModel
        The fit.
    """
    return _best_of(chains, _starts(chains, n_states, seed), lowest_bic)


def fit_states_with_offsets(
    chains: Chains, plain: FittedModel, seed: int = 0, lowest_bic: float = np.inf
) -> FittedModel:
    """Fit a model in which each chain has an offset, from two starts.

    The one start is the fit without offsets, the other a fit to values from which the median of each chain was
    subtracted.

    Parameters
    ----------
    chains
        Values on the grid of frames.
    plain
        The fit without offsets with as many states.
    seed
        Seed of the random starts.
    lowest_bic
        BIC that the model must fall below to be of use; a fit that will not ends early.

    Returns
    -------
    FittedModel
        The fit.
    """
    sd = float(plain.model.sd.mean())
    starts = [replace(plain.model, offset_sd=0.3 * sd)]
    chain = chains.chain
    middle = np.array([np.nanmedian(chains.value[chain == c]) for c in range(chains.n_chains)])
    centred = replace(chains, value=chains.value - middle[chain])
    if np.nanstd(centred.value) > 0:
        inner = fit_states(centred, plain.model.n_states, seed).model
        spread = max(float(np.std(middle)), 0.3 * float(inner.sd.mean()))
        starts.append(replace(inner, mean=inner.mean + float(np.mean(middle)), offset_sd=spread))
    return _best_of(chains, starts, lowest_bic)


def fit_states_with_outliers(chains: Chains, usual: FittedModel, lowest_bic: float = np.inf) -> FittedModel:
    """Fit a model in which a share of the values are outliers, starting from the fit without.

    Parameters
    ----------
    chains
        Values on the grid of frames.
    usual
        The fit without outliers.
    lowest_bic
        BIC that the model must fall below to be of use; a fit that will not ends early.

    Returns
    -------
    FittedModel
        The fit.
    """
    value = chains.value[np.isfinite(chains.value)]
    density = 1 / float(np.ptp(value))
    return _best_of(chains, [replace(usual.model, outlier_share=0.02, outlier_density=density)], lowest_bic)


def _best_of(chains: Chains, starts: list[Model], lowest_bic: float) -> FittedModel:
    """Return the fit from the start that has the highest likelihood after some iterations."""
    best = starts[0]
    if len(starts) > 1:
        tries = [fit_em(chains, start, iterations=FIRST_ITERATIONS, tolerance=TOLERANCE) for start in starts]
        best = max(tries, key=lambda pair: pair[1])[0]
    cost = best.n_parameters * np.log(max(chains.n_values, 1))
    needed = (cost - lowest_bic) / 2
    return _fitted(chains, *fit_em(chains, best, tolerance=TOLERANCE, needed=needed))


def select_states(
    chains: Chains,
    n_states: int | None,
    max_states: int = 4,
    *,
    offsets: bool = True,
    outliers: bool = True,
    seed: int = 0,
) -> tuple[FittedModel, list[FittedModel]]:
    """Return the model with the lowest BIC, and all that were fitted.

    Parameters
    ----------
    chains
        Values on the grid of frames.
    n_states
        Number of states; None: 1 to `max_states`, until two more states in a row do not lower the BIC, or there are
        fewer than five values a parameter.
    max_states
        Maximum number of states.
    offsets
        Whether models with offsets are fitted too; they need two chains.
    outliers
        Whether models with outliers are fitted too.
    seed
        Seed of the random starts.

    Returns
    -------
    tuple
        The selected model, and a list of all.
    """
    fits: list[FittedModel] = []
    best: FittedModel | None = None
    numbers = [n_states] if n_states is not None else range(1, max_states + 1)
    different = np.unique(chains.value[np.isfinite(chains.value)]).size
    worse = 0
    for number in numbers:
        parameters = number * number + 2 * number - 1
        too_few = n_states is None and chains.n_values < VALUES_A_PARAMETER * parameters
        if number > 1 and (different < number or too_few):
            break
        limit = np.inf if best is None else best.bic
        here = [fit_states(chains, number, seed, limit)]
        if offsets and chains.n_chains > 1 and different > 1:
            here.append(fit_states_with_offsets(chains, here[0], seed, min(limit, here[0].bic)))
        if outliers and different > 1:
            usual = min(here, key=lambda fit: fit.bic)
            here.append(fit_states_with_outliers(chains, usual, min(limit, usual.bic)))
        fits += here
        lowest = min(here, key=lambda fit: fit.bic)
        worse = worse + 1 if best is not None and lowest.bic >= best.bic else 0
        if best is None or lowest.bic < best.bic:
            best = lowest
        if worse == 2:
            break
    if best is None:
        best = fit_states(chains, 1, seed)
        fits = [best]
    return best, fits


def _fitted(chains: Chains, model: Model, log_likelihood: float) -> FittedModel:
    """Return a model with its BIC."""
    bic = -2 * log_likelihood + model.n_parameters * np.log(max(chains.n_values, 1))
    return FittedModel(model.by_mean(), log_likelihood, float(bic))


def _starts(chains: Chains, n_states: int, seed: int) -> list[Model]:
    """Return models from which to start."""
    from scipy.cluster.vq import kmeans2

    value = chains.value[np.isfinite(chains.value)]
    sd = max(float(value.std()), 1e-300)
    if n_states == 1:
        return [_start(np.array([value.mean()]), np.array([sd]))]
    rng = np.random.default_rng(seed)
    quantiles = np.quantile(value, (np.arange(n_states) + 0.5) / n_states)
    centres, label = kmeans2(value[:, None], quantiles[:, None], iter=20, minit="matrix", missing="warn")
    within = np.array(
        [value[label == k].std() if (label == k).sum() > 1 else sd / n_states for k in range(n_states)]
    )
    return [
        _start(quantiles, np.full(n_states, sd / n_states)),
        _start(centres[:, 0], np.maximum(within, 0.05 * sd)),
        _start(rng.choice(value, n_states, replace=False), np.full(n_states, sd / n_states)),
    ]


def _start(mean: Floats, sd: Floats) -> Model:
    """Return a model with the given levels, in which states stay."""
    k = len(mean)
    transition = np.full((k, k), 0.1 / max(k - 1, 1)) + (0.9 - 0.1 / max(k - 1, 1)) * np.eye(k)
    return Model(np.full(k, 1 / k), transition if k > 1 else np.ones((1, 1)), np.sort(mean), sd)
