"""Write the tables of an analysis as CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playNano.core.files import replacing

TABLES = (
    ("n_tracks", "table", "tracks"),
    ("clusters", "table", "clusters"),
    ("clusters", "cluster_table", "cluster_table"),
    ("features_per_frame", "table", "features"),
)
"""Output by which a kind of step is known, which of its tables, name of the file."""


def write_tables(analysis: Mapping[str, Mapping[str, Any]], folder: str | Path) -> dict[str, Path]:
    """Write each step's table of detections, tracks or clusters to a CSV file.

    Parameters
    ----------
    analysis
        Outputs by ``"step_<n>_<module>"``, as a record holds them.
    folder
        Folder for ``features.csv``, ``tracks.csv``, ``clusters.csv`` (one row a point) and
        ``cluster_table.csv`` (one row a cluster); it is made if need be. Where several steps give the same
        kind, the later ones' files end in ``_step_<n>``.

    Returns
    -------
    dict
        Name of the file -> its path.

    Raises
    ------
    OSError
        If a file cannot be written; an older file stays as it was.
    """
    written: dict[str, Path] = {}
    for key, outputs in analysis.items():
        for known_by, table, kind in TABLES:
            if known_by not in outputs or table not in outputs:
                continue
            first = f"{kind}.csv" not in written
            name = f"{kind}.csv" if first else f"{kind}_{'_'.join(key.split('_')[:2])}.csv"
            target = Path(folder) / name
            with replacing(target) as temporary:
                outputs[table].to_csv(temporary, index=False)
            written[name] = target
    return written
