"""Planes and polynomial surfaces, against least squares by numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.algorithms.leveling.surfaces import n_terms
from playNano.errors import ParameterError
from playNano.processing.flatten import polynomial_flatten, remove_plane

RNG = np.random.default_rng(1)


def surface(shape, order, seed=0):
    """Return a random polynomial surface of a total degree, of some nm."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    rng = np.random.default_rng(seed)
    return sum(rng.normal() * 3 * x**p * y**q for p in range(order + 1) for q in range(order + 1 - p))


def by_least_squares(frame, order, usable=None):
    """Subtract the surface that numpy fits to the usable pixels."""
    rows, columns = frame.shape
    y, x = np.mgrid[:rows, :columns] / max(rows, columns)
    terms = np.stack([x**p * y**q for p in range(order + 1) for q in range(order + 1 - p)], axis=-1)
    usable = np.isfinite(frame) if usable is None else usable & np.isfinite(frame)
    fit, *_ = np.linalg.lstsq(terms[usable], frame[usable].astype(np.float64), rcond=None)
    return frame - terms @ fit


def movie(dtype=np.float64, shape=(3, 17, 23)):
    return np.stack([surface(shape[1:], 2, i) + RNG.normal(size=shape[1:]) for i in range(shape[0])]).astype(
        dtype
    )


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_a_surface_of_the_order_vanishes(order):
    frame = surface((20, 31), order)
    np.testing.assert_allclose(polynomial_flatten(frame, order=order), 0, atol=1e-9)


def test_a_plane_vanishes_and_what_is_on_it_stays():
    bumps = np.zeros((24, 24))
    bumps[5:8, 5:8] = 4.0
    mask = bumps > 0
    levelled = remove_plane(surface((24, 24), 1) + 100 + bumps, mask=mask)
    np.testing.assert_allclose(levelled, bumps, atol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_least_squares(order, masked, dtype):
    data = movie(dtype)
    data[1, 3:5, 2:9] = np.nan
    mask = RNG.random(data.shape) < 0.4 if masked else None
    out = polynomial_flatten(data, mask=mask, order=order)
    assert out.dtype == dtype
    for frame in range(len(data)):
        expected = by_least_squares(data[frame], order, None if mask is None else ~mask[frame])
        np.testing.assert_allclose(out[frame], expected, rtol=0, atol=1e-9 if dtype == np.float64 else 2e-6)


def test_plane_is_the_surface_of_order_one():
    data = movie()
    np.testing.assert_array_equal(remove_plane(data), polynomial_flatten(data, order=1))


def test_second_order_is_the_default():
    data = movie()
    np.testing.assert_array_equal(polynomial_flatten(data), polynomial_flatten(data, order=2))


def test_float32_keeps_small_features_on_a_large_height():
    data = (movie(shape=(2, 64, 64)) * 0.01 + 740).astype(np.float32)
    expected = np.stack([by_least_squares(frame, 1) for frame in data.astype(np.float64)])
    np.testing.assert_allclose(remove_plane(data), expected, rtol=0, atol=1e-6)


def test_frames_do_not_touch_one_another():
    data = movie()
    spoiled = data.copy()
    spoiled[0] = np.nan
    np.testing.assert_array_equal(remove_plane(spoiled)[1:], remove_plane(data)[1:])


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32, bool])
def test_integers_are_worked_on_as_floats(dtype):
    data = (movie() * 20 + 100).astype(dtype)
    out = remove_plane(data)
    assert out.dtype == (np.float64 if dtype == np.int32 else np.float32)
    expected = np.stack([by_least_squares(frame.astype(float), 1) for frame in data])
    np.testing.assert_allclose(out, expected, atol=2e-5)


@pytest.mark.parametrize("layout", ["fortran", "every second", "backwards", "transposed"])
def test_arrays_of_any_layout(layout):
    data = movie()
    other = {
        "fortran": np.asfortranarray(data),
        "every second": np.repeat(data, 2, axis=2)[:, :, ::2],
        "backwards": data[:, ::-1][:, ::-1],
        "transposed": np.ascontiguousarray(data.transpose(2, 1, 0)).transpose(2, 1, 0),
    }[layout]
    np.testing.assert_array_equal(remove_plane(other), remove_plane(data))


def test_nan_stays_nan_and_infinite_stays_infinite():
    data = movie()
    data[0, 2, 3], data[0, 4, 5] = np.nan, np.inf
    out = remove_plane(data)
    assert np.isnan(out[0, 2, 3])
    assert np.isposinf(out[0, 4, 5])
    assert np.isfinite(out).sum() == out.size - 2


@pytest.mark.parametrize("step", [remove_plane, polynomial_flatten])
def test_too_few_pixels_leave_the_frame(step):
    data = movie()
    mask = np.zeros(data.shape, bool)
    mask[1] = True
    mask[2] = True
    mask[2, 0, :2] = False
    out = step(data, mask=mask)
    np.testing.assert_array_equal(out[1:], data[1:])
    assert not np.array_equal(out[0], data[0])
    blank = np.full((6, 6), np.nan)
    np.testing.assert_array_equal(step(blank), blank)


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1), (2, 2), (2, 3)])
def test_tiny_frames_stay_finite(shape):
    frame = RNG.normal(size=shape)
    out = polynomial_flatten(frame, order=2)
    assert out.shape == shape
    assert np.isfinite(out).all()
    if frame.size < 6:
        np.testing.assert_array_equal(out, frame)
    else:
        np.testing.assert_allclose(out, by_least_squares(frame, 2), atol=1e-9)


def test_a_line_of_pixels_is_levelled_along_it():
    line = 3.0 + 0.5 * np.arange(20.0)
    np.testing.assert_allclose(remove_plane(line[None]), 0, atol=1e-9)
    np.testing.assert_allclose(remove_plane(line[:, None]), 0, atol=1e-9)


def test_usable_pixels_on_one_line_only():
    frame = surface((12, 12), 1)
    mask = np.ones((12, 12), bool)
    mask[5] = False
    out = remove_plane(frame, mask=mask)
    np.testing.assert_allclose(out[5], 0, atol=1e-9)
    assert np.isfinite(out).all()


def test_frames_and_movies_and_nothing():
    data = movie()
    np.testing.assert_array_equal(remove_plane(data[1]), remove_plane(data)[1])
    np.testing.assert_array_equal(remove_plane(data[1:2]), remove_plane(data)[1:2])
    assert remove_plane(data[:0]).shape == (0, 17, 23)
    mask = np.zeros((0, 17, 23), bool)
    assert polynomial_flatten(data[:0].astype(np.float32), mask=mask, order=3).dtype == np.float32


@pytest.mark.parametrize("order", [0, 7, 1.5, "two", True, None])
def test_an_order_outside_the_limits(order):
    with pytest.raises(ParameterError, match="order"):
        polynomial_flatten(movie(), order=order)


def test_number_of_terms():
    assert [n_terms(order) for order in (1, 2, 3)] == [3, 6, 10]


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(0, 10_000), st.floats(-100, 100))
def test_what_is_left_has_no_surface_in_it(order, seed, offset):
    frame = np.random.default_rng(seed).normal(size=(11, 13)) + offset
    once = polynomial_flatten(frame, order=order)
    np.testing.assert_allclose(polynomial_flatten(once, order=order), once, atol=1e-8)
    assert abs(once.mean()) < 1e-9 * max(1, abs(offset))
