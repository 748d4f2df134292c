import numpy as np
import pytest
from scipy import stats

from playNano.algorithms.measurement.diffusion import anomalous
from playNano.algorithms.measurement.diffusion.anomalous import (
    Piece,
    _Model,
    fit_alpha,
    fit_alpha_of_track,
    pieces_of,
    step_covariance,
)
from playNano.algorithms.measurement.diffusion.likelihood import Noise, log_likelihoods
from playNano.algorithms.measurement.diffusion.pooled import fit_pooled
from playNano.algorithms.measurement.diffusion.steps import steps_of
from playNano.algorithms.measurement.tracked_movie import Frames
from playNano.measurement import diffusion


def fractional_pieces(n_tracks, n, alpha, *, k=30.0, sigma=2.0, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(1.0, n)
    power = time[:, None] ** alpha + time**alpha - np.abs(time[:, None] - time) ** alpha
    factor = np.linalg.cholesky(k * power)
    pieces = []
    for track in range(n_tracks):
        walk = np.concatenate([np.zeros((1, 2)), factor @ rng.normal(size=(n - 1, 2))])
        seen = walk + rng.normal(0, sigma, walk.shape)
        pieces.append(Piece(track, np.arange(float(n)), np.diff(seen, axis=0), True))
    return pieces


def test_covariance_of_steps_is_that_of_positions():
    time, alpha = np.array([0.0, 1.0, 2.5, 4.0]), 0.6
    position = time[:, None] ** alpha + time**alpha - np.abs(time[:, None] - time) ** alpha
    difference = np.diff(np.eye(4), axis=0)
    assert step_covariance(time, alpha) == pytest.approx(difference @ position @ difference.T, abs=1e-12)


def test_exponent_one_is_brownian(make_movie):
    steps, k = steps_of(make_movie(5, 30)), 27.0
    form, logs = _Model(pieces_of(steps, 0.5, by_frame=True)).sums(1.0, np.arcsinh(0.2))
    ours = -0.5 * (form / k + 58 * np.log(k) + logs + 58 * np.log(2 * np.pi))
    noise = Noise(np.full(2, 0.2 * k))
    assert ours == pytest.approx(log_likelihoods(steps, [k / 0.5], noise)[:, 0], rel=1e-9)


def test_pieces_with_gaps_are_the_dense_multivariate_normal():
    rng = np.random.default_rng(1)
    time = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 8.0, 9.0])
    piece = Piece(0, time, rng.normal(0, 5, (6, 2)), False)
    form, logs = _Model([piece]).sums(0.7, 0.3)
    covariance = step_covariance(time, 0.7)
    covariance += np.sinh(0.3) * (2 * np.eye(6) - np.eye(6, k=1) - np.eye(6, k=-1))
    expected = stats.multivariate_normal.logpdf(piece.step_nm.T, np.zeros(6), covariance).sum()
    assert -0.5 * (form[0] + logs[0] + 12 * np.log(2 * np.pi)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
def test_exponent_of_all_tracks(alpha):
    fit = fit_alpha(fractional_pieces(50, 40, alpha, sigma=4.0, seed=101), 0.5)
    assert fit.alpha == pytest.approx(alpha, abs=0.15)
    assert fit.interval[0] < alpha < fit.interval[1]
    assert fit.coefficient == pytest.approx(30 / 0.5**alpha, rel=0.35)
    assert (fit.status, fit.n_tracks) == ("ok", 50)


def test_unit_of_k_is_that_of_the_exponent():
    """In other units of time the exponent is the same."""
    pieces = fractional_pieces(20, 30, 0.7)
    first, other = (fit_alpha(pieces, interval) for interval in (0.5, 2.0))
    assert other.alpha == first.alpha
    assert first.coefficient / other.coefficient == pytest.approx(4**first.alpha, rel=1e-9)
    one, another = (fit_alpha_of_track(pieces[:1], 4.0, interval) for interval in (0.5, 2.0))
    assert one.coefficient / another.coefficient == pytest.approx(4**one.alpha, rel=1e-9)


def test_one_track_with_given_error():
    piece = fractional_pieces(1, 250, 1.4, seed=3)
    fit = fit_alpha_of_track(piece, 4.0, 0.5)
    assert fit.interval[0] < 1.4 < fit.interval[1]
    assert fit.interval[1] - fit.interval[0] < 0.5
    assert fit_alpha_of_track(fractional_pieces(1, 15, 1.0), 4.0, 0.5).status == "too_short"


def test_exponent_of_brownian_motion_is_one_and_k_is_d(make_movie):
    steps = steps_of(make_movie(40, 50, seed=1))
    fit = fit_alpha(pieces_of(steps, 0.5, by_frame=True), 0.5)
    assert fit.interval[0] < 1 < fit.interval[1]
    assert fit.coefficient == pytest.approx(fit_pooled(steps).diffusion_nm2_s, rel=0.2)


def test_many_tracks_all_have_exponents_of_their_own(make_walks, monkeypatch):
    monkeypatch.setattr(anomalous, "MAX_TRACKS", 3)
    rows = diffusion(make_walks(6, 25), alpha="per_track").track_diffusion.set_index("track_id")
    assert rows.loc[0:5, "alpha"].notna().all()
    assert rows.loc[-1, "alpha_status"] == "ok"


def test_frames_at_uneven_times_count_with_their_times(make_walks):
    table = make_walks(60, 40, seed=7)
    start = np.cumsum(np.where(np.arange(40) % 2 == 1, 0.2, 1.8))
    rng = np.random.default_rng(0)
    walk = [
        np.cumsum(rng.normal(0, np.sqrt(2 * 60 * np.diff(start, prepend=0))[:, None], (40, 2)), axis=0)
        for _ in range(60)
    ]
    table[["y_nm", "x_nm"]] = np.concatenate(walk) + rng.normal(0, 2, (2400, 2))
    table["time_s"] = start[table["frame"]]
    frames = Frames(start, np.ones(40, bool))
    row = diffusion(table, frames=frames).track_diffusion.iloc[0]
    assert row["alpha_low"] < 1 < row["alpha_high"]
    assert row["alpha"] == pytest.approx(1, abs=0.1)


def test_too_little_for_an_exponent(make_movie):
    assert fit_alpha(pieces_of(steps_of(make_movie(30, 4)), 0.5, by_frame=True), 0.5).status == "too_short"
    two = fit_alpha(pieces_of(steps_of(make_movie(2, 40)), 0.5, by_frame=True), 0.5)
    assert two.status == "too_few_tracks"
    assert np.isnan(two.interval).all()
