"""Scores of whole tracks against hand-made cases and brute force."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from playNano.errors import ParameterError
from playNano.metrics import score_tracks


def table(rows, names=("frame", "track_id", "y", "x")):
    return pd.DataFrame(rows, columns=list(names))


def random_tracks(rng, n_tracks, n_frames, *, keep=0.7, spread=6.0):
    rows = []
    for k in range(n_tracks):
        start = rng.uniform(0, spread, 2)
        for t in range(n_frames):
            if rng.random() < keep:
                y, x = start + rng.normal(0, 0.8, 2)
                rows.append((t, 3 * k + 1, y, x))
    return table(rows)


def brute_challenge(truth, predicted, gate):
    """Compute the definitions: all pairings of tracks, dummies included, by a dense assignment."""
    true_tracks = [g.set_index("frame")[["y", "x"]] for _, g in truth.groupby("track_id")]
    predicted_tracks = [g.set_index("frame")[["y", "x"]] for _, g in predicted.groupby("track_id")]

    def apart(a, b):
        total, hits, squared = 0.0, 0, 0.0
        for t in sorted(set(a.index) | set(b.index)):
            if t in a.index and t in b.index:
                d = float(np.hypot(*(a.loc[t] - b.loc[t])))
                total += min(d, gate)
                if d < gate:
                    hits, squared = hits + 1, squared + d**2
            else:
                total += gate
        return total, hits, squared

    n, m = len(true_tracks), len(predicted_tracks)
    cost = np.zeros((n, m + n))
    for i, a in enumerate(true_tracks):
        cost[i, m:] = gate * len(a)
        for j, b in enumerate(predicted_tracks):
            cost[i, j] = apart(a, b)[0]
    rows, cols = linear_sum_assignment(cost)
    worst = gate * len(truth)
    smallest = cost[rows, cols].sum()
    # A pair that is no better than none is none.
    pairs = [(i, j) for i, j in zip(rows, cols, strict=True) if j < m and cost[i, j] < cost[i, m] - 1e-9]
    hits = sum(apart(true_tracks[i], predicted_tracks[j])[1] for i, j in pairs)
    spurious = sum(gate * len(predicted_tracks[j]) for j in range(m) if j not in {q for _, q in pairs})
    return {
        "alpha": 1 - smallest / worst,
        "beta": (worst - smallest) / (worst + spurious),
        "hits": hits,
    }


def test_challenge_scores_of_perfect_tracks():
    truth = random_tracks(np.random.default_rng(1), 4, 8)
    scores = score_tracks(truth, truth, gate=2.0)
    assert scores.alpha == scores.beta == scores.jsc == scores.jsc_theta == pytest.approx(1.0)
    assert scores.rmse == 0.0


def test_spurious_tracks_lower_beta_and_jsc_but_not_alpha():
    truth = random_tracks(np.random.default_rng(2), 3, 8)
    extra = truth.assign(track_id=truth["track_id"] + 100, y=truth["y"] + 500.0)
    scores = score_tracks(truth, pd.concat([truth, extra], ignore_index=True), gate=2.0)
    assert scores.alpha == pytest.approx(1.0)
    assert scores.beta == pytest.approx(0.5)
    assert scores.jsc == pytest.approx(0.5)
    assert scores.jsc_theta == pytest.approx(0.5)


def test_challenge_scores_equal_the_definitions():
    rng = np.random.default_rng(3)
    for _ in range(40):
        truth = random_tracks(rng, int(rng.integers(1, 5)), 6)
        predicted = random_tracks(rng, int(rng.integers(1, 5)), 6)
        if not len(truth) or not len(predicted):
            continue
        scores = score_tracks(truth, predicted, gate=2.0)
        brute = brute_challenge(truth, predicted, 2.0)
        assert scores.alpha == pytest.approx(brute["alpha"], abs=1e-9)
        if scores.points.true_positives == brute["hits"]:
            # Ties between pairings leave beta and the hits open; alpha is one number all the same.
            assert scores.beta == pytest.approx(brute["beta"], abs=1e-9)


def test_rows_without_a_track_are_left_out():
    truth = random_tracks(np.random.default_rng(4), 3, 6)
    noise = truth.assign(track_id=-1)
    scores = score_tracks(truth, pd.concat([truth, noise], ignore_index=True), gate=2.0)
    assert scores.jsc == pytest.approx(1.0)


def test_order_of_rows_does_not_matter():
    rng = np.random.default_rng(5)
    truth, predicted = random_tracks(rng, 4, 8), random_tracks(rng, 4, 8)
    shuffled = predicted.sample(frac=1.0, random_state=1)
    assert score_tracks(truth, predicted, gate=2.0) == score_tracks(truth, shuffled, gate=2.0)


def test_no_tracks_and_no_truth():
    truth, empty = table([(0, 0, 0.0, 0.0)]), table([]).astype(float)
    scores = score_tracks(truth, empty, gate=1.0)
    assert (scores.alpha, scores.jsc, scores.jsc_theta) == (0.0, 0.0, 0.0)
    assert math.isnan(score_tracks(empty, truth, gate=1.0).alpha)


@pytest.mark.parametrize("gate", [0.0, -1.0, np.nan, np.inf])
def test_a_wrong_gate_is_named(gate):
    truth = table([(0, 0, 0.0, 0.0)])
    with pytest.raises(ParameterError, match="gate"):
        score_tracks(truth, truth, gate=gate)


def test_a_missing_column_is_named():
    truth = table([(0, 0, 0.0, 0.0)])
    with pytest.raises(ParameterError, match="track_id"):
        score_tracks(truth, truth.drop(columns="track_id"), gate=1.0)
