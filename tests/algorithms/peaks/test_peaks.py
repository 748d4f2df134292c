"""Peaks against brute force and drawn truth."""

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

from playNano.algorithms._common.spacing import refine_maxima, select_separated
from playNano.algorithms.peaks import PeakOptions, find_peaks
from playNano.algorithms.peaks.peaks import COLUMNS
from playNano.errors import ParameterError


def peaks_of(
    block: npt.ArrayLike, *, first_frame: int = 0, pixel_size_nm: tuple[float, float] = (1.0, 1.0), **options
) -> pd.DataFrame:
    return find_peaks(block, PeakOptions(**options), first_frame=first_frame, pixel_size_nm=pixel_size_nm)


def hills(seed: int, shape: tuple[int, int] = (22, 26)) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(size=shape)
    return (4 * ndi.gaussian_filter(noise, 1.0)).astype(np.float32)


def brute_prominence(z: npt.NDArray[np.floating], row: int, col: int) -> float:
    """Lower the water until the peak's island holds something higher."""
    for level in np.unique(z[z <= z[row, col]])[::-1]:
        if level <= 0:
            break
        island = measure.label(z >= level, connectivity=2)
        if z[island == island[row, col]].max() > z[row, col]:
            return float(z[row, col]) - float(level)
    return float(z[row, col])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_peaks_and_prominences_are_those_of_brute_force(seed: int) -> None:
    z = hills(seed)
    table = peaks_of(z[None], min_prominence_nm=0, background="zero", remove_edge=False, subpixel=False)
    expected = morphology.local_maxima(z, connectivity=2) & (z > 0)
    at = table[["y", "x"]].to_numpy().astype(int)
    assert {tuple(p) for p in at} == {tuple(p) for p in np.argwhere(expected)}
    assert (np.diff(table.z_max_nm) <= 0).all()
    for (row, col), prominence in zip(at, table.prominence_nm, strict=True):
        assert prominence == pytest.approx(brute_prominence(z, row, col), abs=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.floats(0.0, 2.0), st.floats(0.0, 2.0), st.floats(0.0, 8.0))
def test_limits_select_from_all(seed: int, height: float, prominence: float, distance: float) -> None:
    z = hills(seed)
    every = peaks_of(z[None], min_prominence_nm=0, subpixel=False)
    some = peaks_of(
        z[None], min_height_nm=height, min_prominence_nm=prominence, min_distance_nm=distance, subpixel=False
    )
    high = every[(every.z_max_nm >= height) & (every.prominence_nm >= prominence)]
    selected: list[tuple[float, float]] = []
    for y, x in high[["y", "x"]].to_numpy():
        if all(math.hypot(y - a, x - b) >= distance for a, b in selected):
            selected.append((y, x))
    assert [tuple(p) for p in some[["y", "x"]].to_numpy()] == selected
    assert list(some.label) == list(range(1, len(some) + 1))


def test_particles_are_located_between_pixels_and_in_nanometres() -> None:
    pixel = (2.0, 0.5)
    y, x = np.mgrid[:60, :200]
    truth = np.array([[30.7, 22.2], [61.1, 70.4], [90.2, 41.9]])
    z = np.full(y.shape, -20.0)
    for cy, cx in truth:
        z += 5 * np.exp(-((y * 2 - cy) ** 2 + (x * 0.5 - cx) ** 2) / 72)
    z += np.random.default_rng(0).normal(0, 0.1, z.shape)
    table = peaks_of(
        z[None], pixel_size_nm=pixel, min_height_nm=2, min_distance_nm=10, smoothing_px=2, first_frame=3
    )
    assert len(table) == 3
    assert set(table.frame) == {3}
    np.testing.assert_allclose(table.sort_values("y_nm")[["y_nm", "x_nm"]], truth, atol=1.0)
    np.testing.assert_allclose(table.background_nm, -20, atol=0.2)
    np.testing.assert_allclose(table.z_max_nm, 5, atol=1.2)


def test_a_plateau_counts_once_and_the_border_can_be_dropped() -> None:
    z = np.zeros((1, 12, 12))
    z[0, 3:6, 3:7] = 2
    z[0, 0, 9] = 3
    assert len(peaks_of(z, remove_edge=True)) == 1
    assert peaks_of(z).touches_edge.tolist() == [True, False]


def test_lost_pixels_separate_peaks_and_lost_frames_are_empty() -> None:
    z = np.zeros((3, 15, 15))
    z[:, 7, 4:11] = 1, 2, 3, 2.5, 3.5, 2, 1
    z[1, :, 7] = np.nan
    z[2] = np.nan
    before = z.copy()
    table = peaks_of(z, min_prominence_nm=0.1, background="zero")
    np.testing.assert_array_equal(z, before)
    assert list(table.prominence_nm[table.frame == 0]) == [3.5, 0.5]
    assert list(table.prominence_nm[table.frame == 1]) == [3.5, 3.0]
    assert set(table.frame) == {0, 1}
    assert np.isfinite(peaks_of(z, smoothing_px=1, min_prominence_nm=0.1).to_numpy(float)).all()


def test_blocks_and_kinds_do_not_matter() -> None:
    block = np.stack([hills(i) for i in range(3)])
    whole = peaks_of(block)
    parts = [peaks_of(block[i : i + 1], first_frame=i) for i in range(3)]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True), check_exact=True)
    integers = np.round(10 * block).astype(np.int16)
    pd.testing.assert_frame_equal(peaks_of(integers), peaks_of(integers.astype(float)))
    assert tuple(peaks_of(np.zeros((0, 5, 5))).columns) == COLUMNS
    assert peaks_of(np.zeros((2, 5, 5))).empty


def test_refined_maxima_stay_within_half_a_pixel() -> None:
    y, x = np.mgrid[:9, :9]
    z = 3 - (y - 4.3) ** 2 - 0.5 * (x - 3.8) ** 2
    np.testing.assert_allclose(refine_maxima(z, np.array([[4, 4]])), [[4.3, 3.8]], atol=1e-5)
    assert (np.abs(refine_maxima(z, np.array([[2, 2], [0, 0]])) - [[2, 2], [0, 0]]) <= 0.5).all()
    assert select_separated(np.empty((0, 2)), 3).size == 0


@pytest.mark.parametrize(
    "change", [{"background": "plane"}, {"min_distance_nm": -1}, {"smoothing_px": float("nan")}]
)
def test_wrong_parameters_are_named(change: dict) -> None:
    with pytest.raises(ParameterError, match=next(iter(change))):
        peaks_of(np.zeros((1, 4, 4)), **change)
