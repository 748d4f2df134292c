"""Regions against scikit-image, scipy and plain loops."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from skimage import measure, morphology

from playNano.algorithms.regions import RegionOptions, find_regions
from playNano.algorithms.regions.regions import BASIC_COLUMNS, FULL_COLUMNS
from playNano.errors import ParameterError


def noisy_masks(seed: int, shape: tuple[int, int, int], density: float) -> npt.NDArray[np.bool_]:
    return np.random.default_rng(seed).random(shape) < density


def oracle(
    mask: npt.NDArray[np.bool_], min_size: float, remove_edge: bool
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """The contract's filters in scikit-image's words."""
    labels = measure.label(mask, connectivity=2)
    height, width = mask.shape
    out = np.zeros_like(labels)
    kept = []
    for region in measure.regionprops(labels):
        r0, c0, r1, c1 = region.bbox
        edge = r0 == 0 or c0 == 0 or r1 == height or c1 == width
        if region.area >= min_size and not (edge and remove_edge):
            kept.append(region.label)
            out[labels == region.label] = len(kept)
    return out, kept


frames = st.tuples(
    st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40), st.floats(0.05, 0.95), st.booleans()
)


@settings(deadline=None, max_examples=60)
@given(frames, st.integers(0, 12))
def test_partition_and_statistics_are_those_of_scikit_image(frame: tuple, min_size: int) -> None:
    seed, height, width, density, remove_edge = frame
    masks = noisy_masks(seed, (2, height, width), density)
    z = np.random.default_rng(seed).normal(-150, 3, masks.shape).astype(np.float32)
    result = find_regions(
        z, masks, RegionOptions(min_size=min_size, remove_edge=remove_edge), properties="basic"
    )
    assert result.labels.dtype == np.int32
    for i, mask in enumerate(masks):
        expected, _ = oracle(mask, min_size, remove_edge)
        np.testing.assert_array_equal(result.labels[i], expected)
        rows = result.table[result.table.frame == i]
        regions = measure.regionprops(expected, z[i].astype(float))
        assert list(rows.label) == [r.label for r in regions]
        for row, region in zip(rows.itertuples(), regions, strict=True):
            assert row.area_px == region.area
            assert (row.bbox_min_row, row.bbox_min_col, row.bbox_max_row, row.bbox_max_col) == region.bbox
            assert (row.min, row.max) == (region.intensity_min, region.intensity_max)
            np.testing.assert_allclose((row.y, row.x), region.centroid, rtol=1e-13, atol=1e-12)
            assert row.mean == pytest.approx(region.intensity_mean, rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.2, 0.8), st.sampled_from([0.5, 1.0, 3.0]))
def test_shapes_are_those_of_scikit_image_for_square_pixels(seed: int, density: float, size: float) -> None:
    masks = noisy_masks(seed, (1, 30, 33), density)
    z = np.random.default_rng(seed).normal(5, 1, masks.shape).astype(np.float32)
    result = find_regions(
        z, masks, RegionOptions(min_size=1, remove_edge=False, background="zero"), pixel_size_nm=(size, size)
    )
    regions = measure.regionprops(result.labels[0], z[0].astype(np.float64))
    for row, region in zip(result.table.itertuples(), regions, strict=True):
        assert row.perimeter_nm == pytest.approx(region.perimeter_crofton * size, rel=1e-9)
        assert row.major_axis_nm == pytest.approx(region.axis_major_length * size, abs=1e-6)
        assert row.minor_axis_nm == pytest.approx(region.axis_minor_length * size, abs=1e-6)
        assert row.eccentricity == pytest.approx(region.eccentricity, abs=1e-6)
        if not math.isnan(row.orientation_rad) and row.major_axis_nm - row.minor_axis_nm > 1e-6:
            turn = (row.orientation_rad - region.orientation) % math.pi
            assert min(turn, math.pi - turn) < 1e-6
        np.testing.assert_allclose((row.y_weighted, row.x_weighted), region.centroid_weighted, rtol=1e-9)


def test_shapes_of_an_ellipse_do_not_depend_on_the_pixel() -> None:
    """One ellipse in nanometres, sampled with tall, wide and square pixels."""
    angle, axes = 0.5, (80.0, 40.0)  # semi-axes
    ellipse_perimeter = 4 * axes[0] * 1.2110560275684594
    for pixel in ((1.0, 1.0), (2.0, 1.0), (0.7, 2.1)):
        height, width = int(220 / pixel[0]), int(220 / pixel[1])
        y = np.arange(height)[:, None] * pixel[0] - 110
        x = np.arange(width)[None, :] * pixel[1] - 110
        u = y * math.cos(angle) + x * math.sin(angle)
        v = -y * math.sin(angle) + x * math.cos(angle)
        mask = (u / axes[0]) ** 2 + (v / axes[1]) ** 2 <= 1
        row = find_regions(3.0 * mask[None], mask[None], pixel_size_nm=pixel).table.iloc[0]
        assert row.major_axis_nm == pytest.approx(160, rel=0.01)
        assert row.minor_axis_nm == pytest.approx(80, rel=0.01)
        assert row.orientation_rad == pytest.approx(angle, abs=0.01)
        assert row.eccentricity == pytest.approx(math.sqrt(0.75), abs=0.005)
        assert row.perimeter_nm == pytest.approx(ellipse_perimeter, rel=0.06)
        assert row.area_nm2 == pytest.approx(math.pi * axes[0] * axes[1], rel=0.01)
        assert row.y_nm == pytest.approx(110, abs=1)
        assert row.volume_nm3 == pytest.approx(3 * row.area_nm2)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.3, 0.9), st.booleans(), st.none() | st.integers(1, 12))
def test_holes_are_filled_as_by_scipy_and_scikit_image(
    seed: int, density: float, edge: bool, area: int | None
) -> None:
    masks = noisy_masks(seed, (2, 25, 31), density)
    z = np.ones(masks.shape)
    result = find_regions(
        z,
        masks,
        RegionOptions(min_size=0, remove_edge=edge, fill_holes=True, hole_area=area),
        properties="basic",
    )
    for i, mask in enumerate(masks):
        if area is None:
            filled = ndi.binary_fill_holes(mask)
        else:
            pytest.importorskip("skimage", minversion="0.26", reason="the oracle was called otherwise")
            filled = morphology.remove_small_holes(mask, max_size=area - 1, connectivity=1)
        np.testing.assert_array_equal(result.labels[i], oracle(filled, 0, edge)[0])


def test_hole_area_needs_fill_holes() -> None:
    with pytest.raises(ParameterError, match="hole_area needs fill_holes=True"):
        RegionOptions(hole_area=5)


def grown(mask: npt.NDArray[np.bool_], by: int) -> npt.NDArray[np.bool_]:
    return ndi.maximum_filter(mask, size=2 * by + 1, mode="constant", cval=0)


def annulus_oracle(
    z: npt.NDArray[np.float64],
    mask: npt.NDArray[np.bool_],
    large: npt.NDArray[np.bool_],
    region: npt.NDArray[np.bool_],
    gap: int,
    width: int,
) -> float:
    substrate = ~mask & np.isfinite(z)
    outer = grown(region, gap + width) & substrate
    for annulus in (outer & ~grown(large, gap), outer & ~grown(region, gap)):
        if annulus.sum() >= 8:
            return float(np.median(z[annulus]))
    return float(np.median(z[substrate])) if substrate.any() else math.nan


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000),
    st.floats(0.005, 0.7),
    st.integers(0, 4),
    st.integers(1, 6),
    st.booleans(),
    st.sampled_from([35, 64, 150]),
    st.integers(1, 6),
)
def test_background_is_the_median_of_the_annulus(
    seed: int, density: float, gap: int, width: int, coarse: bool, columns: int, min_size: int
) -> None:
    rng = np.random.default_rng(seed)
    masks = noisy_masks(seed, (1, 28, columns), density)
    z = rng.normal(-40, 1, masks.shape)
    if coarse:  # quantised heights: many ties
        z = np.round(z)
    z[rng.random(z.shape) < 0.05] = np.nan
    # Single precision is what a kernel sees, double what the heights above the background are computed in.
    z = z.astype(np.float32).astype(np.float64)
    result = find_regions(
        z,
        masks,
        RegionOptions(min_size=min_size, remove_edge=False, annulus_gap_px=gap, annulus_width_px=width),
    )
    for row in result.table.itertuples():
        region = result.labels[0] == row.label
        background = annulus_oracle(z[0], masks[0], result.labels[0] > 0, region, gap, width)
        np.testing.assert_equal(row.background_nm, background)
        if math.isnan(background):
            continue
        heights = z[0][region] - background
        assert row.z_max_nm == pytest.approx(heights.max(), abs=1e-9)
        assert row.z_min_nm == pytest.approx(heights.min(), abs=1e-9)
        assert row.z_mean_nm == pytest.approx(heights.mean(), abs=1e-9)
        flanks = flank_oracle(masks[0] & np.isfinite(z[0]), region, gap, min_size) * np.isfinite(z[0])
        beside = (flanks * (np.nan_to_num(z[0]) - background)).sum()
        assert row.volume_nm3 == pytest.approx(heights.sum() + beside, abs=1e-4)


def flank_oracle(
    mask: npt.NDArray[np.bool_], region: npt.NDArray[np.bool_], gap: int, min_size: int
) -> npt.NDArray[np.bool_]:
    """Return the flanks of a region; of the pixels near several, it has every second where it is first or last."""
    labels = measure.label(mask, connectivity=2)
    large = [labels == k for k in range(1, labels.max() + 1) if (labels == k).sum() >= min_size]
    square = np.ones((3, 3))
    near = [ndi.binary_dilation(one, square, iterations=gap) if gap else one for one in large]
    own = next(k for k, one in enumerate(large) if one[region].all())
    first, last = np.full(mask.shape, -1), np.full(mask.shape, -1)
    for k, one in enumerate(near):
        first[one & (first < 0)] = k
        last[one] = k
    y, x = np.indices(mask.shape)
    flanks: npt.NDArray[np.bool_] = np.where((y + x) % 2 == 1, last, first) == own
    return flanks & ~np.any(large, axis=0)


def test_labels_are_written_into_a_given_array() -> None:
    masks = noisy_masks(1, (3, 20, 22), 0.3)
    z = np.ones(masks.shape)
    out = np.full(masks.shape, 7, np.int32)
    result = find_regions(z, masks, out=out)
    assert result.labels is out
    np.testing.assert_array_equal(out, find_regions(z, masks).labels)
    for wrong in (out[:2], out.astype(np.int64), np.asfortranarray(out)):
        with pytest.raises(ParameterError, match="out"):
            find_regions(z, masks, out=wrong)


def test_background_of_the_frame_and_none() -> None:
    z = np.arange(400.0).reshape(1, 20, 20)
    mask = np.zeros(z.shape, bool)
    mask[0, 5:10, 5:10] = True
    frame = find_regions(z, mask, RegionOptions(background="frame")).table.iloc[0]
    assert frame.background_nm == np.median(z[~mask])
    assert find_regions(z, mask, RegionOptions(background="zero")).table.background_nm.iloc[0] == 0


def test_pixels_that_are_not_finite_belong_to_nothing() -> None:
    z = np.full((1, 20, 20), 2.0)
    mask = np.zeros(z.shape, bool)
    mask[0, 5:12, 5:12] = True
    z[0, 8, 8] = np.nan
    z[0, 6, 6] = np.inf
    z[0, 1, 1] = np.nan
    for fill in (False, True):
        result = find_regions(z, mask, RegionOptions(fill_holes=fill))
        row = result.table.iloc[0]
        assert row.area_px == 47
        assert (row["min"], row["max"], row["mean"]) == (2, 2, 2)
        assert result.labels[0, 8, 8] == 0
    z[0, :, 8] = np.nan  # a lost column parts the region
    assert len(find_regions(z, mask).table) == 2


def test_limits_in_nanometres() -> None:
    z = np.zeros((1, 40, 60))
    for i, (side, height) in enumerate([(4, 2.0), (5, 4.0), (8, 6.0)]):
        z[0, 10 : 10 + side, 5 + 18 * i : 5 + 18 * i + side] = height
    mask = z > 1

    def areas(properties: str = "full", **limits: float) -> list[int]:
        options = RegionOptions(**limits)
        result = find_regions(z, mask, options, pixel_size_nm=(2.0, 0.5), properties=properties)
        assert list(result.table.label) == list(range(1, len(result.table) + 1))
        assert set(np.unique(result.labels)) - {0} == set(result.table.label)
        return list(result.table.area_px)

    assert areas() == [16, 25, 64]
    assert areas(min_area_nm2=25) == [25, 64]
    assert areas(max_area_nm2=25) == [16, 25]
    heights = list(find_regions(z, mask, pixel_size_nm=(2.0, 0.5)).table.height_nm)
    assert heights[0] < heights[1] < heights[2]
    assert areas(min_height_nm=heights[1]) == [25, 64]
    assert areas(max_height_nm=heights[1]) == [16, 25]
    assert areas("basic", min_height_nm=heights[1]) == [25, 64]


def test_unknown_background_passes_no_height_limit() -> None:
    z = np.ones((1, 12, 12))
    mask = np.ones(z.shape, bool)
    row = find_regions(z, mask, RegionOptions(remove_edge=False)).table.iloc[0]
    assert math.isnan(row.z_max_nm)
    assert row.area_px == 144
    assert find_regions(z, mask, RegionOptions(remove_edge=False, min_height_nm=0)).table.empty
    assert find_regions(z, mask, RegionOptions(remove_edge=False, max_height_nm=9)).table.empty


@pytest.mark.parametrize("properties", ["basic", "full"])
def test_result_does_not_depend_on_the_block(properties: str) -> None:
    masks = noisy_masks(5, (6, 80, 81), 0.12)  # more regions than the first table holds
    z = np.random.default_rng(5).normal(size=masks.shape).astype(np.float32)
    whole = find_regions(z, masks, RegionOptions(min_size=1, remove_edge=False), properties=properties)
    assert len(whole.table) > 6 * 100
    parts = [
        find_regions(
            z[i : i + 1],
            masks[i : i + 1],
            RegionOptions(min_size=1, remove_edge=False),
            first_frame=i,
            properties=properties,
        )
        for i in range(6)
    ]
    np.testing.assert_array_equal(np.concatenate([p.labels for p in parts]), whole.labels)
    pd.testing.assert_frame_equal(
        pd.concat([p.table for p in parts], ignore_index=True), whole.table, check_exact=True
    )


def test_inputs_of_other_kinds() -> None:
    mask = np.zeros((2, 20, 24), bool)
    mask[:, 4:9, 4:11] = True
    z = mask * 7
    reference = find_regions(z.astype(float), mask)
    for block, given_masks in (
        (z, mask),
        (z.astype(np.uint16), mask.astype(np.uint8) * 255),
        (np.asfortranarray(z.astype(float)), np.asfortranarray(mask)),
        (np.repeat(z, 2, axis=2)[:, :, ::2], np.repeat(mask, 2, axis=2)[:, :, ::2]),
    ):
        before = block.copy(), given_masks.copy()
        result = find_regions(block, given_masks)
        pd.testing.assert_frame_equal(result.table, reference.table)
        np.testing.assert_array_equal(block, before[0])
        np.testing.assert_array_equal(given_masks, before[1])
    # A mask that does not begin at an aligned address.
    buffer = np.zeros(mask.size + 3, bool)
    buffer[3:] = mask.ravel()
    pd.testing.assert_frame_equal(find_regions(z, buffer[3:].reshape(mask.shape)).table, reference.table)


@pytest.mark.parametrize("shape", [(0, 8, 8), (1, 0, 0), (1, 1, 1), (2, 16, 16), (1, 3, 100)])
def test_nothing_to_find(shape: tuple[int, int, int]) -> None:
    for properties, columns in (("basic", BASIC_COLUMNS), ("full", FULL_COLUMNS)):
        result = find_regions(np.zeros(shape), np.zeros(shape, bool), properties=properties)
        assert result.labels.shape == shape
        assert tuple(result.table.columns) == columns
        assert result.table.empty
        assert result.table["label"].dtype == np.int64
        assert result.table["y"].dtype == np.float64


def test_single_pixels_have_no_direction() -> None:
    mask = np.zeros((1, 9, 9), bool)
    mask[0, 4, 4] = True
    row = find_regions(mask * 1.0, mask, RegionOptions(min_size=1)).table.iloc[0]
    assert (row.major_axis_nm, row.minor_axis_nm, row.eccentricity) == (0, 0, 0)
    assert math.isnan(row.orientation_rad)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"background": "plane"}, "background"),
        ({"annulus_gap_px": -1}, "annulus_gap_px"),
        ({"annulus_width_px": 0}, "annulus_width_px"),
        ({"min_size": -1}, "min_size"),
        ({"hole_area": 0, "fill_holes": True}, "hole_area"),
        ({"max_area_nm2": -1.0}, "max_area_nm2"),
        ({"separate": "erosion"}, "separate"),
        ({"separate_depth_nm": -1.0}, "separate_depth_nm"),
    ],
)
def test_wrong_options_are_named(change: dict, word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        RegionOptions(**change)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"properties": "all"}, "properties"),
        ({"pixel_size_nm": (0.0, 1.0)}, "pixel_size_nm"),
        ({"pixel_size_nm": float("nan")}, "pixel_size_nm"),
    ],
)
def test_wrong_arguments_are_named(change: dict, word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        find_regions(np.zeros((1, 4, 4)), np.zeros((1, 4, 4), bool), **change)


def test_shapes_must_match() -> None:
    with pytest.raises(ParameterError, match="masks"):
        find_regions(np.zeros((1, 4, 4)), np.zeros((4, 4), bool))
    with pytest.raises(ParameterError, match="axes"):
        find_regions(np.zeros((4, 4)), np.zeros((4, 4), bool))


def test_double_precision_far_from_zero_loses_nothing():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:40, :40]
    frame = 0.1 * np.exp(-((y - 20.3) ** 2 + (x - 17.8) ** 2) / 18) + rng.normal(0, 0.005, (40, 40))
    mask = (frame > 0.04)[None]
    near = find_regions(frame[None], mask, RegionOptions(min_height_nm=0.05)).table
    for offset in (1e5, -3e6):
        far = find_regions(frame[None] + offset, mask, RegionOptions(min_height_nm=0.05)).table
        moved = ["min", "max", "mean", "background_nm"]
        np.testing.assert_allclose(far[moved] - offset, near[moved], atol=1e-7)
        rest = [name for name in near if name not in (*moved, "touches_edge")]
        np.testing.assert_allclose(far[rest], near[rest], rtol=1e-6, atol=1e-7)
    zero = find_regions(frame[None] + 1e5, mask, RegionOptions(background="zero")).table
    assert zero["height_nm"].tolist() == pytest.approx([1e5], rel=1e-5)
