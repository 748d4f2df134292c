"""Presets: each makes a movie, and takes changes by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from playNano.errors import ParameterError, UnknownNameError
from playNano.simulate import simulate_preset
from playNano.simulate.noise import Noise
from playNano.simulate.presets import PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_a_movie(name):
    movie = simulate_preset(name, seed=1, n_frames=6)
    assert movie.data.shape[0] == 6
    assert np.isfinite(movie.data).all()
    assert movie.truth.groupby("frame").size().mean() > 3
    assert set(movie.truth["species"]) <= {s.name for s in preset(name).scene.species}
    json.dumps(movie.description)
    again = simulate_preset(name, seed=1, n_frames=6)
    np.testing.assert_array_equal(movie.data, again.data)


def test_changes_by_name():
    parts = preset("crowded").with_changes(noise=Noise(), pixel_nm=0.3, torn_frames=(2,), radius_nm=5.0)
    assert parts.noise == Noise(pixel_nm=0.3)
    assert parts.faults.torn_frames == (2,)
    assert parts.tip.radius_nm == 5.0
    assert PRESETS["crowded"].noise.pixel_nm == 0.15
    movie = simulate_preset("molecular motors", n_frames=2, shape=(32, 40), keep_clean=False)
    assert movie.data.shape == (2, 32, 40)
    assert movie.clean is None


def test_wrong_names_are_told_with_the_nearest():
    with pytest.raises(UnknownNameError, match="membrane diffusion"):
        simulate_preset("membranes")
    with pytest.raises(ParameterError, match="n_frames"):
        simulate_preset("crowded", n_frame=3)
    with pytest.raises(ParameterError, match="known are"):
        simulate_preset("crowded", zzz=3)
    with pytest.raises(ParameterError, match="pixel_nm"):
        simulate_preset("crowded", pixel_nm=-3)
