"""Results of a validation in a folder of results, read whatever their form: quantity, value, interval, reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playNano.errors import FileFormatError
from playNano.report.words import number

FILES = ("validation.json", "validate.json")
"""Names of the file with the results of `playnano validate`, in a folder of results or in a folder within."""

_NAMES = ("quantity", "name", "measure")
_REASONS = ("reason", "meaning", "remark")


def validation_rows(folder: Path | None) -> list[dict[str, str]] | None:
    """Return the results of a validation beside the results of a movie.

    Parameters
    ----------
    folder
        Folder of the results; None for none.

    Returns
    -------
    list of dict or None
        ``quantity, value, low, high, reason``: texts; None if there is no validation.

    Raises
    ------
    FileFormatError
        The file is not JSON.
    """
    if folder is None:
        return None
    places = [folder / name for name in FILES] + sorted(
        path for name in FILES for path in folder.glob(f"*/{name}")
    )
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(
            f"{path} is not JSON, so that the validation is not in the report: {error}"
        ) from error
    return list(_rows(content, ""))


def _rows(value: Any, name: str) -> Iterator[dict[str, str]]:
    """Yield everything with a value and an interval."""
    if isinstance(value, Mapping):
        if "value" in value and ("low" in value or "high" in value):
            named = next((str(value[key]) for key in _NAMES if value.get(key)), name)
            unit = f" {value['unit']}" if value.get("unit") else ""
            yield {
                "quantity": named + unit,
                "value": number(value["value"]),
                "low": number(value.get("low")),
                "high": number(value.get("high")),
                "reason": next((str(value[key]) for key in _REASONS if value.get(key)), ""),
            }
            return
        for key, inside in value.items():
            yield from _rows(inside, str(key))
    elif isinstance(value, list):
        for inside in value:
            yield from _rows(inside, name)
