"""Scores against hand-made cases and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from playNano.errors import ParameterError
from playNano.metrics.detection import (
    Counts,
    match_points,
    score_detections,
    score_edges,
    score_events,
    score_links,
)
from playNano.metrics.tracks import score_tracks


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


def brute_challenge(truth, found, gate):
    """Follow the definitions: all pairings of tracks, dummies included, by a dense assignment."""
    true_tracks = [g.set_index("frame")[["y", "x"]] for _, g in truth.groupby("track_id")]
    found_tracks = [g.set_index("frame")[["y", "x"]] for _, g in found.groupby("track_id")]

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

    n, m = len(true_tracks), len(found_tracks)
    cost = np.zeros((n, m + n))
    for i, a in enumerate(true_tracks):
        cost[i, m:] = gate * len(a)
        for j, b in enumerate(found_tracks):
            cost[i, j] = apart(a, b)[0]
    rows, cols = linear_sum_assignment(cost)
    worst = gate * len(truth)
    least = cost[rows, cols].sum()
    # A pair that is no better than none is none.
    pairs = [(i, j) for i, j in zip(rows, cols, strict=True) if j < m and cost[i, j] < cost[i, m] - 1e-9]
    hits = sum(apart(true_tracks[i], found_tracks[j])[1] for i, j in pairs)
    spurious = sum(gate * len(found_tracks[j]) for j in range(m) if j not in {q for _, q in pairs})
    return {
        "alpha": 1 - least / worst,
        "beta": (worst - least) / (worst + spurious),
        "hits": hits,
    }


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


def test_nothing_found_and_nothing_there():
    truth, empty = table([(0, 0, 0.0, 0.0)]), table([]).astype(float)
    counts, rmse = score_detections(truth, empty, max_distance=1.0)
    assert counts == Counts(0, 0, 1)
    assert math.isnan(rmse)
    assert score_detections(empty, truth, max_distance=1.0)[0] == Counts(0, 1, 0)
    scores = score_tracks(truth, empty, gate=1.0)
    assert (scores.alpha, scores.jsc, scores.jsc_theta) == (0.0, 0.0, 0.0)
    assert math.isnan(score_tracks(empty, truth, gate=1.0).alpha)


def test_edges_count_skips_swaps_and_clutter():
    frame = [0, 1, 2, 0, 1, 2, 1]
    particle = [1, 1, 1, 2, 2, 2, -1]
    perfect = score_edges(frame, particle, [5, 5, 5, 6, 6, 6, 7])
    assert perfect == Counts(4, 0, 0)
    swapped = score_edges(frame, particle, [5, 5, 6, 6, 6, 5, -1])
    assert swapped == Counts(2, 2, 2)
    skipped = score_edges(frame, particle, [5, -1, 5, 6, 6, 6, -1])
    assert skipped == Counts(2, 1, 2)
    through_clutter = score_edges(frame, particle, [5, 8, 5, 6, 6, 6, 5])
    assert through_clutter == Counts(2, 2, 2)


def test_a_link_over_a_missed_detection_is_right():
    assert score_edges([0, 3], [1, 1], [0, 0]) == Counts(1, 0, 0)


def test_links_pair_points_by_place():
    truth = table([(t, 1, float(t), 0.0) for t in range(4)])
    found = table([(t, 9, t + 0.1, 0.0) for t in range(4)] + [(0, 3, 30.0, 0.0), (1, 3, 30.0, 0.0)])
    assert score_links(truth, found, max_distance=1.0) == Counts(3, 1, 0)
    assert score_links(truth, found.drop(index=1), max_distance=1.0) == Counts(1, 2, 2)


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
        found = random_tracks(rng, int(rng.integers(1, 5)), 6)
        if not len(truth) or not len(found):
            continue
        scores = score_tracks(truth, found, gate=2.0)
        brute = brute_challenge(truth, found, 2.0)
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
    truth, found = random_tracks(rng, 4, 8), random_tracks(rng, 4, 8)
    shuffled = found.sample(frac=1.0, random_state=1)
    assert score_tracks(truth, found, gate=2.0) == score_tracks(truth, shuffled, gate=2.0)


def test_events_match_in_kind_time_and_place():
    names = ("frame", "kind", "y", "x")
    truth = table([(10, "merge", 0.0, 0.0), (20, "split", 5.0, 5.0), (30, "merge", 0.0, 0.0)], names)
    found = table([(11, "merge", 0.5, 0.0), (20, "merge", 5.0, 5.0), (36, "merge", 0.0, 0.0)], names)
    assert score_events(truth, found, max_distance=1.0) == Counts(1, 2, 2)
    assert score_events(truth, truth, max_distance=1.0) == Counts(3, 0, 0)


@pytest.mark.parametrize("gate", [0.0, -1.0, np.nan, np.inf])
def test_a_wrong_gate_is_named(gate):
    truth = table([(0, 0, 0.0, 0.0)])
    with pytest.raises(ParameterError, match="gate"):
        score_tracks(truth, truth, gate=gate)
    with pytest.raises(ParameterError, match="max_distance"):
        match_points(truth, truth, max_distance=gate)


def test_a_missing_column_is_named():
    truth = table([(0, 0, 0.0, 0.0)])
    with pytest.raises(ParameterError, match="'x'"):
        match_points(truth, truth.drop(columns="x"), max_distance=1.0)
    with pytest.raises(ParameterError, match="track_id"):
        score_tracks(truth, truth.drop(columns="track_id"), gate=1.0)
