"""Exporters of tracks as CSV files for trackpy, btrack, laptrack and napari."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playNano.afm_stack import AFMImageStack
from playNano.analysis.utils.tracks import last_tracking, to_trackpy, tracked_table
from playNano.core.files import atomic_write
from playNano.io.export import tracks

if TYPE_CHECKING:
    import pandas as pd


def write_trackpy(stack: AFMImageStack, path: str | Path) -> Path:
    """Write the tracks as a CSV table with the columns of trackpy.

    Parameters
    ----------
    stack
        The movie, on which tracking has been run.
    path
        File to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingInputError
        If tracking has not been run.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    return _write(to_trackpy(last_tracking(stack)), path)


def write_btrack(stack: AFMImageStack, path: str | Path) -> Path:
    """Write the tracks as a CSV table with the columns of btrack, which ``btrack.io.import_CSV`` reads.

    Parameters
    ----------
    stack
        The movie, on which tracking has been run.
    path
        File to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingInputError
        If tracking has not been run.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    tracking = last_tracking(stack)
    table = tracked_table(tracking)
    made = tracks.btrack_table(table, table["track_id"].to_numpy(), events=tracking.get("events"))
    return _write(made, path)


def write_laptrack(stack: AFMImageStack, path: str | Path) -> Path:
    """Write the tracks as the tables of laptrack, in which tracks end at merges and splits.

    Splits and merges are written to files of their own, which end in ``_splits.csv`` and ``_merges.csv``.

    Parameters
    ----------
    stack
        The movie, on which tracking has been run.
    path
        File to write.

    Returns
    -------
    Path
        The file of the tracks.

    Raises
    ------
    MissingInputError
        If tracking has not been run.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    tracking = last_tracking(stack)
    table = tracked_table(tracking)
    made = tracks.laptrack_tables(table, table["track_id"].to_numpy(), events=tracking.get("events"))
    for name, part in zip(("splits", "merges"), made[1:], strict=True):
        _write(part, Path(path).with_name(f"{Path(path).stem}_{name}.csv"))
    return _write(made[0], path)


def write_napari(stack: AFMImageStack, path: str | Path) -> Path:
    """Write the tracks as a CSV table of points, which napari opens, with the tracks as a property.

    Parameters
    ----------
    stack
        The movie, on which tracking has been run.
    path
        File to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingInputError
        If tracking has not been run.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    table = tracked_table(last_tracking(stack))
    return _write(tracks.napari_points(table, table["track_id"].to_numpy()), path)


def _write(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table, values that are not known as nan, which also readers of plain numbers accept."""
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, na_rep="nan")
    return Path(path)
