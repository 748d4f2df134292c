"""What a detection found, as one validated table of points for the modules that follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.tables import RowsByFrame
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

# Names by which a coordinate may go, besides its own; a number picks from a tuple.
_ALIASES: dict[str, tuple[str | tuple[str, int], ...]] = {
    "centroid_x": (("centroid", 1), "x"),
    "centroid_y": (("centroid", 0), "y"),
    "x": (("centroid", 1), "centroid_x"),
    "y": (("centroid", 0), "centroid_y"),
}


def settle_detection(params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
    """Name the detection module that a default stands for."""
    chosen = params["detection_module"]
    if isinstance(chosen, _Default):
        others = [name for name in DETECTIONS if name in previous_results]
        chosen = others[0] if others and chosen not in previous_results else str(chosen)
    return {**params, "detection_module": chosen}


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
    import pandas as pd

    listed = detection_outputs(previous_results, detection_module, coord_key)[coord_key]
    if isinstance(listed, RowsByFrame):
        frames = listed.table["frame"].to_numpy()
        counts = listed.counts()
        columns = {name: _from_view(listed, name, detection_module) for name in coord_columns}
    else:
        counts = np.array([len(points) for points in listed], dtype=np.int64)
        frames = np.repeat(np.arange(len(listed)), counts)
        flat = [point for points in listed for point in points]
        columns = {name: _from_dicts(flat, name, detection_module) for name in coord_columns}
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    point_index = np.arange(len(frames)) - np.repeat(starts, counts)
    times = np.array(stack.get_frame_times(), dtype=np.float64)
    if len(frames) and int(frames[-1]) >= len(times):
        raise ParameterError(
            f"{detection_module!r} has detections in frame {frames[-1]} of {len(times)} frames"
        )
    return pd.DataFrame(
        {
            "frame": frames.astype(np.int64),
            "point_index": point_index.astype(np.int64),
            "time_s": times[frames] if len(frames) else np.empty(0),
            **columns,
        }
    )


def _from_view(view: RowsByFrame, name: str, module: str) -> npt.NDArray[np.float64]:
    for key in (name, *_ALIASES.get(name, ())):
        column: Any = key
        if isinstance(key, tuple):
            field = view.fields.get(key[0])
            column = field[key[1]] if isinstance(field, tuple) else None
        elif key not in view.table:
            column = view.fields.get(key)
        if isinstance(column, str) and column in view.table:
            return _numbers(view.table[column].to_numpy(), name, module)
    raise _no_such_column(name, module, [*view.fields, *view.table.columns])


def _from_dicts(points: Sequence[Mapping[str, Any]], name: str, module: str) -> npt.NDArray[np.float64]:
    if not points:
        return np.empty(0)
    for key in (name, *_ALIASES.get(name, ())):
        field, *place = key if isinstance(key, tuple) else (key,)
        if field not in points[0]:
            continue
        try:
            values = [point[field][place[0]] if place else point[field] for point in points]
        except (KeyError, IndexError, TypeError) as error:
            raise ParameterError(
                f"coordinate {name!r} of {module!r} is missing in some detections: {error!r}"
            ) from error
        return _numbers(values, name, module)
    raise _no_such_column(name, module, points[0])


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


def _no_such_column(name: str, module: str, available: Any) -> ParameterError:
    known = ", ".join(dict.fromkeys(map(str, available)))
    return ParameterError(f"the detections of {module!r} have no coordinate {name!r} (they have: {known})")
