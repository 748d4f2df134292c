"""Blobs against scikit-image's blob_log, and fits against drawn truth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from skimage.feature import blob_log

from playNano.algorithms.blobs._correlate_kernels import correlate
from playNano.algorithms.blobs._scale_space import exact_maxima, fast_maxima
from playNano.algorithms.blobs.blobs import COLUMNS, _scales, find_blobs
from playNano.errors import ParameterError


def scene(
    seed: int, shape: tuple[int, int], count: int, noise: float, pixel: tuple[float, float] = (1.0, 1.0)
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Gaussian particles (y, x, sigma, height) on noise, well inside the frame."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = y * pixel[0], x * pixel[1]
    low, high = np.array([12.0, 12.0, 1.5, 3.0]), np.array([y.max() - 12, x.max() - 12, 3.5, 6.0])
    truth = rng.uniform(low, high, (count, 4))
    z = rng.normal(0, noise, shape) if noise else np.zeros(shape)
    for cy, cx, s, h in truth:
        z += h * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s))
    return z, truth


def reference(frame: npt.NDArray[np.floating], *settings: float) -> npt.NDArray[np.float64]:
    low, high, count, threshold, overlap = settings
    return np.asarray(
        blob_log(frame, low, high, int(count), threshold=threshold, overlap=overlap), dtype=np.float64
    )


def spots(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    return table[["y", "x", "sigma"]].to_numpy()


@settings(deadline=None, max_examples=20)
@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    st.sampled_from([0.0, -170.0, 450.0]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(
        [
            (1.0, 5.0, 10, 0.1, 0.5),
            (0.7, 3.0, 4, 0.3, 0.2),
            (2.0, 2.0, 1, 0.05, 0.0),
            (1.5, 9.0, 7, 0.1, 0.9),
            (1.6, 1.6, 3, 0.1, 0.3),
        ]
    ),
)
def test_blobs_are_those_of_scikit_image(
    seed: int, noise: float, offset: float, single: bool, coarse: bool, settings: tuple
) -> None:
    z, _ = scene(seed, (33, 37), 3, noise)
    if coarse:  # heights as a converter gives them: many ties
        z = np.round(z / 0.1) * 0.1
    z = (z + offset).astype(np.float32 if single else np.float64)
    low, high, count, threshold, overlap = settings
    found = find_blobs(
        z[None], min_sigma=low, max_sigma=high, num_sigma=count, threshold=threshold, overlap=overlap
    )
    np.testing.assert_array_equal(spots(found), reference(z, *settings))


def test_ties_of_a_symmetric_frame_are_kept() -> None:
    y, x = np.mgrid[:32, :32]
    for dtype in (np.float32, np.float64):
        z = (5 * np.exp(-((y - 15.5) ** 2 + (x - 15.5) ** 2) / 12)).astype(dtype)
        found = find_blobs(z[None], overlap=1.0)
        np.testing.assert_array_equal(spots(found), reference(z, 1, 5, 10, 0.1, 1.0))
        assert len(found) > 1  # the four central pixels are equal


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 40), (7, 5)])
def test_frames_smaller_than_the_kernel(shape: tuple[int, int]) -> None:
    z = np.random.default_rng(2).normal(0, 1, shape)
    np.testing.assert_array_equal(spots(find_blobs(z[None])), reference(z, 1, 5, 10, 0.1, 0.5))
    find_blobs(z[None], mode="fast", subpixel=True, fit="gaussian")


def test_values_are_exact_and_the_rough_space_is_close() -> None:
    z, _ = scene(4, (60, 64), 6, 0.3)
    for dtype in (np.float32, np.float64):
        frame = (z - 100).astype(dtype)
        scales, _ = _scales(1.0, 5.0, 10, (1.0, 1.0), frame.dtype)
        true = np.stack([-ndi.gaussian_laplace(frame, s) * np.mean(s) ** 2 for s in scales.sigmas])
        where, value, cube = exact_maxima(frame, scales, 0.1, {})
        np.testing.assert_array_equal(value, true[tuple(where.T)])
        np.testing.assert_allclose(cube[1:-1, 1:-1, 1:-1], true, atol=2e-4)


def test_fast_responses_are_within_a_hundredth() -> None:
    z, _ = scene(5, (80, 90), 8, 0.3)
    scales, _ = _scales(1.0, 5.0, 10, (1.0, 1.0), z.dtype)
    _, _, cube = fast_maxima(z, scales, 0.1, {})
    for i, s in enumerate(scales.sigmas):
        true = -ndi.gaussian_laplace(z, s) * np.mean(s) ** 2
        assert np.abs(cube[i + 1, 1:-1, 1:-1] - true).max() < 0.01 * np.abs(true).max()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 40), (7, 5), (30, 20)])
def test_fast_responses_hold_where_the_frame_is_smaller_than_the_kernel(shape: tuple[int, int]) -> None:
    z = ndi.gaussian_filter(np.random.default_rng(3).normal(0, 1, shape), 1) - 50
    scales, _ = _scales(1.5, 9.0, 4, (1.0, 1.0), z.dtype)
    _, _, cube = fast_maxima(z, scales, 0.1, {})
    for i, s in enumerate(scales.sigmas):
        true = -ndi.gaussian_laplace(z - z.mean(), s) * np.mean(s) ** 2
        np.testing.assert_allclose(
            cube[i + 1, 1:-1, 1:-1], true, atol=0.01 * np.abs(z - z.mean()).max() + 1e-6
        )


@pytest.mark.parametrize(("shape", "count"), [((70, 61), 5), ((256, 256), 1)])
def test_fast_finds_every_maximum_of_its_space(shape: tuple[int, int], count: int) -> None:
    z = np.random.default_rng(4).normal(0, 1, shape)
    scales, _ = _scales(1.0, 4.0, count, (1.0, 1.0), z.dtype)
    where, value, cube = fast_maxima(z, scales, -np.inf, {})
    space = cube[1:-1, 1:-1, 1:-1]
    highest = ndi.maximum_filter(space, size=3, mode="constant", cval=-np.inf)
    true = np.argwhere((space == highest).transpose(1, 2, 0))[:, [2, 0, 1]]
    np.testing.assert_array_equal(where, true)
    np.testing.assert_array_equal(value, space[tuple(true.T)])
    np.testing.assert_array_equal(fast_maxima(z, scales, 0.5, {})[0], true[value > 0.5])


@pytest.mark.parametrize("reach", [4, 6, 8, 10, 20, 26])
def test_correlation_of_a_line_is_that_of_scipy(reach: int) -> None:
    rng = np.random.default_rng(reach)
    image = rng.normal(0, 1, (70, 61)).astype(np.float32)
    half = rng.normal(0, 1, reach + 1).astype(np.float32)
    whole = np.concatenate([half[:0:-1], half]).astype(np.float64)
    for step, axis in ((61, 0), (1, 1)):
        start, n = 61 * 30 + 29, 3
        out = np.full(n, np.nan, dtype=np.float32)
        correlate(image.reshape(-1), start, step, half, out)
        true = ndi.correlate1d(image.astype(np.float64), whole, axis=axis)
        np.testing.assert_allclose(out, true.reshape(-1)[start : start + n], atol=1e-5)


def test_fast_finds_the_same_particles() -> None:
    z, _ = scene(6, (120, 120), 12, 0.1)
    exact, fast = find_blobs(z[None], threshold=0.5), find_blobs(z[None], threshold=0.5, mode="fast")
    assert len(exact) >= 10
    np.testing.assert_array_equal(spots(exact), spots(fast))
    np.testing.assert_allclose(exact.response, fast.response, rtol=0.01)


def test_fast_takes_many_close_scales() -> None:
    z, _ = scene(6, (60, 60), 3, 0.0)
    keywords = {"min_sigma": 0.5, "max_sigma": 4.0, "num_sigma": 40, "threshold": 0.8}
    exact, fast = find_blobs(z[None], **keywords), find_blobs(z[None], mode="fast", **keywords)
    np.testing.assert_allclose(exact[["y", "x"]], fast[["y", "x"]])
    np.testing.assert_allclose(exact.sigma, fast.sigma, atol=0.1)


@pytest.mark.parametrize(("fit", "position", "size"), [("quadratic", 0.04, 0.12), ("gaussian", 1e-4, 1e-3)])
def test_refinement_finds_a_clean_particle(fit: str, position: float, size: float) -> None:
    y, x = np.mgrid[:48, :48]
    for cy, cx, s in ((20.3, 25.7, 2.2), (24.5, 24.0, 3.1), (23.9, 22.2, 1.6)):
        z = 4 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s)) - 30
        row = find_blobs(z[None], subpixel=True, fit=fit).iloc[0]
        assert math.hypot(row.y - cy, row.x - cx) < position
        assert row.sigma == pytest.approx(s, abs=size)
        assert row.background_nm == pytest.approx(-30, abs=0.05)
        assert row.height_nm == pytest.approx(4, rel=0.025)
        assert row.response == pytest.approx(2.0, rel=0.03)


def test_refinement_is_unbiased_in_noise() -> None:
    """Truth: 40 movies' worth of one particle at random sub-pixel places, noise 0.3 nm under 5 nm."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:33, :33]
    left, right, heights = [], [], []
    for _ in range(40):
        cy, cx = 16 + rng.uniform(-0.5, 0.5, 2)
        z = 5 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 3.0**2)) + rng.normal(0, 0.3, y.shape)
        row = find_blobs(z[None], subpixel=True, fit="gaussian", threshold=1.0, num_sigma=6).iloc[0]
        left.append(row.y - cy)
        right.append(row.x - cx)
        heights.append(row.height_nm / 5)
    offsets = np.array([left, right])
    assert np.abs(offsets.mean(axis=1)).max() < 0.05
    assert offsets.std() < 0.15
    assert np.mean(heights) == pytest.approx(1, abs=0.02)


def test_sigmas_in_nanometres_follow_the_pixel() -> None:
    pixel = (3.0, 1.5)
    z, truth = scene(9, (60, 120), 1, 0.0, pixel)
    size = 3 * truth[0, 2]
    y, x = np.mgrid[:60, :120]
    cy, cx = 90.7, 88.1
    z = 5 * np.exp(-((y * pixel[0] - cy) ** 2 + (x * pixel[1] - cx) ** 2) / (2 * size**2))
    for mode in ("exact", "fast"):
        row = find_blobs(
            z[None],
            pixel_size_nm=pixel,
            min_sigma_nm=3,
            max_sigma_nm=15,
            num_sigma=13,
            mode=mode,
            subpixel=True,
            fit="gaussian",
        ).iloc[0]
        assert (row.y_nm, row.x_nm) == pytest.approx((cy, cx), abs=0.01)
        assert row.sigma_nm == pytest.approx(size, rel=0.01)
        assert row.height_nm == pytest.approx(5, rel=0.02)
        assert row.sigma == pytest.approx(row.sigma_nm / math.sqrt(4.5))
        assert row.radius_nm == pytest.approx(math.sqrt(2) * row.sigma_nm)
        assert row.response == pytest.approx(2.5, rel=0.03)


def test_square_pixels_in_nanometres_are_the_same_blobs() -> None:
    z, _ = scene(10, (50, 50), 4, 0.2)
    plain = find_blobs(z[None], pixel_size_nm=2.0, threshold=0.4)
    in_nm = find_blobs(z[None], pixel_size_nm=2.0, threshold=0.4, min_sigma_nm=2, max_sigma_nm=10)
    np.testing.assert_allclose(spots(plain), spots(in_nm))
    np.testing.assert_allclose(plain.y_nm, 2 * plain.y)


def test_blocks_give_what_frames_give() -> None:
    block = np.stack([scene(i, (40, 44), 4, 0.3)[0] for i in range(3)]).astype(np.float32)
    for keywords in ({}, {"mode": "fast"}, {"subpixel": True, "fit": "gaussian"}):
        whole = find_blobs(block, first_frame=5, **keywords)
        parts = [find_blobs(block[i : i + 1], first_frame=5 + i, **keywords) for i in range(3)]
        pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True), check_exact=True)
        assert sorted(whole.frame.unique()) == [5, 6, 7]
        for _, rows in whole.groupby("frame"):
            assert list(rows.label) == list(range(1, len(rows) + 1))


def test_lost_pixels_and_lost_frames() -> None:
    z, _ = scene(11, (50, 50), 3, 0.1)
    holed = np.stack([z, np.full_like(z, np.nan), np.full_like(z, 450.0)])
    holed[0, :2] = np.nan
    before = holed.copy()
    found = find_blobs(holed, subpixel=True, threshold=0.5)
    np.testing.assert_array_equal(holed, before)
    assert set(found.frame) == {0}
    assert np.isfinite(found.to_numpy()).all()


def test_whole_numbers_are_heights() -> None:
    z = np.round(10 * scene(12, (40, 40), 3, 0.0)[0]).astype(np.int16)
    np.testing.assert_array_equal(spots(find_blobs(z[None])), reference(z.astype(float), 1, 5, 10, 0.1, 0.5))
    wide = np.repeat(z[None], 2, axis=2)[:, :, ::2]
    pd.testing.assert_frame_equal(find_blobs(wide), find_blobs(z[None].astype(float)))


def test_nothing_to_find() -> None:
    for shape in ((0, 9, 9), (2, 9, 9)):
        found = find_blobs(np.zeros(shape), subpixel=True, fit="gaussian")
        assert found.empty
        assert tuple(found.columns) == COLUMNS
        assert found.frame.dtype == np.int64


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"min_sigma": 0}, "sigma"),
        ({"min_sigma": 6}, "sigma"),
        ({"min_sigma_nm": 2.0}, "go together"),
        ({"num_sigma": 0}, "num_sigma"),
        ({"overlap": 1.5}, "overlap"),
        ({"mode": "quick"}, "mode"),
        ({"fit": "spline"}, "fit"),
    ],
)
def test_wrong_parameters_are_named(change: dict, word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        find_blobs(np.zeros((1, 8, 8)), **change)
