"""Convert tables of tracks to the formats of other programs: napari, trackpy, TrackMate."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.merge_split import lineages
from playNano.algorithms.linking.tables import checked_tracks
from playNano.core.files import atomic_write

if TYPE_CHECKING:
    import pandas as pd

# Feature, name, short name, dimension, whether the value is an integer.
SPOT_FEATURES = (
    ("QUALITY", "Quality", "Quality", "QUALITY", False),
    ("POSITION_X", "X", "X", "POSITION", False),
    ("POSITION_Y", "Y", "Y", "POSITION", False),
    ("POSITION_Z", "Z", "Z", "POSITION", False),
    ("POSITION_T", "T", "T", "TIME", False),
    ("FRAME", "Frame", "Frame", "NONE", True),
    ("RADIUS", "Radius", "R", "LENGTH", False),
    ("VISIBILITY", "Visibility", "Visibility", "NONE", True),
)
EDGE_FEATURES = (
    ("SPOT_SOURCE_ID", "Source spot ID", "Source ID", "NONE", True),
    ("SPOT_TARGET_ID", "Target spot ID", "Target ID", "NONE", True),
    ("LINK_COST", "Edge cost", "Cost", "COST", False),
)
TRACK_FEATURES = (
    ("TRACK_INDEX", "Track index", "Index", "NONE", True),
    ("TRACK_ID", "Track ID", "ID", "NONE", True),
)


def trackpy_table(table: pd.DataFrame, track_id: npt.ArrayLike) -> pd.DataFrame:
    """Return tracks as a table in the form that trackpy uses: `particle`, `frame`, `y`, `x`, and the other columns.

    Parameters
    ----------
    table
        Detections: `frame`, `y`, `x` (px) and further columns.
    track_id
        Track of each detection, (N,); rows with a negative value are omitted.

    Returns
    -------
    DataFrame
        A copy with the column `particle` instead of `track_id`, sorted by frame and particle, with a new index.

    Raises
    ------
    ParameterError
        If a column is missing or `track_id` has the wrong shape.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [1, 0], "y": [2.0, 1.0], "x": [0.0, 0.0]})
    >>> trackpy_table(table, [5, 5])[["particle", "frame", "y"]].values.tolist()
    [[5.0, 0.0, 1.0], [5.0, 1.0, 2.0]]
    """
    track, _ = checked_tracks(table, track_id, ("y", "x"))
    out = table.drop(columns=["track_id", "particle"], errors="ignore").assign(particle=track)
    return out[track >= 0].sort_values(["frame", "particle"], kind="stable", ignore_index=True)


def napari_tracks(
    table: pd.DataFrame,
    track_id: npt.ArrayLike,
    *,
    columns: Sequence[str] = ("y", "x"),
    events: pd.DataFrame | None = None,
) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[Any]], dict[int, list[int]]]:
    """Return tracks as data, properties and graph of a napari tracks layer.

    Parameters
    ----------
    table
        Detections: `frame`, the coordinates, and further columns.
    track_id
        Track of each detection, (N,); rows with a negative value are omitted.
    columns
        Coordinate columns, y first.
    events
        Merges and splits (`kind`, `track_id`, `partner_id`), for the graph.

    Returns
    -------
    data : ndarray of float64, (n, 2 + D)
        Track, frame and coordinates, sorted by track and frame.
    properties : dict of ndarray, (n,)
        The other numeric columns.
    graph : dict of int to list of int
        Parents of each track that split from another one, or into which another one merged.

    Raises
    ------
    ParameterError
        If a column is missing or `track_id` has the wrong shape.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [1, 0], "y": [2.0, 1.0], "x": [0.0, 0.5]})
    >>> data, properties, graph = napari_tracks(table, [5, 5])
    >>> data.tolist()
    [[5.0, 0.0, 1.0, 0.5], [5.0, 1.0, 2.0, 0.0]]
    """
    track, frame = checked_tracks(table, track_id, columns)
    order = np.lexsort([frame, track])
    order = order[track[order] >= 0]
    parts = [track, frame, *(table[name].to_numpy() for name in columns)]
    data = np.column_stack([np.asarray(part, dtype=np.float64)[order] for part in parts])
    others = table.select_dtypes("number").columns.difference(["frame", "track_id", *columns], sort=False)
    properties = {str(name): table[name].to_numpy()[order] for name in others}
    graph: dict[int, list[int]] = {}
    if events is not None:
        # In napari a track has parents: the one it split from, or the ones that merged into it.
        for kind, own, partner in zip(events["kind"], events["track_id"], events["partner_id"], strict=True):
            child, parent = (own, partner) if kind == "split" else (partner, own)
            graph.setdefault(int(child), []).append(int(parent))
    return data, properties, graph


def write_trackmate_xml(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    track_id: npt.ArrayLike,
    *,
    columns: Sequence[str] = ("y", "x"),
    unit: str = "pixel",
    radius: float = 1.0,
    quality: str | None = None,
    frame_interval_s: float | None = None,
    events: pd.DataFrame | None = None,
    image_name: str = "",
    image_shape: tuple[int, int] = (0, 0),
    pixel_size: tuple[float, float] = (1.0, 1.0),
) -> Path:
    """Write tracks as a TrackMate model, which Fiji opens with "Load a TrackMate file".

    Parameters
    ----------
    path
        File to write.
    table
        Detections: `frame`, the coordinates, and `time_s` if known.
    track_id
        Track of each detection, (N,); detections without a track become spots without a track.
    columns
        Coordinate columns, y first.
    unit
        Unit of the coordinates.
    radius
        Radius of the spots, in that unit.
    quality
        Column with the quality of the spots; None for a quality of 1.
    frame_interval_s
        Time between frames, s; None for times in frames.
    events
        Merges and splits (`source`, `target`: rows of the table), which become edges too.
    image_name
        File name of the image.
    image_shape
        Its height and width, px.
    pixel_size
        Its pixel size (y, x), in `unit`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        If a column is missing or `track_id` has the wrong shape.
    OSError
        If the file cannot be written; an existing file is left unchanged.

    References
    ----------
    Ershov et al.: TrackMate 7, Nature Methods 19, 2022, doi 10.1038/s41592-022-01507-1.
    """
    track, frame = checked_tracks(table, track_id, columns)
    root = ElementTree.Element("TrackMate", version="7.11.1")
    model = ElementTree.SubElement(
        root, "Model", spatialunits=unit, timeunits="frame" if frame_interval_s is None else "sec"
    )
    _declare(model)
    _write_spots(model, table, columns, radius, quality, frame_interval_s)
    _write_tracks(model, frame, track, events)
    settings = ElementTree.SubElement(root, "Settings")
    n_frames = int(frame.max(initial=-1)) + 1
    ElementTree.SubElement(
        settings,
        "ImageData",
        filename=image_name,
        folder="",
        width=str(image_shape[1]),
        height=str(image_shape[0]),
        nslices="1",
        nframes=str(n_frames),
        pixelwidth=repr(float(pixel_size[1])),
        pixelheight=repr(float(pixel_size[0])),
        voxeldepth="1.0",
        timeinterval=repr(float(frame_interval_s or 1.0)),
    )
    ElementTree.indent(root)
    with atomic_write(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="UTF-8", xml_declaration=True)
    return Path(path)


def _declare(model: ElementTree.Element) -> None:
    """Declare the features; TrackMate rejects undeclared ones."""
    declarations = ElementTree.SubElement(model, "FeatureDeclarations")
    for group, features in (
        ("SpotFeatures", SPOT_FEATURES),
        ("EdgeFeatures", EDGE_FEATURES),
        ("TrackFeatures", TRACK_FEATURES),
    ):
        parent = ElementTree.SubElement(declarations, group)
        for feature, name, short, dimension, whole in features:
            ElementTree.SubElement(
                parent,
                "Feature",
                feature=feature,
                name=name,
                shortname=short,
                dimension=dimension,
                isint="true" if whole else "false",
            )


def _write_spots(
    model: ElementTree.Element,
    table: pd.DataFrame,
    columns: Sequence[str],
    radius: float,
    quality: str | None,
    interval_s: float | None,
) -> None:
    """Write the detections, by frame, as TrackMate spots."""
    frame = table["frame"].to_numpy(np.int64)
    position = table[list(columns)].to_numpy(np.float64)
    values = np.ones(frame.size) if quality is None else table[quality].to_numpy(np.float64)
    time = frame * (1.0 if interval_s is None else interval_s)
    if interval_s is not None and "time_s" in table.columns:
        time = table["time_s"].to_numpy(np.float64)
    spots = ElementTree.SubElement(model, "AllSpots", nspots=str(frame.size))
    order = np.argsort(frame, kind="stable")
    parent, current = spots, -1
    for row in order:
        if frame[row] != current:
            current = int(frame[row])
            parent = ElementTree.SubElement(spots, "SpotsInFrame", frame=str(current))
        ElementTree.SubElement(
            parent,
            "Spot",
            ID=str(row),
            name=f"ID{row}",
            QUALITY=repr(float(values[row])),
            POSITION_X=repr(float(position[row, 1])),
            POSITION_Y=repr(float(position[row, 0])),
            POSITION_Z=repr(float(position[row, 2])) if position.shape[1] > 2 else "0.0",
            POSITION_T=repr(float(time[row])),
            FRAME=str(current),
            RADIUS=repr(float(radius)),
            VISIBILITY="1",
        )


def _write_tracks(
    model: ElementTree.Element,
    frame: npt.NDArray[np.int64],
    track: npt.NDArray[np.int64],
    events: pd.DataFrame | None,
) -> None:
    """Write the edges; tracks that are connected by events form one TrackMate track, named after the first one."""
    order = np.lexsort([frame, track])
    order = order[track[order] >= 0]
    same = track[order][1:] == track[order][:-1]
    source, target = order[:-1][same], order[1:][same]
    owner = np.arange(int(track.max(initial=-1)) + 1)
    if events is not None and len(events):
        source = np.append(source, events["source"].to_numpy(np.int64))
        target = np.append(target, events["target"].to_numpy(np.int64))
        owner = _joined(owner.size, events)
    groups: dict[int, ElementTree.Element] = {}
    tracks = ElementTree.SubElement(model, "AllTracks")
    for a, b in zip(source.tolist(), target.tolist(), strict=True):
        name = int(owner[track[a]])
        if name not in groups:
            groups[name] = ElementTree.SubElement(
                tracks, "Track", name=f"Track_{name}", TRACK_ID=str(name), TRACK_INDEX=str(len(groups))
            )
        ElementTree.SubElement(
            groups[name], "Edge", SPOT_SOURCE_ID=str(a), SPOT_TARGET_ID=str(b), LINK_COST="-1.0"
        )
    kept = ElementTree.SubElement(model, "FilteredTracks")
    for name in groups:
        ElementTree.SubElement(kept, "TrackID", TRACK_ID=str(name))


def _joined(n_tracks: int, events: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the first track of the lineage of each track."""
    lineage = lineages(n_tracks, events)
    return np.unique(lineage, return_index=True)[1][lineage]
