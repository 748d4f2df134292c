"""Whole-movie linking against simulated truth and brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.algorithms.linking.linking_calls import link

from playNano.algorithms.linking import FeatureCost, link_frames
from playNano.errors import ParameterError
from playNano.metrics import score_edges


def brownian(
    n=40,
    n_frames=80,
    *,
    step=0.3,
    p_miss=0.07,
    clutter=0.03,
    drift=(0.0, 0.0),
    seed=0,
    spacing=2.0,
    turn=None,
):
    """Detections of particles in a box that reflects them; spacing 2 means a neighbour distance of 1."""
    rng = np.random.default_rng(seed)
    side = spacing * np.sqrt(n)
    start = rng.uniform(0, side, (n, 2))
    moves = rng.normal(0, step / np.sqrt(2), (n_frames, n, 2))
    if turn is not None:
        angle = rng.uniform(0, 2 * np.pi, n) + np.cumsum(rng.normal(0, turn, (n_frames, n)), axis=0)
        moves = step * np.stack([np.sin(angle), np.cos(angle)], axis=-1) + 0.1 * moves
    where = np.abs((start + np.cumsum(moves, axis=0) + side) % (2 * side) - side)
    where = where + np.cumsum(np.broadcast_to(drift, (n_frames, 2)), axis=0)[:, None]
    frame, particle = np.nonzero(rng.random((n_frames, n)) >= p_miss)
    result = pd.DataFrame(
        {
            "frame": frame,
            "y": where[frame, particle, 0],
            "x": where[frame, particle, 1],
            "particle": particle,
            "height": (5.0 + rng.normal(0, 1, n))[particle] + rng.normal(0, 0.3, frame.size),
        }
    )
    at = np.repeat(np.arange(n_frames), rng.poisson(n * clutter, n_frames))
    false = rng.uniform(0, side, (at.size, 2))
    extra = pd.DataFrame(
        {"frame": at, "y": false[:, 0], "x": false[:, 1], "particle": -1, "height": rng.normal(5, 1, at.size)}
    )
    table = pd.concat([result, extra], ignore_index=True)
    return table.sample(frac=1.0, random_state=seed, ignore_index=True)


def errors(table, track):
    return score_edges(table["frame"], table["particle"], track).errors


@pytest.fixture(scope="module")
def movie():
    return brownian(seed=1)


@pytest.fixture(scope="module")
def linked(movie):
    return link(movie, max_distance=1.2, max_missing=3)


def test_the_whole_movie_is_linked_better_than_frame_by_frame(movie, linked):
    best = min(
        errors(movie, link_frames(movie["frame"], movie[["y", "x"]], max_distance=r, max_missing=m))
        for r in (0.7, 0.9, 1.1)
        for m in (1, 3)
    )
    assert errors(movie, linked.track_id) < 0.95 * best


def test_rates_and_step_are_estimated(linked):
    result = linked.parameters
    assert result["step_rms"] == pytest.approx(0.3, rel=0.05)
    assert result["miss_rate"] == pytest.approx(0.07, abs=0.02)
    assert result["false_per_frame"] == pytest.approx(1.2, abs=0.5)
    assert result["end_rate"] < 0.01


def test_tables_agree_with_each_other(movie, linked):
    assert linked.n_tracks == linked.track_id.max() + 1 == len(linked.tracks)
    assert len(linked.links) == len(movie) - linked.n_tracks
    links = linked.links
    assert (movie["frame"].to_numpy()[links["source"]] == links["frame_from"]).all()
    assert (links["gap"] >= 1).all() and (links["gap"] <= 4).all()
    assert links["confidence"].between(0, 1).all()
    step = movie[["y", "x"]].to_numpy()[links["target"]] - movie[["y", "x"]].to_numpy()[links["source"]]
    np.testing.assert_allclose(links["displacement_px"], np.hypot(*step.T))
    assert linked.tracks["length"].sum() == len(movie)
    assert linked.summary()["n_links"] == len(links)


def test_tracks_are_numbered_by_first_frame_then_place(movie, linked):
    first = movie.assign(track=linked.track_id).sort_values(["frame", "y", "x"]).drop_duplicates("track")
    assert first["track"].tolist() == list(range(linked.n_tracks))


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1000))
def test_order_of_detections_does_not_matter(seed):
    table = brownian(n=12, n_frames=20, seed=seed)
    shuffled = table.sample(frac=1.0, random_state=seed + 1)
    one = link(table, max_distance=1.2, max_missing=2, drift="global")
    two = link(shuffled, max_distance=1.2, max_missing=2, drift="global")
    assert np.array_equal(one.track_id[shuffled.index], two.track_id)
    pd.testing.assert_frame_equal(one.tracks, two.tracks)


def test_the_unit_of_length_does_not_matter(movie, linked):
    nm = movie.assign(y=movie["y"] * 250.0, x=movie["x"] * 250.0)
    big = link(nm, max_distance=300.0, max_missing=3, unit="nm")
    assert np.array_equal(big.track_id, linked.track_id)
    assert "displacement_nm" in big.links.columns
    assert "net_displacement_nm" in big.tracks.columns


def test_drift_is_found_and_removed():
    true = np.random.default_rng(2).normal([0.2, -0.1], 0.4, (50, 2))
    table = brownian(n=60, n_frames=50, step=0.2, drift=true, seed=3)
    still = link(table, max_distance=1.5, max_missing=2, drift="none")
    free = link(table, max_distance=1.5, max_missing=2, drift="global")
    assert errors(table, free.track_id) < 0.5 * errors(table, still.track_id)
    # The median step of 60 particles is off by 0.024 an axis, which adds up to 0.17 over 50 frames.
    off = free.drift[["y", "x"]].to_numpy() - (np.cumsum(true, axis=0) - true[0])
    assert np.sqrt((np.diff(off, axis=0) ** 2).mean()) < 0.035
    assert np.abs(off).max() < 0.6
    assert (still.drift[["y", "x"]].to_numpy() == 0).all()


def test_few_particles_keep_their_own_motion():
    table = brownian(n=2, n_frames=60, step=0.3, clutter=0.0, seed=4, spacing=20.0)
    free = link(table, max_distance=2.0, max_missing=2, drift="global")
    steps = np.diff(free.drift[["y", "x"]].to_numpy(), axis=0)
    assert np.sqrt((steps**2).sum(axis=1).mean()) < 0.2


def test_mobile_and_immobile_particles_in_one_movie():
    still = brownian(n=40, n_frames=80, step=0.02, seed=5)
    moving = brownian(n=40, n_frames=80, step=0.3, seed=6)
    moving["particle"] = np.where(moving["particle"] >= 0, moving["particle"] + 100, -1)
    table = pd.concat([still, moving], ignore_index=True)
    table[["y", "x"]] *= 1.4
    best = min(
        errors(table, link_frames(table["frame"], table[["y", "x"]], max_distance=r, max_missing=m))
        for r in (0.9, 1.2, 1.5)
        for m in (1, 3)
    )
    result = link(table, max_distance=1.7, max_missing=3)
    assert errors(table, result.track_id) < 0.7 * best
    assert result.parameters["persistence"] > 0.9


def test_directed_motion_uses_the_velocity():
    table = brownian(n=40, n_frames=80, step=0.6, turn=0.15, seed=7)
    blind = link(table, max_distance=1.5, max_missing=2, motion="brownian")
    seeing = link(table, max_distance=1.5, max_missing=2, motion="directed")
    assert errors(table, seeing.track_id) < 0.6 * errors(table, blind.track_id)
    assert seeing.parameters["coefficient_past"] > 0.3


def test_static_particles_are_kept_by_their_place():
    rng = np.random.default_rng(8)
    home = rng.uniform(0, 12, (60, 2))
    frame, particle = np.nonzero(rng.random((60, 60)) > 0.1)
    at = home[particle] + rng.normal(0, 0.1, (frame.size, 2))
    table = pd.DataFrame({"frame": frame, "y": at[:, 0], "x": at[:, 1], "particle": particle})
    static = link(table, max_distance=1.0, max_missing=3, motion="static")
    best = min(
        errors(table, link_frames(frame, at, max_distance=r, max_missing=3)) for r in (0.4, 0.6, 0.8, 1.0)
    )
    assert errors(table, static.track_id) < best
    assert static.parameters["gap_growth"] == [0.0, 0.0, 0.0]


def test_a_feature_helps_as_far_as_it_tells_particles_apart(movie, linked):
    helped = link(movie, max_distance=1.2, max_missing=3, features={"height": FeatureCost()})
    ignored = link(movie, max_distance=1.2, max_missing=3, features={"height": FeatureCost(weight=0.0)})
    assert errors(movie, helped.track_id) < 0.5 * errors(movie, linked.track_id)
    assert errors(movie, ignored.track_id) == errors(movie, linked.track_id)


def test_an_angle_as_a_feature_wraps_round(movie, linked):
    rng = np.random.default_rng(9)
    own = rng.uniform(0, 180, 100)[movie["particle"]]
    turned = movie.assign(orientation=(own + rng.normal(0, 8, len(movie))) % 180)
    result = link(
        turned, max_distance=1.2, max_missing=3, features={"orientation": FeatureCost(period=180.0)}
    )
    assert errors(movie, result.track_id) < 0.8 * errors(movie, linked.track_id)


def test_unobserved_frames_are_no_misses():
    table = brownian(n=20, n_frames=40, step=0.15, p_miss=0.0, clutter=0.0, seed=10)
    observed = np.ones(40, bool)
    observed[[10, 11, 12, 25]] = False
    result = link(table, max_distance=1.5, max_missing=0, observed=observed)
    kept = observed[table["frame"]]
    assert (result.track_id[~kept] == -1).all()
    assert errors(table[kept], result.track_id[kept]) <= 10
    assert (result.tracks["missed"] == 0).all()


def test_true_time_widens_the_step():
    table = brownian(n=30, n_frames=60, step=0.15, p_miss=0.0, clutter=0.0, seed=11)
    uneven = table[(table["frame"] < 30) | (table["frame"] % 4 == 0)].copy()
    uneven["time_s"] = uneven["frame"] * 0.5
    uneven["frame"] = uneven["frame"].rank(method="dense").astype(int) - 1
    timed = link(uneven, max_distance=0.8, max_missing=0)
    assert errors(uneven, timed.track_id) < 0.1 * len(uneven)
    assert timed.parameters["step_rms"] == pytest.approx(0.15, rel=0.1)
    assert timed.links["time_step_s"].max() == pytest.approx(2.0)


def test_given_rates_are_used(movie):
    result = link(
        movie,
        max_distance=1.2,
        max_missing=3,
        step=0.3,
        miss_rate=0.07,
        end_rate=0.001,
        start_rate=0.001,
        false_per_frame=1.2,
    )
    assert result.parameters["step_rms"] == pytest.approx(0.3)
    assert result.parameters["miss_rate"] == 0.07
    assert result.parameters["end_rate"] == 0.001
    assert result.parameters["false_per_frame"] == 1.2
    assert errors(movie, result.track_id) < 400


def test_frame_method_links_as_link_frames_and_tells_confidence(movie):
    result = link(movie, max_distance=0.9, max_missing=2, method="frame", motion="static")
    plain = link_frames(movie["frame"], movie[["y", "x"]], max_distance=0.9, max_missing=2)
    assert np.array_equal(result.track_id, plain)
    assert result.links["confidence"].between(0, 1).all()
    assert result.links["confidence"].median() > 0.9


def test_short_tracks_are_dropped(movie, linked):
    result = link(movie, max_distance=1.2, max_missing=3, min_length=5)
    assert result.tracks["length"].min() >= 5
    assert (result.track_id == -1).sum() == linked.tracks["length"][linked.tracks["length"] < 5].sum()


def test_runs_are_repeatable(movie, linked):
    again = link(movie, max_distance=1.2, max_missing=3)
    pd.testing.assert_frame_equal(again.links, linked.links, check_exact=True)


@pytest.mark.parametrize("method", ["global", "frame"])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_next_to_nothing(n, method):
    table = pd.DataFrame({"frame": np.arange(n), "y": np.zeros(n), "x": np.zeros(n)})
    result = link(table, max_distance=1.0, max_missing=1, method=method, drift="global", merge_split=True)
    assert result.n_tracks == min(n, 1)
    assert len(result.links) == max(n - 1, 0)
    assert len(result.events) == 0
    result.summary()


@pytest.mark.parametrize("motion", ["brownian", "directed", "static"])
def test_one_frame_and_equal_places(motion):
    one = pd.DataFrame({"frame": np.zeros(5, int), "y": np.zeros(5), "x": np.zeros(5)})
    assert link(one, max_distance=1.0, motion=motion).n_tracks == 5
    still = pd.DataFrame({"frame": np.arange(30), "y": np.zeros(30), "x": np.zeros(30)})
    assert link(still, max_distance=1.0, motion=motion, drift="global").n_tracks == 1


@pytest.mark.parametrize("dims", [1, 3])
def test_other_numbers_of_coordinates(dims):
    rng = np.random.default_rng(12)
    names = ["y", "x", "z"][:dims]
    frame = np.repeat(np.arange(30), 10)
    home = 10.0 * np.arange(10)[:, None] * np.ones(dims)
    walk = np.cumsum(rng.normal(0, 0.3, (30, 10, dims)), axis=0) + home
    table = pd.DataFrame(walk.reshape(-1, dims), columns=names).assign(
        frame=frame, particle=np.tile(range(10), 30)
    )
    result = link(table, max_distance=3.0, columns=names)
    assert errors(table, result.track_id) == 0


def test_input_stays_as_it_was(movie):
    before = movie.copy()
    link(movie, max_distance=1.2, max_missing=1, drift="global", merge_split=True)
    pd.testing.assert_frame_equal(movie, before)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"max_distance": -1.0}, "max_distance"),
        ({"max_missing": -1}, "max_missing"),
        ({"min_length": 1.5}, "min_length"),
        ({"motion": "jumping"}, "motion"),
        ({"distance_scale": "log"}, "distance_scale"),
        ({"drift": "local"}, "drift"),
        ({"method": "greedy"}, "method"),
        ({"miss_rate": 1.5}, "miss_rate"),
        ({"step": 0.0}, "step"),
        ({"false_per_frame": -1.0}, "false_per_frame"),
        ({"columns": ("y", "nowhere")}, "nowhere"),
        ({"features": {"nowhere": FeatureCost()}}, "nowhere"),
        ({"merge_split": True, "mass": "nowhere"}, "nowhere"),
    ],
)
def test_a_wrong_parameter_is_named(movie, change, word):
    with pytest.raises(ParameterError, match=word):
        link(movie, **({"max_distance": 1.0} | change))


def test_a_feature_that_is_not_known_tells_nothing(movie, linked):
    rng = np.random.default_rng(13)
    half = movie.assign(height=movie["height"].where(rng.random(len(movie)) < 0.5))
    helped = link(half, max_distance=1.2, max_missing=3, features={"height": FeatureCost()})
    assert errors(movie, helped.track_id) < errors(movie, linked.track_id)
    one = movie.assign(height=movie["height"].where(movie.index == 0))
    same = link(one, max_distance=1.2, max_missing=3, features={"height": FeatureCost()})
    assert np.array_equal(same.track_id, linked.track_id)


def test_a_feature_that_is_nowhere_known_is_refused(movie):
    with pytest.raises(ParameterError, match="height"):
        link(movie.assign(height=np.nan), max_distance=1.0, features={"height": FeatureCost()})


def lonely_tracks(n, change=None):
    """Particles in a wide field, one of which moves as `change` says (frames, 2)."""
    rng = np.random.default_rng(n)
    walk = rng.uniform(0, 64, (n, 1, 2)) + np.cumsum(rng.normal(0, 0.1, (n, 60, 2)), axis=1)
    if change is not None:
        walk[0] += change
    particle, frame = np.divmod(np.arange(n * 60), 60)
    at = walk.reshape(-1, 2)
    return pd.DataFrame({"frame": frame, "y": at[:, 0], "x": at[:, 1], "particle": particle})


@pytest.mark.parametrize("n", [1, 10, 40])
def test_where_there_is_room_one_jump_ends_no_track(n):
    jump = np.where(np.arange(60)[:, None] >= 30, [0.0, 4.0], 0.0)
    table = lonely_tracks(n, jump)
    assert errors(table, link(table, max_distance=5.0).track_id) == 0


@pytest.mark.parametrize("n", [3, 40])
def test_where_there_is_room_one_long_gap_ends_no_track(n):
    table = lonely_tracks(n)
    table = table[(table["particle"] != 0) | (table["frame"] < 20) | (table["frame"] >= 25)]
    assert link(table, max_distance=5.0, max_missing=5).n_tracks == n
    assert link(table, max_distance=5.0, max_missing=4).n_tracks == n + 1


def test_one_mover_among_many_that_rest_keeps_its_track():
    table = lonely_tracks(40, np.arange(60)[:, None] * [0.0, 4.0])
    assert link(table, max_distance=5.0).n_tracks == 40


def test_few_links_are_made_from_frame_to_frame():
    table = pd.DataFrame({"frame": [0, 1, 2, 5], "y": [0.0, 5.0, 5.0, 5.0], "x": [0.0, 0.0, 0.0, 5.0]})
    result = link(table, max_distance=5.0, max_missing=2, distance_scale="constant")
    assert result.track_id.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"scale": 0.0}, {"period": np.inf}])
def test_a_wrong_feature_cost_is_named(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        FeatureCost(**wrong)
