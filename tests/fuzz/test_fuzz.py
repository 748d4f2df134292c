"""A few mutants of every format, the same ones in every run; and that faults of readers are seen."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest
from tests.fuzz import judge as judging
from tests.fuzz.judge import (
    CRASH,
    FAULTS,
    HANG,
    LINES,
    MEMORY,
    RAW,
    REFUSED,
    RIGHT,
    UNNAMED,
    WRONG,
    Verdict,
    make,
    read,
)
from tests.fuzz.pool import run
from tests.fuzz.seeds import OPTIONS, seeds

from playNano.errors import FileFormatError
from playNano.io.export.asd import write_asd
from playNano.io.formats import BUILTIN_READERS

COUNT = 30


def test_every_mutant_is_read_rightly_or_refused_clearly():
    verdicts = list(run(list(BUILTIN_READERS), count=COUNT, seed=1, limit_s=30.0))
    assert len(verdicts) == COUNT * len(BUILTIN_READERS)
    assert [verdict for verdict in verdicts if verdict.outcome in FAULTS] == []
    for kind in BUILTIN_READERS:
        outcomes = {verdict.outcome for verdict in verdicts if verdict.kind == kind}
        assert REFUSED in outcomes, kind


@pytest.mark.parametrize("kind", list(BUILTIN_READERS))
def test_mutants_are_the_same_in_every_run(kind):
    one, again = (make(kind, 3, 7, False) for _ in range(2))
    assert one[2] == again[2]
    different = {str(make(kind, 3, number, False)[1]) for number in range(6)}
    assert len(different) > 3


def test_whole_files_are_read_rightly(tmp_path):
    for kind, files in seeds(False).items():
        for i, seed in enumerate(files):
            folder = tmp_path / f"{kind}{i}"
            folder.mkdir()
            path = judging.write(folder, seed.name, seed.members)
            assert read(path, OPTIONS.get(kind, {}))[0] == RIGHT, (kind, seed)


def ends_or_sleeps(kind, seed, number, real, folder):
    if number == 1:
        os._exit(3)
    if number == 3:
        time.sleep(60)
    return Verdict(kind, number, RIGHT, "", "")


def test_crashes_and_hangs_are_known_by_their_mutant():
    verdicts = list(run(["asd"], count=5, limit_s=0.5, judge_one=ends_or_sleeps))
    assert [verdict.outcome for verdict in verdicts] == [RIGHT, CRASH, RIGHT, HANG, RIGHT]
    assert [verdict.number for verdict in verdicts] == list(range(5))


@pytest.fixture
def movie_file(tmp_path):
    path = tmp_path / "a.asd"
    write_asd(path, np.arange(60.0).reshape(2, 6, 5), pixel_size_nm=2.0, frame_time_s=0.5)
    return path


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (KeyError("x"), RAW),
        (OSError("x"), RAW),
        (FileFormatError("damaged"), UNNAMED),
        (FileFormatError("a.asd\nis damaged"), LINES),
        (FileFormatError("a.asd is damaged"), REFUSED),
        (MemoryError(), MEMORY),
    ],
)
def test_errors_are_judged(monkeypatch, movie_file, error, outcome):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(judging, "open_movie", fail)
    assert read(movie_file, {})[0] == outcome


def test_other_pixels_are_judged(movie_file):
    pixels = judging.open_movie(movie_file).read(0, 2)
    assert read(movie_file, {}, True, pixels) == (RIGHT, "")
    pixels[0, 0, 0] += 1
    assert read(movie_file, {}, True, pixels)[0] == WRONG


@pytest.mark.parametrize(
    "change",
    [
        {"read": lambda start, stop: np.zeros((2, 5, 6), np.float32)},
        {"pixel_size_nm": (np.nan, 1.0)},
        {"pixel_size_nm": (0.0, 1.0)},
        {"frame_metadata": [{"timestamp": 0.0}, {"timestamp": np.inf}]},
        {"frame_metadata": [{}]},
        {"read": lambda start, stop: np.full((2, 6, 5), np.nan, np.float32)},
        {"read": lambda start, stop: np.zeros((2, 6, 5))},
        {"read": lambda start, stop: np.zeros((2, 6, 5), np.float32)},
    ],
)
def test_wrong_movies_are_judged(monkeypatch, movie_file, change):
    movie = judging.open_movie(movie_file)
    monkeypatch.setattr(judging, "open_movie", lambda *args, **options: replace(movie, **change))
    assert read(movie_file, {})[0] == WRONG
