"""`--timing`, and the movie in another process."""

import os
import time

import numpy as np
import pytest

from playNano.cli import movie as movie_file
from playNano.cli.app import run
from playNano.core import beside
from playNano.core.phases import phase, record_phases


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    path = tmp_path_factory.mktemp("movie") / "m.npz"
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:60, :60]
    frames = rng.normal(0, 0.1, (6, 60, 60))
    for k in range(6):
        for cy, cx in ((15, 15), (40, 40)):
            frames[k, (y - cy) ** 2 + (x - cx - k) ** 2 < 30] += 4
    np.savez(path, data=frames.astype(np.float32), pixel_size_nm=2.0)
    return path


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return int(stop.value.code or 0)


def test_phases_add_up_and_inner_ones_are_taken_out_of_outer_ones():
    with record_phases() as phases:
        began = time.perf_counter()
        with phase("outer"):
            time.sleep(0.02)
            with phase("inner"):
                time.sleep(0.05)
        with phase("outer"):
            pass
        passed = time.perf_counter() - began
    got = {name: duration.wall_s for name, duration in phases.durations.items()}
    assert list(got) == ["rest", "outer", "inner"]
    assert 0.05 <= got["inner"] <= passed - 0.02
    assert 0.02 <= got["outer"] <= passed - 0.05
    assert sum(got.values()) >= passed
    with phase("outside"):
        pass
    assert "outside" not in phases.durations


def test_timing_prints_the_phases(movie, tmp_path, capsys):
    assert call("analyze", movie, "-o", tmp_path / "a", "--timing") == 0
    said = capsys.readouterr().out
    words = [line.split()[0] for line in said[said.index("phase ") :].splitlines()]
    for name in ("import", "read", "processing", "settings", "detection", "tracking", "record.h5", "tables",
                 "figures", "movie.gif", "record.json", "sum"):  # fmt: skip
        assert name in words
    assert call("process", movie, "-o", tmp_path / "p", "--steps", "level", "--timing") == 0
    assert "write movie" in capsys.readouterr().out
    assert call("analyze", movie, "-o", tmp_path / "b", "--no-gif") == 0
    assert "CPU s" not in capsys.readouterr().out


def test_the_movie_of_another_process_is_the_same(movie, tmp_path, monkeypatch, capsys):
    assert call("analyze", movie, "-o", tmp_path / "a") == 0
    monkeypatch.setattr(movie_file, "MIN_FRAMES", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 2, raising=False)
    token = beside.CAN_START.set(True)
    try:
        assert call("analyze", movie, "-o", tmp_path / "b", "--timing") == 0
        assert "in another process" in capsys.readouterr().out
        assert (tmp_path / "a" / "movie.gif").read_bytes() == (tmp_path / "b" / "movie.gif").read_bytes()
        # A process that ends without an answer: the movie is written by this one.
        monkeypatch.setattr(beside, "_serve", ends)
        assert call("analyze", movie, "-o", tmp_path / "c") == 0
        assert (tmp_path / "a" / "movie.gif").read_bytes() == (tmp_path / "c" / "movie.gif").read_bytes()
    finally:
        beside.CAN_START.reset(token)


def ends(connection):
    os._exit(1)


def cannot_write(painter, path):
    raise PermissionError(13, "no permission", str(path))


def test_an_error_of_the_other_process_is_that_of_the_command(movie, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(movie_file, "MIN_FRAMES", 2)
    monkeypatch.setattr(movie_file, "helps", lambda: True)
    monkeypatch.setattr(movie_file, "save_gif", cannot_write)
    assert call("analyze", movie, "-o", tmp_path / "a") == 2
    assert "no permission" in capsys.readouterr().err
    assert not (tmp_path / "a" / "record.json").exists()
