"""``--cache`` and ``PLAYNANO_CACHE``: what was done before is read, and the results are the same."""

import json

import pytest

from playNano.analysis import pipeline
from playNano.analysis.compare_records import compare_records
from playNano.analysis.record_file import read_record
from playNano.cli.app import run
from playNano.io.export.asd import write_asd
from playNano.processing.run import Run

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5"
WORDS = ("--process", "remove_plane;level", "--no-gif", "-s")


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


@pytest.fixture
def movie(make_spots, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLAYNANO_CACHE", raising=False)
    write_asd(tmp_path / "m.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    return tmp_path / "m.asd"


@pytest.fixture
def runs(monkeypatch):
    done = []
    pixels, outputs = Run.pixels, pipeline._outputs
    monkeypatch.setattr(Run, "pixels", lambda *args: done.append("pixels") or pixels(*args))
    monkeypatch.setattr(
        pipeline,
        "_outputs",
        lambda where, module, *args: done.append(module.name) or outputs(where, module, *args),
    )
    return done


def test_the_same_folder_of_results(movie, runs, tmp_path):
    track = f"{DETECT};particle_tracking:max_distance="
    assert call("analyze", movie, *WORDS, f"{track}4", "-o", "first", "--cache", "kept") == 0
    assert runs == ["pixels", "feature_detection", "particle_tracking"]
    assert call("analyze", movie, *WORDS, f"{track}5", "-o", "without") == 0
    runs.clear()
    assert call("analyze", movie, *WORDS, f"{track}5", "-o", "with", "--cache", "kept") == 0
    assert runs == ["particle_tracking"]
    assert compare_records(read_record("with"), read_record("without")) == []
    tables = sorted(path.name for path in (tmp_path / "with").glob("*.csv"))
    assert "tracks.csv" in tables
    for name in (*tables, "pipeline.yaml", "overview.png"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes(), name
    record = json.loads((tmp_path / "with" / "record.json").read_text())["provenance"]
    marked = [step.get("from_cache", False) for step in record["processing"] + record["steps"]]
    assert marked == [True, True, True, False]
    assert call("verify", "with") == 0
    runs.clear()
    assert call("replay", "with") == 0  # which runs everything, whatever is kept
    assert runs == ["pixels", "feature_detection", "particle_tracking"]


def test_the_environment_names_the_folder(movie, runs, monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYNANO_CACHE", str(tmp_path / "kept"))
    assert call("process", movie, "-s", "level", "--no-gif", "-o", "one") == 0
    assert call("analyze", movie, "--process", "level", "--no-gif", "-s", DETECT, "-o", "two") == 0
    assert runs == ["pixels", "feature_detection"]
    assert call("replay", "two") == 0
    assert runs == ["pixels", "feature_detection"] * 2
    monkeypatch.setenv("PLAYNANO_CACHE", "")
    assert call("process", movie, "-s", "level", "--no-gif", "-o", "three") == 0
    assert runs[-1] == "pixels"


def test_a_batch_that_is_resumed_reads_what_was_done(movie, runs, tmp_path):
    words = ("batch", movie, "--process", "level", "--cache", "kept", "-o", "out", "-s")
    assert call(*words, f"{DETECT};particle_tracking:max_distance=4") == 0
    runs.clear()
    assert call(*words, f"{DETECT};particle_tracking:max_distance=4", "--resume") == 0
    assert runs == []
    assert call(*words, f"{DETECT};particle_tracking:max_distance=5", "--resume") == 0
    assert runs == ["particle_tracking"]


def test_a_folder_that_cannot_be_made(movie, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert call("analyze", movie, *WORDS, DETECT, "-o", "out", "--cache", "file") == 2
    assert "file" in capsys.readouterr().err
    assert not (tmp_path / "out" / "record.json").exists()
