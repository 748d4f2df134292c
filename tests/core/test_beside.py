"""Functions called in another process."""

import os
import signal
from pathlib import Path

import pytest

from playNano.core.beside import CAN_START, Beside, helps


def write(path, text):
    Path(path).write_text(f"{text} {os.getpid()}")


def fail(path):
    raise FileNotFoundError(2, "not there", path)


class UnsentError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


def fail_without_pickle():
    raise UnsentError("a", "b")


def end():
    os._exit(3)


def test_the_function_runs_elsewhere_and_takes_its_time_along(tmp_path):
    wall, cpu = Beside(write, tmp_path / "a", "x" * 1_000_000).result()
    text, process = (tmp_path / "a").read_text().split()
    assert len(text) == 1_000_000
    assert int(process) != os.getpid()
    assert wall > 0
    assert cpu > 0


def test_its_exception_is_raised_here():
    with pytest.raises(FileNotFoundError, match="not there"):
        Beside(fail, "x.gif").result()


def test_an_exception_that_cannot_be_sent_is_no_answer():
    assert Beside(fail_without_pickle).result() is None


def test_a_process_that_ends_without_answer_is_no_hang():
    assert Beside(end).result() is None
    task = Beside(signal.pause) if hasattr(signal, "pause") else Beside(end)
    task._process.kill()
    assert task.result() is None


def test_what_cannot_be_pickled_is_no_hang():
    assert Beside(lambda: None).result() is None
    assert Beside(write, "never", lambda: None).result() is None


def test_it_can_be_stopped():
    task = Beside(write, "never", "x" * 50_000_000)
    task.stop()
    assert not task._process.is_alive()


def test_only_the_command_starts_processes(monkeypatch):
    assert not helps()
    token = CAN_START.set(True)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 2, raising=False)
    assert helps()
    monkeypatch.setattr(os, "process_cpu_count", lambda: 1, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert not helps()
    CAN_START.reset(token)
