"""`playnano analyze` without options, `--strict` and `playnano tune`."""

import numpy as np
import pandas as pd
import pytest
import yaml

from playNano.cli.app import run


def call(*words):
    try:
        run([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """Return a file with four moving discs on a tilted background with row offsets."""
    path = tmp_path_factory.mktemp("movie") / "m.npz"
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:80, :80]
    frames = rng.normal(0, 0.1, (6, 80, 80)) + 0.05 * x + rng.normal(0, 0.3, (6, 80, 1))
    for k in range(6):
        for cy, cx in ((15, 15), (20, 55), (55, 20), (60, 60)):
            frames[k, (y - cy) ** 2 + (x - cx - k) ** 2 < 30] += 4
    np.savez(path, data=frames.astype(np.float32), pixel_size_nm=2.0)
    return path


def test_analyze_needs_no_option_and_repeats_from_its_pipeline(movie, tmp_path, capsys):
    assert call("analyze", movie, "-o", tmp_path / "a", "--no-gif") == 0
    said = capsys.readouterr().out
    assert "regions: " in said
    assert "objects above it stand out" in said
    assert "search range" in said
    first = pd.read_csv(tmp_path / "a" / "features.csv")
    assert len(first) == 24
    assert first["height_nm"].to_numpy() == pytest.approx(4, rel=0.05)
    text = (tmp_path / "a" / "pipeline.yaml").read_text()
    remarks = [line for line in text.splitlines() if line.startswith("#")]
    assert "Values that are null are found from each movie anew" in remarks[0]
    assert any("threshold" in line and "sigma" in line for line in remarks)
    steps = yaml.safe_load(text)
    assert [next(iter(step)) for step in steps["processing"] + steps["analysis"]] == [
        "level",
        "frame_quality",
        "feature_detection",
        "particle_tracking",
        "diffusion",
        "dwell_times",
        "populations",
    ]
    assert steps["analysis"][2]["particle_tracking"]["max_distance"] is None
    assert (
        call("analyze", movie, "-p", tmp_path / "a" / "pipeline.yaml", "-o", tmp_path / "b", "--no-gif") == 0
    )
    for name in ("features.csv", "tracks.csv", "links.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_user_may_say_what_the_movie_shows(movie, tmp_path, capsys):
    assert call("analyze", movie, "-o", tmp_path, "--no-gif", "--objects", "pits") == 0
    said = capsys.readouterr().out
    assert "objects below it, as given" in said


def test_processing_alone_is_followed_by_the_default_analysis(movie, tmp_path):
    process = "level:order=1;gaussian_filter:sigma=1"
    assert call("analyze", movie, "--process", process, "-o", tmp_path, "--no-gif") == 0
    steps = yaml.safe_load((tmp_path / "pipeline.yaml").read_text())
    assert [next(iter(step)) for step in steps["processing"]] == ["level", "gaussian_filter"]
    assert len(pd.read_csv(tmp_path / "features.csv")) == 24


def test_batch_without_steps_is_the_default_analysis(movie, tmp_path):
    assert call("batch", movie, "-o", tmp_path) == 0
    assert len(pd.read_csv(tmp_path / "features.csv")) == 24
    # Other objects are another pipeline: nothing of the first run is taken over.
    assert call("batch", movie, "-o", tmp_path, "--resume", "--objects", "pits") == 0
    assert pd.read_csv(tmp_path / "summary.csv")["status"].tolist() == ["done"]


@pytest.mark.parametrize("command", [("analyze",), ("batch",)])
def test_strict_makes_a_warning_an_error(command, movie, tmp_path, capsys):
    words = [
        *command,
        movie,
        "-o",
        tmp_path,
        "--process",
        "level",
        "--steps",
        "feature_detection:threshold=99",
    ]
    assert call(*words) == 0
    assert "playnano: warning: m.npz: no detections: the highest pixel is" in capsys.readouterr().err
    code = call(*words, "--overwrite", "--strict")
    said = capsys.readouterr().err
    assert code == (2 if command == ("analyze",) else 1)
    assert "m.npz: no detections: the highest pixel is" in said
    assert "playnano: warning" not in said


def test_strict_passes_what_gives_no_warning(movie, tmp_path):
    assert call("process", movie, "--steps", "level", "-o", tmp_path, "--strict", "--no-gif") == 0


def test_tune_writes_settings_pictures_and_a_pipeline_that_runs(movie, tmp_path, capsys):
    assert call("tune", movie, "-o", tmp_path) == 0
    assert "best: level:order=2; feature_detection: polarity up" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "tune.csv")
    assert {"levelling", "n_per_frame", "stability", "expected_wrong_links", "score"} <= set(table.columns)
    assert table.iloc[0]["n_per_frame"] == pytest.approx(4, abs=0.2)
    assert (tmp_path / "tune.png").stat().st_size > 10_000
    assert call("analyze", movie, "-p", tmp_path / "pipeline.yaml", "-o", tmp_path / "out", "--no-gif") == 0
    assert len(pd.read_csv(tmp_path / "out" / "features.csv")) == 24
