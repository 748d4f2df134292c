"""Convert the outputs of a tracking module for other programs: napari, trackpy, TrackMate."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.files import atomic_write
from playNano.core.provenance import outputs_of_kind
from playNano.errors import MissingInputError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

EXPORTS = ("trackmate", "trackpy")
"""Formats of `export_tracks`: tracks.xml for TrackMate in Fiji, tracks_trackpy.csv for trackpy."""


def to_trackpy(tracking: Mapping[str, Any]) -> pd.DataFrame:
    """Return tracks as a table in the form that trackpy uses.

    Parameters
    ----------
    tracking
        Outputs of a tracking module.

    Returns
    -------
    DataFrame
        ``particle``, ``frame``, ``y``, ``x`` (px) and all other columns of the detections, one row per detection,
        sorted by frame and particle.

    Raises
    ------
    MissingInputError
        If the outputs have no table of tracks.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"track_id": [0, 0], "frame": [0, 1], "y": [1.0, 2.0], "x": 0.0})
    >>> to_trackpy({"table": table})["particle"].tolist()
    [0, 0]
    """
    from playNano.io.export import tracks

    table = tracked_table(tracking)
    return tracks.trackpy_table(table, table["track_id"].to_numpy())


def to_napari_tracks(
    tracking: Mapping[str, Any],
) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[Any]], dict[int, list[int]]]:
    """Convert tracks for a napari tracks layer: ``viewer.add_tracks(data, properties=..., graph=...)``.

    Parameters
    ----------
    tracking
        Outputs of a tracking module.

    Returns
    -------
    data : ndarray of float64, (n, 4)
        Track, frame, y and x (px; give the layer ``scale=(1, *stack.pixel_size_yx_nm)`` for nm).
    properties : dict of ndarray, (n,)
        The other numeric columns of the detections.
    graph : dict of int to list of int
        Parents of each track that split from another one, or into which another one merged.

    Raises
    ------
    MissingInputError
        If the outputs have no table of tracks.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"track_id": [0, 0], "frame": [0, 1], "y": [1.0, 2.0], "x": 0.0})
    >>> to_napari_tracks({"table": table})[0].tolist()
    [[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 2.0, 0.0]]
    """
    from playNano.io.export import tracks

    table = tracked_table(tracking)
    return tracks.napari_tracks(table, table["track_id"].to_numpy(), events=tracking.get("events"))


def to_trackmate_xml(
    path: str | os.PathLike[str],
    tracking: Mapping[str, Any],
    stack: AFMImageStack,
    *,
    image_name: str | None = None,
) -> Path:
    """Write tracks as a TrackMate file, lengths in nm, which Fiji opens with "Load a TrackMate file".

    Parameters
    ----------
    path
        File to write.
    tracking
        Outputs of a tracking module. Merges and splits become edges of the tracks.
    stack
        The movie that was tracked.
    image_name
        Name of an image file in the same folder that Fiji opens with the tracks; None for the movie's own file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingInputError
        If the outputs have no table of tracks.
    OSError
        If the file cannot be written; an existing file is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, pandas as pd
    >>> table = pd.DataFrame({"track_id": [0, 0], "frame": [0, 1], "y": [1.0, 2.0], "x": 0.0})
    >>> stack = AFMImageStack(np.zeros((2, 4, 4)), 2.0, "height_trace", "movie.npz")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_trackmate_xml(f"{folder}/tracks.xml", {"table": table}, stack).name
    'tracks.xml'
    """
    from playNano.io.export.trackmate import write_trackmate_xml

    pixel = stack.pixel_size_yx_nm
    table = tracked_table(tracking)
    table = table.assign(y_nm=table["y"] * pixel[0], x_nm=table["x"] * pixel[1])
    times = np.diff(stack.get_frame_times()) if stack.has_times else np.zeros(0)
    return write_trackmate_xml(
        path,
        table,
        table["track_id"].to_numpy(),
        columns=("y_nm", "x_nm"),
        unit="nm",
        radius=_radius_nm(table, 2.0 * float(np.sqrt(pixel[0] * pixel[1]))),
        frame_interval_s=float(np.median(times)) if times.size else None,
        events=tracking.get("events"),
        n_frames=stack.n_frames,
        image_name=stack.file_path.name if image_name is None else image_name,
        image_shape=stack.image_shape,
        pixel_size=(pixel[0], pixel[1]),
    )


def _radius_nm(table: pd.DataFrame, default: float) -> Any:
    """Return the radius of each detection, nm: its own, or that of a disc of its area."""
    radius = np.full(len(table), default)
    if "radius_nm" in table:
        radius = table["radius_nm"].to_numpy(np.float64)
    elif "area_nm2" in table:
        radius = np.sqrt(table["area_nm2"].to_numpy(np.float64) / np.pi)
    return np.where(np.isfinite(radius) & (radius > 0), radius, default)


def export_tracks(
    record: Any,
    stack: AFMImageStack,
    folder: str | Path,
    programs: Collection[str] = EXPORTS,
) -> dict[str, Path]:
    """Write the last tracks of an analysis in the formats of other programs.

    Parameters
    ----------
    record
        A record returned by `AnalysisPipeline.run`, or an analysed stack.
    stack
        The movie.
    folder
        Folder for the files; it is created if necessary.
    programs
        Any of `EXPORTS`.

    Returns
    -------
    dict
        Program -> its file.

    Raises
    ------
    ParameterError
        If a program is unknown.
    MissingInputError
        If tracking has not been run.
    OSError
        If a file cannot be written; an existing file is left unchanged.
    """
    check_programs(programs)
    tracking = last_tracking(record) if programs else {}
    written: dict[str, Path] = {}
    Path(folder).mkdir(parents=True, exist_ok=True)
    if "trackmate" in programs:
        written["trackmate"] = to_trackmate_xml(Path(folder) / "tracks.xml", tracking, stack)
    if "trackpy" in programs:
        written["trackpy"] = Path(folder) / "tracks_trackpy.csv"
        with atomic_write(written["trackpy"]) as temporary:
            to_trackpy(tracking).to_csv(temporary, index=False)
    return written


def last_tracking(source: Any) -> Mapping[str, Any]:
    """Return the outputs of the last tracking step.

    Parameters
    ----------
    source
        A record returned by `AnalysisPipeline.run`, or an analysed stack.

    Returns
    -------
    Mapping
        Output name -> result.

    Raises
    ------
    MissingInputError
        If tracking has not been run.
    """
    tracked = list(outputs_of_kind(source, "tracking").values())
    if not tracked:
        raise MissingInputError("there are no tracks to export: add a step particle_tracking")
    return tracked[-1]


def check_programs(programs: Collection[str]) -> None:
    """Raise an error if tracks cannot be written for one of the programs.

    Parameters
    ----------
    programs
        Any of `EXPORTS`.

    Raises
    ------
    ParameterError
        If a program is unknown.
    """
    for program in programs:
        if program not in EXPORTS:
            raise ParameterError(f"tracks can be exported for {' or '.join(EXPORTS)}, not for {program!r}")


def tracked_table(tracking: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table of tracks with the columns y and x, px.

    Parameters
    ----------
    tracking
        Outputs of a tracking module.

    Returns
    -------
    DataFrame
        Detections with ``track_id``, ``frame``, ``y``, ``x``.

    Raises
    ------
    MissingInputError
        If the outputs have no such table.
    """
    if "table" not in tracking or "track_id" not in tracking["table"]:
        raise MissingInputError(f"no table of tracks in these outputs: {', '.join(tracking) or 'none'}")
    table: pd.DataFrame = tracking["table"]
    for axis in ("y", "x"):
        if axis not in table and f"centroid_{axis}" in table:
            table = table.rename(columns={f"centroid_{axis}": axis})
        if axis not in table:
            raise MissingInputError(
                f"the tracks have no column {axis!r}: they were linked in other coordinates"
            )
    return table
