"""What `playnano info` reports of real files."""

import os
from pathlib import Path

import pytest

from playNano.io.loader import open_movie
from playNano.io.summary import movie_summary

DATA = Path(os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files at {DATA}")


def summary(name):
    return movie_summary(open_movie(DATA / name, None))


def test_bad_frames():
    check = summary("asd/sbccd_v1.asd")["check"]
    assert check["blank"] == [113, 114, 115, 117, 122]
    assert sorted(check["blank"] + check["torn"] + check["partly_torn"]) == list(range(111, 127))
    check = summary("asd/dna_v0.asd")["check"]
    assert (check["blank"], check["torn"]) == ([0, 1, 2, 63], [3])
    assert check["constant"] == [0, 1, 2, 63]


def test_scan_and_maker():
    for name, direction, first, trace in (
        ("asd/sbccd_v1.asd", "up", "bottom", None),
        ("sample.h5-jpk", "up", "bottom", "trace"),
        ("jpk_movie", "up", "bottom", "trace"),
        ("spm_movie", "down", "bottom", "retrace"),
        ("single/sample.gwy", None, "top", None),
    ):
        shown = summary(name)
        assert (shown["scan"]["direction"], shown["first_stored_line"], shown["scan"]["trace"]) == (
            direction, first, trace,
        )  # fmt: skip
    assert (summary("sample.h5-jpk")["software"], summary("spm_movie")["instrument"]) == (
        "8.1.42",
        "Dimension FastScan",
    )
    assert summary("single/sample.ibw")["instrument"] == "MFP3D"
    assert summary("spm_movie")["unusual"] == ["pixels are not square: 3.90625 nm (y) x 1.95312 nm (x)"]
