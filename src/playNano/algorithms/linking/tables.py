"""Tables of links and tracks, with one row per link or track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.detections import Ints, stable_order
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Unit = Literal["px", "nm", "au"]


def keep_long_tracks(track_id: npt.ArrayLike, min_length: int) -> npt.NDArray[np.int64]:
    """Drop short tracks and renumber the others, in the same order.

    Parameters
    ----------
    track_id
        Track of each detection, (N,); negative: none.
    min_length
        Minimum number of detections, >= 1.

    Returns
    -------
    ndarray of int64, (N,)
        Track of each detection; -1 where the track was dropped.

    Examples
    --------
    >>> keep_long_tracks([0, 1, 1, 2, 2, -1], 2).tolist()
    [-1, 0, 0, 1, 1, -1]
    """
    track = np.asarray(track_id, dtype=np.int64)
    kept = np.bincount(track[track >= 0]) >= min_length
    new_id = np.where(kept, np.cumsum(kept) - 1, -1)
    return np.where(track >= 0, new_id[track] if new_id.size else -1, -1)


def link_table(
    table: pd.DataFrame,
    track_id: npt.ArrayLike,
    *,
    columns: Sequence[str] = ("y", "x"),
    unit: Unit = "px",
    confidence: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Tabulate the links of tracks, one row each.

    Parameters
    ----------
    table
        Detections, with `frame` and the coordinates, and `time_s` where known.
    track_id
        Track of each detection, (N,); negative: none.
    columns
        Coordinate columns.
    unit
        Unit of the coordinates, the suffix of the names of lengths.
    confidence
        Confidence of the link that ends at each detection, (N,).

    Returns
    -------
    DataFrame
        `track_id`, `source` and `target` (rows of `table`), `frame_from`, `frame_to`, `gap` (frames, 1:
        none missing), `time_step_s` (where known), `displacement_<unit>`, `confidence` (where given); by
        track, then frame.

    Raises
    ------
    ParameterError
        If a column is missing or shapes disagree.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [0, 2], "y": [0.0, 3.0], "x": [0.0, 4.0]})
    >>> links = link_table(table, [0, 0])
    >>> links[["source", "target", "gap", "displacement_px"]].values.tolist()
    [[0.0, 1.0, 2.0, 5.0]]
    """
    import pandas as pd

    track, frame = checked_tracks(table, track_id, columns)
    order = rows_by_track(track, frame)
    same = track[order][1:] == track[order][:-1]
    source, target = order[:-1][same], order[1:][same]
    position = table[list(columns)].to_numpy(np.float64)
    links = pd.DataFrame(
        {
            "track_id": track[source],
            "source": source,
            "target": target,
            "frame_from": frame[source],
            "frame_to": frame[target],
            "gap": frame[target] - frame[source],
        }
    )
    if "time_s" in table.columns:
        time = table["time_s"].to_numpy(np.float64)
        links["time_step_s"] = time[target] - time[source]
    links[f"displacement_{unit}"] = np.sqrt(((position[target] - position[source]) ** 2).sum(axis=1))
    if confidence is not None:
        links["confidence"] = np.asarray(confidence, dtype=np.float64)[target]
    return links


def track_table(
    table: pd.DataFrame,
    track_id: npt.ArrayLike,
    *,
    columns: Sequence[str] = ("y", "x"),
    unit: Unit = "px",
    observed: npt.ArrayLike | None = None,
    n_frames: int | None = None,
    height: str = "z_mean_nm",
    confidence: npt.ArrayLike | None = None,
    near_edge: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Tabulate the tracks, one row each: frames, times, length, gaps, displacement, censoring.

    Parameters
    ----------
    table
        Detections, with `frame` and the coordinates, and `time_s` where known.
    track_id
        Track of each detection, (N,); negative: none.
    columns
        Coordinate columns.
    unit
        Unit of the coordinates, the suffix of the names of lengths.
    observed
        Per frame, whether it was observed, (n_frames,) bool; None: all were.
    n_frames
        Number of frames of the movie; None: the length of `observed`, or up to the last frame with a detection.
    height
        Column whose mean over the track is given as `mean_height_nm`, where the table has it.
    confidence
        Confidence of the link that ends at each detection, (N,).
    near_edge
        Whether each detection lies within one step of the border of the window in which particles are detected, (N,);
        None: none does.

    Returns
    -------
    DataFrame
        By track: `track_id`, `start_frame`, `end_frame`, `start_time_s`, `end_time_s`, `duration_s` (where
        known), `length` (detections), `gaps` (interruptions), `missed` (observed frames without a detection
        between start and end), `mean_height_nm` (where known), `net_displacement_<unit>`,
        `path_length_<unit>`, `straightness` (net displacement over path length, 0 to 1; nan without a
        path), `censored_start` and `censored_end` (the frame before or after was not observed, or the movie
        begins or ends there, or the first or last detection is near the edge, so that the particle may have been there
        longer), `mean_confidence`, `min_confidence` (where given); means are over the values that are known.

    Raises
    ------
    ParameterError
        If a column is missing or shapes disagree.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [0, 1, 3], "y": [0.0, 3.0, 3.0], "x": [0.0, 4.0, 4.0]})
    >>> tracks = track_table(table, [0, 0, 0], n_frames=5)
    >>> tracks[["length", "gaps", "missed", "censored_start", "censored_end"]].values.tolist()
    [[3, 1, 1, True, False]]
    """
    import pandas as pd

    track, frame = checked_tracks(table, track_id, columns)
    seen = _observed(observed, n_frames, frame)
    order = rows_by_track(track, frame)
    first = np.flatnonzero(np.diff(track[order], prepend=-1))
    last = np.append(first, order.size)[1:] - 1
    start, end = order[first], order[last]
    rank = np.cumsum(seen)
    length = np.diff(np.append(first, order.size))
    out = pd.DataFrame(
        {"track_id": track[start], "start_frame": frame[start], "end_frame": frame[end], "length": length}
    )
    step_rank = np.diff(rank[frame[order]])
    inside = np.diff(track[order]) == 0
    owner = np.repeat(np.arange(length.size), length - 1)
    out["gaps"] = np.bincount(owner, weights=step_rank[inside] > 1, minlength=length.size).astype(np.int64)
    out["missed"] = np.bincount(owner, weights=step_rank[inside] - 1, minlength=length.size).astype(np.int64)
    if "time_s" in table.columns:
        time = table["time_s"].to_numpy(np.float64)
        out["start_time_s"], out["end_time_s"] = time[start], time[end]
        out["duration_s"] = time[end] - time[start]
    if height in table.columns:
        value = table[height].to_numpy(np.float64)[order]
        out["mean_height_nm"] = _mean_of_known(value, np.repeat(np.arange(length.size), length), length.size)
    position = table[list(columns)].to_numpy(np.float64)
    step = np.sqrt((np.diff(position[order], axis=0) ** 2).sum(axis=1))
    path = np.bincount(owner, weights=step[inside], minlength=length.size)
    net = np.sqrt(((position[end] - position[start]) ** 2).sum(axis=1))
    out[f"net_displacement_{unit}"], out[f"path_length_{unit}"] = net, path
    out["straightness"] = np.divide(net, path, out=np.full(net.size, np.nan), where=path > 0)
    edge = np.zeros(len(frame), np.bool_) if near_edge is None else np.asarray(near_edge, dtype=np.bool_)
    out["censored_start"] = ~np.concatenate([[False], seen])[frame[start]] | edge[start]
    out["censored_end"] = ~np.append(seen, False)[frame[end] + 1] | edge[end]
    if confidence is not None:
        of_link = np.asarray(confidence, dtype=np.float64)[order][1:][inside]
        out["mean_confidence"] = _mean_of_known(of_link, owner, length.size)
        lowest = np.full(length.size, np.inf)
        np.fmin.at(lowest, owner, of_link)
        out["min_confidence"] = np.where(np.isfinite(lowest), lowest, np.nan)
    return out


def _mean_of_known(
    value: npt.NDArray[np.float64], owner: npt.NDArray[np.intp], n_owners: int
) -> npt.NDArray[np.float64]:
    """Return the mean of the values of each owner that are known; NaN where none is."""
    known = np.isfinite(value)
    count = np.bincount(owner[known], minlength=n_owners)
    total = np.bincount(owner[known], weights=value[known], minlength=n_owners)
    mean: npt.NDArray[np.float64] = np.divide(total, count, out=np.full(n_owners, np.nan), where=count > 0)
    return mean


def rows_by_track(track: Ints, frame: Ints) -> Ints:
    """Return the rows that have a track, sorted by track and frame; a track has at most one row per frame.

    Parameters
    ----------
    track
        Track of each row, (N,); negative: none.
    frame
        Frame of each row, (N,).
    """
    rows = np.flatnonzero(track >= 0)
    if np.any(frame[1:] < frame[:-1]):
        rows = rows[np.argsort(frame[rows], kind="stable")]
    return rows[stable_order(track[rows])]


def require_columns(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise `ParameterError` where a table lacks one of the columns.

    Parameters
    ----------
    table
        The table.
    names
        Columns that it must have.
    """
    for name in names:
        if name not in table.columns:
            raise ParameterError(
                f"the table has no column {name!r}; it has {', '.join(map(str, table.columns))}"
            )


def checked_tracks(table: pd.DataFrame, track_id: npt.ArrayLike, columns: Sequence[str]) -> tuple[Ints, Ints]:
    """Return track and frame of each row, (N,) int64.

    Parameters
    ----------
    table
        Detections.
    track_id
        Track of each detection, (N,).
    columns
        Columns that the table must have besides ``frame``.

    Raises
    ------
    ParameterError
        If ``frame`` or one of `columns` is missing, or `track_id` has the wrong shape.
    """
    require_columns(table, ("frame", *columns))
    track = np.asarray(track_id)
    if track.shape != (len(table),):
        raise ParameterError(f"track_id must have one entry per row ({len(table)}); got shape {track.shape}")
    return track.astype(np.int64), table["frame"].to_numpy(np.int64)


def _observed(observed: npt.ArrayLike | None, n_frames: int | None, frame: Ints) -> npt.NDArray[np.bool_]:
    """Return whether each frame was observed, (n_frames,)."""
    needed = int(frame.max(initial=-1)) + 1
    if observed is not None:
        seen = np.asarray(observed, dtype=np.bool_)
        if seen.size < needed:
            raise ParameterError(f"observed has {seen.size} frames, but frame goes up to {needed - 1}")
        return seen
    if n_frames is not None and n_frames < needed:
        raise ParameterError(f"n_frames is {n_frames}, but frame goes up to {needed - 1}")
    return np.ones(needed if n_frames is None else n_frames, np.bool_)
