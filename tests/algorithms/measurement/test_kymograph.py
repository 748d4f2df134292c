"""Kymographs: the line, interpolation, and the times of the samples."""

import numpy as np
import pytest

from playNano.algorithms.measurement.kymograph import (
    KymographOptions,
    interpolated,
    line_sampler,
    sample_times,
    sampled_line,
)
from playNano.algorithms.measurement.tracked_movie import Frames
from playNano.errors import ParameterError

NO_DRIFT = np.zeros((1, 2))


def test_length_in_nm_where_pixels_are_not_square():
    line = sampled_line([(0.0, 0.0), (50 * 4.0, 100 * 2.0)], 0.01)
    assert line.distance_nm[-1] == pytest.approx(np.hypot(200, 200), abs=0.01)
    assert (line.y_nm[-1], line.x_nm[-1]) == pytest.approx((200, 200), abs=0.02)


def test_a_polyline_is_walked_vertex_by_vertex():
    line = sampled_line([(0, 0), (0, 0), (3, 4), (3, 10)], 2.5)
    np.testing.assert_allclose(line.distance_nm, [0, 2.5, 5, 7.5, 10])
    np.testing.assert_allclose(
        np.column_stack([line.y_nm, line.x_nm]), [[0, 0], [1.5, 2], [3, 4], [3, 6.5], [3, 9]]
    )
    np.testing.assert_allclose(line.normal[[0, -1]], [[0.8, -0.6], [1.0, 0.0]])
    with pytest.raises(ParameterError, match="no length"):
        sampled_line([(1, 1), (1, 1)], 1.0)


def peak(rows, cols):
    return 4 * np.exp(-((rows - 30.3) ** 2 + (cols - 25.8) ** 2) / (2 * 8.0**2))


def test_interpolation_of_a_peak():
    frame = peak(*np.mgrid[:64, :56])
    rows, cols = np.random.default_rng(0).random((2, 3, 500)) * [[[63]], [[55]]]
    assert np.abs(interpolated(frame, rows, cols) - peak(rows, cols)).max() < 2e-3  # at the border
    near = (np.abs(rows - 31) < 12) & (np.abs(cols - 26) < 12)
    assert np.abs(interpolated(frame, rows, cols) - peak(rows, cols))[near].max() < 1e-4


def test_a_part_of_the_frame_gives_the_same_as_the_whole():
    frame = np.random.default_rng(1).normal(size=(80, 90))
    rows, cols = np.array([40.2, 41.7]), np.array([44.4, 45.1])
    both = interpolated(frame, np.append(rows, [0, 79]), np.append(cols, [0, 89]))
    np.testing.assert_allclose(interpolated(frame, rows, cols), both[:2], atol=1e-8)


def test_samples_outside_or_beside_missing_pixels_are_missing():
    frame = np.ones((10, 12))
    frame[4, 6] = np.nan
    rows = np.array([0.0, -0.1, 9.0, 9.1, 4.0, 4.0, 5.5, 4.0])
    cols = np.array([0.0, 3.0, 11.0, 3.0, 6.0, 4.5, 6.0, 2.9])
    got = interpolated(frame, rows, cols)
    assert np.isnan(got).tolist() == [False, True, False, True, True, True, True, False]
    assert got[[0, 2, 7]] == pytest.approx(1)
    assert np.isnan(interpolated(np.full((4, 4), np.nan), np.ones(2), np.ones(2))).all()
    assert np.isnan(interpolated(frame, np.array([20.0]), np.array([1.0]))).all()


def test_width_averages_across_the_line():
    rows, cols = np.mgrid[:40, :40]
    frame = (rows - 20.0) ** 2
    line = sampled_line([(20.0, 5.0), (20.0, 30.0)], 1.0)
    # Cells of equal width: the mean of their midpoints is w^2/12 less 1/12 of the square of a cell.
    sampler = line_sampler(line, (1.0, 1.0), 8.0, NO_DRIFT)
    assert sampler(0, frame[None])[0] == pytest.approx(np.full(26, 64 / 12 - 1 / 12))
    assert line_sampler(line, (1.0, 1.0), 0.0, NO_DRIFT).rows.shape == (1, 26)
    assert cols.shape == frame.shape


def test_times_of_a_horizontal_line_rise_by_the_delays_of_its_pixels():
    frames = Frames(np.array([0.0, 10.0]), np.ones(2, bool), 0.1, 100, 2.0, np.array([False, True]))
    line = sampled_line([(20.0, 0.0), (20.0, 30.0)], 3.0)
    still = np.zeros((2, 2))
    times = sample_times(line, frames, 3.0, 50, "trace", still)
    pixel = 0.05 / 50
    np.testing.assert_allclose(times[0], 10 * 0.1 + (np.arange(11) + 0.5) * pixel)
    np.testing.assert_allclose(times[1], 10 + 89 * 0.1 + (np.arange(11) + 0.5) * pixel)
    back = sample_times(line, frames, 3.0, 50, "retrace", still)
    np.testing.assert_allclose(back[0] + times[0], 2 * 10 * 0.1 + 0.1)
    np.testing.assert_allclose(sample_times(line, frames, 3.0, 50, None, still)[0], 1.0)
    moved = sample_times(line, frames, 3.0, 50, "trace", np.array([[4.0, 6.0], [0.0, 0.0]]))
    np.testing.assert_allclose(moved - times, [[2 * 0.1 + 2 * pixel] * 11, [0.0] * 11], atol=1e-12)


def walker(velocity, n_frames=40, upwards=False):
    """A peak that moves along the slow axis, each line recorded when the tip passes it: T = 0.2 s, 256 nm."""
    rows, line_time = 128, 0.2 / 128
    frame, row = np.mgrid[:n_frames, :rows]
    time = 0.2 * frame + (rows - 1 - row if upwards else row) * line_time
    place = (40.0 if velocity > 0 else 210.0) + velocity * time
    across = np.exp(-((np.arange(24) - 12.0) ** 2) / (2 * 3.0**2))
    return (5 * np.exp(-((row * 2.0 - place) ** 2) / (2 * 6.0**2)))[..., None] * across


@pytest.mark.parametrize("upwards", [False, True])
@pytest.mark.parametrize("velocity", [100.0, 300.0, -300.0])
def test_velocity_along_the_slow_axis_needs_the_times_of_the_samples(velocity, upwards):
    n_frames = 6 if abs(velocity) > 200 else 18
    movie = walker(velocity, n_frames, upwards)
    frames = Frames(
        0.2 * np.arange(n_frames), np.ones(n_frames, bool), 0.2 / 128, 128, 2.0, np.full(n_frames, upwards)
    )
    line, still = sampled_line([(0.0, 24.0), (254.0, 24.0)], 0.5), np.zeros((n_frames, 2))
    heights = line_sampler(line, (2.0, 2.0), 0.0, still)(0, movie)
    times = sample_times(line, frames, 2.0, 24, None, still)
    at = heights.argmax(axis=1)
    seen = (at > 30) & (at < len(line.distance_nm) - 30)
    place, frame = line.distance_nm[at[seen]], np.flatnonzero(seen)
    assert seen.sum() >= 3
    assert np.polyfit(times[frame, at[seen]], place, 1)[0] == pytest.approx(velocity, rel=0.02)
    scan = -1280 if upwards else 1280
    by_frame = np.polyfit(0.2 * frame, place, 1)[0]
    assert by_frame == pytest.approx(velocity / (1 - velocity / scan), rel=0.03)


def test_wrong_options():
    with pytest.raises(ParameterError, match="line_nm"):
        KymographOptions(line_nm=((1.0, 2.0),))
    with pytest.raises(ParameterError, match="width_nm"):
        KymographOptions(line_nm=((1.0, 2.0), (3.0, 4.0)), width_nm=-1.0)
