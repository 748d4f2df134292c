"""Store nested results as HDF5 groups and datasets, readable with any HDF5 browser.

Dicts are groups, arrays are datasets, tables are groups of columns; all other values are text datasets
with type tags. An object that occurs twice is stored once (a hard link), and is one object again when read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.lazy_mapping import LazyMapping
from playNano.core.serialize.values import from_tagged, is_table, to_tagged
from playNano.core.tables import LastMasks, TableView, view_from_spec
from playNano.errors import RecordError

if TYPE_CHECKING:
    import h5py
    import pandas as pd

_UNFINISHED = object()
"""Stands for a member that is being read, to which none of its own members can refer."""
_COMPRESS_FROM = 4096
"""Size above which an array is compressed, bytes."""


def write_tree(
    parent: h5py.Group, name: str, value: Any, written: dict[int, tuple[Any, str]] | None = None
) -> dict[int, tuple[Any, str]]:
    """Store a nested value under ``parent[name]``.

    Parameters
    ----------
    parent
        An open group.
    name
        Name of the new member; it must not exist.
    value
        Nested dicts, lists, tuples, arrays, tables and plain values.
    written
        Return value of earlier calls for the same file, whose objects are shared.

    Returns
    -------
    dict
        ``id`` of each container -> the container, and its name in the file.

    Raises
    ------
    TypeError
        For an object that cannot be stored; the message has its path.
    """
    written = {} if written is None else written
    _write(parent, name, value, written, name)
    return written


def read_tree(parent: h5py.Group, name: str, array: Callable[[h5py.Dataset], Any] | None = None) -> Any:
    """Return the value that `write_tree` stored, types and sharing included.

    Parameters
    ----------
    parent, name
        As in `write_tree`.
    array
        Called with the dataset of each numeric array: returns a replacement, or None to read the dataset;
        by default all are read.

    Raises
    ------
    RecordError
        If the member was not written by playNano or is damaged.
    """
    return _read(parent[name], {}, array or (lambda member: None))


@dataclass(frozen=True)
class StoredFrames:
    """Frames of a dataset, by index; the file is opened for every read, so that any process can read.

    Parameters
    ----------
    path, name
        The file and the dataset in it.
    shape, dtype
        Shape and dtype of the dataset.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index: Any) -> np.ndarray[Any, Any]:
        """Read frames; raises RecordError where the file is damaged."""
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                return np.asarray(file[self.name][index])
        except (FileNotFoundError, PermissionError):
            raise
        except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
            raise RecordError(f"{self.path}: {self.name} cannot be read: {error}") from error


def _write(parent: h5py.Group, name: str, value: Any, seen: dict[int, tuple[Any, str]], path: str) -> None:
    """Write a value into a group; an object that was written before becomes a hard link."""
    if id(value) in seen:
        parent[name] = parent.file[seen[id(value)][1]]
        return
    if isinstance(value, LastMasks):
        member = _write_masks(parent, name, value, seen, path)
    elif isinstance(value, Mapping):
        member = _write_dict(parent, name, value, seen, path)
    elif isinstance(value, np.ndarray):
        member = _write_array(parent, name, value)
    elif isinstance(value, FrameArray) or is_lazy(value):
        member = _write_frames(parent, name, value if isinstance(value, FrameArray) else FrameArray.of(value))
    elif isinstance(value, TableView):
        member = parent.create_group(name)
        member.attrs["kind"] = "view"
        member.attrs["view"] = json.dumps(to_tagged(value.spec()))
        _write(member, "table", value.table, seen, path)
    elif is_table(value):
        member = _write_table(parent, name, value, seen, path)
    elif isinstance(value, list | tuple) and _holds_arrays(value):
        member = _write_dict(parent, name, {f"{i}": v for i, v in enumerate(value)}, seen, path)
        member.attrs["kind"] = "tuple" if isinstance(value, tuple) else "list"
    else:
        member = _write_text(parent, name, value, path)
        if not isinstance(value, list | tuple):
            return
    seen[id(value)] = (value, member.name)


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, np.ndarray | TableView | FrameArray) or is_table(value) or is_lazy(value):
        return True
    if isinstance(value, Mapping):
        return any(_holds_arrays(v) for v in value.values())
    return isinstance(value, list | tuple) and any(_holds_arrays(v) for v in value)


def _write_dict(
    parent: h5py.Group, name: str, value: Mapping[Any, Any], seen: dict[int, tuple[Any, str]], path: str
) -> h5py.Group:
    """Write a mapping as a group with a member for each key."""
    group = parent.create_group(name, track_order=True)
    group.attrs["kind"] = "dict"
    keys = []
    for index, (key, item) in enumerate(value.items()):
        # HDF5 names are text without slashes; the original keys are stored as attributes.
        plain = type(key) is str and key not in ("", ".", "..") and "/" not in key and "\0" not in key
        member = (
            key if plain and key not in group else f"{key!s:.40}".replace("/", "|").replace("\0", "") or "_"
        )
        member = member if member not in group and member not in (".", "..") else f"{member}~{index}"
        keys.append([member, key])
        _write(group, member, item, seen, f"{path}[{key!r}]")
        if isinstance(value, LazyMapping) and not value.kept(key):
            # An array that was computed for this write is released immediately.
            seen.pop(id(item), None)
    if any(member != key for member, key in keys):
        # The size of an attribute is limited to 64 kB, that of a dataset is not.
        group.attrs["keys_in"] = keys_name = _free_name(group, "__keys__")
        _write_text(group, keys_name, keys, path)
    return group


def _free_name(group: h5py.Group, name: str) -> str:
    while name in group:
        name += "_"
    return name


def _write_array(parent: h5py.Group, name: str, value: np.ndarray[Any, Any]) -> Any:
    """Write an array as a dataset, compressed if it is large; text and object arrays are encoded."""
    import h5py

    if value.dtype.kind in "OUMmV":
        if value.dtype.kind == "U":
            text = h5py.string_dtype()
            dataset = parent.create_dataset(name, data=value.astype(object), dtype=text)
            dataset.attrs["dtype"] = value.dtype.str
        else:
            raise TypeError(f"an array of dtype {value.dtype} cannot be stored; give numbers or text")
    elif value.nbytes > _COMPRESS_FROM and value.ndim:
        chunks = True if value.ndim < 3 else (1, *value.shape[1:])
        dataset = parent.create_dataset(
            name, data=value, compression="gzip", compression_opts=1, shuffle=True, chunks=chunks
        )
    else:
        dataset = parent.create_dataset(name, data=value)
    dataset.attrs["kind"] = "array"
    return dataset


def _write_frames(parent: h5py.Group, name: str, value: FrameArray) -> Any:
    """Write frames as they are computed, without loading all of them into memory."""
    dataset = parent.create_dataset(
        name,
        shape=value.shape,
        dtype=value.dtype,
        compression="gzip",
        compression_opts=1,
        shuffle=True,
        chunks=(1, *value.shape[1:]) if value.size else None,
    )
    for start, stop, frames in value.parts():
        dataset[start:stop] = frames
    dataset.attrs["kind"] = "array"
    return dataset


def _write_table(
    parent: h5py.Group, name: str, table: pd.DataFrame, seen: dict[int, tuple[Any, str]], path: str
) -> h5py.Group:
    """Write a table as a group with a dataset for each column."""
    group = parent.create_group(name, track_order=True)
    group.attrs["kind"] = "table"
    group.attrs["columns"] = json.dumps([to_tagged(column) for column in table.columns])
    group.attrs["rows"] = len(table)
    for index, column in enumerate(table.columns):
        values = table[column]
        numeric = getattr(values.dtype, "kind", "O") in "biufc"
        stored: Any = values.to_numpy() if numeric else values.astype(object).tolist()
        _write(group, f"{index}:{str(column).replace('/', '|')}", stored, seen, f"{path}[{column!r}]")
        if not numeric:
            group.attrs[f"dtype {index}"] = str(values.dtype)
    return group


def _write_masks(
    parent: h5py.Group, name: str, value: LastMasks, seen: dict[int, tuple[Any, str]], path: str
) -> h5py.Group:
    """Write masks as what they are: the label images, and the frame and label of each."""
    group = parent.create_group(name)
    group.attrs["kind"] = "masks"
    group.create_dataset("positions", data=value.place_table())
    _write(group, "labels", value.labels, seen, path)
    return group


def _write_text(parent: h5py.Group, name: str, value: Any, path: str) -> h5py.Dataset:
    try:
        text = json.dumps(to_tagged(value))
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from error
    dataset = parent.create_dataset(name, data=text)
    dataset.attrs["kind"] = "text"
    return dataset


def _read(member: Any, seen: dict[Any, Any], array: Callable[[Any], Any]) -> Any:
    """Read a value that `_write` wrote; a hard link returns the same object."""
    import h5py

    address = h5py.h5o.get_info(member.id).addr
    if address in seen:
        if seen[address] is _UNFINISHED:
            raise RecordError(f"{member.file.filename}: {member.name} contains itself")
        return seen[address]
    seen[address] = _UNFINISHED
    kind = member.attrs.get("kind")
    if kind == "text":
        del seen[address]
        return from_tagged(json.loads(member.asstr()[()]))
    if kind == "array":
        text = member.attrs.get("dtype")
        value: Any = array(member) if text is None else np.asarray(member.asstr()[()], dtype=text)
        if value is None:
            value = np.asarray(member[()], dtype=member.dtype)
    elif kind == "table":
        value = _read_table(member, seen, array)
    elif kind == "view":
        view = from_tagged(json.loads(member.attrs["view"]))
        value = view_from_spec(_read(member["table"], seen, array), view)
    elif kind == "masks":
        places = {group: (frame, label) for group, frame, label in member["positions"][()].tolist()}
        value = LastMasks(_read(member["labels"], seen, array), places)
    elif kind in ("dict", "list", "tuple"):
        value = _read_dict(member, seen, array)
        if kind != "dict":
            value = (tuple if kind == "tuple" else list)(value.values())
    else:
        raise RecordError(f"{member.file.filename}: {member.name} was not written by playNano or is damaged")
    seen[address] = value
    return value


def _read_dict(group: h5py.Group, seen: dict[Any, Any], array: Callable[[Any], Any]) -> dict[Any, Any]:
    if "keys_in" in group.attrs:
        pairs = from_tagged(json.loads(group[group.attrs["keys_in"]].asstr()[()]))
        return {key: _read(group[member], seen, array) for member, key in pairs}
    return {key: _read(group[key], seen, array) for key in group}


def _read_table(group: h5py.Group, seen: dict[Any, Any], array: Callable[[Any], Any]) -> Any:
    """Read a table that `_write_table` wrote."""
    import pandas as pd

    columns = from_tagged(json.loads(group.attrs["columns"]))
    values = {
        index: pd.Series(_read(group[member], seen, array), dtype=group.attrs.get(f"dtype {index}"))
        for index, member in enumerate(group)
    }
    table = pd.DataFrame(values, index=range(int(group.attrs["rows"])))
    table.columns = pd.Index(columns)
    if "view" in group.attrs:
        return view_from_spec(table, from_tagged(json.loads(group.attrs["view"])))
    return table
