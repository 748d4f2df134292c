"""Tables of a report: the CSV files of the analysis, as far as they are small, in the order in which they are read."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.core.provenance import latest_table
from playNano.io.export.tables import named_tables, write_csv
from playNano.report.encode import encode_text
from playNano.report.words import number

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 20_000
"""Number of rows above which a table is left to its CSV file."""

MAX_CELLS = 250_000
"""Number of cells above which a table is left to its CSV file, without compressing it first."""

MAX_BYTES = 450_000
"""Number of bytes of a compressed table above which it is left to its CSV file."""

MAX_TOTAL = 1_200_000
"""Maximum number of bytes of all compressed tables."""

SHOWN = 12
"""Number of rows in the page itself, which are there without scripts; the script shows the others."""

FIRST = ("track_table.csv", "frame_quality.csv", "rates.csv", "diffusion_states.csv", "populations.csv")
"""Tables that precede the others, which are in the order of their number of rows."""

TITLES = {
    "track_table.csv": "Tracks",
    "frame_quality.csv": "Quality of frames",
    "links.csv": "Links",
    "features.csv": "Detections",
    "tracks.csv": "Detections by track",
    "msd.csv": "Mean squared displacements",
    "population_bic.csv": "Numbers of populations, by BIC",
    "dwells.csv": "Dwell times",
    "survival.csv": "Survival curve",
}
"""Name of a file -> heading; others are named after their file."""


def report_tables(record: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the tables of a record for a report, and those that are left out.

    Parameters
    ----------
    record
        The record.

    Returns
    -------
    tables : list of dict
        ``file, title, columns``: names; ``rows``: number of rows; ``shown``: the first rows as lists of text; ``text``:
        the bytes of the CSV file, compressed; ``sort``: column by which it is sorted at first, descending, or "";
        ``singles``: column of the length, if tracks of one detection can be hidden, or "".
    left_out : list of str
        Names of the files of larger tables, with their number of rows.
    """
    named = dict(named_tables(record))
    quality = latest_table(record, "quality")
    if quality is not None:
        named["frame_quality.csv"] = quality
    tables, left_out, total = [], [], 0
    for name in sorted(named, key=lambda name: (_place(name), len(named[name]), name)):
        table = named[name]
        if not len(table):
            continue
        small = len(table) <= MAX_ROWS and table.size <= MAX_CELLS
        text = encode_text(csv_bytes(table)) if small else ""
        if not text or len(text) > MAX_BYTES or total + len(text) > MAX_TOTAL:
            left_out.append(f"{name} ({len(table)} rows)")
            continue
        total += len(text)
        tables.append({**_shown(name, table), "text": text})
    return tables, left_out


def _place(name: str) -> int:
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _shown(name: str, table: pd.DataFrame) -> dict[str, Any]:
    """Return heading, columns and first rows of a table; tracks in the order of their length."""
    columns = [str(column) for column in table.columns]
    by_length = "track_id" in columns and "length" in columns
    first = table.sort_values("length", ascending=False, kind="stable") if by_length else table
    shown = first.head(SHOWN).astype(object).to_numpy().tolist()
    return {
        "file": name,
        "title": TITLES.get(name, name.removesuffix(".csv").replace("_", " ").capitalize()),
        "columns": columns,
        "rows": len(table),
        "shown": [[number(value) if value == value else "-" for value in row] for row in shown],
        "sort": "length" if by_length else "",
        "singles": "length" if by_length and (table["length"] > 1).any() else "",
    }


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as the bytes of its CSV file.

    Parameters
    ----------
    table
        The table.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_csv(table, path)
        return path.read_bytes()
