"""Convert tables of tracks to the forms of napari, trackpy, btrack and laptrack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.tables import checked_tracks

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

_BTRACK_FIELDS = (
    "ID",
    "t",
    "x",
    "y",
    "z",
    "parent",
    "root",
    "generation",
    "dummy",
    "states",
    "state",
    "label",
)
"""Columns to which btrack gives a meaning of its own."""


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


def btrack_table(
    table: pd.DataFrame, track_id: npt.ArrayLike, *, events: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return tracks as a table in the form that btrack reads and writes.

    Parameters
    ----------
    table
        Detections: `frame`, `y`, `x` (px) and further columns.
    track_id
        Track of each detection, (N,); rows with a negative value are omitted.
    events
        Merges and splits (`kind`, `track_id`, `partner_id`), for the parents.

    Returns
    -------
    DataFrame
        ``ID`` (the track), ``t`` (frame), ``x``, ``y`` (px), ``z`` (0), ``parent`` and ``root`` (the track itself if it
        did not split from another one), ``generation`` (number of splits before it), and the other numeric columns as
        properties: True and False as 1 and 0, and columns to which btrack gives another meaning with the prefix
        ``detection_``. Sorted by track and frame.

    Raises
    ------
    ParameterError
        If a column is missing or `track_id` has the wrong shape.

    References
    ----------
    Ulicna et al., Frontiers in Computer Science 3 (2021) 734559, doi:10.3389/fcomp.2021.734559.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [0, 1], "y": [1.0, 2.0], "x": [0.0, 0.5], "label": [1, 1]})
    >>> list(btrack_table(table, [5, 5]))
    ['ID', 't', 'x', 'y', 'z', 'parent', 'root', 'generation', 'track_id', 'detection_label']
    """
    import pandas as pd

    track, frame = checked_tracks(table, track_id, ("y", "x"))
    order = _by_track(track, frame)
    own = track[order]
    parent, root, generation = _ancestry(int(track.max(initial=-1)) + 1, events)
    columns = {
        "ID": own,
        "t": frame[order],
        "x": table["x"].to_numpy()[order],
        "y": table["y"].to_numpy()[order],
        "z": np.zeros(order.size),
        "parent": parent[own],
        "root": root[own],
        "generation": generation[own],
        # btrack numbers the objects of a file anew, and keeps the properties.
        "track_id": own,
    }
    for name, values in _numeric(table, ("frame", "y", "x", "track_id")).items():
        columns[f"detection_{name}" if name in _BTRACK_FIELDS else name] = values[order]
    return pd.DataFrame(columns)


def napari_points(table: pd.DataFrame, track_id: npt.ArrayLike) -> pd.DataFrame:
    """Return tracks as a table of points, which napari opens as a file.

    Parameters
    ----------
    table
        Detections: `frame`, `y`, `x` (px) and further columns.
    track_id
        Track of each detection, (N,); rows with a negative value are omitted.

    Returns
    -------
    DataFrame
        ``index``, ``axis-0`` (frame), ``axis-1``, ``axis-2`` (y and x, px), ``track_id`` and the other numeric columns,
        which become properties of the points. Sorted by track and frame.

    Raises
    ------
    ParameterError
        If a column is missing or `track_id` has the wrong shape.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [1, 0], "y": [2.0, 1.0], "x": [0.0, 0.5]})
    >>> napari_points(table, [5, 5]).values.tolist()
    [[0.0, 0.0, 1.0, 0.5, 5.0], [1.0, 1.0, 2.0, 0.0, 5.0]]
    """
    import pandas as pd

    track, frame = checked_tracks(table, track_id, ("y", "x"))
    order = _by_track(track, frame)
    columns = {
        "index": np.arange(order.size),
        "axis-0": frame[order],
        "axis-1": table["y"].to_numpy()[order],
        "axis-2": table["x"].to_numpy()[order],
        "track_id": track[order],
    }
    others = _numeric(table, ("frame", "y", "x", "track_id", "index"))
    return pd.DataFrame(columns | {name: values[order] for name, values in others.items()})


def laptrack_tables(
    table: pd.DataFrame, track_id: npt.ArrayLike, *, events: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return tracks as the three tables of laptrack, in which tracks end at merges and splits.

    Parameters
    ----------
    table
        Detections: `frame`, `y`, `x` (px) and further columns.
    track_id
        Track of each detection, (N,); rows with a negative value are omitted.
    events
        Merges and splits (`source`, `target`: rows of the table).

    Returns
    -------
    tracks : DataFrame
        ``frame``, ``y``, ``x`` (px), ``track_id`` (cut at merges and splits, numbered from 0), ``tree_id`` (of tracks
        that events join), ``whole_track_id`` (as in `track_id`), and the other columns. Sorted by frame.
    splits, merges : DataFrame
        ``parent_track_id``, ``child_track_id``.

    Raises
    ------
    ParameterError
        If a column is missing or `track_id` has the wrong shape.

    References
    ----------
    Fukai & Kawaguchi, Bioinformatics 39 (2023) btac799, doi:10.1093/bioinformatics/btac799.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [0, 1, 1], "y": [1.0, 2.0, 0.0], "x": 0.0})
    >>> events = pd.DataFrame({"source": [0], "target": [2]})
    >>> tracks, splits, merges = laptrack_tables(table, [0, 0, 1], events=events)
    >>> tracks["track_id"].tolist(), splits.values.tolist(), len(merges)
    ([0, 1, 2], [[0, 1], [0, 2]], 0)
    """
    import pandas as pd

    track, frame = checked_tracks(table, track_id, ("y", "x"))
    order = _by_track(track, frame)
    same = track[order][1:] == track[order][:-1]
    source, target = order[:-1][same], order[1:][same]
    if events is not None:
        source = np.append(source, events["source"].to_numpy(np.int64))
        target = np.append(target, events["target"].to_numpy(np.int64))
    splits = np.bincount(source, minlength=len(table))[source] > 1
    merges = np.bincount(target, minlength=len(table))[target] > 1
    kept = ~splits & ~merges
    segment = _components(source[kept], target[kept], order, len(table))
    tree = _components(source, target, order, len(table))
    pairs = pd.DataFrame({"parent_track_id": segment[source], "child_track_id": segment[target]})
    names = [name for name in table.columns if name not in ("frame", "y", "x", "track_id", "tree_id")]
    tracks = table[["frame", "y", "x"]].assign(track_id=segment, tree_id=tree, whole_track_id=track)
    tracks = pd.concat([tracks, table[names]], axis=1).iloc[order]
    tracks = tracks.sort_values(["frame", "track_id"], kind="stable", ignore_index=True)
    return tracks, pairs[splits].reset_index(drop=True), pairs[merges].reset_index(drop=True)


def _by_track(track: Ints, frame: Ints) -> Ints:
    """Return the rows that belong to tracks, by track and frame."""
    order = np.lexsort([frame, track])
    return order[track[order] >= 0]


def _numeric(table: pd.DataFrame, without: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of numbers, and those of True and False as 1 and 0."""
    chosen = table.select_dtypes(["number", "bool"])
    columns = {str(name): chosen[name].to_numpy() for name in chosen.columns if name not in without}
    return {n: v.astype(np.int64) if v.dtype == np.bool_ else v for n, v in columns.items()}


def _ancestry(n_tracks: int, events: pd.DataFrame | None) -> tuple[Ints, Ints, Ints]:
    """Return parent, root and generation of each track; one that did not split from another is its own parent."""
    parent = np.arange(n_tracks)
    if events is not None:
        splits = events[events["kind"] == "split"]
        parent[splits["track_id"].to_numpy(np.int64)] = splits["partner_id"].to_numpy(np.int64)
    root, generation = parent.copy(), (parent != np.arange(n_tracks)).astype(np.int64)
    for _ in range(n_tracks):  # a track begins after its parent: there are no cycles
        older = parent[root]
        if np.array_equal(older, root):
            break
        generation += older != root
        root = older
    return parent, root, generation


def _components(source: Ints, target: Ints, order: Ints, n_rows: int) -> Ints:
    """Number the connected components of rows from 0, in the given order of the rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(source.size), (source, target)), shape=(n_rows, n_rows))
    labels = connected_components(graph, directed=False)[1] if n_rows else np.zeros(0, np.int64)
    _, first, inverse = np.unique(labels[order], return_index=True, return_inverse=True)
    numbers = np.full(n_rows, -1, np.int64)
    numbers[order] = np.argsort(np.argsort(first))[inverse]
    return numbers
