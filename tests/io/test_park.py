"""The reader of Park Systems files on files made after the layout: values, orientation, scan, units, damage."""

import struct

import numpy as np
import pytest
import tifffile
from tests.io.test_nid import nid_file

from playNano.errors import FileFormatError
from playNano.io.formats.park import open_park
from playNano.io.loader import find_reader, open_movie

RAW = np.arange(12).reshape(3, 4) * 1000 - 6000
LAYOUT = {
    "kind": (0, "I"),
    "source": (4, 64),
    "mode": (68, 16),
    "width": (100, "I"),
    "height": (104, "I"),
    "angle": (108, "d"),
    "forward": (128, "I"),
    "up": (132, "I"),
    "swapped": (136, "I"),
    "x_size": (140, "d"),
    "y_size": (148, "d"),
    "rate": (172, "d"),
    "gain": (220, "d"),
    "z_scale": (228, "d"),
    "z_offset": (236, "d"),
    "z_unit": (244, 16),
    "compressed": (272, "I"),
    "logarithmic": (276, "I"),
    "type": (348, "I"),
}
VALUES = {
    "source": "Topography",
    "mode": "NC-AFM",
    "width": 4,
    "height": 3,
    "forward": 1,
    "up": 1,
    "x_size": 0.008,
    "y_size": 0.003,
    "rate": 2.0,
    "gain": 2e-6,
    "z_scale": 0.5,
    "z_offset": 100.0,
    "z_unit": "um",
}


def park_file(path, dtype="<i2", *, version=2, magic=0x0E031301, data_bytes=None, **change):
    header = bytearray(580 if version == 2 else 356)
    for name, value in {**VALUES, "type": ("<i2", "<i4", "<f4").index(dtype), **change}.items():
        offset, kind = LAYOUT[name]
        if isinstance(kind, int):
            value = value.encode("utf-16-le")
            header[offset : offset + len(value)] = value
        elif version == 2 or name != "type":
            struct.pack_into(f"<{kind}", header, offset, value)
    data = RAW[::-1].astype(dtype).tobytes()[:data_bytes]
    tags = [
        (50432, 4, 1, magic, True),
        (50433, 4, 1, 0x01000000 + version, True),
        (50434, 1, len(data), data, True),
        (50435, 1, len(header), bytes(header), True),
    ]
    with tifffile.TiffWriter(path, byteorder="<") as tiff:
        tiff.write(np.zeros((3, 4), np.uint8), extratags=tags, metadata=None)
    return path


@pytest.mark.parametrize("dtype", ["<i2", "<i4", "<f4"])
def test_values_and_scan(tmp_path, dtype):
    movie = open_movie(park_file(tmp_path / "a.tiff", dtype))
    np.testing.assert_allclose(movie.read(0, 1)[0], 2e-6 * (0.5 * RAW + 100) * 1e3, rtol=1e-6)
    assert (movie.format, movie.unit, movie.channels) == ("park", "nm", ("Topography_trace",))
    assert movie.pixel_size_nm == pytest.approx((1.0, 2.0))
    scan = movie.scan
    assert (scan.direction, scan.trace, scan.line_time_s, scan.frame_time_s) == ("up", "trace", 0.5, 1.5)


def test_version_1_a_scale_of_zero_and_other_units(tmp_path):
    path = park_file(
        tmp_path / "a.tiff", version=1, z_scale=0.0, z_unit="V", source="Phase", up=0, forward=0, rate=0.0
    )
    movie = open_movie(path, "phase_retrace")
    np.testing.assert_allclose(movie.read(0, 1)[0], 2e-6 * (RAW + 100), rtol=1e-6)
    assert (movie.unit, movie.channels) == ("V", ("Phase_retrace",))
    assert (movie.scan.direction, movie.scan.trace, movie.scan.line_time_s) == ("down", "retrace", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 2**31 - 1}, "has 24 of"),
        ({"width": 0}, "0 px"),
        ({"data_bytes": 20}, "has 20 of 24 bytes"),
        ({"type": 3}, "unknown type 3"),
        ({"kind": 2}, "is spectroscopy, no image"),
        ({"kind": 9}, "of kind 9"),
        ({"swapped": 1}, "x and y swapped"),
        ({"logarithmic": 1}, "is logarithmic"),
        ({"compressed": 1}, "is compressed"),
        ({"gain": np.nan}, "gain is"),
        ({"z_offset": np.inf}, "z_offset is"),
        ({"x_size": 0.0}, "must be positive"),
        ({"version": 9}, "unknown version"),
        ({"magic": 1}, "no Park measurement"),
    ],
)
def test_damaged_headers(tmp_path, change, message):
    path = park_file(tmp_path / "a.tiff", **change)
    with pytest.raises(FileFormatError, match=message) as caught:
        open_movie(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_other_tiff_files_are_refused(tmp_path, byteorder):
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, np.zeros((3, 4), np.uint8), byteorder=byteorder)
    assert find_reader(path).name == "tiff"
    with pytest.raises(FileFormatError, match=r"no Park measurement|little-endian"):
        open_park(path)


def test_pictures_in_folders(tmp_path):
    """A picture beside images of another format is left out; a damaged image among its own is an error."""
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(2):
        nid_file(folder / f"{i}.nid")
    tifffile.imwrite(folder / "overview.tif", np.zeros((3, 4), np.uint8))
    movie = open_movie(folder)
    assert (movie.shape[0], movie.header["other_files"]) == (2, ["overview.tif"])
    (folder / "0.nid").unlink()
    (folder / "1.nid").unlink()
    park_file(folder / "a.tiff")
    park_file(folder / "b.tiff")
    with pytest.raises(FileFormatError, match=r"overview\.tif: the file has the name of an image"):
        open_movie(folder)
    (folder / "overview.tif").unlink()
    assert open_movie(folder).shape == (2, 3, 4)
