"""Tracks that the defaults of linking cut, mixed up or measured with the drift in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.algorithms.linking.linking_calls import link

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.metrics import score_edges


def run_on(table, n_frames, **params):
    features = [table.loc[table["frame"] == f, ["y", "x"]].to_dict("records") for f in range(n_frames)]
    stack = AFMImageStack(np.zeros((n_frames, 4, 4)), 2.0, "height_trace", "movie.asd")
    previous = {"feature_detection": {"features_per_frame": features}}
    return ParticleTrackingModule().run(stack, previous, **params)


def table_of(at, *, seen=None, **columns):
    """Detections of paths (n_frames, n, 2)."""
    frame, particle = np.nonzero(np.ones(at.shape[:2], bool) if seen is None else seen)
    y, x = at[frame, particle].T
    more = {name: values[frame] for name, values in columns.items()}
    return pd.DataFrame({"frame": frame, "y": y, "x": x, "particle": particle, **more})


@pytest.mark.parametrize("seed", range(3))
def test_fast_particles_keep_their_tracks_by_default(seed):
    rng = np.random.default_rng(seed)
    walk = rng.uniform(0, 256, (8, 2)) + np.cumsum(rng.normal(0, 6 / np.sqrt(2), (100, 8, 2)), axis=0)
    at = np.abs((walk + 256) % 512 - 256)
    out = run_on(table_of(at, seen=rng.random((100, 8)) >= 0.02), 100)
    assert out["n_tracks"] <= 24
    links = out["links"]
    square = ((links["displacement_nm"] / 2.0) ** 2 / links["gap"]).mean()
    true = (np.diff(at, axis=0) ** 2).sum(axis=2).mean()
    assert square == pytest.approx(true, rel=0.05)


def test_long_intervals_allow_long_steps():
    rng = np.random.default_rng(1)
    intervals = np.tile([1.0, 1.0, 1.0, 6.0], 50)
    walk = np.cumsum(rng.normal(0, 1.8, (200, 15, 2)) * np.sqrt(intervals)[:, None, None], axis=0)
    at = np.abs((rng.uniform(0, 200, (15, 2)) + walk + 200) % 400 - 200)
    table = table_of(at, seen=rng.random((200, 15)) >= 0.05, time_s=np.cumsum(intervals))
    for given in ({}, {"max_distance": 20.0, "max_missing": 3}):
        linked = link(table, **given)
        scores = score_edges(table["frame"], table["particle"], linked.track_id)
        assert scores.f1 > 0.985
        long = linked.links["time_step_s"] == 6.0
        assert linked.links.loc[long, "displacement_px"].max() > 15.0


@pytest.mark.parametrize("motion", ["auto", "directed"])
@pytest.mark.parametrize("missed", [0.0, 0.05])
def test_particles_that_meet_head_on_keep_their_velocity(missed, motion):
    rng = np.random.default_rng(7)
    frame = np.arange(60)[:, None]
    lane, meeting = np.repeat(np.arange(20), 2), np.repeat(rng.uniform(20, 40, 20), 2)
    x = 100 + np.tile([1.0, -1.0], 20) * 3.0 * (frame - meeting) + rng.normal(0, 0.2, (60, 40))
    y = 9.5 * lane + rng.normal(0, 0.2, (60, 40))
    table = table_of(np.stack([y, x], axis=-1), seen=rng.random((60, 40)) >= missed)
    linked = link(table, max_distance=10.0, motion=motion)
    assert linked.n_tracks <= 44
    ends = table.assign(track_id=linked.track_id).groupby("track_id")["particle"].agg(["first", "last"])
    assert (ends["first"] == ends["last"]).sum() >= 40


def test_few_particles_in_few_frames_are_linked_as_well_as_by_a_tuned_range():
    counts = {"default": np.zeros(3), "tuned": np.zeros(3)}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        at = rng.uniform(0, 60, (6, 2)) + np.cumsum(rng.normal(0, 3.0, (5, 6, 2)), axis=0)
        table = table_of(at, seen=rng.random((5, 6)) >= 0.05)
        for name, options in (
            ("default", {}),
            ("tuned", {"max_distance": 14.0, "max_missing": 1, "method": "frame"}),
        ):
            s = score_edges(table["frame"], table["particle"], link(table, **options).track_id)
            counts[name] += (s.true_positives, s.false_positives, s.false_negatives)
    f1 = {name: 2 * c[0] / (2 * c[0] + c[1] + c[2]) for name, c in counts.items()}
    assert f1["default"] >= f1["tuned"] - 0.002


def test_particles_that_hop_now_and_then_are_followed():
    rng = np.random.default_rng(3)
    angle = rng.uniform(0, 2 * np.pi, (150, 25))
    hop = 8.0 * (rng.random((150, 25)) < 0.04)
    at = rng.uniform(0, 200, (25, 2)) + np.cumsum(
        hop[..., None] * np.stack([np.sin(angle), np.cos(angle)], -1), axis=0
    )
    table = table_of(at + rng.normal(0, 0.5, at.shape), seen=rng.random((150, 25)) >= 0.05)
    assert score_edges(table["frame"], table["particle"], link(table).track_id).f1 > 0.99
