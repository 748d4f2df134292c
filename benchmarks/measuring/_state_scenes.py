"""Heights of molecules that change between states, as tracks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playNano.algorithms.measurement.states.rates import transition_matrices
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window


def simulate(
    rng, rates, levels, *, sd=0.3, n_tracks=40, lengths=(20, 150), interval=0.2, missed=0.0, offset=0.0
):
    """Return a tracked movie and the true states of its detections; rates is (K, K), 1/s."""
    rates, levels = np.asarray(rates, float), np.asarray(levels, float)
    k = len(levels)
    step = transition_matrices(rates, np.array([interval]))[0]
    stationary = np.linalg.matrix_power(step, 10_000)[0]
    parts = []
    for track in range(n_tracks):
        n = int(rng.integers(lengths[0], lengths[1] + 1))
        state = np.empty(n, int)
        state[0] = rng.choice(k, p=stationary / stationary.sum())
        for i in range(1, n):
            state[i] = rng.choice(k, p=step[state[i - 1]])
        value = levels[state] + rng.normal(0, sd, n) + rng.normal(0, offset) * (offset > 0)
        seen = rng.random(n) >= missed
        seen[[0, -1]] = True
        parts.append(
            pd.DataFrame({"track_id": track, "frame": np.arange(n), "height_nm": value, "state": state})[seen]
        )
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(time_s=table["frame"] * interval, y_nm=0.0, x_nm=0.0)
    movie = tracked_movie(
        table, Frames.regular(lengths[1] + 1, interval), Window(-np.inf, np.inf, -np.inf, np.inf)
    )
    return movie, movie.table["state"].to_numpy()
