"""Loops of hidden Markov models: densities, forward and backward recursion, matrix exponentials."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from playNano._jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LOG_2PI = math.log(2 * math.pi)
MIN_WEIGHT = 1e-6
"""Posterior weight of an offset below which its statistics are left out."""


class ChainArrays(NamedTuple):
    """Values (N,), first row of each chain and N, and which transition matrix leads to each row."""

    value: Floats
    bounds: Ints
    step_of: Ints


class Parameters(NamedTuple):
    """Start probabilities (K,), transition matrices (n, K, K), means, standard deviations (K,), and outliers.

    A value is an outlier, of the same density in each state, with the probability `outlier_share`.
    """

    start: Floats
    transitions: Floats
    mean: Floats
    sd: Floats
    outlier_share: float
    outlier_density: float


class Sums(NamedTuple):
    """Sums to add to.

    Probability of each state of each row (N, K); expected transitions (K, K); starts, and weight, sum and sum of
    squares of the values less their offsets that are no outliers, (4, K).
    """

    gamma: Floats
    pairs: Floats
    states: Floats


@jit
def densities(value: Floats, parameters: Parameters, offset: float, out: Floats, outlier: Floats) -> float:
    """Write the densities of values under each state, divided by the largest; return the log of all divisors.

    A missing value (NaN) has the density 1 in each state. ``outlier`` is the part of an outlier in the density.
    """
    mean, sd = parameters.mean, parameters.sd
    n_states = len(mean)
    usual, share = 1 - parameters.outlier_share, parameters.outlier_share * parameters.outlier_density
    total = 0.0
    for i in range(len(value)):
        outlier[i] = 0.0
        if math.isnan(value[i]):
            for k in range(n_states):
                out[i, k] = 1.0
            continue
        largest = math.log(share) if share > 0 else -math.inf
        for k in range(n_states):
            z = (value[i] - offset - mean[k]) / sd[k]
            out[i, k] = -0.5 * (z * z + LOG_2PI) - math.log(sd[k])
            largest = max(largest, out[i, k])
        if share > 0:
            outlier[i] = share * math.exp(-largest)
        for k in range(n_states):
            out[i, k] = usual * math.exp(out[i, k] - largest) + outlier[i]
        total += largest
    return total


@jit
def forward(density: Floats, parameters: Parameters, index: Ints, alpha: Floats, scale: Floats) -> float:
    """Write the probabilities of the states given the values so far; return the log likelihood."""
    n_rows, n_states = density.shape
    total = 0.0
    for i in range(n_rows):
        step = parameters.transitions[index[i]]
        norm = 0.0
        for k in range(n_states):
            before = parameters.start[k]
            if i > 0:
                before = 0.0
                for j in range(n_states):
                    before += alpha[i - 1, j] * step[j, k]
            alpha[i, k] = before * density[i, k]
            norm += alpha[i, k]
        norm = max(norm, 1e-300)
        for k in range(n_states):
            alpha[i, k] /= norm
        scale[i] = norm
        total += math.log(norm)
    return total


@jit
def backward(density: Floats, transitions: Floats, index: Ints, scale: Floats, beta: Floats) -> None:
    """Write the scaled likelihoods of the later values given each state."""
    n_rows, n_states = density.shape
    for k in range(n_states):
        beta[n_rows - 1, k] = 1.0
    for i in range(n_rows - 2, -1, -1):
        step = transitions[index[i + 1]]
        for j in range(n_states):
            after = 0.0
            for k in range(n_states):
                after += step[j, k] * density[i + 1, k] * beta[i + 1, k]
            beta[i, j] = after / scale[i + 1]


@jit
def longest_chain(bounds: Ints) -> int:
    """Return the number of rows of the longest chain."""
    longest = 0
    for c in range(len(bounds) - 1):
        longest = max(longest, bounds[c + 1] - bounds[c])
    return longest


@jit
def log_likelihoods(chains: ChainArrays, parameters: Parameters, offsets: Floats, out: Floats) -> None:
    """Write the log likelihood of each chain under each offset, (n_chains, n_offsets)."""
    longest, n_states = longest_chain(chains.bounds), len(parameters.mean)
    density, alpha = np.empty((longest, n_states)), np.empty((longest, n_states))
    scale, outlier = np.empty(longest), np.empty(longest)
    for c in range(len(chains.bounds) - 1):
        first, last = chains.bounds[c], chains.bounds[c + 1]
        n = last - first
        index = chains.step_of[first:last]
        for q in range(len(offsets)):
            logs = densities(chains.value[first:last], parameters, offsets[q], density[:n], outlier)
            out[c, q] = logs + forward(density[:n], parameters, index, alpha[:n], scale[:n])


@jit
def statistics(
    chains: ChainArrays, parameters: Parameters, offsets: Floats, weight: Floats, sums: Sums
) -> None:
    """Add up what the maximisation needs, over chains and offsets with their posterior weights."""
    n_states = len(parameters.mean)
    longest = longest_chain(chains.bounds)
    density, alpha = np.empty((longest, n_states)), np.empty((longest, n_states))
    beta, scale, outlier = np.empty((longest, n_states)), np.empty(longest), np.empty(longest)
    for c in range(len(chains.bounds) - 1):
        first, last = chains.bounds[c], chains.bounds[c + 1]
        n = last - first
        index = chains.step_of[first:last]
        for q in range(len(offsets)):
            w = weight[c, q]
            if w < MIN_WEIGHT:
                continue
            densities(chains.value[first:last], parameters, offsets[q], density[:n], outlier)
            forward(density[:n], parameters, index, alpha[:n], scale[:n])
            backward(density[:n], parameters.transitions, index, scale[:n], beta[:n])
            for i in range(n):
                x = chains.value[first + i] - offsets[q]
                for k in range(n_states):
                    g = w * alpha[i, k] * beta[i, k]
                    sums.gamma[first + i, k] += g
                    if i == 0:
                        sums.states[0, k] += g
                    if not math.isnan(x) and g > 0:
                        usual = g * (1 - outlier[i] / density[i, k])
                        sums.states[1, k] += usual
                        sums.states[2, k] += usual * x
                        sums.states[3, k] += usual * x * x
                    if i > 0:
                        step = parameters.transitions[index[i]]
                        later = w * density[i, k] * beta[i, k] / scale[i]
                        for j in range(n_states):
                            sums.pairs[j, k] += alpha[i - 1, j] * step[j, k] * later


@jit
def transition_matrices(rates: Floats, durations: Floats, out: Floats) -> None:
    """Write exp(rates * duration) for each duration, by Taylor series with scaling and squaring."""
    n = rates.shape[0]
    largest = 0.0
    for k in range(n):
        largest = max(largest, abs(rates[k, k]))
    for d in range(len(durations)):
        halvings = 0
        small = durations[d]
        while largest * small > 0.25:
            small *= 0.5
            halvings += 1
        result = np.eye(n)
        term = np.eye(n)
        for order in range(1, 13):
            term = product(term, rates, small / order)
            for i in range(n):
                for j in range(n):
                    result[i, j] += term[i, j]
        for _ in range(halvings):
            result = product(result, result, 1.0)
        for i in range(n):
            for j in range(n):
                out[d, i, j] = max(result[i, j], 0.0)


@jit
def product(a: Floats, b: Floats, factor: float) -> Floats:
    """Return the product of two square matrices, times a factor."""
    n = a.shape[0]
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for k in range(n):
                out[i, j] += a[i, k] * b[k, j]
            out[i, j] *= factor
    return out
