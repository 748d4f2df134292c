"""The .jpk reader against small TIFF files of known content."""

import pickle

import numpy as np
import pytest
import tifffile

from playNano.errors import ChannelError, FileFormatError, ParameterError, PlayNanoWarning
from playNano.io.formats.jpk_tiff import open_jpk, sniff_jpk
from playNano.io.loader import open_movie

RAW = np.random.default_rng(0).integers(-5000, 5000, (3, 4), dtype=np.int32)
MAIN = {
    0x8000: "8.0.33",
    0x8003: "2023-02-16 12:08:46.436 GMT",
    0x8006: "2023-02-16 12:08:48.936 GMT",
    0x8008: "1676549326436",
    0x8017: "fast-imaging.feed-forward-parameters.yaxis.interlace : false",
    0x8042: 8e-9,
    0x8043: 15e-9,
    0x8049: 50.0,
    0x804B: "topDown",
    0x8050: "thumbnail",
}
CALIBRATED = {
    0x8080: 2,
    0x8081: "calibrated",
    0x8090: "raw",
    0x80A3: "NullScaling",
    0x80C0: "calibrated",
    0x80D2: "m",
    0x80D3: "LinearScaling",
    0x80D4: -2e-12,
    0x80D5: 3e-9,
}


def channel(name, retrace=0, raw=RAW, **change):
    return raw, {0x8050: name, 0x8051: retrace, **CALIBRATED, **change.pop("tags", {}), **change}


def extra(tags):
    kinds = {str: "s", int: "i", float: "d"}
    return [
        (code, kinds[type(value)], 0 if isinstance(value, str) else 1, value, True)
        for code, value in sorted(tags.items())
        if value is not None
    ]


def write(path, channels=None, main=None):
    with tifffile.TiffWriter(path) as tiff:
        tags = {**MAIN, **(main or {})}
        tiff.write(np.zeros((4, 4), np.uint8), extratags=extra(tags), metadata=None)
        for raw, tags in channels or [channel("height")]:
            tiff.write(raw, extratags=extra(tags), metadata=None)
    return path


def test_calibration_rows_size_and_times(tmp_path):
    movie = pickle.loads(pickle.dumps(open_jpk(write(tmp_path / "a.jpk"))))
    values = movie.read(0, 1)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[0], RAW[::-1] * -2e-3 + 3.0, rtol=1e-6)
    assert movie.shape == (1, 3, 4)
    assert movie.pixel_size_nm == pytest.approx((5.0, 2.0))
    assert movie.unit == "nm"
    assert movie.frame_metadata == [{"timestamp": 0.0, "duration_s": 2.5}]
    assert movie.header["start_time"] == "2023-02-16T12:08:46.436+00:00"
    assert (movie.scan.line_rate_hz, movie.scan.direction, movie.scan.trace) == (50.0, "up", "trace")
    assert movie.read(0, 0).shape == (0, 3, 4)
    with pytest.raises(ParameterError):
        movie.read(0, 2)


@pytest.mark.parametrize(
    ("reflect", "motion", "rows", "direction"),
    [
        (None, "topDown", -1, "up"),
        (0, "topDown", -1, "up"),
        (0, "bottomUp", -1, "down"),
        (1, "topDown", 1, "down"),
        (1, "bottomUp", 1, "up"),
        (1, "spiral", 1, None),
    ],
)
def test_rows_and_direction_go_by_the_grid(tmp_path, reflect, motion, rows, direction):
    movie = open_jpk(write(tmp_path / "a.jpk", main={0x8045: reflect, 0x804B: motion}))
    np.testing.assert_allclose(movie.read(0, 1)[0], RAW[::rows] * -2e-3 + 3.0, rtol=1e-6)
    assert movie.scan.direction == direction


def test_channels(tmp_path):
    channels = [
        channel("height", 1),
        channel("height", 0, 2 * RAW),
        channel("phase", 0, tags={0x8081: "raw"}),
        channel("height", 0, 3 * RAW),
    ]
    path = write(tmp_path / "a.jpk", channels)
    assert open_jpk(path).channels == ("height_retrace", "height_trace", "phase_trace", "height_trace 2")
    np.testing.assert_allclose(open_jpk(path, "height").read(0, 1)[0], 2 * RAW[::-1] * -2e-3 + 3.0, rtol=1e-6)
    assert open_jpk(path, "height_retrace").scan.trace == "retrace"
    phase = open_jpk(path, "phase")
    assert phase.unit == ""
    np.testing.assert_array_equal(phase.read(0, 1)[0], RAW[::-1])
    with pytest.raises(ChannelError, match="height_retrace, height_trace, phase_trace"):
        open_jpk(path, "amplitude")


@pytest.mark.parametrize(("end", "line_time_s"), [(None, 0.01), ("2023-02-16 12:08:46.469 GMT", 0.011)])
def test_interlaced_lines_share_the_time_of_the_frame(tmp_path, end, line_time_s):
    text = "fast-imaging.feed-forward-parameters.yaxis.interlace : true\nother : 1"
    movie = open_jpk(write(tmp_path / "a.jpk", main={0x8017: text, 0x8006: end}))
    assert movie.scan.line_time_s == pytest.approx(line_time_s)
    assert movie.header["scan_rate_hz"] == 50.0


@pytest.mark.parametrize(
    ("main", "start"),
    [
        ({0x8008: "61"}, "2023-02-16T12:08:46.436"),
        ({0x8008: None}, "2023-02-16T12:08:46.436"),
        ({0x8003: None}, None),
        ({0x8003: "2023-19-99 12:08:46 GMT"}, None),
    ],
)
def test_start_time(tmp_path, main, start):
    assert open_jpk(write(tmp_path / "a.jpk", main=main)).header["start_time"] == start


def test_no_rate_no_direction(tmp_path):
    movie = open_jpk(write(tmp_path / "a.jpk", main={0x8049: None, 0x804B: "spiral", 0x8006: None}))
    assert (movie.scan.line_time_s, movie.scan.direction, movie.scan.frame_time_s) == (None, None, None)
    assert movie.frame_metadata == [{"timestamp": 0.0}]


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({0x80D3: "OtherScaling"}, "OtherScaling"),
        ({0x8081: "lost"}, "'lost'"),
        ({0x8081: None}, "0x8081"),
        ({0x80D4: None}, "0x80d4"),
    ],
)
def test_broken_calibration(tmp_path, tags, message):
    with pytest.raises(FileFormatError, match=message):
        open_jpk(write(tmp_path / "a.jpk", [channel("height", tags=tags)]))


@pytest.mark.parametrize(("tag", "value"), [(0x8042, None), (0x8043, 0.0)])
def test_broken_grid(tmp_path, tag, value):
    with pytest.raises(FileFormatError, match=hex(tag)):
        open_jpk(write(tmp_path / "a.jpk", main={tag: value}))


def test_foreign_and_damaged_files(tmp_path):
    foreign = tmp_path / "photo.tif"
    tifffile.imwrite(foreign, np.zeros((3, 3), np.uint8))
    assert "no page with a JPK channel" in sniff_jpk(foreign, foreign.read_bytes())
    with pytest.raises(ChannelError, match="no channel"):
        open_jpk(foreign)
    whole = write(tmp_path / "a.jpk")
    assert sniff_jpk(whole, whole.read_bytes()) is None
    assert sniff_jpk(whole, b"no") == "it is not a TIFF file"


def test_cut_anywhere(tmp_path):
    raw = write(tmp_path / "a.jpk", [channel("height"), channel("phase")]).read_bytes()
    cut = tmp_path / "cut.jpk"
    for length in (*range(5, len(raw), 7), len(raw) - 1):
        cut.write_bytes(raw[:length])
        with pytest.raises(FileFormatError, match=r"cut\.jpk: .*the file is cut off"):
            open_movie(cut, "height")


@pytest.mark.parametrize("kwargs", [{"compression": "zlib"}, {"photometric": "rgb"}, {"dtype": np.complex64}])
def test_pixels_that_are_no_plain_numbers(tmp_path, kwargs):
    raw = np.zeros((3, 4, 3) if "photometric" in kwargs else (3, 4), kwargs.pop("dtype", np.uint8))
    path = tmp_path / "a.jpk"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.zeros((4, 4), np.uint8), extratags=extra(MAIN), metadata=None)
        tiff.write(raw, extratags=extra(channel("height")[1]), metadata=None, **kwargs)
    with pytest.raises(FileFormatError, match=r"a\.jpk: .*TIFF page"):
        open_jpk(path).read(0, 1)


@pytest.mark.parametrize("dtype", [">i4", "<i2", "<f4", "<f8", "|u1"])
def test_other_numbers_and_byte_orders(tmp_path, dtype):
    raw = np.abs(RAW % 100).astype(dtype)
    path = tmp_path / "a.jpk"
    with tifffile.TiffWriter(path, byteorder=">" if dtype[0] == ">" else "<") as tiff:
        tiff.write(np.zeros((4, 4), np.uint8), extratags=extra(MAIN), metadata=None)
        tiff.write(raw, extratags=extra(channel("height")[1]), metadata=None, rowsperstrip=2)
    np.testing.assert_allclose(open_jpk(path).read(0, 1)[0], raw[::-1] * -2e-3 + 3.0, rtol=1e-6)


def test_pages_in_a_circle(tmp_path):
    path = write(tmp_path / "a.jpk")
    raw = bytearray(path.read_bytes())
    count = int.from_bytes(raw[8:10], "little") if int.from_bytes(raw[4:8], "little") == 8 else 0
    raw[10 + 12 * count : 14 + 12 * count] = raw[4:8]
    path.write_bytes(raw)
    with pytest.raises(FileFormatError, match="cyclic"):
        open_jpk(path)


@pytest.mark.parametrize("missing", [5, 16, 70])
def test_a_file_of_strips_that_is_cut_off(tmp_path, missing):
    raw, path = np.arange(48, dtype=np.int32).reshape(12, 4), tmp_path / "a.jpk"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.zeros((4, 4), np.uint8), extratags=extra(MAIN), metadata=None)
        tiff.write(raw, extratags=extra(channel("height")[1]), metadata=None, rowsperstrip=1)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - missing)
    with pytest.raises(FileFormatError, match="--allow-incomplete"):
        open_movie(path)
    with pytest.warns(PlayNanoWarning, match="of 12 lines of channel height_trace exist"):
        values = open_movie(path, allow_incomplete=True).read(0, 1)[0, ::-1]
    whole = 12 - -(-missing // 16)
    np.testing.assert_allclose(values[:whole], raw[:whole] * -2e-3 + 3.0, rtol=1e-6)
    assert np.isnan(values[whole:]).all()
