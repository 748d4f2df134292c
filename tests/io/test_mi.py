"""The `.mi` reader on files made after the layout: values, orientation, scan, units, damage."""

import numpy as np
import pytest

from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration
from playNano.io.formats.mi import MiText
from playNano.io.loader import find_reader, open_movie

RAW = np.arange(12).reshape(3, 4) * 1000 - 6000
BUFFERS = (
    ("Topography", "TRUE", "m", 4e-8),
    ("Topography", "FALSE", "m", 4e-8),
    ("Phase", "TRUE", "deg", 90.0),
)


def mi_file(path, kind="BINARY", *, scan_up="FALSE", newline="\n", **change):
    """Write three channels; each holds its number more than the first one, the top line last."""
    entries = {
        "fileType": "Image",
        "version": "2.0",
        "xPixels": 4,
        "yPixels": 3,
        "xLength": 8e-9,
        "yLength": 3e-9,
    }
    entries |= {"scanUp": scan_up, "scanSpeed": 2, **change}
    lines = [f"{key:<14}{value}" for key, value in entries.items()]
    for label, trace, unit, span in BUFFERS:
        buffer = {"bufferLabel": label, "trace": trace, "bufferUnit": unit, "bufferRange": span, **change}
        lines += [f"{key:<14}{buffer[key]}" for key in ("bufferLabel", "trace", "bufferUnit", "bufferRange")]
        lines += [f"{'DisplayOffset':<14}0"]
    lines += [f"{'data':<14}{kind}"]
    images = [(RAW + i)[::-1] for i in range(3)]
    if kind == "ASCII":
        data = "\n".join(" ".join(map(str, row)) for image in images for row in image).encode()
    else:
        dtype, factor = ("<i4", 2**16) if kind == "BINARY_32" else ("<i2", 1)
        data = b"".join((image * factor).astype(dtype).tobytes() for image in images)
    path.write_bytes((newline.join(lines) + newline).encode("latin-1") + data)
    return path


@pytest.mark.parametrize("kind", ["BINARY", "BINARY_32", "ASCII", ""])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_values_and_units(tmp_path, kind, newline):
    path = mi_file(tmp_path / "a.mi", kind, newline=newline)
    movie = open_movie(path)
    np.testing.assert_allclose(movie.read(0, 1)[0], RAW / 2**15 * 40, rtol=1e-6)
    assert movie.read(0, 0).shape == (0, 3, 4)
    assert movie.channels == ("Topography_trace", "Topography_retrace", "Phase_trace")
    assert (movie.unit, movie.pixel_size_nm) == ("nm", pytest.approx((1.0, 2.0)))
    back = open_movie(path, "height_retrace")
    np.testing.assert_allclose(back.read(0, 1)[0], (RAW + 1) / 2**15 * 40, rtol=1e-6)
    assert back.scan.trace == "retrace"
    phase = open_movie(path, "phase")
    assert phase.unit == "deg"
    np.testing.assert_allclose(phase.read(0, 1)[0], (RAW + 2) / 2**15 * 90, rtol=1e-6)


@pytest.mark.parametrize(("scan_up", "direction"), [("TRUE", "up"), ("FALSE", "down"), ("", None)])
def test_scan(tmp_path, scan_up, direction):
    scan = open_movie(mi_file(tmp_path / "a.mi", scan_up=scan_up)).scan
    assert (scan.direction, scan.trace, scan.line_time_s, scan.frame_time_s) == (direction, "trace", 0.5, 1.5)


@pytest.mark.parametrize("kind", ["BINARY", "ASCII"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"xPixels": 2**31 - 1}, "cut off"),
        ({"xPixels": 0}, "xPixels is '0'"),
        ({"yPixels": -1}, "yPixels is '-1'"),
        ({"yPixels": 2.5}, "whole number"),
        ({"xLength": "nan"}, "no measurement has"),
        ({"yLength": 0}, "must be positive"),
        ({"bufferRange": "inf"}, "bufferRange of Topography_trace"),
        ({"bufferRange": "wide"}, "no number"),
    ],
)
def test_damaged_headers(tmp_path, kind, change, message):
    path = mi_file(tmp_path / "a.mi", kind, **change)
    with pytest.raises(FileFormatError, match=message) as caught:
        open_movie(path)
    assert str(path) in str(caught.value)


def test_damaged_text(tmp_path):
    path = mi_file(tmp_path / "a.mi", "ASCII")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"-6000", b"-6k00"))
    with pytest.raises(FileFormatError, match="a pixel is no number"):
        open_movie(path).read(0, 1)
    path.write_bytes(whole[:-41])
    with pytest.raises(FileFormatError, match="cut off"):
        open_movie(path, "phase").read(0, 1)


def test_long_text_is_read_in_parts(tmp_path):
    path = tmp_path / "numbers.txt"
    raw = np.random.default_rng(0).integers(-30_000, 30_000, (2, 700, 300))
    path.write_text(" ".join(map(str, raw.ravel())))
    assert path.stat().st_size > 2 << 20
    for i in range(2):
        read = MiText(path, 0, i, (700, 300), Calibration(1.0, 0.0, ""), 700)
        np.testing.assert_array_equal(read(0, 1)[0], raw[i][::-1])


def test_other_kinds_and_files_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="stored as 'BINARY_64'"):
        find_reader(mi_file(tmp_path / "a.mi", "BINARY_64"))
    with pytest.raises(FileFormatError, match=r"mi .*does not begin with the line"):
        find_reader(mi_file(tmp_path / "b.mi", fileType="Spectroscopy"))
