import numpy as np
import pytest
from scipy.special import chdtri

from playNano.algorithms.measurement.diffusion.by_track import (
    covariance_estimates,
    fit_tracks,
    fit_tracks_and_noise,
)
from playNano.algorithms.measurement.diffusion.likelihood import Noise, log_likelihoods
from playNano.algorithms.measurement.diffusion.pooled import fit_pooled
from playNano.algorithms.measurement.diffusion.steps import steps_of
from playNano.algorithms.measurement.plain_tables import tracks_from_table

GIVEN = Noise(np.array([4.0, 4.0]))


def test_without_noise_d_is_the_mean_square(make_movie):
    steps = steps_of(make_movie(5, 30, sigma=0.0))
    fits = fit_tracks(steps, Noise(np.zeros(2)))
    mean_square = [np.mean(steps.step_nm[steps.track == k] ** 2) for k in range(5)]
    assert fits.diffusion_nm2_s == pytest.approx(np.array(mean_square) / (2 * 0.5), rel=1e-7)


def test_fit_and_ends_of_the_interval_lie_on_the_likelihood(make_movie):
    steps = steps_of(make_movie(12, 15, missing=0.2))
    noise = Noise(np.array([4.0, 2.0]), 0.01)
    fits = fit_tracks(steps, noise)

    def at(d):
        return log_likelihoods(steps, np.asarray(d)[:, None], noise)[:, 0]

    best = at(fits.diffusion_nm2_s)
    for factor in (0.99, 1.01):
        assert (at(fits.diffusion_nm2_s * factor) < best).all()
    drop = chdtri(1, 0.05) / 2
    for end in (fits.low_nm2_s, fits.high_nm2_s):
        assert best - at(end) == pytest.approx(np.full(12, drop), rel=1e-4)


@pytest.mark.parametrize("own_noise", [False, True])
def test_scale_and_time_reversal(make_walks, own_noise):
    def fits(table, scale=1.0):
        steps = steps_of(tracks_from_table(table))
        if own_noise:
            return fit_tracks_and_noise(steps)
        return fit_tracks(steps, Noise(GIVEN.variance_nm2 * scale**2))

    table = make_walks(6, 25, missing=0.1)
    first = fits(table)
    for name in ("diffusion_nm2_s", "low_nm2_s", "high_nm2_s"):
        scaled = fits(table.assign(y_nm=3 * table["y_nm"], x_nm=3 * table["x_nm"]), 3.0)
        backward = fits(table.assign(frame=30 - table["frame"], time_s=15 - table["time_s"]))
        assert getattr(scaled, name) == pytest.approx(9 * getattr(first, name), rel=2e-5)
        assert getattr(backward, name) == pytest.approx(getattr(first, name), rel=2e-5)


def test_own_noise_is_the_pooled_fit_of_one_track(make_movie):
    steps = steps_of(make_movie(4, 60, missing=0.1, seed=2))
    fits = fit_tracks_and_noise(steps)
    for k in range(4):
        alone = fit_pooled(steps.of_tracks(np.arange(4) == k), interval=False)
        assert fits.diffusion_nm2_s[k] == pytest.approx(alone.diffusion_nm2_s, rel=1e-3)
        assert fits.s_nm2[k] == pytest.approx(alone.s_nm2[0], rel=0.01, abs=0.05)
    assert (fits.low_nm2_s < fits.diffusion_nm2_s).all()
    assert (fits.high_nm2_s > fits.diffusion_nm2_s).all()


def test_particle_at_rest_has_d_zero_and_an_upper_bound(make_movie):
    fits = fit_tracks(steps_of(make_movie(40, 20, d=0.0)), GIVEN)
    assert 0.2 < fits.at_zero.mean() < 0.8
    assert (fits.diffusion_nm2_s >= 0).all()
    assert (fits.low_nm2_s[fits.at_zero] == 0).all()
    assert (fits.high_nm2_s > 0).all()


@pytest.mark.parametrize("step", [1e-3, 0.3])
def test_upper_bound_of_a_track_that_hardly_moved(make_walks, step):
    table = make_walks(1, 2)
    table["y_nm"] = table["x_nm"] = [0.0, step]
    steps = steps_of(tracks_from_table(table))
    fits = fit_tracks(steps, GIVEN)
    assert (fits.diffusion_nm2_s[0], fits.low_nm2_s[0]) == (0, 0)
    # One step along each axis: ln(V / 8) = 1.92, V = 2 D t + 2 s.
    assert fits.high_nm2_s[0] == pytest.approx(8 * (np.exp(chdtri(1, 0.05) / 2) - 1), rel=0.03)


def test_tracks_without_steps_have_no_d(make_walks):
    table = make_walks(3, 10)
    table = table[(table["track_id"] != 1) | (table["frame"] == 0)]
    steps = steps_of(tracks_from_table(table))
    assert np.isnan(fit_tracks(steps, GIVEN).diffusion_nm2_s).tolist() == [False, True, False]
    assert np.isnan(fit_tracks_and_noise(steps).diffusion_nm2_s).tolist() == [False, True, False]
    assert np.isnan(covariance_estimates(steps)[0]).tolist() == [False, True, False]


def test_covariance_estimate_is_the_formula_and_unbiased(make_movie):
    steps = steps_of(make_movie(400, 30))
    d, error = covariance_estimates(steps)
    own = steps.step_nm[steps.track == 7]
    square, product = (own**2).mean(), (own[1:] * own[:-1]).mean()
    assert d[7] == pytest.approx((square + 2 * product) / (2 * 0.5))
    assert d.mean() == pytest.approx(60, abs=3 * d.std() / 20)
    assert error.mean() == pytest.approx(d.std(), rel=0.15)


@pytest.mark.parametrize(("sigma", "n"), [(2.0, 10), (8.0, 20)])
def test_bias_and_coverage_with_the_pooled_noise(make_movie, sigma, n):
    steps = steps_of(make_movie(600, n, sigma=sigma, seed=8))
    noise = fit_pooled(steps, interval=False).noise(0.0)
    fits = fit_tracks(steps, noise)
    error = fits.diffusion_nm2_s.std() / np.sqrt(600)
    assert fits.diffusion_nm2_s.mean() == pytest.approx(60, abs=0.04 * 60 + 2 * error)
    covered = (fits.low_nm2_s <= 60) & (fits.high_nm2_s >= 60)
    assert 0.92 < covered.mean() < 0.98
