"""Scores against hand-made cases and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from playNano.simulate.scores import Counts, match_points, score_detections


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


def test_match_points_is_optimal_one_to_one_and_within_reach():
    rng = np.random.default_rng(0)
    for _ in range(60):
        n, m = rng.integers(1, 6, 2)
        truth = table([(0, 0, *p) for p in rng.uniform(0, 4, (n, 2))])
        found = table([(0, 0, *p) for p in rng.uniform(0, 4, (m, 2))])
        partner = match_points(truth, found, max_distance=1.5)
        taken = partner[partner >= 0]
        assert np.unique(taken).size == taken.size
        squared = ((truth[["y", "x"]].to_numpy()[:, None] - found[["y", "x"]].to_numpy()[None]) ** 2).sum(
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
    found = table([(1, 0, 0.0, 0.0), (0, 0, 5.0, 5.0)])
    assert match_points(truth, found, max_distance=1.0).tolist() == [-1, -1]


def test_detections():
    truth = table([(0, 0, 0.0, 0.0), (0, 0, 9.0, 9.0), (1, 0, 3.0, 0.0)])
    found = table([(0, 0, 0.3, 0.4), (1, 0, 3.0, 0.0), (1, 0, 20.0, 0.0)])
    counts, rmse = score_detections(truth, found, max_distance=1.0)
    assert counts == Counts(2, 1, 1)
    assert rmse == pytest.approx(np.sqrt(0.125))
