"""The folder of the step cache: bounded, shared by processes, and never wrong."""

import errno
import multiprocessing
import os
import warnings

import h5py
import numpy as np
import pytest

from playNano.core import build, step_cache
from playNano.core.step_cache import StepCache, key_of
from playNano.errors import ParameterError, PlayNanoWarning

VALUE = {"a": [1, 2.5, "x", None], "array": np.arange(2000, dtype=np.int16), "pair": (1, {"k": True})}


def entry(cache, number, n_values=1000):
    """Keep an entry of 8 bytes a value, used at second `number`."""
    path = cache.put(f"{number:064d}", {}, np.random.default_rng(number).normal(size=(1, 1, n_values)))
    os.utime(path, (number, number))
    return path


def test_values_come_back_with_their_types(tmp_path):
    cache = StepCache(tmp_path / "new" / "folder")
    pixels = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    path = cache.put("a" * 64, VALUE, pixels)
    assert cache.entries() == [path]
    value = cache.get("a" * 64)
    assert (value["a"], value["pair"]) == (VALUE["a"], VALUE["pair"])
    assert value["array"].dtype == np.int16
    assert (value["array"] == VALUE["array"]).all()
    assert value["pixels"].dtype == np.float32
    assert value["pixels"].tobytes() == pixels.tobytes()
    value["pixels"][:] = 0
    assert cache.get("a" * 64)["pixels"].any()
    assert cache.get("b" * 64) is None
    assert cache.get(None) is None
    assert cache.put(None, VALUE) is None


@pytest.mark.parametrize("place", [0, 600, 9000, -1])
def test_a_damaged_entry_is_removed(tmp_path, place):
    cache = StepCache(tmp_path)
    path = cache.put("a" * 64, VALUE, np.ones((2, 30, 30)))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert cache.get("a" * 64) is None
    assert not path.exists()
    cache.put("a" * 64, VALUE)
    assert cache.get("a" * 64) is not None


def test_an_entry_that_is_cut_off_is_removed(tmp_path):
    cache = StepCache(tmp_path)
    for n in (0, 100):
        path = cache.put("a" * 64, VALUE)
        path.write_bytes(path.read_bytes()[:n])
        assert cache.get("a" * 64) is None
        assert list(tmp_path.iterdir()) == []


def test_what_was_not_used_for_longest_is_removed(tmp_path):
    cache = StepCache(tmp_path)
    cache.max_bytes = 3.5 * entry(cache, 1).stat().st_size
    (tmp_path / "mine.h5").write_bytes(b"x" * 100_000)
    first, second, third = cache.entries()[0], entry(cache, 2), entry(cache, 3)
    assert cache.get("1".zfill(64)) is not None  # now the one used last
    fourth = entry(cache, 4)
    assert first.exists()
    assert third.exists()
    assert fourth.exists()
    assert not second.exists()
    assert sum(path.stat().st_size for path in cache.entries()) <= cache.max_bytes
    assert (tmp_path / "mine.h5").exists()


def test_a_result_larger_than_the_cache_is_not_kept(tmp_path):
    cache = StepCache(tmp_path, max_bytes=10_000)
    assert cache.put("a" * 64, {}, np.zeros((1, 100, 100))) is None
    assert cache.put("a" * 64, {"noise": np.random.default_rng(0).normal(size=5000)}) is None
    assert list(tmp_path.iterdir()) == []


def test_the_size_is_of_the_environment(tmp_path, monkeypatch):
    assert StepCache(tmp_path).max_bytes == 5e9
    monkeypatch.setenv("PLAYNANO_CACHE_GB", "0.25")
    assert StepCache(tmp_path).max_bytes == 2.5e8
    assert StepCache(tmp_path, 7).max_bytes == 7
    for wrong in ("much", "0", "-1", "nan"):
        monkeypatch.setenv("PLAYNANO_CACHE_GB", wrong)
        with pytest.raises(ParameterError, match="PLAYNANO_CACHE_GB must be a number of GB"):
            StepCache(tmp_path)
    with pytest.raises(ParameterError, match="max_bytes"):
        StepCache(tmp_path, 0)


def test_a_full_disk_is_a_warning(tmp_path, monkeypatch):
    cache = StepCache(tmp_path)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(h5py, "File", full)
    with pytest.warns(PlayNanoWarning, match="a step was not kept in .*No space left"):
        assert cache.put("a" * 64, VALUE) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        StepCache(tmp_path / "file")


def test_an_entry_that_another_process_removes(tmp_path, monkeypatch):
    cache = StepCache(tmp_path)
    path = cache.put("a" * 64, VALUE)
    digest = step_cache._digest

    def then_gone(given):
        result = digest(given)
        given.unlink()
        return result

    monkeypatch.setattr(step_cache, "_digest", then_gone)
    assert cache.get("a" * 64) is None
    assert not path.exists()


def work(folder, seed):
    """Read and write entries of three keys, whose value belongs to the key; return the number of wrong values."""
    cache = StepCache(folder, max_bytes=60_000)
    wrong = 0
    for n in range(40):
        number = (n * 7 + seed) % 3
        key = f"{number:064d}"
        value = cache.get(key)
        if value is None:
            cache.put(key, {"number": number}, np.full((1, 50, 50), float(number)))
        else:
            wrong += value["number"] != number or not (value["pixels"] == number).all()
    return wrong


def test_processes_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pool.starmap(work, [(tmp_path, seed) for seed in range(3)]) == [0, 0, 0]
    assert not list(tmp_path.glob(".*"))


def test_keys():
    first = key_of(kind="k", pixels="sha256:1", steps=[["level", "1.0", {"objects": "up"}]])
    assert first == key_of(steps=[["level", "1.0", {"objects": "up"}]], pixels="sha256:1", kind="k")
    others = [
        key_of(kind="j", pixels="sha256:1", steps=[["level", "1.0", {"objects": "up"}]]),
        key_of(kind="k", pixels="sha256:2", steps=[["level", "1.0", {"objects": "up"}]]),
        key_of(kind="k", pixels="sha256:1", steps=[["level", "1.1", {"objects": "up"}]]),
        key_of(kind="k", pixels="sha256:1", steps=[["level", "1.0", {"objects": None}]]),
    ]
    assert len({first, *others}) == 5
    assert key_of(value=1) != key_of(value=1.0) != key_of(value=True)
    assert key_of(value=object()) is None


def test_the_code_is_part_of_the_key(monkeypatch):
    before = key_of(value=1)
    step_cache._code.cache_clear()
    monkeypatch.setattr(step_cache, "source_hash", lambda: "other sources")
    assert key_of(value=1) not in (before, None)
    step_cache._code.cache_clear()
    monkeypatch.setattr(step_cache, "source_hash", lambda: None)
    assert key_of(value=1) is None
    step_cache._code.cache_clear()


def test_the_hash_of_sources(tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1")
        os.utime(tmp_path / name, (1, 1))
    source_hash = build.source_hash.__wrapped__
    before = source_hash(tmp_path)
    assert source_hash(tmp_path) == before
    (tmp_path / "b.py").write_text("x = 2")
    assert source_hash(tmp_path) is None  # changed since this process began
    os.utime(tmp_path / "b.py", (1, 1))
    assert source_hash(tmp_path) not in (before, None)
