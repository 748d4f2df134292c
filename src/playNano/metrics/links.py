"""Scores of links between frames, and of merges and splits.

Truth and prediction are tables (pandas) with the columns ``frame``, ``track_id`` and the coordinates, by default
``y`` and ``x``; distances are in the unit of those coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_rows
from playNano.metrics._points import Counts, Ints, check_positive
from playNano.metrics.detection import match_points

if TYPE_CHECKING:
    import pandas as pd


def score_edges(frame: npt.ArrayLike, particle: npt.ArrayLike, track_id: npt.ArrayLike) -> Counts:
    """Count correct, wrong and missed links between detections whose true particle is known.

    A link joins two consecutive detections of a track, or of a particle; it spans several frames where detections are
    missing in between. A link is wrong if it joins different particles or clutter, or skips a detection of the
    particle.

    Parameters
    ----------
    frame
        Frame of each detection, (N,).
    particle
        True particle of each detection, (N,); negative: clutter.
    track_id
        Track of each detection, (N,); negative: none.

    Returns
    -------
    Counts
        Correct, wrong and missed links.

    Examples
    --------
    >>> score_edges([0, 1, 2, 3], [7, 7, 7, 7], [0, 0, 1, 1])
    Counts(true_positives=2, false_positives=0, false_negatives=1)
    """
    frames = np.asarray(frame)
    true_edges = _edges(frames, np.asarray(particle))
    pred_edges = _edges(frames, np.asarray(track_id))
    n_correct = int(np.isin(pred_edges, true_edges, assume_unique=True).sum())
    return Counts(n_correct, int(pred_edges.size) - n_correct, int(true_edges.size) - n_correct)


def score_links(
    truth: pd.DataFrame, predicted: pd.DataFrame, *, max_distance: float, columns: Sequence[str] = ("y", "x")
) -> Counts:
    """Count correct, wrong and missed links of tracks, after matching points by position.

    Parameters
    ----------
    truth, predicted
        Tables with `frame`, `track_id` and the coordinates.
    max_distance
        Maximum distance of a matched point from the true one, in the unit of the coordinates, > 0.
    columns
        Coordinate columns.

    Returns
    -------
    Counts
        Correct, wrong and missed links. A link is correct if its ends are matched with consecutive points of one true
        track; links from or to points that were not detected count as missed.

    Raises
    ------
    ParameterError
        If a column is missing or `max_distance` is not positive.

    References
    ----------
    Ulman, V. et al. An objective comparison of cell-tracking algorithms. Nat. Methods 14, 1141 (2017).
    doi:10.1038/nmeth.4473 (scores of edges).

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"track_id": 0, "frame": [0, 1, 2], "y": [0.0, 1.0, 2.0], "x": 0.0})
    >>> predicted = truth.assign(track_id=[0, 0, 1])  # the second link is missing
    >>> score = score_links(truth, predicted, max_distance=0.5)
    >>> score.true_positives, score.false_positives, score.false_negatives
    (1, 0, 1)
    """
    partner = match_points(truth, predicted, max_distance=max_distance, columns=columns)
    # Unmatched points are numbered after the rows of the true points.
    names = np.where(partner >= 0, partner, len(truth) + np.arange(len(predicted)))
    n = len(truth) + len(predicted)
    true_edges = _edges(truth["frame"].to_numpy(), truth["track_id"].to_numpy(), size=n)
    pred_edges = _edges(predicted["frame"].to_numpy(), predicted["track_id"].to_numpy(), names, size=n)
    n_correct = int(np.isin(pred_edges, true_edges, assume_unique=True).sum())
    return Counts(n_correct, int(pred_edges.size) - n_correct, int(true_edges.size) - n_correct)


def score_events(
    truth: pd.DataFrame,
    predicted: pd.DataFrame,
    *,
    max_distance: float,
    max_frames: int = 3,
    columns: Sequence[str] = ("y", "x"),
) -> Counts:
    """Count correct, wrong and missed merges and splits, matched one to one by kind, position and frame.

    Parameters
    ----------
    truth, predicted
        Tables with `frame`, `kind` ("merge" or "split") and the coordinates.
    max_distance
        Maximum distance of an event from the true one, in the unit of the coordinates, > 0.
    max_frames
        Maximum number of frames between an event and the true one, >= 0.
    columns
        Coordinate columns.

    Returns
    -------
    Counts
        Correct, wrong and missed events.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"kind": ["merge", "split"], "frame": [3, 9], "y": [5.0, 5.0], "x": [5.0, 6.0]})
    >>> score = score_events(truth, truth.iloc[:1], max_distance=2.0)
    >>> score.true_positives, score.false_positives, score.false_negatives
    (1, 0, 1)
    """
    check_positive(max_distance, "max_distance")
    n_hit = 0
    for kind in np.unique(truth["kind"].to_numpy().astype(str)):
        a, b = truth[truth["kind"] == kind], predicted[predicted["kind"] == kind]
        late = np.abs(a["frame"].to_numpy()[:, None] - b["frame"].to_numpy()[None])
        apart = a[list(columns)].to_numpy(np.float64)[:, None] - b[list(columns)].to_numpy(np.float64)[None]
        squared = (apart**2).sum(axis=2)
        near = (late <= max_frames) & (squared <= max_distance**2)
        cols = np.nonzero(near)[1]
        ptr = np.concatenate([[0], np.cumsum(near.sum(axis=1))])
        cost = squared[near] / max_distance**2 + late[near] / (max_frames + 1) - 10.0
        n_hit += int((match_rows(ptr, cols.astype(np.int32), cost, len(b)) >= 0).sum())
    return Counts(n_hit, len(predicted) - n_hit, len(truth) - n_hit)


def _edges(
    frame: npt.NDArray[Any], track: npt.NDArray[Any], names: Ints | None = None, size: int = 0
) -> Ints:
    """Return each link of each track as one integer that encodes its two points."""
    names = np.arange(track.size) if names is None else names
    size = max(size, track.size)
    order = np.lexsort([frame, track])
    order = order[track[order] >= 0]
    same = track[order][1:] == track[order][:-1]
    return np.asarray(names[order[:-1][same]] * np.int64(size) + names[order[1:][same]], dtype=np.int64)
