"""Trace and retrace of caps behind which the tip falls slowly: the lag, and the width after fusing."""

import numpy as np
import pytest

from playNano.algorithms.repair.retrace import estimate_lag, fuse_frame, shifted_along_x
from playNano.simulate.imaging import apply_feedback
from playNano.simulate.scanner import Scanner
from playNano.simulate.tip import Feedback


def passes(tau_px, fall_nm_px, height=8.0, radius=12.0, noise=0.1):
    """Return the true surface of a cap, trace and retrace; and the half width of the lag of a discrete loop, px."""
    y, x = np.mgrid[:60, :96]
    big = (radius**2 + height**2) / (2 * height)
    r2 = (y - 30.0) ** 2 + (x - 40.3) ** 2
    z = np.maximum(np.sqrt(np.maximum(big**2 - r2, 0)) - (big - height), 0).astype(np.float32)
    scanner = Scanner(shape=z.shape, frame_time_s=60 * 2 * 96 * 1e-6)  # 1 us a pixel
    loop = Feedback(tau_px * 1e-6, fall_nm_px * 1e6)
    rng = np.random.default_rng(0)
    both = [apply_feedback(z, loop, scanner, way) + rng.normal(0, noise, z.shape) for way in (False, True)]
    gain = 1 - np.exp(-1 / tau_px) if tau_px else 1.0
    return z, *both, 2 * (1 - gain) / gain


def width(frame, height=8.0):
    """Return the width of the central rows at half of the height, px."""
    row = frame[29:32].mean(axis=0)
    above = np.flatnonzero(row > height / 2)
    left, right = above[0], above[-1]
    start = left - (row[left] - height / 2) / (row[left] - row[left - 1])
    return right + (row[right] - height / 2) / (row[right] - row[right + 1]) - start


@pytest.mark.parametrize("tau_px", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("fall_nm_px", [0.3, 0.6, 1.5])
def test_the_width_of_a_cap(tau_px, fall_nm_px):
    truth, trace, retrace, lag = passes(tau_px, fall_nm_px)
    measured = estimate_lag(trace, retrace)
    assert measured == pytest.approx(lag, abs=0.45)
    fused = fuse_frame(trace, retrace, measured)
    assert width(fused) == pytest.approx(width(truth), rel=0.03)
    if fall_nm_px < 0.5:
        assert width(trace) > 1.15 * width(truth)
    # The mean of two passes on level ground, not the lower one.
    assert abs(float(fused[:10].mean())) < 0.02
    assert float(fuse_frame(trace, retrace, measured, "lower")[:10].mean()) < -0.03


def test_a_lag_of_whole_frames_and_of_several():
    rng = np.random.default_rng(1)
    truth, *_ = passes(0.0, 9.0)
    shift = 4.4
    pair = [shifted_along_x(truth, s) + rng.normal(0, 0.1, truth.shape) for s in (shift / 2, -shift / 2)]
    assert estimate_lag(*pair) == pytest.approx(shift, abs=0.1)
    assert estimate_lag(*pair[::-1]) == pytest.approx(-shift, abs=0.1)
    assert estimate_lag(*(np.stack([p, np.full_like(p, np.nan)]) for p in pair)) == pytest.approx(
        shift, abs=0.1
    )


def test_frames_without_relief_have_no_lag():
    rng = np.random.default_rng(2)
    assert np.isnan(estimate_lag(*rng.normal(0, 0.1, (2, 40, 60))))
    assert np.isnan(estimate_lag(np.zeros((20, 60)), np.zeros((20, 60))))
    assert np.isnan(estimate_lag(np.full((20, 60), np.nan), np.zeros((20, 60))))


def test_missing_pixels_and_offsets_between_the_passes():
    _, trace, retrace, _ = passes(0.0, 1.5)
    trace[10, :] = np.nan
    trace[20:22, 5:9] = np.nan
    retrace[20, 5] = np.nan
    fused = fuse_frame(trace, retrace + 7.0, 0.0)
    assert np.isnan(fused[20, 5])
    assert np.isfinite(np.delete(fused.ravel(), 20 * 96 + 5)).all()
    np.testing.assert_allclose(np.delete(fused, 10, 0)[:9, :20], 0, atol=0.6)
    np.testing.assert_allclose(fused[10], retrace[10] + 7.0, atol=1e-6)


def test_shifts_mark_what_is_unknown():
    frame = np.arange(20.0)[None, :] * np.ones((3, 1))
    frame[1, 8] = np.nan
    moved = shifted_along_x(frame, 2.0)
    assert np.isnan(moved[0, :2]).all()
    np.testing.assert_allclose(moved[0, 4:], np.arange(2.0, 18.0), atol=0.02)
    assert np.flatnonzero(np.isnan(moved[1, 2:])).tolist() == [8]
    np.testing.assert_array_equal(shifted_along_x(frame, 0.0), frame)
