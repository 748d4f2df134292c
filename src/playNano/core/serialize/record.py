"""Store a record as a JSON file, with large values in an HDF5 file next to it."""

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
"""Number of values above which an array, table, list or dict of arrays is stored in the HDF5 file."""

_REFERENCE = "$stored"


def write_record_json(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record as strict JSON, with large arrays and tables in an HDF5 file next to it.

    Parameters
    ----------
    path
        The JSON file. Values of more than `LARGE` numbers are written to ``playnano-<checksum>.h5`` in the
        same folder, each once; the JSON contains the reference ``{"$stored": {"file", "key", "kind", "shape",
        "dtype", "checksum"}}``.
    record
        Nested dicts, lists, arrays and tables.

    Raises
    ------
    OSError
        If a file cannot be written. An existing file is left unchanged.
    TypeError
        For an object that cannot be represented in JSON.
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
    """Read a record from JSON, with the arrays and tables in its HDF5 file.

    Parameters
    ----------
    path
        The JSON file; its HDF5 file must be in the same folder.

    Returns
    -------
    dict
        The record as it was written.

    Raises
    ------
    RecordError
        If a stored value is missing or does not match its checksum, or the file is not JSON.
    """
    source = Path(path)
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{source} is not a JSON record: {error}") from error
    restored: dict[str, Any] = _restore(content, source, {})
    return restored


class _Store:
    """Large values that are stored in the HDF5 file instead of the JSON."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.file_name = ""
        self._references: list[dict[str, Any]] = []
        self._known: dict[int, tuple[Any, dict[str, Any]]] = {}

    def take(self, value: Any) -> dict[str, Any] | None:
        """Collect a large value and return the reference to it; None for a small one."""
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
        # The value is kept with its id, which could otherwise be reused for a later object.
        self._known[id(known)] = (known, {_REFERENCE: reference})
        return self._known[id(known)][1]

    def name_references(self) -> None:
        """Name the file after the hash of its content, so that equal content is stored once."""
        if self.values:
            digest = hashlib.sha256("".join(sorted(self.values)).encode()).hexdigest()
            self.file_name = f"playnano-{digest[:16]}.h5"
            for reference in self._references:
                reference["file"] = self.file_name

    def write(self, folder: Path) -> None:
        """Write the values, unless the same file exists already."""
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
    """Return whether a value is stored in the HDF5 file rather than in the JSON."""
    if isinstance(value, np.ndarray | FrameArray):
        return value.size > LARGE and value.dtype.kind != "O"
    if isinstance(value, LastMasks):
        return value.size > LARGE
    if isinstance(value, TableView):
        return bool(value.table.size > LARGE)
    if is_table(value):
        return bool(value.size > LARGE)
    if isinstance(value, Mapping) and not all(isinstance(key, int) for key in value):
        return False  # the structure of the record itself, which is kept in the JSON
    if isinstance(value, Mapping):
        return sum(item.size for item in value.values() if isinstance(item, np.ndarray)) > LARGE
    return isinstance(value, list | tuple) and _count(value, LARGE) > LARGE


def _count(value: Any, limit: int) -> int:
    """Count the values in nested lists; stop soon after the limit is exceeded.

    Arrays and tables are not counted: they are stored separately.
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
    """Read a stored value and verify its checksum."""
    import h5py

    beside = source.parent / Path(reference["file"]).name
    if not beside.is_file():
        raise RecordError(f"{source} needs {beside.name} in the same folder; keep the two files together")
    try:
        with h5py.File(beside, "r") as file:
            value = read_tree(file, reference["key"])
    except (OSError, KeyError) as error:
        raise RecordError(f"{beside} is damaged: {error}") from error
    if _checksum(value) != reference["checksum"]:
        raise RecordError(f"{beside}: {reference['key']} does not match its checksum in {source.name}")
    return value


def _sidecars_of(path: Path) -> set[str]:
    """Return the names of the HDF5 files that an existing JSON file at this path refers to."""
    import re

    if not path.is_file():
        return set()
    return set(re.findall(r"playnano-[0-9a-f]{16}\.h5", path.read_text(encoding="utf-8", errors="replace")))


def _remove_unused(path: Path, names: set[str]) -> None:
    """Remove files to which only the replaced JSON file referred."""
    if names:
        others = set().union(*(_sidecars_of(other) for other in path.parent.glob("*.json")))
        for name in names - others:
            (path.parent / name).unlink(missing_ok=True)
