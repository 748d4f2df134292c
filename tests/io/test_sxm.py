"""The `.sxm` reader on files made after the layout: values, orientation, scan, units, damage."""

import numpy as np
import pytest

from playNano.errors import FileFormatError
from playNano.io.loader import find_reader, open_movie

HEIGHTS = np.arange(12.0).reshape(3, 4) * 1e-9 + 1e-9
CURRENT = -np.arange(12.0).reshape(3, 4) * 1e-12


def sxm_file(path, *, direction="up", drop=(), **change):
    """Write Z forward and backward, then the current forward; images have the top line first."""
    tags = {
        "NANONIS_VERSION": "2",
        "SCANIT_TYPE": "FLOAT LSBFIRST",
        "REC_DATE": " 01.02.2023",
        "REC_TIME": "03:04:05",
        "ACQ_TIME": "       4.8",
        "SCAN_PIXELS": "       4       3",
        "SCAN_TIME": " 1.000E+0  5.000E-1",
        "SCAN_RANGE": " 8.000E-9  3.000E-9",
        "COMMENT": "first line\nsecond: line",
        "SCAN_DIR": direction,
        "DATA_INFO": "\tChannel\tName\tUnit\tDirection\tCalibration\tOffset\n"
        "\t14\tZ\tm\tboth\t1.0\t0.0\n\t0\tCurrent\tA\tforward\t1.0\t0.0\n",
        **change,
    }
    text = "".join(f":{tag}:\n{value}\n" for tag, value in tags.items() if tag not in drop)
    images = [HEIGHTS, (HEIGHTS + 1e-10)[:, ::-1], CURRENT]
    step = -1 if direction == "up" else 1
    data = b"".join(image[::step].astype(">f4").tobytes() for image in images)
    path.write_bytes(text.encode("latin-1") + b"\n:SCANIT_END:\n\n\n\x1a\x04" + data)
    return path


@pytest.mark.parametrize("direction", ["up", "down"])
def test_values_scan_and_times(tmp_path, direction):
    path = sxm_file(tmp_path / "a.sxm", direction=direction)
    movie = open_movie(path)
    np.testing.assert_allclose(movie.read(0, 1)[0], HEIGHTS * 1e9, rtol=1e-6)
    assert movie.channels == ("Z_trace", "Z_retrace", "Current_trace")
    assert (movie.unit, movie.pixel_size_nm) == ("nm", pytest.approx((1.0, 2.0)))
    scan = movie.scan
    assert (scan.direction, scan.trace, scan.line_time_s, scan.frame_time_s) == (direction, "trace", 1.5, 4.8)
    assert movie.header["start_time"] == "2023-02-01T03:04:05"
    assert movie.header["comment"] == "first line\nsecond: line"
    back = open_movie(path, "height_retrace")
    np.testing.assert_allclose(back.read(0, 1)[0], (HEIGHTS + 1e-10) * 1e9, rtol=1e-6)
    assert back.scan.trace == "retrace"
    current = open_movie(path, "current")
    assert current.unit == "A"
    np.testing.assert_allclose(current.read(0, 1)[0], CURRENT, rtol=1e-6)


def test_version_1_and_a_table_with_blanks(tmp_path):
    table = "Channel Name Unit Direction Calibration Offset\n 14  Z  m  both 1 0\n 0 Current A forward 1 0\n"
    movie = open_movie(sxm_file(tmp_path / "a.sxm", NANONIS_VERSION="1", SCAN_PIXELS="3 4", DATA_INFO=table))
    np.testing.assert_allclose(movie.read(0, 1)[0], HEIGHTS * 1e9, rtol=1e-6)


@pytest.mark.parametrize("change", [{"ACQ_TIME": "N/A"}, {"SCAN_TIME": "NaN NaN"}])
def test_generated_slices_have_one_image(tmp_path, change):
    movie = open_movie(sxm_file(tmp_path / "a.sxm", **change))
    assert movie.channels == ("Z_trace", "Current_trace")
    assert movie.scan.line_time_s == (None if "SCAN_TIME" in change else 1.5)


def test_without_times(tmp_path):
    movie = open_movie(sxm_file(tmp_path / "a.sxm", drop=("SCAN_TIME", "ACQ_TIME", "REC_DATE")))
    assert (movie.scan.line_time_s, movie.scan.frame_time_s) == (None, None)
    assert movie.header["start_time"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"SCAN_PIXELS": "2147483647 2147483647"}, "cut off"),
        ({"SCAN_PIXELS": "0 3"}, "SCAN_PIXELS is '0'"),
        ({"SCAN_PIXELS": "4"}, "SCAN_PIXELS has 1 values"),
        ({"SCAN_RANGE": "nan 1"}, "no measurement has"),
        ({"SCAN_RANGE": "-1 1"}, "must be positive"),
        ({"SCAN_DIR": "left"}, "must be up or down"),
        ({"DATA_INFO": "head\n\t1\tZ\tm\n"}, "cannot be read"),
        ({"DATA_INFO": "head\n"}, "no channel"),
    ],
)
def test_damaged_headers(tmp_path, change, message):
    path = sxm_file(tmp_path / "a.sxm", **change)
    with pytest.raises(FileFormatError, match=message) as caught:
        open_movie(path)
    assert str(path) in str(caught.value)


def test_without_the_mark_before_the_pixels(tmp_path):
    path = sxm_file(tmp_path / "a.sxm")
    path.write_bytes(path.read_bytes().replace(b"\x1a\x04", b"\x1a\x05"))
    with pytest.raises(FileFormatError, match="1A 04"):
        find_reader(path)
