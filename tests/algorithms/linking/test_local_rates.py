"""Rates that differ from place to place, and the change of velocity at a link."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.algorithms.linking.linking_calls import link

from playNano.algorithms.linking.detections import sort_detections
from playNano.algorithms.linking.edges import gap_times
from playNano.algorithms.linking.local_rates import local_rates
from playNano.algorithms.linking.turning import NO_TURNING, fit_turning
from playNano.metrics import score_edges


def test_events_count_where_they_happen():
    rng = np.random.default_rng(0)
    position = rng.uniform(0, 100, (4000, 2))
    dirty = (position[:, 0] < 20) & (position[:, 1] < 20)
    chance = np.where(dirty, 0.8, 0.02)
    starts, ends = rng.random(4000) < chance, rng.random(4000) < chance
    rates = local_rates(position, 5.0, starts, ends)
    inner = (position < 15).all(axis=1)
    far = (position > 30).all(axis=1)
    for factor in (rates.birth, rates.death, rates.clutter):
        assert factor[inner].mean() > 5 * factor[far].mean()
    overall = ends.mean()
    # True are 0.8 and 0.02; few detections in a cell are shrunk to the mean.
    assert 0.4 < overall * rates.death[inner].mean() < 0.85
    assert 0.01 < overall * rates.death[far].mean() < 0.04


def test_few_events_are_shrunk_to_the_mean():
    position = np.random.default_rng(1).uniform(0, 100, (50, 2))
    event = np.zeros(50, bool)
    event[0] = True
    rates = local_rates(position, 5.0, event, event)
    assert rates.birth.max() < 2.0 and rates.birth.min() > 0.5


def test_false_detections_around_dirt_are_not_linked():
    rng = np.random.default_rng(2)
    walk = rng.uniform(20, 180, (15, 2)) + np.cumsum(rng.normal(0, 1.5, (150, 15, 2)), axis=0)
    frame = np.repeat(np.arange(150), rng.poisson(2.5, 150))
    false = rng.uniform(0, 200, (5, 2))[rng.integers(0, 5, frame.size)] + rng.normal(0, 5, (frame.size, 2))
    table = pd.DataFrame(
        {
            "frame": np.concatenate([np.repeat(np.arange(150), 15), frame]),
            "y": np.concatenate([walk[..., 0].ravel(), false[:, 0]]),
            "x": np.concatenate([walk[..., 1].ravel(), false[:, 1]]),
            "particle": np.concatenate([np.tile(np.arange(15), 150), np.full(frame.size, -1)]),
        }
    )
    scores = score_edges(table["frame"], table["particle"], link(table).track_id)
    assert scores.precision > 0.96 and scores.recall > 0.98


def test_a_change_of_velocity_tells_particles_apart_only_where_they_keep_theirs():
    rng = np.random.default_rng(3)
    past = rng.normal(0, 2.0, (800, 2))
    height, precision = fit_turning(past, past + rng.normal(0, 0.2, past.shape))

    def ratio(squared):
        return float((height * np.exp(-squared * precision)).sum())

    assert ratio(0.0) > 1.0 > 0.05 > ratio(16.0)
    # Independent velocities, as of Brownian particles, say nothing.
    height, precision = fit_turning(past, rng.normal(0, 2.0, past.shape))
    assert ratio(0.0) == pytest.approx(1.0, rel=0.3)
    assert ratio(16.0) == pytest.approx(1.0, rel=0.3)
    np.testing.assert_array_equal(fit_turning(past[:5], past[:5]), NO_TURNING)


def test_the_time_between_frames():
    frame = np.array([0, 1, 3, 4])
    points = sort_detections(
        frame, np.zeros((4, 2)), time_s=np.array([0.0, 1.0, 9.0, 10.0]), frame_interval_s=1.0
    )
    gaps = gap_times(points.points, 2)
    # Frame 2 has no detections: there the number of frames counts.
    assert gaps[:, 0].tolist() == [1.0, 1.0, 1.0, 1.0, 1.0]
    assert gaps[1].tolist() == [1.0, 8.0]
