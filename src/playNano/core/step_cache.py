"""Keep the results of steps in a folder, from which later runs on the same input with the same values read them.

An entry is one HDF5 file, ``playnano-<key>-<checksum>.h5``. The key is a hash of everything on which the result
depends; the checksum is that of the file, so that a damaged entry is noticed and made anew. Nothing is pickled.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.build import source_hash
from playNano.core.files import temporary_path
from playNano.core.lazy import FrameArray
from playNano.core.provenance import file_fingerprint, gather_environment_info
from playNano.core.serialize import StoredFrames, read_tree, write_tree
from playNano.core.serialize.values import to_tagged
from playNano.errors import ParameterError, PlayNanoWarning

FORMAT = 1
"""Version of the form of entries; part of every key."""

MAX_BYTES = 5_000_000_000
"""Default of the size of all entries of a folder, bytes."""

SIZE_VARIABLE = "PLAYNANO_CACHE_GB"
"""Environment variable with the size of all entries of a folder, GB."""

_PREFIX, _VALUE, _PIXELS = "playnano-", "value", "pixels"
_DIGITS = 16
_PASSING = ("timestamp", "cpu_count", "plugins", "playNano_commit")
"""Entries of the environment on which no result of playNano's own steps depends, given its sources."""


class StepCache:
    """A folder with the results of steps; several processes can use it at the same time.

    Parameters
    ----------
    folder
        The folder; created if necessary. Other files in it are never changed.
    max_bytes
        Size of all entries, bytes, > 0; those that have not been used for longest are removed. By default that of
        the environment variable ``PLAYNANO_CACHE_GB``, or 5 GB.

    Raises
    ------
    OSError
        If the folder cannot be created.
    ParameterError
        If the size is not a positive number.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = StepCache(folder)
    ...     path = cache.put("0" * 64, {"counts": np.arange(3)})
    ...     cache.get("0" * 64)["counts"].tolist(), cache.get("1" * 64)
    ([0, 1, 2], None)
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: float | None = None) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.max_bytes = _max_bytes() if max_bytes is None else max_bytes
        if not self.max_bytes > 0:
            raise ParameterError(f"max_bytes must be > 0, not {self.max_bytes}")
        self.folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def of(cls, cache: StepCache | str | os.PathLike[str] | None) -> StepCache | None:
        """Return a cache as it was given, or that of a folder.

        Parameters
        ----------
        cache
            A cache, its folder, or None.

        Returns
        -------
        StepCache or None
            None for none.
        """
        return cache if cache is None or isinstance(cache, StepCache) else cls(cache)

    def get(self, key: str | None, array: Callable[[Path, Any], Any] | None = None) -> Any:
        """Return the value of a key, and mark it as used now.

        Parameters
        ----------
        key
            Return value of `key_of`.
        array
            Called with the file and the dataset of each numeric array: returns what takes its place, or None to
            read it.

        Returns
        -------
        object
            As it was given to `put`; None if there is no entry, or a damaged one, which is removed.
        """
        for path in [] if key is None else sorted(self.folder.glob(f"{_PREFIX}{key}-*.h5")):
            try:
                if _digest(path) == path.stem.rpartition("-")[2]:
                    value = _read(path, array)
                    os.utime(path)
                    return value
            except (OSError, KeyError, ValueError, TypeError, RuntimeError):
                pass  # removed by another process meanwhile, or damaged
            with suppress(OSError):
                path.unlink()
        return None

    def put(
        self, key: str | None, value: Mapping[str, Any], pixels: npt.NDArray[Any] | None = None
    ) -> Path | None:
        """Keep a value, and remove entries that have not been used for longest.

        A disk that is full or cannot be written is no error: the value is not kept.

        Parameters
        ----------
        key
            Return value of `key_of`; None for a value that cannot be kept.
        value
            Nested values, as `write_tree` stores them; with pixels the key ``"pixels"`` is free.
        pixels
            A movie, which is stored as it is, not compressed; `get` returns it as ``"pixels"``.

        Returns
        -------
        Path or None
            The entry; None if it was not kept.

        Warns
        -----
        PlayNanoWarning
            If it could not be written.
        """
        if key is None or (pixels is not None and pixels.nbytes > self.max_bytes):
            return None
        import h5py

        target, temporary = None, temporary_path(self.folder / "step.h5")
        try:
            with h5py.File(temporary, "w") as file:
                written = write_tree(file, _VALUE, value)
                if pixels is not None:
                    file.create_dataset(_PIXELS, data=pixels)
            if temporary.stat().st_size <= self.max_bytes:
                target = self.folder / f"{_PREFIX}{key}-{_digest(temporary)}.h5"
                temporary.replace(target)
                self._remove_oldest(target)
                for kept, name in list(written.values()):
                    if isinstance(
                        kept, FrameArray
                    ):  # frames that were computed for this file are read from it
                        kept.cache_to(StoredFrames(target, name, kept.shape, kept.dtype))
        except OSError as error:
            warnings.warn(f"a step was not kept in {self.folder}: {error}", PlayNanoWarning, stacklevel=2)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def entries(self) -> list[Path]:
        """Return the files of the entries, that used last at the end."""
        used = []
        for path in self.folder.glob(f"{_PREFIX}*-*.h5"):
            with suppress(FileNotFoundError):
                used.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(used)]

    def _remove_oldest(self, new: Path) -> None:
        """Remove the entries used longest ago, except a new one, until the others fit."""
        sizes: dict[Path, int] = {}
        for path in self.entries():
            with suppress(FileNotFoundError):
                sizes[path] = path.stat().st_size
        total = sum(sizes.values())
        for path, size in sizes.items():
            if total <= self.max_bytes:
                break
            if path != new:
                with suppress(OSError):
                    path.unlink()
                total -= size


def key_of(**parts: Any) -> str | None:
    """Return the key of a result: a hash of all on which it depends, the code of playNano and its libraries included.

    Parameters
    ----------
    **parts
        Plain values: the input by its checksum, and the steps with their parameters and versions.

    Returns
    -------
    str or None
        64 hexadecimal digits; None if a part is no plain value, or sources were edited since the process began.
    """
    code = _code()
    try:
        text = json.dumps(to_tagged({"format": FORMAT, "code": code, **parts}), sort_keys=True)
    except TypeError:
        return None
    return None if code is None else hashlib.sha256(text.encode()).hexdigest()


def is_plain(value: Any) -> bool:
    """Return whether a parameter is a plain value, which determines a result.

    Parameters
    ----------
    value
        A parameter: numbers, text, None, and lists, tuples and dicts of these; not a function or an array.
    """
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.generic)


@functools.cache
def _code() -> dict[str, Any] | None:
    """Return what computes: the sources of playNano, and the versions of libraries and machine."""
    sources = source_hash()
    if sources is None:
        return None
    environment = {k: v for k, v in gather_environment_info().items() if k not in _PASSING}
    return {"sources": sources, "processor": _processor(), **environment}


def _processor() -> str:
    """Return the name of the processor: another one may round differently."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in lines if line.startswith("model name")), platform.processor())
    return platform.processor()


def _digest(path: Path) -> str:
    return str(file_fingerprint(path)).partition(":")[2][:_DIGITS]


def _read(path: Path, array: Callable[[Path, Any], Any] | None) -> Any:
    import h5py

    with h5py.File(path, "r") as file:
        value = read_tree(file, _VALUE, None if array is None else functools.partial(array, path))
        if _PIXELS in file:
            value[_PIXELS] = np.asarray(file[_PIXELS][()])
    return value


def _max_bytes() -> float:
    """Return the size of all entries that the environment sets, or the default, bytes."""
    text = os.environ.get(SIZE_VARIABLE)
    if not text:
        return MAX_BYTES
    try:
        size = float(text)
    except ValueError:
        size = np.nan
    if not size > 0:
        raise ParameterError(f"{SIZE_VARIABLE} must be a number of GB, > 0, not {text!r}")
    return size * 1e9
