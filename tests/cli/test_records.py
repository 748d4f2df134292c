"""``playnano verify``, ``replay`` and ``diff``, and what a pipeline file says of its movie."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from playNano.analysis.compare_records import compare_records, differences
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.record_file import is_result_folder, read_record
from playNano.cli.app import run
from playNano.io.export.asd import write_asd
from playNano.io.loader import load_afm_stack

STEPS = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5;particle_tracking:max_distance=4"


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


@pytest.fixture
def results(make_spots, tmp_path, monkeypatch):
    """Analyse a movie; return the folder of the results."""
    monkeypatch.chdir(tmp_path)
    write_asd(tmp_path / "data" / "m.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    words = ("--process", "remove_plane;gaussian_filter:sigma=0.5", "-s", STEPS, "--no-gif")
    assert call("analyze", "data/m.asd", *words, "-o", "results/one") == 0
    return tmp_path / "results" / "one"


def test_a_record_describes_its_run(results):
    record = read_record(results)
    provenance = record["provenance"]
    raw = provenance["input"]["raw"]
    assert (raw["name"], raw["relative_path"], raw["kind"]) == ("m.asd", "../../data/m.asd", "file")
    movie = results.parents[1] / "data" / "m.asd"
    assert (raw["path"], raw["bytes"]) == (str(movie), movie.stat().st_size)
    assert provenance["record_version"] == 2
    assert provenance["command"][:3] == ["playnano", "analyze", "data/m.asd"]
    assert {entry["name"] for entry in provenance["files"]} == {
        path.name for path in results.iterdir() if path.name != "record.json"
    }
    given = provenance["input"]
    assert given["frames"] == {"first": 0, "step": 1, "count": 6, "of": 6}
    assert (given["requested_channel"], given["pixel_size_from"], given["times_from"]) == (
        "height_trace",
        "file",
        "file",
    )


def test_the_folder_gives_the_record_of_the_run(results):
    stack = load_afm_stack("data/m.asd")
    stack.apply(["remove_plane", "gaussian_filter:sigma=0.5"])
    expected = AnalysisPipeline().add_steps(STEPS).run(stack)
    record = read_record(results)
    assert [d for d in compare_records(expected, record) if d.part != "input"] == []
    table = record["analysis"]["step_1_feature_detection"]["table"]
    assert table.equals(expected["analysis"]["step_1_feature_detection"]["table"])
    assert (
        type(record["analysis"]["step_1_feature_detection"]["features_per_frame"]).__name__ == "RowsByFrame"
    )
    json_bytes = (results / "record.json").stat().st_size
    tables = sum((results / name).stat().st_size for name in ("features.csv", "tracks.csv"))
    assert json_bytes <= 1.5 * tables


def test_files_that_were_changed_are_noticed(results, capsys):
    assert call("verify", results) == 0
    with (results / "tracks.csv").open("r+") as file:
        file.write("X")
    (results / "overview.png").unlink()
    assert call("verify", results) == 1
    said = capsys.readouterr().out
    assert "tracks.csv was changed" in said
    assert "overview.png is missing" in said


def test_a_movie_that_was_changed_is_noticed(results, capsys):
    movie = results.parents[1] / "data" / "m.asd"
    content = bytearray(movie.read_bytes())
    content[-1] ^= 1
    movie.write_bytes(content)
    assert call("verify", results) == 1
    assert "is not the movie of" in capsys.readouterr().out
    assert call("replay", results) == 2
    movie.unlink()
    assert call("verify", results) == 1
    assert "does not exist" in capsys.readouterr().out


@pytest.mark.parametrize("how", [(), ("--lazy",)], ids=str)
def test_a_run_is_repeated(results, how, capsys, monkeypatch, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    monkeypatch.chdir(moved)
    assert call("replay", results, *how) == 0
    assert capsys.readouterr().out == "identical\n"
    shutil.copytree(results, moved / "copy")
    (tmp_path / "data" / "m.asd").rename(moved / "other.asd")
    assert call("replay", moved / "copy", moved / "other.asd", *how) == 0


def test_a_default_run_is_repeated_by_workers(results, capsys, tmp_path, monkeypatch):
    assert call("analyze", "data/m.asd", "--no-gif", "-o", "results/default") == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    capsys.readouterr()
    assert call("replay", tmp_path / "results" / "default", "--workers", "2") == 0
    assert capsys.readouterr().out == "identical\n"


def test_what_differs_is_said_by_column(results, capsys):
    record = json.loads((results / "record.json").read_text())
    record["provenance"]["steps"][0]["params"]["threshold"] = 1.5
    text = json.dumps(record["provenance"]["steps"][0])
    (results / "record.json").write_text(json.dumps(record))
    assert "1.5" in text
    # The values are in record.h5, the parameters too: a record whose two files differ is compared as it was run.
    import h5py

    from playNano.core.serialize import read_tree, write_tree

    with h5py.File(results / "record.h5", "r+") as file:
        content = read_tree(file, "analysis_record")
        content["provenance"]["steps"][0]["params"]["threshold"] = 1.5
        del file["analysis_record"]
        write_tree(file, "analysis_record", content)
    assert call("replay", results) == 1
    said = capsys.readouterr().out
    assert "step_1_feature_detection.table.area_px: " in said
    assert "values differ, by " in said or "rows" in said


def test_a_record_that_python_wrote_is_repeated(results, capsys, tmp_path):
    stack = load_afm_stack("data/m.asd")
    stack.apply(["remove_plane"])
    record = AnalysisPipeline().add_steps(STEPS).run(stack, log_to=tmp_path / "log.json")
    assert call("replay", tmp_path / "log.json") == 0
    content = json.loads((tmp_path / "log.json").read_text())
    content["analysis"]["step_2_particle_tracking"]["n_tracks"] += 1
    content["analysis"]["step_2_particle_tracking"]["tracks"][0]["coords"][0][0] += 0.5
    (tmp_path / "log.json").write_text(json.dumps(content))
    capsys.readouterr()
    assert call("replay", tmp_path / "log.json") == 1
    said = capsys.readouterr().out
    n = record["analysis"]["step_2_particle_tracking"]["n_tracks"]
    assert f"step_2_particle_tracking.n_tracks: {n + 1} and {n}, by 1" in said
    assert "step_2_particle_tracking.tracks.coords[0][0]: 1 of 2 values differ, by 0.5 at most" in said


def test_a_record_of_version_1_is_repeated(results, capsys, tmp_path):
    """It lists no files and does not identify its movie; record.h5 next to it is of the same run."""
    content = json.loads((results / "record.json").read_text())
    for key in ("files", "command", "record_version"):
        del content["provenance"][key]
    for key in ("raw", "frames", "reader_options", "pixel_size_from", "steps_before"):
        del content["provenance"]["input"][key]
    content["provenance"]["input"]["file"] = str(tmp_path / "data" / "m.asd")
    (results / "record.json").write_text(json.dumps(content))
    assert call("replay", results) == 0
    assert capsys.readouterr().out == "identical\n"
    assert call("verify", results) == 1
    assert "lists no files" in capsys.readouterr().out
    assert call("analyze", "data/m.asd", "-s", "count_nonzero", "-o", results, "--overwrite") == 2
    assert "does not list the files of its run" in capsys.readouterr().err


def test_two_records_are_compared(results, capsys):
    words = ("--process", "remove_plane;gaussian_filter:sigma=0.6", "-s", STEPS, "--no-gif")
    assert call("analyze", "data/m.asd", *words, "-o", "results/two") == 0
    capsys.readouterr()
    assert call("diff", results, "results/two") == 1
    said = capsys.readouterr().out
    assert "processing: step 2 (gaussian_filter).sigma: 0.5 and 0.6, by 0.1" in said
    assert "results: step_1_feature_detection.table.height_nm" in said
    assert "input" not in said.replace("input: checksum", "")
    assert call("diff", results, results) == 0


def test_differences_of_all_kinds():
    table = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]})
    other = pd.DataFrame({"a": [1.5, np.nan], "b": ["x", "z"]})
    assert list(differences(table, table.copy())) == []
    assert list(differences(table, other)) == [
        ("a", "1 of 2 values differ, by 0.5 at most"),
        ("b", "1 of 2 values differ"),
    ]
    assert list(differences({"t": table}, {"t": table[:1]})) == [("t", "2 and 1 rows")]
    assert list(differences({"a": 1, "b": 2}, {"a": 1, "c": 2})) == [
        ("b", "only in the first"),
        ("c", "only in the second"),
    ]
    assert list(differences(float("nan"), float("nan"))) == []
    assert list(differences([1, 2.0], [1, np.inf])) == [("", "1 of 2 values differ, by infinity or NaN")]
    assert list(differences(np.zeros(2), np.zeros(3))) == [("", "shapes (2,) and (3,)")]
    assert list(differences(np.zeros(2), np.zeros(2, int))) == [("", "values of the types float64 and int64")]
    assert list(differences([{"x": "a"}], [{"x": None}])) == [("x[0]", "'a' and None")]


def test_a_pipeline_file_names_channel_and_pixels(results, make_spots, tmp_path, capsys):
    written = yaml.safe_load((results / "pipeline.yaml").read_text())
    assert written["input"] == {
        "channel": "height_trace",
        "pixel_size_nm": [2.0, 2.0],
        "pixel_size_from": "file",
        "frames": {"first": 0, "step": 1, "count": 6, "of": 6},
        "reader_options": {},
    }
    written["input"] |= {"frames": {"first": 1, "step": 2, "count": 2, "of": 6}}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(written))
    write_asd(tmp_path / "n.asd", make_spots()[0], pixel_size_nm=3.0, frame_time_s=0.5)
    assert call("analyze", "n.asd", "-p", "p.yaml", "-o", "again", "--no-gif") == 0
    warning = "the pixels are 3 x 3 nm, those of the movie of the pipeline were 2 x 2"
    assert warning in capsys.readouterr().err
    record = read_record("again")
    assert warning in record["provenance"]["warnings"][0]
    assert record["provenance"]["input"]["frames"] == {"first": 1, "step": 2, "count": 2, "of": 6}
    assert record["provenance"]["frame_times"] == [0.5, 1.5]
    assert call("replay", "again") == 0
    written["input"]["channel"] = "phase"
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(written))
    assert call("analyze", "n.asd", "-p", "p.yaml", "-o", "third", "--no-gif") == 2
    assert "phase" in capsys.readouterr().err
    for wrong in ({"chanel": "a"}, {"channel": 1}, {"frames": {"first": 0.5}}, 3):
        (tmp_path / "p.yaml").write_text(yaml.safe_dump(written | {"input": wrong}))
        assert call("analyze", "n.asd", "-p", "p.yaml", "-o", "fourth") == 2
        assert "input" in capsys.readouterr().err


def test_a_movie_that_changes_during_the_run(results, monkeypatch, capsys):
    from playNano.cli import job

    def touch(stack, plan, folder, **options):
        made = job_analyze(stack, plan, folder, **options)
        movie = results.parents[1] / "data" / "m.asd"
        movie.write_bytes(movie.read_bytes() + b"more")
        return made

    job_analyze = job.analyze_stack
    monkeypatch.setattr(job, "analyze_stack", touch)
    assert call("analyze", "data/m.asd", "-s", "count_nonzero", "--no-gif", "-o", "two") == 2
    assert "m.asd: the file was replaced or changed after it was read" in capsys.readouterr().err
    assert not (results.parents[1] / "two").exists()


def test_a_default_analysis_repeats_as_identical(results, capsys):
    assert call("analyze", "data/m.asd", "--no-gif", "-o", "results/default") == 0
    capsys.readouterr()
    assert call("replay", "results/default") == 0
    assert "identical" in capsys.readouterr().out
    first = read_record("results/default")
    step = next(key for key, out in first["analysis"].items() if "detected_as" in out.get("summary", {}))
    # Only the reason in a step's summary is left out of the comparison.
    assert list(differences({"detected_as": 1}, {"detected_as": 2}))
    changed = {
        **first,
        "analysis": {**first["analysis"], step: {**first["analysis"][step], "detected_as": 2}},
    }
    assert [d.where for d in compare_records(first, changed)] == [f"{step}.detected_as"]


def interrupt(folder, *, moved=3):
    """Leave a folder as a run does that is killed while it moves its files: the record is the last."""
    names = sorted(path.name for path in folder.iterdir())
    hidden = folder / ".playnano-run-0123abcd"
    hidden.mkdir()
    for name in [*[name for name in names if name != "record.json"][moved:], "record.json"]:
        (folder / name).rename(hidden / name)
    journal = {"from": hidden.name, "remove": [], "add": names, "record": "record.json"}
    (folder / ".playnano-journal.json").write_text(json.dumps(journal))
    return names


def test_readers_complete_an_interrupted_move(results, tmp_path):
    for words in (["verify"], ["replay"], ["diff", results], ["crate", "-o", "c"]):
        names = interrupt(results)
        assert call(words[0], results, *words[1:]) == 0
        assert sorted(path.name for path in results.iterdir()) == names
    interrupt(results)
    assert is_result_folder(results)  # for `playnano validate`
    assert sorted(path.name for path in results.iterdir()) == names


def test_a_movie_of_an_interrupted_run(results, capsys):
    assert call("process", "data/m.asd", "-s", "zero_mean", "--no-gif", "-o", "done") == 0
    interrupt(results.parents[1] / "done", moved=0)
    assert call("info", "done/processed.h5") == 0


def test_folders_without_a_record(results, capsys, monkeypatch):
    from playNano.core import result_folder

    interrupt(results)
    (results / ".playnano-journal.json").unlink()
    assert call("verify", results) == 2
    assert "has not finished, or was killed; then run it again" in capsys.readouterr().err
    assert call("batch", "data/m.asd", "-s", "count_nonzero", "-o", "all") == 0
    assert call("verify", "all") == 2
    assert "give the folder of one of its movies" in capsys.readouterr().err
    assert call("verify", "data") == 2
    assert (
        "record.json does not exist: data is no result of an analysis; it contains m.asd\n"
        in capsys.readouterr().err
    )
    assert call("analyze", "data/m.asd", "-s", "count_nonzero", "--no-gif", "-o", "read_only") == 0
    interrupt(results.parents[1] / "read_only")

    def refuse(*given):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(result_folder, "_move", refuse)
    assert call("verify", "read_only") == 2
    assert (
        "interrupted while its files were put in place, and they cannot be moved now"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("command", ["verify", "replay", "diff", "validate"])
def test_folders_of_records(results, command, capsys, tmp_path):
    more = [results] if command == "diff" else []
    shutil.copytree(results, tmp_path / "batch" / "two")
    shutil.copytree(results, tmp_path / "batch" / "one")
    (tmp_path / "batch" / "batch.json").write_text('{"files": []}')
    assert call(command, tmp_path / "batch", *more) == 2
    said = capsys.readouterr().err
    assert "contains the results of a batch; give the folder of one of its movies: " in said
    assert said.index(str(tmp_path / "batch" / "one")) < said.index(str(tmp_path / "batch" / "two"))
    assert call(command, tmp_path / "nothing", *more) == 2
    said = capsys.readouterr().err
    assert "does not exist" in said or "there is no such file" in said


def test_what_is_in_a_folder_without_a_record(results, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    assert call("verify", tmp_path / "empty") == 2
    assert "is empty" in capsys.readouterr().err
    assert call("verify", tmp_path / "data") == 2
    assert "is no result of an analysis; it contains m.asd" in capsys.readouterr().err
    assert call("replay", tmp_path / "results") == 2
    assert f"records are in {results}" in capsys.readouterr().err
