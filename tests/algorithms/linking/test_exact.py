"""The whole-movie assignment costs no more than that of scipy's dense solver, ties included."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment
from tests.algorithms.linking.linking_calls import link

from playNano.algorithms.linking import whole_movie
from playNano.algorithms.linking._kernels.assignment import Edges


def random_movie(rng, whole):
    """Points in a small box; on whole pixels costs tie."""
    n_frames = int(rng.integers(2, 7))
    counts = rng.integers(0, 6, n_frames)
    frame = np.repeat(np.arange(n_frames), counts)
    at = rng.uniform(0, 5, (frame.size, 2))
    if whole:
        at = np.round(at)
    return pd.DataFrame({"frame": frame, "y": at[:, 0], "x": at[:, 1]})


def minimum_cost(edges):
    """Every row takes an edge or, for nothing, a column of its own; by a dense matrix."""
    n = edges.start.size
    cost = np.zeros((n, 2 * n))
    cost[:, :n] = 1e6
    for row in range(n):
        for e in range(edges.start[row], edges.stop[row]):
            cost[row, edges.col[e]] = min(cost[row, edges.col[e]], edges.cost[e])
    return cost[linear_sum_assignment(cost)].sum()


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("motion", ["brownian", "directed", "static"])
def test_no_assignment_costs_less(monkeypatch, whole, motion):
    solve = whole_movie.solve
    compared = 0

    def checked(edges):
        nonlocal compared
        state = solve(edges)
        chosen = state.edge_of_row[state.edge_of_row >= 0]
        assert np.unique(edges.col[chosen]).size == chosen.size
        assert edges.cost[chosen].sum() == pytest.approx(minimum_cost(edges), abs=1e-9)
        compared += chosen.size > 0
        return state

    monkeypatch.setattr(whole_movie, "solve", checked)
    # Few links are usually not enough to trust a model to; here any are.
    monkeypatch.setattr(whole_movie, "ENOUGH_LINKS", 1)
    rng = np.random.default_rng(17)
    for k in range(150):
        table = random_movie(rng, whole)
        link(table, max_distance=3.0, max_missing=k % 4, motion=motion)
    assert compared > 250


def test_the_cost_that_is_reported_is_that_of_the_links(monkeypatch):
    kept = []
    solve = whole_movie.solve

    def keeping(edges):
        # The confidence overwrites the costs of the edges.
        kept.append(Edges(edges.start.copy(), edges.stop.copy(), edges.col.copy(), edges.cost.copy()))
        return solve(edges)

    monkeypatch.setattr(whole_movie, "solve", keeping)
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(0, 0.5, (30, 8, 2)), axis=0) + rng.uniform(0, 10, (8, 2))
    table = pd.DataFrame(walk.reshape(-1, 2), columns=["y", "x"]).assign(frame=np.repeat(np.arange(30), 8))
    result = link(table, max_distance=3.0, max_missing=1)
    assert result.parameters["cost"] == pytest.approx(minimum_cost(kept[-1]))


@pytest.mark.parametrize("drift", ["none", "global"])
def test_ties_are_broken_by_place_not_by_order(drift):
    rng = np.random.default_rng(5)
    for _ in range(30):
        table = random_movie(rng, whole=True)
        shuffled = table.sample(frac=1.0, random_state=int(rng.integers(1000)))
        one = link(table, max_distance=2.0, max_missing=2, drift=drift)
        two = link(shuffled, max_distance=2.0, max_missing=2, drift=drift)
        at = [(*row, t) for row, t in zip(table.itertuples(index=False), one.track_id, strict=True)]
        again = [(*row, t) for row, t in zip(shuffled.itertuples(index=False), two.track_id, strict=True)]
        assert sorted(at) == sorted(again)
