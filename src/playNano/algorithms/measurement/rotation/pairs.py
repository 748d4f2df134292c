"""Distances of pairs of tracks against time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms.measurement.measured import table_of
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

PAIRS = {
    "pair": "int64",
    "track_id_1": "int64",
    "track_id_2": "int64",
    "frame": "int64",
    "time_1_s": "float64",
    "time_2_s": "float64",
    "time_difference_s": "float64",
    "pair_distance_nm": "float64",
    "status": "str",
    "n_detections": "int64",
    "n_tracks": "int64",
    "n_movies": "int64",
}
MIN_FRAMES = 2
"""Frames in which both tracks of a pair must be detected."""


def pair_distances(movie: TrackedMovie, max_pair_nm: float | None = None) -> pd.DataFrame:
    """Return the distance of the tracks of each pair, in every frame in which both are detected.

    Parameters
    ----------
    movie
        Tracks.
    max_pair_nm
        Maximum median distance of a pair, nm; None: each track and the one whose median distance from it is the
        smallest, among those that are a nearest neighbour of it in any frame.

    Returns
    -------
    DataFrame
        One row per pair and frame: ``pair, track_id_1, track_id_2, frame, time_1_s, time_2_s, time_difference_s,
        pair_distance_nm``; ``n_detections`` is the number of frames of the pair.
    """
    chosen = _chosen(movie, max_pair_nm)
    if not len(chosen):
        return table_of([], PAIRS)
    table = movie.table[["track_id", "frame", "time_s"]].copy()
    table[["y", "x"]] = movie.position_nm()
    first = chosen.merge(
        table.rename(columns={"track_id": "track_id_1", "time_s": "time_1_s"}), on="track_id_1"
    )
    second = table.rename(columns={"track_id": "track_id_2", "time_s": "time_2_s", "y": "y2", "x": "x2"})
    rows = first.merge(second, on=["track_id_2", "frame"]).sort_values(["pair", "frame"], ignore_index=True)
    rows["pair_distance_nm"] = np.hypot(rows["y2"] - rows["y"], rows["x2"] - rows["x"])
    rows["time_difference_s"] = rows["time_2_s"] - rows["time_1_s"]
    rows["n_detections"] = rows.groupby("pair")["frame"].transform("size")
    rows = rows.assign(status="ok", n_tracks=2, n_movies=1)
    return rows[list(PAIRS)].astype(PAIRS)


def _chosen(movie: TrackedMovie, max_pair_nm: float | None) -> pd.DataFrame:
    """Return the tracks of each pair: ``track_id_1 < track_id_2``, numbered in that order."""
    import pandas as pd

    near = _neighbours(movie, max_pair_nm)
    median = near.groupby(["track_id_1", "track_id_2"])["distance"].agg(["median", "size"]).reset_index()
    median = median[median["size"] >= MIN_FRAMES]
    if max_pair_nm is not None:
        kept = median[median["median"] <= max_pair_nm]
    else:
        swapped = median.rename(columns={"track_id_1": "track_id_2", "track_id_2": "track_id_1"})
        both = pd.concat([median, swapped], ignore_index=True).sort_values(
            ["track_id_1", "median", "track_id_2"]
        )
        kept = both.groupby("track_id_1", as_index=False).first()
    ids = np.sort(kept[["track_id_1", "track_id_2"]].to_numpy(np.int64).reshape(-1, 2), axis=1)
    ids = np.unique(ids, axis=0)
    return pd.DataFrame({"pair": np.arange(len(ids)), "track_id_1": ids[:, 0], "track_id_2": ids[:, 1]})


def _neighbours(movie: TrackedMovie, max_pair_nm: float | None) -> pd.DataFrame:
    """Return the distances of tracks that may be pairs: near ones, or the nearest, in each frame."""
    import pandas as pd
    from scipy.spatial import cKDTree

    track, place = movie.track(), movie.position_nm()
    parts = [np.empty((0, 3))]
    for rows in movie.table.groupby("frame").indices.values():
        if len(rows) < 2:
            continue
        tree = cKDTree(place[rows])
        if max_pair_nm is None:
            distance, index = tree.query(place[rows], k=2)
            # Of two detections at one place either may come first.
            other = np.where(index[:, 0] == np.arange(len(rows)), index[:, 1], index[:, 0])
            pairs = np.unique(np.sort(np.column_stack([np.arange(len(rows)), other]), axis=1), axis=0)
        else:
            pairs = tree.query_pairs(2 * max_pair_nm, output_type="ndarray")
        ids = np.sort(track[rows][pairs], axis=1)
        distance = np.linalg.norm(place[rows][pairs[:, 0]] - place[rows][pairs[:, 1]], axis=1)
        parts.append(np.column_stack([ids, distance]))
    whole = np.concatenate(parts)
    return pd.DataFrame(
        {
            "track_id_1": whole[:, 0].astype(np.int64),
            "track_id_2": whole[:, 1].astype(np.int64),
            "distance": whole[:, 2],
        }
    )
