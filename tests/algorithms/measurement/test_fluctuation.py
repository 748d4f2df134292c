"""Fluctuation maps: statistics of pixels, noise, jitter, correlation in time."""

import numpy as np
import pytest

from playNano.algorithms.measurement.fluctuation import (
    FrameDisplacement,
    Relief,
    common_displacement,
    correlation_frames,
    fluctuation_map,
    pixel_statistics,
)

PIXEL = (1.0, 1.0)


def mapped(movie, pixel_nm=PIXEL, robust=False):
    """The map of a movie, and the statistics and relief on which it is based."""
    movie = np.asarray(movie, dtype=float)
    statistics = pixel_statistics(movie, robust)
    relief = Relief.of(statistics, pixel_nm)
    where = relief.sloping
    spread = np.sqrt(statistics.variance[where])
    displacement = FrameDisplacement(statistics.mean[where], spread, where, relief.projectors())(0, movie)
    return fluctuation_map(statistics, relief, displacement), statistics, relief


def peak(shift=(0.0, 0.0), size=64):
    rows, cols = np.mgrid[:size, :size]
    return 4 * np.exp(-((rows - 32 - shift[0]) ** 2 + (cols - 32 - shift[1]) ** 2) / (2 * 8.0**2))


def jittered(jitter, n=100, noise=0.1, top=0.0, seed=0):
    """A peak of 4 nm and sd 8 px; displaced frames, noise, and a fluctuation of its height at the top."""
    rng = np.random.default_rng(seed)
    frames = [peak(rng.normal(0, jitter, 2)) for _ in range(n)]
    rows, cols = np.mgrid[:64, :64]
    tip = np.exp(-((rows - 32) ** 2 + (cols - 32) ** 2) / (2 * 3.0**2))
    moving = rng.normal(0, top, (n, 1, 1)) * tip
    return np.array(frames) + moving + rng.normal(0, noise, (n, 64, 64))


def test_statistics_against_numpy():
    heights = np.random.default_rng(0).normal(size=(15, 6, 7))
    heights[3, 2, 2] = heights[5:, 0, 0] = heights[:, 1, 1] = heights[1:, 4, 4] = np.nan
    plain, robust = pixel_statistics(heights, False), pixel_statistics(heights, True)
    kept = np.ones((6, 7), bool)
    kept[1, 1] = kept[4, 4] = False
    np.testing.assert_allclose(plain.mean[kept], np.nanmean(heights[:, kept], axis=0))
    np.testing.assert_allclose(plain.variance[kept], np.nanvar(heights[:, kept], axis=0, ddof=1))
    np.testing.assert_allclose(robust.mean[kept], np.nanmedian(heights[:, kept], axis=0))
    deviation = np.nanmedian(np.abs(heights - robust.mean)[:, kept], axis=0)
    np.testing.assert_allclose(np.sqrt(robust.variance[kept]), 1.4826 * deviation)
    for got in (plain, robust):
        assert np.isnan(got.variance[~kept]).all()
        assert got.count[[2, 0, 1, 4], [2, 0, 1, 4]].tolist() == [14, 5, 0, 1]
        assert np.isnan(got.mean[1, 1])


def test_a_plane_that_is_displaced_has_the_sd_of_gradient_times_displacement():
    rows, cols = np.mgrid[:20, :30]
    shift = np.random.default_rng(1).normal(0, 0.5, (50, 2))
    movie = 0.3 * (rows - shift[:, 0, None, None]) + 0.4 * (cols - shift[:, 1, None, None])
    along = (0.3 * shift[:, 0] + 0.4 * shift[:, 1]).std(ddof=1)
    np.testing.assert_allclose(np.sqrt(pixel_statistics(movie, False).variance), along)


def test_a_constant_movie_fluctuates_nowhere():
    for robust in (False, True):
        got, _, relief = mapped(np.broadcast_to(peak(), (10, 64, 64)), robust=robust)
        assert (relief.floor, got.jitter_nm, np.nanmax(got.rmsf)) == pytest.approx((0, 0, 0), abs=1e-12)


def test_jitter_is_found_and_its_outline_removed():
    got, statistics, relief = mapped(jittered(0.5))
    assert relief.floor == pytest.approx(0.1, rel=0.05)
    assert got.jitter_nm == pytest.approx(0.49, abs=0.04)
    noise_only = np.sqrt(np.maximum(statistics.variance - relief.floor**2, 0))
    outline = np.abs(np.hypot(*(np.mgrid[:64, :64] - 32)) - 8) < 2
    before, after = (np.sqrt((values[outline] ** 2).mean()) for values in (noise_only, got.rmsf))
    assert before == pytest.approx(0.5 * 4 / 8 * np.exp(-0.5), rel=0.15)
    assert after < 0.35 * before
    assert np.quantile(got.rmsf, 0.95) <= 1.15 * got.limit


@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_a_true_fluctuation_at_the_top_stays(jitter):
    got, _, _ = mapped(jittered(jitter, top=0.3, n=200))
    assert got.rmsf[32, 32] == pytest.approx(0.29, abs=0.04)
    assert got.jitter_nm == pytest.approx(jitter, abs=0.1)
    far = np.hypot(*(np.mgrid[:64, :64] - 32)) > 14
    assert got.rmsf[far].max() < 0.12


def test_pixels_that_are_not_square():
    movie = jittered(1.0, noise=0.05)
    square, _, _ = mapped(movie)
    wide, _, _ = mapped(movie[:, :, ::2], (1.0, 2.0))
    assert wide.jitter_nm == pytest.approx(square.jitter_nm, rel=0.05)
    assert wide.jitter_nm == pytest.approx(1.0, rel=0.1)


def test_jitter_along_one_axis():
    rng = np.random.default_rng(0)
    movie = [peak((s, 0.0)) for s in rng.normal(0, 0.8, 100)] + rng.normal(0, 0.1, (100, 64, 64))
    got, _, _ = mapped(movie)
    assert got.jitter_nm == pytest.approx(0.8, rel=0.1)
    assert got.rmsf.max() < 0.15


def test_what_moves_by_itself_is_not_taken_for_jitter():
    """A block on a flat surface whose height fluctuates about nearly 0: only it has a gradient."""
    rng = np.random.default_rng(0)
    movie = rng.normal(0, 0.1, (60, 24, 32))
    movie[:, 8:14, 8:14] += rng.normal(0, 0.5, (60, 1, 1))
    got, _, _ = mapped(movie)
    assert got.rmsf[8:14, 8:14].mean() == pytest.approx(0.5, rel=0.15)
    assert got.jitter_nm < 0.5
    # Two peaks that wander apart from each other: their outlines are real.
    steps = rng.normal(0, 0.7, (100, 2, 2))
    steps[:, 1] = -steps[:, 0]
    pair = [np.hstack([peak(a), peak(b)]) for a, b in steps] + rng.normal(0, 0.1, (100, 64, 128))
    got, _, _ = mapped(pair)
    assert got.jitter_nm == pytest.approx(0, abs=0.1)
    assert got.rmsf.max() == pytest.approx(0.7 * 4 / 8 * np.exp(-0.5), rel=0.25)


def test_the_displacement_is_the_smaller_one_that_halves_have_in_common():
    rng = np.random.default_rng(0)
    common, other = rng.normal(0, 0.5, (400, 1, 2)), rng.normal(0, 0.8, (400, 1, 2))
    moved = np.repeat(common, 4, axis=1) + rng.normal(0, 0.2, (400, 4, 2))
    moved[:, :2] += other  # left and right share more than top and bottom do
    np.testing.assert_allclose(np.diag(common_displacement(moved)), 0.25, rtol=0.2)
    moved[:, 2] = -moved[:, 3]
    np.testing.assert_array_equal(common_displacement(moved), np.zeros((2, 2)))
    np.testing.assert_array_equal(common_displacement(moved[:2]), np.zeros((2, 2)))


def test_one_scar_counts_in_the_sd_but_not_in_the_robust_map():
    rng = np.random.default_rng(0)
    movie = rng.normal(0, 0.1, (100, 32, 32))
    movie[40, 10] += 5.0
    plain, robust = (mapped(movie, robust=r)[0].rmsf for r in (False, True))
    assert plain[10].mean() == pytest.approx(0.5, abs=0.05)
    assert robust[10].mean() < 0.06


def test_two_states_of_low_occupancy_are_hidden_by_the_robust_map():
    rng = np.random.default_rng(0)
    movie = rng.normal(0, 0.1, (200, 32, 32)) + np.where(np.arange(200) % 10 == 0, 2.0, 0.0)[
        :, None, None
    ] * (np.mgrid[:32, :32][0] == 9)
    plain, robust = (mapped(movie, robust=r)[0].rmsf for r in (False, True))
    assert plain[9].mean() == pytest.approx(0.6, abs=0.05)
    assert robust[9].mean() < 0.1


def test_nothing_known():
    got, _, relief = mapped(np.empty((0, 4, 5)))
    assert np.isnan(got.rmsf).all()
    assert np.isnan(relief.floor)
    assert got.rmsf.shape == (4, 5)
    assert np.isnan(mapped(np.ones((1, 4, 5)), robust=True)[0].rmsf).all()
    line = np.random.default_rng(0).normal(size=(30, 1, 50))
    assert mapped(line)[2].floor == pytest.approx(1, rel=0.2)


def autoregressive(time, n_frames, n_pixels, seed):
    rng = np.random.default_rng(seed)
    keep = np.exp(-1 / time)
    series = np.empty((n_frames, n_pixels))
    series[0] = rng.normal(size=n_pixels)
    for k in range(1, n_frames):
        series[k] = keep * series[k - 1] + np.sqrt(1 - keep**2) * rng.normal(size=n_pixels)
    return series


def test_correlation_time_in_spite_of_noise_and_missing_frames():
    series = autoregressive(6.0, 1000, 50, 0) + np.random.default_rng(1).normal(0, 1.0, (1000, 50))
    series[100:150] = np.nan
    assert correlation_frames(series, 1.0, np.full(50, np.sqrt(2))) == pytest.approx(6.0, rel=0.2)
    assert correlation_frames(autoregressive(0.01, 1000, 50, 2), 1.0, np.ones(50)) < 0.3
    # 30 frames of 100: underestimated, but far above a twentieth of the movie.
    slow = autoregressive(30.0, 100, 200, 3)
    assert 8 < correlation_frames(slow, float(slow.var(axis=0, ddof=1).mean()), slow.std(axis=0)) < 30
    assert np.isnan(correlation_frames(series[:10], 1.0, np.ones(50)))
    assert np.isnan(correlation_frames(series[:, :3], 1.0, np.ones(3)))
