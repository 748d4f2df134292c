"""Shifts between odd and even rows, planted with fractions of a pixel."""

import numpy as np
import pytest

from playNano.algorithms.repair.row_shift import row_shift, shifted_rows


def planted(shift, tilt=0.0, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :100].astype(float)
    moved = np.where(y % 2 == 1, shift / 2, -shift / 2)
    z = rng.normal(0, 0.15, y.shape) + rng.normal(0, 0.3, (96, 1)) + tilt * x
    for cy, cx in rng.uniform(15, 80, (8, 2)):
        z += 4 * np.exp(-((y - cy) ** 2 + (x - moved - cx) ** 2) / 32)
    return z


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 1.3, -2.7, 5.2])
@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_planted_shifts(shift, tilt):
    frame = planted(shift, tilt)
    assert row_shift(frame) == pytest.approx(shift, abs=0.08)
    frame[40:43, 20:30] = np.nan
    assert row_shift(frame) == pytest.approx(shift, abs=0.08)
    np.testing.assert_allclose(row_shift(shifted_rows(frame, shift)), 0, atol=0.08)


def test_frames_that_do_not_determine_a_shift():
    rng = np.random.default_rng(1)
    assert all(np.isnan(row_shift(rng.normal(size=(64, 64)))) for _ in range(20))
    for frame in (np.zeros((40, 60)), np.full((40, 60), np.nan), np.ones((3, 60)), np.ones((40, 10))):
        assert np.isnan(row_shift(frame))


def test_the_ends_of_moved_rows_are_unknown():
    out = shifted_rows(np.ones((4, 20)), 4.0)
    assert np.isnan(out[1, -2:]).all()
    assert np.isnan(out[0, :2]).all()
    assert np.isfinite(out).sum() == 4 * 18
