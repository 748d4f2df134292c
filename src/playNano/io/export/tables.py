"""Write the tables of an analysis as CSV files."""

from __future__ import annotations

import csv
import os
from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.core.files import atomic_write
from playNano.core.provenance import last_step, outputs_of_kind

if TYPE_CHECKING:
    import pandas as pd

TABLES = (
    ("tracking", "table", "tracks"),
    ("tracking", "track_table", "track_table"),
    ("tracking", "links", "links"),
    ("tracking", "events", "track_events"),
    ("tracking", "drift", "drift"),
    ("tracking", "edits", "curation"),
    ("clustering", "table", "clusters"),
    ("clustering", "cluster_table", "cluster_table"),
    ("clustering", "occupancy_table", "cluster_occupancy"),
    ("detection", "table", "features"),
)
"""Kind of module, output that is a table, file name without the suffix."""

_CSV_ROWS = 4096

OF_MEASUREMENTS = {"test": "arrangement_test", "pairs": "rotation_pairs", "profile": "kymograph_profile"}
"""Output of a measurement whose name does not say what it is -> file name without the suffix; others keep theirs."""


def file_name(stem: str, ending: str, key: str, written: Container[str]) -> str:
    """Return the file name for the output of a step, with the step's number if the plain name is in use.

    Parameters
    ----------
    stem
        File name without the suffix: "clusters".
    ending
        Suffix without the dot: "csv".
    key
        Key of the step: ``"step_<n>_<module>"``.
    written
        Names that are in use.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> file_name("clusters", "png", "step_3_dbscan_clustering", {"clusters.png"})
    'clusters_step_3.png'
    """
    name = f"{stem}.{ending}"
    return name if name not in written else f"{stem}_{'_'.join(key.split('_')[:2])}.{ending}"


def write_tables(source: Any, folder: str | Path) -> dict[str, Path]:
    """Write each step's table of detections, tracks or clusters to a CSV file.

    Parameters
    ----------
    source
        A record as `AnalysisPipeline.run` returns it, or an analysed stack. The kind of each step decides
        the files to which its tables are written (`TABLES`), independent of the module.
    folder
        Folder for ``features.csv``, ``tracks.csv``, ``clusters.csv`` (one row per point), ``track_table.csv``
        (one row per track), ``links.csv`` (one row per link, with its confidence), ``track_events.csv`` (one row per
        merge or split), ``drift.csv`` (one row per frame: the drift of the movie, or that which the tracking has
        estimated; empty where neither was), ``cluster_table.csv`` (one row per cluster) and
        ``cluster_occupancy.csv`` (one row per cluster and frame), and for each table of a measurement a file of its
        name (``msd.csv``); it is created if necessary. ``curation.csv`` has the edits by hand and what became of each.
        If several steps are of the same kind, the file names of the later ones end in ``_step_<n>``; after a step
        `curation`, those of the tracks before the edits.

    Returns
    -------
    dict
        Name of the file -> its path.

    Raises
    ------
    OSError
        If a file cannot be written; an existing file is left unchanged.
    """
    made = [("step_0_align_drift", table, "drift") for table in [movie_drift(source)] if table is not None]
    made += [
        (key, outputs[table], stem)
        for kind, table, stem in TABLES
        for key, outputs in _by_importance(source, kind)
        if table in outputs and not (stem == "drift" and made and not len(outputs[table]))
    ]
    made += [
        (key, table, OF_MEASUREMENTS.get(name, name))
        for key, outputs in outputs_of_kind(source, "measurement").items()
        for name, table in outputs.items()
        if hasattr(table, "to_csv")
    ]
    written: dict[str, Path] = {}
    for key, table, stem in made:
        name = file_name(stem, "csv", key, written)
        with atomic_write(Path(folder) / name) as temporary:
            write_csv(table, temporary)
        written[name] = Path(folder) / name
    return written


def _by_importance(source: Any, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the outputs of the steps of a kind: of trackings the last one first, which edits those before it."""
    outputs = list(outputs_of_kind(source, kind).items())
    return outputs[::-1] if any("edits" in values for _, values in outputs) else outputs


def movie_drift(source: Any) -> pd.DataFrame | None:
    """Return the drift that the last step ``align_drift`` has estimated; None if there is no such step.

    Parameters
    ----------
    source
        A record, or a stack.

    Returns
    -------
    DataFrame or None
        A row a frame: ``frame``, ``time_s`` (NaN where no times are known), ``y_nm, x_nm`` (movement of the surface),
        ``error_nm`` (where it is known), ``score``.
    """
    import pandas as pd

    step = last_step(source, "align_drift")
    table = None if step is None else step.get("drift", {}).get("table")
    return None if table is None else pd.DataFrame(table).astype(dict.fromkeys([*table][1:], float))


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table to a CSV file: the bytes that ``table.to_csv(path, index=False)`` writes, in half the time.

    Parameters
    ----------
    table
        Columns of numbers, bool and text; others are written by pandas.
    path
        The file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    names = list(table.columns)
    plain = all(table.dtypes.iloc[i].kind in "biufO" for i in range(len(names)))
    # The csv module quotes a single empty value, and pandas a single missing one otherwise.
    if not plain or len(names) < 2 or not all(isinstance(name, str) for name in names):
        table.to_csv(path, index=False)
        return
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=os.linesep)
        writer.writerow(names)
        # The rows of a part are in memory as text.
        for start in range(0, len(table), _CSV_ROWS):
            part = table.iloc[start : start + _CSV_ROWS]
            writer.writerows(zip(*(_values(part.iloc[:, i]) for i in range(len(names))), strict=True))


def _values(column: pd.Series) -> list[Any]:
    """Return the values of a column as the csv module writes them; missing ones as empty text."""
    values: list[Any] = column.tolist()
    if column.dtype in ("float32", "float16"):
        # The shortest text that gives the same number in the precision of the column.
        values = column.to_numpy().astype(str).tolist()
    for i in column.isna().to_numpy().nonzero()[0].tolist():
        values[i] = ""
    return values
