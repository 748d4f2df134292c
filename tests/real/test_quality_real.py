"""Frame quality of real movies, all with one set of defaults."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from playNano.algorithms.quality.quality import frame_quality
from playNano.io.loader import load_afm_stack

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


@cache
def movie(name, channel="TP"):
    if not (DATA / name).exists():
        pytest.skip(f"no real files at {DATA}")
    return np.asarray(load_afm_stack(DATA / name, channel=channel).data)


def flagged(block, name):
    table = frame_quality(block).table
    return table["frame"][table[name]].tolist()


SBCCD = {
    "blank": [113, 114, 115, 117, 122],
    "torn": [112, 116, 118, 119, 120, 121, 123, 124, 125],
    "partly_torn": [111, 126],
}


@pytest.mark.parametrize("name", SBCCD)
def test_sbccd_lost_frames(name):
    assert flagged(movie("asd/sbccd_v1.asd"), name) == SBCCD[name]


def test_sbccd_usable_frames_and_scars():
    table = frame_quality(movie("asd/sbccd_v1.asd")).table
    assert table["frame"][~table["usable"]].tolist() == list(range(111, 127))
    assert table["scars"][109]
    assert table["jump"][127]


@pytest.mark.parametrize("first, last", [(0, 130), (95, 130), (105, 128), (109, 128)])
def test_sbccd_in_parts_of_which_many_frames_are_lost(first, last):
    block = movie("asd/sbccd_v1.asd")[first:last]
    for name, frames in SBCCD.items():
        assert flagged(block, name) == [k - first for k in frames]


@pytest.mark.parametrize("change", ["upside down", "mirrored", "turned over", "in metres"])
def test_sbccd_seen_otherwise(change):
    block = movie("asd/sbccd_v1.asd")
    seen = {
        "upside down": block[:, ::-1],
        "mirrored": block[:, :, ::-1],
        "turned over": -block,
        "in metres": block.astype(np.float64) * 1e-9,
    }[change]
    for name, frames in SBCCD.items():
        assert flagged(seen, name) == frames


def test_dna_lost_frames():
    block = movie("asd/dna_v0.asd")
    assert flagged(block, "blank") == [0, 1, 2, 63]
    assert flagged(block, "torn") == [3]
    assert flagged(block, "partly_torn") == []
    assert flagged(block, "usable") == list(range(4, 63))


def test_lattice_tip_leaves_the_surface_within_frame_22():
    table = frame_quality(movie("asd/lattice_v1_unipolar.asd")).table
    assert table["usable"].tolist() == [True] * 22 + [False] * 10
    # These two lie at the converter's end over their whole area.
    assert table["frame"][table["blank"]].tolist() == [27, 28]


@pytest.mark.parametrize(
    "name, channel",
    [
        ("asd/two_frames_v1.asd", "TP"),
        ("sample.h5-jpk", "height_trace"),
        ("jpk_movie", "height_trace"),
        ("spm_movie", "Height Sensor"),
        ("spm_movie", "Height"),
    ],
)
def test_sound_movies_stay_whole(name, channel):
    assert frame_quality(movie(name, channel)).table["usable"].all()
