"""Diffusion coefficients from tracks, against simulated walks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.algorithms.estimation.motion import estimate_motion
from playNano.errors import ParameterError
from playNano.simulate import simulate_movie


def walks(n_tracks, n_frames, d, dt, sigma, velocity=(0.0, 0.0), seed=0):
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, np.sqrt(2 * d * dt), (n_tracks, n_frames, 2)) + np.array(velocity) * dt
    places = np.cumsum(steps, axis=1) + rng.normal(0, sigma, steps.shape)
    frame = np.tile(np.arange(n_frames), n_tracks)
    return frame, np.repeat(np.arange(n_tracks), n_frames), frame * dt, *places.reshape(-1, 2).T


@pytest.mark.parametrize("sigma", [0.0, 3.0, 8.0])
def test_localisation_errors_do_not_count_as_diffusion(sigma):
    found = estimate_motion(*walks(150, 60, 40.0, 0.5, sigma))
    assert found.diffusion_nm2_s == pytest.approx(40.0, rel=0.08)
    assert abs(found.diffusion_nm2_s - 40.0) < 4 * found.diffusion_error_nm2_s
    assert found.localisation_nm == pytest.approx(sigma, rel=0.1, abs=0.7)
    assert found.n_steps == 150 * 59


def test_the_standard_error_is_that_of_repeated_movies():
    found = [estimate_motion(*walks(20, 30, 40.0, 0.5, 3.0, seed=s)) for s in range(60)]
    spread = np.std([f.diffusion_nm2_s for f in found])
    assert np.mean([f.diffusion_error_nm2_s for f in found]) == pytest.approx(spread, rel=0.3)


def test_common_drift_is_no_diffusion():
    found = estimate_motion(*walks(100, 60, 10.0, 0.5, 1.0, velocity=(30.0, -20.0)))
    assert found.diffusion_nm2_s == pytest.approx(10.0, rel=0.1)
    assert found.velocity_nm_s == pytest.approx((30.0, -20.0), abs=0.5)


def test_tracks_of_a_simulated_movie():
    t = simulate_movie(100, n_particles=10, diffusion_nm2_s=60.0, margin_nm=60.0, seed=2).truth
    found = estimate_motion(t["frame"], t["particle"], t["time_s"], t["y_nm"], t["x_nm"])
    assert found.diffusion_nm2_s == pytest.approx(60.0, rel=0.2)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000))
def test_order_and_strangers_do_not_matter(seed):
    columns = [np.asarray(c) for c in walks(6, 12, 20.0, 0.5, 1.0, seed=seed)]
    plain = estimate_motion(*columns)
    rng = np.random.default_rng(seed)
    stranger = [[3, 5], [-1, -1], [1.0, 2.0], [1e6, 0.0], [0.0, -1e6]]
    mixed = [np.concatenate([c, s]) for c, s in zip(columns, stranger, strict=True)]
    order = rng.permutation(len(mixed[0]))
    again = estimate_motion(*(c[order] for c in mixed))
    assert again.diffusion_nm2_s == pytest.approx(plain.diffusion_nm2_s, rel=1e-9)
    assert again.n_steps == plain.n_steps


def test_gaps_are_not_steps():
    frame, track, time, y, x = walks(3, 10, 20.0, 0.5, 0.0)
    keep = frame != 5
    found = estimate_motion(frame[keep], track[keep], time[keep], y[keep], x[keep])
    assert found.n_steps == 3 * 7


def test_too_little_to_tell():
    assert np.isnan(estimate_motion([], [], [], [], []).diffusion_nm2_s)
    assert np.isnan(estimate_motion([0, 1], [0, 0], [0.0, 0.5], [0.0, 1.0], [0.0, 1.0]).diffusion_nm2_s)
    one = estimate_motion(*walks(1, 20, 20.0, 0.5, 0.0))
    assert np.isfinite(one.diffusion_nm2_s)
    assert np.isnan(one.diffusion_error_nm2_s)


def test_nonsense_is_refused():
    with pytest.raises(ParameterError, match="the same length"):
        estimate_motion([0, 1], [0], [0.0], [0.0], [0.0])
    with pytest.raises(ParameterError, match="track"):
        estimate_motion([0, 0], [1, 1], [0.0, 0.0], [0.0, 1.0], [0.0, 1.0])
