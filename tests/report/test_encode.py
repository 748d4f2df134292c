"""Coded frames, labels and columns against what the script of the page would decode."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from playNano.errors import ParameterError
from playNano.report.encode import (
    LABELS,
    MAX_LEVELS,
    MISSING,
    Coding,
    Levels,
    best_coding,
    decode_column,
    decode_image,
    encode_column,
    encode_image,
)


def decoded_as_in_the_page(text, shape, axis):
    """The loop of report.js, pixel by pixel: independent of the decoder in Python."""
    b = zlib.decompress(base64.b64decode(text))
    h, w = shape
    n = h * w
    out = [0] * n
    for i in range(n):
        c = b[i] | b[i + n] << 8
        d = (c >> 1) ^ -(c & 1)
        if axis == "":
            out[i] = c
        elif axis == "x":
            out[i] = ((0 if i % w == 0 else out[i - 1]) + d) & 65535
        else:
            out[i] = ((0 if i < w else out[i - w]) + d) & 65535
    return np.array(out, np.uint16).reshape(shape)


@given(
    hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7)),
    st.sampled_from(["x", "y", ""]),
)
def test_an_image_comes_back_to_the_bit(image, axis):
    text = encode_image(image, Coding(axis))
    np.testing.assert_array_equal(decode_image(text, image.shape, axis), image)
    np.testing.assert_array_equal(decoded_as_in_the_page(text, image.shape, axis), image)


@pytest.mark.parametrize("strategy", [zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY])
def test_the_strategy_does_not_change_what_is_decoded(strategy):
    image = np.random.default_rng(0).integers(0, 65536, (20, 30)).astype(np.uint16)
    np.testing.assert_array_equal(
        decode_image(encode_image(image, Coding("x", strategy)), (20, 30), "x"), image
    )


def test_the_axis_with_the_smaller_differences_is_taken():
    rng = np.random.default_rng(1)
    rows = (rng.integers(0, 60000, (60, 1)) + rng.integers(0, 4, (60, 60)).cumsum(axis=1)).astype(np.uint16)
    assert best_coding(rows).axis == "x"
    assert best_coding(rows.T).axis == "y"


def test_small_differences_of_either_sign_have_no_high_byte():
    image = np.random.default_rng(2).integers(300, 320, (16, 16)).astype(np.uint16)
    planes = zlib.decompress(base64.b64decode(encode_image(image, Coding("x"))))
    high = np.frombuffer(planes, np.uint8)[256:].reshape(16, 16)
    assert not high[:, 1:].any()
    assert high[:, 0].all()


@given(
    hnp.arrays(np.float64, (5, 6), elements=st.floats(-50, 50)),
    st.floats(1e-3, 2),
)
def test_every_height_within_the_range_is_kept_within_half_a_step(heights, step):
    levels = Levels.of_range(float(heights.min()), float(heights.max()), step)
    back = levels.heights(levels.rounded(heights))
    assert np.abs(back - heights).max() <= levels.step / 2 * (1 + 1e-9)


def test_heights_beyond_the_range_and_missing_ones_are_known_as_such():
    levels = Levels.of_range(0.0, 1.0, 0.1)
    back = levels.heights(levels.rounded(np.array([-0.2, 0.0, 0.5, 1.0, 1.2, np.nan, np.inf, -np.inf])))
    np.testing.assert_allclose(back, [-np.inf, 0, 0.5, 1, np.inf, np.nan, np.inf, -np.inf])
    assert levels.rounded(np.array([np.nan]))[0] == MISSING


def test_a_wide_range_has_a_larger_step_and_no_more_levels_than_fit():
    levels = Levels.of_range(0.0, 1e6, 0.01)
    assert levels.count <= MAX_LEVELS
    back = levels.heights(levels.rounded(np.array([0.0, 123456.7, 1e6])))
    np.testing.assert_allclose(back, [0.0, 123456.7, 1e6], atol=levels.step / 2)


@pytest.mark.parametrize(
    "low, high, step", [(0, np.inf, 1), (np.nan, 1, 1), (0, 1, 0), (0, 1, -1), (2, 1, 1)]
)
def test_levels_without_meaning_are_errors(low, high, step):
    with pytest.raises(ParameterError, match="levels need a finite range"):
        Levels.of_range(low, high, step)


def test_labels_come_back():
    labels = np.zeros((30, 40), np.uint16)
    labels[3:9, 4:20] = 7
    labels[12:15, 30:] = 65535
    np.testing.assert_array_equal(
        decoded_as_in_the_page(encode_image(labels, LABELS), labels.shape, ""), labels
    )


@pytest.mark.parametrize(
    "kind, values",
    [("u2", [0, 1, 65535]), ("i4", [-1, 0, 2**31 - 1]), ("f4", [np.nan, -1.5, 3e8]), ("i4", [])],
)
def test_columns_come_back(kind, values):
    np.testing.assert_array_equal(
        decode_column(encode_column(values, kind), kind), np.array(values, f"<{kind}")
    )


@pytest.mark.parametrize("kind, value", [("u2", 65536), ("u2", -1), ("i4", 2**31), ("i4", 0.5)])
def test_a_number_that_does_not_fit_is_an_error(kind, value):
    with pytest.raises(ParameterError, match=f"does not fit into {kind}"):
        encode_column([value], kind)
