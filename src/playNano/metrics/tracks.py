"""Scores of whole tracks: the measures of the Particle Tracking Challenge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_rows
from playNano.errors import ParameterError
from playNano.metrics.detection import Counts, Floats, Ints, check_positive, near_pairs, points_of, ratio

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TrackScores:
    """The measures of the Particle Tracking Challenge.

    alpha (0 to 1) tells how near the best-matching tracks come to the truth; beta (0 to alpha) also punishes
    spurious tracks; `points` counts matched positions in matched tracks (its Jaccard index is JSC), `tracks`
    matched tracks (its Jaccard index is JSC_theta); `rmse` is over matched positions.
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
    truth: pd.DataFrame, found: pd.DataFrame, *, gate: float, columns: Sequence[str] = ("y", "x")
) -> TrackScores:
    """Score whole tracks with the measures of the Particle Tracking Challenge.

    The distance of two tracks is the sum over frames of their distance, cut at `gate`; a frame in which
    only one of them has a point costs `gate`. Every true track is paired with one found track or with none,
    so that the sum of distances is least.

    Parameters
    ----------
    truth, found
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
    true_at, found_at = points_of(truth, columns, "truth"), points_of(found, columns, "found")
    true_track, n_true = numbered(truth)
    found_track, n_found = numbered(found)
    true_length = np.bincount(true_track[true_track >= 0], minlength=n_true)
    found_length = np.bincount(found_track[found_track >= 0], minlength=n_found)
    pairs = _track_pairs(true_at, found_at, true_track, found_track, gate)
    gain = pairs["gain"] - gate * (found_length[pairs["found"]] - pairs["shared"])
    useful = gain > 0
    pairs = {name: values[useful] for name, values in pairs.items()}
    ptr = np.concatenate([[0], np.cumsum(np.bincount(pairs["truth"], minlength=n_true))])
    edge = match_rows(ptr, pairs["found"].astype(np.int32), -gain[useful], n_found)
    edge = edge[edge >= 0]
    return _challenge(pairs, gain[useful], edge, true_length, found_length, gate)


def _challenge(
    pairs: dict[str, npt.NDArray[Any]],
    gain: Floats,
    edge: Ints,
    true_length: Ints,
    found_length: Ints,
    gate: float,
) -> TrackScores:
    """Turn the best pairing of tracks into the challenge's figures."""
    n_true_points, n_found_points = int(true_length.sum()), int(found_length.sum())
    worst = gate * n_true_points
    total = float(gain[edge].sum())
    spurious = gate * (n_found_points - int(found_length[pairs["found"][edge]].sum()))
    hits = int(pairs["hits"][edge].sum())
    squared = float(pairs["squared"][edge].sum())
    n_paired = int((pairs["hits"][edge] > 0).sum())
    return TrackScores(
        alpha=ratio(total, worst),
        beta=ratio(total, worst + spurious),
        points=Counts(hits, n_found_points - hits, n_true_points - hits),
        tracks=Counts(n_paired, found_length.size - n_paired, true_length.size - n_paired),
        rmse=float(np.sqrt(squared / hits)) if hits else float("nan"),
    )


def numbered(table: pd.DataFrame) -> tuple[Ints, int]:
    """Give the tracks of a table the numbers 0, 1, ...; rows without a track get -1."""
    if "track_id" not in table.columns:
        raise ParameterError("both tables need a column 'track_id'")
    track = table["track_id"].to_numpy()
    number = np.full(track.size, -1, np.int64)
    names, number[track >= 0] = np.unique(track[track >= 0], return_inverse=True)
    return number, int(names.size)


def _track_pairs(
    truth: tuple[Ints, Floats], found: tuple[Ints, Floats], true_track: Ints, found_track: Ints, gate: float
) -> dict[str, npt.NDArray[Any]]:
    """Sum over frames what each pair of tracks that come near has in common, sorted by true track."""
    n_found = int(found_track.max()) + 1 if found_track.size else 1
    keys, distances = [np.zeros(0, np.int64)], [np.zeros(0)]
    for rows, cols, near in near_pairs(truth, found, gate):
        a, b = true_track[rows[near.row]], found_track[cols[near.col]]
        ok = (a >= 0) & (b >= 0) & (near.data < gate)
        keys.append((a * n_found + b)[ok])
        distances.append(near.data[ok])
    distance = np.concatenate(distances)
    names, at = np.unique(np.concatenate(keys), return_inverse=True)
    a, b = np.divmod(names, n_found)
    return {
        "truth": a,
        "found": b,
        "gain": np.bincount(at, weights=gate - distance, minlength=names.size),
        "squared": np.bincount(at, weights=distance**2, minlength=names.size),
        "hits": np.bincount(at, minlength=names.size),
        "shared": _shared_frames(truth[0], found[0], true_track, found_track, a, b),
    }


def _shared_frames(
    true_frame: Ints, found_frame: Ints, true_track: Ints, found_track: Ints, a: Ints, b: Ints
) -> Ints:
    """Count the frames in which both tracks of each pair have a point."""
    span = int(max(true_frame.max(initial=0), found_frame.max(initial=0))) + 1
    has = np.sort((true_track * span + true_frame)[true_track >= 0])
    order = np.argsort(found_track, kind="stable")
    start = np.searchsorted(found_track[order], np.arange(b.max(initial=-1) + 2))
    shared = np.zeros(a.size, np.int64)
    for k in range(a.size):
        key = a[k] * span + found_frame[order[start[b[k]] : start[b[k] + 1]]]
        at = np.minimum(np.searchsorted(has, key), has.size - 1)
        shared[k] = int((has[at] == key).sum())
    return shared
