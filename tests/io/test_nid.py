"""The `.nid` reader on files made after the layout: values, orientation, scan, units, damage."""

import numpy as np
import pytest

from playNano.errors import ChannelError, FileFormatError
from playNano.io.loader import find_reader, open_movie

RAW = np.arange(12).reshape(3, 4) * 1000 - 6000


def section(name="Topography", unit="m", *, frame="Scan forward", bits=16, **change):
    entries = {
        "Points": 4,
        "Lines": 3,
        "Frame": frame,
        "Dim0Unit": "m",
        "Dim0Range": 8e-7,
        "Dim1Unit": "m",
        "Dim1Range": 3e-7,
        "Dim2Name": name,
        "Dim2Unit": unit,
        "Dim2Range": 2e-6,
        "Dim2Min": -5e-7,
        "SaveMode": "Binary",
        "SaveBits": bits,
        "SaveSign": "Signed",
        "SaveOrder": "Intel",
    }
    return {**entries, **change}


def nid_file(path, channels=None, *, direction="Down", line_time="680ms", encoding="latin-1"):
    """Write a file; `channels` are (group, number, section, values with the top line first)."""
    channels = [(0, 1, section(), RAW)] if channels is None else channels
    lines = ["[DataSet]", "Version=2", "GroupCount=2"]
    lines += [f"Gr{group}-Ch{number}=DataSet-{group}:{number}" for group, number, _, _ in channels]
    lines += ["", "[DataSet\\DataSetInfos\\Scan]", f"Scan direction={direction}", f"Time/Line={line_time}"]
    lines += ["Date=02-04-2020", "Time=10:23:52", "Rotation=45 °", ""]
    data = b""
    for group, number, entries, values in channels:
        # The line that was scanned last, from the bottom.
        entries = {"CurLine": entries["Lines"] - 1 if direction == "Up" else 0, **entries}
        lines += [f"[DataSet-{group}:{number}]", *(f"{key}={value}" for key, value in entries.items()), ""]
        data += values[::-1].astype(f"<i{int(entries['SaveBits']) // 8}").tobytes()
    path.write_bytes("\r\n".join([*lines, "", "#!"]).encode(encoding) + data)
    return path


def test_values_scan_and_times(tmp_path):
    movie = open_movie(nid_file(tmp_path / "a.nid"))
    expected = ((RAW / 2**16 + 0.5) * 2e-6 - 5e-7) * 1e9
    np.testing.assert_allclose(movie.read(0, 1)[0], expected, rtol=1e-6)
    assert (movie.format, movie.unit, movie.channels) == ("nid", "nm", ("Topography_trace",))
    assert movie.pixel_size_nm == pytest.approx((100.0, 200.0))
    scan = movie.scan
    assert (scan.direction, scan.trace, scan.lines) == ("down", "trace", 3)
    assert (scan.line_time_s, scan.frame_time_s) == pytest.approx((0.68, 2.04))
    assert movie.header["start_time"] == "2020-04-02T10:23:52"


@pytest.mark.parametrize(
    ("text", "seconds"), [("2 s", 2.0), ("500ms", 0.5), ("1.5 ms", 1.5e-3), ("soon", None)]
)
def test_line_times(tmp_path, text, seconds):
    movie = open_movie(nid_file(tmp_path / "a.nid", line_time=text, direction="Up"))
    assert movie.scan.direction == "up"
    assert movie.scan.line_time_s == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_channels_follow_one_another_and_curves_count(tmp_path, bits, encoding):
    """Numbers have gaps; curves are skipped, but their bytes count."""
    curve = section(frame="Spec forward", Points=5, Lines=1)
    phase = np.arange(12).reshape(3, 4) * 5 - 30
    path = nid_file(
        tmp_path / "a.nid",
        [
            (0, 1, section("Z-Axis"), RAW),
            (0, 4, curve, np.zeros((1, 5))),
            (0, 11, section("Phase", "°", bits=bits, Dim2Range=360, Dim2Min=-180), phase),
            (1, 2, section("Z-Axis", frame="Scan backward"), RAW + 1),
            (1, 3, section("Z-Axis", frame="2nd scan backward"), RAW + 2),
        ],
        encoding=encoding,
    )
    movie = open_movie(path, "phase")
    assert movie.channels == ("Z-Axis_trace", "Phase_trace", "Z-Axis_retrace", "Z-Axis 2nd_retrace")
    assert movie.unit == "deg"
    np.testing.assert_allclose(movie.read(0, 1)[0], phase / 2**bits * 360, rtol=1e-6, atol=1e-7)
    back = open_movie(path, "height_retrace")
    assert (back.scan.trace, back.header["file_channel"]) == ("retrace", "Z-Axis_retrace")
    np.testing.assert_allclose(
        back.read(0, 1), open_movie(path, "Z-Axis").read(0, 1) + 2e3 / 2**16, rtol=1e-5
    )
    with pytest.raises(ChannelError, match="no channel 'Spec'"):
        open_movie(path, "Spec")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Points": 2**31 - 1}, "cut off"),
        ({"Points": 0}, "Points of DataSet-0:1 is '0'"),
        ({"Lines": -1}, "Lines of DataSet-0:1 is '-1'"),
        ({"Lines": "many"}, "no number"),
        ({"SaveBits": 12}, "12 bits"),
        ({"SaveOrder": "Motorola"}, "Motorola"),
        ({"Dim2Range": "nan"}, "Dim2Range is 'nan'"),
        ({"Dim2Range": 0}, "Dim2Range of the channel"),
        ({"Dim2Min": ""}, "Dim2Min is ''"),
        ({"Dim0Unit": "V"}, "not a length"),
        ({"Dim1Range": 0}, "must be positive"),
    ],
)
def test_damaged_headers(tmp_path, change, message):
    entries = section()
    path = nid_file(tmp_path / "a.nid", [(0, 1, entries, RAW)])
    data = path.read_bytes()
    for key, value in change.items():
        data = data.replace(f"{key}={entries[key]}\r".encode(), f"{key}={value}\r".encode())
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=message) as caught:
        open_movie(path)
    assert str(path) in str(caught.value)


def test_a_channel_without_section(tmp_path):
    path = nid_file(tmp_path / "a.nid")
    path.write_bytes(path.read_bytes().replace(b"[DataSet-0:1]", b"[DataSet-0:7]"))
    with pytest.raises(FileFormatError, match="no such section"):
        open_movie(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.nid"
    path.write_bytes(b"[Other]\r\nkey=1\r\n#!")
    with pytest.raises(FileFormatError, match=r"nid .*does not begin with a section"):
        find_reader(path)
