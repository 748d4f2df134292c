"""Common parts of the scores: counts, checks of tables, pairs of points within a distance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def ratio(part: float, whole: float) -> float:
    """Return part / whole; nan where the whole is 0."""
    return part / whole if whole else float("nan")


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives; ratios of 0 to 0 are nan.

    Parameters
    ----------
    true_positives
        Correct predictions.
    false_positives
        Predictions that are wrong.
    false_negatives
        Items of the truth that were missed.

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
        """Fraction of the predictions that are correct."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Fraction of the truth that was predicted."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        wrong = self.false_positives + self.false_negatives
        return ratio(2 * self.true_positives, 2 * self.true_positives + wrong)

    @property
    def jaccard(self) -> float:
        """True positives as a fraction of all items, true or predicted."""
        return ratio(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)

    @property
    def errors(self) -> int:
        """Number of wrong predictions and missed items."""
        return self.false_positives + self.false_negatives


def check_positive(value: float, name: str) -> None:
    """Raise ParameterError unless a length is positive and finite."""
    if not (np.isfinite(value) and value > 0):
        raise ParameterError(f"{name} must be a positive number; got {value!r}")


def points_of(table: pd.DataFrame, columns: Sequence[str], name: str) -> tuple[Ints, Floats]:
    """Return frame (n,) and coordinates (n, d) of each row of a table; raise ParameterError for missing columns."""
    missing = [c for c in ("frame", *columns) if c not in table.columns]
    if missing:
        raise ParameterError(
            f"{name} has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}"
        )
    return table["frame"].to_numpy(np.int64), table[list(columns)].to_numpy(np.float64)


def near_pairs(
    truth: tuple[Ints, Floats], predicted: tuple[Ints, Floats], max_distance: float
) -> Iterator[tuple[Ints, Ints, Any]]:
    """Yield, frame by frame, the pairs of points within a distance.

    Parameters
    ----------
    truth, predicted
        Frame of each point, (n,), and its coordinates, (n, d).
    max_distance
        Maximum distance, in the unit of the coordinates.

    Yields
    ------
    rows, cols : numpy.ndarray
        Indices of the frame's points in the tables.
    near : scipy.sparse.coo_matrix
        Distances, sorted by row and column.
    """
    from scipy.spatial import KDTree

    by_true, by_pred = (np.argsort(t[0], kind="stable") for t in (truth, predicted))
    true_frame, pred_frame = truth[0][by_true], predicted[0][by_pred]
    for frame in np.intersect1d(true_frame, pred_frame):
        rows = by_true[slice(*np.searchsorted(true_frame, [frame, frame + 1]))]
        cols = by_pred[slice(*np.searchsorted(pred_frame, [frame, frame + 1]))]
        near = KDTree(truth[1][rows]).sparse_distance_matrix(
            KDTree(predicted[1][cols]), max_distance, output_type="coo_matrix"
        )
        order = np.lexsort([near.col, near.row])
        near.row, near.col, near.data = near.row[order], near.col[order], near.data[order]
        yield rows, cols, near
