"""Folders of results: one run, replaced as a whole, whatever interrupts it."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from playNano.core import result_folder as of
from playNano.core.result_folder import (
    clear_results,
    complete,
    finish_move,
    holder_of,
    is_unfinished,
    result_folder,
)
from playNano.errors import ParameterError, ResultFolderError


class Killed(BaseException):
    """Ends a run at any point, as SIGKILL would."""


def write(folder, text, names=("a.csv", "b.csv"), store=True, **options):
    with result_folder(folder, **options) as run:
        for name in names:
            (run.path / name).write_text(text)
        if store:
            (run.path / "store.zarr").mkdir()
            (run.path / "store.zarr" / "0").write_text(text)
        (run.path / "record.json").write_text(json.dumps({"provenance": {"files": run.files()}, "run": text}))
    return run.target


def visible(folder):
    return {
        str(p.relative_to(folder)): p.read_text()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not str(p.relative_to(folder)).startswith(".")
    }


def is_whole(folder):
    """Return whether all files that the record lists exist with their checksums."""
    files = json.loads((folder / "record.json").read_text())["provenance"]["files"]
    return all(
        of.sha256_of(folder / entry["name"]) == entry["sha256"]
        and of.size_in_bytes(folder / entry["name"]) == entry["bytes"]
        for entry in files
    )


def test_a_run_appears_as_a_whole(tmp_path):
    out = tmp_path / "deep" / "out"
    with result_folder(out) as run:
        (run.path / "a.csv").write_text("1")
        assert not list(out.glob("[!.]*"))
        (run.path / "record.json").write_text("{}")
    assert {p.name for p in out.iterdir()} == {"a.csv", "record.json"}
    assert holder_of(out) == out / "record.json"


def test_the_checksums_are_those_of_sha256sum(tmp_path):
    write(tmp_path, "one")
    (entry,) = [
        e
        for e in json.loads((tmp_path / "record.json").read_text())["provenance"]["files"]
        if e["name"] == "a.csv"
    ]
    assert entry == {
        "name": "a.csv",
        "bytes": 3,
        "sha256": "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
    }


def test_a_second_run_is_refused_and_changes_nothing(tmp_path):
    write(tmp_path, "one")
    before = visible(tmp_path)
    with pytest.raises(
        ResultFolderError, match=r"contains the results of another run \(record.json\).*--overwrite"
    ):
        write(tmp_path, "two")
    assert visible(tmp_path) == before
    with pytest.raises(ParameterError, match="refuse, overwrite, new"):
        write(tmp_path, "two", existing="merge")


def test_overwriting_removes_what_the_record_lists_and_nothing_else(tmp_path):
    write(tmp_path, "one", names=("a.csv", "old.csv"))
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "movie.asd").write_text("raw")
    write(tmp_path, "two", existing="overwrite", store=False)
    assert set(visible(tmp_path)) == {"a.csv", "b.csv", "record.json", "mine.txt", "data/movie.asd"}
    assert (tmp_path / "a.csv").read_text() == "two"
    assert is_whole(tmp_path)


def test_numbered_folders(tmp_path):
    assert [write(tmp_path / "out", "one", existing="new").name for _ in range(3)] == [
        "out",
        "out-2",
        "out-3",
    ]


def test_a_file_of_the_user_is_never_replaced(tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(ResultFolderError, match=r"a\.csv exists and belongs to no run"):
        write(tmp_path, "one")
    assert visible(tmp_path) == {"a.csv": "mine"}
    with (
        pytest.raises(ResultFolderError, match="belongs to no run"),
        result_folder(tmp_path, reserved=["a.csv"]),
    ):
        raise AssertionError("noticed only after the work")


@pytest.mark.parametrize("text", ["{", "[]", '{"provenance": {}}', '{"provenance": {"files": [{"name": "../x"}]}}',
                                  '{"files": [{"name": "a/b"}]}', '{"files": [{"name": ".."}]}'])  # fmt: skip
def test_a_record_that_lists_no_files(tmp_path, text):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "x").write_text("kept")
    (out / "record.json").write_text(text)
    with pytest.raises(ResultFolderError, match=r"does not list the files|is damaged"):
        write(out, "two", existing="overwrite")
    assert visible(tmp_path) == {"x": "kept", "out/record.json": text}


def test_a_failing_run_leaves_no_trace(tmp_path):
    with pytest.raises(ZeroDivisionError), result_folder(tmp_path / "a" / "b") as run:
        (run.path / "a.csv").write_text("1")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "out", "one")
    before = visible(tmp_path)
    with pytest.raises(ZeroDivisionError), result_folder(tmp_path / "out", existing="overwrite"):
        raise ZeroDivisionError
    assert visible(tmp_path) == before
    assert not list((tmp_path / "out").glob(".*"))


def kill_at(monkeypatch, count, sudden):
    """Let the operation number `count` on a file or folder end the run; if `sudden`, nothing is cleaned up."""
    done = [0]

    def guarded(function):
        def call(*args, **kwargs):
            done[0] += 1
            if done[0] == count or (sudden and done[0] > count):
                raise Killed
            return function(*args, **kwargs)

        return call

    for name in ("rename", "unlink", "replace", "mkdir"):
        monkeypatch.setattr(Path, name, guarded(getattr(Path, name)))
    monkeypatch.setattr(of.shutil, "rmtree", guarded(of.shutil.rmtree))
    return done


@pytest.mark.parametrize("sudden", [True, False], ids=["killed", "interrupted"])
def test_a_kill_between_any_two_operations(tmp_path, monkeypatch, sudden):
    """A folder that has a record is complete; the next command completes or removes what was begun."""
    states = set()
    for count in range(1, 60):
        out = tmp_path / str(count) / "out"
        write(out, "one", names=("a.csv", "old.csv"))
        (out / "mine.txt").write_text("mine")
        with monkeypatch.context() as patch:
            done = kill_at(patch, count, sudden)
            # What is cleaned up after an exception stays after a kill.
            patch.setattr(of, "_locked", lambda folder: of.suppress())
            try:
                write(out, "two", existing="overwrite")
            except Killed:
                pass
            else:
                assert done[0] < count
                break
        if (out / "record.json").exists():
            assert is_whole(out)
            text = json.loads((out / "record.json").read_text())["run"]
            assert set(visible(out).values()) - {"mine"} - {(out / "record.json").read_text()} == {text}
        if (out / of._JOURNAL).exists():
            finish_move(out)  # what commands that read results do
            assert is_whole(out)
        complete(out)
        assert is_whole(out)
        states.add(json.loads((out / "record.json").read_text())["run"])
        assert "mine.txt" in visible(out)
        assert not list(out.glob(".*"))
        write(out, "three", existing="overwrite")
        assert is_whole(out)
    assert count > 12
    assert states == {"one", "two"}


def test_readers_do_not_disturb_a_run(tmp_path):
    write(tmp_path, "one")
    with result_folder(tmp_path, existing="overwrite") as run:
        (run.path / "a.csv").write_text("two")
        finish_move(tmp_path)
        assert is_unfinished(tmp_path)
        assert (run.path / "a.csv").exists()
        assert is_whole(tmp_path)
        (run.path / "record.json").write_text(json.dumps({"run": "two", "files": []}))
    assert not is_unfinished(tmp_path)


def test_what_killed_runs_left_is_removed(tmp_path):
    stale = tmp_path / ".playnano-run-12345678"
    stale.mkdir()
    (stale / "a.csv").write_text("half")
    (tmp_path / ".playnano-lock").write_text("")
    write(tmp_path, "one")
    assert not list(tmp_path.glob(".*"))


def test_two_runs_at_once(tmp_path):
    with result_folder(tmp_path) as run:
        with pytest.raises(ResultFolderError, match="in use by another run"):
            write(tmp_path, "two", existing="overwrite")
        code = (
            "import sys; from playNano.core.result_folder import result_folder\n"
            "with result_folder(sys.argv[1]) as run: pass"
        )
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert "in use by another run" in other.stderr
        assert run.path.is_dir()
        (run.path / "record.json").write_text('{"files": []}')
    assert {p.name for p in tmp_path.iterdir()} == {"record.json"}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"),
                                   OSError("Unable to write (errno = 28, 'No space left on device')")])  # fmt: skip
def test_a_full_disk_names_the_folder(tmp_path, error):
    write(tmp_path / "out", "one")
    before = visible(tmp_path)
    with (
        pytest.raises(ResultFolderError, match=r"out: the disk is full; earlier results"),
        result_folder(tmp_path / "out", existing="overwrite"),
    ):
        raise error
    assert visible(tmp_path) == before


def test_folders_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultFolderError, match=r"cannot write results to .*file.out"):
        write(tmp_path / "file" / "out", "one")

    def refuse(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ResultFolderError, match=r"cannot write results to .*new: Permission denied"):
        write(tmp_path / "new", "one")
    assert not (tmp_path / "new").exists()


def test_clearing(tmp_path):
    out = tmp_path / "out"
    write(out, "one")
    (out / "mine.txt").write_text("mine")
    clear_results(out)
    assert visible(out) == {"mine.txt": "mine"}
    (out / "mine.txt").unlink()
    clear_results(out)
    assert not out.exists()
