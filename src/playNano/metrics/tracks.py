"""Scores of whole tracks, as in the Particle Tracking Challenge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_rows
from playNano.errors import ParameterError
from playNano.metrics._points import Counts, Floats, Ints, check_positive, near_pairs, points_of, ratio

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TrackScores:
    """Scores of the Particle Tracking Challenge.

    Parameters
    ----------
    alpha
        1 minus the normalised distance of the matched tracks from the truth, 0 to 1.
    beta
        alpha with a penalty for spurious tracks, 0 to alpha.
    points
        Matched, spurious and missed positions in matched tracks; their Jaccard index is JSC.
    tracks
        Matched, spurious and missed tracks; their Jaccard index is JSC_theta.
    rmse
        Root mean square distance of the matched positions, in the unit of the coordinates.
    """

    alpha: float
    beta: float
    points: Counts
    tracks: Counts
    rmse: float

    @property
    def jsc(self) -> float:
        """Jaccard similarity of positions."""
        return self.points.jaccard

    @property
    def jsc_theta(self) -> float:
        """Jaccard similarity of whole tracks."""
        return self.tracks.jaccard


def score_tracks(
    truth: pd.DataFrame, predicted: pd.DataFrame, *, gate: float, columns: Sequence[str] = ("y", "x")
) -> TrackScores:
    """Score whole tracks as in the Particle Tracking Challenge.

    The distance of two tracks is the sum over frames of the distance of their points, limited to `gate`; a frame in
    which only one of them has a point contributes `gate`. True tracks are matched one to one with predicted tracks, or
    with none, by the assignment of minimum total distance.

    Parameters
    ----------
    truth, predicted
        Tables with `frame`, `track_id` (negative rows are left out) and the coordinates.
    gate
        Distance from which a point counts as missed, in the unit of the coordinates (the challenge took 5
        px); > 0.
    columns
        Coordinate columns.

    Returns
    -------
    TrackScores
        alpha, beta, positions and tracks as counts, RMSE of the matched positions.

    Raises
    ------
    ParameterError
        If a column is missing or `gate` is not positive.

    References
    ----------
    Chenouard et al.: Objective comparison of particle tracking methods, Nature Methods 11, 2014,
    doi 10.1038/nmeth.2808 (supplementary note 3).

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": [0, 1, 2], "track_id": 4, "y": [0.0, 1.0, 2.0], "x": 0.0})
    >>> scores = score_tracks(truth, truth.iloc[:2], gate=5.0)
    >>> round(scores.alpha, 3), round(scores.jsc, 3), scores.jsc_theta
    (0.667, 0.667, 1.0)
    """
    check_positive(gate, "gate")
    true_at, pred_at = points_of(truth, columns, "truth"), points_of(predicted, columns, "predicted")
    true_track, n_true = number_tracks(truth)
    pred_track, n_pred = number_tracks(predicted)
    true_length = np.bincount(true_track[true_track >= 0], minlength=n_true)
    pred_length = np.bincount(pred_track[pred_track >= 0], minlength=n_pred)
    pairs = _track_pairs(true_at, pred_at, true_track, pred_track, gate)
    gain = pairs["gain"] - gate * (pred_length[pairs["predicted"]] - pairs["shared"])
    useful = gain > 0
    pairs = {name: values[useful] for name, values in pairs.items()}
    ptr = np.concatenate([[0], np.cumsum(np.bincount(pairs["truth"], minlength=n_true))])
    edge = match_rows(ptr, pairs["predicted"].astype(np.int32), -gain[useful], n_pred)
    edge = edge[edge >= 0]
    return _challenge(pairs, gain[useful], edge, true_length, pred_length, gate)


def _challenge(
    pairs: dict[str, npt.NDArray[Any]],
    gain: Floats,
    edge: Ints,
    true_length: Ints,
    pred_length: Ints,
    gate: float,
) -> TrackScores:
    """Compute the scores from the optimal assignment of tracks."""
    n_true_points, n_pred_points = int(true_length.sum()), int(pred_length.sum())
    worst = gate * n_true_points
    total = float(gain[edge].sum())
    spurious = gate * (n_pred_points - int(pred_length[pairs["predicted"][edge]].sum()))
    hits = int(pairs["hits"][edge].sum())
    squared = float(pairs["squared"][edge].sum())
    n_paired = int((pairs["hits"][edge] > 0).sum())
    return TrackScores(
        alpha=ratio(total, worst),
        beta=ratio(total, worst + spurious),
        points=Counts(hits, n_pred_points - hits, n_true_points - hits),
        tracks=Counts(n_paired, pred_length.size - n_paired, true_length.size - n_paired),
        rmse=float(np.sqrt(squared / hits)) if hits else float("nan"),
    )


def number_tracks(table: pd.DataFrame) -> tuple[Ints, int]:
    """Number the tracks of a table 0, 1, ...

    Parameters
    ----------
    table
        Table with a column `track_id`; negative for no track.

    Returns
    -------
    number : numpy.ndarray
        Number of the track of each row, -1 for none.
    count : int
        Number of tracks.
    """
    if "track_id" not in table.columns:
        raise ParameterError("both tables need a column 'track_id'")
    track = table["track_id"].to_numpy()
    number = np.full(track.size, -1, np.int64)
    names, number[track >= 0] = np.unique(track[track >= 0], return_inverse=True)
    return number, int(names.size)


def _track_pairs(
    truth: tuple[Ints, Floats],
    predicted: tuple[Ints, Floats],
    true_track: Ints,
    pred_track: Ints,
    gate: float,
) -> dict[str, npt.NDArray[Any]]:
    """Sum the similarity of each pair of tracks within the gate over frames; pairs are sorted by true track."""
    n_pred = int(pred_track.max()) + 1 if pred_track.size else 1
    keys, distances = [np.zeros(0, np.int64)], [np.zeros(0)]
    for rows, cols, near in near_pairs(truth, predicted, gate):
        a, b = true_track[rows[near.row]], pred_track[cols[near.col]]
        ok = (a >= 0) & (b >= 0) & (near.data < gate)
        keys.append((a * n_pred + b)[ok])
        distances.append(near.data[ok])
    distance = np.concatenate(distances)
    names, at = np.unique(np.concatenate(keys), return_inverse=True)
    a, b = np.divmod(names, n_pred)
    return {
        "truth": a,
        "predicted": b,
        "gain": np.bincount(at, weights=gate - distance, minlength=names.size),
        "squared": np.bincount(at, weights=distance**2, minlength=names.size),
        "hits": np.bincount(at, minlength=names.size),
        "shared": _shared_frames(truth[0], predicted[0], true_track, pred_track, a, b),
    }


def _shared_frames(
    true_frame: Ints, pred_frame: Ints, true_track: Ints, pred_track: Ints, a: Ints, b: Ints
) -> Ints:
    """Count the frames in which both tracks of each pair have a point."""
    span = int(max(true_frame.max(initial=0), pred_frame.max(initial=0))) + 1
    has = np.sort((true_track * span + true_frame)[true_track >= 0])
    order = np.argsort(pred_track, kind="stable")
    start = np.searchsorted(pred_track[order], np.arange(b.max(initial=-1) + 2))
    shared = np.zeros(a.size, np.int64)
    for k in range(a.size):
        key = a[k] * span + pred_frame[order[start[b[k]] : start[b[k] + 1]]]
        at = np.minimum(np.searchsorted(has, key), has.size - 1)
        shared[k] = int((has[at] == key).sum())
    return shared
