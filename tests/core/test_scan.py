"""Rows of a frame as moments in time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playNano.core.scan import ScanGeometry

DOWN = ScanGeometry(lines=100, line_time_s=0.01, frame_time_s=1.0, direction="down")
UP = ScanGeometry(lines=100, line_time_s=0.01, frame_time_s=1.0, direction="up")
TURNING = ScanGeometry(lines=100, line_time_s=0.01, direction="down", alternating=True)


def test_down_begins_with_the_top_line():
    np.testing.assert_allclose(DOWN.delay_s([0, 50.5, 99], 0), [0, 0.505, 0.99])


def test_up_begins_with_the_last_row():
    np.testing.assert_allclose(UP.delay_s([0, 50.5, 99], 0), [0.99, 0.485, 0])


def test_alternating_turns_round_after_every_frame():
    np.testing.assert_allclose(TURNING.delay_s([10, 10, 10], [0, 1, 2]), [0.1, 0.89, 0.1])


def test_rows_and_frames_broadcast():
    assert DOWN.delay_s(np.zeros((3, 1)), np.arange(4)).shape == (3, 4)
    assert DOWN.delay_s([], []).shape == (0,)


@pytest.mark.parametrize(
    "scan", [ScanGeometry(100), ScanGeometry(100, line_time_s=0.1), ScanGeometry(100, direction="up")]
)
def test_too_little_known_means_no_delay(scan):
    assert not scan.has_line_times
    np.testing.assert_array_equal(scan.delay_s([1.0, 2.0], [0, 1]), [0, 0])


def test_line_rate():
    assert DOWN.line_rate_hz == 100
    assert DOWN.has_line_times
    assert ScanGeometry(100).line_rate_hz is None


@given(st.integers(0, 9), st.integers(1, 5), st.integers(0, 9), st.floats(0, 99), st.booleans())
def test_every_nth_frame_keeps_its_moments(start, step, frame, row, upwards):
    scan = ScanGeometry(100, 0.01, direction="up" if upwards else "down", alternating=True)
    part = scan.for_frames(start, step)
    assert part.delay_s(row, frame) == scan.delay_s(row, start + step * frame)


def test_part_of_a_scan_that_does_not_alternate_is_the_same():
    assert UP.for_frames(3, 2) is UP


def test_to_dict_gives_the_constructor_values():
    assert ScanGeometry(**TURNING.to_dict()) == TURNING
