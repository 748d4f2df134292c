"""The .h5-jpk reader against small files of known content."""

import pickle

import h5py
import numpy as np
import pytest

from playNano.errors import ChannelError, FileFormatError, ParameterError
from playNano.io.formats.jpk_h5 import open_h5_jpk, sniff_h5_jpk

SIGNATURE = b"\x89HDF\r\n\x1a\n"
VOLTS_TO_NM = {
    "encoder.scaling.multiplier": 0.25,
    "encoder.scaling.offset": 10.0,
    "encoder.scaling.style": b"offsetmultiplier",
    "encoder.scaling.type": b"linear",
    "encoder.scaling.unit.unit": b"V",
    "conversions.base": b"volts",
    "conversions.default": b"calibrated",
    "conversions.list": b"nominal calibrated",
    "conversion.volts.defined": b"false",
    "conversion.nominal.defined": b"true",
    "conversion.nominal.base-calibration-slot": b"volts",
    "conversion.nominal.scaling.multiplier": -2e-9,
    "conversion.nominal.scaling.offset": 5e-9,
    "conversion.nominal.scaling.unit.unit": b"m",
    "conversion.calibrated.defined": b"true",
    "conversion.calibrated.base-calibration-slot": b"nominal",
    "conversion.calibrated.scaling.multiplier": 0.5,
    "conversion.calibrated.scaling.offset": 1e-9,
    "conversion.calibrated.scaling.unit.unit": b"m",
}
DEGREES = {
    "encoder.scaling.multiplier": 0.5,
    "encoder.scaling.offset": 0.0,
    "encoder.scaling.unit.unit": b"deg",
    "conversions.base": b"degrees",
    "conversions.default": b"user",
    "conversion.degrees.defined": b"false",
    "conversion.user.defined": b"false",
}
HEIGHT, WIDTH, FRAMES = 3, 4, 2


def to_nm(raw):
    volts = raw * 0.25 + 10.0
    return ((volts * -2e-9 + 5e-9) * 0.5 + 1e-9) * 1e9


def raw_frames(n_frames=FRAMES, seed=0):
    return np.random.default_rng(seed).integers(-1000, 1000, (n_frames, HEIGHT, WIDTH), dtype=np.int32)


def add_measurement(file, name, channels, start_ms=1_700_000_000_000, n_frames=FRAMES, **attributes):
    group = file.create_group(name)
    defaults = {
        "position-pattern.grid.ilength": np.int32(WIDTH),
        "position-pattern.grid.jlength": np.int32(HEIGHT),
        "position-pattern.grid.ulength": 2e-9 * WIDTH,
        "position-pattern.grid.vlength": 5e-9 * HEIGHT,
        "position-pattern.grid.unit.unit": b"m",
        "position-pattern.grid.reflect": b"false",
        "timing-settings.scanRate": 50.0,
        "motion": b"topDown",
        "description.user-name": b"jpkuser",
    }
    for key, value in {**defaults, **attributes}.items():
        if value is not None:
            group.attrs[key] = value
    for i, (channel, retrace, scaling, raw) in enumerate(channels):
        sub = group.create_group(f"Channel_{i:03d}")
        sub.attrs["channel.name"] = channel
        sub.attrs["retrace"] = retrace
        for key, value in scaling.items():
            sub.attrs[key] = value
        sub["Data"] = raw.reshape(len(raw), -1).T
        sub["thumbnail"] = np.zeros((4, 1), dtype=np.int32)
    starts = start_ms + 250 * np.arange(n_frames, dtype=np.int64)
    group["meta-data/start-times"] = starts[:, None]
    group["meta-data/end-times"] = starts[:, None] + 240
    return group


def write(path, channels=None, **attributes):
    with h5py.File(path, "w") as file:
        file.attrs["file-format-info"] = b"JPK SCAN"
        add_measurement(
            file,
            "Measurement_000",
            channels or [("height", b"false", VOLTS_TO_NM, raw_frames())],
            **attributes,
        )
    return path


def test_calibration_rows_and_size(tmp_path):
    raw = raw_frames()
    movie = open_h5_jpk(write(tmp_path / "a.h5-jpk"), "height_trace")
    values = movie.read(0, FRAMES)
    assert values.dtype == np.float32
    # The first line of the file is the bottom line of the image.
    np.testing.assert_allclose(values, to_nm(raw)[:, ::-1], rtol=1e-6)
    assert movie.shape == (FRAMES, HEIGHT, WIDTH)
    assert movie.pixel_size_nm == pytest.approx((5.0, 2.0))
    assert movie.unit == "nm"


def test_reflected_grid_is_not_turned(tmp_path):
    path = write(tmp_path / "a.h5-jpk", **{"position-pattern.grid.reflect": b"true"})
    np.testing.assert_allclose(open_h5_jpk(path).read(0, FRAMES), to_nm(raw_frames()), rtol=1e-6)


def test_times_and_scan(tmp_path):
    movie = open_h5_jpk(write(tmp_path / "a.h5-jpk"))
    assert movie.frame_metadata == [
        {"timestamp": 0.0, "duration_s": 0.24},
        {"timestamp": 0.25, "duration_s": 0.24},
    ]
    assert movie.header["start_time"] == "2023-11-14T22:13:20.000+00:00"
    assert movie.header["user_name"] == "jpkuser"
    assert movie.scan.line_time_s == pytest.approx(0.02)
    assert movie.scan.frame_time_s == pytest.approx(0.24)
    assert (movie.scan.direction, movie.scan.trace, movie.scan.lines) == ("up", "trace", HEIGHT)


@pytest.mark.parametrize(
    ("motion", "flipped", "reflected"),
    [(b"topDown", "up", "down"), (b"bottomUp", "down", "up"), (b"spiral", None, None), (None, None, None)],
)
def test_direction(tmp_path, motion, flipped, reflected):
    """The line stored first is scanned first, and shown at the bottom unless the grid is reflected."""
    assert open_h5_jpk(write(tmp_path / "a.h5-jpk", motion=motion)).scan.direction == flipped
    path = write(tmp_path / "b.h5-jpk", motion=motion, **{"position-pattern.grid.reflect": b"true"})
    assert open_h5_jpk(path).scan.direction == reflected


def test_interlaced_lines_take_half_a_period(tmp_path):
    key = "environment.fast-imaging.feed-forward-parameters.yaxis.interlace"
    movie = open_h5_jpk(write(tmp_path / "a.h5-jpk", **{key: b"true"}))
    assert movie.scan.line_time_s == pytest.approx(0.01)


def test_trace_and_retrace_of_every_channel(tmp_path):
    channels = [
        ("phase", b"true", DEGREES, raw_frames(seed=1)),
        ("height", b"true", VOLTS_TO_NM, raw_frames(seed=2)),
        ("measuredHeight", b"false", VOLTS_TO_NM, raw_frames(seed=3)),
        ("height", b"false", VOLTS_TO_NM, raw_frames(seed=4)),
    ]
    path = write(tmp_path / "a.h5-jpk", channels)
    names = ("height_retrace", "height_trace", "measuredHeight_trace", "phase_retrace")
    assert open_h5_jpk(path).channels == names
    for asked, seed in (
        ("height", 4),
        ("HEIGHT_TRACE", 4),
        ("height_retrace", 2),
        ("measuredheight", 3),
        (None, 4),
    ):
        values = open_h5_jpk(path, asked).read(0, 1)[0]
        np.testing.assert_allclose(values, to_nm(raw_frames(seed=seed)[0, ::-1]), rtol=1e-6)
    phase = open_h5_jpk(path, "phase_retrace")
    assert (phase.unit, phase.scan.trace) == ("deg", "retrace")
    np.testing.assert_allclose(phase.read(0, 1)[0], 0.5 * raw_frames(seed=1)[0, ::-1])
    with pytest.raises(ChannelError, match=r"'phase'.*height_retrace, height_trace"):
        open_h5_jpk(path, "phase")


def test_reading_in_pieces_and_after_pickling(tmp_path):
    path = write(tmp_path / "a.h5-jpk", [("height", b"false", VOLTS_TO_NM, raw_frames(5))], n_frames=5)
    movie = pickle.loads(pickle.dumps(open_h5_jpk(path)))
    whole = movie.read(0, 5)
    np.testing.assert_array_equal(np.concatenate([movie.read(0, 2), movie.read(2, 5)]), whole)
    assert movie.read(3, 3).shape == (0, HEIGHT, WIDTH)
    with pytest.raises(ParameterError):
        movie.read(0, 6)


def test_measurements_follow_each_other_in_time(tmp_path):
    path = tmp_path / "a.h5-jpk"
    with h5py.File(path, "w") as file:
        for name, start_ms, seed in (("Measurement_000", 9_000, 1), ("Measurement_001", 2_000, 2)):
            channels = [("height", b"false", VOLTS_TO_NM, raw_frames(seed=seed))]
            if seed == 1:
                channels.append(("phase", b"false", DEGREES, raw_frames()))
            add_measurement(file, name, channels, start_ms=start_ms)
    movie = open_h5_jpk(path)
    assert movie.shape[0] == 4
    assert movie.channels == ("height_trace",)
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 0.25, 7.0, 7.25]
    expected = to_nm(np.concatenate([raw_frames(seed=2), raw_frames(seed=1)]))[:, ::-1]
    np.testing.assert_allclose(movie.read(0, 4), expected, rtol=1e-6)
    np.testing.assert_allclose(movie.read(1, 3), expected[1:3], rtol=1e-6)


def test_measurements_that_do_not_fit_together(tmp_path):
    path = tmp_path / "a.h5-jpk"
    with h5py.File(path, "w") as file:
        for i, size in enumerate((8e-9, 9e-9)):
            channels = [("height", b"false", VOLTS_TO_NM, raw_frames())]
            add_measurement(file, f"Measurement_{i:03d}", channels, **{"position-pattern.grid.ulength": size})
    with pytest.raises(FileFormatError, match="2 measurements differ"):
        open_h5_jpk(path)


def test_no_times(tmp_path):
    path = write(tmp_path / "a.h5-jpk")
    with h5py.File(path, "a") as file:
        del file["Measurement_000/meta-data"]
        del file["Measurement_000"].attrs["timing-settings.scanRate"]
    movie = open_h5_jpk(path)
    assert movie.frame_metadata == [{}, {}]
    assert movie.scan.line_time_s is None
    assert movie.header["start_time"] is None


def test_stored_floats_without_an_encoder(tmp_path):
    raw = np.random.default_rng(0).normal(size=(1, HEIGHT, WIDTH))
    path = write(tmp_path / "a.h5-jpk", [("height", b"false", {}, raw)], n_frames=1)
    movie = open_h5_jpk(path)
    assert movie.unit == ""
    np.testing.assert_allclose(movie.read(0, 1), raw[:, ::-1].astype(np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conversion.nominal.scaling.type": b"cubic"}, "cubic"),
        ({"encoder.scaling.style": b"table"}, "table"),
        ({"conversion.nominal.base-calibration-slot": b"calibrated"}, "cyclic"),
        ({"conversions.default": b"lost", "conversion.lost.defined": b"true"}, "'lost'"),
        ({"encoder.scaling.offset": b"many"}, "many"),
    ],
)
def test_broken_calibration(tmp_path, change, message):
    path = write(tmp_path / "a.h5-jpk", [("height", b"false", {**VOLTS_TO_NM, **change}, raw_frames())])
    with pytest.raises(FileFormatError, match=message):
        open_h5_jpk(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position-pattern.grid.ilength": None}, "ilength"),
        ({"position-pattern.grid.jlength": np.int32(0)}, "0 x 4 px"),
        ({"position-pattern.grid.vlength": -1.0}, "vlength"),
        ({"position-pattern.grid.unit.unit": b"V"}, "not a length"),
        ({"position-pattern.grid.jlength": np.int32(7)}, "no dataset of 28 pixels"),
    ],
)
def test_broken_grid(tmp_path, change, message):
    with pytest.raises(FileFormatError, match=message):
        open_h5_jpk(write(tmp_path / "a.h5-jpk", **change))


def test_foreign_and_damaged_files(tmp_path):
    foreign = tmp_path / "foreign.h5-jpk"
    with h5py.File(foreign, "w") as file:
        file["other"] = 1
    assert "Measurement_000" in sniff_h5_jpk(foreign, SIGNATURE)
    with pytest.raises(FileFormatError, match=r"foreign\.h5-jpk.*other"):
        open_h5_jpk(foreign)
    cut = write(tmp_path / "cut.h5-jpk")
    cut.write_bytes(cut.read_bytes()[:-2000])
    assert "truncated" in sniff_h5_jpk(cut, SIGNATURE)
    with pytest.raises(FileFormatError, match=r"cut\.h5-jpk"):
        open_h5_jpk(cut)
    text = tmp_path / "text.h5-jpk"
    text.write_text("no")
    assert sniff_h5_jpk(text, b"no") == "it is not an HDF5 file"
    with pytest.raises(FileNotFoundError):
        open_h5_jpk(tmp_path / "none.h5-jpk")


def test_no_channels(tmp_path):
    path = tmp_path / "a.h5-jpk"
    with h5py.File(path, "w") as file:
        add_measurement(file, "Measurement_000", [])
    with pytest.raises(ChannelError, match="no channel"):
        open_h5_jpk(path)


@pytest.mark.parametrize("rate", [np.complex64(1j), -3.0, np.nan, b"fast"])
def test_a_scan_rate_that_is_no_rate_gives_no_line_time(tmp_path, rate):
    movie = open_h5_jpk(write(tmp_path / "a.h5-jpk", **{"timing-settings.scanRate": rate}))
    assert movie.scan.line_time_s is None
