"""Scores of detections against a known truth.

Truth and result are tables (pandas) with the columns ``frame`` and the coordinates, by
default ``y`` and ``x``; distances are in the unit of those coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.link_solve import match_rows
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
