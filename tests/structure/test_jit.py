"""The cache of compiled code belongs to the present source of all kernels."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import playNano
from playNano import _jit

CALL = "from copied.user_kernels import total; print(total(3))"
SOURCES = {
    "__init__.py": "",
    "base_kernels.py": "from copied._jit import jit\n\n@jit\ndef factor():\n    return 10\n",
    "user_kernels.py": (
        "from copied._jit import jit\nfrom copied.base_kernels import factor\n\n"
        "@jit\ndef total(n):\n    return n * factor()\n"
    ),
}


@pytest.fixture
def copied(tmp_path):
    package = tmp_path / "copied"
    package.mkdir()
    for name, text in SOURCES.items():
        (package / name).write_text(text)
    shutil.copy(_jit.__file__, package / "_jit.py")
    return package


def run(package, cache, code=CALL, **env):
    env = {**os.environ, "PYTHONPATH": str(package.parent), "PLAYNANO_CACHE_DIR": str(cache), **env}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    return done.stdout.strip()


def test_an_edited_callee_in_another_file_is_seen(copied, tmp_path):
    cache = tmp_path / "cache"
    assert run(copied, cache) == "30"
    files = {p: p.stat().st_mtime_ns for p in cache.rglob("*.nbc")}
    assert len(files) == 2
    elsewhere = shutil.copytree(copied, tmp_path / "elsewhere" / "copied")
    assert run(elsewhere, cache) == "30"
    assert {p: p.stat().st_mtime_ns for p in cache.rglob("*.nbc")} == files, "a copy elsewhere loads them"
    source = copied / "base_kernels.py"
    source.write_text(source.read_text().replace("10", "11"))
    assert run(copied, cache) == "33"


def test_a_listener_hears_of_each_kernel(copied, tmp_path):
    code = f"import copied._jit as j\nwith j.on_compile(print):\n    {CALL.replace('; ', chr(10) + '    ')}"
    said = run(copied, tmp_path / "cache", code).split()
    assert said == ["copied.user_kernels.total", "copied.base_kernels.factor", "30"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of another kind")
def test_a_folder_that_cannot_be_written_costs_nothing_but_time(copied, tmp_path):
    cache = tmp_path / "file"
    cache.write_text("not a folder")
    assert run(copied, cache) == "30"


def test_a_damaged_file_is_made_anew(copied, tmp_path):
    cache = tmp_path / "cache"
    run(copied, cache)
    for path in cache.rglob("*.nbc"):
        path.write_bytes(path.read_bytes()[:-100])
    assert run(copied, cache) == "30"


def test_processes_side_by_side(copied, tmp_path):
    code = "import sys\nfrom copied.user_kernels import total\nprint(total(3.0 if sys.argv[1] == 'f' else 3))"
    env = {**os.environ, "PYTHONPATH": str(copied.parent), "PLAYNANO_CACHE_DIR": str(tmp_path / "cache")}
    jobs = [
        subprocess.Popen([sys.executable, "-c", code, kind], stdout=subprocess.PIPE, text=True, env=env)
        for kind in "fi"
    ]
    assert [job.communicate()[0].strip() for job in jobs] == ["30.0", "30"]
    assert len(list((tmp_path / "cache").rglob("*total-*.nbc"))) == 2
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_old_caches_go(copied, tmp_path):
    kernels = tmp_path / "cache" / "kernels"
    old, recent = kernels / "numba-0-old", kernels / "numba-0-recent"
    for folder in (old, recent):
        folder.mkdir(parents=True)
        (folder / "f.nbc").write_bytes(b"")
    long_ago = time.time() - (_jit.KEPT_DAYS + 1) * 86_400
    os.utime(old, (long_ago, long_ago))
    run(copied, tmp_path / "cache")
    assert not old.exists()
    assert recent.exists()


def test_the_key_knows_every_kernel_of_the_package():
    package = Path(playNano.__file__).parent
    sources = _jit.kernel_sources(package)
    with_kernels = [p for p in package.rglob("*.py") if "\n@jit" in p.read_text() and p.name != "_jit.py"]
    assert with_kernels
    assert set(with_kernels) <= set(sources)


def test_a_literal_is_no_second_version():
    @_jit.jit
    def shifted(x, by):
        return x + by

    @_jit.jit
    def both(x):
        return shifted(x, 1) + shifted(x, x)

    assert both(2) == 7
    assert len(shifted.signatures) == 1


def test_plain_python_where_compiling_is_off(copied, tmp_path):
    assert run(copied, tmp_path / "cache", NUMBA_DISABLE_JIT="1") == "30"
    assert not list((tmp_path / "cache").rglob("*.nbc"))


def test_where_the_cache_lies(monkeypatch):
    monkeypatch.setenv("PLAYNANO_CACHE_DIR", "/somewhere")
    assert _jit.cache_root() == Path("/somewhere")
    monkeypatch.delenv("PLAYNANO_CACHE_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert _jit.cache_root() == Path("/caches/playNano")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert _jit.cache_root() == Path.home() / "Library" / "Caches" / "playNano"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert _jit.cache_root() == Path("/local/playNano/Cache")


def test_a_file_with_one_altered_byte_is_made_anew(copied, tmp_path):
    cache = tmp_path / "cache"
    run(copied, cache)
    for path in cache.rglob("*.nbc"):
        whole = bytearray(path.read_bytes())
        for at in range(len(whole) // 2, len(whole), 50):
            whole[at] ^= 0x5A
        path.write_bytes(bytes(whole))
    assert run(copied, cache) == "30"


def test_an_edit_while_the_process_runs_is_not_kept_under_the_new_name(copied, tmp_path):
    cache = tmp_path / "cache"
    source = copied / "base_kernels.py"
    edit = (
        "import pathlib\nfrom copied.user_kernels import total\n"
        f"path = pathlib.Path({str(source)!r})\npath.write_text(path.read_text().replace('10', '11'))\n"
        "print(total(3))"
    )
    assert run(copied, cache, edit) == "30"
    assert run(copied, cache) == "33"


def test_a_reloaded_source_is_compiled_anew(copied, tmp_path):
    cache = tmp_path / "cache"
    source = copied / "base_kernels.py"
    code = (
        "import importlib, pathlib, copied.base_kernels as base\nfirst = base.factor()\n"
        f"path = pathlib.Path({str(source)!r})\npath.write_text(path.read_text().replace('10', '111'))\n"
        "importlib.reload(base)\nprint(first, base.factor())"
    )
    assert run(copied, cache, code) == "10 111"


def test_a_folder_deleted_while_running_is_made_again(copied, tmp_path):
    cache = tmp_path / "cache"
    code = (
        "import shutil\nfrom copied.user_kernels import total\ntotal(3)\n"
        f"shutil.rmtree({str(cache)!r})\nprint(total(3.0))"
    )
    assert run(copied, cache, code) == "30.0"
    assert len(list(cache.rglob("*.nbc"))) == 1


def test_only_caches_of_numba_are_deleted(copied, tmp_path):
    other = tmp_path / "cache" / "kernels" / "linux-6.1"
    other.mkdir(parents=True)
    long_ago = time.time() - (_jit.KEPT_DAYS + 1) * 86_400
    os.utime(other, (long_ago, long_ago))
    run(copied, tmp_path / "cache")
    assert other.exists()


def test_a_relative_folder_stays_where_it_is(copied, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    code = (
        "import os\nfrom copied.user_kernels import total\ntotal(3)\nos.chdir('elsewhere')\nprint(total(3.0))"
    )
    assert run(copied, "cache", code) == "30.0"
    assert len(list((tmp_path / "cache").rglob("*.nbc"))) == 3
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_sign_of_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLAYNANO_CACHE_DIR", "~/cache")
    assert _jit.cache_root() == tmp_path / "cache"


def test_a_user_without_a_home_folder(copied, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("PLAYNANO_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    with pytest.raises(OSError, match=r"."):
        _jit.cache_root().mkdir(parents=True)
