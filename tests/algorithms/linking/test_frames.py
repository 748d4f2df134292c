"""Frame-to-frame linking against dense assignment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from playNano.algorithms.linking.assignment import match_rows
from playNano.algorithms.linking.frames import link_frames
from playNano.errors import ParameterError


def dense_cost(ptr, cols, cost, n_cols, skip):
    """Minimum total cost by scipy, with a private dummy column for every row."""
    n_rows = ptr.size - 1
    big = 1e9
    matrix = np.full((n_rows, n_cols + n_rows), big)
    for r in range(n_rows):
        for e in range(ptr[r], ptr[r + 1]):
            matrix[r, cols[e]] = min(matrix[r, cols[e]], cost[e])
        matrix[r, n_cols + r] = skip
    rows, chosen = linear_sum_assignment(matrix)
    return matrix[rows, chosen].sum()


def random_rows(rng):
    n_rows, n_cols = rng.integers(1, 9, 2)
    density = rng.uniform(0.1, 1.0)
    mask = rng.random((n_rows, n_cols)) < density
    ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
    cols = np.nonzero(mask)[1].astype(np.int32)
    if rng.random() < 0.5:
        cost = rng.integers(-4, 3, cols.size).astype(float)
    else:
        cost = rng.normal(-1.0, 2.0, cols.size)
    return ptr, cols, cost, int(n_cols)


def check_rows(ptr, cols, cost, n_cols, skip=0.0):
    edge = match_rows(ptr, cols, cost, n_cols, skip=skip)
    used = edge[edge >= 0]
    assert np.unique(cols[used]).size == used.size
    for r in np.flatnonzero(edge >= 0):
        assert ptr[r] <= edge[r] < ptr[r + 1]
    total = cost[used].sum() + skip * (edge < 0).sum()
    assert total == pytest.approx(dense_cost(ptr, cols, cost, n_cols, skip), abs=1e-9)


def test_assignment_equals_scipy_on_random_instances():
    rng = np.random.default_rng(1)
    for _ in range(4000):
        check_rows(*random_rows(rng), skip=float(rng.choice([0.0, 0.5, 1.0])))


def test_assignment_equals_scipy_on_larger_instances():
    rng = np.random.default_rng(2)
    for _ in range(15):
        n = 120
        a, b = rng.uniform(0, 10, (2, n, 2))
        squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        mask = squared < 16
        ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
        check_rows(ptr, np.nonzero(mask)[1].astype(np.int32), squared[mask] - 16.0, n)


def test_assignment_with_nothing_to_do():
    empty = match_rows(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0), 3)
    assert empty.shape == (0,)
    alone = match_rows(np.zeros(4, np.int64), np.zeros(0, np.int32), np.zeros(0), 0)
    assert alone.tolist() == [-1, -1, -1]


def random_movie(rng, *, whole=False):
    n_frames = int(rng.integers(1, 6))
    per_frame = rng.integers(0, 6, n_frames)
    frame = np.repeat(np.arange(n_frames), per_frame)
    positions = rng.uniform(0, 6, (frame.size, 2))
    return frame, np.round(positions) if whole else positions


def check_movie(frame, positions, *, search_range, max_missing, scale, power):
    """Replay our links: in every frame their cost is the minimum that scipy finds for the same open tracks."""
    track = link_frames(
        frame, positions, max_distance=search_range, max_missing=max_missing, distance_scale=scale
    )
    last_of = {}
    for t in range(int(frame.max()) + 1 if frame.size else 0):
        here = np.flatnonzero(frame == t)
        assert np.unique(track[here]).size == here.size
        open_tracks = {k: i for k, i in last_of.items() if t - frame[i] <= max_missing + 1}
        rows = list(open_tracks.values())
        matrix = np.zeros((len(rows), here.size + len(rows)))
        ours = 0.0
        for r, (k, i) in enumerate(open_tracks.items()):
            gap = float(t - frame[i])
            limit = search_range**2 * gap**power
            squared = ((positions[here] - positions[i]) ** 2).sum(axis=1)
            matrix[r, : here.size] = np.where(squared <= limit, (squared / limit - 1) / gap, 1e9)
            match = np.flatnonzero(track[here] == k)
            ours += matrix[r, match[0]] if match.size else 0.0
        if rows:
            r, c = linear_sum_assignment(matrix)
            assert ours == pytest.approx(matrix[r, c].sum(), abs=1e-6)
        last_of.update({int(track[j]): j for j in here})


@pytest.mark.parametrize(("scale", "power"), [("constant", 0), ("sqrt", 1), ("linear", 2)])
def test_total_cost_equals_scipy_frame_by_frame(scale, power):
    rng = np.random.default_rng(power)
    for k in range(400):
        frame, positions = random_movie(rng, whole=k % 2 == 0)
        search_range = float(rng.choice([0.7, 1.0, 2.0, 4.0]))
        check_movie(
            frame,
            positions,
            search_range=search_range,
            max_missing=int(rng.integers(0, 3)),
            scale=scale,
            power=power,
        )


def test_tracks_are_numbered_by_first_frame_then_y_then_x():
    frame = np.array([1, 0, 0, 1, 0])
    positions = np.array([[50.0, 50.0], [5.0, 9.0], [5.0, 1.0], [5.0, 1.5], [0.0, 30.0]])
    track = link_frames(frame, positions, max_distance=3.0)
    assert track.tolist() == [3, 2, 1, 1, 0]


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), whole=st.booleans(), max_missing=st.integers(0, 3))
def test_order_of_detections_does_not_matter(seed, whole, max_missing):
    rng = np.random.default_rng(seed)
    frame, positions = random_movie(rng)
    if whole:
        # Whole-number positions tie often; two detections at one place are the same to anyone.
        frame, positions = random_movie(rng, whole=True)
        _, keep = np.unique(np.column_stack([frame, positions]), axis=0, return_index=True)
        frame, positions = frame[keep], positions[keep]
    shuffle = rng.permutation(frame.size)
    track = link_frames(frame, positions, max_distance=2.0, max_missing=max_missing)
    again = link_frames(frame[shuffle], positions[shuffle], max_distance=2.0, max_missing=max_missing)
    assert np.array_equal(track[shuffle], again)


def test_a_crowd_is_solved_without_limit():
    rng = np.random.default_rng(3)
    positions = rng.uniform(0, 1, (3 * 150, 2))
    frame = np.repeat(np.arange(3), 150)
    track = link_frames(frame, positions, max_distance=10.0)
    assert track.max() == 149
    check_movie(frame, positions, search_range=10.0, max_missing=0, scale="constant", power=0)


def test_a_gap_is_bridged_only_as_far_as_allowed():
    frame, positions = np.array([0, 3]), np.zeros((2, 2))
    assert link_frames(frame, positions, max_distance=1.0, max_missing=1).tolist() == [0, 1]
    assert link_frames(frame, positions, max_distance=1.0, max_missing=2).tolist() == [0, 0]


def test_search_range_grows_with_the_gap_as_asked():
    frame = np.array([0, 4])
    positions = np.array([[0.0, 0.0], [0.0, 2.0]])
    linked = {
        scale: link_frames(frame, positions, max_distance=1.0, max_missing=3, distance_scale=scale).max() == 0
        for scale in ("constant", "sqrt", "linear")
    }
    assert linked == {"constant": False, "sqrt": True, "linear": True}


def test_search_range_follows_true_time():
    frame = np.array([0, 1, 2])
    positions = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    keyed = {"max_distance": 1.0, "distance_scale": "linear"}
    assert link_frames(frame, positions, **keyed).tolist() == [0, 0, 1]
    late = link_frames(frame, positions, time_s=[0.0, 0.5, 1.5], frame_interval_s=0.5, **keyed)
    assert late.tolist() == [0, 0, 0]


def test_an_unobserved_frame_is_no_miss_and_takes_no_part():
    frame, positions = np.array([0, 1, 2]), np.zeros((3, 2))
    observed = np.array([True, False, True])
    assert link_frames(frame, positions, max_distance=1.0, observed=observed).tolist() == [0, -1, 0]


def test_a_link_at_the_edge_of_the_search_range_is_taken():
    track = link_frames([0, 1], [[0.0, 0.0], [3.0, 4.0]], max_distance=5.0)
    assert track.tolist() == [0, 0]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_any_number_of_coordinates(dims):
    frame = np.repeat(np.arange(4), 3)
    positions = np.tile(10.0 * np.arange(3)[:, None] * np.ones(dims), (4, 1))
    track = link_frames(frame, positions, max_distance=1.0)
    assert track.tolist() == [0, 1, 2] * 4


def test_no_detections():
    assert link_frames(np.zeros(0, int), np.zeros((0, 2)), max_distance=1.0).shape == (0,)
    assert link_frames([], [], max_distance=1.0).shape == (0,)


def test_input_stays_as_it_was_and_may_be_a_view():
    frame = np.arange(12)[::-2] // 2
    positions = np.asfortranarray(np.arange(12.0).reshape(6, 2))[:, ::-1]
    before = frame.copy(), positions.copy()
    link_frames(frame, positions, max_distance=5.0)
    assert np.array_equal(frame, before[0])
    assert np.array_equal(positions, before[1])


@pytest.mark.parametrize("max_missing", [0, 3])
def test_small_blocks_change_nothing(monkeypatch, max_missing):
    rng = np.random.default_rng(4)
    frame = np.repeat(np.arange(30), 20)
    positions = rng.uniform(0, 20, (600, 2))
    options = {"max_distance": 4.0, "max_missing": max_missing, "distance_scale": "sqrt"}
    whole = link_frames(frame, positions, **options)
    monkeypatch.setattr("playNano.algorithms._common.threads.MIN_ITEMS", 50)
    parts = link_frames(frame, positions, **options)
    assert np.array_equal(whole, parts)


def test_a_crowded_cell_finds_room_for_all_its_pairs():
    rng = np.random.default_rng(5)
    positions = np.concatenate([rng.uniform(0, 1, (200, 2)), rng.uniform(0, 1, (200, 2))])
    track = link_frames(np.repeat([0, 1], 200), positions, max_distance=2.0)
    a, b = positions[:200], positions[200:]
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    rows, cols = linear_sum_assignment(squared)
    partner = {int(t): k for k, t in enumerate(track[200:])}
    ours = sum(squared[k, partner[int(t)]] for k, t in enumerate(track[:200]))
    assert ours == pytest.approx(squared[rows, cols].sum())


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"max_distance": 0.0}, "max_distance"),
        ({"max_distance": np.nan}, "max_distance"),
        ({"max_distance": np.inf}, "max_distance"),
        ({"max_distance": "3"}, "max_distance"),
        ({"max_missing": -1}, "max_missing"),
        ({"max_missing": 1.5}, "max_missing"),
        ({"distance_scale": "cubic"}, "distance_scale"),
        ({"positions": [[0.0, np.nan], [0.0, 0.0]]}, "positions"),
        ({"positions": [[0.0, 0.0]]}, "positions"),
        ({"positions": "ab"}, "positions"),
        ({"frame": [0, -1]}, "frame"),
        ({"frame": [0.5, 1]}, "frame"),
        ({"frame": [[0, 1]]}, "frame"),
        ({"observed": [True]}, "observed"),
        ({"observed": [1, 1]}, "observed"),
        ({"time_s": [0.0]}, "time_s"),
        ({"time_s": [1.0, 0.5]}, "time_s"),
        ({"frame_interval_s": 0.0}, "frame_interval_s"),
    ],
)
def test_a_wrong_parameter_is_named(change, word):
    good = {"frame": [0, 1], "positions": np.zeros((2, 2)), "max_distance": 1.0}
    with pytest.raises(ParameterError, match=word):
        link_frames(**(good | change))
