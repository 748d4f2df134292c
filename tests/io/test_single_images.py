"""Readers of single images from other programs: Gwyddion, Igor (Asylum Research), WSxM, TopoStats."""

import pickle
import struct

import h5py
import numpy as np
import pytest

from playNano.errors import ChannelError, FileFormatError, ParameterError
from playNano.io.formats.gwy import open_gwy, sniff_gwy
from playNano.io.formats.ibw import _HEADER, open_ibw, sniff_ibw
from playNano.io.formats.topostats import open_topostats, sniff_topostats
from playNano.io.formats.wsxm import open_wsxm, sniff_wsxm
from playNano.io.loader import find_reader, open_movie

HDF5 = b"\x89HDF\r\n\x1a\n"
DATA = np.random.default_rng(0).normal(size=(3, 4))


def text(value):
    return value.encode() + b"\0"


def gwy_object(name, **parts):
    body = b"".join(text(key.replace("__", "/")) + value for key, value in parts.items())
    return text(name) + struct.pack("<I", len(body)) + body


def gwy_field(values=DATA, **change):
    unit = b"o" + gwy_object("GwySIUnit", unitstr=b"s" + text("m"))
    parts = {
        "xres": b"i" + struct.pack("<i", values.shape[1]),
        "yres": b"i" + struct.pack("<i", values.shape[0]),
        "xreal": b"d" + struct.pack("<d", 8e-9),
        "yreal": b"d" + struct.pack("<d", 15e-9),
        "si_unit_xy": unit,
        "si_unit_z": unit,
        "data": b"D" + struct.pack("<I", values.size) + values.astype("<f8").tobytes(),
    }
    parts.update(change)
    return b"o" + gwy_object(
        "GwyDataField", **{key: value for key, value in parts.items() if value is not None}
    )


def gwy_file(path, **parts):
    path.write_bytes(b"GWYP" + gwy_object("GwyContainer", **parts))
    return path


def test_gwy(tmp_path):
    volts = b"o" + gwy_object("GwySIUnit", unitstr=b"s" + text("V"))
    path = gwy_file(
        tmp_path / "a.gwy",
        __0__data=gwy_field(),
        __0__data__title=b"s" + text("Topography"),
        __0__meta=b"o" + gwy_object("GwyContainer", Speed=b"s" + text("fast")),
        __1__data=gwy_field(2 * DATA, si_unit_z=volts),
        __1__data__title=b"s" + text("Error"),
        __2__data=gwy_field(3 * DATA, si_unit_z=None),
        __3__graph=b"S" + struct.pack("<I", 2) + text("a") + text("b"),
        flag=b"b\1",
        letter=b"ca",
        big=b"q" + bytes(8),
        bytes=b"C" + struct.pack("<I", 3) + b"abc",
        objects=b"O" + struct.pack("<I", 1) + gwy_object("GwyThing"),
    )
    movie = pickle.loads(pickle.dumps(open_gwy(path)))
    assert (movie.unit, movie.channels) == ("nm", ("Topography", "Error", "data 2"))
    assert movie.pixel_size_nm == pytest.approx((5.0, 2.0))
    assert movie.header["meta"] == {"Speed": "fast"}
    np.testing.assert_allclose(movie.read(0, 1)[0], 1e9 * DATA, rtol=1e-6)
    for name, factor, unit in (("height_trace", 1e9, "nm"), ("error", 2, "V"), ("data 2", 3, "")):
        movie = open_gwy(path, name)
        assert movie.unit == unit
        np.testing.assert_allclose(movie.read(0, 1)[0], factor * DATA, rtol=1e-6)
    assert movie.read(1, 1).shape == (0, 3, 4)
    with pytest.raises(ParameterError):
        movie.read(0, 2)
    with pytest.raises(ChannelError, match="Topography, Error, data 2"):
        open_gwy(path, "phase")


def test_gwy_cut_anywhere(tmp_path):
    path = gwy_file(tmp_path / "a.gwy", __0__data=gwy_field())
    raw = path.read_bytes()
    assert sniff_gwy(path, raw) is None
    assert "Gwyddion" in sniff_gwy(path, b"no")
    for length in range(4, len(raw), 5):
        path.write_bytes(raw[:length])
        with pytest.raises(FileFormatError, match=r"a\.gwy: .*cut off"):
            open_movie(path)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (gwy_field(xres=b"i" + struct.pack("<i", 5)), "no numbers for 3 x 5 px"),
        (gwy_field(data=b"I" + struct.pack("<I", 0)), "no numbers"),
        (gwy_field(xreal=b"d" + bytes(8)), "xreal"),
        (gwy_field(si_unit_xy=b"o" + gwy_object("GwySIUnit", unitstr=b"s" + text("V"))), "not a length"),
        (b"z", "no type 'z'"),
    ],
)
def test_broken_gwy(tmp_path, field, message):
    change = {"__0__data": field} if field != b"z" else {"__0__data": gwy_field(), "odd": b"z" + bytes(4)}
    path = gwy_file(tmp_path / "a.gwy", **change)
    with pytest.raises(FileFormatError, match=message):
        open_movie(path, None)


NOTE = (
    "ScanRate: 2\rScanDown: 1\rDate:2009-06-03\rTime:10:01:29 PM\rFastScanSize: 8e-9\rSlowScanSize: 15e-9\r"
)


def ibw_file(path, layers=(DATA,), names=("HeightTrace",), note=NOTE, order="<", dtype="f4", **change):
    stack = np.stack([layer[::-1] for layer in layers]).astype(f"{order}{dtype}")
    labels = b"".join(name.encode().ljust(32, b"\0") for name in ("", *names))
    header = np.zeros((), _HEADER.newbyteorder(order))
    values = {
        "version": 5,
        "wave_bytes": 320 + stack.nbytes,
        "note_bytes": len(note),
        "dimension_label_bytes": (0, 0, len(labels), 0),
        "type": {"f4": 2, "f8": 4, "i2": 16}[dtype],
        "dimensions": (DATA.shape[1], DATA.shape[0], len(layers), 0),
        "step": (2e-9, 5e-9, 1, 1),
        "data_unit": b"m",
        "dimension_unit": (b"m", b"m", b"", b""),
        **change,
    }
    for key, value in values.items():
        header[key] = value
    path.write_bytes(header.tobytes() + stack.tobytes() + note.encode() + labels)
    return path


@pytest.mark.parametrize(("order", "dtype"), [("<", "f4"), (">", "f4"), ("<", "f8"), (">", "i2")])
def test_ibw(tmp_path, order, dtype):
    data = np.round(100 * DATA) if dtype == "i2" else DATA
    layers, names = (data, 2 * data, 3 * data), ("HeightTrace", "HeightRetrace", "NapPhaseTrace")
    path = ibw_file(tmp_path / "a.ibw", layers, names, order=order, dtype=dtype)
    movie = pickle.loads(pickle.dumps(open_ibw(path)))
    assert (movie.channels, movie.unit) == (names, "nm")
    assert movie.pixel_size_nm == pytest.approx((5.0, 2.0))
    assert movie.header["start_time"] == "2009-06-03T22:01:29"
    assert (movie.scan.line_rate_hz, movie.scan.direction, movie.scan.trace) == (2.0, "down", "trace")
    for name, factor, unit in (
        ("height", 1e9, "nm"),
        ("height_retrace", 2e9, "nm"),
        ("NapPhaseTrace", 3, "deg"),
    ):
        movie = open_ibw(path, name)
        assert movie.unit == unit
        np.testing.assert_allclose(movie.read(0, 1)[0], factor * data, rtol=1e-6)
    with pytest.raises(ChannelError, match="HeightTrace, HeightRetrace"):
        open_ibw(path, "current")


def test_ibw_without_a_note(tmp_path):
    movie = open_ibw(ibw_file(tmp_path / "a.ibw", names=(), note=""))
    assert movie.channels == ("layer 0",)
    assert movie.pixel_size_nm == pytest.approx((5.0, 2.0))
    assert (movie.scan.line_time_s, movie.scan.direction, movie.header["start_time"]) == (None, None, None)


def test_broken_ibw(tmp_path):
    path = tmp_path / "a.ibw"
    for change, message in (
        ({"type": 1}, "not an image"),
        ({"dimensions": (12, 0, 0, 0)}, "not an image"),
        ({"wave_bytes": 333}, "length"),
        ({"note": "", "dimension_unit": (b"s", b"s", b"", b"")}, "not a length"),
    ):
        with pytest.raises(FileFormatError, match=message):
            open_ibw(ibw_file(path, **change))
    assert "length" in sniff_ibw(ibw_file(path, wave_bytes=3), path.read_bytes())
    assert "version 5" in sniff_ibw(path, b"no")
    raw = ibw_file(path).read_bytes()
    assert sniff_ibw(path, raw) is None
    for length in (100, 390):
        path.write_bytes(raw[:length])
        with pytest.raises(FileFormatError, match="cut off"):
            open_ibw(path)


WSXM = {
    "Acquisition channel": "Topography",
    "Acquisition time": "18/06/2021, 14:12:26.398",
    "X-Frequency": "2 Hz",
    "X Amplitude": "0.008 \xb5m",
    "Y Amplitude": "15 nm",
    "Image Data Type": "double",
    "Number of columns": "4",
    "Number of rows": "3",
    "Y scanning direction": "Up",
    "Z Amplitude": "2 nm",
    "Maximum": "300",
    "Minimum": "-100",
}


def wsxm_file(path, data=DATA, dtype="<f8", **change):
    fields = {**WSXM, **{key.replace("__", " "): value for key, value in change.items()}}
    lines = ["WSxM file copyright UAM", "SxM Image file", "Image header size: 1", "", "[General Info]", ""]
    lines += [f"    {key}: {value}" for key, value in fields.items() if value is not None]
    header = "\r\n".join([*lines, "", "[Header end]", ""]).encode("latin-1")
    path.write_bytes(header + data[::-1, ::-1].astype(dtype).tobytes())
    return path


def test_wsxm_of_real_numbers(tmp_path):
    movie = pickle.loads(pickle.dumps(open_wsxm(wsxm_file(tmp_path / "a.stp"), "height_trace")))
    np.testing.assert_allclose(movie.read(0, 1)[0], DATA, rtol=1e-6)
    assert movie.pixel_size_nm == pytest.approx((5.0, 2.0))
    assert (movie.unit, movie.channels) == ("nm", ("Topography",))
    assert movie.header["start_time"] == "2021-06-18T14:12:26.398"
    assert (movie.scan.line_rate_hz, movie.scan.direction) == (2.0, "up")
    path = wsxm_file(tmp_path / "b.stp", dtype="<f4", Image__Data__Type="float", Z__Amplitude="1 pm")
    np.testing.assert_allclose(open_wsxm(path).read(0, 1)[0], 1e-3 * DATA, rtol=1e-6)
    with pytest.raises(ChannelError, match="Topography"):
        open_wsxm(path, "phase")


def test_wsxm_of_integers(tmp_path):
    data = np.arange(12).reshape(3, 4) * 10 - 50
    path = wsxm_file(tmp_path / "a.top", data, "<i2", Image__Data__Type="short")
    np.testing.assert_allclose(open_wsxm(path).read(0, 1)[0], data * 2 / 400, rtol=1e-6)
    path = wsxm_file(tmp_path / "b.top", data, "<i2", Image__Data__Type=None, Maximum=None)
    np.testing.assert_allclose(open_wsxm(path).read(0, 1)[0], data * 2 / 110, rtol=1e-6)
    flat = wsxm_file(tmp_path / "c.top", 0 * data, "<i2", Image__Data__Type="short", Maximum=None)
    assert not open_wsxm(flat).read(0, 1).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Number__of__rows": None}, "Number of rows"),
        ({"Number__of__rows": "0"}, "0 x 4 px"),
        ({"Number__of__rows": "30"}, "cut off"),
        ({"Image__Data__Type": "text"}, "'text'"),
        ({"X__Amplitude": "wide"}, "X Amplitude"),
        ({"X__Amplitude": "8 V"}, "not a length"),
    ],
)
def test_broken_wsxm(tmp_path, change, message):
    with pytest.raises(FileFormatError, match=message):
        open_movie(wsxm_file(tmp_path / "a.stp", **change), None)


def test_wsxm_header(tmp_path):
    path = wsxm_file(tmp_path / "a.stp", Acquisition__time="30/02/2021, 1:1:1", X__unknown="1")
    assert open_wsxm(path).header["start_time"] is None
    path = wsxm_file(tmp_path / "a.stp", Acquisition__time="long ago", **{"X-Frequency": None})
    assert open_wsxm(path).header["start_time"] is None
    assert open_wsxm(path).scan.line_time_s is None
    assert sniff_wsxm(path, path.read_bytes()) is None
    assert "WSxM" in sniff_wsxm(path, b"no")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileFormatError, match="cut off"):
        open_wsxm(path)


def topostats_file(path, **change):
    with h5py.File(path, "w") as file:
        for key, value in {"image": DATA, "pixel_to_nm_scaling": 1.5, **change}.items():
            if value is not None:
                file[key] = value
    return path


def test_topostats(tmp_path):
    path = topostats_file(tmp_path / "a.topostats", image_original=2 * DATA, topostats_file_version=0.2)
    movie = pickle.loads(pickle.dumps(open_topostats(path, "height_trace")))
    np.testing.assert_allclose(movie.read(0, 1)[0], DATA, rtol=1e-6)
    assert movie.read(0, 0).shape == (0, 3, 4)
    assert (movie.pixel_size_nm, movie.channels) == ((1.5, 1.5), ("image", "image_original"))
    np.testing.assert_allclose(open_topostats(path, "image_original").read(0, 1)[0], 2 * DATA, rtol=1e-6)
    assert movie.header["file_version"] == "0.2"
    with pytest.raises(ChannelError, match="image, image_original"):
        open_topostats(path, "phase")


def test_broken_topostats(tmp_path):
    path = topostats_file(tmp_path / "a.topostats", pixel_to_nm_scaling=None)
    assert "pixel_to_nm_scaling" in sniff_topostats(path, HDF5)
    with pytest.raises(FileFormatError, match="pixel_to_nm_scaling"):
        open_topostats(path)
    with pytest.raises(ChannelError):
        open_topostats(topostats_file(path, image=None))
    assert sniff_topostats(topostats_file(path), HDF5) is None
    assert sniff_topostats(path, b"no") == "it is not an HDF5 file"
    path.write_bytes(path.read_bytes()[:600])
    assert "cannot be read" in sniff_topostats(path, HDF5)


def test_content_and_folders(tmp_path):
    """Each of them is found by its content alone, and a folder of them is a movie."""
    for write, name in (
        (lambda path: gwy_file(path, __0__data=gwy_field()), "gwy"),
        (ibw_file, "ibw"),
        (wsxm_file, "wsxm"),
        (topostats_file, "topostats"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        write(folder / "2")
        assert find_reader(folder / "2").name == name
        write(folder / "10")
        movie = open_movie(folder, None)
        assert movie.shape == (2, 3, 4)
        assert [frame["file"] for frame in movie.frame_metadata] == ["2", "10"]
