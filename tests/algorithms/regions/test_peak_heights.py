"""Heights of regions above their background, against drawn truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest

from playNano.algorithms.regions import RegionOptions, find_regions
from playNano.algorithms.regions._peak_height import fit_incomplete_window
from playNano.algorithms.regions._peak_height_kernels import fit_peaks
from playNano.algorithms.regions._runs import label_regions


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


@pytest.mark.parametrize("apart", [3.0, 4.0])
@pytest.mark.parametrize("threshold", [0.4, 0.8])
def test_the_dip_between_the_lobes_of_a_round_trimer_is_not_its_height(
    apart: float, threshold: float
) -> None:
    """The centre of three half ellipsoids is 20 to 70 % lower than their tops."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:48, :48]
    z = np.zeros((40, 48, 48))
    for frame in z:
        centre, turn = rng.uniform(22, 26, 2), rng.uniform(0, 6)
        for angle in turn + 2 * np.pi * np.arange(3) / 3:
            at = centre + apart * np.array([np.sin(angle), np.cos(angle)])
            distance = ((y - at[0]) ** 2 + (x - at[1]) ** 2) / 4.0**2
            np.maximum(frame, 3.2 * np.sqrt(np.clip(1 - distance, 0, None)), out=frame)
    z += rng.normal(0, 0.1, z.shape)
    heights = find_regions(z, z > threshold, RegionOptions(background="zero", min_size=20)).table.height_nm
    assert len(heights) == 40
    assert heights.min() > 0.9 * 3.2
    assert heights.mean() == pytest.approx(3.2, rel=0.04)


def test_noise_on_flat_round_tops_does_not_raise_their_height() -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:48, :48]
    places = rng.uniform(22, 26, (300, 2))
    z = np.stack([4.0 * (np.hypot(y - at[0], x - at[1]) < 6) for at in places])
    z += rng.normal(0, 0.3, z.shape)
    heights = find_regions(z, z > 2, RegionOptions(background="zero")).table.height_nm
    assert heights.mean() == pytest.approx(4.0, abs=0.03)  # the maximum of 3 x 3 means: 4.25


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


def fit_by_least_squares(
    z: npt.NDArray[np.float32], row: int, col: int, half: npt.NDArray[np.float64]
) -> tuple[bool, float, float, float]:
    """Fit a paraboloid to an elliptic window: whether it has a maximum, its height, and the move to it."""
    y, x = np.mgrid[-int(half[0]) : int(half[0]) + 1, -int(half[1]) : int(half[1]) + 1]
    # As in the kernel, row by row.
    used = np.abs(x) <= np.floor(half[1] * np.sqrt(1 - (y / half[0]) ** 2))
    y, x = y[used], x[used]
    heights = z[row + y, col + x].astype(np.float64)
    basis = np.column_stack([np.ones(y.size), y, x, y * y, y * x, x * x])
    c, s_y, s_x, b, twist, a = np.linalg.lstsq(basis, heights, rcond=None)[0]
    hessian = np.array([[2 * b, twist], [twist, 2 * a]])
    if not (np.linalg.eigvalsh(hessian) < 0).all():
        return False, c, 0.0, 0.0
    move = -np.linalg.solve(hessian, [s_y, s_x])
    outside = math.hypot(*(move / half))
    if outside > 1:
        return True, c, *(move / outside)
    return True, c + 0.5 * (s_y * move[0] + s_x * move[1]), *move


def test_peaks_are_those_of_least_squares() -> None:
    rng = np.random.default_rng(4)
    z = (5 * hill((40, 44), (20, 21), (4, 5), 0.4) + rng.normal(0, 0.3, (40, 44))).astype(np.float32)
    runs = label_regions((z > 1)[None]).runs
    starts = np.column_stack([rng.integers(17, 24, 60), rng.integers(18, 25, 60)])
    half = rng.uniform(2.5, 5.5, (60, 2))
    heights, incomplete = np.empty(60), np.empty((60, 2), dtype=np.int64)
    fit_peaks(z[None], runs, np.zeros(60, dtype=np.int64), half, starts, heights, incomplete)
    compared = 0
    for i, (row, col) in enumerate(starts):
        for _ in range(4):
            is_peak, height, move_y, move_x = fit_by_least_squares(z, row, col, half[i])
            if max(abs(move_y), abs(move_x)) < 0.75:
                break
            row, col = row + round(move_y), col + round(move_x)
        if is_peak:
            assert heights[i] == pytest.approx(height, rel=1e-9)
            compared += 1
    assert compared > 30
    assert (incomplete == -1).all()


def test_an_incomplete_window_is_fitted_by_what_there_is_of_it() -> None:
    y, x = np.mgrid[:20, :20]
    z = (6 - 0.1 * (y - 2) ** 2 - 0.2 * (x - 17) ** 2 + 0.05 * (y - 2) * (x - 17)).astype(np.float32)
    z[3, 16] = np.nan
    height = fit_incomplete_window(z, np.array([1, 18]), np.array([4.0, 3.0]))
    assert height == pytest.approx(float(z[1, 18]), abs=1e-5)
    assert fit_incomplete_window(z[:1, :3], np.array([0, 1]), np.array([1.5, 1.5])) == pytest.approx(
        float(z[0, :3].mean())
    )


def plain_climb(
    z: npt.NDArray[np.float32], row: int, col: int, half: npt.NDArray[np.float64]
) -> tuple[str, float]:
    """Climb from a pixel by least-squares paraboloids: how it ended, and the height."""
    ended, height = "none", 0.0
    tall, wide = int(half[0]), int(half[1])
    for _ in range(4):
        y, x = np.mgrid[-tall : tall + 1, -wide : wide + 1]
        used = np.abs(x) <= np.floor(half[1] * np.sqrt(1 - (y / half[0]) ** 2))
        y, x = y[used], x[used]
        inside = row >= tall and col >= wide and row + tall < z.shape[0] and col + wide < z.shape[1]
        if not inside or np.isnan(z[row + y, col + x]).any():
            return "incomplete", height
        values = z[row + y, col + x].astype(np.float64)
        basis = np.column_stack([np.ones(y.size), y, x, y * y, y * x, x * x])
        rest = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
        explained = ((values - values.mean()) ** 2).sum() - (rest**2).sum()
        flat = explained / 5 <= 5 * (rest**2).sum() / max(y.size - 6, 1)
        is_peak, height, move_y, move_x = fit_by_least_squares(z, row, col, half)
        outside = is_peak and math.hypot(move_y / half[0], move_x / half[1]) > 1 - 1e-9
        ended = "flat" if flat and (not is_peak or outside) else "peak" if is_peak else "none"
        if ended == "flat" or max(abs(move_y), abs(move_x)) < 0.75:
            break
        row, col = row + round(move_y), col + round(move_x)
    return ended, height


def plain_peak(
    z: npt.NDArray[np.float32],
    region: npt.NDArray[np.bool_],
    start: npt.NDArray[np.int64],
    half: npt.NDArray[np.float64],
) -> tuple[str, float, bool]:
    """Measure the height of a region: how it ended, the height, and whether its centre was left for a higher place."""
    cells = np.lib.stride_tricks.sliding_window_view(np.pad(z.astype(np.float64), 1, mode="edge"), (3, 3))
    means = np.where(region, np.nanmean(cells, axis=(2, 3)), -np.inf)
    high = np.unravel_index(np.argmax(means), means.shape)
    ended, height = plain_climb(z, int(start[0]), int(start[1]), half)
    if ended in ("peak", "flat"):
        variances = []
        for values, within in ((z, region), (z.T, region.T)):
            bend = np.abs(np.diff(values.astype(np.float64), 2, axis=1))
            bend = bend[within[:, :-2] & within[:, 1:-1] & within[:, 2:] & np.isfinite(bend)]
            variances.append(math.pi / 12 * bend.mean() ** 2 if bend.size else 0.0)
        of_lines = max(max(variances) - 2 * min(variances), 0)
        error = math.sqrt(min(variances) / 9 + of_lines / 3)
        if means[high] - height <= max(5.5 * error, 0.08 * (height - z[region].min())):
            return ended, height, False
    return *plain_climb(z, int(high[0]), int(high[1]), half), True


@pytest.mark.parametrize("lines", [0.0, 0.25])
@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_heights_of_several_lobes_are_those_of_a_plain_computation(lines: float, missing: float) -> None:
    rng = np.random.default_rng(6)
    y, x = np.mgrid[:40, :40]
    left = compared = 0
    for n in range(60):
        z = np.zeros((40, 40))
        turn, lobes = rng.uniform(0, 6), (1, 2, 3)[n % 3]
        for angle in turn + 2 * np.pi * np.arange(lobes) / lobes:
            at = 20 + rng.uniform(2, 4) * np.array([np.sin(angle), np.cos(angle)])
            z = np.maximum(z, 3 * np.sqrt(np.clip(1 - ((y - at[0]) ** 2 + (x - at[1]) ** 2) / 16, 0, None)))
        z = (z + rng.normal(0, 0.1, z.shape) + rng.normal(0, 1, (40, 1)) * lines).astype(np.float32)
        z[rng.random(z.shape) < missing] = np.nan
        labelled = label_regions(np.nan_to_num(z)[None] > 1)
        sizes = [
            sum(labelled.runs.end[a:b] - labelled.runs.start[a:b])
            for a, b in itertools.pairwise(labelled.runs.bounds)
        ]
        chosen = int(np.argmax(sizes))
        region = np.zeros(z.shape, dtype=bool)
        for i in range(labelled.runs.bounds[chosen], labelled.runs.bounds[chosen + 1]):
            region[labelled.runs.row[i], labelled.runs.start[i] : labelled.runs.end[i]] = True
        start = np.rint(np.mean(np.nonzero(region), axis=1)).astype(np.int64)
        half = rng.uniform(2.0, 3.0, 2)
        height, incomplete = np.empty(1), np.empty((1, 2), dtype=np.int64)
        fit_peaks(z[None], labelled.runs, np.array([chosen]), half[None], start[None], height, incomplete)
        ended, expected, elsewhere = plain_peak(z, region, start, half)
        assert (ended == "incomplete") == (incomplete[0, 0] >= 0)
        if ended != "incomplete":
            assert height[0] == pytest.approx(expected, rel=1e-6)
            compared += 1
            left += elsewhere
    assert compared > 20
    assert 5 < left < compared


@pytest.mark.parametrize(("sigma", "allowed"), [(1.0, 0.12), (1.5, 0.06), (3.0, 0.02)])
def test_a_missing_pixel_at_the_top_costs_little_of_the_height(sigma: float, allowed: float) -> None:
    rng = np.random.default_rng(1)
    z = np.stack([5 * hill((40, 40), tuple(rng.uniform(19.5, 20.5, 2)), (sigma, sigma)) for _ in range(50)])
    z[:, 20, 20] = np.nan
    mask = np.nan_to_num(z) > 1.5
    table = find_regions(z, mask, RegionOptions(background="zero", min_size=3)).table
    # The lowest was 1.5 at a sigma of 1: that of the edge of the region.
    assert (table.height_nm > (1 - allowed) * table.z_max_nm - 0.3).all()
    assert table.height_nm.mean() == pytest.approx(table.z_max_nm.mean(), rel=allowed)


@pytest.mark.parametrize("transposed", [False, True])
def test_noise_of_lines_does_not_raise_the_height_of_flat_tops(transposed: bool) -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:48, :48]
    places = rng.uniform(22, 26, (150, 2))
    z = np.stack([4.0 * (np.hypot(y - at[0], x - at[1]) < 8) for at in places])
    z += rng.normal(0, 0.2, (150, 48, 1)) + rng.normal(0, 0.1, z.shape)
    z = np.ascontiguousarray(z.transpose(0, 2, 1)) if transposed else z
    heights = find_regions(z, z > 1.5, RegionOptions(background="zero", min_size=20)).table.height_nm
    assert heights.mean() == pytest.approx(4.0, abs=0.12)  # 4.22 with the noise within rows alone
