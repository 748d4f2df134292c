"""Scores of identity: HOTA, identity switches and IDF1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_rows
from playNano.metrics._points import Counts, Floats, Ints, check_positive, near_pairs, points_of, ratio
from playNano.metrics.tracks import number_tracks

if TYPE_CHECKING:
    import pandas as pd

THRESHOLDS = np.arange(0.05, 0.99, 0.05)
# Makes assignments with more pairs preferable whatever the distances.
PAIR_BONUS = 1e3
KEEP_BONUS = 1e6


@dataclass(frozen=True)
class HotaScores:
    """Higher-order tracking accuracy: means over the similarity thresholds, each 0 to 1.

    Parameters
    ----------
    hota
        Mean of the geometric means of detection and association accuracy.
    deta, assa
        Mean detection and association accuracy.
    """

    hota: float
    deta: float
    assa: float


@dataclass(frozen=True)
class IdentityScores:
    """Identity scores: CLEAR MOT and IDF1.

    Parameters
    ----------
    switches
        Identity switches: matches of a true track to another predicted track than at its last match.
    points
        Matched, wrong and missed positions (CLEAR MOT).
    identity
        The same under the optimal one-to-one assignment of predicted to true tracks (ID measures).
    """

    switches: int
    points: Counts
    identity: Counts

    @property
    def idf1(self) -> float:
        """F1 of positions under the optimal one-to-one assignment of tracks."""
        return self.identity.f1

    @property
    def mota(self) -> float:
        """Multiple object tracking accuracy: 1 minus errors and switches per true position."""
        true = self.points.true_positives + self.points.false_negatives
        return 1.0 - ratio(self.points.errors + self.switches, true)


@dataclass(frozen=True)
class _Pairs:
    """Pairs of true and predicted points within the gate; frame f has the pairs ptr[f] .. ptr[f + 1].

    `truth` and `predicted` are the tracks of the points of each pair; the lengths are those of all tracks.
    """

    ptr: Ints
    truth: Ints
    predicted: Ints
    distance: Floats
    true_length: Ints
    pred_length: Ints


def score_hota(
    truth: pd.DataFrame, predicted: pd.DataFrame, *, gate: float, columns: Sequence[str] = ("y", "x")
) -> HotaScores:
    """Score detection and association together by HOTA, on points.

    The similarity of two points is 1 - distance / `gate`, at least 0. At each of the thresholds 0.05, 0.10 ... 0.95
    points are matched in every frame; the matching prefers tracks that correspond over the whole movie.

    Parameters
    ----------
    truth, predicted
        Tables with `frame`, `track_id` (negative rows are left out) and the coordinates.
    gate
        Distance at which the similarity of two points is 0, in the unit of the coordinates, > 0.
    columns
        Coordinate columns.

    Returns
    -------
    HotaScores
        HOTA, DetA and AssA, each 0 to 1; nan without any points.

    Raises
    ------
    ParameterError
        If a column is missing or `gate` is not positive.

    References
    ----------
    Luiten et al.: HOTA: a higher order metric for evaluating multi-object tracking, International Journal of
    Computer Vision 129, 2021, doi 10.1007/s11263-020-01375-2.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": [0, 1, 2, 3], "track_id": 4, "y": 0.0, "x": 0.0})
    >>> broken = truth.assign(track_id=[0, 0, 1, 1])
    >>> round(score_hota(truth, broken, gate=1.0).hota, 4)
    0.7071
    """
    pairs = _pairs(truth, predicted, gate, columns)
    similarity = 1.0 - pairs.distance / gate
    n_true, n_pred = int(pairs.true_length.sum()), int(pairs.pred_length.sum())
    weight = _alignment(pairs, similarity) * similarity
    chosen = _best_per_frame(pairs, weight)
    deta, assa = np.zeros(THRESHOLDS.size), np.zeros(THRESHOLDS.size)
    for k, threshold in enumerate(THRESHOLDS):
        hit = chosen[similarity[chosen] >= threshold - 1e-12]
        deta[k] = ratio(hit.size, n_true + n_pred - hit.size)
        names, count = np.unique(_pair_names(pairs)[hit], return_counts=True)
        a, b = np.divmod(names, max(pairs.pred_length.size, 1))
        together = count / (pairs.true_length[a] + pairs.pred_length[b] - count)
        assa[k] = float((count * together).sum()) / max(hit.size, 1)
    return HotaScores(float(np.sqrt(deta * assa).mean()), float(deta.mean()), float(assa.mean()))


def score_identity(
    truth: pd.DataFrame, predicted: pd.DataFrame, *, gate: float, columns: Sequence[str] = ("y", "x")
) -> IdentityScores:
    """Count identity switches, and positions with the correct identity (CLEAR MOT and IDF1).

    In every frame, a true track keeps the predicted track of its last match if that lies within `gate`; the
    others are matched with the maximum number of matches, then minimum total distance. A switch is a match to a
    predicted track other than that of the last match.

    Parameters
    ----------
    truth, predicted
        Tables with `frame`, `track_id` (negative rows are left out) and the coordinates.
    gate
        Distance beyond which points do not match, in the unit of the coordinates; > 0.
    columns
        Coordinate columns.

    Returns
    -------
    IdentityScores
        Switches, matched positions, positions with the correct identity.

    Raises
    ------
    ParameterError
        If a column is missing or `gate` is not positive.

    References
    ----------
    Bernardin, Stiefelhagen: Evaluating multiple object tracking performance: the CLEAR MOT metrics, EURASIP
    Journal on Image and Video Processing, 2008, doi 10.1155/2008/246309. Ristani et al.: Performance measures
    and a data set for multi-target, multi-camera tracking, ECCV Workshops, 2016,
    doi 10.1007/978-3-319-48881-3_2.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": [0, 1, 2, 3], "track_id": 4, "y": 0.0, "x": 0.0})
    >>> scores = score_identity(truth, truth.assign(track_id=[0, 0, 0, 1]), gate=1.0)
    >>> scores.switches, scores.idf1, scores.mota
    (1, 0.75, 0.75)
    """
    pairs = _pairs(truth, predicted, gate, columns)
    n_true, n_pred = int(pairs.true_length.sum()), int(pairs.pred_length.sum())
    last = np.full(pairs.true_length.size, -1, np.int64)
    switches = hits = 0
    for lo, hi in zip(pairs.ptr[:-1], pairs.ptr[1:], strict=True):
        a, b = pairs.truth[lo:hi], pairs.predicted[lo:hi]
        cost = pairs.distance[lo:hi] / gate - PAIR_BONUS - KEEP_BONUS * (last[a] == b)
        chosen = _match(a, b, cost)
        a, b = a[chosen], b[chosen]
        switches += int(((last[a] >= 0) & (last[a] != b)).sum())
        hits += chosen.size
        last[a] = b
    names, count = np.unique(_pair_names(pairs), return_counts=True)
    a, b = np.divmod(names, max(pairs.pred_length.size, 1))
    right = int(count[_match(a, b, -count.astype(np.float64))].sum())
    return IdentityScores(
        switches, Counts(hits, n_pred - hits, n_true - hits), Counts(right, n_pred - right, n_true - right)
    )


def _pairs(truth: pd.DataFrame, predicted: pd.DataFrame, gate: float, columns: Sequence[str]) -> _Pairs:
    """List the pairs of points of tracks within the gate, frame by frame."""
    check_positive(gate, "gate")
    at = points_of(truth, columns, "truth"), points_of(predicted, columns, "predicted")
    (true_track, n_true), (pred_track, n_pred) = number_tracks(truth), number_tracks(predicted)
    ends, parts = [0], [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for rows, cols, near in near_pairs(*at, gate):
        a, b = true_track[rows[near.row]], pred_track[cols[near.col]]
        ok = (a >= 0) & (b >= 0)
        parts.append((a[ok], b[ok], near.data[ok]))
        ends.append(ends[-1] + int(ok.sum()))
    a, b, distance = (np.concatenate(part) for part in zip(*parts, strict=True))
    lengths = (np.bincount(t[t >= 0], minlength=n) for t, n in ((true_track, n_true), (pred_track, n_pred)))
    return _Pairs(np.array(ends), a, b, distance, *lengths)


def _pair_names(pairs: _Pairs) -> Ints:
    """Return one integer for each pair of tracks."""
    return np.asarray(pairs.truth * np.int64(max(pairs.pred_length.size, 1)) + pairs.predicted)


def _alignment(pairs: _Pairs, similarity: Floats) -> Floats:
    """Return the Jaccard index over the whole movie of the tracks of each pair of points (HOTA alignment score)."""
    frame = np.repeat(np.arange(pairs.ptr.size - 1), np.diff(pairs.ptr))
    sums = []
    for track, length in ((pairs.truth, pairs.true_length), (pairs.predicted, pairs.pred_length)):
        _, point = np.unique(frame * np.int64(max(length.size, 1)) + track, return_inverse=True)
        sums.append(np.bincount(point, weights=similarity)[point] if point.size else similarity)
    total = sums[0] + sums[1] - similarity
    ratio_of_pair = np.divide(similarity, total, out=np.zeros_like(total), where=total > 0)
    _, name = np.unique(_pair_names(pairs), return_inverse=True)
    common = np.bincount(name, weights=ratio_of_pair)[name] if name.size else ratio_of_pair
    return np.asarray(common / (pairs.true_length[pairs.truth] + pairs.pred_length[pairs.predicted] - common))


def _best_per_frame(pairs: _Pairs, weight: Floats) -> Ints:
    """Return the indices of the pairs in the maximum-weight assignment of every frame."""
    spans = zip(pairs.ptr[:-1], pairs.ptr[1:], strict=True)
    chosen = [lo + _match(pairs.truth[lo:hi], pairs.predicted[lo:hi], -weight[lo:hi]) for lo, hi in spans]
    return np.concatenate([np.zeros(0, np.int64), *chosen])


def _match(a: Ints, b: Ints, cost: Floats) -> npt.NDArray[Any]:
    """Return the indices of the pairs in the minimum-cost assignment; leaving a point unmatched costs 0."""
    if not a.size:
        return np.zeros(0, np.int64)
    rows, row = np.unique(a, return_inverse=True)
    cols, col = np.unique(b, return_inverse=True)
    order = np.lexsort([col, row])
    ptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows.size))])
    edge = match_rows(ptr, col[order].astype(np.int32), cost[order], cols.size)
    return np.asarray(order[edge[edge >= 0]])
