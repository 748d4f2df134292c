"""``playnano batch``: many movies, some of them bad, some done before."""

import csv
import json
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from playNano.cli import batch, batch_folder
from playNano.cli.app import run
from playNano.cli.job import Options
from playNano.core.serialize import read_record_json
from playNano.errors import ParameterError
from playNano.io.export.asd import write_asd
from playNano.io.loader import load_afm_stack

PIPELINE = """
processing: [remove_plane, {gaussian_filter: {sigma: 0.5}}]
analysis:
  - feature_detection: {mask_fn: mask_threshold, threshold: 1, min_size: 5}
  - particle_tracking: {max_distance: 4}
"""


@pytest.fixture
def movies(make_spots, tmp_path):
    for name, seed in (("one", 1), ("two", 2)):
        write_asd(
            tmp_path / "in" / f"{name}.asd", make_spots(seed=seed)[0], pixel_size_nm=2.0, frame_time_s=0.5
        )
    (tmp_path / "in" / "bad.asd").write_bytes(b"no movie" * 100)
    (tmp_path / "p.yaml").write_text(PIPELINE)
    return tmp_path


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


def in_batch(folder, *more):
    return call("batch", folder / "in" / "*.asd", "-p", folder / "p.yaml", "-o", folder / "out", *more)


def summary(folder):
    with (folder / "out" / "summary.csv").open(newline="") as file:
        return {row["movie"]: row for row in csv.DictReader(file)}


def test_one_bad_movie_does_not_stop_the_others(movies, capsys):
    assert in_batch(movies) == 1
    rows = summary(movies)
    assert {name: row["status"] for name, row in rows.items()} == {
        "bad": "failed",
        "one": "done",
        "two": "done",
    }
    assert "FileFormatError" in rows["bad"]["reason"]
    said = capsys.readouterr()
    assert "2 done, 1 failed" in said.out.replace("1 failed, 2 done", "2 done, 1 failed")
    assert "bad.asd" in said.err
    for name in ("features.csv", "tracks.csv"):
        joined = pd.read_csv(movies / "out" / name)
        assert joined.columns[0] == "movie"
        parts = [pd.read_csv(movies / "out" / movie / name) for movie in ("one", "two")]
        assert joined["movie"].tolist() == ["one"] * len(parts[0]) + ["two"] * len(parts[1])
        pd.testing.assert_frame_equal(joined.drop(columns="movie"), pd.concat(parts, ignore_index=True))
    record = read_record_json(movies / "out" / "one" / "record.json")
    assert record["analysis"]["step_2_particle_tracking"]["n_tracks"] == 3


def test_resume_passes_over_what_is_done(movies, make_spots):
    assert in_batch(movies) == 1
    first = (movies / "out" / "one" / "record.json").stat().st_mtime_ns
    tables = (movies / "out" / "tracks.csv").read_text()
    assert in_batch(movies, "--resume") == 1
    assert {n: r["status"] for n, r in summary(movies).items()} == {
        "bad": "failed",
        "one": "done before",
        "two": "done before",
    }
    assert (movies / "out" / "one" / "record.json").stat().st_mtime_ns == first
    assert (movies / "out" / "tracks.csv").read_text() == tables
    # Another input, and the movie is done again.
    write_asd(movies / "in" / "two.asd", make_spots(seed=5)[0], pixel_size_nm=2.0, frame_time_s=0.5)
    in_batch(movies, "--resume")
    assert (summary(movies)["one"]["status"], summary(movies)["two"]["status"]) == ("done before", "done")
    # Another pipeline, and all are.
    (movies / "p.yaml").write_text(PIPELINE.replace("sigma: 0.5", "sigma: 0.6"))
    in_batch(movies, "--resume")
    assert (summary(movies)["one"]["status"], summary(movies)["two"]["status"]) == ("done", "done")


def test_resume_minds_the_pixel_size(make_spots, tmp_path):
    np.save(tmp_path / "movie.npy", make_spots()[0])
    words = ("batch", tmp_path / "movie.npy", "-s", "feature_detection:mask_fn=mask_threshold,threshold=1")
    areas = {}
    for size, status in (
        ("2", "done"),
        ("2", "done before"),
        ("3", "done"),
        ("2.0", "done"),
        ("2", "done before"),
    ):
        assert call(*words, "-o", tmp_path / "out", "--pixel-size-nm", size, "--resume") == 0
        assert summary(tmp_path)["movie"]["status"] == status
        areas[size] = pd.read_csv(tmp_path / "out" / "features.csv")["area_nm2"].sum()
    assert areas["3"] == pytest.approx(areas["2"] * 9 / 4)


@pytest.mark.parametrize(
    "change",
    [
        {"channel": "phase"},
        {"pixel_size_nm": 3.0},
        {"movie": "none"},
        {"zarr": True},
        {"exports": ("trackpy",)},
        {"reader_options": ("unit=nm",)},
    ],
    ids=str,
)
def test_what_resume_compares(change):
    plan = {"processing": ["remove_plane"], "analysis": []}
    assert set(change) <= {field.name for field in fields(Options)}
    assert batch._hash(plan, Options()) == batch._hash(dict(plan), Options(lazy=True))
    assert batch._hash(plan, Options(**change)) != batch._hash(plan, Options())
    assert batch._hash({**plan, "analysis": ["count_nonzero"]}, Options()) != batch._hash(plan, Options())


def test_a_second_batch_must_say_what_it_wants(movies, capsys):
    in_batch(movies)
    before = {p: p.read_bytes() for p in (movies / "out").rglob("*") if p.is_file()}
    capsys.readouterr()
    assert in_batch(movies) == 2
    assert "--resume continues, --overwrite replaces" in capsys.readouterr().err
    assert in_batch(movies, "--resume", "--overwrite") == 2
    assert {p: p.read_bytes() for p in (movies / "out").rglob("*") if p.is_file()} == before
    assert in_batch(movies, "--new") == 1
    assert (movies / "out-2" / "one" / "record.json").is_file()
    (movies / "out" / "one" / "mine.txt").write_text("kept")
    (movies / "in" / "two.asd").unlink()
    (movies / "p.yaml").write_text(PIPELINE.split("  - particle_tracking")[0])
    assert in_batch(movies, "--overwrite") == 1
    assert summary(movies)["one"]["status"] == "done"
    names = {p.name for p in (movies / "out").iterdir()}
    assert names == {"one", "features.csv", "summary.csv", "report.html", "batch.json"}
    assert (movies / "out" / "one" / "mine.txt").read_text() == "kept"
    assert not (movies / "out" / "one" / "tracks.csv").exists()


def test_movies_in_the_folder_of_the_results(movies, capsys):
    words = ("-s", "count_nonzero", "-o", movies / "in")
    assert call("batch", movies / "in" / "*", *words) == 2
    assert "contains the movie bad.asd; give another folder" in capsys.readouterr().err
    assert {p.name for p in (movies / "in").iterdir()} == {"one.asd", "two.asd", "bad.asd"}
    out = movies / "in" / "out"
    out.mkdir()
    assert batch_folder.find_inputs([str(movies / "in" / "*")], out) == [
        movies / "in" / name for name in ("bad.asd", "one.asd", "two.asd")
    ]


def test_names_that_are_not_allowed_everywhere(tmp_path):
    files = [tmp_path / name for name in ("X.asd", "x.asd", "...asd", "NUL.asd", "a?.asd", "summary.csv.asd")]
    names = batch_folder.folder_names(files)
    assert names[2:] == ["movie", "NUL_", "a_", "summary.csv_"]
    assert len({name.casefold() for name in names}) == len(names)


def test_ctrl_c_ends_cleanly(movies, monkeypatch, capsys):
    analyze = batch.analyze_file

    def stop_at_two(file, *rest):
        if file.name == "two.asd":
            raise KeyboardInterrupt
        return analyze(file, *rest)

    monkeypatch.setattr(batch, "analyze_file", stop_at_two)
    assert in_batch(movies) == 130
    assert "interrupted" in capsys.readouterr().err
    assert {n: r["status"] for n, r in summary(movies).items()} == {
        "bad": "failed",
        "one": "done",
        "two": "interrupted",
    }
    assert set(pd.read_csv(movies / "out" / "tracks.csv")["movie"]) == {"one"}
    monkeypatch.undo()
    in_batch(movies, "--resume")
    assert (summary(movies)["one"]["status"], summary(movies)["two"]["status"]) == ("done before", "done")


def test_a_wrong_plan_is_refused_before_any_movie_is_read(movies, capsys):
    (movies / "p.yaml").write_text("processing: [remove_plan]")
    assert in_batch(movies) == 2
    assert "did you mean 'remove_plane'" in capsys.readouterr().err
    assert not (movies / "out").exists()


def test_processing_alone_to_zarr(movies):
    pytest.importorskip("zarr")
    words = ("--process", "remove_plane", "-o", movies / "out", "--zarr", "--lazy")
    assert call("batch", movies / "in" / "one.asd", movies / "in" / "two.asd", *words) == 0
    stack = load_afm_stack(movies / "out" / "one" / "processed.ome.zarr")
    whole = load_afm_stack(movies / "in" / "one.asd")
    np.testing.assert_array_equal(stack.data, whole.apply(["remove_plane"]))
    assert json.loads((movies / "out" / "one" / "done.json").read_text())["input"].startswith("sha256-file:")


def test_exports_of_every_movie(movies, capsys):
    words = ("batch", movies / "in" / "one.asd", "--process", "remove_plane", "-o", movies / "out")
    assert call(*words, "--export", "ome-tif") == 2
    assert "did you mean 'ome-tiff'" in capsys.readouterr().err
    assert not (movies / "out").exists()
    assert call(*words, "--export", "ome-tiff") == 0
    stack = load_afm_stack(movies / "out" / "one" / "processed.ome.tif")
    np.testing.assert_array_equal(
        stack.data, load_afm_stack(movies / "in" / "one.asd").apply(["remove_plane"])
    )


def test_a_lazy_movie_gives_the_same_files(movies):
    assert call("analyze", movies / "in" / "one.asd", "-p", movies / "p.yaml", "-o", movies / "a") == 0
    lazy = ("-p", movies / "p.yaml", "-o", movies / "b", "--lazy")
    assert call("analyze", movies / "in" / "one.asd", *lazy) == 0
    for name in ("features.csv", "tracks.csv", "pipeline.yaml", "overview.png", "movie.gif"):
        assert (movies / "a" / name).read_bytes() == (movies / "b" / name).read_bytes()
    a, b = (read_record_json(movies / name / "record.json")["analysis"] for name in "ab")
    np.testing.assert_array_equal(
        a["step_1_feature_detection"]["labeled_masks"], b["step_1_feature_detection"]["labeled_masks"]
    )
    a, b = (part["step_2_particle_tracking"]["track_masks"] for part in (a, b))
    assert list(a) == list(b) != []
    np.testing.assert_array_equal(list(a.values()), list(b.values()))


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ParameterError, match=r"no file .*\*\.asd"):
        batch_folder.find_files([str(tmp_path / "*.asd")])


def test_names_of_folders(tmp_path):
    files = [
        tmp_path / name for name in ("a/x.asd", "a/y.asd", "b/y.asd", "b/y.npy", "c/z/q.asd", "d/z/q.asd")
    ]
    assert batch_folder.folder_names(files) == ["x", "a_y.asd", "b_y.asd", "y.npy", "5_q.asd", "6_q.asd"]


def test_the_command_in_a_process_of_its_own(movies):
    words = [
        sys.executable,
        "-m",
        "playNano",
        "batch",
        str(movies / "in" / "one.asd"),
        "-p",
        str(movies / "p.yaml"),
    ]
    done = subprocess.run([*words, "-o", str(movies / "out")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 done" in done.stdout
