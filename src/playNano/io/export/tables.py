"""Write the tables of an analysis as CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playNano.core.files import replacing

TABLES = {"n_tracks": "tracks", "clusters": "clusters", "features_per_frame": "features"}
"""Output by which a kind of table is known -> name of its file."""


def write_tables(analysis: Mapping[str, Mapping[str, Any]], folder: str | Path) -> dict[str, Path]:
    """Write each step's table of detections, tracks or clusters to a CSV file.

    Parameters
    ----------
    analysis
        Outputs by ``"step_<n>_<module>"``, as a record holds them.
    folder
        Folder for ``features.csv``, ``tracks.csv`` and ``clusters.csv``; it is made if need be. Where
        several steps give the same kind, the later ones' files end in ``_step_<n>``.

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
        kind = next((name for output, name in TABLES.items() if output in outputs), None)
        if kind is None or "table" not in outputs:
            continue
        name = f"{kind}.csv" if f"{kind}.csv" not in written else f"{kind}_{'_'.join(key.split('_')[:2])}.csv"
        target = Path(folder) / name
        with replacing(target) as temporary:
            outputs["table"].to_csv(temporary, index=False)
        written[name] = target
    return written
