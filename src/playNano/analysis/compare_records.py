"""Compare two records: inputs, versions, parameters, and results value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.serialize import json_safe
from playNano.core.serialize.values import is_table
from playNano.core.tables import TableView

_PASSING = ("timestamp", "duration_s", "modified", "path", "relative_path", "file")
"""Entries of a record that differ between any two runs."""


@dataclass(frozen=True)
class Difference:
    """A value in which two records differ.

    Parameters
    ----------
    part
        "input", "versions", "processing", "parameters", "warnings" or "results".
    where
        Path of the value: step, output, column.
    text
        What differs, with the largest difference of numbers.
    """

    part: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.part}: {self.where}: {self.text}"


def compare_records(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """Compare two records.

    Parameters
    ----------
    first, second
        Records, as `playNano.analysis.record_file.read_record` or `AnalysisPipeline.run` return them.

    Returns
    -------
    list of Difference
        Input, versions, steps with parameters, warnings, results; empty if nothing differs but times and paths.

    Examples
    --------
    >>> a = {"analysis": {"step_1_count_nonzero": {"counts": np.array([3, 4])}}}
    >>> b = {"analysis": {"step_1_count_nonzero": {"counts": np.array([3, 6])}}}
    >>> print(*compare_records(a, b))
    results: step_1_count_nonzero.counts: 1 of 2 values differ, by 2 at most
    """
    a, b = first.get("provenance", {}), second.get("provenance", {})
    parts = (
        ("input", a.get("input"), b.get("input")),
        ("versions", first.get("environment"), second.get("environment")),
        ("processing", _steps(a.get("processing")), _steps(b.get("processing"))),
        ("parameters", _steps(a.get("steps")), _steps(b.get("steps"))),
        ("warnings", a.get("warnings"), b.get("warnings")),
        ("times", a.get("frame_times"), b.get("frame_times")),
    )
    differing = [
        Difference(name, where, text)
        for name, one, other in parts
        for where, text in differences(json_safe(_lasting(one)), json_safe(_lasting(other)))
    ]
    return differing + compare_results(first, second)


def compare_results(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """Compare the outputs of all steps of two records, to the bit.

    Parameters
    ----------
    first, second
        Records.

    Returns
    -------
    list of Difference
        One for each value, array or column of a table that differs.

    Examples
    --------
    >>> first = {"analysis": {"step_1_a": {"n": 3, "mean": 1.5}}}
    >>> compare_results(first, first)
    []
    >>> len(compare_results(first, {"analysis": {"step_1_a": {"n": 4, "mean": 1.5}}}))
    1
    """
    one, other = (
        {key: _results(outputs) for key, outputs in record.get("analysis", {}).items()}
        for record in (first, second)
    )
    pairs = differences(one, other)
    return [Difference("results", where, text) for where, text in pairs]


def _results(outputs: Any) -> Any:
    """Return the outputs of a step without the reason for which the default analysis took it.

    A run of the same steps by name has none, and the same results.
    """
    summary = outputs.get("summary") if isinstance(outputs, Mapping) else None
    if not isinstance(summary, Mapping) or "detected_as" not in summary:
        return outputs
    return {**outputs, "summary": {key: value for key, value in summary.items() if key != "detected_as"}}


def _steps(steps: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Return the parameters and versions of steps, by number and name."""
    return {
        f"step {step['index']} ({step['name']})": {
            "version": step.get("version"),
            **(step.get("params") or {}),
        }
        for step in steps or ()
    }


def _lasting(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _lasting(item) for key, item in value.items() if key not in _PASSING}
    return value


def differences(first: Any, second: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and description of each difference between two nested values.

    Parameters
    ----------
    first, second
        Nested dicts, lists, arrays, tables and plain values. A tuple is equal to a list of the same items.
    where
        Path of the values.
    """
    first, second = _plain(first), _plain(second)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        yield from _of_mappings(first, second, where)
    elif is_table(first) and is_table(second):
        if len(first) != len(second):
            yield where, f"{len(first)} and {len(second)} rows"
        else:
            one, other = (
                {str(name): table[name].to_numpy() for name in table.columns} for table in (first, second)
            )
            yield from _of_mappings(one, other, where)
    elif isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        yield from _of_arrays(np.asarray(first), np.asarray(second), where)
    elif isinstance(first, list | tuple) and isinstance(second, list | tuple):
        if len(first) != len(second):
            yield where, f"{len(first)} and {len(second)} items"
        elif (columns := _columns(first)) is not None and (others := _columns(second)) is not None:
            yield from _of_mappings(columns, others, where)
        elif first and all(map(_is_number, [*first, *second])):
            yield from _of_arrays(np.asarray(first), np.asarray(second), where)
        else:
            for index, (one, other) in enumerate(zip(first, second, strict=True)):
                yield from differences(one, other, f"{where}[{index}]")
    elif type(first) is not type(second) and not (_is_number(first) and _is_number(second)):
        yield where, f"{_short(first)} and {_short(second)}"
    elif first != second and not (first != first and second != second):
        by = f", by {abs(first - second):.3g}" if _is_number(first) and _is_number(second) else ""
        yield where, f"{_short(first)} and {_short(second)}{by}"


def _columns(rows: Sequence[Any]) -> dict[str, list[Any]] | None:
    """Return rows that are dicts with the same keys by columns, or None for other items."""
    if not rows or not all(isinstance(row, Mapping) and row.keys() == rows[0].keys() for row in rows):
        return None
    return {str(key): [row[key] for row in rows] for key in rows[0]}


def _plain(value: Any) -> Any:
    """Return a view as its table and specification, and lazy frames as an array."""
    if isinstance(value, TableView):
        return {"rows": value.table, "view": value.spec()}
    if isinstance(value, FrameArray) or is_lazy(value):
        return np.asarray(value)
    return value.item() if isinstance(value, np.generic) else value


def _of_mappings(
    first: Mapping[Any, Any], second: Mapping[Any, Any], where: str
) -> Iterator[tuple[str, str]]:
    """Yield place and text of every difference of two mappings."""
    for key in [*first, *(key for key in second if key not in first)]:
        place = f"{where}.{key}" if where else str(key)
        if key not in second:
            yield place, "only in the first"
        elif key not in first:
            yield place, "only in the second"
        else:
            yield from differences(first[key], second[key], place)


def _of_arrays(first: Any, second: Any, where: str) -> Iterator[tuple[str, str]]:
    """Yield the difference between two arrays; NaN equals NaN."""
    if first.shape != second.shape:
        yield where, f"shapes {first.shape} and {second.shape}"
        return
    numbers = first.dtype.kind in "biufc" and second.dtype.kind in "biufc"
    if first.dtype != second.dtype and numbers:
        yield where, f"values of the types {first.dtype} and {second.dtype}"
    unequal = np.asarray(first != second)
    if unequal.shape != first.shape:
        unequal = np.full(first.shape, bool(unequal))
    unequal &= ~(np.asarray(first != first) & np.asarray(second != second))
    count = int(np.count_nonzero(unequal))
    if count:
        largest = ""
        if numbers:
            gaps = np.abs(np.subtract(first[unequal], second[unequal], dtype=np.float64))
            largest = (
                f", by {np.nanmax(gaps):.3g} at most" if np.isfinite(gaps).any() else ", by infinity or NaN"
            )
        yield where, f"{count} of {first.size} values differ{largest}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
