"""Separating touching particles, against scikit-image and drawn truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from skimage import measure, morphology

from playNano.algorithms._common.flooding import flood_basins
from playNano.algorithms.regions import RegionOptions, find_regions
from playNano.algorithms.regions.separate import Separation, distance_nm, separate_touching
from playNano.errors import ParameterError


def discs(
    centres: list[tuple[float, float]], radius: float, shape: tuple[int, int], pixel: tuple[float, float]
) -> npt.NDArray[np.bool_]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for cy, cx in centres:
        mask |= (y * pixel[0] - cy) ** 2 + (x * pixel[1] - cx) ** 2 <= radius**2
    return mask


def hills(seed: int, shape: tuple[int, int], sigma: float = 1.0) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(size=shape)
    return (4 * ndi.gaussian_filter(noise, sigma)).astype(np.float32)


@pytest.mark.parametrize("pixel", [(1.0, 1.0), (3.0, 1.0), (0.5, 1.5)])
@pytest.mark.parametrize("method", ["watershed", "opening"])
def test_touching_discs_are_separated_whatever_the_pixel(method: str, pixel: tuple[float, float]) -> None:
    shape = (int(60 / pixel[0]), int(120 / pixel[1]))
    mask = discs([(30, 30), (30, 52), (30, 74)], 13, shape, pixel)
    assert measure.label(mask).max() == 1
    result = find_regions(
        mask[None] * 2.0,
        mask[None],
        RegionOptions(separate=method, separate_radius_nm=9, separate_depth_nm=1.5),
        pixel_size_nm=pixel,
    )
    assert (result.labels[0] > 0).sum() == mask.sum()  # nothing is lost
    np.testing.assert_allclose(np.sort(result.table.x_nm), [29, 52, 75], atol=1.6)
    np.testing.assert_allclose(result.table.y_nm, 30, atol=1)


def test_height_distinguishes_a_double_peak_from_noise() -> None:
    y, x = np.mgrid[:40, :60]
    z = 6 * np.exp(-((y - 20) ** 2 + (x - 22) ** 2) / 50) + 5 * np.exp(-((y - 20) ** 2 + (x - 38) ** 2) / 50)
    z = (z + np.random.default_rng(0).normal(0, 0.1, z.shape))[None]
    mask = z > 1.5
    assert len(find_regions(z, mask).table) == 1
    two = find_regions(z, mask, RegionOptions(separate="watershed", separate_by="height"))
    assert len(two.table) == 2
    np.testing.assert_allclose(np.sort(two.table.x_weighted), [22, 38], atol=1)
    assert (
        len(
            find_regions(
                z, mask, RegionOptions(separate="watershed", separate_by="height", separate_depth_nm=5)
            ).table
        )
        == 1
    )
    many = separate_touching(z, mask, Separation(by="height", depth_nm=0.0))
    assert many.max() > 2


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.05, 3.0))
def test_basins_are_the_h_maxima(seed: int, depth: float) -> None:
    z = hills(seed, (24, 31))
    basins = flood_basins(z, np.ones(z.shape, bool), depth)
    basin, separate = basins.labels.ravel(), basins.is_separate
    whole = morphology.reconstruction(z - np.float32(depth), z)
    domes = measure.label(morphology.local_maxima(whole), connectivity=2)
    assert separate.sum() == domes.max() == basin.max()
    # One separate peak in each dome, and each dome within one basin.
    kept = basins.peaks[separate]
    assert set(domes.ravel()[kept]) == set(range(1, domes.max() + 1))
    for dome in range(1, domes.max() + 1):
        assert len(set(basin[domes.ravel() == dome])) == 1
    assert (basins.prominences[~separate] < depth).all()


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    st.booleans(),
    st.sampled_from(["height", "distance", "opening"]),
)
def test_parts_are_connected_and_numbered_without_gaps(
    seed: int, depth: float, coarse: bool, by: str
) -> None:
    z = hills(seed, (40, 43), sigma=0.5 + (seed % 3) / 4)
    if coarse:  # plateaus
        z = np.round(2 * z) / 2
    mask = z > 0
    if by == "opening":
        parts = separate_touching(z[None], mask[None], Separation(method="opening", radius_nm=depth + 1))[0]
    else:
        parts = separate_touching(z[None], mask[None], Separation(by=by, depth_nm=depth))[0]
    np.testing.assert_array_equal(parts > 0, mask)
    assert set(parts[mask]) == set(range(1, parts.max() + 1))
    assert measure.label(parts, connectivity=2).max() == parts.max()  # as many pieces as numbers


def test_basins_that_meet_in_one_pixel_beside_a_third_stay_whole() -> None:
    # From the pixel in the middle (2.0) the way up is steepest into the deep basin of 9; the shallow one
    # of 2.2 merges there with the highest.
    z = np.array([[2.1, 0.0, 9.0], [0.0, 2.0, 0.0], [2.05, 0.0, 0.0], [9.5, 0.0, 0.0]], np.float32)
    mask = z > 0
    parts = separate_touching(z[None], mask[None], Separation(by="height", depth_nm=0.5))[0]
    np.testing.assert_array_equal(parts, [[1, 0, 2], [0, 1, 0], [1, 0, 0], [1, 0, 0]])


def test_a_plateau_is_one_part_even_without_depth() -> None:
    z = np.zeros((6, 7))
    z[1:5, 1] = z[1:5, 5] = z[4, 1:6] = 3.0  # a U, whose two ends come first in raster order
    assert separate_touching(z[None], z[None] > 0, Separation(by="height", depth_nm=0.0)).max() == 1


def test_peaks_are_sorted_by_height_and_then_by_position() -> None:
    z = np.zeros((5, 9), np.float32)
    z[1, [1, 3, 5, 7]] = 2.0, 3.0, 2.0, -1e-30
    z[3, [2, 6]] = 3.0, -3.5
    basins = flood_basins(z, np.ones(z.shape, bool), 0.5)
    assert list(basins.peaks[basins.is_separate]) == [12, 29, 10, 14]


def test_opening_keeps_what_the_disc_does_not_enter() -> None:
    mask = np.zeros((1, 30, 40), bool)
    mask[0, 5:15, 5:15] = True
    mask[0, 22, 3:30] = True  # a thread, thinner than the disc
    parts = separate_touching(mask * 1.0, mask, Separation(method="opening", radius_nm=3))
    assert parts.max() == 2
    np.testing.assert_array_equal(parts > 0, mask)
    only = separate_touching(mask[:, 20:] * 1.0, mask[:, 20:], Separation(method="opening", radius_nm=3))
    assert only.max() == 1


def test_distance_follows_the_pixel() -> None:
    mask = np.ones((5, 5), bool)
    assert np.isinf(distance_nm(mask, (1, 1))).all()
    mask[0] = False
    np.testing.assert_array_equal(distance_nm(mask, (2.0, 7.0))[:, 0], [0, 2, 4, 6, 8])
    np.testing.assert_array_equal(separate_touching(mask[None] * 1.0, mask[None])[0], mask)


def test_empty_and_lost_frames_have_no_parts() -> None:
    z = np.full((2, 8, 8), np.nan)
    for method in ("opening", "watershed"):
        assert separate_touching(z, np.ones(z.shape, bool), Separation(method=method)).max() == 0
        assert (
            separate_touching(
                np.zeros((1, 8, 8), int), np.zeros((1, 8, 8), bool), Separation(method=method)
            ).max()
            == 0
        )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"method": "erosion"}, "method"),
        ({"by": "colour"}, "by"),
        ({"depth_nm": -1}, "depth_nm"),
        ({"radius_nm": float("nan")}, "radius_nm"),
    ],
)
def test_wrong_parameters_are_named(change: dict, word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        Separation(**change)


def test_shapes_must_match() -> None:
    with pytest.raises(ParameterError, match="shape"):
        separate_touching(np.zeros((1, 4, 4)), np.zeros((4, 4), bool))
