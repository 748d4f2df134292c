"""The motion model that a movie supports, by the correlation of successive displacements."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.algorithms.linking.linking_calls import link

from playNano.algorithms.linking.detections import sort_detections
from playNano.algorithms.linking.velocity_correlation import VelocityCorrelation, velocity_correlation
from playNano.metrics import score_edges


def persistent_steps(correlation, mean=(0.0, 0.0), *, n=300, n_frames=60, seed=0):
    """Displacements (n_frames, n, 2) of variance 1 around a mean, with a correlation from frame to frame."""
    rng = np.random.default_rng(seed)
    step = np.empty((n_frames, n, 2))
    step[0] = rng.normal(0, 1, (n, 2))
    for t in range(1, n_frames):
        step[t] = correlation * step[t - 1] + np.sqrt(1 - correlation**2) * rng.normal(0, 1, (n, 2))
    return step + np.array(mean)


def tracks_of(steps):
    """Detections of tracks in canonical order, and the detection before each one."""
    at = np.cumsum(steps, axis=0)
    frame, particle = np.indices(at.shape[:2]).reshape(2, -1)
    detections = sort_detections(frame, at[frame, particle])
    n = at.shape[1]
    inverse = np.empty(frame.size, np.int64)
    inverse[detections.order] = np.arange(frame.size)
    previous = np.full(frame.size, -1, np.int32)
    previous[inverse[n:]] = inverse[:-n]
    return detections.points, previous


@pytest.mark.parametrize("correlation", [-0.3, 0.0, 0.4, 0.8])
def test_the_correlation_is_that_of_the_displacements(correlation):
    evidence = velocity_correlation(*tracks_of(persistent_steps(correlation)))
    assert evidence.n_pairs == 300 * 58 / 3
    assert evidence.correlation == pytest.approx(correlation, abs=0.02)
    assert evidence.shared == pytest.approx(correlation, abs=0.02)
    assert evidence.motion == ("directed" if correlation > 0.3 else "brownian")


def test_a_shared_velocity_counts_apart():
    evidence = velocity_correlation(*tracks_of(persistent_steps(0.0, mean=(0.5, -1.0))))
    assert evidence.correlation == pytest.approx(0.0, abs=0.02)
    assert evidence.shared == pytest.approx(1.25 / 3.25, abs=0.02)
    assert evidence.motion == "brownian"
    fast = velocity_correlation(*tracks_of(persistent_steps(0.0, mean=(1.5, -2.0))))
    assert fast.shared == pytest.approx(6.25 / 8.25, abs=0.02)
    assert fast.motion == "directed"


def test_the_error_is_the_spread_of_independent_displacements():
    heavy = [np.random.default_rng(seed).standard_t(2.5, (10, 6, 2)) for seed in range(300)]
    evidence = [velocity_correlation(*tracks_of(steps)) for steps in heavy]
    spread = np.sqrt(np.mean([e.shared**2 for e in evidence]))
    assert np.sqrt(np.mean([e.error**2 for e in evidence])) == pytest.approx(spread, rel=0.2)
    assert sum(e.motion == "directed" for e in evidence) <= 3


def test_links_over_missed_frames_and_short_tracks_do_not_count():
    frame = np.array([0, 1, 3, 4])
    points = sort_detections(frame, np.column_stack([2.0 * frame, np.zeros(4)])).points
    evidence = velocity_correlation(points, np.array([-1, 0, 1, 2], np.int32))
    assert evidence.n_pairs == 0 and np.isnan(evidence.correlation)
    assert evidence.motion == "brownian"
    assert VelocityCorrelation(0.9, 0.9, 0.31, 4).motion == "brownian"


def walkers(seed, turn, n=30, n_frames=60):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n) + np.cumsum(rng.normal(0, turn, (n_frames, n)), axis=0)
    step = 3.0 * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    at = rng.uniform(0, 60, (n, 2)) + np.cumsum(step, axis=0)
    frame, particle = np.nonzero(((at > 0) & (at < 60)).all(axis=2))
    y, x = at[frame, particle].T
    return pd.DataFrame({"frame": frame, "y": y, "x": x, "particle": particle})


def test_the_movie_decides_between_brownian_and_directed_motion():
    for turn, model in ((0.15, "directed"), (6.0, "brownian")):
        table = walkers(1, turn)
        linked, given = link(table), link(table, motion=model)
        assert linked.motion.model == linked.parameters["motion"] == model
        assert (linked.track_id == given.track_id).all()
        assert linked.links["confidence"].equals(given.links["confidence"])
        assert given.motion.correlation is None and linked.summary()["motion"]["model"] == model
    table = walkers(2, 0.15)
    by_movie, brownian = (
        score_edges(table["frame"], table["particle"], link(table, **options).track_id).errors
        for options in ({}, {"motion": "brownian"})
    )
    assert by_movie < 0.7 * brownian


@pytest.mark.parametrize("options", [{"method": "frame"}, {"step": 3.0}, {"motion": "brownian"}])
def test_the_motion_is_not_tested_where_it_is_given_or_links_are_by_distance(options):
    linked = link(walkers(1, 0.15), **options)
    assert linked.motion.model == "brownian" and linked.motion.correlation is None


def test_a_drift_that_is_removed_is_not_a_direction():
    rng = np.random.default_rng(0)
    at = rng.uniform(0, 150, (20, 2)) + np.cumsum(rng.normal([1.5, 2.0], 1.0, (60, 20, 2)), axis=0)
    frame, particle = np.indices(at.shape[:2]).reshape(2, -1)
    y, x = at[frame, particle].T
    table = pd.DataFrame({"frame": frame, "y": y, "x": x})
    assert link(table).motion.model == "directed"
    corrected = link(table, drift="global").motion
    assert corrected.model == "brownian" and abs(corrected.shared_correlation) < 0.15
