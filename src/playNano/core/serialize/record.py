"""A record as a JSON file; what is large is stored once, by content, in an HDF5 file beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from playNano.core.files import atomic_write
from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.provenance import array_fingerprint
from playNano.core.serialize.hdf5 import StoredFrames, read_tree, write_tree
from playNano.core.serialize.values import is_table, json_safe
from playNano.core.tables import LastMasks, TableView
from playNano.errors import RecordError

LARGE = 100_000
"""Arrays, tables, lists and numbered sets of arrays with more values than this leave the JSON."""

_REFERENCE = "$stored"


def write_record_json(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record as strict JSON, large arrays and tables beside it.

    Parameters
    ----------
    path
        The JSON file. Values of more than `LARGE` numbers go to ``playnano-<checksum>.h5`` in the
        same folder, each once; the JSON has ``{"$stored": {"file", "key", "kind", "shape",
        "dtype", "checksum"}}``.
    record
        Any nesting of dicts, lists, arrays and tables.

    Raises
    ------
    OSError
        If a file cannot be written. An older file of that name stays as it was.
    TypeError
        For an object that has no JSON form.
    """
    target = Path(path)
    store = _Store()
    content = json_safe(record, large=store.take)
    store.name_references()
    old = _sidecars_of(target)
    if store.values:
        store.write(target.parent)
    with atomic_write(target) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")
    _remove_unused(target, old - {store.file_name})


def read_record_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON record and put its stored arrays and tables back.

    Parameters
    ----------
    path
        The JSON file; its HDF5 file must be beside it.

    Returns
    -------
    dict
        The record as it was written.

    Raises
    ------
    RecordError
        If a stored part is missing or differs from its checksum, or the file is not JSON.
    """
    source = Path(path)
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{source} is not a JSON record: {error}") from error
    restored: dict[str, Any] = _restore(content, source, {})
    return restored


class _Store:
    """What leaves the JSON while it is made."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.file_name = ""
        self._references: list[dict[str, Any]] = []
        self._known: dict[int, tuple[Any, dict[str, Any]]] = {}

    def take(self, value: Any) -> dict[str, Any] | None:
        """Store a large value and return the reference to it; None for a small one."""
        if id(value) in self._known:
            return self._known[id(value)][1]
        known = value
        if is_lazy(value):
            value = FrameArray.of(value)
        if not _is_large(value):
            return None
        checksum = _checksum(value)
        reference: dict[str, Any] = {"file": "", "key": checksum.partition(":")[2]}
        if isinstance(value, np.ndarray | FrameArray):
            reference |= {"kind": "array", "shape": list(value.shape), "dtype": str(value.dtype)}
        elif isinstance(value, TableView) or is_table(value):
            table = value.table if isinstance(value, TableView) else value
            dtypes = {str(c): str(t) for c, t in table.dtypes.items()}
            reference |= {"kind": "table", "shape": list(table.shape), "dtype": dtypes}
        elif isinstance(value, Mapping):
            reference |= {"kind": "dict of arrays", "shape": [len(value)], "dtype": "mixed"}
        else:
            reference |= {"kind": "list", "shape": [len(value)], "dtype": "mixed"}
        reference["checksum"] = checksum
        self.values[reference["key"]] = value
        self._references.append(reference)
        # The value is kept beside its number, which a later value could otherwise be given.
        self._known[id(known)] = (known, {_REFERENCE: reference})
        return self._known[id(known)][1]

    def name_references(self) -> None:
        """Name the file after its content, so that one content is one file."""
        if self.values:
            digest = hashlib.sha256("".join(sorted(self.values)).encode()).hexdigest()
            self.file_name = f"playnano-{digest[:16]}.h5"
            for reference in self._references:
                reference["file"] = self.file_name

    def write(self, folder: Path) -> None:
        """Write the values, unless the same file is there already."""
        import h5py

        with atomic_write(folder / self.file_name) as temporary, h5py.File(temporary, "w") as file:
            for key, value in self.values.items():
                write_tree(file, key, value)
        for key, value in self.values.items():
            if isinstance(value, FrameArray):
                # The file's name is a hash of its content: a file of this name has the same content.
                path = (folder / self.file_name).absolute()
                value.cache_to(StoredFrames(path, key, value.shape, value.dtype))


def _is_large(value: Any) -> bool:
    """Return whether a value is stored beside the JSON rather than in it."""
    if isinstance(value, np.ndarray | FrameArray):
        return value.size > LARGE and value.dtype.kind != "O"
    if isinstance(value, LastMasks):
        return value.size > LARGE
    if isinstance(value, TableView):
        return bool(value.table.size > LARGE)
    if is_table(value):
        return bool(value.size > LARGE)
    if isinstance(value, Mapping) and not all(isinstance(key, int) for key in value):
        return False  # the record's own skeleton, which stays in the JSON
    if isinstance(value, Mapping):
        return sum(item.size for item in value.values() if isinstance(item, np.ndarray)) > LARGE
    return isinstance(value, list | tuple) and _count(value, LARGE) > LARGE


def _count(value: Any, limit: int) -> int:
    """Count the values of lists in a nesting, up to a little over the limit.

    Arrays and tables do not count: they leave by themselves.
    """
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return int(not (isinstance(value, np.ndarray | TableView) or is_table(value)))
    total = 0
    for item in value:
        total += _count(item, limit - total)
        if total > limit:
            break
    return total


def _checksum(value: Any) -> str:
    """Return the SHA-256 of the content of an array, table, mapping or list."""
    if isinstance(value, np.ndarray | FrameArray):
        return array_fingerprint(value)
    digest = hashlib.sha256()
    table = value.table if isinstance(value, TableView) else value if is_table(value) else None
    if isinstance(value, TableView):
        digest.update(json.dumps(json_safe(value.spec())).encode())
    if isinstance(value, Mapping):
        for key, item in value.items():
            digest.update(f"{key}:{_checksum(item)}".encode())
    elif table is None:
        digest.update(json.dumps(json_safe(value)).encode())
    else:
        for column in table.columns:
            digest.update(str(column).encode())
            values = table[column].to_numpy()
            plain = values if values.dtype.kind in "biufc" else np.array([str(v) for v in values])
            digest.update(array_fingerprint(plain).encode())
    return f"sha256:{digest.hexdigest()}"


def _restore(value: Any, source: Path, loaded: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_restore(v, source, loaded) for v in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {_REFERENCE}:
        return {k: _restore(v, source, loaded) for k, v in value.items()}
    reference = value[_REFERENCE]
    if reference["key"] not in loaded:
        loaded[reference["key"]] = _fetch(source, reference)
    return loaded[reference["key"]]


def _fetch(source: Path, reference: Mapping[str, Any]) -> Any:
    """Read a stored value and check it against its checksum."""
    import h5py

    beside = source.parent / Path(reference["file"]).name
    if not beside.is_file():
        raise RecordError(f"{source} needs {beside.name} beside it; keep the two files together")
    try:
        with h5py.File(beside, "r") as file:
            value = read_tree(file, reference["key"])
    except (OSError, KeyError) as error:
        raise RecordError(f"{beside} is damaged: {error}") from error
    if _checksum(value) != reference["checksum"]:
        raise RecordError(f"{beside}: {reference['key']} differs from its checksum in {source.name}")
    return value


def _sidecars_of(path: Path) -> set[str]:
    """Return the names of the files that an older JSON at this path refers to."""
    import re

    if not path.is_file():
        return set()
    return set(re.findall(r"playnano-[0-9a-f]{16}\.h5", path.read_text(encoding="utf-8", errors="replace")))


def _remove_unused(path: Path, names: set[str]) -> None:
    """Remove files that only the replaced JSON referred to."""
    if names:
        others = set().union(*(_sidecars_of(other) for other in path.parent.glob("*.json")))
        for name in names - others:
            (path.parent / name).unlink(missing_ok=True)
