"""A file is replaced whole or not at all."""

import errno
import os
import subprocess
import sys

import pytest

from playNano.core.files import atomic_write, temporary_path


def test_a_new_file_in_a_new_folder(tmp_path):
    path = tmp_path / "a" / "b" / "out.txt"
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")

    def write():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_write("out.txt") as temporary:
        temporary.write_text("here")
    assert (tmp_path / "out.txt").read_text() == "here"


def test_a_folder_cannot_be_replaced(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"), atomic_write(tmp_path):
        pass


def test_nothing_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "out.txt"):
        pass


def test_what_killed_processes_left_is_removed(tmp_path):
    """Temporary files of processes that have ended are removed by the next write of the same file, others stay."""
    target = tmp_path / "out.csv"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = temporary_path(target).name
    assert mine.startswith(".out-")
    assert mine.endswith(f"~{os.getpid()}.csv")
    stale = tmp_path / mine.replace(f"~{os.getpid()}.", f"~{ended.pid}.")
    alive = tmp_path / mine
    elsewhere = tmp_path / f".out-12345678~00000000~{ended.pid}.csv"
    old = tmp_path / f".out-12345679~00000000~{ended.pid}.csv"
    other = tmp_path / stale.name.replace(".out-", ".other-")
    for path in (stale, alive, elsewhere, old, other):
        path.write_text("half")
    os.utime(old, (0, 0))
    with atomic_write(target) as temporary:
        temporary.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", alive.name, elsewhere.name, other.name}


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match="No space") as caught, atomic_write(tmp_path / "out.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.__notes__ == [f"writing {tmp_path / 'out.csv'}"]
