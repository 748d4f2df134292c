"""Scars: planted ones are recognized to the pixel, and nothing else is."""

import numpy as np
import pytest

from playNano.algorithms.repair.scars import (
    RowSteps,
    ScarOptions,
    filled_from_frames,
    filled_from_rows,
    scar_mask,
)
from playNano.errors import ParameterError


def planted(seed=0, height=2.0, rows=1, offsets=0.0, tilt=0.0):
    """Return a noisy frame with caps, a scar of a length of 40 px, and the scar's pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:80, :100]
    z = rng.normal(0, 0.1, y.shape) + rng.normal(0, offsets, (80, 1)) + tilt * x
    for cy, cx in ((20, 30), (50, 70), (62, 20)):
        z += np.sqrt(np.maximum(36 - (y - cy) ** 2 - (x - cx) ** 2, 0))
    truth = np.zeros(z.shape, bool)
    truth[33 : 33 + rows, 12:52] = True
    return z + height * truth, truth


@pytest.mark.parametrize("height", [1.0, -1.0, 5.0, -20.0])
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(("offsets", "tilt"), [(0, 0), (0.3, 0), (0, 0.2)])
def test_planted_scars(height, rows, offsets, tilt):
    frame, truth = planted(1, height, rows, offsets, tilt)
    mask = scar_mask(frame, ScarOptions(max_rows=2))
    assert mask[truth].mean() >= 0.95
    assert mask[~truth].mean() <= 1e-3


def test_objects_alone_are_no_scars():
    for seed in range(5):
        frame, _ = planted(seed, 0.0, offsets=0.2)
        assert not scar_mask(frame).any()


def test_a_fibre_along_the_rows_is_no_scar():
    y = np.arange(60.0)[:, None]
    frame = 2 * np.exp(-((y - 30.3) ** 2) / (2 * 1.27**2)) + np.random.default_rng(0).normal(0, 0.1, (60, 80))
    assert not scar_mask(frame).any()


def test_a_strand_whose_level_part_runs_along_a_row_is_kept():
    frame = np.random.default_rng(1).normal(0, 0.1, (40, 80))
    frame[20:22, 20:60] += 2  # two sharp rows, as a scar has
    scar = frame.copy()
    for i in range(8):
        frame[18 - i : 20 - i, 18 - i : 21 - i] += 2
        frame[22 + i : 24 + i, 60 + i : 63 + i] += 2
    options = ScarOptions(max_rows=2)
    assert scar_mask(scar, options)[20:22, 20:60].all()
    assert not scar_mask(frame, options).any()


def test_direction_and_limits():
    frame, truth = planted(2, -3.0, rows=2)
    assert not scar_mask(frame, ScarOptions(direction="up", max_rows=2)).any()
    assert scar_mask(frame, ScarOptions(direction="down", max_rows=2))[truth].all()
    assert not scar_mask(frame, ScarOptions(max_rows=1)).any()
    assert not scar_mask(frame, ScarOptions(min_length=45, max_rows=2)).any()
    assert not scar_mask(frame, ScarOptions(sigmas=40, max_rows=2)).any()


def test_a_long_scar_is_not_taken_for_the_offset_of_its_row():
    rng = np.random.default_rng(3)
    frame = rng.normal(0, 0.1, (40, 100)) + rng.normal(0, 0.1, (40, 1))
    frame[17, 5:75] += 4
    mask = scar_mask(frame)
    assert mask[17, 5:75].all()
    assert mask.sum() == 70


def test_missing_pixels_small_and_constant_frames():
    frame, truth = planted(4)
    frame[33, 30] = np.nan
    frame[60:64] = np.nan
    mask = scar_mask(frame)
    assert not mask[np.isnan(frame)].any()
    assert mask[truth & np.isfinite(frame)].mean() > 0.95
    for shape in ((2, 50), (50, 3), (1, 1)):
        assert not scar_mask(np.ones(shape)).any()
    assert not scar_mask(np.full((9, 30), np.nan)).any()
    assert not scar_mask(np.ones((9, 30))).any()


def test_the_noise_is_that_of_a_pixel():
    frame = np.random.default_rng(5).normal(0, 0.3, (200, 200)) + np.arange(200.0)[:, None] ** 2
    assert RowSteps.of(frame).noise == pytest.approx(0.3, rel=0.03)


def test_filling_from_rows_keeps_the_offset_of_the_row():
    y = np.linspace(0, 6, 40)[:, None] * np.ones((1, 50))
    frame = y.copy()
    frame[20] += 5
    scars = np.zeros(frame.shape, bool)
    scars[20, 10:30] = True
    broken = frame.copy()
    broken[scars] += 9
    broken[19, 12] = np.nan
    filled = filled_from_rows(broken, scars)
    np.testing.assert_allclose(filled[20], frame[20], atol=1e-9)
    np.testing.assert_array_equal(filled[~scars], broken[~scars])
    everything = np.ones(frame.shape, bool)
    assert np.isnan(filled_from_rows(frame, everything)).all()


def test_filling_from_frames():
    frames = np.stack([np.full((10, 12), v, np.float32) for v in (1, 9, 3)])
    scars = np.zeros(frames.shape, bool)
    scars[1, 4] = True
    scars[2, 4, :5] = True
    out = filled_from_frames(frames, scars, 1)
    assert out[4].tolist() == [1.0] * 5 + [2.0] * 7
    assert (out[5] == 9).all()


def test_options_are_checked():
    from playNano._options import check_options

    with pytest.raises(ParameterError, match="min_length"):
        check_options(ScarOptions(min_length=0))
