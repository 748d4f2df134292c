"""The parts of linking: model, rates, drift, tables, events, trackability."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.linking.detections import sort_detections
from playNano.algorithms.linking.drift import estimate_drift
from playNano.algorithms.linking.edges import RIVAL_COST, candidate_edges
from playNano.algorithms.linking.features import prepare_features
from playNano.algorithms.linking.merge_split import find_events, lineages, no_events
from playNano.algorithms.linking.motion_model import MotionModel, empty_context, first_motion
from playNano.algorithms.linking.rates import Rates, rate_of_ends
from playNano.algorithms.linking.settings import LinkingOptions
from playNano.algorithms.linking.tables import keep_long_tracks, link_table, track_table
from playNano.algorithms.linking.trackability import judge_trackability, neighbour_distance, wrong_link_share
from playNano.errors import ParameterError


@pytest.mark.parametrize("motion", ["brownian", "directed", "static"])
def test_candidate_links_are_those_in_the_search_range_that_may_pay(motion):
    rng = np.random.default_rng(len(motion))
    frame = rng.integers(0, 6, 200)
    detections = sort_detections(frame, rng.uniform(0, 8, (200, 2)) + np.array([100.0, -3.0]))
    options = LinkingOptions(max_distance=1.1, max_missing=2, motion=motion, step=0.6)
    step = first_motion(motion, np.zeros(0), 2, 1e-4, 0.6)
    context = empty_context(detections.n, 2, 1)
    model = MotionModel(motion, step, context, prepare_features(pd.DataFrame(), {}, detections.order), 1e-4)
    rates = Rates(miss=0.1, death=0.01, birth=0.01, clutter=1.0, detected=30.0, area=64.0, outlier=1e-6)
    edges = candidate_edges(detections.points, model, rates, options)
    ours = {
        (i, int(j)): cost
        for i in range(detections.n)
        for j, cost in zip(
            edges.col[edges.start[i] : edges.stop[i]], edges.cost[edges.start[i] : edges.stop[i]], strict=True
        )
        if j != i
    }
    points = detections.points
    log_gap, log_birth, log_death = rates.log_gap(3), rates.log_birth(6, 3), rates.log_death(6, 3)
    n_within = 0
    for i in range(detections.n):
        for j in range(detections.n):
            gap = int(points.frame_of[j] - points.frame_of[i])
            squared = ((points.position[i] - points.position[j]) ** 2).sum()
            if not 1 <= gap <= 3 or squared > 1.1**2 * gap**options.growth_power:
                assert (i, j) not in ours
                continue
            n_within += 1
            variance = 0.18 * (1.0 if motion == "static" else gap)
            density = np.exp(-0.5 * squared / variance) / (2 * np.pi * variance)
            cost = (
                log_birth[points.frame_of[j]]
                + log_death[points.frame_of[i]]
                - log_gap[gap - 1]
                - np.log(density)
            )
            if cost < RIVAL_COST - 1e-3:
                assert ours[i, j] == pytest.approx(cost, abs=1e-3)
            elif (i, j) in ours:
                assert cost < RIVAL_COST + 1e-3
    assert 0.2 * n_within < len(ours) <= n_within


def test_rates_add_up_to_one():
    rates = Rates(miss=0.2, death=0.05)
    again = np.exp(rates.log_gap(4)).sum()
    never = np.exp(rates.log_death(50, 4)[10])
    assert again + never == pytest.approx(1.0)
    assert rates.log_death(50, 4)[-1] == pytest.approx(0.0)
    assert rate_of_ends(never, rates.redetection(4)) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("n_frames", [1, 3, 50])
def test_candidates_are_pruned_by_the_lowest_density_of_a_death_and_a_birth(n_frames):
    rates = Rates(miss=0.2, death=0.05, birth=0.02, detected=30.0, area=64.0)
    by_frame = rates.log_birth(n_frames, 4)[:, None] + rates.log_death(n_frames, 4)
    assert rates.log_death_birth(4) <= by_frame.min() + 1e-12
    if n_frames == 50:
        assert rates.log_death_birth(4) == pytest.approx(by_frame.min())


def test_drift_of_many_is_the_median_step_and_of_few_is_shrunk():
    rng = np.random.default_rng(0)
    frame = np.repeat(np.arange(20), 50)
    truth = np.cumsum(rng.normal(0, 0.5, (20, 2)), axis=0)
    truth -= truth[0]
    home = 20.0 * np.stack(np.meshgrid(np.arange(10), np.arange(5)), -1).reshape(-1, 2)
    positions = home[np.tile(np.arange(50), 20)] + truth[frame] + rng.normal(0, 0.05, (1000, 2))
    detections = sort_detections(frame, positions)
    inverse = np.argsort(detections.order)
    previous = np.where(frame > 0, inverse[np.arange(1000) - 50], -1)[detections.order].astype(np.int32)
    drift = estimate_drift(detections.points, previous)
    np.testing.assert_allclose(drift, truth, atol=0.1)
    assert (estimate_drift(detections.points, np.full(1000, -1, np.int32)) == 0).all()


def tracks_of(rows):
    return pd.DataFrame(rows, columns=["frame", "track_id", "y", "x", "z_mean_nm"]).assign(
        time_s=lambda t: 0.5 * t["frame"]
    )


@pytest.fixture
def example():
    table = tracks_of(
        [
            (0, 0, 0.0, 0.0, 1.0),
            (1, 0, 0.0, 3.0, 2.0),
            (4, 0, 4.0, 3.0, 3.0),
            (2, 1, 9.0, 9.0, 7.0),
            (3, -1, 5.0, 5.0, 0.0),
        ]
    )
    return table.sample(frac=1.0, random_state=0, ignore_index=True)


def test_track_table(example):
    tracks = track_table(example, example["track_id"], n_frames=6, confidence=np.full(5, 0.9))
    first, second = tracks.iloc[0], tracks.iloc[1]
    assert (first["start_frame"], first["end_frame"], first["length"]) == (0, 4, 3)
    assert (first["gaps"], first["missed"]) == (1, 2)
    assert first["duration_s"] == 2.0
    assert first["mean_height_nm"] == 2.0
    assert first["net_displacement_px"] == 5.0
    assert first["path_length_px"] == 7.0
    assert first["straightness"] == pytest.approx(5 / 7)
    assert first["censored_start"] and not first["censored_end"]
    assert first["mean_confidence"] == pytest.approx(0.9)
    assert second["length"] == 1 and np.isnan(second["straightness"]) and np.isnan(second["min_confidence"])


def test_tracks_near_the_edge_are_censored_at_the_end_that_is_near(example):
    near = np.zeros(5, bool)
    last = np.flatnonzero((example["track_id"] == 0) & (example["frame"] == 4))
    near[last] = True
    plain = track_table(example, example["track_id"], n_frames=6)
    tracks = track_table(example, example["track_id"], n_frames=6, near_edge=near)
    assert (plain["censored_end"][0], tracks["censored_end"][0]) == (False, True)
    assert tracks["censored_start"].tolist() == plain["censored_start"].tolist()
    assert tracks["censored_end"].dtype == bool


def test_unobserved_frames_censor_and_are_not_missed(example):
    observed = np.array([True, True, False, False, True, False])
    only = example[example["track_id"] == 0]
    tracks = track_table(only, only["track_id"], observed=observed)
    assert tracks["missed"].tolist() == [0]
    assert tracks["gaps"].tolist() == [0]
    assert tracks["censored_end"].tolist() == [True]


def test_link_table(example):
    links = link_table(example, example["track_id"], confidence=np.arange(5.0))
    assert links["gap"].tolist() == [1, 3]
    assert links["displacement_px"].tolist() == [3.0, 4.0]
    assert links["time_step_s"].tolist() == [0.5, 1.5]
    assert links["confidence"].tolist() == links["target"].astype(float).tolist()


def test_tables_of_nothing():
    empty = tracks_of([]).astype({"frame": int})
    assert len(track_table(empty, [])) == 0
    assert len(link_table(empty, [])) == 0
    assert keep_long_tracks([], 2).shape == (0,)


def test_tables_refuse_what_does_not_fit(example):
    with pytest.raises(ParameterError, match="track_id"):
        track_table(example, [0])
    with pytest.raises(ParameterError, match="'y'"):
        link_table(example.drop(columns="y"), example["track_id"])
    with pytest.raises(ParameterError, match="n_frames"):
        track_table(example, example["track_id"], n_frames=2)


def merging_movie(seed, n=30):
    """Pairs far from each other: in each, one particle ends in the other at frame 20 and leaves it at 40."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        home = np.array([30.0 * (k // 6), 30.0 * (k % 6)])
        for t in range(60):
            joint = 20 <= t < 40
            sway = rng.normal(0, 0.2, 2)
            rows.append((t, 2 * k, *(home + sway), (2.0 if joint else 1.0) + rng.normal(0, 0.1)))
            if not joint:
                apart = 0.5 + 0.15 * (20 - t if t < 20 else t - 40)
                rows.append(
                    (
                        t,
                        2 * k + 1 + 1000 * (t > 30),
                        *(home + np.array([0, apart]) + rng.normal(0, 0.2, 2)),
                        1.0,
                    )
                )
    return pd.DataFrame(rows, columns=["frame", "track_id", "y", "x", "mass"])


@pytest.mark.parametrize("mass", [None, "mass"])
def test_merges_and_splits_are_found(mass):
    table = merging_movie(0)
    _, track = np.unique(table["track_id"], return_inverse=True)
    events = find_events(table, track, step=0.4, max_distance=2.0, mass=mass)
    assert (events["kind"] == "merge").sum() == 30
    assert (events["kind"] == "split").sum() == 30
    assert set(events["frame"]) == {20, 40}
    assert (events["track_id"] != events["partner_id"]).all()
    assert events["probability"].between(0.5, 1).all()


def test_ends_far_from_anything_are_no_events():
    rng = np.random.default_rng(1)
    frame = np.repeat(np.arange(20), 30)
    home = rng.uniform(0, 100, (30, 2))
    at = home[np.tile(np.arange(30), 20)] + rng.normal(0, 0.2, (600, 2))
    table = pd.DataFrame({"frame": frame, "y": at[:, 0], "x": at[:, 1]})
    track = np.tile(np.arange(30), 20)
    gone = (track < 15) & (frame > 10)
    events = find_events(table[~gone], track[~gone], step=0.3, max_distance=2.0)
    assert len(events) <= 1


def test_mass_tells_a_merge_from_a_close_pass():
    table = merging_movie(2)
    same = table.assign(mass=1.0 + 0.05 * np.random.default_rng(3).normal(size=len(table)))
    _, track = np.unique(table["track_id"], return_inverse=True)
    assert len(find_events(same, track, step=0.4, max_distance=2.0, mass="mass")) < 10


def test_no_tracks_no_events():
    empty = pd.DataFrame({"frame": np.zeros(0, int), "y": [], "x": []})
    events = find_events(empty, np.zeros(0, int), step=1.0, max_distance=1.0)
    assert list(events.columns) == list(no_events().columns)
    assert len(events) == 0


@pytest.mark.parametrize(
    "wrong", [{"step": 0.0}, {"max_distance": -1.0}, {"max_missing": -1}, {"mass": "nowhere"}]
)
def test_events_name_a_wrong_parameter(wrong):
    table = pd.DataFrame({"frame": [0], "y": [0.0], "x": [0.0]})
    with pytest.raises(ParameterError, match="nowhere" if "mass" in wrong else next(iter(wrong))):
        find_events(table, [0], **({"step": 1.0, "max_distance": 1.0} | wrong))


def test_lineages_join_tracks_by_events():
    events = pd.DataFrame({"track_id": [3, 4], "partner_id": [1, 3]})
    assert lineages(6, events).tolist() == [0, 1, 2, 1, 1, 3]
    assert lineages(0, no_events()).tolist() == []


@pytest.mark.parametrize(
    ("step", "word"), [(0.0, "safe"), (0.14, "safe"), (0.3, "doubtful"), (0.7, "hopeless")]
)
def test_trackability_words(step, word):
    judged = judge_trackability(step, 1.0)
    assert judged.verdict == word
    assert judged.ratio == pytest.approx(step)
    better = judge_trackability(step / np.sqrt(judged.frame_rate_factor), 1.0)
    assert better.verdict == "safe"
    sparser = judge_trackability(step, 1.0 / np.sqrt(judged.density_factor))
    assert sparser.ratio <= 0.1500001


def test_trackability_of_particles_on_top_of_each_other():
    assert judge_trackability(1.0, 0.0).verdict == "hopeless"
    assert judge_trackability(0.0, 0.0).verdict == "safe"


def test_trackability_of_directed_motion_grows_with_the_rate_itself():
    assert judge_trackability(0.6, 1.0, motion="directed").frame_rate_factor == pytest.approx(4.0)


def test_neighbour_distance_of_a_random_surface():
    rng = np.random.default_rng(4)
    n = 2000
    table = pd.DataFrame(rng.uniform(0, np.sqrt(n), (n, 2)), columns=["y", "x"]).assign(frame=0)
    assert neighbour_distance(table) == pytest.approx(0.5, rel=0.05)
    assert neighbour_distance(table.iloc[:1]) == np.inf


def test_wrong_link_share():
    assert wrong_link_share([0.9, np.nan, 0.7]) == pytest.approx(0.2)
    assert np.isnan(wrong_link_share([]))


@pytest.mark.parametrize(("step", "neighbour"), [(-1.0, 1.0), (np.nan, 1.0), (1.0, np.nan), (1.0, -1.0)])
def test_trackability_names_a_wrong_parameter(step, neighbour):
    with pytest.raises(ParameterError):
        judge_trackability(step, neighbour)


@pytest.mark.parametrize("apart", [2.0, 6.0, 12.0])
def test_slow_particles_part_farther_than_they_step(apart):
    rng = np.random.default_rng(int(apart))
    step, n_pairs, n_frames = 0.05, 40, 12
    home = 3.0 * np.stack(np.meshgrid(np.arange(8), np.arange(5)), -1).reshape(-1, 2)
    walk = home + np.cumsum(rng.normal(0, step / np.sqrt(2), (n_frames, n_pairs, 2)), axis=0)
    angle = rng.uniform(0, 2 * np.pi, n_pairs)
    half = 0.5 * apart * step * np.column_stack([np.sin(angle), np.cos(angle)])
    first = walk.copy()
    first[6:] += half
    second = walk[6:] - half + rng.normal(0, step / np.sqrt(2), (6, n_pairs, 2))
    frame = np.concatenate(
        [np.repeat(np.arange(n_frames), n_pairs), np.repeat(np.arange(6, n_frames), n_pairs)]
    )
    track = np.concatenate([np.tile(np.arange(n_pairs), n_frames), n_pairs + np.tile(np.arange(n_pairs), 6)])
    place = np.concatenate([first.reshape(-1, 2), second.reshape(-1, 2)])
    table = pd.DataFrame({"frame": frame, "y": place[:, 0], "x": place[:, 1]})
    events = find_events(table, track, step=step, max_distance=1.2)
    right = events["track_id"] == events["partner_id"] + n_pairs
    assert (events["kind"] == "split").all() and right.all()
    assert len(events) >= 0.9 * n_pairs
