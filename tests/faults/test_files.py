"""Files that a reader took for another image than they hold: scale, size, unit, orientation, completeness."""

import json
import os
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.cli.app import run
from playNano.errors import FileFormatError, PlayNanoWarning
from playNano.io.export.asd import write_asd
from playNano.io.formats.asd_header import FIXED_V1, _text
from playNano.io.formats.ibw import _unit
from playNano.io.loader import load_afm_stack, open_movie

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


def case(name):
    path = DATA / "cases" / name
    if not path.exists():
        pytest.skip(f"no file at {path}; set PLAYNANO_TEST_DATA to the folder that holds it")
    return path


def limits(movie):
    values = movie.read(0, 1)
    return float(values.min()), float(values.max())


@pytest.mark.parametrize(
    ("name", "shape", "pixel_size_nm"),
    [
        ("bpp2_stored4.spm", (1, 16, 32), (62.5, 31.25)),
        ("partial.spm", (1, 16, 32), (31.25, 31.25)),
        ("aspect2b.spm", (1, 16, 32), (31.25, 31.25)),
        ("v5_keys.001", (1, 16, 32), (62.5, 31.25)),
        ("ec.spm", (1, 16, 32), (62.5, 31.25)),
        ("valid_len.001", (1, 16, 32), (31.25, 31.25)),
    ],
)
def test_nanoscope_images(name, shape, pixel_size_nm):
    interrupted = name == "valid_len.001"
    with pytest.warns(PlayNanoWarning, match="16 of 32 lines") if interrupted else nullcontext():
        movie = open_movie(case(name))
    assert movie.shape == shape
    assert movie.pixel_size_nm == pytest.approx(pixel_size_nm)
    assert movie.unit == "nm"
    assert limits(movie) == pytest.approx((-5.0, 4.98047), abs=1e-4)


def test_a_nanoscope_channel_without_its_sensitivity_is_no_length():
    with pytest.warns(PlayNanoWarning, match=r"nosens\.spm: channel Height: .*no 'Sens\. Zsens'.* in V"):
        stack = load_afm_stack(case("nosens.spm"))
    assert stack.unit == "V"
    assert stack.data.max() == pytest.approx(0.498047, abs=1e-5)
    assert "Sens. Zsens" in stack.provenance["warnings"][0]


@pytest.mark.parametrize(
    ("name", "channel", "unit", "ends"),
    [
        ("nounit.ibw", None, "nm", (0.0, 51.1)),
        ("pot.ibw", "HeightTrace", "nm", (0.0, 51.1)),
        ("pot.ibw", "NapPotentialRetrace", "V", (0.0, 5.11e-8)),
        ("unitkey.ibw", "LateralTrace", "V", (0.0, 5.11e-8)),
    ],
)
def test_asylum_channels_have_their_own_units(name, channel, unit, ends):
    movie = open_movie(case(name), channel)
    assert movie.unit == unit
    assert limits(movie) == pytest.approx(ends, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "note", "unit"),
    [
        ("ZSensorTrace", {}, "m"),
        ("Z SensorRetrace", {}, "m"),
        ("NapAmplitude1Trace 2", {}, "m"),
        ("Phase2Retrace", {}, "deg"),
        ("NapFrequencyTrace", {}, "Hz"),
        ("CurrentTrace", {"CurrentUnit": "pA"}, "pA"),
        ("UserCalcTrace", {"UserCalcUnit": "\u00b0"}, "\u00b0"),
        ("NapUserIn0Trace", {"UserIn0Unit": "V"}, "V"),
        ("UserCalcBTrace", {"UserCalcBUnit": ""}, "V"),
        ("layer 0", {}, "N"),
    ],
)
def test_units_of_asylum_channels(name, note, unit):
    assert _unit(name, note, "N") == unit


def test_gwyddion_units_in_latin_1():
    movie = open_movie(case("mu.gwy"))
    assert movie.unit == "nm"
    assert movie.pixel_size_nm == pytest.approx((1000.0, 1000.0))
    assert limits(movie) == pytest.approx((0.0, 51100.0), rel=1e-6)


def test_a_japanese_comment():
    assert open_movie(case("sjis0.asd")).header["comment"] == "\u30df\u30aa\u30b7\u30f3"


@pytest.mark.parametrize(
    ("text", "code_page", "said"),
    [
        *(("\u30df\u30aa", "cp932", said) for said in (0, 932, 65001, 99999)),
        *(("\u00b5m \u00e9", "utf-8", said) for said in (0, 65001, 99999)),
        ("\u00e9", "cp1252", 1252),
        ("mica", "ascii", 932),
    ],
)
def test_comments_in_any_encoding(text, code_page, said):
    assert _text(text.encode(code_page), {"version": 1, "text_encoding": said}) == text


def test_counts_of_an_encoder_without_scaling_are_no_heights():
    with pytest.warns(PlayNanoWarning, match=r"noenc\.h5-jpk: channel height_trace: .*raw counts"):
        stack = load_afm_stack(case("noenc.h5-jpk"))
    assert stack.unit == ""
    assert (stack.data[0].min(), stack.data[0].max()) == (0.0, 511.0)
    assert "raw counts" in stack.provenance["warnings"][0]


def test_a_recording_that_was_cut_off(tmp_path):
    path = case("cut.asd")
    with pytest.raises(
        FileFormatError, match=r"cut\.asd: .* 4 frames .*allow_incomplete=True \(--allow-incomplete\)"
    ):
        load_afm_stack(path)
    for lazy in (False, True):
        with pytest.warns(PlayNanoWarning, match=r"cut\.asd: .*cut off: 2 of 4 frames"):
            stack = load_afm_stack(path, allow_incomplete=True, lazy=lazy)
        assert stack.n_frames == 2
        assert len(stack.get_frame_times()) == 2
        assert "2 of 4 frames" in stack.provenance["warnings"][0]
        assert np.isfinite(np.asarray(stack.data)).all()


def test_the_second_channel_of_a_cut_recording(tmp_path):
    heights, phases = np.zeros((4, 6, 5)), np.ones((4, 6, 5))
    write_asd(tmp_path / "a.asd", heights, second=phases, pixel_size_nm=2.0, frame_time_s=0.5)
    raw = (tmp_path / "a.asd").read_bytes()
    frame = 32 + 2 * 6 * 5
    (tmp_path / "a.asd").write_bytes(raw[: len(raw) - frame - 1])
    with pytest.warns(PlayNanoWarning, match="2 of 4 frames of channel PH"):
        assert open_movie(tmp_path / "a.asd", "PH", allow_incomplete=True).shape[0] == 2
    with pytest.warns(PlayNanoWarning, match="4 of 4 frames of channel TP"):
        assert open_movie(tmp_path / "a.asd", "TP", allow_incomplete=True).shape[0] == 4
    (tmp_path / "a.asd").write_bytes(raw[: len(raw) - 4 * frame - 1])
    with pytest.raises(FileFormatError, match="0 of 4 frames of channel PH"):
        open_movie(tmp_path / "a.asd", "PH", allow_incomplete=True)


def test_a_cut_recording_on_the_command_line(tmp_path, capsys):
    words = ["analyze", str(case("cut.asd")), "-o", str(tmp_path), "--steps", "count_nonzero", "--no-gif"]
    with pytest.raises(SystemExit) as stop:
        run(words)
    assert stop.value.code == 2
    assert "--allow-incomplete" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        run([*words, "--allow-incomplete"])
    assert stop.value.code == 0
    err = capsys.readouterr().err
    assert err.count("playnano: warning: cut.asd: ") == 1
    assert "2 of 4 frames" in err
    provenance = json.loads((tmp_path / "record.json").read_text())["provenance"]
    assert "2 of 4 frames" in provenance["warnings"][0]


@pytest.mark.parametrize(("extra", "frames"), [(2, "2 more whole frames"), (1, "1 more whole frame ")])
def test_more_frames_than_the_header_counts(tmp_path, extra, frames):
    write_asd(tmp_path / "a.asd", np.zeros((3, 6, 5)), pixel_size_nm=2.0, frame_time_s=0.5)
    raw = (tmp_path / "a.asd").read_bytes()
    (tmp_path / "a.asd").write_bytes(raw + bytes(extra * (32 + 2 * 6 * 5)))
    with pytest.warns(PlayNanoWarning, match=rf"a\.asd: .*{frames}.* 3 "):
        assert open_movie(tmp_path / "a.asd").shape[0] == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_calibration_that_is_not_finite_is_refused(tmp_path, value):
    write_asd(tmp_path / "a.asd", np.zeros((2, 6, 5)), pixel_size_nm=2.0, frame_time_s=0.5)
    raw = bytearray((tmp_path / "a.asd").read_bytes())
    at = FIXED_V1.fields["z_piezo_gain"][1]
    raw[at : at + 4] = np.float32(value).tobytes()
    (tmp_path / "a.asd").write_bytes(raw)
    with pytest.raises(FileFormatError, match=r"a\.asd: channel TP: the calibration .* not finite"):
        open_movie(tmp_path / "a.asd")


def test_a_nanoscope_calibration_that_is_not_finite_is_refused(tmp_path):
    text = case("ec.spm").read_bytes().replace(b"128 V", b"nan V")
    (tmp_path / "a.spm").write_bytes(text)
    with pytest.raises(FileFormatError, match=r"a\.spm: the calibration .* not finite"):
        open_movie(tmp_path / "a.spm")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mdt", b"\x01\xb0\x93\xff" + bytes(600), "this is a file of the format NT-MDT MDT"),
        ("a.bin", b"ONTMATRX" + bytes(600), "this is a file of the format Omicron Matrix"),
        ("a.sm4", bytes(600), "this is a file of the format RHK SM4"),
        ("a.txt", b"nothing known", "no reader accepts this file"),
    ],
)
def test_known_formats_that_are_not_read_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=message) as error:
        open_movie(tmp_path / name)
    if "known" not in str(content):
        assert "playNano does not read it" in str(error.value)
        assert len(str(error.value).removeprefix(str(tmp_path))) < 250


def test_the_record_tells_trace_from_retrace():
    path = DATA / "sample.h5-jpk"
    if not path.exists():
        pytest.skip(f"no file at {path}; set PLAYNANO_TEST_DATA to the folder that holds it")
    stack = load_afm_stack(path, "Height")
    pipeline = AnalysisPipeline()
    pipeline.add("count_nonzero")
    given = pipeline.run(stack)["provenance"]["input"]
    assert (given["channel"], given["requested_channel"]) == ("height_trace", "Height")


def test_warnings_of_images_are_those_of_their_folder(tmp_path):
    for i in range(2):
        text = case("nosens.spm").read_bytes().replace(b"01:59:45", f"01:59:4{5 + i}".encode())
        (tmp_path / f"a.{i:03d}").write_bytes(text)
    with pytest.warns(PlayNanoWarning, match="no 'Sens. Zsens'"):
        stack = load_afm_stack(tmp_path)
    assert [text[:5] for text in stack.provenance["warnings"]] == ["a.000", "a.001"]
