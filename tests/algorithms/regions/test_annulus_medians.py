"""The median of the annulus around regions against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest

from playNano.algorithms.regions import RegionOptions, find_regions


def expected(values: np.ndarray) -> float:
    # The mean of the central two in double precision.
    return float(np.median(values.astype(np.float64)))


@pytest.mark.parametrize("gap", [np.nan, -np.nan, np.inf, -np.inf])
def test_missing_pixels_are_left_out_of_an_annulus(gap: float) -> None:
    rng = np.random.default_rng(5)
    frame = rng.normal(0, 0.1, (1, 40, 40)).astype(np.float32)
    frame[0, 18:22, 18:22] = 5.0
    holes = rng.random(frame.shape) < 0.3
    holes[0, 18:22, 18:22] = False
    frame[holes] = np.float32(gap)
    mask = np.zeros(frame.shape, dtype=bool)
    mask[0, 18:22, 18:22] = True
    annulus = np.zeros(frame.shape, dtype=bool)
    annulus[0, 13:27, 13:27] = True
    annulus[0, 16:24, 16:24] = False
    result = find_regions(frame, mask, RegionOptions(annulus_gap_px=2, annulus_width_px=3)).table
    assert result.background_nm.tolist() == [expected(frame[annulus & ~holes])]


@pytest.mark.parametrize("side", [30, 200])
@pytest.mark.parametrize("share", [0.005, 0.04])
def test_annulus_is_that_of_dilations(side: int, share: float) -> None:
    from scipy.ndimage import label, maximum_filter

    rng = np.random.default_rng(side)
    frame = rng.normal(0, 1, (1, side, side)).astype(np.float32)
    mask = rng.random((1, side, side)) < share
    mask[0, side // 3, 2 : side - 2] = True
    labels, n = label(mask[0], np.ones((3, 3)))
    near = maximum_filter(mask[0], 5, mode="constant")
    result = find_regions(
        frame,
        mask,
        RegionOptions(min_size=1, remove_edge=False, annulus_gap_px=2, annulus_width_px=2),
        properties="full",
    ).table
    assert len(result) == n
    seen = 0
    for region, background in zip(range(1, n + 1), result.background_nm, strict=True):
        annulus = maximum_filter(labels == region, 9, mode="constant") & ~near
        if annulus.sum() >= 8:
            assert background == expected(frame[0][annulus])
            seen += 1
    assert seen > 0


def test_an_annulus_without_finite_pixels_takes_the_median_of_the_frame() -> None:
    frame = np.full((1, 64, 64), 0.25)
    frame[0, 20:44, 20:44] = np.nan
    frame[0, 30:34, 30:34] = 5.0
    result = find_regions(frame, frame > 1).table
    assert result.background_nm.tolist() == [0.25]
