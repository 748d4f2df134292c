"""Template matching against scikit-image and drawn truth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from skimage.feature import match_template

from playNano.algorithms.peaks import TemplateOptions, find_templates
from playNano.algorithms.peaks.templates import COLUMNS, correlate, rotated_copies
from playNano.errors import ParameterError


def matches_of(
    block: npt.ArrayLike,
    template: npt.ArrayLike,
    *,
    first_frame: int = 0,
    pixel_size_nm: tuple[float, float] = (1.0, 1.0),
    **options,
) -> pd.DataFrame:
    return find_templates(
        block, template, TemplateOptions(**options), first_frame=first_frame, pixel_size_nm=pixel_size_nm
    )


def bar(
    shape: tuple[int, int], centre: tuple[float, float], angle: float, pixel: tuple[float, float] = (1.0, 1.0)
) -> npt.NDArray[np.float64]:
    """A lopsided bar, in nm, turned from +y towards +x."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = y * pixel[0] - centre[0], x * pixel[1] - centre[1]
    u, v = y * math.cos(angle) + x * math.sin(angle), x * math.cos(angle) - y * math.sin(angle)
    head = 4 * np.exp(-((u - 5) ** 2 + v**2) / 18)
    return head + 3 * np.exp(-((u / 7) ** 2 + (v / 2.5) ** 2) / 2)


@pytest.mark.parametrize("size", [(7, 9), (8, 6)])
def test_scores_are_those_of_scikit_image(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for offset in (0.0, -170.0):
        frame, template = rng.normal(offset, 1, (50, 61)), rng.normal(3, 2, size)
        copies, mask = rotated_copies(template, np.zeros(1), (1, 1))
        fit = correlate(frame, copies, mask)
        expected = match_template(frame, template)
        top, left = size[0] // 2, size[1] // 2
        inner = fit.score[top : top + expected.shape[0], left : left + expected.shape[1]]
        np.testing.assert_allclose(inner, expected, atol=1e-8)
        assert np.isnan(fit.score).sum() == frame.size - expected.size


@pytest.mark.parametrize("pixel", [(1.0, 1.0), (2.0, 1.0), (0.8, 1.3)])
def test_rotated_copies_are_located_with_their_angle(pixel: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    side = (int(31 / pixel[0]) | 1, int(31 / pixel[1]) | 1)
    centre = ((side[0] - 1) / 2 * pixel[0], (side[1] - 1) / 2 * pixel[1])
    template = bar(side, centre, 0.0, pixel)
    shape = (int(130 / pixel[0]), int(150 / pixel[1]))
    truth = [(30.3, 35.6, 0.4), (32.1, 104.2, 2.0), (92.7, 44.4, 3.7), (88.2, 110.8, 5.5)]
    frame = rng.normal(-50, 0.2, shape)
    for cy, cx, angle in truth:
        frame += 1.5 * bar(shape, (cy, cx), angle, pixel)
    table = matches_of(frame[None], template, pixel_size_nm=pixel, n_angles=36, min_score=0.8)
    assert len(table) == 4
    for cy, cx, angle in truth:
        row = table.iloc[np.argmin(np.hypot(table.y_nm - cy, table.x_nm - cx))]
        assert math.hypot(row.y_nm - cy, row.x_nm - cx) < 0.6 * max(pixel)
        difference = (row.orientation_rad - angle + math.pi) % (2 * math.pi) - math.pi
        assert abs(difference) < math.radians(5)  # half a step
        assert row.gain == pytest.approx(1.5, rel=0.1)
        assert row.background_nm == pytest.approx(-50, abs=0.3)


def test_symmetry_folds_the_angle() -> None:
    y, x = np.mgrid[:21, :21] - 10
    template = np.exp(-(((y + x) / 9) ** 2) - ((y - x) / 3) ** 2)
    frame = np.zeros((1, 60, 60))
    frame[0, 20:41, 15:36] = template.T[::-1]  # a quarter turn
    row = matches_of(frame, template, n_angles=18, symmetry=2).iloc[0]
    assert (row.y, row.x) == pytest.approx((30, 25), abs=0.05)
    assert row.orientation_rad == pytest.approx(math.pi / 2, abs=0.03)
    assert row.score == pytest.approx(1, abs=1e-3)


def test_even_templates_are_located_by_their_centre() -> None:
    y, x = np.mgrid[:12, :16]
    template = np.exp(-((y - 5.5) ** 2 + (x - 7.5) ** 2) / 8)
    y, x = np.mgrid[:40, :50]
    frame = np.exp(-((y - 20.5) ** 2 + (x - 30.5) ** 2) / 8)
    row = matches_of(frame[None], template).iloc[0]
    assert (row.y, row.x) == pytest.approx((20.5, 30.5), abs=1e-3)


def test_flat_frames_lost_pixels_and_blocks() -> None:
    rng = np.random.default_rng(3)
    template = bar((31, 31), (15, 15), 0.0)
    block = np.zeros((4, 60, 64))
    block[0, 10:41, 12:43] += template
    block[1] = block[0] + rng.normal(0, 0.1, (60, 64))
    block[1, :3] = np.nan
    block[2] = np.nan
    block[3] = 450
    before = block.copy()
    table = matches_of(block, template, n_angles=4, min_score=0.9)
    np.testing.assert_array_equal(block, before)
    assert list(table.frame) == [0, 1]
    np.testing.assert_allclose(table[["y", "x"]], [[25, 27]] * 2, atol=0.1)
    parts = [
        matches_of(block[i : i + 1], template, n_angles=4, min_score=0.9, first_frame=i) for i in range(4)
    ]
    pd.testing.assert_frame_equal(table, pd.concat(parts, ignore_index=True))
    whole = np.round(block[:1] * 100).astype(int)
    pd.testing.assert_frame_equal(matches_of(whole, template), matches_of(whole * 1.0, template))
    assert tuple(matches_of(block[:0], template).columns) == COLUMNS


@pytest.mark.parametrize(
    ("template", "change", "word"),
    [
        (np.ones((5, 5)), {}, "flat"),
        (np.eye(2), {}, "3 x 3"),
        (np.eye(50), {}, "larger"),
        (np.full((5, 5), np.nan), {}, "finite"),
        (np.eye(5), {"n_angles": 0}, "n_angles"),
        (np.eye(5), {"min_score": 2}, "min_score"),
        (np.eye(5), {"min_distance_nm": -1}, "min_distance_nm"),
    ],
)
def test_wrong_parameters_are_named(template, change: dict, word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        matches_of(np.zeros((1, 20, 20)), template, **change)
