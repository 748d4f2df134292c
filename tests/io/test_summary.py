"""The summary of a movie: plain values, how they are known, and what is unusual in words."""

import json

import numpy as np
import pytest
from tests.io.test_frame_check import movie_of

from playNano.core.scan import ScanGeometry
from playNano.io.summary import movie_summary


def movie(n_frames=6, **change):
    return movie_of(np.random.default_rng(0).normal(size=(n_frames, 32, 40)).astype(np.float32), **change)


def test_a_plain_movie():
    scan = ScanGeometry(lines=32, line_time_s=0.01, frame_time_s=0.4, direction="up", trace="trace")
    header = {"start_time": "2024-05-01T12:00:00", "instrument": "AFM 7", "gain": float("nan")}
    summary = movie_summary(movie(scan=scan, header=header))
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["frames"], summary["height_px"], summary["width_px"]) == (6, 32, 40)
    assert (summary["pixel_size_y_nm"], summary["field_x_nm"], summary["square_pixels"]) == (2.0, 80.0, True)
    assert summary["scan"] == {
        "direction": "up", "direction_from": "file", "direction_tag": "scan direction code of the header",
        "alternating": False, "trace": "trace", "line_time_s": 0.01, "line_rate_hz": 100.0, "frame_time_s": 0.4,
    }  # fmt: skip
    times = summary["times"]
    assert (times["known"], times["duration_s"], times["interval_s"], times["regular"]) == (
        True,
        2.5,
        0.5,
        True,
    )
    assert times["start"] == "2024-05-01T12:00:00"
    assert times["from"] == "frame time of the header times the number of the frame"
    assert (summary["first_stored_line"], summary["instrument"]) == ("bottom", "AFM 7")
    assert summary["metadata"]["gain"] is None
    assert summary["unusual"] == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"pixel_size_nm": (4.0, 2.0)}, "pixels are not square: 4 nm (y) x 2 nm (x)"),
        ({"unit": "deg"}, "the values are not heights in nm: their unit is deg"),
        ({"frame_metadata": [{}] * 6}, "the times of the frames are not known"),
        (
            {"frame_metadata": [{"timestamp": t} for t in (0, 1, 2, 3, 4, 9)]},
            "frame intervals are irregular: 1 to 5 s",
        ),
        (
            {"frame_metadata": [{"timestamp": t} for t in (0, 1, 2, 2, 4, 9)]},
            "the times of the frames do not",
        ),
        ({"frame_metadata": [{"timestamp": "noon"}] + [{}] * 5}, "frame 0: the timestamp 'noon'"),
    ],
)
def test_what_is_unusual(change, text):
    (unusual,) = movie_summary(movie(**change))["unusual"]
    assert unusual.startswith(text)


def test_bad_frames_in_words():
    data = np.random.default_rng(0).normal(size=(20, 32, 40)).astype(np.float32)
    data[:13] = 450.0
    data[15] = data[14]
    data[17, 16:] = np.nan
    assert movie_summary(movie_of(data))["unusual"] == [
        "the first 13 frames are saturated",
        "the first 13 frames are blank",
        "frame 15 is an exact repeat of the frame before",
        "frame 17: 16 of 32 lines were scanned; the others are NaN",
    ]


def test_no_finite_pixel_and_no_frame():
    summary = movie_summary(movie_of(np.full((2, 4, 4), np.nan, np.float32)))
    assert summary["first_frame"] == {"minimum": None, "maximum": None, "mean": None}
    assert "the first 2 frames are blank" in summary["unusual"]
    empty = movie_summary(movie_of(np.empty((0, 4, 4), np.float32)))
    assert (empty["frames"], empty["check"]["checked_frames"]) == (0, 0)


def test_files_of_playnano_state_the_source():
    scan = ScanGeometry(lines=32, direction="up")
    summary = movie_summary(
        movie(format="npz", scan=scan, header={"format": "jpk", "first_stored_line": "bottom"})
    )
    assert summary["first_stored_line"] == "top"  # of this file, not of the source
    assert summary["scan"]["direction_from"] == "source"
    assert summary["scan"]["direction_tag"] == "motion and grid reflection of the file"
    assert summary["vendor"] == "JPK (Bruker), NanoWizard and NanoRacer; written by playNano"


def test_a_format_of_a_plugin_has_no_facts():
    summary = movie_summary(movie(format="raw", header={"first_stored_line": "top"}, scan=None))
    assert (summary["vendor"], summary["first_stored_line"]) == (None, "top")
    assert summary["scan"]["direction_from"] == "unknown"
