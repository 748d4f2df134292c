"""The NanoScope reader against small files of known content."""

import pickle

import numpy as np
import pytest

from playNano.errors import ChannelError, FileFormatError, ParameterError
from playNano.io.formats.spm import open_spm, sniff_spm
from playNano.io.loader import open_movie

RAW = np.random.default_rng(0).integers(-3000, 3000, (3, 4))
OFFSET = 4096
SCANNER = {"@Sens. Zsens": "V 4.0 nm/V"}
SCAN = {"Scan Size": "8 nm", "Scan Rate": "20", "Capture direction": "Down", "@Sens. Phase": "V 2.0 "}
IMAGE = {
    "Data offset": OFFSET,
    "Data length": 24,
    "Bytes/pixel": 2,
    "Frame direction": "Down",
    "Samps/line": 4,
    "Number of lines": 3,
    "Aspect Ratio": "1:1",
    "Scan Size": "8 15 nm",
    "Line Direction": "Retrace",
    "@2:Image Data": 'S [Height] "Height"',
    "@2:Z scale": "V [Sens. Zsens] (0.01 V/LSB) 32.768 V",
}


def write(path, images=({},), raws=(RAW,), scan=None, date="01:59:45 PM Fri Apr 25 2014", dtype="<i2"):
    lines = ["\\*File list", "\\Version: 0x09000104", f"\\Date: {date}", "\\*Scanner list"]
    lines += [f"\\{key}: {value}" for key, value in SCANNER.items()]
    lines += ["\\*Ciao scan list"]
    lines += [f"\\{key}: {value}" for key, value in {**SCAN, **(scan or {})}.items() if value is not None]
    pixels = b""
    for change, raw in zip(images, raws, strict=True):
        data = raw[::-1].astype(dtype).tobytes()
        image = {**IMAGE, "Data offset": OFFSET + len(pixels), "Data length": len(data), **change}
        lines += ["\\*Ciao image list"]
        lines += [f"\\{key}: {value}" for key, value in image.items() if value is not None]
        pixels += data
    header = "\r\n".join([*lines, "\\*File list end", ""]).encode("latin-1") + b"\x1a"
    path.write_bytes(header.ljust(OFFSET, b"\0") + pixels)
    return path


def test_values_rows_size_and_scan(tmp_path):
    movie = pickle.loads(pickle.dumps(open_spm(write(tmp_path / "a.102"))))
    values = movie.read(0, 1)
    assert values.dtype == np.float32
    # 32.768 V over 2**16 steps and 4 nm/V make 0.002 nm a step; the factor in brackets is not used.
    np.testing.assert_allclose(values[0], RAW * 0.002, rtol=1e-6)
    assert movie.pixel_size_nm == (5.0, 2.0)
    assert movie.unit == "nm"
    assert movie.scan.line_time_s == pytest.approx(0.05)
    assert movie.scan.frame_time_s == pytest.approx(0.15)
    assert (movie.scan.direction, movie.scan.trace) == ("down", "retrace")
    assert movie.header["start_time"] == "2014-04-25T13:59:45"
    assert movie.read(0, 0).shape == (0, 3, 4)
    with pytest.raises(ParameterError):
        movie.read(0, 2)


@pytest.mark.parametrize(("said", "factor"), [(2, 1), (4, 65536), (None, 65536)])
def test_the_scale_goes_by_the_bytes_that_the_header_names(tmp_path, said, factor):
    path = write(tmp_path / "a.spm", [{"Bytes/pixel": said}], raws=(RAW * factor,), dtype="<i4")
    np.testing.assert_allclose(open_spm(path).read(0, 1)[0], RAW * 0.002, rtol=1e-6)


def test_units(tmp_path):
    images = [
        {"@2:Image Data": 'S [Phase] "Phase"', "@2:Z scale": "V [Sens. Phase] (0.1 \xba/LSB) 65.536 \xba"},
        {
            "@2:Image Data": 'S [A] "Amplitude"',
            "@3:Z scale": "V [Sens. Zsens] (0.1 mV/LSB) 65.536 mV",
            "@2:Z scale": None,
        },
        {"@2:Image Data": 'S [I] "Current"', "@2:Z scale": "V (0.1 pA/LSB) 65.536 pA"},
    ]
    path = write(tmp_path / "a.spm", images, [RAW] * 3)
    for name, unit, factor in (
        ("Phase", "deg", 2e-3),
        ("amplitude_trace", "nm", 4e-6),
        ("Current", "pA", 1e-3),
    ):
        movie = open_spm(path, name)
        assert movie.unit == unit
        np.testing.assert_allclose(movie.read(0, 1)[0], RAW * factor, rtol=1e-6)


def test_trace_and_retrace(tmp_path):
    images = [
        {"Line Direction": "Trace"},
        {"Line Direction": "Retrace"},
        {"@2:Image Data": 'S [Z] "Height Sensor"'},
    ]
    path = write(tmp_path / "a.spm", images, [RAW, 2 * RAW, 3 * RAW])
    assert open_spm(path).channels == ("Height_trace", "Height_retrace", "Height Sensor")
    for asked, factor in (
        ("height_retrace", 2),
        ("Height_trace", 1),
        ("height sensor", 3),
        ("height", 1),
        (None, 1),
    ):
        np.testing.assert_allclose(open_spm(path, asked).read(0, 1)[0], factor * RAW * 0.002, rtol=1e-6)
    with pytest.raises(ChannelError, match="Height_trace, Height_retrace, Height Sensor"):
        open_spm(path, "Phase")


def test_the_height_by_its_sensor_comes_first(tmp_path):
    path = write(tmp_path / "a.spm", [{}, {"@2:Image Data": 'S [ZSensor] "Height Sensor"'}], [RAW, 2 * RAW])
    assert open_spm(path, "height_trace").header["file_channel"] == "Height Sensor"
    assert open_spm(path, "Height").header["file_channel"] == "Height"


@pytest.mark.parametrize(
    ("image", "scan", "size"),
    [
        ({"Scan Size": "1 1 ~m"}, {}, (1000 / 3, 250.0)),
        ({"Scan Size": "8 nm", "Aspect Ratio": "2:1"}, {}, (4 / 3, 2.0)),
        ({"Scan Size": None}, {"Scan Size": "0.008 um"}, (8 / 3, 2.0)),
    ],
)
def test_sizes(tmp_path, image, scan, size):
    path = write(tmp_path / "a.spm", [image], scan=scan)
    assert open_spm(path).pixel_size_nm == pytest.approx(size)


@pytest.mark.parametrize(
    ("date", "start"),
    [
        ("12:00:01 AM Sat Feb 29 2020", "2020-02-29T00:00:01"),
        ("12:30:00 PM Sat Feb 29 2020", "2020-02-29T12:30:00"),
        ("01:00:00 PM Sat Feb 30 2021", None),
        ("long ago", None),
    ],
)
def test_dates(tmp_path, date, start):
    assert open_spm(write(tmp_path / "a.spm", date=date)).header["start_time"] == start


def test_direction_up_and_no_rate(tmp_path):
    movie = open_spm(write(tmp_path / "a.spm", [{"Frame direction": "Up"}], scan={"Scan Rate": None}))
    assert (movie.scan.direction, movie.scan.line_time_s, movie.scan.frame_time_s) == ("up", None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Samps/line": None}, "Samps/line"),
        ({"Number of lines": "many"}, "many"),
        ({"Number of lines": 0, "Data length": 0}, "0 x 4 px"),
        ({"Data length": 13}, "13 bytes for 12 pixels"),
        ({"Data length": 48}, "cut off"),
        ({"@2:Z scale": "none"}, "Z scale"),
        ({"Scan Size": "wide"}, "Scan Size"),
        ({"Scan Size": "8 15 V"}, "not a length"),
        ({"Scan Size": "8 nm", "Aspect Ratio": "square"}, "Scan Size"),
    ],
)
def test_broken_headers(tmp_path, change, message):
    with pytest.raises(FileFormatError, match=message):
        open_movie(write(tmp_path / "a.spm", [change]))


def test_a_file_that_lacks_another_channel_is_cut_off(tmp_path):
    second = {"@2:Image Data": 'S [Phase] "Phase"', "Line Direction": "Trace"}
    path = write(tmp_path / "a.spm", images=({}, second), raws=(RAW, RAW))
    assert len(open_spm(path).channels) == 2
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=r"cut off: .*channel Height is whole"):
        open_movie(path, "Height")


def test_foreign_and_damaged_files(tmp_path):
    path = write(tmp_path / "a.spm")
    whole = path.read_bytes()
    assert sniff_spm(path, whole[:512]) is None
    assert "NanoScope" in sniff_spm(path, b"text")
    path.write_bytes(whole[:-1])
    with pytest.raises(FileFormatError, match=r"a\.spm.*cut off.*Height"):
        open_movie(path)
    path.write_bytes(whole[:200])
    assert "cut off" in sniff_spm(path, whole[:200])
    write(path, (), ())
    assert sniff_spm(path, path.read_bytes()) == "the NanoScope file has no image"
    with pytest.raises(ChannelError):
        open_spm(path)
