"""Motion and departures from movies and from positions, against simulated truth."""

import numpy as np
import pytest

from playNano.algorithms.estimation.dynamics import estimate_dynamics, locate_particles
from playNano.algorithms.estimation.motion import estimate_motion
from playNano.errors import ParameterError
from playNano.simulate.movie import simulate_movie

FIELD = (256.0, 256.0)


def movie_of(seed):
    """Settings that nobody chose with the estimates in mind."""
    rng = np.random.default_rng(200 + seed)
    return simulate_movie(
        40, n_particles=int(rng.integers(6, 25)), diffusion_nm2_s=rng.uniform(10, 150),
        disappear_rate_s=rng.uniform(0, 0.05), noise_nm=rng.uniform(0.05, 0.3), radius_nm=rng.uniform(5, 9),
        margin_nm=20.0, seed=seed,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_motion_of_held_out_movies(seed):
    movie = movie_of(seed)
    frame, positions, height = locate_particles(movie.data, 2.0)
    assert np.nanmedian(height) == pytest.approx(movie.truth["z_nm"].median(), rel=0.1)
    times = movie.to_stack().detection_times(frame, positions[:, 0] / 2)
    found = estimate_dynamics(frame, times, positions, FIELD)
    truth = movie.truth
    columns = (truth[c] for c in ("frame", "particle", "time_s", "y_nm", "x_nm"))
    assert found.motion.diffusion_nm2_s == pytest.approx(estimate_motion(*columns).diffusion_nm2_s, rel=0.1)
    assert not found.crowded
    # The error of positions is a small part of a pixel.
    assert found.motion.localisation_nm < 2.5


def test_departures():
    movie = simulate_movie(
        200, (96, 96), n_particles=10, diffusion_nm2_s=5.0, disappear_rate_s=0.04, margin_nm=20.0, seed=1
    )
    truth = movie.truth
    found = estimate_dynamics(
        truth["frame"], truth["time_s"], truth[["y_nm", "x_nm"]].to_numpy(), (192.0, 192.0)
    )
    # About 40 departures are seen: three standard errors are a half.
    assert found.unbind_rate_s == pytest.approx(0.04, rel=0.5)
    for_ever = simulate_movie(
        60, (96, 96), n_particles=6, diffusion_nm2_s=5.0, disappear_rate_s=0.0, seed=1
    ).truth
    found = estimate_dynamics(
        for_ever["frame"], for_ever["time_s"], for_ever[["y_nm", "x_nm"]].to_numpy(), (192.0, 192.0)
    )
    assert found.unbind_rate_s == 0
    assert found.n_tracks == 6


def test_particles_that_go_farther_than_they_are_apart():
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, 256, (40 * 30, 2))
    frame = np.repeat(np.arange(40), 30)
    assert estimate_dynamics(frame, frame * 0.5, positions, FIELD).crowded


@pytest.mark.parametrize("seed", range(3))
def test_a_fast_population_beside_a_slow_one_is_not_cut_off(seed):
    rng = np.random.default_rng(seed)
    step = np.where(rng.random(20) < 0.5, 2.0, 20.0)
    walk = rng.uniform(0, 256, (20, 2)) + np.cumsum(rng.normal(0, step[:, None], (80, 20, 2)), axis=0)
    walk = np.abs((walk + 256) % 512 - 256)
    frame, particle = np.nonzero(rng.random((80, 20)) > 0.03)
    found = estimate_dynamics(frame, frame * 1.0, walk[frame, particle], FIELD)
    assert found.motion.diffusion_nm2_s > 0.4 * 0.5 * (step**2).mean()
    # Half of the particles step farther than half the distance to a neighbour: the speed is a lower bound.
    assert found.crowded


def test_frames_that_were_not_seen():
    rng = np.random.default_rng(0)
    walk = 128 + np.cumsum(rng.normal(0, 2, (60, 2)), axis=0)
    frame = np.delete(np.arange(60), slice(20, 40))
    observed = np.ones(60, bool)
    observed[20:40] = False
    found = estimate_dynamics(frame, frame * 1.0, walk[frame], FIELD, observed=observed)
    assert found.unbind_rate_s == 0


def test_nothing_and_too_little():
    none = estimate_dynamics([], [], np.zeros((0, 2)), FIELD)
    assert np.isnan(none.motion.diffusion_nm2_s)
    assert none.n_tracks == 0
    one = estimate_dynamics([0], [0.0], [[3.0, 3.0]], FIELD)
    assert np.isnan(one.unbind_rate_s)
    still = estimate_dynamics(range(9), range(9), np.full((9, 2), 100.0), FIELD)
    assert still.motion.diffusion_nm2_s == 0


def test_subpixel_places_and_debris():
    y, x = np.mgrid[:64, :80]
    rng = np.random.default_rng(1)
    frame = rng.normal(0, 0.02, (64, 80))
    for height, cy, cx in ((5.0, 20.3, 30.4), (5.0, 45.7, 60.1), (1.5, 20.0, 60.0)):
        frame += height * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18)
    _, positions, height = locate_particles(frame[None], (2.0, 1.0))
    assert len(positions) == 2
    np.testing.assert_allclose(positions, [[40.6, 30.4], [91.4, 60.1]], atol=0.15)
    np.testing.assert_allclose(height, 5.0, rtol=0.06)
    assert len(locate_particles(frame[None], 1.0, min_height_nm=20.0)[1]) == 0


@pytest.mark.parametrize("wrong", [np.zeros((64, 64)), np.zeros((2, 4, 64)), np.array([[["a"]]])])
def test_no_movie(wrong):
    with pytest.raises(ParameterError, match="frames"):
        locate_particles(wrong, 1.0)


def test_columns_of_different_length():
    with pytest.raises(ParameterError, match="positions_nm"):
        estimate_dynamics([0, 1], [0.0, 1.0], np.zeros((3, 2)), FIELD)
