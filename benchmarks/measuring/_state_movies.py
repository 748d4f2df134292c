"""Movies of molecules at rest whose height changes between two states."""

from __future__ import annotations

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.states.rates import transition_matrices

RATES = np.array([0.3, 0.6])


def two_state_movie(seed: int, n_frames: int = 120, frame_s: float = 0.4):
    """Return a movie, and the rates from low to high and from high to low, 1/s."""
    rng = np.random.default_rng(seed)
    matrix = transition_matrices(np.array([[0, RATES[0]], [RATES[1], 0]]), np.array([frame_s]))[0]
    places = np.array([(y, x) for y in (24, 56, 88) for x in (20, 48, 76, 104)][:10], float) + rng.uniform(
        -3, 3, (10, 2)
    )
    size = 1 + 0.05 * rng.normal(size=10)
    state = (rng.random(10) < RATES[0] / RATES.sum()).astype(int)
    rows, cols = np.mgrid[:112, :128]
    data = rng.normal(0, 0.15, (n_frames, 112, 128)).astype(np.float32)
    for frame in range(n_frames):
        data[frame] += rng.normal(0, 0.05, (112, 1))
        for k, (y, x) in enumerate(places + rng.normal(0, 0.3, (10, 2))):
            height = (3.0, 4.0)[state[k]] * size[k]
            data[frame] += height * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / (2 * 3.0**2))
        state = (rng.random(10) < matrix[state, 1]).astype(int)
    metadata = [{"timestamp": frame_s * frame} for frame in range(n_frames)]
    return AFMImageStack(data, 2.0, "height", "two_states.asd", metadata), RATES
