"""Compile functions with numba, with an on-disk cache that is keyed by the content of the kernel sources.

Numba's own cache checks only the file of a function itself: after an edit of a function that it calls in another file,
it keeps running the old code. Here the cache of all kernels is keyed by the content of every kernel source of the
package and by the version of numba, so that any edit causes recompilation.

A kernel source is a file whose name ends in ``_kernels.py``, or any file in a folder ``_kernels``. Kernels import
constants and functions from kernel sources only.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numba
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher
from numba.core.types import unliteral  # type: ignore[attr-defined]

PACKAGE = Path(__file__).parent
KEPT_DAYS = 30
"""Caches of other sources or versions of numba are deleted when unused for this number of days."""

_DIGEST_BYTES = hashlib.sha256().digest_size

_listeners: list[Callable[[str], None]] = []

not_kept: dict[str, str] = {}
"""Full name of a kernel -> why its compiled form could not be kept, of those that this process has compiled."""


def jit(function: Any = None, **options: Any) -> Any:
    """Compile a function when it is first called, and cache the result on disk.

    The global interpreter lock is released while the function runs.

    Parameters
    ----------
    function
        A function of arrays and numbers, as `numba.njit` accepts it.
    **options
        Additional options of `numba.njit`.

    Examples
    --------
    >>> @jit
    ... def twice(x):
    ...     return 2 * x
    >>> twice(21)
    42
    """
    if function is None:
        return lambda decorated: jit(decorated, **options)
    compiled = numba.njit(nogil=True, **options)(function)
    if isinstance(compiled, Dispatcher):  # not where NUMBA_DISABLE_JIT is set
        if Path(function.__code__.co_filename).is_relative_to(PACKAGE):
            compiled._cache = KernelCache(function)  # type: ignore[attr-defined]
        _widen_literals(compiled)
    return compiled


def _widen_literals(compiled: Any) -> None:
    """Compile ``f(0)`` inside a kernel as ``f(n)``; numba would compile the call with a literal separately."""
    original = compiled.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        wide = tuple(unliteral(arg) for arg in args)
        return original(wide, {name: unliteral(arg) for name, arg in kws.items()})

    compiled.get_call_template = get_call_template


class KernelCache(FunctionCache):  # type: ignore[misc]
    """Cache of the compiled versions of one function, one file for each, named by the hash of what it depends on.

    There is no index file that two processes could write at the same time. If a file is damaged, or cannot be read
    or written, the function is compiled again. If a kernel source has been edited since the process began, nothing
    is read or written: which of the two versions a function was compiled from is then unknown.
    """

    def __init__(self, function: Any) -> None:
        self._py_func = function
        self._impl = _NoLocator(function)
        self._name = f"{function.__module__}.{function.__qualname__}"
        self.enable()

    @property
    def cache_path(self) -> str:
        """Folder that contains the cache files."""
        return str(kernel_cache_folder())

    def flush(self) -> None:
        """Delete the cached compiled versions of this function."""
        for path in kernel_cache_folder().glob(f"{self._name}-*.nbc"):
            path.unlink(missing_ok=True)

    def _file(self, signature: Any, codegen: Any) -> tuple[Path, str]:
        key = f"{sys.version_info[:2]} {self._index_key(signature, codegen)}"
        digest = hashlib.sha256(key.encode()).hexdigest()[:24]
        return kernel_cache_folder() / f"{self._name}-{digest}.nbc", key

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled version for a signature, or None."""
        target_context.refresh()
        _note_use()
        path, key = self._file(sig, target_context.codegen())
        content = _read(path, key) if sources_unchanged() else None
        if content is None:
            for listener in _listeners:
                listener(self._name)
            return None
        return self._impl.rebuild(target_context, content)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store a compiled version if the folder is writable."""
        if not (sources_unchanged() and self._impl.check_cachable(data)):
            return
        path, key = self._file(sig, data.codegen)
        temporary = path.with_suffix(f".{uuid4().hex[:12]}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _delete_old(path.parent)
            stored = pickle.dumps((key, self._impl.reduce(data)))
            temporary.write_bytes(hashlib.sha256(stored).digest() + stored)
            temporary.replace(path)
        except OSError as error:
            # The disk is read-only or full: the function is compiled but not cached.
            not_kept[self._name] = str(error)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _read(path: Path, key: str) -> Any:
    """Return what a file of the cache holds, or None where it is missing, damaged or of another key."""
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    digest, stored = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
    # A file that was cut off or altered must not reach the unpickler, still less the linker.
    if hashlib.sha256(stored).digest() != digest:
        return None
    stored_key, content = pickle.loads(stored)  # noqa: S301 - numba stores code in no other way
    return content if stored_key == key else None


class _NoLocator(FunctionCache._impl_class):  # type: ignore[misc]
    """Serialization of compiled code as in numba, without its search for a cache folder next to the source."""

    def __init__(self, function: Any) -> None:
        self._lineno = function.__code__.co_firstlineno


@contextmanager
def on_compile(listener: Callable[[str], None]) -> Iterator[None]:
    """Call ``listener(name)`` with the full name of every kernel that is about to be compiled inside the context."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def can_keep() -> bool:
    """Return whether the folder of the cache can be written, or made."""
    folder = kernel_cache_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)


@cache
def kernel_cache_folder() -> Path:
    """Return the folder for compiled code of the present sources, in ``PLAYNANO_CACHE_DIR`` or the user's cache."""
    # Absolute, so that a process that changes its folder keeps its cache.
    return (cache_root() / "kernels" / f"numba-{numba.__version__}-{_HASH}").absolute()


def cache_root() -> Path:
    """Return the folder of playNano's caches: ``PLAYNANO_CACHE_DIR``, or one in the user's cache folder.

    For a user without a home folder it is a path that nothing can be written to.
    """
    try:
        return _chosen_root().expanduser()
    except RuntimeError:  # there is no home folder
        return Path(os.devnull) / "playNano"


def _chosen_root() -> Path:
    """Return the folder of the caches, which may begin with ``~``."""
    chosen = os.environ.get("PLAYNANO_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "playNano" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "playNano"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "playNano"


def kernel_hash(package: Path = PACKAGE) -> str:
    """Return a hash of the content of all kernel sources of a package, and of this file.

    Parameters
    ----------
    package
        The folder of the package.

    Examples
    --------
    >>> len(kernel_hash())
    16
    """
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in kernel_sources(package):
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def kernel_sources(package: Path = PACKAGE) -> list[Path]:
    """Return the source files of a package that contain kernels."""
    found = package.rglob("*.py")
    return sorted(p for p in found if p.name.endswith("_kernels.py") or p.parent.name == "_kernels")


@cache
def _note_use() -> None:
    """Mark the cache as used today, so that it is not deleted as unused."""
    with suppress(OSError):
        os.utime(kernel_cache_folder())


@cache
def _delete_old(folder: Path) -> None:
    """Delete caches next to a folder that have been unused for a long time, once per process."""
    oldest = time.time() - KEPT_DAYS * 86_400
    for other in folder.parent.glob("numba-*"):
        if other != folder and other.is_dir() and other.stat().st_mtime < oldest:
            shutil.rmtree(other, ignore_errors=True)


def sources_unchanged() -> bool:
    """Return whether the kernel sources are those that the process began with."""
    return _stamps(_SOURCES) == _STAMPS


def _stamps(paths: list[Path]) -> list[tuple[int, int] | None]:
    """Return when each file was changed, and its size; None for one that is gone."""
    stamps: list[tuple[int, int] | None] = []
    for path in paths:
        try:
            state = path.stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((state.st_mtime_ns, state.st_size))
    return stamps


# Taken before any kernel is imported: a later look would give the name of the new text to the old code.
_SOURCES = kernel_sources()
_STAMPS = _stamps(_SOURCES)
_HASH = kernel_hash()
