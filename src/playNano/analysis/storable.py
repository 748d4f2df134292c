"""Check that the outputs of a module can be kept in a record exactly, when the module returns them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from pathlib import PurePath
from typing import Any

import numpy as np

from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.serialize.values import is_table
from playNano.core.tables import LastMasks, TableView
from playNano.errors import PluginTypeError

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
    elif (
        value is None
        or isinstance(value, FrameArray | TableView | LastMasks)
        or is_table(value)
        or is_lazy(value)
    ):
        return
    elif type(value).__name__ == "NaTType" or (
        isinstance(value, np.generic) and value.dtype.kind not in "biufcU"
    ):
        _refuse(where, f"a {type(value).__name__}", "return seconds, or None for a time that is not known")
    elif isinstance(value, Mapping):
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
    elif isinstance(value, list | tuple | AbstractSet):
        for index, item in enumerate(value):
            if type(item) not in (int, float, str, bool):
                _check(item, f"{where}[{index}]")
    elif not isinstance(value, (*_PLAIN, np.generic)) and not callable(value):
        _refuse(
            where, f"a {type(value).__name__}", "return numbers, text, lists, dicts, arrays or DataFrames"
        )


def _check_array(value: Any, where: str) -> None:
    if isinstance(value, np.ma.MaskedArray):
        _refuse(where, "a masked array", "return values and mask as two arrays, or NaN")
    if value.dtype.kind not in "biufcU":
        _refuse(where, f"an array of dtype {value.dtype}", "return numbers or text")


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
