"""`playnano warm-up` says what became of the compiled code."""

import subprocess

import pytest

from playNano import _jit
from playNano.cli import warm_up
from playNano.cli.compiling import report_compiling
from playNano.errors import PlayNanoError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "kernels"
    folder.mkdir()
    monkeypatch.setattr(_jit, "kernel_cache_folder", lambda: folder)
    return folder


def started(monkeypatch, code=0, errors="", make=None):
    class Process:
        returncode = code

        def __init__(self, command, **options):
            if make is not None:
                make.write_bytes(b"")

        def communicate(self):
            return None, errors

    monkeypatch.setattr(subprocess, "Popen", Process)


@pytest.mark.parametrize("processes", [1, 2])
def test_it_says_whether_anything_was_compiled(cache, monkeypatch, capsys, processes):
    started(monkeypatch, make=cache / "a.nbc")
    warm_up.run_warm_up(processes)
    assert capsys.readouterr().out.startswith("compiled in ")
    warm_up.run_warm_up(processes)
    assert capsys.readouterr().out.startswith("compiled already")


def test_it_does_not_claim_what_is_not_there(cache, monkeypatch):
    started(monkeypatch)
    with pytest.raises(PlayNanoError, match=r"nothing was compiled into .*NUMBA_DISABLE_JIT"):
        warm_up.run_warm_up()


def test_a_part_whose_result_cannot_be_kept_fails(cache, monkeypatch):
    monkeypatch.setitem(warm_up.PARTS, "detection", lambda: None)
    warm_up.run_part("detection")
    monkeypatch.setitem(_jit.not_kept, "playNano.kernel", "[Errno 28] No space left on device")
    with pytest.raises(
        SystemExit, match=r"1 compiled functions cannot be kept .*No space left.*PLAYNANO_CACHE_DIR"
    ):
        warm_up.run_part("detection")


def test_a_kernel_that_cannot_be_kept_is_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(_jit, "not_kept", {})
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(_jit, "kernel_cache_folder", lambda: tmp_path / "file" / "kernels")
    assert not _jit.can_keep()

    def plus_one(x):
        return x + 1

    kernel = _jit.jit(plus_one)
    kernel._cache = _jit.KernelCache(plus_one)
    assert kernel(2) == 3
    assert list(_jit.not_kept) == [kernel._cache._name]


def test_the_sign_of_life_promises_only_what_is_kept(cache, monkeypatch, capsys):
    texts = {True: "once: later runs load the result", False: "PLAYNANO_CACHE_DIR must be a folder"}
    for can_keep, expected in texts.items():
        monkeypatch.setattr(_jit, "can_keep", lambda can=can_keep: can)
        with report_compiling(["detection"]):
            _jit._listeners[-1]("playNano.algorithms.regions._label_kernels.label_runs")
        assert expected in " ".join(capsys.readouterr().err.split())
