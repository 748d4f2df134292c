"""Store a record as a JSON file, with large values in an HDF5 file next to it.

Each value is stored once: a large one in the HDF5 file, to which the JSON refers by ``{"$stored": ...}``; a small table
by columns, ``{"$table": ...}``; the outputs of a step under ``results_by_name`` by reference, ``{"$same": [...]}``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
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

LARGE = 2_000
"""Number of values above which an array, table, list or dict of arrays is stored in the HDF5 file."""

LARGE_BESIDE = 200
"""The same number where the record stands in the HDF5 file anyway."""

_REFERENCE, _TABLE, _SAME = "$stored", "$table", "$same"


def write_record_json(
    path: str | Path,
    record: Mapping[str, Any],
    stored: tuple[str, Mapping[int, tuple[Any, str]]] | None = None,
) -> None:
    """Write a record as strict JSON, with large arrays and tables in an HDF5 file next to it.

    Parameters
    ----------
    path
        The JSON file. Values of more than `LARGE` numbers are written to ``playnano-<checksum>.h5`` in the
        same folder, each once; the JSON contains the reference ``{"$stored": {"file", "key", "kind", "shape",
        "dtype", "checksum"}}``.
    record
        Nested dicts, lists, arrays and tables.
    stored
        Name of an HDF5 file in the same folder to which the record has been written, and the return value of
        `write_tree`: the JSON then refers to this file instead.

    Raises
    ------
    OSError
        If a file cannot be written. An existing file is left unchanged.
    TypeError
        For an object that cannot be represented in JSON.
    """
    target = Path(path)
    store = _Store(*(stored or ("", {})), _step_lists(record))
    content = json_safe(_without_repeats(record), large=store.take)
    store.name_references()
    old = _sidecars_of(target)
    if store.values:
        store.write(target.parent)
    with atomic_write(target) as temporary:
        temporary.write_text(_text(content), encoding="utf-8")
    _remove_unused(target, old - {store.file_name})


def _without_repeats(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record whose ``results_by_name`` refers to the outputs of the steps."""
    analysis, provenance = record.get("analysis"), record.get("provenance")
    if not isinstance(analysis, Mapping) or not isinstance(provenance, Mapping):
        return record
    by_name = provenance.get("results_by_name")
    if not isinstance(by_name, Mapping):
        return record
    keys = {id(outputs): {_SAME: ["analysis", key]} for key, outputs in analysis.items()}
    references = {name: [keys.get(id(item), item) for item in items] for name, items in by_name.items()}
    return {**record, "provenance": {**provenance, "results_by_name": references}}


def _step_lists(record: Mapping[str, Any]) -> list[Any]:
    """Return the lists of the steps, which stand in the JSON however many values they have."""
    provenance = record.get("provenance")
    if not isinstance(provenance, Mapping):
        return []
    return [steps for key in ("processing", "steps") if isinstance(steps := provenance.get(key), list)]


def _text(content: Any, indent: str = "", depth: int = 5) -> str:
    """Return JSON with the structure on separate lines, and each list of numbers on one."""
    if depth and content and isinstance(content, dict):
        items = [
            f"{indent} {json.dumps(key)}: {_text(value, indent + ' ', depth - 1)}"
            for key, value in content.items()
        ]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if depth and isinstance(content, list) and any(isinstance(item, dict | list) for item in content):
        items = [f"{indent} {_text(item, indent + ' ', depth - 1)}" for item in content]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    return json.dumps(content, allow_nan=False)


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
    with suppress(KeyError, TypeError, AttributeError):
        by_name = restored["provenance"]["results_by_name"]
        for items in by_name.values():
            items[:] = [_same(restored, item) for item in items]
    return restored


def _same(record: dict[str, Any], item: Any) -> Any:
    """Return the part of a record to which a reference refers, or the item if it is not a reference."""
    if not isinstance(item, dict) or set(item) != {_SAME}:
        return item
    value: Any = record
    for key in item[_SAME]:
        value = value[key]
    return value


class _Store:
    """Large values that are stored in the HDF5 file instead of the JSON."""

    def __init__(self, file: str, index: Mapping[int, tuple[Any, str]], steps: Sequence[Any] = ()) -> None:
        self.values: dict[str, Any] = {}
        self.file_name = ""
        self._file, self._index = file, index
        self._steps = steps
        self._limit = LARGE_BESIDE if index else LARGE
        self._references: list[dict[str, Any]] = []
        self._known: dict[int, tuple[Any, dict[str, Any]]] = {}

    def take(self, value: Any) -> dict[str, Any] | None:
        """Collect a large value and return the reference to it; a small table by columns; None for other values."""
        if any(value is steps for steps in self._steps):
            return None
        if id(value) in self._known:
            return self._known[id(value)][1]
        known = value
        if is_lazy(value):
            value = FrameArray.of(value)
        if not _is_large(value, self._limit):
            return _by_columns(value) if is_table(value) else None
        if self._index and id(known) not in self._index:
            return None  # part of a list that is stored as text: a second HDF5 file would be no gain
        checksum = _checksum(value)
        reference: dict[str, Any] = {"file": "", "key": checksum.partition(":")[2]}
        if isinstance(value, np.ndarray | FrameArray):
            reference |= {"kind": "array", "shape": list(value.shape), "dtype": str(value.dtype)}
        elif isinstance(value, TableView) or is_table(value):
            table = value.table if isinstance(value, TableView) else value
            dtypes = {str(c): str(t) for c, t in table.dtypes.items()}
            reference |= {"kind": "table", "shape": list(table.shape), "dtype": dtypes}
        elif isinstance(value, LastMasks):
            reference |= {"kind": "masks", "shape": [len(value), *value.labels.shape[1:]], "dtype": "bool"}
        elif isinstance(value, Mapping):
            reference |= {"kind": "dict of arrays", "shape": [len(value)], "dtype": "mixed"}
        else:
            reference |= {"kind": "list", "shape": [len(value)], "dtype": "mixed"}
        reference["checksum"] = checksum
        if id(known) in self._index:
            reference |= {"file": self._file, "key": self._index[id(known)][1]}
        else:
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
            written: dict[int, tuple[Any, str]] = {}
            for key, value in self.values.items():
                write_tree(file, key, value, written)
        for key, value in self.values.items():
            if isinstance(value, FrameArray):
                # The file's name is a hash of its content: a file of this name has the same content.
                path = (folder / self.file_name).absolute()
                value.cache_to(StoredFrames(path, key, value.shape, value.dtype))


def _by_columns(table: Any) -> dict[str, Any] | None:
    """Return a small table by columns, or None if its columns have no unique names."""
    names = list(table.columns)
    if not all(type(name) is str for name in names) or len(set(names)) < len(names):
        return None
    columns = {name: json_safe(table[name].tolist()) for name in names}
    return {_TABLE: {"dtypes": {name: str(table[name].dtype) for name in names}, "columns": columns}}


def _is_large(value: Any, limit: int) -> bool:
    """Return whether a value is stored in the HDF5 file rather than in the JSON."""
    if isinstance(value, np.ndarray | FrameArray):
        return value.size > limit and value.dtype.kind != "O"
    if isinstance(value, LastMasks):
        return value.size > limit
    if isinstance(value, TableView):
        return bool(value.table.size > limit)
    if is_table(value):
        return bool(value.size > limit)
    if isinstance(value, Mapping) and not all(isinstance(key, int) for key in value):
        return False  # the structure of the record itself, which is kept in the JSON
    if isinstance(value, Mapping):
        return sum(item.size for item in value.values() if isinstance(item, np.ndarray)) > limit
    return isinstance(value, list | tuple) and _count(value, limit) > limit


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
    if isinstance(value, LastMasks):
        both = array_fingerprint(value.place_table()) + array_fingerprint(value.labels)
        return f"sha256:{hashlib.sha256(both.encode()).hexdigest()}"
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
    """Return a value with small tables and stored values put back."""
    if isinstance(value, list):
        return [_restore(v, source, loaded) for v in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_TABLE}:
        import pandas as pd

        table = value[_TABLE]
        columns = {n: pd.Series(v, dtype=table["dtypes"][n]) for n, v in table["columns"].items()}
        return pd.DataFrame(columns)
    if set(value) != {_REFERENCE}:
        return {k: _restore(v, source, loaded) for k, v in value.items()}
    reference = value[_REFERENCE]
    place = f"{reference['file']}:{reference['key']}"
    if place not in loaded:
        loaded[place] = _fetch(source, reference)
    return loaded[place]


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
