"""Scores of detections, links, tracks and events against a known truth.

Truth and result are tables (pandas) with the columns ``frame``, ``track_id`` and the coordinates, by
default ``y`` and ``x``; distances are in the unit of those coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_rows
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def ratio(part: float, whole: float) -> float:
    """Return part / whole, nan where there is nothing."""
    return part / whole if whole else float("nan")


@dataclass(frozen=True)
class Counts:
    """How many things were found rightly, found wrongly and missed.

    A ratio of nothing to nothing is nan.

    Examples
    --------
    >>> Counts(true_positives=8, false_positives=2, false_negatives=0).precision
    0.8
    """

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float:
        """Part of what was found that is right."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Part of what is there that was found."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        wrong = self.false_positives + self.false_negatives
        return ratio(2 * self.true_positives, 2 * self.true_positives + wrong)

    @property
    def jaccard(self) -> float:
        """Right ones as a part of all that are there or were found."""
        return ratio(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)

    @property
    def errors(self) -> int:
        """Number of things found wrongly or missed."""
        return self.false_positives + self.false_negatives


def match_points(
    truth: pd.DataFrame, found: pd.DataFrame, *, max_distance: float, columns: Sequence[str] = ("y", "x")
) -> Ints:
    """Pair found points with true ones, frame by frame, one to one and optimally.

    Parameters
    ----------
    truth
        True points: `frame` and the coordinates.
    found
        Found points: `frame` and the coordinates.
    max_distance
        Farthest that a pair may lie apart; > 0.
    columns
        Coordinate columns.

    Returns
    -------
    ndarray of int64, (n_found,)
        Row (by position) of `truth` that each found point is paired with, or -1. The pairs maximise the sum
        of squared `max_distance` less squared distance.

    Raises
    ------
    ParameterError
        If a column is missing or `max_distance` is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": [0, 0], "y": [0.0, 5.0], "x": [0.0, 5.0]})
    >>> found = pd.DataFrame({"frame": [0, 0], "y": [5.2, 9.0], "x": [5.0, 9.0]})
    >>> match_points(truth, found, max_distance=1.0).tolist()
    [1, -1]
    """
    check_positive(max_distance, "max_distance")
    partner = np.full(len(found), -1, np.int64)
    true_at, found_at = points_of(truth, columns, "truth"), points_of(found, columns, "found")
    for rows, cols, near in near_pairs(true_at, found_at, max_distance):
        ptr = np.concatenate([[0], np.cumsum(np.bincount(near.row, minlength=rows.size))])
        edge = match_rows(ptr, near.col.astype(np.int32), near.data**2 - max_distance**2, cols.size)
        taken = edge >= 0
        partner[cols[near.col[edge[taken]]]] = rows[taken]
    return partner


def score_detections(
    truth: pd.DataFrame, found: pd.DataFrame, *, max_distance: float, columns: Sequence[str] = ("y", "x")
) -> tuple[Counts, float]:
    """Count found, wrong and missed points, and measure how far off the found ones are.

    Parameters
    ----------
    truth, found
        Tables with `frame` and the coordinates.
    max_distance
        Farthest that a found point may lie from the true one; > 0.
    columns
        Coordinate columns.

    Returns
    -------
    counts : Counts
        Points found rightly, wrongly, and missed.
    rmse : float
        Root mean squared distance of the pairs, in the unit of the coordinates; nan without pairs.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": [0, 1], "y": [0.0, 5.0], "x": [0.0, 5.0]})
    >>> found = pd.DataFrame({"frame": [0, 0], "y": [0.5, 9.0], "x": [0.0, 9.0]})
    >>> counts, rmse = score_detections(truth, found, max_distance=1.0)
    >>> counts.true_positives, counts.false_positives, counts.false_negatives, rmse
    (1, 1, 1, 0.5)
    """
    partner = match_points(truth, found, max_distance=max_distance, columns=columns)
    hit = partner >= 0
    n_hit = int(hit.sum())
    apart = (
        found[list(columns)].to_numpy(np.float64)[hit]
        - truth[list(columns)].to_numpy(np.float64)[partner[hit]]
    )
    rmse = float(np.sqrt((apart**2).sum(axis=1).mean())) if n_hit else float("nan")
    return Counts(n_hit, len(found) - n_hit, len(truth) - n_hit), rmse


def score_edges(frame: npt.ArrayLike, particle: npt.ArrayLike, track_id: npt.ArrayLike) -> Counts:
    """Count right, wrong and missed links between detections whose true particle is known.

    A link joins two detections that follow each other in a track, or in a particle's life; detections missed
    in between make it span several frames. A wrong link joins different particles, clutter, or skips a
    detection of the particle.

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
        Links found rightly, wrongly, and missed.

    Examples
    --------
    >>> score_edges([0, 1, 2, 3], [7, 7, 7, 7], [0, 0, 1, 1])
    Counts(true_positives=2, false_positives=0, false_negatives=1)
    """
    when = np.asarray(frame)
    true_edges = _edges(when, np.asarray(particle))
    found_edges = _edges(when, np.asarray(track_id))
    n_right = int(np.isin(found_edges, true_edges, assume_unique=True).sum())
    return Counts(n_right, int(found_edges.size) - n_right, int(true_edges.size) - n_right)


def score_links(
    truth: pd.DataFrame, found: pd.DataFrame, *, max_distance: float, columns: Sequence[str] = ("y", "x")
) -> Counts:
    """Count links of found tracks against the true ones, pairing the points by position first.

    Parameters
    ----------
    truth, found
        Tables with `frame`, `track_id` and the coordinates.
    max_distance
        Farthest that a found point may lie from the true one; > 0.
    columns
        Coordinate columns.

    Returns
    -------
    Counts
        Links found rightly, wrongly, and missed. A link is right if its ends are paired with points that
        follow each other in one true track; links from or to points that were not detected are missed.
    """
    partner = match_points(truth, found, max_distance=max_distance, columns=columns)
    # Points without a partner stay themselves, beyond the numbers of the true points.
    itself = np.where(partner >= 0, partner, len(truth) + np.arange(len(found)))
    n = len(truth) + len(found)
    true_edges = _edges(truth["frame"].to_numpy(), truth["track_id"].to_numpy(), size=n)
    found_edges = _edges(found["frame"].to_numpy(), found["track_id"].to_numpy(), itself, size=n)
    n_right = int(np.isin(found_edges, true_edges, assume_unique=True).sum())
    return Counts(n_right, int(found_edges.size) - n_right, int(true_edges.size) - n_right)


def score_events(
    truth: pd.DataFrame,
    found: pd.DataFrame,
    *,
    max_distance: float,
    max_frames: int = 3,
    columns: Sequence[str] = ("y", "x"),
) -> Counts:
    """Count merges and splits found near a true one of the same kind, in space and time, one to one.

    Parameters
    ----------
    truth, found
        Tables with `frame`, `kind` ("merge" or "split") and the coordinates.
    max_distance
        Farthest that an event may lie from the true one; > 0.
    max_frames
        Most frames that it may be early or late.
    columns
        Coordinate columns.

    Returns
    -------
    Counts
        Events found rightly, wrongly, and missed.
    """
    check_positive(max_distance, "max_distance")
    n_hit = 0
    for kind in np.unique(truth["kind"].to_numpy().astype(str)):
        a, b = truth[truth["kind"] == kind], found[found["kind"] == kind]
        late = np.abs(a["frame"].to_numpy()[:, None] - b["frame"].to_numpy()[None])
        apart = a[list(columns)].to_numpy(np.float64)[:, None] - b[list(columns)].to_numpy(np.float64)[None]
        squared = (apart**2).sum(axis=2)
        near = (late <= max_frames) & (squared <= max_distance**2)
        cols = np.nonzero(near)[1]
        ptr = np.concatenate([[0], np.cumsum(near.sum(axis=1))])
        cost = squared[near] / max_distance**2 + late[near] / (max_frames + 1) - 10.0
        n_hit += int((match_rows(ptr, cols.astype(np.int32), cost, len(b)) >= 0).sum())
    return Counts(n_hit, len(found) - n_hit, len(truth) - n_hit)


def check_positive(value: float, name: str) -> None:
    """Raise unless a length is positive and finite."""
    if not (np.isfinite(value) and value > 0):
        raise ParameterError(f"{name} must be a positive number; got {value!r}")


def points_of(table: pd.DataFrame, columns: Sequence[str], name: str) -> tuple[Ints, Floats]:
    """Return frame and position of each row."""
    missing = [c for c in ("frame", *columns) if c not in table.columns]
    if missing:
        raise ParameterError(
            f"{name} has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}"
        )
    return table["frame"].to_numpy(np.int64), table[list(columns)].to_numpy(np.float64)


def near_pairs(
    truth: tuple[Ints, Floats], found: tuple[Ints, Floats], reach: float
) -> Iterator[tuple[Ints, Ints, Any]]:
    """Yield, frame by frame, the rows of each table and a sparse matrix of their distances within reach."""
    from scipy.spatial import KDTree

    by_true, by_found = (np.argsort(t[0], kind="stable") for t in (truth, found))
    true_frame, found_frame = truth[0][by_true], found[0][by_found]
    for frame in np.intersect1d(true_frame, found_frame):
        rows = by_true[slice(*np.searchsorted(true_frame, [frame, frame + 1]))]
        cols = by_found[slice(*np.searchsorted(found_frame, [frame, frame + 1]))]
        near = KDTree(truth[1][rows]).sparse_distance_matrix(
            KDTree(found[1][cols]), reach, output_type="coo_matrix"
        )
        order = np.lexsort([near.col, near.row])
        near.row, near.col, near.data = near.row[order], near.col[order], near.data[order]
        yield rows, cols, near


def _edges(frame: npt.NDArray[Any], track: npt.NDArray[Any], name: Ints | None = None, size: int = 0) -> Ints:
    """Return each link of each track as one number made of the names of its two points."""
    names = np.arange(track.size) if name is None else name
    size = max(size, track.size)
    order = np.lexsort([frame, track])
    order = order[track[order] >= 0]
    same = track[order][1:] == track[order][:-1]
    return np.asarray(names[order[:-1][same]] * np.int64(size) + names[order[1:][same]], dtype=np.int64)
