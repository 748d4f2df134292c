"""Tracks from plain tables: other programs' column names, times from a frame interval, positions from pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from playNano.algorithms.measurement.tracked_movie import Clock, Frames, TrackedMovie, tracked_movie
from playNano.algorithms.measurement.window import Window
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd
    from _typeshed import DataclassInstance
    from numpy.typing import NDArray

Options = TypeVar("Options", bound="DataclassInstance")

TRACK_NAMES = ("track_id", "particle", "TRACK_ID", "track", "ID")
FRAME_NAMES = ("frame", "FRAME", "t")


def tracks_from_table(
    table: pd.DataFrame,
    *,
    frame_interval_s: float | None = None,
    pixel_size_nm: float | tuple[float, float] | None = None,
    window: Window | None = None,
    frames: Frames | None = None,
) -> TrackedMovie:
    """Return the tracks of a plain table for measurement.

    Parameters
    ----------
    table
        A row a detection: the track (``track_id``, ``particle`` or ``TRACK_ID``), the ``frame``, and the place:
        ``y_nm, x_nm``; or ``y, x`` in px and `pixel_size_nm`. ``time_s`` counts where the table has it.
    frame_interval_s
        Time from frame to frame, s, > 0, for tables without ``time_s``; None and no ``time_s``: the numbers of the
        frames take the place of times, and names of results end in ``_frame`` instead of ``_s``.
    pixel_size_nm
        Pixel size, or (y, x), nm, > 0, for tables with places in px.
    window
        In which a particle can be detected; None: unbounded, so that no track leaves through a border.
    frames
        Times of the frames and which are observed; None: all up to the last frame of the table are observed.

    Returns
    -------
    TrackedMovie
        The tracks.

    Raises
    ------
    ParameterError
        A column or the pixel size is missing; a track or frame that is no whole number; a place or a time that is
        no finite number; a frame interval or pixel size that is not finite and positive.

    Examples
    --------
    >>> import pandas as pd
    >>> trackpy = pd.DataFrame({"particle": [0, 0], "frame": [0, 1], "y": [1.0, 2.0], "x": [3.0, 3.0]})
    >>> movie = tracks_from_table(trackpy, frame_interval_s=0.5, pixel_size_nm=2.0)
    >>> movie.table[["track_id", "time_s", "y_nm"]].values.tolist(), movie.clock
    ([[0.0, 0.0, 2.0], [0.0, 0.5, 4.0]], 'frame')
    """
    out = table.copy()
    for name, others in (("track_id", TRACK_NAMES), ("frame", FRAME_NAMES)):
        given = next((other for other in others if other in out), None)
        if given is None:
            raise ParameterError(f"the table has no column {name!r}; it needs one of {', '.join(others)}")
        out[name] = out[given]
    out = out[out["track_id"].notna() & out["frame"].notna()]
    out = out.assign(track_id=_whole(out, "track_id"), frame=_whole(out, "frame"))
    if not {"y_nm", "x_nm"} <= {*out.columns}:
        out = _in_nm(out, pixel_size_nm)
    out = out.assign(**{name: _finite(out, name) for name in ("y_nm", "x_nm", "time_s") if name in out})
    n_frames = int(out["frame"].max()) + 1 if len(out) else 0
    clock: Clock = "line"
    if "time_s" not in out:
        clock = "index" if frame_interval_s is None else "frame"
        out["time_s"] = out["frame"] * (1.0 if frame_interval_s is None else _positive(frame_interval_s))
    if frames is None:
        frames = Frames.regular(n_frames, _interval(out) if frame_interval_s is None else frame_interval_s)
    unbounded = Window(-np.inf, np.inf, -np.inf, np.inf)
    return tracked_movie(out, frames, unbounded if window is None else window, clock=clock)


def options_from(kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Return the options of a measurement from keywords.

    Parameters
    ----------
    kind
        Dataclass of the options.
    values
        Values by name.

    Raises
    ------
    ParameterError
        A name is unknown (the message has the most similar one), or a value is outside its limits.
    """
    names = [field.name for field in fields(kind)]
    for name in values:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"unknown option {name!r}{hint} (there are: {', '.join(names)})")
    return kind(**values)


def _in_nm(table: pd.DataFrame, pixel_size_nm: float | tuple[float, float] | None) -> pd.DataFrame:
    """Return a table with places in nm, from those in px."""
    if not {"y", "x"} <= {*table.columns}:
        raise ParameterError("the table has neither y_nm and x_nm nor y and x")
    if pixel_size_nm is None:
        raise ParameterError("the table has places in px: give pixel_size_nm")
    size = np.asarray(pixel_size_nm)
    if size.dtype.kind not in "iuf" or size.shape not in ((), (1,), (2,)):
        raise ParameterError(f"pixel_size_nm is {pixel_size_nm!r}; it must be a number, or two: (y, x)")
    y, x = (_positive(float(edge), "pixel_size_nm") for edge in np.broadcast_to(size, 2))
    return table.assign(y_nm=_finite(table, "y") * y, x_nm=_finite(table, "x") * x)


def _positive(value: float, name: str = "frame_interval_s") -> float:
    if not 0 < value < np.inf:
        raise ParameterError(f"{name} is {value}; it must be positive and finite")
    return float(value)


def _finite(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column as numbers, or raise an error that names its first row that is none."""
    try:
        values = table[name].to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"the column {name!r} of the table contains something other than numbers"
        ) from error
    if table[name].dtype.kind not in "iuf" and len(table):
        raise ParameterError(
            f"the column {name!r} of the table contains text or objects, and must contain numbers"
        )
    wrong = ~np.isfinite(values)
    if wrong.any():
        row = table.iloc[int(np.argmax(wrong))]
        raise ParameterError(
            f"the column {name!r} is not a finite number in {int(wrong.sum())} of {len(table)} rows, first for track "
            f"{row['track_id']:g} in frame {row['frame']:g}; leave these rows out"
        )
    return values


def _whole(table: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """Return a column of whole numbers, or raise an error: rounded frames or tracks would be other ones."""
    try:
        values = table[name].to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"the column of {name!r} contains something other than numbers") from error
    wrong = ~np.isfinite(values) | (values != np.round(values))
    if wrong.any():
        first = values[int(np.argmax(wrong))]
        hint = "; number the frames 0, 1, 2 ... (times belong in 'time_s')" if name == "frame" else ""
        raise ParameterError(f"the column of {name!r} must contain whole numbers, and has {first:g}{hint}")
    return values.astype(np.int64)


def _interval(table: pd.DataFrame) -> float:
    """Return the typical time from frame to frame of a table with times, s; 1 if it has no two frames."""
    first = table.groupby("frame")["time_s"].median()
    if len(first) < 2:
        return 1.0
    steps = np.diff(first.to_numpy(np.float64)) / np.diff(first.index.to_numpy(np.float64))
    return float(np.median(steps))
