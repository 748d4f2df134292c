"""``playnano movie`` and ``relief``, and the movie among the results."""

import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from playNano.cli.app import run
from playNano.cli.job import Options
from playNano.cli.movie_source import Part, shown_movie

pytest.importorskip("imageio_ffmpeg", reason="needs the extra video")

STEPS = "feature_detection:threshold=1;particle_tracking:max_distance_nm=12"


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    path = tmp_path_factory.mktemp("movie") / "m.npz"
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:60, :80]
    frames = 100 + rng.normal(0, 0.1, (6, 60, 80)) + 0.1 * x
    for k in range(6):
        for cy, cx in ((15, 15), (40, 50)):
            frames[k, (y - cy) ** 2 + (x - cx - 2 * k) ** 2 < 30] += 4
    np.savez(path, data=frames.astype(np.float32), pixel_size_nm=2.0, timestamps=np.arange(6) * 0.25)
    return path


@pytest.fixture(scope="module")
def results(movie, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "out"
    words = ("--process", "remove_plane;zero_median", "--steps", STEPS, "--movie", "mp4")
    assert call("analyze", movie, *words, "-o", folder) == 0
    return folder


def test_the_movie_among_the_results(results, movie, tmp_path, capsys):
    import imageio_ffmpeg

    assert imageio_ffmpeg.count_frames_and_secs(str(results / "movie.mp4"))[0] == 6
    assert not (results / "movie.gif").exists()
    assert "movie.mp4" in (results / "record.json").read_text()
    steps = ("--steps", "zero_mean")
    assert call("process", movie, *steps, "-o", tmp_path / "a", "--movie", "none") == 0
    assert not list((tmp_path / "a").glob("movie.*"))
    assert call("process", movie, *steps, "-o", tmp_path / "b", "--movie", "mp4", "--no-gif") == 0
    assert (tmp_path / "b" / "movie.mp4").exists()
    assert call("process", movie, *steps, "-o", tmp_path / "c", "--movie", "avi") == 2
    assert "gif, mp4, none" in capsys.readouterr().err


def test_a_movie_of_a_file(movie, tmp_path, capsys):
    words = (
        "--process",
        "remove_plane;zero_median",
        "--frames",
        "1:5",
        "--crop",
        "10,10,40,60",
        "--scale",
        "3",
    )
    assert (
        call("movie", movie, *words, "-o", tmp_path / "m.mp4", "--no-colour-bar", "--cmap", "afm_gold") == 0
    )
    assert "4 pictures of 180 x 120 px" in capsys.readouterr().out
    assert call("movie", movie, "-o", tmp_path / "m.mp4") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert call("movie", movie, "-o", tmp_path / "m.mp4", "--raw", "--plain", "--overwrite") == 0
    assert "560 x 420" in capsys.readouterr().out
    assert call("movie", movie, "-o", tmp_path / "m.gif", "--raw", "--process", "zero_mean") == 2


def test_a_part_of_results_has_its_detections_in_their_places(results, movie):
    whole = shown_movie(results, Options(), Part())
    part = shown_movie(results, Options(), Part("2,4", "6,10,40,60"))
    assert part.stack.data.shape == (2, 40, 60)
    np.testing.assert_array_equal(part.stack.data, whole.stack.data[[2, 4], 6:46, 10:70])
    np.testing.assert_array_equal(
        [part.labels[k] for k in range(2)], [whole.labels[k][6:46, 10:70] for k in (2, 4)]
    )
    table = whole.tracks[whole.tracks["frame"].isin([2, 4])]
    assert part.tracks["frame"].tolist() == (table["frame"] // 2 - 1).tolist()
    pd.testing.assert_series_equal(part.tracks["y_nm"], table["y_nm"])
    assert part.stack.get_frame_times() == [0.5, 1.0]


def test_overlays_of_results_can_be_left_out(results, tmp_path):
    for name, words in (("all", ()), ("bare", ("--plain",)), ("plain", ("--no-outlines", "--no-tracks", "--no-stamp",
                                                                         "--no-colour-bar"))):  # fmt: skip
        assert call("movie", results, "-o", tmp_path / f"{name}.png", "--frames", "3", *words) == 0
    shown = {name: np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("all", "bare", "plain")}
    np.testing.assert_array_equal(shown["bare"], shown["plain"])
    part = shown["all"][:, : shown["bare"].shape[1]]
    assert 0.01 < (part != shown["bare"]).any(axis=-1).mean() < 0.2
    assert call("movie", results, "-o", tmp_path / "s.webm", "--side-by-side", "--speed", "2") == 0
    assert call("movie", results, "-o", tmp_path / "s.gif", "--process", "level") == 2


def test_relief(results, movie, tmp_path, capsys):
    assert call("relief", results, "--frame", "2", "-o", tmp_path / "r.png", "--z-exaggeration", "3") == 0
    assert call("relief", movie, "--raw", "-o", tmp_path / "raw.pdf") == 0
    assert call("relief", movie, "-o", tmp_path / "r.jpg") == 2
    assert (tmp_path / "r.png").stat().st_size > 5000
    assert (tmp_path / "raw.pdf").stat().st_size > 5000


def test_without_ffmpeg_the_error_has_the_cure_before_anything_is_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert call("movie", tmp_path / "absent.asd", "-o", tmp_path / "m.mp4") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "pip install 'playNano[video]'" in error
    assert call("analyze", tmp_path / "absent.asd", "-o", tmp_path / "o", "--movie", "mp4") == 2
    assert "playNano[video]" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--raw", "--side-by-side"), ("--scale", "2", "--width-px", "100")])
def test_options_that_exclude_each_other(movie, tmp_path, capsys, words):
    assert call("movie", movie, "-o", tmp_path / "m.gif", *words) == 2
    assert "exclude" in capsys.readouterr().err
