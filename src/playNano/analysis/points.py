"""What a detection or tracking found, as one validated table of points for the modules that follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.tables import RowsByFrame, RowsByGroup
from playNano.errors import MissingInputError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

DETECTIONS = ("feature_detection", "log_blob_detection", "peak_detection", "template_detection")
"""The built-in modules whose detections can be tracked and clustered."""


class _Default(str):
    """A default that can be told from the same name given by the caller."""

    __slots__ = ()


DEFAULT_DETECTION = _Default(DETECTIONS[0])
"""Stands for ``"feature_detection"``, or, where that has not run, for the one detection that has."""

DEFAULT_COORDINATES = _Default("features_per_frame")
"""Stands for ``"features_per_frame"``, or for ``"tracks"`` of a module that has only those."""

PIXEL_AXES = {"centroid_x": 1, "x": 1, "centroid_y": 0, "y": 0}
"""Coordinates in px, and which edge of a pixel turns them into nm."""

Column = npt.NDArray[np.float64]
Find = Callable[[Any], Any]

# Names by which a coordinate may go, besides its own; a number picks from a tuple.
_ALIASES: dict[str, tuple[str | tuple[str, int], ...]] = {
    "centroid_x": (("centroid", 1), "x"),
    "centroid_y": (("centroid", 0), "y"),
    "x": (("centroid", 1), "centroid_x"),
    "y": (("centroid", 0), "centroid_y"),
}


@dataclass(frozen=True)
class Points:
    """Detections or tracks, one point each.

    Parameters
    ----------
    table
        ``frame``, ``point_index``, ``time_s`` and the coordinates asked for, float64. Of a detection: its frame, its
        place within the frame and the frame's start. Of a track: its first frame, its id, and means over its
        detections.
    seen
        One row for each time that a point was seen: ``point`` (row of `table`), ``frame``, ``time_s``.
        A detection is seen once, a track in each frame in which it was detected.
    places_nm
        (N, 2) y, x, nm; None where the points do not tell them.
    of_tracks
        Whether a point is a track.
    """

    table: pd.DataFrame
    seen: pd.DataFrame
    places_nm: Column | None
    of_tracks: bool


def settle_detection(params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
    """Name the module, and its output, that defaults stand for."""
    settled = dict(params)
    chosen, key = params["detection_module"], params.get("coord_key")
    if isinstance(chosen, _Default):
        others = [name for name in DETECTIONS if name in previous_results]
        chosen = others[0] if others and chosen not in previous_results else str(chosen)
        settled["detection_module"] = chosen
    if isinstance(key, _Default):
        outputs = previous_results.get(chosen, {})
        settled["coord_key"] = "tracks" if key not in outputs and "tracks" in outputs else str(key)
    return settled


def detection_outputs(
    previous_results: Mapping[str, Any] | None, module: str, coord_key: str
) -> Mapping[str, Any]:
    """Return the outputs of the detection module asked for.

    Raises
    ------
    MissingInputError
        If it has not run before, or gave no such output; the message says what there is.
    """
    available = previous_results or {}
    if module not in available:
        ran = ", ".join(available) or "no module"
        raise MissingInputError(
            f"this module needs the detections of {module!r}, but before it ran: {ran}; "
            f"add {module!r} first, or set detection_module"
        )
    outputs: Mapping[str, Any] = available[module]
    if coord_key not in outputs:
        raise MissingInputError(
            f"{module!r} has no output {coord_key!r} (it has: {', '.join(outputs)}); set coord_key"
        )
    return outputs


def detected_points(
    stack: AFMImageStack,
    previous_results: Mapping[str, Any] | None,
    detection_module: str,
    coord_key: str,
    coord_columns: Sequence[str],
) -> pd.DataFrame:
    """Return one row for each detection: where it is, and how to find it again.

    Parameters
    ----------
    stack
        The movie that was searched.
    previous_results
        Module name -> its latest outputs.
    detection_module, coord_key
        Whose output, and which.
    coord_columns
        Names of the coordinates: any column of the detection, or ``centroid_x, centroid_y, x, y`` (px).

    Returns
    -------
    pandas.DataFrame
        ``frame``, ``point_index`` (place within the frame), ``time_s`` (the frame's start), and the
        coordinates under the names asked for, float64; in the detection's order.

    Raises
    ------
    MissingInputError
        If there is no such output.
    ParameterError
        If the detections have no such coordinate, or not a number in it.
    """
    listed = detection_outputs(previous_results, detection_module, coord_key)[coord_key]
    return _table(stack, _detections(listed), coord_columns, detection_module)


def points_of(
    stack: AFMImageStack,
    previous_results: Mapping[str, Any] | None,
    module: str,
    coord_key: str,
    coord_columns: Sequence[str],
) -> Points:
    """Return detections, or tracks at their mean positions, as points.

    Parameters
    ----------
    stack
        The movie that was searched.
    previous_results
        Module name -> its latest outputs.
    module, coord_key
        Whose output, and which: detections per frame, or tracks (dicts with ``id``, ``frames`` and ``coords``, None
        where a detection is missing).
    coord_columns
        Names of the coordinates: any column, or ``centroid_x, centroid_y, x, y`` (px). Where tracks come as plain
        dicts, which do not name their coordinates, these are the names.

    Raises
    ------
    MissingInputError
        If there is no such output.
    ParameterError
        If the points have no such coordinate, or not a number in it.
    """
    outputs = detection_outputs(previous_results, module, coord_key)
    listed = outputs[coord_key]
    of_tracks = isinstance(listed, RowsByGroup) or (len(listed) > 0 and isinstance(listed[0], Mapping))
    rows = _tracks(listed, outputs.get("table"), coord_columns, module) if of_tracks else _detections(listed)
    table = _table(stack, rows, coord_columns, module)
    seen = table[["frame", "time_s"]].copy()
    seen.insert(0, "point", np.arange(len(table), dtype=np.int64))
    places = [_found(rows, name, module) for name in ("centroid_y", "centroid_x")]
    if of_tracks:
        tracks, point = np.unique(rows.index, return_inverse=True)
        seen["point"] = point.astype(np.int64)
        table = _means(table, point)
        table["point_index"] = tracks
        places = [None if place is None else _mean(place, point, len(tracks)) for place in places]
    yx = None
    if places[0] is not None and places[1] is not None:
        yx = np.column_stack([places[0], places[1]]) * np.asarray(stack.pixel_size_yx_nm)
    return Points(table, seen, yx, of_tracks)


@dataclass(frozen=True)
class _Rows:
    """Detections: frame, place within the frame (or track), a search for columns, and the names to be had."""

    frames: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    find: Find
    names: Sequence[str]


def joined(rows: Any, detections: Any, group: str) -> Any:
    """Return the detections' own columns for grouped rows, the group's number first."""
    keys = [group, "frame", "point_index"]
    if not isinstance(detections, RowsByFrame):
        return rows
    places = detections.places(rows["frame"], rows["point_index"])
    table = detections.table.iloc[places].reset_index(drop=True).drop(columns=["frame"])
    for place, key in enumerate(keys):
        table.insert(place, key, rows[key].to_numpy())
    return table


def _detections(listed: Any) -> _Rows:
    if isinstance(listed, RowsByFrame):
        counts, frames = listed.counts(), listed.table["frame"].to_numpy(dtype=np.int64)
        find, names = _finder_in_view(listed), [*listed.fields, *listed.table.columns]
    else:
        counts = np.array([len(points) for points in listed], dtype=np.int64)
        frames = np.repeat(np.arange(len(listed)), counts)
        flat = [point for points in listed for point in points]
        find, names = _finder_in_dicts(flat), list(flat[0]) if flat else []
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    return _Rows(frames, np.arange(len(frames)) - np.repeat(starts, counts), find, names)


def _tracks(listed: Any, table: pd.DataFrame | None, coord_columns: Sequence[str], module: str) -> _Rows:
    """Return the detections of tracks; `table` has further columns of theirs, in the same order."""
    if isinstance(listed, RowsByGroup):
        rows = listed.table
        ids, frames = rows[listed.group].to_numpy(dtype=np.int64), rows["frame"].to_numpy(dtype=np.int64)
        wide = rows if table is None or len(table) != len(rows) else table
        columns: dict[str, Any] = {name: wide[name] for name in wide} | {name: rows[name] for name in rows}
        return _Rows(frames, ids, columns.get, list(columns))
    flat = [
        (track["id"], frame, tuple(coords))
        for track in listed
        for frame, coords in zip(track["frames"], track["coords"], strict=True)
        if coords is not None
    ]
    if any(len(coords) != len(coord_columns) for _, _, coords in flat):
        raise ParameterError(
            f"the tracks of {module!r} have {len(flat[0][2])} coordinates each; coord_columns names "
            f"{len(coord_columns)}"
        )
    ids, frames = (np.array([row[i] for row in flat], dtype=np.int64) for i in (0, 1))
    columns = {name: [row[2][place] for row in flat] for place, name in enumerate(coord_columns)}
    return _Rows(frames, ids, columns.get, list(columns))


def _table(stack: AFMImageStack, rows: _Rows, coord_columns: Sequence[str], module: str) -> pd.DataFrame:
    import pandas as pd

    columns = {}
    for name in coord_columns:
        values = _found(rows, name, module)
        if values is None:
            known = ", ".join(dict.fromkeys(map(str, rows.names)))
            raise ParameterError(
                f"the detections of {module!r} have no coordinate {name!r} (they have: {known})"
            )
        columns[name] = values
    times = np.array(stack.get_frame_times(), dtype=np.float64)
    if len(rows.frames) and int(rows.frames.max()) >= len(times):
        raise ParameterError(f"{module!r} has detections in frame {rows.frames.max()} of {len(times)} frames")
    return pd.DataFrame(
        {
            "frame": rows.frames.astype(np.int64),
            "point_index": rows.index.astype(np.int64),
            "time_s": times[rows.frames] if len(rows.frames) else np.empty(0),
            **columns,
        }
    )


def _means(table: pd.DataFrame, point: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Return one row a track: the first frame, the mean of all else."""
    groups = table.groupby(point)
    means = groups.mean()
    means["frame"] = groups["frame"].min().astype(np.int64)
    return means


def _mean(values: Column, point: npt.NDArray[np.int64], n_points: int) -> Column:
    count = np.bincount(point, minlength=n_points)
    return np.asarray(np.bincount(point, weights=values, minlength=n_points) / count)


def _found(rows: _Rows, name: str, module: str) -> Column | None:
    """Return a coordinate under its own name or another that it goes by; None if there is none."""
    for key in (name, *_ALIASES.get(name, ())):
        try:
            values = rows.find(key)
        except (KeyError, IndexError, TypeError) as error:
            raise ParameterError(
                f"coordinate {name!r} of {module!r} is missing in some detections: {error!r}"
            ) from error
        if values is not None:
            return _numbers(values, name, module)
    return None


def _finder_in_view(view: RowsByFrame) -> Find:
    def find(key: Any) -> Any:
        column: Any = key
        if isinstance(key, tuple):
            field = view.fields.get(key[0])
            column = field[key[1]] if isinstance(field, tuple) else None
        elif key not in view.table:
            column = view.fields.get(key)
        return view.table[column].to_numpy() if isinstance(column, str) and column in view.table else None

    return find


def _finder_in_dicts(points: Sequence[Mapping[str, Any]]) -> Find:
    def find(key: Any) -> Any:
        field, *place = key if isinstance(key, tuple) else (key,)
        if not points:
            return []
        if field not in points[0]:
            return None
        return [point[field][place[0]] if place else point[field] for point in points]

    return find


def _numbers(values: Any, name: str, module: str) -> npt.NDArray[np.float64]:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"coordinate {name!r} of {module!r} is not a number: {error}") from error
    bad = np.count_nonzero(~np.isfinite(numbers))
    if bad:
        raise ParameterError(
            f"coordinate {name!r} of {module!r} is not finite for {bad} of {numbers.size} detections"
        )
    return numbers
