"""The compiled loops of levelling against plain numpy and scipy."""

import numpy as np
import pytest
from scipy import stats

from playNano.algorithms.leveling import _rows_kernels as rows
from playNano.algorithms.leveling import _track_kernels as track
from playNano.algorithms.leveling.frame_level import TUKEY_CUTS, columns, row_jumps

RNG = np.random.default_rng(2)


def test_solve_is_that_of_numpy():
    a = RNG.normal(size=(4, 3))
    matrix, right = a.T @ a, RNG.normal(size=3)
    expected = np.linalg.solve(matrix, right)
    rows.solve(matrix, right)
    np.testing.assert_allclose(right, expected)
    zero = np.zeros(2)
    rows.solve(np.zeros((2, 2)), zero)
    assert zero.tolist() == [0, 0]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_shape_along_x_in_spite_of_rows_and_objects(order):
    u, truth = columns(90), np.array([1.5, -0.7, 0.4])[:order]
    frame = rows.polynomial(u, truth) + RNG.normal(0, 0.05, (50, 90)) + RNG.normal(0, 3, (50, 1))
    frame[10:30, 20:60] += 5
    frame[3, 4] = np.nan
    found = np.zeros(order)
    rows.fit_along_x(frame, u, 9, TUKEY_CUTS * np.sqrt(2) * 0.5, found)
    np.testing.assert_allclose(rows.polynomial(u, found), rows.polynomial(u, truth), atol=0.06)


def test_jumps_between_rows():
    frame = RNG.normal(0, 0.1, (6, 100))
    frame[1] += 0.3
    frame[2] = frame[1] + RNG.normal(0, 0.1, 100) + np.where(np.arange(100) < 70, 4.0, -0.2)
    frame[3] = np.nan
    frame[4] = frame[2] + 0.25
    frame[5] = frame[4] + 500
    found = row_jumps(frame, 0.1, 0.2)
    assert found.above.tolist() == [-1, 0, 1, -1, 2, 4]
    assert found.jumps[1, 0] == pytest.approx(0.3, abs=0.06)
    # 30 % of the pixels outweigh an edge of 4 nm, which is too high for a jump of the whole row.
    assert found.jumps[2, 0] == pytest.approx(-0.2, abs=0.08)
    assert found.jumps[2, 1] == pytest.approx(4.0, abs=0.08)
    np.testing.assert_allclose(found.shares[2, :2], [0.3, 0.7], atol=0.05)
    assert found.scores[2, 0] == 1
    assert found.scores[2, 1] < 0.1
    assert found.jumps[4, 0] == pytest.approx(0.25)
    assert found.jumps[5, 0] == pytest.approx(500)
    assert (found.shares[2, 2:] == 0).all()


def test_the_mean_of_a_truncated_normal_is_that_of_scipy():
    for high in (0.7, 2.5, 3.0):
        expected = stats.truncnorm(-3, high).mean()
        assert track._mean_of_truncated_normal(-3.0, high) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_offsets_and_polynomial_are_the_least_squares_solution(order):
    height, width = 12, 20
    u = columns(width)
    flat = RNG.normal(0, 1, (height, width))
    flat[4, 3:9] = np.nan
    flat[7] = np.nan
    above = np.array([-1, 0, 1, 2, 3, 4, 5, -1, 6, 8, 9, 10])
    path = track.Path(np.zeros(height), RNG.normal(size=height))
    coefficients = np.zeros(order)
    n = track.fit_background(flat, u, path, above, coefficients, 100.0, 3.0, 1)
    used = ~np.isnan(flat)
    assert n == used.sum()
    y, x = np.nonzero(used)
    pixels = np.zeros((n, height + order))
    pixels[np.arange(n), y] = 1
    pixels[:, height:] = u[x][:, None] ** np.arange(1, order + 1)
    ties = np.zeros((height, height + order))
    weight = np.sqrt(0.002 * width)
    for row in np.flatnonzero(above >= 0):
        ties[row, row], ties[row, above[row]] = weight, -weight
    ridge = np.sqrt(1e-3 * n) * np.eye(order, height + order, height)
    rest = np.sqrt(1e-9) * np.eye(height, height + order)
    matrix = np.concatenate([pixels, ties, ridge, rest])
    right = np.concatenate([flat[used], weight * path.tie * (above >= 0), np.zeros(order + height)])
    expected = np.linalg.lstsq(matrix, right, rcond=None)[0]
    np.testing.assert_allclose(path.level, expected[:height], atol=1e-6)
    np.testing.assert_allclose(coefficients, expected[height:], atol=1e-6)


def test_pixels_beyond_the_window_take_no_part():
    flat = RNG.normal(0, 0.1, (5, 4000))
    flat[:, 3000:] = 4.0
    flat[:, 2990:3000] = -4.0
    for upper in (0.7, 2.5):
        path = track.Path(np.full(5, 0.03), np.zeros(5))
        above = np.arange(-1, 4)
        track.fit_background(flat, columns(4000), path, above, np.zeros(0), 0.1, upper, 6)
        np.testing.assert_allclose(path.level, flat[:, :2990].mean(axis=1), atol=0.01)


def test_background_statistics():
    levelled = RNG.normal(0, 0.2, (30, 400))
    levelled[:, 300:] += 4
    counts = np.zeros(30, np.int64)
    noise = track.background_statistics(levelled, 0.2, counts)
    np.testing.assert_array_equal(counts, (np.abs(levelled) < 0.6).sum(axis=1))
    below = levelled[(levelled < 0) & (levelled > -0.8)]
    assert noise == pytest.approx(1.4826 * np.median(-below), rel=0.01)
    assert track.background_statistics(np.full((2, 3), 9.0), 0.2, np.zeros(2, np.int64)) == 0


def test_the_lowest_level_with_support_is_tracked_and_not_the_fullest():
    frame = RNG.normal(0, 0.1, (40, 60))
    frame[5:35, 6:56] += 3  # 17 % of the pixels of these rows are background
    frame += RNG.normal(0, 0.2, (40, 1)).cumsum(axis=0)
    found = row_jumps(frame, 0.1, 0.2)
    for both in (False, True):
        path = track.Path(np.empty(40), np.empty(40))
        track.track_background(frame, 0.1, both, np.zeros(40, bool), found, path)
        truth = frame[:, :5].mean(axis=1)
        if not both:
            np.testing.assert_allclose(path.level, truth, atol=0.4)
    assert np.abs(path.level - truth).max() > 2  # the fullest level is that of the object
