"""Write tracks as a TrackMate file."""

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

Feature = tuple[str, str, str, str, bool]

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
LINE_TIME = ("LINE_TIME", "Time of the scan line", "Line time", "TIME", False)
"""Feature of movies whose spots have times of their own: when the tip passed the spot."""

EDGE_FEATURES = (
    ("SPOT_SOURCE_ID", "Source spot ID", "Source ID", "NONE", True),
    ("SPOT_TARGET_ID", "Target spot ID", "Target ID", "NONE", True),
    ("LINK_COST", "Edge cost", "Cost", "COST", False),
)
TRACK_FEATURES = (
    ("TRACK_INDEX", "Track index", "Index", "NONE", True),
    ("TRACK_ID", "Track ID", "ID", "NONE", True),
    ("NUMBER_SPOTS", "Number of spots in track", "N spots", "NONE", True),
    ("TRACK_START", "Track start", "Track start", "TIME", False),
    ("TRACK_STOP", "Track stop", "Track stop", "TIME", False),
    ("TRACK_DURATION", "Track duration", "Duration", "TIME", False),
)


def write_trackmate_xml(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    track_id: npt.ArrayLike,
    *,
    columns: Sequence[str] = ("y", "x"),
    unit: str = "pixel",
    radius: npt.ArrayLike = 1.0,
    quality: str | None = None,
    frame_interval_s: float | None = None,
    events: pd.DataFrame | None = None,
    n_frames: int | None = None,
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
        Radius of the spots, in that unit: a number, or one per detection, (N,).
    quality
        Column with the quality of the spots; None for a quality of 1.
    frame_interval_s
        Time between frames, s; None for times in frames. The time of a spot is that of its frame, as TrackMate
        requires; the column `time_s` becomes the feature LINE_TIME.
    n_frames
        Number of frames of the movie; None if it ends with the last detection.
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
    line_times = table["time_s"].to_numpy(np.float64) if frame_interval_s and "time_s" in table else None
    interval = float(frame_interval_s or 1.0)
    root = ElementTree.Element("TrackMate", version="7.11.1")
    ElementTree.SubElement(root, "Log").text = "Written by playNano."
    model = ElementTree.SubElement(
        root, "Model", spatialunits=unit, timeunits="frame" if frame_interval_s is None else "sec"
    )
    _declare(model, SPOT_FEATURES if line_times is None else (*SPOT_FEATURES, LINE_TIME))
    spots = {
        "QUALITY": np.ones(frame.size) if quality is None else table[quality].to_numpy(np.float64),
        "RADIUS": np.broadcast_to(np.asarray(radius, dtype=np.float64), frame.shape),
    } | ({} if line_times is None else {"LINE_TIME": line_times})
    _write_spots(model, frame, table[list(columns)].to_numpy(np.float64), spots, interval)
    _write_tracks(model, frame, track, events, interval)
    size = {"width": image_shape[1], "height": image_shape[0]}
    frames = max(int(frame.max(initial=-1)) + 1, n_frames or 0)
    lowest = min(0.0, float(np.min(spots["QUALITY"], initial=1.0)) - 1.0)
    _write_settings(root, image_name, size, frames, {"pixel": pixel_size, "interval": interval}, lowest)
    ElementTree.indent(root)
    with atomic_write(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="UTF-8", xml_declaration=True)
    return Path(path)


def _write_settings(
    root: ElementTree.Element,
    name: str,
    size: dict[str, int],
    frames: int,
    scale: dict[str, Any],
    lowest: float,
) -> None:
    """Write the image and the filters, which keep everything, without which readers refuse the file."""
    settings = ElementTree.SubElement(root, "Settings")
    ElementTree.SubElement(
        settings,
        "ImageData",
        filename=name,
        folder="",
        width=str(size["width"]),
        height=str(size["height"]),
        nslices="1",
        nframes=str(frames),
        pixelwidth=repr(float(scale["pixel"][1])),
        pixelheight=repr(float(scale["pixel"][0])),
        voxeldepth="1.0",
        timeinterval=repr(scale["interval"]),
    )
    ends = {"x": size["width"], "y": size["height"], "z": 1, "t": frames}
    bounds = {f"{axis}{end}": "0" for axis in ends for end in ("start", "end")}
    ElementTree.SubElement(
        settings, "BasicSettings", bounds | {f"{axis}end": str(max(n - 1, 0)) for axis, n in ends.items()}
    )
    ElementTree.SubElement(settings, "DetectorSettings", DETECTOR_NAME="MANUAL_DETECTOR", RADIUS="1.0")
    ElementTree.SubElement(
        settings, "InitialSpotFilter", feature="QUALITY", value=_number(lowest), isabove="true"
    )
    ElementTree.SubElement(settings, "SpotFilterCollection")
    ElementTree.SubElement(settings, "TrackerSettings", TRACKER_NAME="MANUAL_TRACKER")
    ElementTree.SubElement(settings, "TrackFilterCollection")
    ElementTree.SubElement(settings, "AnalyzerCollection")


def _declare(model: ElementTree.Element, spot_features: Sequence[Feature]) -> None:
    """Declare the features; TrackMate rejects undeclared ones."""
    declarations = ElementTree.SubElement(model, "FeatureDeclarations")
    for group, features in (
        ("SpotFeatures", spot_features),
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
    frame: npt.NDArray[np.int64],
    position: npt.NDArray[np.float64],
    features: dict[str, npt.NDArray[np.float64]],
    interval: float,
) -> None:
    """Write the detections, by frame, as TrackMate spots."""
    spots = ElementTree.SubElement(model, "AllSpots", nspots=str(frame.size))
    order = np.argsort(frame, kind="stable")
    parent, current = spots, -1
    for row in order:
        if frame[row] != current:
            current = int(frame[row])
            parent = ElementTree.SubElement(spots, "SpotsInFrame", frame=str(current))
        attributes = {
            "ID": str(row),
            "name": f"ID{row}",
            "POSITION_X": _number(position[row, 1]),
            "POSITION_Y": _number(position[row, 0]),
            "POSITION_Z": _number(position[row, 2]) if position.shape[1] > 2 else "0.0",
            "POSITION_T": _number(current * interval),
            "FRAME": str(current),
            "VISIBILITY": "1",
        }
        attributes |= {name: _number(values[row]) for name, values in features.items()}
        ElementTree.SubElement(parent, "Spot", attributes)


def _number(value: float) -> str:
    """Return a number as Java reads it."""
    value = float(value)
    if np.isnan(value):
        return "NaN"
    return repr(value).replace("inf", "Infinity")


def _write_tracks(
    model: ElementTree.Element,
    frame: npt.NDArray[np.int64],
    track: npt.NDArray[np.int64],
    events: pd.DataFrame | None,
    interval: float,
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
    members: dict[int, set[int]] = {}
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
        members.setdefault(name, set()).update((a, b))
    for name, group in groups.items():
        times = frame[list(members[name])] * interval
        group.set("NUMBER_SPOTS", str(len(members[name])))
        group.set("TRACK_START", _number(times.min()))
        group.set("TRACK_STOP", _number(times.max()))
        group.set("TRACK_DURATION", _number(np.ptp(times)))
    kept = ElementTree.SubElement(model, "FilteredTracks")
    for name in groups:
        ElementTree.SubElement(kept, "TrackID", TRACK_ID=str(name))


def _joined(n_tracks: int, events: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the first track of the lineage of each track."""
    lineage = lineages(n_tracks, events)
    return np.unique(lineage, return_index=True)[1][lineage]
