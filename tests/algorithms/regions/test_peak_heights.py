"""Heights of regions above their background, against drawn truth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from playNano.algorithms.regions import RegionOptions, find_regions


def hill(
    shape: tuple[int, int], centre: tuple[float, float], sigma: tuple[float, float], angle: float = 0.0
) -> npt.NDArray[np.float64]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = y - centre[0], x - centre[1]
    u, v = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
    return np.exp(-(u**2) / (2 * sigma[0] ** 2) - v**2 / (2 * sigma[1] ** 2))


@pytest.mark.parametrize(
    ("sigma", "bias"), [((1.2, 1.2), 0.065), ((2.0, 2.0), 0.012), ((3.5, 3.5), 0.012), ((2.0, 15.0), 0.02)]
)
def test_peak_height_is_unbiased_whatever_the_noise(sigma: tuple[float, float], bias: float) -> None:
    rng = np.random.default_rng(8)
    for noise in (0.0, 0.3):
        z = np.stack(
            [5 * hill((64, 64), tuple(rng.uniform(30, 33, 2)), sigma, rng.uniform(0, 3)) for _ in range(200)]
        )
        z += rng.normal(0, noise, z.shape)
        result = find_regions(
            z, z > 1.5, RegionOptions(background="zero", remove_edge=False, min_size=8)
        ).table
        assert len(result) == 200
        assert abs(result.height_nm.mean() - 5) < 5 * bias
        if noise and min(sigma) > 3:
            assert result.z_max_nm.mean() > 5.15


def test_height_is_that_of_the_highest_peak_of_a_region() -> None:
    z = 4 * hill((60, 80), (30, 25), (3, 3)) + 6 * hill((60, 80), (30, 45), (3, 3))
    z += 2 * (np.abs(np.arange(60)[:, None] - 30) < 3) * (np.abs(np.arange(80) - 35) < 10)
    z = np.maximum(z, 0)[None]
    result = find_regions(z, z > 1, RegionOptions(background="zero")).table
    assert len(result) == 1
    assert result.height_nm[0] == pytest.approx(z.max(), rel=0.08)


def test_a_low_peak_at_the_centroid_of_a_chain_is_not_its_height() -> None:
    centres = ((30, 20), (30, 33), (30, 46))
    bumps = zip((6.0, 3.0, 6.0), centres, strict=True)
    z = sum(height * hill((60, 66), centre, (3.5, 3.5)) for height, centre in bumps)[None]
    result = find_regions(z, z > 1, RegionOptions(background="zero")).table
    assert len(result) == 1
    assert result.x_weighted[0] == pytest.approx(33, abs=0.1)
    assert result.height_nm[0] == pytest.approx(6, rel=0.03)


@pytest.mark.parametrize("pixel", [(1.0, 1.0), (2.0, 0.5), (0.5, 3.0)])
def test_height_follows_the_pixel(pixel: tuple[float, float]) -> None:
    shape = (int(40 / pixel[0]), int(60 / pixel[1]))
    cap = 5 * hill(shape, (20 / pixel[0], 30 / pixel[1]), (4 / pixel[0], 4 / pixel[1]))
    result = find_regions(
        cap[None], cap[None] > 1.5, RegionOptions(background="zero"), pixel_size_nm=pixel
    ).table
    assert result.height_nm[0] == pytest.approx(5, rel=0.015)


def test_height_beside_gaps_and_at_the_border() -> None:
    z = 5 * hill((40, 40), (20, 20), (3, 3))[None]
    for cut, gap in ((slice(20, None), None), (slice(None), (0, 20, 21)), (slice(None), (0, 22, 19))):
        part = z[:, cut].copy()
        if gap is not None:
            part[gap] = np.nan
        result = find_regions(part, part > 1.5, RegionOptions(background="zero", remove_edge=False)).table
        assert result.height_nm[0] == pytest.approx(5, rel=0.08)
    # A frame smaller than the window.
    tiny = np.array([[[1.0, 2.0, 1.0]]])
    result = find_regions(
        tiny, tiny > 0, RegionOptions(min_size=1, remove_edge=False, background="zero")
    ).table
    assert result.height_nm[0] == pytest.approx(1.5)  # the mean of what the window holds


def test_gap_follows_the_size_of_the_region() -> None:
    for sigma, gap in ((2.0, 3), (4.5, 6), (8.0, 10)):
        z = 5 * hill((90, 90), (45, 45), (sigma, sigma))[None]
        result = find_regions(z, z > 1.5).table.iloc[0]
        assert result.background_nm < 0.05  # with a gap of 2, 0.5 of it were flank at a sigma of 4.5
        assert result.height_nm == pytest.approx(5, rel=0.02)
        same = find_regions(
            z, z > 1.5, RegionOptions(annulus_gap_px=round(0.75 * math.sqrt(result.area_px / math.pi)))
        ).table
        assert same.background_nm[0] == pytest.approx(result.background_nm, abs=0.05)
        assert abs(0.75 * math.sqrt(result.area_px / math.pi) - gap) < 1
    # A line: its width counts, not its length.
    z = np.zeros((1, 40, 90))
    z[0, 19:22, 10:80] = 2
    z[0, 15:17] = z[0, 24:26] = 1
    assert find_regions(z, z > 1.5).table.background_nm[0] > 0
