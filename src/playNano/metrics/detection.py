"""Scores of detections: precision, recall and position error.

Truth and prediction are tables (pandas) with the columns ``frame`` and the coordinates, by default ``y`` and ``x``;
distances are in the unit of those coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms.linking.assignment import match_rows
from playNano.metrics._points import Counts, Ints, check_positive, near_pairs, points_of

if TYPE_CHECKING:
    import pandas as pd


def match_points(
    truth: pd.DataFrame, predicted: pd.DataFrame, *, max_distance: float, columns: Sequence[str] = ("y", "x")
) -> Ints:
    """Match detections to true points, frame by frame, by optimal one-to-one assignment.

    Parameters
    ----------
    truth
        Table of true points with `frame` and the coordinates.
    predicted
        Table of detections with `frame` and the coordinates.
    max_distance
        Maximum distance of a pair, in the unit of the coordinates, > 0.
    columns
        Coordinate columns.

    Returns
    -------
    ndarray of int64, (n_predicted,)
        Row index (position) in `truth` of the match of each detection, or -1. The matches maximise the sum of
        ``max_distance**2 - distance**2``.

    See Also
    --------
    playNano.algorithms.linking.assignment.match_rows : The sparse assignment.

    Raises
    ------
    ParameterError
        If a column is missing or `max_distance` is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": [0, 0], "y": [0.0, 5.0], "x": [0.0, 5.0]})
    >>> predicted = pd.DataFrame({"frame": [0, 0], "y": [5.2, 9.0], "x": [5.0, 9.0]})
    >>> match_points(truth, predicted, max_distance=1.0).tolist()
    [1, -1]
    """
    check_positive(max_distance, "max_distance")
    partner = np.full(len(predicted), -1, np.int64)
    true_at, pred_at = points_of(truth, columns, "truth"), points_of(predicted, columns, "predicted")
    for rows, cols, near in near_pairs(true_at, pred_at, max_distance):
        ptr = np.concatenate([[0], np.cumsum(np.bincount(near.row, minlength=rows.size))])
        edge = match_rows(ptr, near.col.astype(np.int32), near.data**2 - max_distance**2, cols.size)
        taken = edge >= 0
        partner[cols[near.col[edge[taken]]]] = rows[taken]
    return partner


def score_detections(
    truth: pd.DataFrame, predicted: pd.DataFrame, *, max_distance: float, columns: Sequence[str] = ("y", "x")
) -> tuple[Counts, float]:
    """Count correct, wrong and missed detections, and compute the position error (RMSE) of the correct ones.

    Parameters
    ----------
    truth, predicted
        Tables with `frame` and the coordinates.
    max_distance
        Maximum distance of a correct detection from the true point, in the unit of the coordinates, > 0.
    columns
        Coordinate columns.

    Returns
    -------
    counts : Counts
        Correct, wrong and missed detections.
    rmse : float
        Root mean square distance of the matched pairs, in the unit of the coordinates; nan without pairs.

    Raises
    ------
    ParameterError
        If a column is missing or `max_distance` is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": [0, 1], "y": [0.0, 5.0], "x": [0.0, 5.0]})
    >>> predicted = pd.DataFrame({"frame": [0, 0], "y": [0.5, 9.0], "x": [0.0, 9.0]})
    >>> counts, rmse = score_detections(truth, predicted, max_distance=1.0)
    >>> counts.true_positives, counts.false_positives, counts.false_negatives, rmse
    (1, 1, 1, 0.5)
    """
    partner = match_points(truth, predicted, max_distance=max_distance, columns=columns)
    hit = partner >= 0
    n_hit = int(hit.sum())
    apart = (
        predicted[list(columns)].to_numpy(np.float64)[hit]
        - truth[list(columns)].to_numpy(np.float64)[partner[hit]]
    )
    rmse = float(np.sqrt((apart**2).sum(axis=1).mean())) if n_hit else float("nan")
    return Counts(n_hit, len(predicted) - n_hit, len(truth) - n_hit), rmse
