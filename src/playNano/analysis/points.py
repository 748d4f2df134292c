"""Convert detections or tracks of earlier modules to a validated table of points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.previous import of_kind
from playNano.core.tables import RowsByFrame, RowsByGroup
from playNano.core.value_units import missing_column_reason
from playNano.errors import MissingInputError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

DETECTIONS = ("feature_detection", "log_blob_detection", "peak_detection", "template_detection")
"""The built-in modules whose detections can be tracked and clustered."""

IN_REGION = "detections_in_region"  # keeps the detections of another module in a region
DEFAULT_DETECTION = DETECTIONS[0]
"""Default of ``detection_module`` if no detection module has run (see `resolve_detection`)."""

DEFAULT_OUTPUT = "features_per_frame"
"""Default of ``coord_key`` for a detection module (see `resolve_detection`)."""

PIXEL_AXES = {"centroid_x": 1, "x": 1, "centroid_y": 0, "y": 0}
"""Coordinate in px -> axis of the pixel size (0: y, 1: x) that converts it to nm."""

Column = npt.NDArray[np.float64]
Find = Callable[[Any], Any]

# Alternative keys of a coordinate; a number is an index into a tuple.
_ALIASES: dict[str, tuple[str | tuple[str, int], ...]] = {
    "centroid_x": (("centroid", 1), "x"),
    "centroid_y": (("centroid", 0), "y"),
    "x": (("centroid", 1), "centroid_x"),
    "y": (("centroid", 0), "centroid_y"),
}


@dataclass(frozen=True)
class Points:
    """Detections or tracks as points.

    Parameters
    ----------
    table
        ``frame``, ``point_index``, ``time_s`` and the named coordinates, float64. For a detection: its frame, its
        index within the frame and the start of the frame. For a track: its first frame, its id, and means over its
        detections.
    observations
        One row for each detection of a point: ``point`` (row of `table`), ``frame``, ``time_s``. A detection has
        one row, a track one for each frame in which it was detected.
    positions_nm
        (N, 2) y, x, nm; None if the points have no position.
    of_tracks
        Whether the points are tracks.
    """

    table: pd.DataFrame
    observations: pd.DataFrame
    positions_nm: Column | None
    of_tracks: bool


def resolve_detection(params: Mapping[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
    """Set the detection module and the name of its output if they are not given.

    Parameters
    ----------
    params
        Parameters by name. ``detection_module`` and ``coord_key`` are kept if they are given.
    previous_results
        Module name -> its latest outputs.

    Returns
    -------
    dict
        With ``detection_module``: `IN_REGION` if it has run, else the first of `DETECTIONS` that has run, else the
        latest detection of a plugin, or "feature_detection" if none has; and ``coord_key``: "tracks" for a module with
        this output and without "features_per_frame", else "features_per_frame".

    Examples
    --------
    >>> resolve_detection({}, {"peak_detection": {}})
    {'detection_module': 'peak_detection', 'coord_key': 'features_per_frame'}
    >>> resolve_detection({"detection_module": "particle_tracking"}, {"particle_tracking": {"tracks": []}})
    {'detection_module': 'particle_tracking', 'coord_key': 'tracks'}
    """
    resolved = dict(params)
    if "detection_module" not in params:
        ran = [name for name in (IN_REGION, *DETECTIONS) if name in previous_results]
        others = of_kind(previous_results, "detection")[-1:]
        resolved["detection_module"] = (ran or others or [DEFAULT_DETECTION])[0]
    if "coord_key" not in params:
        outputs = previous_results.get(resolved["detection_module"], {})
        only_tracks = "tracks" in outputs and DEFAULT_OUTPUT not in outputs
        resolved["coord_key"] = "tracks" if only_tracks else DEFAULT_OUTPUT
    return resolved


def detection_outputs(
    previous_results: Mapping[str, Any] | None, module: str, coord_key: str
) -> Mapping[str, Any]:
    """Return the outputs of a module that has run.

    Parameters
    ----------
    previous_results
        Module name -> its latest outputs.
    module
        Name of the module.
    coord_key
        Name of an output that it must have.

    Raises
    ------
    MissingInputError
        If it has not run before, or has no such output; the message lists those available.
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
    """Return one row for each detection: its position, frame and index within the frame.

    Parameters
    ----------
    stack
        The movie.
    previous_results
        Module name -> its latest outputs.
    detection_module
        Name of the detection module.
    coord_key
        Name of its output that lists the detections.
    coord_columns
        Names of the coordinates: any column of the detection, or ``centroid_x, centroid_y, x, y`` (px).

    Returns
    -------
    pandas.DataFrame
        ``frame``, ``point_index`` (index within the frame), ``time_s`` (start of the frame), and the
        coordinates under their names in `coord_columns`, float64; in the order of the detections.

    Raises
    ------
    MissingInputError
        If there is no such output.
    ParameterError
        If the detections have no such coordinate, or it is not numeric.
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
        The movie.
    previous_results
        Module name -> its latest outputs.
    module
        Name of a detection or tracking module.
    coord_key
        Name of its output that lists detections per frame, or tracks (dicts with ``id``, ``frames`` and ``coords``,
        None where a detection is missing).
    coord_columns
        Names of the coordinates: any column, or ``centroid_x, centroid_y, x, y`` (px). For tracks given as plain
        dicts, in which coordinates have no names, these names are assigned to them.

    Raises
    ------
    MissingInputError
        If there is no such output.
    ParameterError
        If the points have no such coordinate, or it is not numeric.
    """
    outputs = detection_outputs(previous_results, module, coord_key)
    listed = outputs[coord_key]
    of_tracks = isinstance(listed, RowsByGroup) or (len(listed) > 0 and isinstance(listed[0], Mapping))
    rows = _tracks(listed, outputs.get("table"), coord_columns, module) if of_tracks else _detections(listed)
    table = _table(stack, rows, coord_columns, module)
    observations = table[["frame", "time_s"]].copy()
    observations.insert(0, "point", np.arange(len(table), dtype=np.int64))
    y, x = (_coordinate(rows, name, module) for name in ("centroid_y", "centroid_x"))
    yx = None if y is None or x is None else np.column_stack([y, x])
    if of_tracks:
        tracks, point = np.unique(rows.index, return_inverse=True)
        observations["point"] = point.astype(np.int64)
        table = _means(table, point)
        table["point_index"] = tracks
        if yx is not None:
            yx = np.column_stack([_mean(axis, point, len(tracks)) for axis in yx.T])
    positions_nm = None if yx is None else yx * np.asarray(stack.pixel_size_yx_nm) + stack.origin_nm
    return Points(table, observations, positions_nm, of_tracks)


@dataclass(frozen=True)
class _Rows:
    """Detections: frame, index within the frame (or track id), a lookup function, and the names of the columns."""

    frames: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    find: Find
    names: Sequence[str]


def joined(rows: Any, detections: Any, group: str) -> Any:
    """Join grouped rows with the columns of their detections; the number of the group is the first column.

    Parameters
    ----------
    rows
        Table with the column `group`, ``frame`` and ``point_index``.
    detections
        The output to which the rows refer; if it is not a view of a table, `rows` are returned unchanged.
    group
        Name of the column with the number of the group, such as ``"track_id"``.

    Returns
    -------
    pandas.DataFrame
        One row for each of `rows`, in the same order.
    """
    keys = [group, "frame", "point_index"]
    if not isinstance(detections, RowsByFrame):
        return rows
    positions = detections.row_numbers(rows["frame"], rows["point_index"])
    table = detections.table.iloc[positions].reset_index(drop=True).drop(columns=["frame"])
    for column, key in enumerate(keys):
        table.insert(column, key, rows[key].to_numpy())
    return table


def _detections(listed: Any) -> _Rows:
    """Return the rows of detections that are given per frame, as a view of a table or as lists of dicts."""
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
    """Return the rows of the detections of tracks; `table` has their other columns, in the same order."""
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
    columns = {name: [row[2][axis] for row in flat] for axis, name in enumerate(coord_columns)}
    return _Rows(frames, ids, columns.get, list(columns))


def _table(stack: AFMImageStack, rows: _Rows, coord_columns: Sequence[str], module: str) -> pd.DataFrame:
    """Return frame, index, time and the named coordinates of detections."""
    import pandas as pd

    columns = {}
    for name in coord_columns:
        values = _coordinate(rows, name, module)
        if values is None:
            known = ", ".join(dict.fromkeys(map(str, rows.names))) + missing_column_reason(name, stack)
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
    """Return one row per track: the first frame, and the means of all other columns."""
    groups = table.groupby(point)
    means = groups.mean()
    means["frame"] = groups["frame"].min().astype(np.int64)
    return means


def _mean(values: Column, point: npt.NDArray[np.int64], n_points: int) -> Column:
    count = np.bincount(point, minlength=n_points)
    return np.asarray(np.bincount(point, weights=values, minlength=n_points) / count)


def _coordinate(rows: _Rows, name: str, module: str) -> Column | None:
    """Return a coordinate, looked up by its name or an alias; None if there is none."""
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
    """Return a function that looks up a column, or an element of a tuple, in a view of a table."""

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
    """Return a function that looks up a key, or an element of a tuple, in dicts."""

    def find(key: Any) -> Any:
        field, *element = key if isinstance(key, tuple) else (key,)
        if not points:
            return []
        if field not in points[0]:
            return None
        return [point[field][element[0]] if element else point[field] for point in points]

    return find


def _numbers(values: Any, name: str, module: str) -> npt.NDArray[np.float64]:
    """Convert a coordinate to float64, or raise if it is not finite."""
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
