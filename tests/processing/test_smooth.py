"""Smoothing, against scipy and scikit-image."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import gaussian

from playNano.errors import ParameterError
from playNano.processing.smooth import gaussian_filter

RNG = np.random.default_rng(3)


def movie(dtype=np.float64, shape=(3, 21, 34)):
    return RNG.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5, 20.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_scipy(sigma, dtype):
    data = movie(dtype)
    out = gaussian_filter(data, sigma=sigma)
    assert out.dtype == dtype
    expected = np.stack([ndimage.gaussian_filter(frame.astype(float), sigma) for frame in data])
    np.testing.assert_allclose(out, expected, atol=1e-10 if dtype == np.float64 else 1e-6)


def test_equals_scikit_image_with_the_same_border():
    data = movie()
    expected = gaussian(data[0], sigma=2.0, mode="reflect")
    np.testing.assert_allclose(gaussian_filter(data, sigma=2.0)[0], expected, atol=1e-10)


def test_default_sigma_is_one():
    data = movie()
    np.testing.assert_array_equal(gaussian_filter(data), gaussian_filter(data, sigma=1))


def test_nothing_changes_at_sigma_zero():
    data = movie()
    out = gaussian_filter(data, sigma=0)
    np.testing.assert_array_equal(out, data)
    assert not np.shares_memory(out, data)


def test_nan_is_left_out_of_its_neighbours():
    data = np.full((2, 20, 20), 5.0)
    data[0, 8:11, 8:11] = np.nan
    data[0, 0, 0] = np.inf
    out = gaussian_filter(data, sigma=1.5)
    assert np.isnan(out[0, 8:11, 8:11]).all()
    assert np.isposinf(out[0, 0, 0])
    finite = np.isfinite(out)
    assert finite.sum() == out.size - 10
    np.testing.assert_allclose(out[finite], 5.0)


def test_a_frame_of_nan_stays_nan():
    data = movie()
    data[1] = np.nan
    out = gaussian_filter(data, sigma=2)
    assert np.isnan(out[1]).all()
    np.testing.assert_array_equal(out[[0, 2]], gaussian_filter(data[[0, 2]], sigma=2))


def test_integers_are_worked_on_as_floats():
    spot = np.zeros((9, 9), np.int16)
    spot[4, 4] = 1
    assert gaussian_filter(spot, sigma=1.0)[4, 4] == pytest.approx(0.1592, abs=1e-4)


def test_frames_movies_layouts_and_nothing():
    data = movie()
    whole = gaussian_filter(data, sigma=2)
    np.testing.assert_array_equal(gaussian_filter(data[1], sigma=2), whole[1])
    np.testing.assert_array_equal(gaussian_filter(np.asfortranarray(data), sigma=2), whole)
    np.testing.assert_array_equal(gaussian_filter(np.repeat(data, 2, axis=2)[:, :, ::2], sigma=2), whole)
    assert gaussian_filter(data[:0], sigma=2).shape == (0, 21, 34)
    assert gaussian_filter(data[:, :1, :1], sigma=2) == pytest.approx(data[:, :1, :1])


@pytest.mark.parametrize("sigma", [-1, 1001, "wide", None, True, float("nan")])
def test_a_sigma_outside_the_limits(sigma):
    with pytest.raises(ParameterError, match="sigma"):
        gaussian_filter(movie(), sigma=sigma)


def test_a_misspelt_parameter():
    with pytest.raises(ParameterError, match="did you mean 'sigma'"):
        gaussian_filter(movie(), sigm=2)
