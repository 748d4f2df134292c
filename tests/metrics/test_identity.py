"""Scores of identity against the definitions, done by dense loops."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from playNano.errors import ParameterError
from playNano.metrics import Counts, score_hota, score_identity


def table(rows):
    return pd.DataFrame(rows, columns=["frame", "track_id", "y", "x"])


def random_pair(seed, n_tracks=4, n_frames=8):
    """True walks, and found ones with misses, noise, swaps and clutter."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    names = np.arange(n_tracks)
    walk = rng.uniform(0, 5, (n_tracks, 2))
    for t in range(n_frames):
        walk = walk + rng.normal(0, 0.4, walk.shape)
        if rng.random() < 0.4:
            i, j = rng.integers(0, n_tracks, 2)
            names[[i, j]] = names[[j, i]]
        for k in range(n_tracks):
            if rng.random() < 0.9:
                truth.append((t, 5 * k, *walk[k]))
            if rng.random() < 0.8:
                found.append((t, 7 + names[k], *(walk[k] + rng.normal(0, 0.3, 2))))
        for k in range(rng.poisson(0.5)):
            found.append((t, 100 + 10 * t + k, *rng.uniform(0, 5, 2)))
    return table(truth), table(found)


def by_frame(truth, found):
    for t in sorted(set(truth["frame"]) | set(found["frame"])):
        a, b = truth[truth["frame"] == t], found[found["frame"] == t]
        d = np.hypot(
            a["y"].to_numpy()[:, None] - b["y"].to_numpy(), a["x"].to_numpy()[:, None] - b["x"].to_numpy()
        )
        yield a["track_id"].tolist(), b["track_id"].tolist(), d


def dense_hota(truth, found, gate):
    """Luiten et al. 2021, with the alignment of tracks deciding the pairing, loop by loop."""
    n_true, n_found = truth["track_id"].value_counts(), found["track_id"].value_counts()
    common = {}
    for names_a, names_b, d in by_frame(truth, found):
        s = np.maximum(1 - d / gate, 0)
        for i, a in enumerate(names_a):
            for j, b in enumerate(names_b):
                if s[i, j] > 0:
                    share = s[i, j] / (s[i].sum() + s[:, j].sum() - s[i, j])
                    common[a, b] = common.get((a, b), 0.0) + share
    hota, det, ass = [], [], []
    for least in np.arange(0.05, 0.99, 0.05):
        hits, together = 0, {}
        for names_a, names_b, d in by_frame(truth, found):
            s = np.maximum(1 - d / gate, 0)
            score = np.zeros_like(s)
            for i, a in enumerate(names_a):
                for j, b in enumerate(names_b):
                    c = common.get((a, b), 0.0)
                    score[i, j] = s[i, j] * c / (n_true[a] + n_found[b] - c)
            for i, j in zip(*linear_sum_assignment(-score), strict=True):
                if s[i, j] >= least - 1e-12:
                    hits += 1
                    key = names_a[i], names_b[j]
                    together[key] = together.get(key, 0) + 1
        det.append(hits / (len(truth) + len(found) - hits))
        ass.append(sum(n * n / (n_true[a] + n_found[b] - n) for (a, b), n in together.items()) / max(hits, 1))
        hota.append(math.sqrt(det[-1] * ass[-1]))
    return np.mean(hota), np.mean(det), np.mean(ass)


def dense_clear(truth, found, gate):
    last, switches, hits = {}, 0, 0
    shared = {}
    for names_a, names_b, d in by_frame(truth, found):
        cost = np.full(d.shape, 0.0)
        for i, a in enumerate(names_a):
            for j, b in enumerate(names_b):
                if d[i, j] <= gate:
                    shared[a, b] = shared.get((a, b), 0) + 1
                    cost[i, j] = d[i, j] - 1e4 - 1e7 * (last.get(a) == b)
        for i, j in zip(*linear_sum_assignment(cost), strict=True):
            if cost[i, j] < 0:
                a, b = names_a[i], names_b[j]
                switches += a in last and last[a] != b
                hits += 1
                last[a] = b
    rows, cols = sorted({a for a, _ in shared}), sorted({b for _, b in shared})
    gain = np.array([[shared.get((a, b), 0) for b in cols] for a in rows]).reshape(len(rows), len(cols))
    return switches, hits, int(gain[linear_sum_assignment(-gain)].sum())


@pytest.mark.parametrize("seed", range(12))
def test_hota_equals_its_definition(seed):
    truth, found = random_pair(seed)
    ours = score_hota(truth, found, gate=1.0)
    assert (ours.hota, ours.deta, ours.assa) == pytest.approx(dense_hota(truth, found, 1.0), abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_switches_and_names_equal_their_definition(seed):
    truth, found = random_pair(seed)
    ours = score_identity(truth, found, gate=1.0)
    switches, hits, right = dense_clear(truth, found, 1.0)
    assert ours.switches == switches
    assert ours.points == Counts(hits, len(found) - hits, len(truth) - hits)
    assert ours.identity == Counts(right, len(found) - right, len(truth) - right)
    assert ours.mota == pytest.approx(1 - (len(found) + len(truth) - 2 * hits + switches) / len(truth))


def test_perfect_tracks():
    truth, _ = random_pair(1)
    renamed = truth.assign(track_id=900 - truth["track_id"]).sample(frac=1.0, random_state=0)
    assert score_hota(truth, renamed, gate=0.5).hota == pytest.approx(1.0)
    scores = score_identity(truth, renamed, gate=0.5)
    assert (scores.switches, scores.idf1, scores.mota) == (0, 1.0, 1.0)


def test_a_swap_costs_two_switches_and_half_the_names():
    truth = table([(t, k, 0.0, 10.0 * k) for t in range(10) for k in range(2)])
    found = truth.assign(track_id=np.where(truth["frame"] >= 5, 1 - truth["track_id"], truth["track_id"]))
    scores = score_identity(truth, found, gate=1.0)
    assert (scores.switches, scores.idf1) == (2, 0.5)
    hota = score_hota(truth, found, gate=1.0)
    assert hota.deta == 1.0
    assert hota.assa == pytest.approx(1 / 3)


def test_two_tracks_that_want_the_same_one_back():
    rows = [(0, 0, 0.0, 0.0), (1, 1, 0.0, 0.1), (2, 0, 0.0, 0.0), (2, 1, 0.0, 0.1)]
    found = table([(t, 9, 0.0, 0.05) for t in range(3)])
    scores = score_identity(table(rows), found, gate=1.0)
    assert (scores.switches, scores.points) == (0, Counts(3, 0, 1))


def test_nothing():
    truth, empty = table([(0, 0, 0.0, 0.0)]), table([]).astype(float)
    assert score_hota(truth, empty, gate=1.0).hota == 0.0
    assert score_identity(truth, empty, gate=1.0).identity == Counts(0, 0, 1)
    assert score_identity(empty, truth, gate=1.0).points == Counts(0, 1, 0)
    assert math.isnan(score_hota(empty, empty, gate=1.0).hota)


def test_a_wrong_gate_is_named():
    truth, found = random_pair(0)
    with pytest.raises(ParameterError, match="gate"):
        score_hota(truth, found, gate=0.0)
    with pytest.raises(ParameterError, match="gate"):
        score_identity(truth, found, gate=math.nan)
