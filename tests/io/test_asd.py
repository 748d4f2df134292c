"""The .asd reader against files of known content, written version by version and range by range."""

import pickle
from datetime import datetime

import dask.array
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.errors import ChannelError, FileFormatError, ParameterError
from playNano.io.export.asd import write_asd
from playNano.io.formats.asd import open_asd, sniff_asd
from playNano.io.formats.asd_header import AD_RANGES, FIXED_V0, FIXED_V1, TAIL_V0, read_header
from playNano.io.loader import open_movie

EXTENSION, GAIN = 20.0, 2.0


def full_range(ad_range, shape=(3, 4, 6), factor=EXTENSION * GAIN, ad_bits=12, seed=0):
    """Values that stand exactly on steps of the converter, with both ends of its range."""
    volts, bipolar = AD_RANGES[ad_range]
    count = 2**ad_bits
    levels = np.random.default_rng(seed).integers(0, count, size=shape)
    levels.flat[0], levels.flat[-1] = 0, count - 1
    level_volts = volts - 2 * volts * levels / count if bipolar else -volts * levels / count
    return factor * level_volts


def write(path, data, **kwargs):
    defaults = {
        "pixel_size_nm": 2.0,
        "frame_time_s": 0.5,
        "z_piezo_extension": EXTENSION,
        "z_piezo_gain": GAIN,
    }
    write_asd(path, data, **{**defaults, **kwargs})
    return path


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("ad_range", list(AD_RANGES))
def test_every_version_and_range(tmp_path, version, ad_range):
    data = full_range(ad_range)
    path = write(tmp_path / "a.asd", data, version=version, ad_range=ad_range)
    movie = open_asd(path, "TP")
    values = movie.read(0, 3)
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    np.testing.assert_allclose(values, data, rtol=1e-6, atol=1e-5)
    assert movie.unit == "nm"
    assert movie.header["version"] == version


@pytest.mark.parametrize("bits", [1, 8, 14, 16])
@pytest.mark.parametrize("ad_range", [0x40000, 0x2])
def test_other_resolutions(tmp_path, bits, ad_range):
    data = full_range(ad_range, ad_bits=bits)
    path = write(tmp_path / "a.asd", data, ad_range=ad_range, ad_bits=bits)
    np.testing.assert_allclose(open_asd(path).read(0, 3), data, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize(
    ("channel", "factor", "unit"), [("TP", EXTENSION * GAIN, "nm"), ("ER", -3.0, "nm"), ("PH", -7.5, "deg")]
)
def test_each_channel_has_its_factor_and_unit(tmp_path, version, channel, factor, unit):
    data = full_range(0x20000, factor=factor)
    path = write(
        tmp_path / "a.asd",
        data,
        channel=channel,
        version=version,
        ad_range=0x20000,
        scanner_sensitivity=3.0,
        phase_sensitivity=7.5,
    )
    movie = open_asd(path)
    assert (movie.channel, movie.channels, movie.unit) == (channel, (channel,), unit)
    np.testing.assert_allclose(movie.read(0, 3), data, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_two_channels_stand_one_after_the_other(tmp_path, version):
    height = full_range(0x40000, seed=1)
    phase = full_range(0x40000, factor=-1.0, seed=2)
    path = write(tmp_path / "a.asd", height, second=phase, version=version)
    movie = open_asd(path, "phase")
    assert movie.channel == "phase"
    assert movie.channels == ("TP", "PH")
    assert movie.unit == "deg"
    np.testing.assert_allclose(movie.read(0, 3), phase, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(open_asd(path, "height_trace").read(0, 3), height, rtol=1e-6, atol=1e-5)
    assert open_asd(path, "PH").frame_metadata[2]["frame_number"] == 3


@pytest.mark.parametrize("asked", ["TP", "tp", "height_trace", "Height", "topography", None])
def test_names_of_the_height(tmp_path, asked):
    path = write(tmp_path / "a.asd", full_range(0x40000))
    assert open_asd(path, asked).channel == (asked or "TP")


def test_no_height_opens_the_first_channel(tmp_path):
    path = write(tmp_path / "a.asd", full_range(0x40000, factor=-1.0), channel="PH")
    assert open_asd(path).channel == "PH"


def test_wrong_channel_lists_what_is_there(tmp_path):
    path = write(tmp_path / "a.asd", full_range(0x40000))
    with pytest.raises(ChannelError, match=r"a\.asd.*'phase'.*has TP"):
        open_asd(path, "phase")
    with pytest.raises(KeyError):
        open_asd(path, "height_retrace")


def test_volts_where_a_sensitivity_is_missing(tmp_path):
    data = full_range(0x40000, factor=-1.0)
    path = write(tmp_path / "a.asd", data, channel="PH")
    raw = bytearray(path.read_bytes())
    offset = FIXED_V1.fields["phase_sensitivity"][1]
    raw[offset : offset + 4] = bytes(4)
    path.write_bytes(raw)
    movie = open_asd(path)
    assert movie.unit == "V"
    np.testing.assert_allclose(movie.read(0, 3), -data, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_size_time_text_and_scan(tmp_path, version):
    path = write(
        tmp_path / "a.asd",
        np.zeros((3, 20, 50)),
        version=version,
        pixel_size_nm=(4.0, 0.5),
        frame_time_s=0.25,
        user_name="Zoë",
        comment="mica, 5 mM Mg\u00b2\u207a",
        comment_offset=88 if version == 0 else 0,
        anchors=(2, 0, 3) if version == 2 else (0, 0, 0),
        start=datetime(2021, 3, 5, 18, 28, 0),
    )
    movie = open_asd(path)
    assert movie.shape == (3, 20, 50)
    assert movie.pixel_size_nm == (4.0, 0.5)
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 0.25, 0.5]
    assert movie.header["user_name"] == "Zoë"
    assert movie.header["comment"] == "mica, 5 mM Mg\u00b2\u207a"
    assert movie.header["start_time"] == "2021-03-05T18:28:00"
    assert movie.scan.lines == 20
    assert movie.scan.line_time_s == pytest.approx(0.0125)
    assert movie.scan.frame_time_s == pytest.approx(0.25)
    assert movie.scan.direction == "up"
    assert movie.frame_metadata[0]["is_stimulated"] is False
    assert not movie.read(0, 3).any()


def test_direction_is_not_guessed(tmp_path):
    path = write(tmp_path / "a.asd", full_range(0x40000))
    raw = bytearray(path.read_bytes())
    raw[FIXED_V1.fields["scan_direction"][1]] = 7
    path.write_bytes(raw)
    assert open_asd(path).scan.direction is None


def test_frame_time_zero_means_no_times(tmp_path):
    path = write(tmp_path / "a.asd", full_range(0x40000))
    raw = bytearray(path.read_bytes())
    offset = FIXED_V1.fields["frame_time_ms"][1]
    raw[offset : offset + 4] = bytes(4)
    path.write_bytes(raw)
    movie = open_asd(path)
    assert movie.scan.line_time_s is None
    assert "timestamp" not in movie.frame_metadata[0]


def test_reading_in_pieces_gives_the_same(tmp_path):
    path = write(tmp_path / "a.asd", full_range(0x3, shape=(7, 5, 3)), ad_range=0x3)
    movie = pickle.loads(pickle.dumps(open_asd(path)))
    whole = movie.read(0, 7)
    for size in (1, 2, 3):
        parts = [movie.read(i, min(i + size, 7)) for i in range(0, 7, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert movie.read(4, 4).shape == (0, 5, 3)
    for start, stop in ((-1, 2), (0, 8), (5, 4)):
        with pytest.raises(ParameterError, match="7"):
            movie.read(start, stop)


def test_no_file_stays_open(tmp_path):
    path = write(tmp_path / "a.asd", full_range(0x40000))
    movie = open_asd(path)
    values = movie.read(0, 3)
    values += 1  # a new array, not a view of the file
    path.rename(tmp_path / "b.asd")
    with pytest.raises(FileNotFoundError):
        movie.read(0, 1)


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("lost", [1, 80, 500])
def test_truncated(tmp_path, version, lost):
    path = write(
        tmp_path / "cut.asd",
        full_range(0x40000, shape=(5, 4, 6)),
        second=np.zeros((5, 4, 6)),
        version=version,
    )
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(
        FileFormatError,
        match=r"cut\.asd: .*[0-5] of 5 frames of channel TP .*5 frames of 4 x 6 px in 2 channel.*has \d+",
    ):
        open_movie(path)
    assert sniff_asd(path, b"") is None


def test_bytes_behind_the_frames_do_no_harm(tmp_path):
    data = full_range(0x40000)
    path = write(tmp_path / "a.asd", data)
    path.write_bytes(path.read_bytes() + b"behind")
    np.testing.assert_allclose(open_asd(path).read(0, 3), data, rtol=1e-6, atol=1e-5)


def test_header_length_that_does_not_say_all(tmp_path):
    """A version 2 file whose header length leaves out what stands behind the comment."""
    data = full_range(0x40000)
    path = write(tmp_path / "a.asd", data, version=2, anchors=(1, 2, 3))
    raw = bytearray(path.read_bytes())
    raw[4:8] = (FIXED_V1.itemsize).to_bytes(4, "little")
    path.write_bytes(raw)
    np.testing.assert_allclose(open_asd(path).read(0, 3), data, rtol=1e-6, atol=1e-5)


def test_version_2_without_the_extra_fields(tmp_path):
    data = full_range(0x40000, shape=(1, 1, 2))
    path = write(tmp_path / "a.asd", data)
    raw = bytearray(path.read_bytes())
    raw[0] = 2
    raw[FIXED_V1.fields["frame_header_bytes"][1]] = 0
    header, pixels = raw[: FIXED_V1.itemsize], raw[-4:]
    path.write_bytes(header + pixels)
    movie = open_asd(path)
    np.testing.assert_allclose(movie.read(0, 1), data, rtol=1e-6, atol=1e-5)
    assert "frame_number" not in movie.frame_metadata[0]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("version", 3, "version 3"),
        ("channel_1", b"XY", "'XY'"),
        ("x_pixels", 0, "x_pixels is 0"),
        ("y_range_nm", -1, "y_range_nm is -1"),
        ("n_frames", 0, "n_frames is 0"),
        ("ad_range", 0x7, "0x7"),
        ("ad_bits", 40, "ad_bits is 40"),
        ("comment_bytes", -5, "comment_bytes is -5"),
    ],
)
def test_impossible_headers(tmp_path, field, value, message):
    path = write(tmp_path / "a.asd", full_range(0x40000))
    raw = bytearray(path.read_bytes())
    header = np.frombuffer(raw, FIXED_V1, count=1).copy()
    header[field] = value
    path.write_bytes(header.tobytes() + raw[FIXED_V1.itemsize :])
    with pytest.raises(FileFormatError, match=message):
        open_asd(path)
    assert message in sniff_asd(path, b"")


def test_a_date_that_is_none(tmp_path):
    path = write(tmp_path / "a.asd", full_range(0x40000))
    raw = bytearray(path.read_bytes())
    raw[FIXED_V1.fields["month"][1]] = 13
    path.write_bytes(raw)
    assert open_asd(path).header["start_time"] is None


def test_unknown_codepage_is_no_error(tmp_path):
    path = write(tmp_path / "a.asd", full_range(0x40000), user_name="me")
    raw = bytearray(path.read_bytes())
    raw[FIXED_V1.fields["text_encoding"][1]] = 3
    path.write_bytes(raw)
    assert read_header(path).fields["user_name"] == "me"


def test_sizes_of_the_fixed_headers():
    assert (FIXED_V0.itemsize, TAIL_V0.itemsize, FIXED_V1.itemsize) == (105, 12, 165)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": np.full((1, 2, 2), 500.0)}, "can hold"),
        ({"data": np.full((1, 2, 2), np.nan)}, "can hold"),
        ({"data": np.zeros((2, 2))}, "frames, y, x"),
        ({"second": np.zeros((2, 2, 2))}, "second"),
        ({"channel": "height"}, "channel"),
        ({"version": 4}, "version"),
        ({"ad_range": 9}, "ad_range"),
        ({"ad_bits": 17}, "ad_bits"),
        ({"frame_time_s": 0.0}, "frame_time_s"),
        ({"pixel_size_nm": 0.3}, "whole nm"),
        ({"pixel_size_nm": -1.0}, "positive"),
        ({"pixel_size_nm": 1e5, "version": 0}, "cannot hold"),
    ],
)
def test_writer_refuses(tmp_path, change, message):
    kwargs = {"data": np.zeros((1, 2, 2)), "pixel_size_nm": 1.0, "frame_time_s": 1.0, **change}
    with pytest.raises(ParameterError, match=message):
        write_asd(tmp_path / "a.asd", **kwargs)
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
    version=st.sampled_from([0, 1, 2]),
    ad_range=st.sampled_from(list(AD_RANGES)),
    user_name=st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=12),
    comment_offset=st.integers(0, 100),
    anchors=st.tuples(*[st.integers(0, 5)] * 3),
    second=st.booleans(),
    seed=st.integers(0, 99),
)
def test_round_trip(
    tmp_path_factory, shape, version, ad_range, user_name, comment_offset, anchors, second, seed
):
    path = tmp_path_factory.mktemp("asd") / "a.asd"
    data = full_range(ad_range, shape=shape, seed=seed)
    phase = full_range(ad_range, shape=shape, factor=-1.0, seed=seed + 1)
    write(
        path,
        data,
        version=version,
        ad_range=ad_range,
        second=phase if second else None,
        user_name=user_name,
        comment_offset=comment_offset,
        anchors=anchors,
    )
    np.testing.assert_allclose(open_asd(path).read(0, shape[0]), data, rtol=1e-6, atol=1e-5)
    if second:
        np.testing.assert_allclose(open_asd(path, "PH").read(0, shape[0]), phase, rtol=1e-6, atol=1e-5)


def test_blocks_of_frames_are_numbered_through(tmp_path, monkeypatch):
    """A movie is written block by block, also from a lazy array."""
    data = np.random.default_rng(0).uniform(-50, 50, (7, 4, 6))
    options = {"pixel_size_nm": 2.0, "frame_time_s": 0.5}
    write_asd(tmp_path / "whole.asd", data, **options)
    monkeypatch.setattr("playNano.io.export.numpy_files._BLOCK_BYTES", 2 * data[0].nbytes)
    write_asd(tmp_path / "blocks.asd", data, **options)
    write_asd(tmp_path / "lazy.asd", dask.array.from_array(data, chunks=(3, 4, 6)), **options)
    movie = open_asd(tmp_path / "blocks.asd")
    assert [entry["frame_number"] for entry in movie.frame_metadata] == [1, 2, 3, 4, 5, 6, 7]
    for name in ("blocks.asd", "lazy.asd"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "whole.asd").read_bytes()
