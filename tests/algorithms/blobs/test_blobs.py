"""Blobs against scikit-image's blob_log, and fits against drawn truth."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from scipy.optimize import least_squares
from scipy.sparse.csgraph import connected_components
from skimage.feature import blob_log

from playNano.algorithms.blobs import BlobOptions, find_blobs
from playNano.algorithms.blobs._pruning import disc_overlap, prune
from playNano.algorithms.blobs._scale_space import exact_maxima, fast_maxima, local_maxima, make_scales
from playNano.algorithms.blobs.blobs import COLUMNS
from playNano.errors import ParameterError

OFFSET = pytest.mark.filterwarnings("ignore:the mean height of the frame alone:UserWarning")


def blobs_of(
    block: npt.ArrayLike,
    *,
    first_frame: int = 0,
    pixel_size_nm: float | tuple[float, float] = (1.0, 1.0),
    **options,
) -> pd.DataFrame:
    return find_blobs(block, BlobOptions(**options), first_frame=first_frame, pixel_size_nm=pixel_size_nm)


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


def assert_same_blobs(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> None:
    """Compare positions and sigmas, whatever the order of blobs of nearly equal response."""
    assert len(ours) == len(theirs)
    order = [np.lexsort(blobs.round(6).T) for blobs in (ours, theirs)]
    np.testing.assert_allclose(ours[order[0]], theirs[order[1]], atol=1e-9)


def overlaps(blobs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Overlap of each pair of blobs (y, x, sigma)."""
    i, j = np.indices((len(blobs), len(blobs))).reshape(2, -1)
    sigma = blobs[:, 2]
    distance = np.hypot(*(blobs[i, :2] - blobs[j, :2]).T)
    shared = disc_overlap(distance, np.maximum(sigma[i], sigma[j]), np.minimum(sigma[i], sigma[j]))
    return shared.reshape(len(blobs), len(blobs))


@OFFSET
@settings(deadline=None, max_examples=20)
@given(
    st.integers(0, 10_000),
    st.sampled_from([0.05, 0.3, 1.0]),
    st.sampled_from([0.0, -170.0, 450.0]),
    st.sampled_from(
        [
            (1.0, 5.0, 10, 0.1, 0.5),
            (0.7, 3.0, 4, 0.3, 0.2),
            (2.0, 2.0, 1, 0.05, 0.05),
            (1.5, 9.0, 7, 0.1, 0.9),
            (1.6, 1.6, 3, 0.1, 0.3),
        ]
    ),
)
def test_blobs_are_those_of_scikit_image(seed: int, noise: float, offset: float, settings: tuple) -> None:
    z = scene(seed, (33, 37), 3, noise)[0] + offset
    low, high, count, threshold, overlap = settings
    options = {"min_sigma": low, "max_sigma": high, "num_sigma": count, "threshold": threshold}
    ours, theirs = spots(blobs_of(z[None], overlap=overlap, **options)), reference(z, *settings)
    in_chain = chained(spots(blobs_of(z[None], overlap=1.0, **options)), overlap)
    assert_same_blobs(
        *(np.array([b for b in blobs if key(b) not in in_chain]).reshape(-1, 3) for blobs in (ours, theirs))
    )
    if not in_chain:
        assert_same_blobs(ours, theirs)


def key(blob: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(blob.round(6))


def chained(blobs: npt.NDArray[np.float64], limit: float) -> set[tuple[float, ...]]:
    """Blobs in groups whose pruning depends on the order of pairs: where one is the smaller and the larger of two."""
    pairs = overlaps(blobs) > limit
    np.fill_diagonal(pairs, False)
    # In order of falling response; of equal sigmas the first is dropped.
    sigma, index = blobs[:, 2], np.arange(len(blobs))
    larger = (sigma[:, None] > sigma) | ((sigma[:, None] == sigma) & (index[:, None] > index))
    both = (pairs & larger).any(axis=1) & (pairs & larger.T).any(axis=1)
    group = connected_components(pairs)[1]
    return {key(blob) for blob, g in zip(blobs, group, strict=True) if g in set(group[both])}


@OFFSET
def test_single_precision_frames_are_computed_in_double_precision() -> None:
    z = (scene(3, (40, 44), 4, 0.2)[0] - 170).astype(np.float32)
    assert_same_blobs(spots(blobs_of(z[None])), reference(z.astype(np.float64), 1, 5, 10, 0.1, 0.5))


@pytest.mark.parametrize("limit", [0.5, 0.0])
def test_equal_neighbours_are_pruned_to_separate_blobs(limit: float) -> None:
    """Heights as a converter gives them, and a symmetric frame: of maxima that tie, some valid selection is kept."""
    y, x = np.mgrid[:32, :32]
    symmetric = 5 * np.exp(-((y - 15.5) ** 2 + (x - 15.5) ** 2) / 12)
    coarse = np.round(scene(1, (60, 64), 6, 0.3)[0] / 0.5) * 0.5
    for z in (symmetric, coarse):
        kept, every = blobs_of(z[None], overlap=limit), blobs_of(z[None], overlap=1.0)
        assert 1 <= len(kept) <= len(every)
        assert {tuple(blob) for blob in spots(kept)} <= {tuple(blob) for blob in spots(every)}
        shared = overlaps(spots(kept)) > limit
        assert not np.triu(shared, 1).any()
        dropped = [blob for blob in spots(every) if tuple(blob) not in {tuple(b) for b in spots(kept)}]
        for blob in dropped:  # each for the sake of one that is kept and not smaller
            rivals = spots(kept)[spots(kept)[:, 2] >= blob[2]]
            assert (overlaps(np.vstack([blob, rivals]))[0, 1:] > limit).any()


def test_pruning_is_greedy_from_the_largest() -> None:
    # A covers B, and B covers C; C is kept because B is not. Of the equal D and E the later one is kept.
    positions = np.array([[0.0, 0.0], [0.0, 3.5], [0.0, 6.0], [0.0, 50.0], [0.0, 51.0]])
    sigmas = np.array([4.0, 3.0, 2.0, 2.0, 2.0])
    for order in ([0, 1, 2, 3, 4], [2, 1, 0, 3, 4], [3, 2, 0, 4, 1]):
        kept = prune(positions[order], sigmas[order], 0.4)
        assert [order[i] for i in np.flatnonzero(kept)] == [i for i in order if i in (0, 2, 4)]
    assert prune(np.empty((0, 2)), np.empty(0), 0.5).size == 0


def test_overlap_is_that_of_counted_points() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-12:12:0.02, -12:12:0.02]
    for _ in range(5):
        large, small = sorted(rng.uniform(1, 4, 2))[::-1]
        distance = rng.uniform(0, 8)
        first = x**2 + y**2 <= 2 * large**2
        second = (x - distance) ** 2 + y**2 <= 2 * small**2
        overlap = disc_overlap(*(np.array([v]) for v in (distance, large, small)))[0]
        assert overlap == pytest.approx((first & second).sum() / second.sum(), abs=2e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 40), (7, 5), (30, 20)])
def test_exact_responses_are_those_of_scipy(shape: tuple[int, int]) -> None:
    """Also where the frame is smaller than the kernel."""
    z = np.random.default_rng(2).normal(0, 1, shape) - 50
    maxima = exact_maxima(z, make_scales(0.7, 6.0, 5, (1.0, 1.0)), 0.1)
    true = np.stack([-ndi.gaussian_laplace(z, s) * s**2 for s in np.linspace(0.7, 6.0, 5)])
    np.testing.assert_allclose(maxima.space, true, atol=1e-4)
    np.testing.assert_allclose(maxima.response, true[tuple(maxima.where.T)], atol=1e-11)
    assert (np.diff(maxima.response) <= 0).all()


def test_responses_of_pixels_that_are_not_square() -> None:
    z = np.random.default_rng(2).normal(0, 1, (30, 40))
    maxima = exact_maxima(z, make_scales(6.0, 6.0, 1, (2.0, 4.0)), 0.0)
    along_y = 9.0 * ndi.gaussian_filter(z, (3.0, 1.5), order=(2, 0))
    along_x = 1.5**2 * ndi.gaussian_filter(z, (3.0, 1.5), order=(0, 2))
    np.testing.assert_allclose(maxima.space[0], -along_y - along_x, atol=1e-5)
    np.testing.assert_allclose(maxima.response, (-along_y - along_x)[tuple(maxima.where[:, 1:].T)])


def test_maxima_that_single_precision_cannot_tell_apart_are_compared_in_double_precision() -> None:
    """Responses of some 1e-5 on heights of 500: their differences are below the resolution of float32."""
    z = 1e-4 * np.random.default_rng(5).normal(0, 1, (40, 44)) + 500
    scales = make_scales(1.0, 3.0, 3, (1.0, 1.0))
    true = np.stack([-ndi.gaussian_laplace(z, s) * s**2 for s in (1.0, 2.0, 3.0)])
    maxima = exact_maxima(z, scales, 1e-5)
    highest = ndi.maximum_filter(true, size=3, mode="nearest")
    expected = np.argwhere((true == highest) & (true > 1e-5))
    assert len(expected) > 20
    assert set(map(tuple, maxima.where)) == set(map(tuple, expected))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 40), (7, 5), (30, 20), (80, 90)])
def test_fast_responses_are_within_a_hundredth(shape: tuple[int, int]) -> None:
    z = ndi.gaussian_filter(np.random.default_rng(3).normal(0, 1, shape), 1) - 50
    z -= z.mean()
    maxima = fast_maxima(z - 50, make_scales(1.5, 9.0, 4, (1.0, 1.0)), 0.1)
    for plane, s in zip(maxima.space, np.linspace(1.5, 9.0, 4), strict=True):
        true = -ndi.gaussian_laplace(z, s) * s**2
        np.testing.assert_allclose(plane, true, atol=0.01 * np.abs(z).max() + 1e-6)


def test_fast_responses_from_one_pixel_on() -> None:
    z, _ = scene(5, (80, 90), 8, 0.3)
    scales = make_scales(1.0, 5.0, 10, (1.0, 1.0))
    for plane, s in zip(fast_maxima(z, scales, 0.1).space, scales.sigmas, strict=True):
        true = -ndi.gaussian_laplace(z, s) * s**2
        assert np.abs(plane - true).max() < 0.01 * np.abs(true).max()


@pytest.mark.parametrize("shape", [(5, 70, 61), (1, 40, 40), (2, 1, 9)])
def test_local_maxima_are_those_of_a_maximum_filter(shape: tuple[int, ...]) -> None:
    space = np.random.default_rng(4).normal(0, 1, shape).round(1).astype(np.float32)  # with ties
    highest = ndi.maximum_filter(space, size=3, mode="nearest")
    for threshold, tolerance in ((0.55, 0.0), (0.55, 0.25)):
        expected = np.argwhere((space + tolerance >= highest) & (space + tolerance > threshold))
        where = local_maxima(space, threshold, tolerance)
        assert set(map(tuple, where)) == set(map(tuple, expected))


def test_frames_smaller_than_the_kernel() -> None:
    for shape in ((1, 1), (1, 9), (3, 40), (7, 5)):
        z = np.random.default_rng(2).normal(0, 1, shape)
        assert_same_blobs(spots(blobs_of(z[None])), reference(z, 1, 5, 10, 0.1, 0.5))
        blobs_of(z[None], mode="fast", subpixel=True, fit="gaussian")


def test_background_and_heights_are_those_of_numpy() -> None:
    z, _ = scene(8, (60, 64), 5, 0.3)
    z[5:9, 20:24] = np.nan
    table = blobs_of(z[None], threshold=0.6)
    assert len(table) >= 4
    y, x = np.mgrid[:60, :64]
    distance = [np.hypot(y - blob.y, x - blob.x) for blob in table.itertuples()]
    occupied = np.any([d <= 2 * s for d, s in zip(distance, table.sigma, strict=True)], axis=0)
    for d, blob in zip(distance, table.itertuples(), strict=True):
        annulus = (d >= 3 * blob.sigma) & (d <= 4.5 * blob.sigma) & ~occupied & np.isfinite(z)
        background = np.median(z[annulus] if annulus.sum() >= 8 else z[~occupied & np.isfinite(z)])
        disc = z[(d <= blob.radius + 1e-9) & np.isfinite(z)]
        assert blob.background_nm == pytest.approx(background, abs=1e-12)
        assert blob.z_max_nm == pytest.approx(disc.max() - background, abs=1e-12)
        assert blob.z_mean_nm == pytest.approx(disc.mean() - background, abs=1e-12)


def test_gaussian_fits_are_those_of_scipy() -> None:
    z, _ = scene(9, (70, 70), 3, 0.2)
    start, fitted = (
        blobs_of(z[None], threshold=1.0, subpixel=True, fit=fit) for fit in ("quadratic", "gaussian")
    )
    assert len(start) == 3
    y, x = np.mgrid[:70, :70]
    for first, blob in zip(start.itertuples(), fitted.itertuples(), strict=True):
        window = np.hypot(y - first.y, x - first.x) <= 2.5 * first.sigma

        def residuals(p, window=window):
            model = p[3] * np.exp(-((y - p[0]) ** 2 + (x - p[1]) ** 2) / (2 * p[2] ** 2)) + p[4]
            return (model - z)[window]

        best = least_squares(residuals, [first.y, first.x, first.sigma, first.height_nm, 0.0]).x
        assert (blob.y, blob.x, blob.sigma) == pytest.approx(best[:3], abs=1e-3)


def test_fast_finds_the_same_particles() -> None:
    z, _ = scene(6, (120, 120), 12, 0.1)
    exact, fast = blobs_of(z[None], threshold=0.5), blobs_of(z[None], threshold=0.5, mode="fast")
    assert len(exact) >= 10
    np.testing.assert_array_equal(spots(exact), spots(fast))
    np.testing.assert_allclose(exact.response, fast.response, rtol=0.01)


def test_fast_takes_many_close_scales() -> None:
    z, _ = scene(6, (60, 60), 3, 0.0)
    keywords = {"min_sigma": 0.5, "max_sigma": 4.0, "num_sigma": 40, "threshold": 0.8}
    exact, fast = blobs_of(z[None], **keywords), blobs_of(z[None], mode="fast", **keywords)
    np.testing.assert_allclose(exact[["y", "x"]], fast[["y", "x"]])
    np.testing.assert_allclose(exact.sigma, fast.sigma, atol=0.1)


@pytest.mark.parametrize(("fit", "position", "size"), [("quadratic", 0.04, 0.12), ("gaussian", 1e-4, 1e-3)])
def test_refinement_finds_a_clean_particle(fit: str, position: float, size: float) -> None:
    y, x = np.mgrid[:48, :48]
    for cy, cx, s in ((20.3, 25.7, 2.2), (24.5, 24.0, 3.1), (23.9, 22.2, 1.6)):
        z = 4 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s)) - 30
        row = blobs_of(z[None], subpixel=True, fit=fit).iloc[0]
        assert math.hypot(row.y - cy, row.x - cx) < position
        assert row.sigma == pytest.approx(s, abs=size)
        assert row.background_nm == pytest.approx(-30, abs=0.05)
        assert row.height_nm == pytest.approx(4, rel=0.025)
        assert row.response == pytest.approx(2.0, rel=0.03)


def test_refinement_is_unbiased_in_noise() -> None:
    """Truth: 40 movies' worth of one particle at random sub-pixel positions, noise 0.3 nm under 5 nm."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:33, :33]
    left, right, heights = [], [], []
    for _ in range(40):
        cy, cx = 16 + rng.uniform(-0.5, 0.5, 2)
        z = 5 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 3.0**2)) + rng.normal(0, 0.3, y.shape)
        row = blobs_of(z[None], subpixel=True, fit="gaussian", threshold=1.0, num_sigma=6).iloc[0]
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
        row = blobs_of(
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
    plain = blobs_of(z[None], pixel_size_nm=2.0, threshold=0.4)
    in_nm = blobs_of(z[None], pixel_size_nm=2.0, threshold=0.4, min_sigma_nm=2, max_sigma_nm=10)
    np.testing.assert_allclose(spots(plain), spots(in_nm))
    np.testing.assert_allclose(plain.y_nm, 2 * plain.y)


def test_blocks_give_what_frames_give() -> None:
    block = np.stack([scene(i, (40, 44), 4, 0.3)[0] for i in range(3)]).astype(np.float32)
    for keywords in ({}, {"mode": "fast"}, {"subpixel": True, "fit": "gaussian"}):
        whole = blobs_of(block, first_frame=5, **keywords)
        parts = [blobs_of(block[i : i + 1], first_frame=5 + i, **keywords) for i in range(3)]
        pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True), check_exact=True)
        assert sorted(whole.frame.unique()) == [5, 6, 7]
        for _, rows in whole.groupby("frame"):
            assert list(rows.label) == list(range(1, len(rows) + 1))


def test_lost_pixels_and_lost_frames() -> None:
    z, _ = scene(11, (50, 50), 3, 0.1)
    holed = np.stack([z, np.full_like(z, np.nan), np.full_like(z, 450.0)])
    holed[0, :2] = np.nan
    before = holed.copy()
    table = blobs_of(holed, subpixel=True, threshold=0.5)
    np.testing.assert_array_equal(holed, before)
    assert set(table.frame) == {0}
    assert np.isfinite(table.to_numpy(float)).all()


def test_whole_numbers_are_heights() -> None:
    z = np.round(10 * scene(12, (40, 40), 3, 0.0)[0]).astype(np.int16)
    assert_same_blobs(spots(blobs_of(z[None])), reference(z.astype(float), 1, 5, 10, 0.1, 0.5))
    wide = np.repeat(z[None], 2, axis=2)[:, :, ::2]
    pd.testing.assert_frame_equal(blobs_of(wide), blobs_of(z[None].astype(float)))


def test_nothing_to_find() -> None:
    for shape in ((0, 9, 9), (2, 9, 9)):
        table = blobs_of(np.zeros(shape), subpixel=True, fit="gaussian")
        assert table.empty
        assert tuple(table.columns) == COLUMNS
        assert table.frame.dtype == np.int64


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"min_sigma": 0}, "sigma"),
        ({"min_sigma": 6}, "sigma"),
        ({"min_sigma_nm": 2.0}, "must be given together"),
        ({"num_sigma": 0}, "num_sigma"),
        ({"overlap": 1.5}, "overlap"),
        ({"mode": "quick"}, "mode"),
        ({"fit": "spline"}, "fit"),
    ],
)
def test_wrong_parameters_are_named(change: dict, word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        blobs_of(np.zeros((1, 8, 8)), **change)


def test_a_frame_far_from_zero_is_warned_of():
    y, x = np.mgrid[:40, :40]
    frame = np.exp(-((y - 20) ** 2 + (x - 15) ** 2) / 18)[None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        near = find_blobs(frame, BlobOptions(threshold=0.1))
        find_blobs(frame + 1000, BlobOptions(threshold=0.1, mode="fast"))
        find_blobs(frame + 1000, BlobOptions(threshold=10))
    assert len(near) == 1
    for offset in (1000, -1000):
        with pytest.warns(UserWarning, match=r"beyond the threshold of 0\.1: level the movie first"):
            find_blobs(frame + offset, BlobOptions(threshold=0.1))
