"""Convert tables of tracks to the forms of napari and trackpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.tables import checked_tracks

if TYPE_CHECKING:
    import pandas as pd


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
