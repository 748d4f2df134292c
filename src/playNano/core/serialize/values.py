"""Convert values to JSON: plain for other programs, or tagged so that types can be restored."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.provenance import describe_callable
from playNano.core.tables import TableView
from playNano.errors import RecordError

_TAG = "__type__"


def is_table(value: Any) -> bool:
    """Return whether a value is a pandas DataFrame (without importing pandas).

    Parameters
    ----------
    value
        Any object.

    Returns
    -------
    bool
        True for a DataFrame.
    """
    return type(value).__name__ == "DataFrame" and hasattr(value, "columns")


def json_safe(value: Any, large: Callable[[Any], Any] | None = None) -> Any:
    """Convert a value to numbers, strings, lists and dicts that strict JSON can represent.

    Nothing is summarised or truncated. Arrays become lists, tables lists of dicts, tuples lists, keys
    text, paths and times text, functions their names; NaN becomes null, infinities become
    "Infinity" and "-Infinity".

    Parameters
    ----------
    value
        Nested dicts, lists, tuples, sets, arrays, tables and plain values.
    large
        Called first for every container: its return value replaces the container, unless it is None.

    Raises
    ------
    TypeError
        For an object that cannot be represented in JSON; the message has its path.

    Examples
    --------
    >>> json_safe({1: np.arange(2), "nan": float("nan")})
    {'1': [0, 1], 'nan': None}
    """
    return _safe(value, large, "record")


def _safe(value: Any, large: Callable[[Any], Any] | None, path: str) -> Any:
    """Return the JSON representation of a value; `path` is its position, for messages."""
    if value is None or (isinstance(value, bool | int | str) and type(value) in (bool, int, str)):
        return value
    if isinstance(value, float | np.floating):
        return _safe_float(float(value))
    if large is not None and (replacement := large(value)) is not None:
        return replacement
    if isinstance(value, Mapping):
        return {_key(k): _safe(v, large, f"{path}[{k!r}]") for k, v in value.items()}
    if isinstance(value, TableView):
        value = value.to_list()
    if isinstance(value, list | tuple):
        return [_safe(v, large, f"{path}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, np.ndarray | FrameArray) or is_lazy(value):
        return _safe(np.asarray(value).tolist(), None, path)
    return _safe_other(value, large, path)


def _safe_other(value: Any, large: Callable[[Any], Any] | None, path: str) -> Any:
    """Return the JSON representation of a value that is not a plain number, text, list or mapping."""
    if isinstance(value, np.generic):
        return _safe(value.item(), large, path)
    if isinstance(value, str | int):
        return int(value) if isinstance(value, int) else str(value)
    if is_table(value):
        return _safe(value.to_dict("records"), large, path)
    if isinstance(value, AbstractSet):
        return [_safe(v, large, path) for v in sorted(value, key=repr)]
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if isinstance(value, complex):
        return [_safe_float(value.real), _safe_float(value.imag)]
    if callable(value):
        return describe_callable(value)
    raise TypeError(
        f"{path}: a {type(value).__name__} cannot be written to JSON; give numbers, text, lists or arrays"
    )


def _safe_float(value: float) -> Any:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(key.item() if isinstance(key, np.generic) else key)


class RecordEncoder(json.JSONEncoder):
    """Encode arrays, tables and whole records as strict JSON: ``json.dumps(record, cls=RecordEncoder)``.

    Examples
    --------
    >>> json.dumps({"n": np.int64(3), "a": np.zeros(2)}, cls=RecordEncoder)
    '{"n": 3, "a": [0.0, 0.0]}'
    """

    def default(self, o: Any) -> Any:
        """Return the JSON representation of one value, or raise TypeError.

        Parameters
        ----------
        o
            A value that is not a JSON type.

        Returns
        -------
        object
            Its JSON representation.
        """
        return json_safe(o)

    def encode(self, o: Any) -> str:
        """Return the JSON text of a value.

        Parameters
        ----------
        o
            A value.

        Returns
        -------
        str
            Strict JSON.
        """
        return super().encode(json_safe(o))

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Yield the JSON text of a value in pieces.

        Parameters
        ----------
        o
            A value.
        _one_shot
            As in `json.JSONEncoder`.
        """
        return super().iterencode(json_safe(o), _one_shot)


def to_tagged(value: Any) -> Any:
    """Convert a value to JSON with type tags, from which `from_tagged` restores it.

    Parameters
    ----------
    value
        Numbers, text, None, lists, tuples, sets, mappings and other plain types.

    Returns
    -------
    object
        Plain JSON; values of types that JSON lacks are tagged with their type.

    Raises
    ------
    TypeError
        For a type that cannot be restored.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is list:
        return [to_tagged(v) for v in value]
    if isinstance(value, Mapping):
        if all(type(k) is str for k in value) and _TAG not in value:
            return {k: to_tagged(v) for k, v in value.items()}
        return {_TAG: "dict", "items": [[to_tagged(k), to_tagged(v)] for k, v in value.items()]}
    if isinstance(value, np.generic):
        return {_TAG: "numpy", "dtype": value.dtype.str, "value": to_tagged(value.item())}
    for name, (kind, encode, _) in _TAGGED.items():
        if isinstance(value, kind):
            return {_TAG: name, "value": encode(value)}
    if callable(value):
        return describe_callable(value)
    raise TypeError(f"a {type(value).__name__} cannot be stored in a record")


_TAGGED: dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tuple": (tuple, lambda v: [to_tagged(x) for x in v], lambda v: tuple(from_tagged(x) for x in v)),
    "list": (list, lambda v: [to_tagged(x) for x in v], lambda v: [from_tagged(x) for x in v]),
    "set": (
        AbstractSet,
        lambda v: [to_tagged(x) for x in sorted(v, key=repr)],
        lambda v: {from_tagged(x) for x in v},
    ),
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "path": (PurePath, lambda v: v.as_posix(), Path),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "complex": (complex, lambda v: [v.real, v.imag], lambda v: complex(*v)),
    "str": (str, str, str),
    "int": (int, int, int),
    "float": (float, float, float),
    "array": (
        np.ndarray,
        lambda v: {"dtype": v.dtype.str, "shape": list(v.shape), "values": to_tagged(v.ravel().tolist())},
        lambda v: np.array(from_tagged(v["values"]), dtype=v["dtype"]).reshape(v["shape"]),
    ),
}


def from_tagged(value: Any) -> Any:
    """Restore a value that `to_tagged` converted.

    Parameters
    ----------
    value
        Return value of `to_tagged`.

    Returns
    -------
    object
        The value, with its original type.
    """
    if isinstance(value, list):
        return [from_tagged(v) for v in value]
    if not isinstance(value, dict):
        return value
    tag = value.get(_TAG)
    if tag is None:
        return {k: from_tagged(v) for k, v in value.items()}
    if tag == "dict":
        return {from_tagged(k): from_tagged(v) for k, v in value["items"]}
    if tag == "numpy":
        return np.dtype(value["dtype"]).type(from_tagged(value["value"]))
    if tag not in _TAGGED:
        raise RecordError(
            f"the record holds a value of the unknown type {tag!r}; it was written by a newer version"
        )
    return _TAGGED[tag][2](value["value"])
