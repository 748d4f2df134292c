"""Check that the outputs of a module can be kept in a record exactly, when the module returns them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.serialize.values import is_table
from playNano.core.tables import LastMasks, TableView
from playNano.errors import PluginTypeError

if TYPE_CHECKING:
    import pandas as pd

_KINDS = "biufcU"
"""Kinds of numpy dtypes that are kept: numbers and text."""

_PLAIN = (bool, int, float, complex, str, bytes, date, PurePath)


def check_storable(outputs: Mapping[str, Any], where: str) -> None:
    """Raise if an output cannot be written to a record and read back as it is.

    Parameters
    ----------
    outputs
        Output name -> value.
    where
        Number and name of the step, for the message.

    Raises
    ------
    PluginTypeError
        The message names step and output.

    Examples
    --------
    >>> check_storable({"mask": np.ma.masked_array([1, 2], [0, 1])}, "step 1 (mine)")
    Traceback (most recent call last):
    playNano.errors.PluginTypeError: step 1 (mine): the output mask is a masked array, which a record cannot keep: ...
    """
    for name, value in outputs.items():
        _check(value, f"{where}: the output {name}")


def _check(value: Any, where: str) -> None:
    """Check one value with all values in it."""
    if isinstance(value, np.ndarray):
        _check_array(value, where)
    elif is_table(value):
        _check_table(value, where)
    elif value is None or isinstance(value, FrameArray | TableView | LastMasks) or is_lazy(value):
        return
    elif type(value).__name__ in ("NaTType", "Timestamp") or (
        isinstance(value, np.generic) and value.dtype.kind not in _KINDS
    ):
        _refuse(where, f"a {type(value).__name__}", "return seconds, or None for a time that is not known")
    elif isinstance(value, np.longdouble | np.clongdouble):
        _refuse(where, f"a {type(value).__name__}", "return a float of 64 bits")
    elif isinstance(value, Mapping):
        _check_mapping(value, where)
    elif isinstance(value, list | tuple | AbstractSet):
        for index, item in enumerate(value):
            if type(item) not in (int, float, str, bool):
                _check(item, f"{where}[{index}]")
    elif not isinstance(value, (*_PLAIN, np.generic)):
        _refuse(
            where, f"a {type(value).__name__}", "return numbers, text, lists, dicts, arrays or DataFrames"
        )


def _check_array(value: Any, where: str) -> None:
    if isinstance(value, np.ma.MaskedArray):
        _refuse(where, "a masked array", "return values and mask as two arrays, or NaN")
    if value.dtype.kind not in _KINDS or _is_long(value.dtype):
        _refuse(where, f"an array of dtype {value.dtype}", "return numbers of up to 64 bits, or text")


def _check_table(table: pd.DataFrame, where: str) -> None:
    """Check that a table has no index with data, unique columns, and columns of numbers, text or plain values."""
    if not table.columns.is_unique or table.columns.nlevels > 1:
        _refuse(where, "a DataFrame whose columns have no unique names", "give each column a name of its own")
    # Numbers of rows that are left over from sorting or selecting are no data; they are not kept.
    index = table.index
    if index.nlevels > 1 or index.name is not None or (len(index) and index.dtype.kind not in "iu"):
        cure = "return table.reset_index(), which keeps the index as a column, or reset_index(drop=True)"
        _refuse(where, "a DataFrame with an index that is not numbers of rows", cure)
    for name in table.columns:
        column, dtype = table[name], table[name].dtype
        if isinstance(dtype, np.dtype) and dtype.kind == "O":
            _check(column.tolist(), f"{where}[{name!r}]")
        elif not _is_kept(column):
            cure = "return numbers (NaN for missing ones, seconds for times) or text"
            _refuse(f"{where}[{name!r}]", f"a column of dtype {dtype}", cure)


def _is_kept(column: pd.Series[Any]) -> bool:
    """Return whether a column without Python objects has the same type when it is read."""
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.StringDtype):
        return dtype.na_value is not pd.NA
    if isinstance(dtype, pd.CategoricalDtype):  # the categories are found again from the values
        again = pd.Series(column.tolist(), dtype="category").dtype
        return bool(dtype == again) and bool(pd.api.types.is_string_dtype(dtype.categories.dtype))
    return isinstance(dtype, np.dtype) and dtype.kind in _KINDS and not _is_long(dtype)


def _is_long(dtype: np.dtype[Any]) -> bool:
    """Return whether a number has more than 64 bits, or 128 if it is complex."""
    return issubclass(dtype.type, np.longdouble | np.clongdouble)


def _check_mapping(value: Mapping[Any, Any], where: str) -> None:
    keys: dict[str, Any] = {}
    for key, item in value.items():
        if str(key) in keys:
            _refuse(
                where,
                f"a dict with the keys {keys[str(key)]!r} and {key!r}",
                "both are the same text in JSON",
            )
        keys[str(key)] = key
        _check(item, f"{where}[{key!r}]")


def _refuse(where: str, what: str, cure: str) -> None:
    raise PluginTypeError(f"{where} is {what}, which a record cannot keep: {cure}")
