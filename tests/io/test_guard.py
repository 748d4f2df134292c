"""Whatever a reader raises or returns, the caller gets a right movie or one clear line."""

import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError, ParameterError, PlayNanoWarning
from playNano.io.formats.guard import CheckedFrames, checked, damage_as_errors, pixel_doubt
from playNano.io.loader import load_afm_stack, open_movie
from playNano.io.movie import Movie

PATH = Path("folder/a.raw")


def zeros(start, stop):
    return np.zeros((stop - start, 4, 3), np.float32)


def fails(start, stop):
    raise KeyError("missing")


def movie(**change):
    values = {
        "path": PATH,
        "format": "raw",
        "channel": "height",
        "channels": ("height",),
        "shape": (2, 4, 3),
        "pixel_size_nm": (1.0, 2.0),
        "unit": "nm",
        "read": zeros,
        "frame_metadata": [{"timestamp": 0.0}, {"timestamp": 0.5}],
        "scan": ScanGeometry(4, line_time_s=0.1, frame_time_s=0.4),
    }
    return Movie(**(values | change))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (OSError(22, "Invalid argument"), "Invalid argument"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "UnicodeDecodeError"),
        (ValueError("one\ntwo \0 three"), "ValueError: one two ? three"),
        (EOFError(), "EOFError"),
        (MemoryError(), "not enough memory"),
        (FileNotFoundError(2, "No such file", "/other/file"), "No such file"),
        (FileFormatError("two\nlines"), "two lines"),
    ],
)
def test_every_failure_is_one_line_with_the_name(error, words):
    with pytest.raises(FileFormatError) as caught, damage_as_errors(PATH, "raw"):
        raise error
    text = str(caught.value)
    assert str(PATH) in text
    assert words in text
    assert len(text.splitlines()) == 1
    assert caught.value is error or caught.value.__cause__ is error


def test_what_stays_as_it_is():
    for error in (
        ChannelError(f"{PATH}: there is no channel 'x'"),
        ParameterError(f"{PATH}: give pixel_size_nm"),
        FileNotFoundError(2, "No such file", str(PATH)),
        PermissionError(13, "Permission denied", str(PATH / "member")),
        PlayNanoWarning("doubtful"),
        KeyboardInterrupt(),
    ):
        with pytest.raises(type(error)) as caught, damage_as_errors(PATH, "raw"):
            raise error
        assert caught.value is error
        assert caught.value.args == error.args


def test_numbers_that_are_too_large_are_no_warning_of_numpy():
    before = np.geterr()
    with warnings.catch_warnings(), damage_as_errors(PATH, "raw"):
        warnings.simplefilter("error")
        assert np.isinf(np.float64([1e300]).astype(np.float32)[0])
    assert np.geterr() == before


def test_a_long_message_is_cut():
    with pytest.raises(FileFormatError) as caught, damage_as_errors(PATH, "raw"):
        raise ValueError("x" * 10**6)
    assert len(str(caught.value)) < 500


def test_frames_are_checked_when_they_are_read():
    frames = pickle.loads(pickle.dumps(CheckedFrames(zeros, PATH, "raw", (4, 3))))
    assert frames(0, 2).shape == (2, 4, 3)
    with pytest.raises(FileFormatError, match=r"a\.raw: .*shape \(2, 4, 3\)"):
        replace(frames, shape=(4, 4))(0, 2)
    with pytest.raises(FileFormatError, match=r"a\.raw: .*KeyError: 'missing'"):
        CheckedFrames(fails, PATH, "raw", (4, 3))(0, 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shape": (2, 0, 3)}, "shape"),
        ({"shape": (2, 4)}, "shape"),
        ({"shape": (2.0, 4, 3)}, "shape"),
        ({"pixel_size_nm": (0.0, 1.0)}, "size of a pixel"),
        ({"pixel_size_nm": (np.nan, 1.0)}, "size of a pixel"),
        ({"pixel_size_nm": (1.0,)}, "size of a pixel"),
        ({"frame_metadata": [{}]}, "1 frames and 2 frames"),
        ({"frame_metadata": 5}, "metadata of the frames"),
        ({"frame_metadata": [1, 2]}, "metadata of the frames"),
        ({"frame_metadata": [{"timestamp": np.inf}, {}]}, "time of frame 0 is inf"),
        ({"frame_metadata": [{}, {"timestamp": "soon"}]}, "time of frame 1 is 'soon'"),
        ({"frame_metadata": [{}, {"timestamp": [1]}]}, "time of frame 1"),
        ({"header": [1]}, "header"),
        ({"scan": ScanGeometry(4, direction="sideways")}, "direction of the scan is 'sideways'"),
        ({"scan": ScanGeometry("x")}, "'x' lines"),
    ],
)
def test_movies_that_cannot_be(change, reason):
    with pytest.raises(FileFormatError, match=rf"a\.raw: .*{reason}"):
        checked(movie(**change), PATH)


@pytest.mark.parametrize("value", [-1.0, 0.0, np.inf, np.nan, "fast", True])
def test_a_time_that_no_scan_has_is_left_out_with_a_warning(value):
    result = checked(movie(scan=ScanGeometry(4, line_time_s=value, frame_time_s=0.4)), PATH)
    assert (result.scan.line_time_s, result.scan.frame_time_s) == (None, 0.4)
    assert len(result.warnings) == 1
    assert "line time" in result.warnings[0]
    whole = movie(frame_metadata=[{"timestamp": "2020-01-01T00:00:00"}, {}])
    assert checked(whole, PATH).scan == whole.scan
    assert checked(whole, PATH).warnings == ()


def test_pixels_that_the_file_cannot_hold(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(100))
    assert checked(movie(shape=(2, 100, 100)), path).shape == (2, 100, 100)
    with pytest.raises(
        FileFormatError, match="2 x 1000 x 1000 pixels are stated, which 100 bytes cannot hold"
    ):
        checked(movie(shape=(2, 1000, 1000)), path)
    with pytest.raises(FileFormatError, match=r"pixels are stated, which .* bytes cannot hold"):
        checked(movie(shape=(2, 10**6, 10**6)), tmp_path)


def test_pixels_that_are_no_measurement():
    pixels = np.ones((3, 20, 20), np.float32)
    assert pixel_doubt(pixels) is None
    assert pixel_doubt(np.ones((3, 2, 2), int)) is None
    pixels[1, 5, 5] = np.inf
    assert "1 of 3 frames have infinite pixels, the first one is frame 1" in pixel_doubt(pixels)
    pixels[:] = np.nan
    pixels[2, 5, 5] = 1.0
    assert pixel_doubt(pixels) is None
    pixels[2, 5, 5] = np.nan
    assert "no pixel of the movie is a number" in pixel_doubt(pixels)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_movie_without_numbers_is_loaded_with_a_warning(tmp_path, value):
    np.save(tmp_path / "a.npy", np.full((2, 4, 4), value))
    with pytest.warns(PlayNanoWarning, match=r"a\.npy: no pixel of the movie is a number"):
        stack = load_afm_stack(tmp_path / "a.npy", pixel_size_nm=1.0)
    assert len(stack.provenance["warnings"]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_movie(tmp_path / "a.npy", pixel_size_nm=1.0).read(0, 2)
