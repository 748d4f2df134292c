"""Shifts of frames and the drift of movies, against known shifts."""

import numpy as np
import pytest
from scipy import ndimage

from playNano.algorithms.registration.drift import DriftOptions, estimate_drift
from playNano.algorithms.registration.frame_shift import correlation_at, correlation_peaks, prepare, refine


def surface(seed=0, size=120):
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), 2) * 10


def moved(shift, noise=0.02, seed=1):
    made = ndimage.shift(surface(), shift, order=5, mode="nearest")[20:-20, 20:-20]
    return made + np.random.default_rng(seed).normal(0, noise, made.shape)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.37, -0.81), (6.2, 9.7), (-12.4, 3.3)])
def test_a_shift_is_recovered_to_a_twentieth_of_a_pixel(shift):
    first, second = prepare(moved((0, 0))), prepare(moved(shift, seed=2))
    start = correlation_peaks(first, second, 20)[0]
    np.testing.assert_allclose(start, shift, atol=0.4)
    refined = refine(first, second, start)
    np.testing.assert_allclose(refined.shift_px, shift, atol=0.05)
    assert refined.score > 0.9
    assert correlation_at(first, second, shift) > correlation_at(first, second, np.add(shift, 3)) + 0.3


def test_the_correlation_is_not_biased_to_zero():
    """A gradient of contrast draws an unnormalised correlation to full overlap."""
    ramp = np.linspace(0.2, 3, 80)[:, None]
    first, second = prepare(moved((0, 0)) * ramp), prepare(moved((11, -8)) * np.roll(ramp, 11, axis=0))
    np.testing.assert_allclose(correlation_peaks(first, second, 20)[0], (11, -8), atol=0.7)


def test_unknown_pixels_have_no_part():
    second = moved((3.3, -2.1), seed=3)
    second[10:40, 5:60] = np.nan
    first = moved((0, 0))
    first[50:70, 30:70] = np.nan
    found = refine(prepare(first), prepare(second), (3, -2)).shift_px
    np.testing.assert_allclose(found, (3.3, -2.1), atol=0.08)


def test_one_wrong_frame_moves_no_other():
    way = np.linspace(0, 4, 20)[:, None] * (1, -0.5)
    movie = [moved(shift, seed=k) for k, shift in enumerate(way)]
    movie[9] = surface(7)[20:-20, 20:-20]  # another place
    drift = estimate_drift(movie, np.ones(20, bool))
    good = np.arange(20) != 9
    np.testing.assert_allclose(drift.position_px[good], way[good], atol=0.05)
    assert drift.placed.sum() >= 19
    assert drift.fixed > 0.5


def test_frames_of_another_place_are_not_placed():
    movie = [moved((0.2 * k, 0), seed=k) for k in range(8)] + [np.zeros((80, 80))] * 3
    drift = estimate_drift(movie, np.ones(11, bool))
    assert drift.placed.tolist() == [True] * 8 + [False] * 3
    np.testing.assert_allclose(drift.position_px[8:, 0], 1.4, atol=0.05)
    nothing = estimate_drift([np.zeros((30, 30))] * 3, np.ones(3, bool), DriftOptions())
    assert not nothing.placed.any()
    assert np.isnan(nothing.score).all()
