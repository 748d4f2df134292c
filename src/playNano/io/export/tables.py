"""Write the tables of an analysis as CSV files."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from playNano.core.files import atomic_write

TABLES = (
    ("n_tracks", "table", "tracks"),
    ("n_tracks", "track_table", "track_table"),
    ("n_tracks", "links", "links"),
    ("n_tracks", "events", "track_events"),
    ("clusters", "table", "clusters"),
    ("clusters", "cluster_table", "cluster_table"),
    ("clusters", "occupancy_table", "cluster_occupancy"),
    ("features_per_frame", "table", "features"),
)
"""Output by which a kind of step is known, which of its tables, name of the file."""


def file_name(kind: str, ending: str, key: str, written: Container[str]) -> str:
    """Return the name of a step's file: that of the kind, with the step's number where the name is taken.

    Parameters
    ----------
    kind
        What the file holds: "clusters".
    ending
        Ending of its name, without the dot.
    key
        The step: ``"step_<n>_<module>"``.
    written
        Names that are taken.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> file_name("clusters", "png", "step_3_dbscan_clustering", {"clusters.png"})
    'clusters_step_3.png'
    """
    name = f"{kind}.{ending}"
    return name if name not in written else f"{kind}_{'_'.join(key.split('_')[:2])}.{ending}"


def write_tables(analysis: Mapping[str, Mapping[str, Any]], folder: str | Path) -> dict[str, Path]:
    """Write each step's table of detections, tracks or clusters to a CSV file.

    Parameters
    ----------
    analysis
        Outputs by ``"step_<n>_<module>"``, as a record holds them.
    folder
        Folder for ``features.csv``, ``tracks.csv``, ``clusters.csv`` (one row a point), ``track_table.csv``
        (one row a track), ``links.csv`` (one row a link, with its confidence), ``track_events.csv`` (one row a
        merge or split), ``cluster_table.csv`` (one row a cluster) and ``cluster_occupancy.csv`` (one row a
        cluster and frame); it is made if need be. Where several steps give the same kind, the later ones' files
        end in ``_step_<n>``.

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
            name = file_name(kind, "csv", key, written)
            target = Path(folder) / name
            with atomic_write(target) as temporary:
                outputs[table].to_csv(temporary, index=False)
            written[name] = target
    return written
