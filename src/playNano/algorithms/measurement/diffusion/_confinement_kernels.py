"""Compiled Kalman filter of a confined particle."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Floats = NDArray[np.float64]


@jit
def confined_log_likelihood(
    position: Floats, time: Floats, noise_variance: Floats, diffusion: float, variance: float
) -> float:
    """Return the log likelihood of an Ornstein-Uhlenbeck process with localisation error and unknown centre.

    `position` is (n, 2). The centre is integrated out with a flat prior along each axis; the filter runs on the
    positions and on ones, which gives the generalised least squares estimate of the centre.
    """
    total = 0.0
    for axis in range(2):
        state, state_one, spread = 0.0, 0.0, variance
        logs, square, product, one_square = 0.0, 0.0, 0.0, 0.0
        for i in range(len(time)):
            if i > 0:
                decay = exp(-diffusion / variance * (time[i] - time[i - 1]))
                state, state_one = decay * state, decay * state_one
                spread = decay * decay * spread + variance * (1 - decay * decay)
            f = spread + noise_variance[axis]
            error, one = position[i, axis] - state, 1.0 - state_one
            logs += log(f)
            square += error * error / f
            product += error * one / f
            one_square += one * one / f
            gain = spread / f
            state += gain * error
            state_one += gain * one
            spread *= 1 - gain
        total -= 0.5 * (logs + log(one_square) + square - product * product / one_square)
    return total


@jit
def confined_log_likelihoods(
    position: Floats, time: Floats, noise_variance: Floats, diffusion: Any, variance: Any
) -> Floats:
    """Return the log likelihood for all pairs of D and variance, (n_variance, n_diffusion)."""
    out = np.empty((len(variance), len(diffusion)))
    for i in range(len(variance)):
        for j in range(len(diffusion)):
            out[i, j] = confined_log_likelihood(position, time, noise_variance, diffusion[j], variance[i])
    return out
