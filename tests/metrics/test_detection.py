"""Scores of detections against hand-made cases and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from playNano.errors import ParameterError
from playNano.metrics import Counts, match_points, score_detections


def table(rows, names=("frame", "track_id", "y", "x")):
    return pd.DataFrame(rows, columns=list(names))


def test_counts():
    counts = Counts(6, 2, 4)
    assert counts.precision == 0.75
    assert counts.recall == 0.6
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert counts.jaccard == 0.5
    assert counts.errors == 6
    assert math.isnan(Counts(0, 0, 0).precision)


def test_match_points_is_optimal_one_to_one_and_within_the_distance():
    rng = np.random.default_rng(0)
    for _ in range(60):
        n, m = rng.integers(1, 6, 2)
        truth = table([(0, 0, *p) for p in rng.uniform(0, 4, (n, 2))])
        predicted = table([(0, 0, *p) for p in rng.uniform(0, 4, (m, 2))])
        partner = match_points(truth, predicted, max_distance=1.5)
        taken = partner[partner >= 0]
        assert np.unique(taken).size == taken.size
        squared = ((truth[["y", "x"]].to_numpy()[:, None] - predicted[["y", "x"]].to_numpy()[None]) ** 2).sum(
            axis=2
        )
        gain = np.maximum(1.5**2 - squared, 0.0)
        ours = sum(gain[t, f] for f, t in enumerate(partner) if t >= 0)
        best = max(
            sum(gain[i, j] for i, j in zip(range(n), order, strict=False) if j < m)
            for order in itertools.permutations(range(max(n, m)), int(n))
        )
        assert ours == pytest.approx(best)


def test_match_points_keeps_frames_apart():
    truth = table([(0, 0, 0.0, 0.0), (1, 0, 5.0, 5.0)])
    predicted = table([(1, 0, 0.0, 0.0), (0, 0, 5.0, 5.0)])
    assert match_points(truth, predicted, max_distance=1.0).tolist() == [-1, -1]


def test_detections():
    truth = table([(0, 0, 0.0, 0.0), (0, 0, 9.0, 9.0), (1, 0, 3.0, 0.0)])
    predicted = table([(0, 0, 0.3, 0.4), (1, 0, 3.0, 0.0), (1, 0, 20.0, 0.0)])
    counts, rmse = score_detections(truth, predicted, max_distance=1.0)
    assert counts == Counts(2, 1, 1)
    assert rmse == pytest.approx(np.sqrt(0.125))


def test_no_detections_and_no_truth():
    truth, empty = table([(0, 0, 0.0, 0.0)]), table([]).astype(float)
    counts, rmse = score_detections(truth, empty, max_distance=1.0)
    assert counts == Counts(0, 0, 1)
    assert math.isnan(rmse)
    assert score_detections(empty, truth, max_distance=1.0)[0] == Counts(0, 1, 0)


@pytest.mark.parametrize("distance", [0.0, -1.0, np.nan, np.inf])
def test_a_wrong_distance_is_named(distance):
    truth = table([(0, 0, 0.0, 0.0)])
    with pytest.raises(ParameterError, match="max_distance"):
        match_points(truth, truth, max_distance=distance)


def test_a_missing_column_is_named():
    truth = table([(0, 0, 0.0, 0.0)])
    with pytest.raises(ParameterError, match="'x'"):
        match_points(truth, truth.drop(columns="x"), max_distance=1.0)
