"""Whole tracks against clutter: chains of false detections, and tracks of real particles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.algorithms.linking.linking_calls import link

import playNano.algorithms.linking.whole_movie as whole_movie
from playNano.algorithms.linking import LinkingOptions
from playNano.algorithms.linking.detections import sort_detections
from playNano.algorithms.linking.features import prepare_features
from playNano.algorithms.linking.track_evidence import track_log_ratio, without_false_tracks


def dirty_movie(seed=0):
    """Slow particles, and eight dirty spots with false detections, several in a frame."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(0, 200, (20, 2)) + np.cumsum(rng.normal(0, 2.0, (150, 20, 2)), axis=0)
    frame, particle = np.nonzero(rng.random((150, 20)) >= 0.05)
    spots = rng.uniform(0, 200, (8, 2))
    number = rng.poisson(0.7, (150, 8)) * (rng.random((150, 8)) < 0.7)
    false_frame, spot = (np.repeat(index.ravel(), number.ravel()) for index in np.indices(number.shape))
    place = np.concatenate([at[frame, particle], spots[spot] + rng.normal(0, 5.0, (spot.size, 2))])
    return pd.DataFrame(
        {
            "frame": np.concatenate([frame, false_frame]),
            "y": place[:, 0],
            "x": place[:, 1],
            "particle": np.concatenate([particle, np.full(spot.size, -1)]),
        }
    )


def test_chains_of_false_detections_are_not_tracks():
    kept = real = 0
    for seed in range(5):
        table = dirty_movie(seed)
        linked = link(table)
        in_track = linked.links["source"].to_numpy()
        false = table["particle"].to_numpy()[in_track] < 0
        kept += int(false.sum())
        real += int((~false).sum())
    assert real > 0.99 * 5 * 20 * 149 * 0.95 * 0.95
    assert kept < 0.013 * real


def assignment(table, **options):
    detections = sort_detections(table["frame"], table[["y", "x"]])
    features = prepare_features(table, {}, detections.order)
    solved = whole_movie.assign_movie(detections, features, LinkingOptions(**options))
    return detections.points, solved


def test_the_log_ratio_is_that_of_a_walk_where_the_step_is_known():
    rng = np.random.default_rng(1)
    at = 30.0 * np.arange(12)[:, None] + np.cumsum(rng.normal(0, 1.0, (40, 12, 2)), axis=0)
    frame = np.repeat(np.arange(40), 12)
    table = pd.DataFrame({"frame": frame, "y": at[..., 0].ravel(), "x": at[..., 1].ravel()})
    points, solved = assignment(table, step=np.sqrt(2.0), max_missing=0, false_per_frame=0.5)
    track, ratio = track_log_ratio(points, solved.previous, solved.model, solved.rates, solved.options)
    rates, local = solved.rates, solved.rates.local
    mine = track == 0
    rows = np.flatnonzero(mine)
    squared = (np.diff(points.position[rows], axis=0) ** 2).sum(axis=1)
    jump = rates.outlier / (np.pi * solved.options.search_range**2)
    expected = np.log(np.exp(-0.5 * squared) / (2 * np.pi) + jump).sum() + rates.log_gap(1)[0] * squared.size
    expected += rates.log_birth(40, 1)[0] + np.log(local.birth[rows[0]])
    expected += min(rates.log_death(40, 1)[39] + np.log(local.death[rows[-1]]), 0.0)
    expected -= (np.log(0.5 / rates.area) + np.log(local.clutter[rows])).sum()
    assert rows.size == 40
    assert ratio[0] == pytest.approx(expected, abs=0.05)


def test_tracks_below_zero_become_clutter():
    previous = np.array([-1, -1, -1, 0, 1], np.int32)
    track = np.array([0, 1, 2, 0, 1])
    clutter = np.array([False, False, True, False, False])
    kept, false = without_false_tracks(previous, clutter, track, np.array([3.0, -0.1, -5.0]))
    assert kept.tolist() == [-1, -1, -1, 0, -1] and kept.dtype == np.int32
    assert false.tolist() == [False, True, True, False, True]
