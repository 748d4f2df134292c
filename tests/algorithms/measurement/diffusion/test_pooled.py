import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import chdtri

from playNano.algorithms.measurement.diffusion.likelihood import Noise, log_likelihoods
from playNano.algorithms.measurement.diffusion.pooled import fit_pooled, noise_difference
from playNano.algorithms.measurement.diffusion.steps import steps_of
from playNano.algorithms.measurement.intervals import jackknife_t
from playNano.algorithms.measurement.plain_tables import tracks_from_table


def fitted_by_scipy(steps, start=(60.0, 4.0)):
    """Return D and s of maximum likelihood by a search in both."""

    def loss(at):
        return -log_likelihoods(steps, [at[0]], Noise(np.full(2, at[1])))[steps.n_steps > 0].sum()

    options = {"xatol": 1e-8, "fatol": 1e-10}
    return minimize(loss, start, method="Nelder-Mead", options=options).x


def test_the_fit_maximises_the_likelihood(make_movie):
    steps = steps_of(make_movie(8, 30, missing=0.15))
    fit = fit_pooled(steps)
    d, s = fitted_by_scipy(steps)
    assert fit.diffusion_nm2_s == pytest.approx(d, rel=1e-5)
    assert fit.s_nm2 == pytest.approx([s, s], rel=1e-4)
    at_fit = log_likelihoods(steps, [fit.diffusion_nm2_s], Noise(fit.s_nm2)).sum()
    assert fit.log_likelihood == pytest.approx(at_fit, rel=1e-9)


def test_the_interval_is_that_of_fits_without_each_track(make_movie):
    steps = steps_of(make_movie(10, 40, spread=0.5, missing=0.1))
    left_out = [
        fit_pooled(steps.of_tracks(np.arange(10) != k), interval=False).diffusion_nm2_s for k in range(10)
    ]
    fit = fit_pooled(steps)
    assert fit.interval == pytest.approx(jackknife_t(fit.diffusion_nm2_s, left_out, log=True), rel=0.01)


def test_axes_with_their_own_errors(make_walks):
    table = make_walks(30, 50)
    table["x_nm"] += np.random.default_rng(5).normal(0, 5.0, len(table))
    steps = steps_of(tracks_from_table(table))
    shared, separate = fit_pooled(steps), fit_pooled(steps, separate=True)
    assert np.sqrt(separate.s_nm2) == pytest.approx([2.0, np.sqrt(4 + 25)], rel=0.25)
    assert noise_difference(shared, separate) < 1e-6
    low, high = separate.interval
    assert low < 60 < high
    assert separate.log_likelihood > shared.log_likelihood
    same = steps_of(tracks_from_table(make_walks(30, 50)))
    assert noise_difference(fit_pooled(same), fit_pooled(same, separate=True)) > 0.01


def test_particles_at_rest_have_d_zero_and_an_upper_bound(make_movie):
    zeros, highs = [], []
    for seed in range(6):
        fit = fit_pooled(steps_of(make_movie(6, 40, d=0.0, seed=seed)))
        assert fit.interval[0] == 0
        assert 0 <= fit.diffusion_nm2_s < 0.3
        zeros.append(fit.diffusion_nm2_s == 0)
        highs.append(fit.interval[1])
    assert any(zeros)
    assert 0.01 < min(highs) < max(highs) < 1.0


def test_upper_bound_of_particles_at_rest_is_where_the_profile_has_fallen(make_movie):
    steps = steps_of(make_movie(6, 40, d=0.0, seed=0))
    fit = fit_pooled(steps)
    d = fit.interval[1]
    noise = np.geomspace(1.0, 10.0, 400)
    best = max(log_likelihoods(steps, [d], Noise(np.full(2, s))).sum() for s in noise)
    assert fit.log_likelihood - best == pytest.approx(chdtri(1, 0.05) / 2, abs=0.05)


def test_no_steps_and_no_motion(make_movie, make_walks):
    assert np.isnan(fit_pooled(steps_of(make_movie(3, 1))).diffusion_nm2_s)
    table = make_walks(3, 10).assign(y_nm=1.0, x_nm=2.0)
    assert fit_pooled(steps_of(tracks_from_table(table))).diffusion_nm2_s == 0


def test_large_blur_makes_the_variance_zero_not_negative(make_movie):
    steps = steps_of(make_movie(20, 50, sigma=0.0, seed=4))
    fit = fit_pooled(steps)
    noise = fit.noise(0.01)
    assert noise.variance_nm2.min() >= 0
    s = float(noise.s_nm2(np.array(fit.diffusion_nm2_s))[0])
    assert s == pytest.approx(fit.s_nm2[0], abs=1e-9)
