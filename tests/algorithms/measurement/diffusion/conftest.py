"""Simulated tracks."""

import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.plain_tables import tracks_from_table


def walks(
    n_tracks=20, n=40, *, d=60.0, sigma=2.0, interval=0.5, missing=0.0, spread=0.0, velocity=0.0, seed=0
):
    """Return a table of Brownian tracks that start at the origin, with localisation error and missed frames."""
    rng = np.random.default_rng(seed)
    tables = []
    for track in range(n_tracks):
        own = d * np.exp(spread * rng.normal() - spread**2 / 2)
        steps = rng.normal(velocity * interval, np.sqrt(2 * own * interval), (n, 2))
        seen = np.cumsum(steps, axis=0) + rng.normal(0, sigma, (n, 2))
        frame = np.flatnonzero(rng.random(n) >= missing)
        rows = {"track_id": track, "frame": frame, "time_s": frame * interval}
        tables.append(pd.DataFrame({**rows, "y_nm": seen[frame, 0], "x_nm": seen[frame, 1]}))
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def make_walks():
    return walks


@pytest.fixture
def make_movie():
    return lambda *args, **kwargs: tracks_from_table(walks(*args, **kwargs))
