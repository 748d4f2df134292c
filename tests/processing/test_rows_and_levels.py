"""Row offsets, zero height and the direction of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from playNano.errors import ParameterError, StackError
from playNano.processing.levels import vertical_flip, zero_mean, zero_median
from playNano.processing.rows import row_median_align

RNG = np.random.default_rng(2)
STEPS = [row_median_align, zero_mean, zero_median]


def movie(dtype=np.float64, shape=(3, 8, 11)):
    return (RNG.normal(size=shape) * 5 + 20).astype(dtype)


def masked_reference(step, data, mask):
    """Level by numpy's masked or NaN-aware statistics."""
    usable = np.where(np.isfinite(data) & ~mask, data.astype(np.float64), np.nan)
    axis, function = {
        "row_median_align": (2, np.nanmedian),
        "zero_mean": ((1, 2), np.nanmean),
        "zero_median": ((1, 2), np.nanmedian),
    }[step.__name__]
    return data - function(usable, axis=axis, keepdims=True)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [10, 11])
def test_against_numpy(step, dtype, width):
    data = movie(dtype, (3, 8, width))
    data[0, 1, 2] = np.nan
    data[2, 3, 4] = np.inf
    mask = RNG.random(data.shape) < 0.3
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    out = step(data, mask=mask)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, masked_reference(step, data, mask), atol=tolerance)
    nothing = np.zeros(data.shape, bool)
    np.testing.assert_allclose(step(data), masked_reference(step, data, nothing), atol=tolerance)
    np.testing.assert_allclose(step(data, mask=nothing), step(data), atol=tolerance)


@pytest.mark.parametrize("step", STEPS)
def test_offsets_vanish(step):
    offsets = RNG.normal(size=(4, 9, 1)) if step is row_median_align else RNG.normal(size=(4, 1, 1))
    np.testing.assert_allclose(step(np.broadcast_to(offsets, (4, 9, 7)).copy()), 0, atol=1e-12)


def test_a_masked_particle_does_not_shift_its_rows():
    data = np.zeros((1, 10, 10)) + np.arange(10)[None, :, None]
    bump = np.zeros(data.shape, bool)
    bump[0, 3:6, 1:9] = True
    data[bump] += 7
    np.testing.assert_allclose(row_median_align(data, mask=bump), 7.0 * bump)
    assert not np.allclose(row_median_align(data), 7.0 * bump)


def test_a_row_without_usable_pixels_is_interpolated():
    data = np.tile(np.arange(6.0)[None, :, None] * 2, (1, 1, 5))
    mask = np.zeros(data.shape, bool)
    mask[0, [0, 2, 3, 5]] = True
    out = row_median_align(data, mask=mask)
    np.testing.assert_allclose(out[0, 1:5], 0, atol=1e-12)
    np.testing.assert_allclose(out[0, 0], -2)
    np.testing.assert_allclose(out[0, 5], 2)


@pytest.mark.parametrize("step", STEPS)
def test_a_frame_without_usable_pixels_is_left(step):
    data = movie()
    mask = np.zeros(data.shape, bool)
    mask[1] = True
    out = step(data, mask=mask)
    np.testing.assert_array_equal(out[1], data[1])
    np.testing.assert_allclose(out[[0, 2]], step(data[[0, 2]]), atol=1e-12)
    blank = np.full((2, 3, 4), np.nan)
    np.testing.assert_array_equal(step(blank), blank)


@pytest.mark.parametrize("step", [*STEPS, vertical_flip])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int64, bool])
def test_integers_are_worked_on_as_floats(step, dtype):
    data = movie().astype(dtype)
    out = step(data)
    assert out.dtype == (np.float64 if dtype == np.int64 else np.float32)
    np.testing.assert_allclose(out, step(data.astype(np.float64)), atol=1e-5)


@pytest.mark.parametrize("step", [*STEPS, vertical_flip])
def test_frames_movies_layouts_and_nothing(step):
    data = movie()
    whole = step(data)
    np.testing.assert_array_equal(step(data[1]), whole[1])
    np.testing.assert_array_equal(step(np.asfortranarray(data)), whole)
    np.testing.assert_array_equal(step(np.repeat(data, 2, axis=1)[:, ::2]), whole)
    assert step(data[:0]).shape == (0, 8, 11)
    assert step(data[:, :1, :1]).shape == (3, 1, 1)


@pytest.mark.parametrize("step", [*STEPS, vertical_flip])
def test_the_input_is_not_changed(step):
    data = movie()
    before = data.copy()
    out = step(data)
    assert not np.shares_memory(out, data)
    np.testing.assert_array_equal(data, before)


def test_mean_of_large_float32_movies_is_summed_in_float64():
    data = np.full((1, 1500, 1500), 16777.217, np.float32)
    assert abs(float(zero_mean(data).mean())) < 1e-3


def test_vertical_flip():
    data = movie()
    np.testing.assert_array_equal(vertical_flip(data), data[:, ::-1])
    np.testing.assert_array_equal(vertical_flip(vertical_flip(data)), data)


@pytest.mark.parametrize(
    "mask", [np.zeros((3, 8, 10), bool), np.zeros((3, 8, 11)), np.zeros((8, 11), bool), [[True]]]
)
def test_a_mask_of_another_shape_or_type_is_refused(mask):
    with pytest.raises(ParameterError, match=r"mask must be a bool array of the pixels' shape \(3, 8, 11\)"):
        zero_mean(movie(), mask=mask)


@pytest.mark.parametrize("data", [np.zeros(4), np.zeros((1, 2, 3, 4)), 3.0])
def test_data_of_other_axes_is_refused(data):
    with pytest.raises(StackError, match="two axes and a block of frames three"):
        zero_mean(data)


def test_data_that_is_no_number_is_refused():
    with pytest.raises(ParameterError, match="real numbers"):
        zero_mean(np.zeros((2, 2), complex))


@settings(max_examples=40)
@given(
    hnp.arrays(np.float64, (2, 3, 9), elements=st.floats(-1e6, 1e6) | st.just(np.nan)), st.integers(0, 2**20)
)
def test_median_of_anything(data, bits):
    mask = np.random.default_rng(bits).random(data.shape) < 0.3
    for step in (row_median_align, zero_median):
        out = step(data, mask=mask)
        assert np.array_equal(np.isnan(out), np.isnan(data))
        axis = 2 if step is row_median_align else (1, 2)
        usable = np.where(mask, np.nan, out)
        known = np.isfinite(usable).any(axis=axis)
        centre = np.nanmedian(
            np.where(known.reshape(known.shape + (1,) * (3 - known.ndim)), usable, 0.0), axis=axis
        )
        np.testing.assert_allclose(centre, 0, atol=1e-9)
