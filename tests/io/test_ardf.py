"""The `.ARDF` reader on files made after the layout: values, units, damage."""

import struct

import numpy as np
import pytest

from playNano.errors import FileFormatError
from playNano.io.loader import find_reader, open_movie

HEIGHTS = np.arange(1.0, 13.0).reshape(3, 4) * 1e-9
NOTE = "ScanSize: 8e-9\rFastScanSize: 8e-9\rSlowScanSize: 3e-9\rScanRate: 2\rDate: 2024-01-02\rTime: 1:02:03 PM\r"


def head(kind, size=0):
    return struct.pack("<II4sI", 0, size, kind, 0)


def table(kind, entries):
    size = len(entries[0])
    body = b"".join(entries)
    return head(kind, 32) + struct.pack("<QII", 32 + len(body), len(entries), size) + body


def note_record(text):
    return head(b"TEXT", 24 + len(text)) + struct.pack("<II", 0, len(text)) + text.encode("latin-1")


def image_part(title, values, address):
    """Return an image with a note behind it; `address` is its own."""
    lines, points = values.shape
    box = [head(b"IDAT", 16 + 4 * points) + row.astype("<f4").tobytes() for row in values]
    middle = (
        head(b"IDEF", 152) + struct.pack("<II", points, lines) + bytes(96) + title.encode().ljust(32, b"\0")
    )
    middle += table(b"IBOX", box) + head(b"GAMI", 16)
    start = table(b"IMAG", [head(b"THMB") + bytes(8)])
    behind = address + len(start) + 64 + len(middle)
    offsets = table(b"TTOC", [head(b"TOFF") + struct.pack("<QQ", 0, behind)])
    return start + offsets + middle + note_record("Channel: x\r")


def ardf_file(path, images=(("HeightTrace", HEIGHTS), ("PhaseRetrace", HEIGHTS * 1e9)), note=NOTE):
    entry_bytes = 24 * len(images) + 24
    texts_at = 16 + 32 + entry_bytes
    note_at = texts_at + 64
    at = note_at + len(note_record(note))
    parts, addresses = [], []
    for title, values in images:
        addresses.append(at)
        parts.append(image_part(title, values, at))
        at += len(parts[-1])
    contents = table(b"FTOC", [head(b"IMAG") + struct.pack("<Q", a) for a in addresses] + [bytes(24)])
    texts = table(b"TTOC", [head(b"TOFF") + struct.pack("<QQ", 0, note_at)])
    path.write_bytes(head(b"ARDF", 16) + contents + texts + note_record(note) + b"".join(parts))
    return path


def test_values_units_and_scan(tmp_path):
    path = ardf_file(tmp_path / "a.ARDF")
    movie = open_movie(path)
    np.testing.assert_allclose(movie.read(0, 1)[0], HEIGHTS * 1e9, rtol=1e-6)
    assert movie.channels == ("HeightTrace", "PhaseRetrace")
    assert (movie.unit, movie.pixel_size_nm) == ("nm", pytest.approx((1.0, 2.0)))
    scan = movie.scan
    assert (scan.trace, scan.line_time_s, scan.frame_time_s, scan.direction) == ("trace", 0.5, 1.5, None)
    assert movie.header["start_time"] == "2024-01-02T13:02:03"
    phase = open_movie(path, "phase_retrace")
    assert (phase.unit, phase.scan.trace) == ("deg", "retrace")
    np.testing.assert_allclose(phase.read(0, 1)[0], HEIGHTS * 1e9, rtol=1e-6)


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("Adhesion", "N"),
        ("MaxForce", "N"),
        ("YoungsModulus", "Pa"),
        ("Voltage", "V"),
        ("MapHeight", "nm"),
        ("x", ""),
    ],
)
def test_units_by_title(tmp_path, title, unit):
    movie = open_movie(ardf_file(tmp_path / "a.ARDF", [(title, HEIGHTS)]), None)
    assert movie.unit == unit


def test_without_images(tmp_path):
    path = ardf_file(tmp_path / "a.ARDF")
    path.write_bytes(path.read_bytes().replace(b"IMAG", b"VOLM", 2))
    with pytest.raises(FileFormatError, match="has no image"):
        open_movie(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"SlowScanSize: 3e-9", b"SlowScanSize: none", "SlowScanSize is 'none"),
        (b"FastScanSize: 8e-9", b"FastScanSize: -e-9", "FastScanSize is '-e-9'"),
        (b"GAMI", b"GAMO", "has no end"),
        (b"IDEF", b"IDEG", "definition of an image"),
        (b"IBOX", b"IBOY", "the table IBOX"),
        (b"IDAT", b"IDOT", "are missing"),
        (b"TEXT", b"TAXT", "the note at byte"),
        (
            struct.pack("<II", 4, 3) + bytes(96),
            struct.pack("<II", 3, 4) + bytes(96),
            "3 records of 4 numbers",
        ),
        (struct.pack("<II", 4, 3) + bytes(96), struct.pack("<II", 0, 3) + bytes(96), "IDEF is 0"),
    ],
)
def test_damaged_files(tmp_path, old, new, message):
    path = ardf_file(tmp_path / "a.ARDF")
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new[: len(old)], 1))
    with pytest.raises(FileFormatError, match=message) as caught:
        open_movie(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("count", [2**31 - 1, 2**32 - 1, 0])
def test_counts_of_tables(tmp_path, count):
    path = ardf_file(tmp_path / "a.ARDF")
    data = bytearray(path.read_bytes())
    for at in (40, data.index(b"IBOX") + 16):
        changed = data.copy()
        struct.pack_into("<I", changed, at, count)
        path.write_bytes(changed)
        with pytest.raises(FileFormatError, match="damaged"):
            open_movie(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.ARDF"
    path.write_bytes(b"something else")
    with pytest.raises(FileFormatError, match="'ARDF' at byte 8"):
        find_reader(path)
