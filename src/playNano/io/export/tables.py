"""Write the tables of an analysis as CSV files."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

from playNano.core.files import atomic_write
from playNano.core.provenance import outputs_of_kind

TABLES = (
    ("tracking", "table", "tracks"),
    ("tracking", "track_table", "track_table"),
    ("tracking", "links", "links"),
    ("tracking", "events", "track_events"),
    ("clustering", "table", "clusters"),
    ("clustering", "cluster_table", "cluster_table"),
    ("clustering", "occupancy_table", "cluster_occupancy"),
    ("detection", "table", "features"),
)
"""Kind of module, output that is a table, name of its file without the ending."""


def file_name(stem: str, ending: str, key: str, written: Container[str]) -> str:
    """Return the name of a step's file, with the step's number where the plain name is taken.

    Parameters
    ----------
    stem
        Name without the ending.
    ending
        Ending without the dot.
    key
        ``"step_<n>_<module>"``.
    written
        Names that are taken.

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
    name = f"{stem}.{ending}"
    return name if name not in written else f"{stem}_{'_'.join(key.split('_')[:2])}.{ending}"


def write_tables(source: Any, folder: str | Path) -> dict[str, Path]:
    """Write each step's table of detections, tracks or clusters to a CSV file.

    Parameters
    ----------
    source
        A record as `AnalysisPipeline.run` returns it, or an analysed stack. The kind of each step decides
        which files its tables go to (`TABLES`), whichever module made them.
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
    made = [
        (key, outputs[table], stem)
        for kind, table, stem in TABLES
        for key, outputs in outputs_of_kind(source, kind).items()
        if table in outputs
    ]
    written: dict[str, Path] = {}
    for key, table, stem in made:
        name = file_name(stem, "csv", key, written)
        with atomic_write(Path(folder) / name) as temporary:
            table.to_csv(temporary, index=False)
        written[name] = Path(folder) / name
    return written
