"""Masks of the field against scikit-image's thresholds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from skimage import filters

from playNano.algorithms.surface import thresholds
from playNano.algorithms.surface.background import local_background
from playNano.errors import ParameterError


def field(seed: int = 0, shape: tuple[int, int] = (60, 70)) -> npt.NDArray[np.float64]:
    """Particles 5 nm high, some 12 nm, on noise of 0.3 nm."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    z = rng.normal(0, 0.3, shape)
    for i in range(6):
        cy, cx = rng.uniform(6, np.array(shape) - 6)
        z += (12 if i > 3 else 5) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 12)
    return z


BLOCK = np.stack([field(0), field(1) - 100, field(2) + 3])


@pytest.mark.parametrize(
    ("mask", "oracle"),
    [
        (thresholds.otsu, filters.threshold_otsu),
        (lambda b: thresholds.otsu(b, nbins=64), lambda z: filters.threshold_otsu(z, nbins=64)),
        (thresholds.li, filters.threshold_li),
        (thresholds.triangle, filters.threshold_triangle),
        (thresholds.multi_otsu, lambda z: filters.threshold_multiotsu(z, classes=3)[0]),
        (lambda b: thresholds.multi_otsu(b, level=2), lambda z: filters.threshold_multiotsu(z, classes=3)[1]),
        (
            lambda b: thresholds.adaptive(b, window_px=21, offset_nm=1.0),
            lambda z: filters.threshold_local(z, 21, method="mean", offset=-1.0),
        ),
        (
            lambda b: thresholds.adaptive(b, window_px=15, deviations=1.5),
            lambda z: filters.threshold_niblack(z, 15, k=-1.5),
        ),
    ],
)
def test_thresholds_are_those_of_scikit_image(mask, oracle) -> None:
    result = mask(BLOCK)
    assert result.dtype == np.bool_
    for z, one in zip(BLOCK, result, strict=True):
        expected = z > oracle(z)
        assert 0 < expected.sum() < expected.size
        inner = (slice(8, -8), slice(8, -8))  # Niblack's box is mirrored otherwise at the border there
        assert (one != expected)[inner].mean() < 1e-3  # sums in another order can tip a pixel
        if not isinstance(oracle(z), np.ndarray):
            np.testing.assert_array_equal(one, expected)


def test_hysteresis_is_that_of_scikit_image() -> None:
    result = thresholds.hysteresis(BLOCK, low_nm=1.0, high_nm=6.0)
    for z, one in zip(BLOCK, result, strict=True):
        np.testing.assert_array_equal(one, filters.apply_hysteresis_threshold(z, 1.0, 6.0))


def test_local_height_sees_through_a_slope() -> None:
    z = field(3, (128, 140))
    slope = 0.4 * np.arange(128)[:, None] - 0.2 * np.arange(140)
    truth = z > 2
    for keywords in ({"height_nm": 2.0}, {"sigmas": 2 / 0.3}):
        result = thresholds.local_height((z + slope)[None], window_px=40, **keywords)[0]
        assert (result & truth).sum() / (result | truth).sum() > 0.8
    assert thresholds.local_height(z[None]).sum() > truth.sum()


def test_local_background_carries_planes_on_to_the_border() -> None:
    y, x = np.mgrid[:90, :75]
    plane = 0.5 * y - 0.25 * x + 7
    for window in (8, 21, 50):
        np.testing.assert_allclose(local_background(plane, window), plane, atol=0.51)
    assert np.ptp(local_background(plane, 200)) == 0
    holed = plane.copy()
    holed[:40, :40] = np.nan
    assert np.isfinite(local_background(holed, 16)).all()
    assert np.isnan(local_background(np.full((5, 5), np.nan))).all()


EVERY = [
    thresholds.otsu,
    thresholds.multi_otsu,
    thresholds.li,
    thresholds.triangle,
    lambda b: thresholds.hysteresis(b, low_nm=1, high_nm=3),
    lambda b: thresholds.local_height(b, height_nm=2, window_px=16),
    lambda b: thresholds.local_height(b),
    lambda b: thresholds.adaptive(b, window_px=11, offset_nm=1),
    lambda b: thresholds.adaptive(b, window_px=11, deviations=1),
]


@pytest.mark.parametrize("mask", EVERY)
def test_every_mask_takes_any_frame(mask) -> None:
    z = field(4)
    holed = z.copy()
    holed[10:20, 10:30] = np.nan
    holed[0, 0] = np.inf
    block = np.stack([z, holed, np.full_like(z, np.nan), np.zeros_like(z)])
    before = block.copy()
    result = mask(block)
    np.testing.assert_array_equal(block, before)
    assert result.shape == block.shape
    assert result[0].any()
    assert result[1].any()
    assert not result[1][~np.isfinite(holed)].any()
    assert not result[2:].any()
    for i in range(4):  # frame by frame, whatever the block
        np.testing.assert_array_equal(mask(block[i : i + 1])[0], result[i])
    whole = np.round(10 * z).astype(np.int32)[None]
    np.testing.assert_array_equal(mask(whole), mask(whole.astype(float)))
    assert mask(np.zeros((0, 8, 8))).shape == (0, 8, 8)
    wide = np.repeat(z[None], 2, axis=2)[:, :, ::2]
    np.testing.assert_array_equal(mask(wide)[0], result[0])


def test_too_few_heights_for_the_classes() -> None:
    assert not thresholds.multi_otsu(np.array([[[0.0, 0.0, 1.0, 1.0]]]), classes=3).any()


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda b: thresholds.otsu(b, nbins=1), "nbins"),
        (lambda b: thresholds.triangle(b, nbins=0), "nbins"),
        (lambda b: thresholds.multi_otsu(b, classes=6), "classes"),
        (lambda b: thresholds.multi_otsu(b, level=3), "level"),
        (lambda b: thresholds.multi_otsu(b, nbins=2), "nbins"),
        (lambda b: thresholds.hysteresis(b, low_nm=2, high_nm=1), "low_nm"),
        (lambda b: thresholds.local_height(b, height_nm=1, sigmas=2), "not both"),
        (lambda b: thresholds.local_height(b, window_px=2), "window_px"),
        (lambda b: thresholds.adaptive(b, window_px=10), "odd"),
        (lambda b: thresholds.adaptive(b[0]), "axes"),
    ],
)
def test_wrong_parameters_are_named(call, word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        call(np.zeros((1, 8, 8)))


@pytest.mark.parametrize("mask", [thresholds.otsu, thresholds.multi_otsu, thresholds.li])
def test_a_constant_frame_that_was_levelled_has_no_contrast(mask):
    frame = np.float32(-0.0014327741) + np.float32(6e-9) * (np.arange(64).reshape(1, 8, 8) % 2)
    assert np.ptp(frame) > 0
    assert not mask(frame.astype(np.float32)).any()
