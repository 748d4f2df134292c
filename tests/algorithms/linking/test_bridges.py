"""Merges and splits at which the linker breaks every track."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.algorithms.linking.linking_calls import link

from playNano.algorithms.linking.bridges import bridge_events
from playNano.algorithms.linking.detections import sort_detections


def slow_dimers(seed, *, n=40, step=0.05, apart=0.5):
    """Particles in pairs, `apart` from each other, that are one from frame 20 to 39."""
    rng = np.random.default_rng(seed)
    home = 4.0 * np.stack(np.meshgrid(np.arange(8), np.arange(5)), -1).reshape(-1, 2)[:n]
    walk = home + np.cumsum(rng.normal(0, step / np.sqrt(2), (60, n, 2)), axis=0)
    angle = rng.uniform(0, 2 * np.pi, n)
    half = 0.5 * apart * np.column_stack([np.sin(angle), np.cos(angle)])
    single = np.r_[0:20, 40:60]
    at = [walk[single] + half, walk[single] - half, walk[20:40]]
    frame = np.concatenate([np.repeat(f, n) for f in (single, single, np.arange(20, 40))])
    place = np.concatenate([a.reshape(-1, 2) for a in at])
    place = place + rng.normal(0, 0.2 * step, place.shape)
    return pd.DataFrame({"frame": frame, "y": place[:, 0], "x": place[:, 1]})


@pytest.mark.parametrize("apart", [0.3, 0.5, 0.8])
def test_slow_particles_that_meet_and_part_are_events_and_keep_a_track(apart):
    table = slow_dimers(1, apart=apart)
    plain = link(table, max_distance=1.5, max_missing=2)
    result = link(table, max_distance=1.5, max_missing=2, merge_split=True)
    counts = result.events["kind"].value_counts()
    assert counts["merge"] == pytest.approx(40, abs=2)
    assert counts["split"] == pytest.approx(40, abs=2)
    assert set(result.events["frame"]) == {20, 40}
    # One of the two goes on as the pair, and the pair as one of the two: three tracks to a pair of particles.
    assert result.n_tracks <= 3 * 40 + 4
    assert result.n_tracks <= plain.n_tracks
    assert result.links["confidence"].between(0, 1).all()


def chains(*tracks):
    """Return detections in canonical order and their links, from tracks of (frame, y, x)."""
    rows = np.array([(*at, k) for k, track in enumerate(tracks) for at in track], float)
    result = sort_detections(rows[:, 0].astype(int), rows[:, 1:3])
    track = rows[result.order, 3].astype(int)
    previous = np.full(track.size, -1, np.int32)
    last = {}
    for row, k in enumerate(track):
        previous[row] = last.get(k, -1)
        last[k] = row
    return result.points, previous, track


def bridged(*tracks, step=0.1, n_gaps=2):
    points, previous, track = chains(*tracks)
    confidence = np.where(previous >= 0, 0.9, np.nan)
    after, sure = bridge_events(points, previous, confidence, step=step, max_distance=1.5, n_gaps=n_gaps)
    new = np.flatnonzero((after != previous) & (after >= 0))
    assert ((sure[new] > 0) & (sure[new] <= 1)).all()
    assert np.array_equal(previous, chains(*tracks)[1])
    return [(int(track[after[j]]), int(track[j])) for j in new]


def line(first, last, y, x):
    return [(f, y, x) for f in range(first, last)]


FAR = line(0, 20, 30.0, 30.0)


def test_the_nearer_part_goes_on():
    assert bridged(line(0, 8, 0, 0), line(0, 8, 0, 1), line(8, 16, 0, 0.4), FAR) == [(0, 2)]
    assert bridged(line(0, 8, 0, 0.6), line(8, 16, 0, 0), line(9, 16, 0, 1), FAR) == [(0, 2)]


@pytest.mark.parametrize(
    "tracks",
    [
        (line(0, 8, 0, 0), line(8, 16, 0, 0.4)),
        (line(0, 8, 0, 0), line(0, 8, 0, 1), line(8, 16, 0.8, 0.5)),
        (line(0, 8, 0, 0), line(0, 8, 0, 1), line(12, 18, 0, 0.5)),
        (line(0, 8, 0, 0), line(0, 8, 0, 1), line(8, 10, 0, 0.5)),
        (line(0, 8, 0, 0), line(0, 8, 0, 4), line(8, 16, 0, 2)),
    ],
    ids=["one end", "off the line", "too late", "too short", "too far"],
)
def test_other_ends_are_left_alone(tracks):
    assert bridged(*tracks, FAR) == []


def test_each_end_is_used_once():
    result = bridged(line(0, 8, 0, 0), line(0, 8, 0, 1), line(8, 16, 0, 0.45), line(8, 16, 0, 0.55), FAR)
    assert len(result) == 1
