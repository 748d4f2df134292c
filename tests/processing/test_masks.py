"""Masks, against numpy, scipy and scikit-image."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import morphology

from playNano.errors import ParameterError
from playNano.processing.masks import (
    mask_adaptive,
    mask_below_threshold,
    mask_mean_offset,
    mask_morphological,
    mask_threshold,
)

RNG = np.random.default_rng(4)
MASKS = [mask_threshold, mask_below_threshold, mask_mean_offset, mask_morphological, mask_adaptive]


def movie(dtype=np.float64, shape=(3, 24, 31)):
    return ndimage.gaussian_filter(RNG.normal(size=shape), (0, 1.5, 1.5)).astype(dtype) * 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_thresholds(dtype):
    data = movie(dtype)
    data[0, 0, 0] = 0.5
    np.testing.assert_array_equal(mask_threshold(data, threshold=0.5), data > 0.5)
    np.testing.assert_array_equal(mask_below_threshold(data, threshold=0.5), data < 0.5)
    np.testing.assert_array_equal(mask_threshold(data), data > 0)


@pytest.mark.parametrize("factor", [0.0, 1.0, -0.5, 2.5])
def test_mean_offset(factor):
    data = movie()
    mean, deviation = data.mean(axis=(1, 2), keepdims=True), data.std(axis=(1, 2), keepdims=True)
    np.testing.assert_array_equal(mask_mean_offset(data, factor=factor), data > mean + factor * deviation)


def test_mean_offset_leaves_nan_out():
    data = movie()
    spoiled = data.copy()
    spoiled[:, :3] = np.nan
    spoiled[1, 10, 10] = np.inf
    out = mask_mean_offset(spoiled, factor=1.0)
    kept = np.where(np.isfinite(spoiled), spoiled, np.nan)
    level = np.nanmean(kept, axis=(1, 2)) + np.nanstd(kept, axis=(1, 2))
    np.testing.assert_array_equal(out, spoiled > level[:, None, None])
    assert not out[:, :3].any()


def test_mean_offset_of_a_flat_frame_marks_nothing():
    assert not mask_mean_offset(np.full((2, 5, 5), 0.1, np.float32), factor=1.0).any()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_morphological_is_binary_closing(size):
    data = movie()
    out = mask_morphological(data, threshold=0.5, structure_size=size)
    square = np.ones((size, size), bool)
    inside = slice(size, -size)
    for frame in range(len(data)):
        closed = ndimage.binary_closing(data[frame] > 0.5, square)
        np.testing.assert_array_equal(out[frame][inside, inside], closed[inside, inside])
    assert (out | (data > 0.5) == out).all()


@pytest.mark.parametrize("size", [3, 5])
def test_morphological_is_that_of_scikit_image(size):
    data = movie()
    out = mask_morphological(data, threshold=0.5, structure_size=size)
    for frame in range(len(data)):
        closed = morphology.closing(data[frame] > 0.5, np.ones((size, size), bool), mode="ignore")
        np.testing.assert_array_equal(out[frame], closed)


@pytest.mark.parametrize("size", [1, 5, 6, 15])
def test_adaptive_is_the_local_mean(size):
    data = movie() + 500
    out = mask_adaptive(data, block_size=size, offset=0.3)
    for frame in range(len(data)):
        level = ndimage.uniform_filter(data[frame], size, mode="reflect")
        away = np.abs(data[frame] - level - 0.3) > 1e-9
        np.testing.assert_array_equal(out[frame][away], (data[frame] > level + 0.3)[away])


def test_adaptive_leaves_nan_out():
    data = np.zeros((1, 20, 20))
    data[0, 5:8, 5:8] = np.nan
    data[0, 6, 9] = 3.0
    out = mask_adaptive(data, block_size=7, offset=1.0)
    assert out.sum() == 1
    assert out[0, 6, 9]
    assert not mask_adaptive(np.full((1, 9, 9), np.nan), block_size=3).any()


@pytest.mark.parametrize("mask", MASKS)
def test_nan_is_never_marked(mask):
    data = movie()
    data[0, 2:4, 2:9] = np.nan
    out = mask(data)
    assert out.dtype == bool
    if mask is not mask_morphological:  # closing a gap may mark what lies in it
        assert not out[np.isnan(data)].any()
    assert not mask(np.full((2, 9, 9), np.nan)).any()


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int64, bool])
def test_integers_are_the_same_as_floats(mask, dtype):
    data = (movie() + 3).astype(dtype)
    np.testing.assert_array_equal(mask(data), mask(data.astype(np.float64)))


@pytest.mark.parametrize("mask", MASKS)
def test_frames_movies_layouts_and_nothing(mask):
    data = movie()
    before = data.copy()
    whole = mask(data)
    np.testing.assert_array_equal(data, before)
    np.testing.assert_array_equal(mask(data[1]), whole[1])
    np.testing.assert_array_equal(mask(data[1:2]), whole[1:2])
    np.testing.assert_array_equal(mask(np.asfortranarray(data)), whole)
    np.testing.assert_array_equal(mask(np.repeat(data, 2, axis=1)[:, ::2]), whole)
    empty = mask(data[:0])
    assert (empty.shape, empty.dtype) == ((0, 24, 31), bool)
    assert mask(data[:, :1, :1]).shape == (3, 1, 1)


@pytest.mark.parametrize(
    ("mask", "params", "name"),
    [
        (mask_threshold, {"threshold": "high"}, "threshold"),
        (mask_threshold, {"treshold": 1}, "did you mean 'threshold'"),
        (mask_below_threshold, {"threshold": None}, "threshold"),
        (mask_mean_offset, {"factor": float("nan")}, "factor"),
        (mask_morphological, {"structure_size": 0}, "structure_size"),
        (mask_morphological, {"structure_size": 2.5}, "structure_size"),
        (mask_adaptive, {"block_size": 0}, "block_size"),
        (mask_adaptive, {"ofset": 1.0}, "did you mean 'offset'"),
    ],
)
def test_wrong_parameters(mask, params, name):
    with pytest.raises(ParameterError, match=name):
        mask(movie(), **params)
