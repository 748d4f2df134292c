import numpy as np
import pytest
from scipy import stats

from playNano.algorithms.measurement.diffusion._confinement_kernels import confined_log_likelihood
from playNano.algorithms.measurement.diffusion.confinement import FREE, confinement_of
from playNano.algorithms.measurement.diffusion.likelihood import Noise, log_likelihoods
from playNano.algorithms.measurement.diffusion.steps import steps_of
from playNano.measurement import diffusion


def tethered(n, *, d=60.0, variance=100.0, interval=0.5, sigma=2.0, seed=0):
    rng = np.random.default_rng(seed)
    decay = np.exp(-d / variance * interval)
    place, out = rng.normal(0, np.sqrt(variance), 2), []
    for _ in range(n):
        out.append(place)
        place = decay * place + rng.normal(0, np.sqrt(variance * (1 - decay**2)), 2)
    return np.array(out) + rng.normal(0, sigma, (n, 2))


def test_filter_is_the_restricted_likelihood_of_the_dense_covariance():
    """The likelihood of contrasts, which no longer depend on the centre, times a constant."""
    rng = np.random.default_rng(0)
    time = np.cumsum(rng.uniform(0.3, 1.5, 9))
    place = rng.normal(0, 10, (9, 2))
    d, variance, noise = 30.0, 80.0, np.array([4.0, 2.0])
    contrast = np.diff(np.eye(9), axis=0)
    expected = 0.0
    for axis in (0, 1):
        covariance = variance * np.exp(-d / variance * np.abs(time[:, None] - time)) + noise[axis] * np.eye(9)
        inside = contrast @ covariance @ contrast.T
        expected += stats.multivariate_normal.logpdf(contrast @ place[:, axis], np.zeros(8), inside)
    ours = confined_log_likelihood(place, time, noise, d, variance)
    assert ours == pytest.approx(expected + 8 * np.log(2 * np.pi), rel=1e-9)


def test_a_huge_variance_is_free_motion(make_movie):
    steps = steps_of(make_movie(1, 20))
    place = np.concatenate([np.zeros((1, 2)), np.cumsum(steps.step_nm, axis=0)])
    values = [
        confined_log_likelihood(place, np.arange(20) * 0.5, np.full(2, 4.0), d, FREE * 1e4)
        for d in (30.0, 90.0)
    ]
    free = log_likelihoods(steps, [30.0, 90.0], Noise(np.full(2, 4.0)))[0]
    assert np.diff(values) == pytest.approx(np.diff(free), rel=1e-4)


def test_tethered_particle_is_confined_with_its_variance():
    place = tethered(150)
    test = confinement_of(
        np.diff(place, axis=0), np.full(149, 0.5), np.full(2, 4.0), 60, np.random.default_rng(0)
    )
    assert test.p < 0.05
    assert test.status == "ok"
    assert test.low_nm2 < 100 < test.high_nm2
    assert test.variance_nm2 == pytest.approx(100, rel=0.3)


def test_free_particles_are_not_confined_more_often_than_by_chance(make_walks):
    out = diffusion(make_walks(20, 25, seed=3), confinement_draws=40, alpha="none").track_diffusion.iloc[1:]
    assert (out["confined_p"] < 0.05).sum() <= 3
    unresolved = out[out["confinement_status"] == "unresolved"]
    assert len(unresolved) >= 17
    assert unresolved["confinement_radius_nm"].isna().all()
    assert (unresolved["confinement_radius_low_nm"] > 0).all()


def test_short_tracks_and_tracks_that_are_not_tested(make_walks):
    rows = diffusion(make_walks(4, 6), confinement_draws=5).track_diffusion.iloc[1:]
    assert set(rows["confinement_status"]) == {"too_short"}
    assert set(diffusion(make_walks(4, 6)).track_diffusion["confinement_status"]) == {""}


def test_seed_repeats_the_draws(make_walks):
    table = make_walks(4, 20)
    first, again, other = (
        diffusion(table, confinement_draws=30, seed=seed, alpha="none")
        .track_diffusion["confined_p"]
        .to_numpy()
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other, equal_nan=True)
