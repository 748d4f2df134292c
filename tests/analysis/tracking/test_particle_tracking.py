"""Tracking: the optimal links, whatever the order of detections."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.core.tables import RowsByGroup
from playNano.errors import MissingInputError, ParameterError, PlayNanoWarning


def stack_for(frames, **change):
    values = {"pixel_size_nm": 1.0, "channel": "c", "file_path": "movie.asd", **change}
    return AFMImageStack(np.zeros((frames, 4, 4)), **values)


def track(frames, **params):
    """Track points given as one list of (x, y) a frame; return the outputs."""
    change = {"pixel_size_nm": params.pop("pixel_size_nm", 1.0)}
    features = [[{"y": float(y), "x": float(x)} for x, y in points] for points in frames]
    previous = {"feature_detection": {"features_per_frame": features}}
    return ParticleTrackingModule().run(stack_for(len(frames), **change), previous, **params)


def coords(frames, **params):
    return [track_["coords"] for track_ in track(frames, **params)["tracks"]]


def test_known_particles_are_followed(make_stack, make_spots):
    _, truth = make_spots()
    stack = make_stack()
    detected = FeatureDetectionModule().run(stack, threshold=1.0)
    out = ParticleTrackingModule().run(stack, {"feature_detection": detected}, max_distance=4.0)
    assert out["n_tracks"] == len(out["tracks"]) == 3
    for result in out["tracks"]:
        assert result["frames"] == [0, 1, 2, 3, 4, 5]
        places = np.array(result["coords"])[:, ::-1]
        assert np.abs(truth - places).max(axis=(1, 2)).min() < 0.5
        for frame, index in zip(result["frames"], result["point_indices"], strict=True):
            y, x = detected["features_per_frame"][frame][index]["centroid"]
            assert result["coords"][frame] == (x, y)


def test_the_masks_are_those_of_the_last_detections(make_stack):
    stack = make_stack()
    detected = FeatureDetectionModule().run(stack, threshold=1.0)
    out = ParticleTrackingModule().run(stack, {"feature_detection": detected})
    assert set(out["track_masks"]) == {t["id"] for t in out["tracks"]}
    for result in out["tracks"]:
        feature = detected["features_per_frame"][result["frames"][-1]][result["point_indices"][-1]]
        expected = detected["labeled_masks"][result["frames"][-1]] == feature["label"]
        np.testing.assert_array_equal(out["track_masks"][result["id"]], expected)


def test_detections_without_labels_have_no_masks():
    assert dict(track([[(1, 1)], [(1, 2)]])["track_masks"]) == {}


def test_links_are_optimal_where_greedy_ones_are_not():
    # The nearest pair first would link 0 to 1 over a distance of 1 and leave 3 to -2 over one of 5.
    result = coords([[(0, 0), (3, 0)], [(1, 0), (-2, 0)]], max_distance=6)
    assert sorted(result) == [[(0, 0), (-2, 0)], [(3, 0), (1, 0)]]


def cost(before, after, links, reach):
    linked = sum((x - u) ** 2 + (y - v) ** 2 for (x, y), (u, v) in links)
    return linked + reach**2 * (len(before) - len(links))


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.integers(1, 4), st.integers(1, 4))
def test_no_other_links_cost_less(seed, n, m):
    rng = np.random.default_rng(seed)
    before, after = (list(map(tuple, rng.uniform(0, 6, (k, 2)).round(3))) for k in (n, m))
    result = coords([before, after], max_distance=3)
    mine = [(c[0], c[1]) for c in result if len(c) == 2]
    best = min(
        cost(before, after, links, 3.0)
        for k in range(min(n, m) + 1)
        for some in itertools.combinations(before, k)
        for others in itertools.permutations(after, k)
        if all(np.hypot(a[0] - b[0], a[1] - b[1]) <= 3 for a, b in zip(some, others, strict=True))
        for links in [list(zip(some, others, strict=True))]
    )
    assert cost(before, after, mine, 3.0) == pytest.approx(best)


@settings(max_examples=25)
@given(st.integers(0, 100_000), st.integers(0, 2))
def test_the_order_of_detections_does_not_matter(seed, max_missing):
    rng = np.random.default_rng(seed)
    frames = [[tuple(p) for p in rng.uniform(0, 20, (rng.integers(0, 7), 2)).round(2)] for _ in range(6)]
    shuffled = [[points[i] for i in rng.permutation(len(points))] for points in frames]
    params = {"max_distance": 6, "max_missing": max_missing}
    assert coords(frames, **params) == coords(shuffled, **params)


@settings(max_examples=25)
@given(st.integers(0, 100_000), st.integers(0, 2), st.sampled_from(["constant", "sqrt", "linear"]))
def test_every_detection_is_in_one_track(seed, max_missing, scale):
    rng = np.random.default_rng(seed)
    frames = [[tuple(p) for p in rng.uniform(0, 15, (rng.integers(0, 6), 2))] for _ in range(7)]
    out = track(frames, max_distance=3, max_missing=max_missing, distance_scale=scale)
    growth = {"constant": 0, "sqrt": 0.5, "linear": 1}[scale]
    seen = []
    for result in out["tracks"]:
        assert result["frames"] == list(range(result["frames"][0], result["frames"][-1] + 1))
        pairs = list(zip(result["frames"], result["point_indices"], strict=True))
        assert [i is None for i in result["point_indices"]] == [c is None for c in result["coords"]]
        there = [(frame, index) for frame, index in pairs if index is not None]
        assert (there[0][0], there[-1][0]) == (result["frames"][0], result["frames"][-1])
        for (f, i), (g, j) in itertools.pairwise(there):
            assert 1 <= g - f <= max_missing + 1
            step = np.hypot(*np.subtract(frames[f][i], frames[g][j]))
            assert step <= 3 * (g - f) ** growth + 1e-9
        seen += there
    assert sorted(seen) == [(f, i) for f, points in enumerate(frames) for i in range(len(points))]
    assert [t["id"] for t in out["tracks"]] == list(range(out["n_tracks"]))


def test_the_reach():
    assert len(coords([[(0, 0)], [(5, 0)]], max_distance=5)) == 1
    assert len(coords([[(0, 0)], [(5.001, 0)]], max_distance=5)) == 2
    assert len(coords([[(0, 0)], [(5.001, 0)]], max_distance=6)) == 1


def test_missing_detections():
    frames = [[(0, 0)], [], [(1, 0)], [], [], [(2, 0)]]
    assert len(coords(frames, max_missing=0)) == 3
    assert coords(frames, max_missing=1) == [[(0, 0), None, (1, 0)], [(2, 0)]]
    (result,) = track(frames, max_missing=2)["tracks"]
    assert result == {
        "id": 0,
        "frames": [0, 1, 2, 3, 4, 5],
        "point_indices": [0, None, 0, None, None, 0],
        "coords": [(0, 0), None, (1, 0), None, None, (2, 0)],
    }


@pytest.mark.parametrize(("scale", "reach"), [("constant", 3.0), ("sqrt", 3 * 2**0.5), ("linear", 6.0)])
def test_the_reach_grows_with_the_gap(scale, reach):
    for step, n_tracks in ((reach - 0.01, 1), (reach + 0.01, 2)):
        params = {"max_distance": 3, "max_missing": 1, "distance_scale": scale}
        assert track([[(0, 0)], [], [(step, 0)]], **params)["n_tracks"] == n_tracks


def test_a_reach_in_nm_on_pixels_that_are_not_square():
    wide = {"pixel_size_nm": (4.0, 1.0), "max_distance_nm": 5.0}
    assert track([[(0, 0)], [(4, 0)]], **wide)["n_tracks"] == 1
    assert track([[(0, 0)], [(0, 2)]], **wide)["n_tracks"] == 2
    assert track([[(0, 0)], [(0, 1)]], **wide)["n_tracks"] == 1


def test_other_columns():
    features = [[{"y": 0.0, "x": 0.0, "area": 10}], [{"y": 9.0, "x": 9.0, "area": 11}]]
    previous = {"feature_detection": {"features_per_frame": features}}
    out = ParticleTrackingModule().run(stack_for(2), previous, coord_columns=["area"], max_distance=2)
    assert out["tracks"][0]["coords"] == [(10.0,), (11.0,)]


def test_the_detection_module_asked_for():
    one = {"features_per_frame": [[{"y": 0.0, "x": 0.0}]] * 2}
    two = {"points": [[{"y": 0.0, "x": 0.0}, {"y": 3.0, "x": 3.0}]] * 2}
    previous = {"feature_detection": one, "mine": two}
    module = ParticleTrackingModule()
    assert module.run(stack_for(2), previous)["n_tracks"] == 1
    out = module.run(stack_for(2), previous, detection_module="mine", coord_key="points", max_distance=1)
    assert out["n_tracks"] == 2


def test_without_a_detection():
    module = ParticleTrackingModule()
    for previous in (None, {}, {"count_nonzero": {"counts": [1]}}):
        with pytest.raises(MissingInputError, match="feature_detection"):
            module.run(stack_for(2), previous)
    with pytest.raises(RuntimeError, match="'mine'"):
        module.run(stack_for(2), {"feature_detection": {"features_per_frame": []}}, detection_module="mine")


@pytest.mark.parametrize("frames", [[], [[]], [[], [], []]])
def test_nothing_to_follow(frames):
    out = track(frames)
    assert out["n_tracks"] == 0
    assert out["tracks"] == []
    assert dict(out["track_masks"]) == {}
    assert len(out["table"]) == 0


def test_one_frame():
    out = track([[(0, 0), (1, 1)]])
    assert [t["frames"] for t in out["tracks"]] == [[0], [0]]


def test_the_table(make_stack):
    stack = make_stack()
    detected = FeatureDetectionModule().run(stack, threshold=1.0)
    out = ParticleTrackingModule().run(stack, {"feature_detection": detected})
    table = out["table"]
    assert list(table.columns[:3]) == ["track_id", "frame", "point_index"]
    assert {"area_px", "y_nm", "time_s", "label"} <= set(table.columns)
    assert len(table) == len(detected["table"])
    assert isinstance(out["tracks"], RowsByGroup)
    for row in table.itertuples():
        feature = detected["features_per_frame"][row.frame][row.point_index]
        assert (row.label, row.area_px) == (feature["label"], feature["area"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_distance": 0}, "'max_distance' must be float > 0"),
        ({"max_distance": 3, "max_distance_nm": 3}, "not both"),
        ({"max_distance_nm": 3, "coord_columns": ["area"]}, "needs coordinates in px, not 'area'"),
        ({"max_distanc": 3}, "did you mean 'max_distance'"),
        ({"max_missing": -1}, "'max_missing' must be int >= 0"),
        ({"max_missing": 1.5}, "'max_missing'"),
        ({"distance_scale": "square"}, "'distance_scale' must be 'constant' | 'sqrt' | 'linear'"),
        ({"coord_columns": []}, "'coord_columns'"),
        ({"coord_columns": "x"}, "'coord_columns'"),
        ({"coord_columns": ["z"]}, "no coordinate 'z'"),
        ({"detection_module": 3}, "'detection_module'"),
    ],
)
def test_wrong_parameters(params, message):
    with pytest.raises(ParameterError, match=message):
        track([[(0, 0)], [(1, 0)]], **params)


def walks(n_frames, n, seed=0, step=0.6, side=60.0, size=None):
    """Particles that walk in a field, every detection a dict; shapes as the detections of a real module."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, side, (n, 2)) + np.cumsum(rng.normal(0, step, (n_frames, n, 2)), axis=0)
    own = rng.uniform(20, 60, n) if size is None else size
    return [
        [
            {"y": float(y), "x": float(x), "area": float(own[k] + rng.normal(0, 1)), "particle": k}
            for k, (y, x) in enumerate(frame)
        ]
        for frame in places
    ]


def run_on(features, stack=None, **params):
    stack = stack_for(len(features)) if stack is None else stack
    return ParticleTrackingModule().run(
        stack, {"feature_detection": {"features_per_frame": features}}, **params
    )


def test_tracks_that_begin_or_end_within_a_step_of_the_edge_are_censored():
    rng = np.random.default_rng(1)
    walk = rng.normal(0, 1.0, (40, 6, 2)).cumsum(axis=0)
    start = np.array([[40, 20], [40, 50], [40, 80], [80, 20], [80, 50], [80, 80]], float)
    features = []
    for frame in range(40):
        rows = [{"y": float(y), "x": float(x), "area": 9.0} for y, x in start + walk[frame]]
        # The first leaves in the field; the last one moves along y from one border to the other.
        across = {"y": 99.0 - 3 * (frame - 3), "x": 5.0, "area": 9.0}
        features.append(rows[frame > 25 :] + [across] * (3 <= frame <= 36))
    stack = AFMImageStack(
        np.zeros((40, 100, 100), np.float32), pixel_size_nm=2.0, channel="c", file_path="m.asd"
    )
    tracks = run_on(features, stack, max_distance=8, max_missing=1)["track_table"]
    ends = tracks.set_index("start_frame")[["end_frame", "censored_start", "censored_end"]]
    assert ends.loc[3].tolist() == [36, True, True]
    assert sorted(ends.loc[0].values.tolist()) == [[25, True, False]] + [[39, True, True]] * 5


def test_the_tables_of_tracks_and_links_agree():
    out = run_on(walks(40, 12), max_distance=6, max_missing=2)
    table, links, tracks = out["table"], out["links"], out["track_table"]
    assert out["n_tracks"] == len(tracks) == out["summary"]["n_tracks"]
    assert (table["track_id"].to_numpy()[links["source"]] == links["track_id"]).all()
    assert (table["frame"].to_numpy()[links["source"]] == links["frame_from"]).all()
    assert (table["frame"].to_numpy()[links["target"]] == links["frame_to"]).all()
    assert links["confidence"].between(0, 1).all()
    assert tracks["length"].sum() == len(table)
    assert tracks["censored_start"].any() and tracks["censored_end"].any()
    assert len(out["events"]) == 0
    assert list(out["drift"].columns) == ["frame", "y_nm", "x_nm"]
    assert len(out["drift"]) == 0
    assert not any("corrected" in name for name in table.columns)


def test_lengths_are_reported_in_nm_whatever_the_reach_is_in():
    features = walks(40, 12)
    for pixel in (2.5, (2.0, 3.0)):
        stack = stack_for(40, pixel_size_nm=pixel)
        edges = np.broadcast_to(pixel, 2)
        in_px = run_on(features, stack, max_distance=6)
        in_nm = run_on(features, stack, max_distance_nm=18)
        for out in (in_px, in_nm):
            links = out["links"]
            at = out["table"][["y", "x"]].to_numpy() if "y" in out["table"] else None
            at = np.array([c for t in out["tracks"] for c in t["coords"] if c])[:, ::-1] if at is None else at
            step = (at[links["target"]] - at[links["source"]]) * edges
            np.testing.assert_allclose(links["displacement_nm"], np.hypot(*step.T), atol=1e-9)
            expected = 0.6 * np.sqrt((edges**2).sum())
            assert out["summary"]["parameters"]["step_rms_nm"] == pytest.approx(expected, rel=0.15)


def test_the_summary_judges_and_tells_what_was_estimated():
    summary = run_on(walks(40, 12), max_distance=6)["summary"]
    assert summary["trackability"]["verdict"] in ("safe", "doubtful", "hopeless")
    assert summary["trackability"]["step_nm"] == pytest.approx(0.6 * 2**0.5, rel=0.15)
    assert {"miss_rate", "end_rate", "start_rate", "false_per_frame"} <= set(summary["parameters"])
    assert summary["clock"] == "frame"


def test_the_true_times_are_used_where_there_are_some():
    features = walks(60, 12)
    kept = [i for i in range(60) if i < 30 or i % 5 == 0]
    stack = stack_for(len(kept), frame_metadata=[{"timestamp": 0.5 * i} for i in kept])
    out = run_on([features[i] for i in kept], stack, max_distance=4, distance_scale="sqrt")
    assert out["summary"]["clock"] == "time_s"
    assert out["links"]["time_step_s"].max() == pytest.approx(2.5)
    assert out["n_tracks"] == 12
    assert out["summary"]["parameters"]["step_rms_nm"] == pytest.approx(0.6 * 2**0.5, rel=0.15)


def test_times_that_stand_still_are_not_used():
    with pytest.warns(PlayNanoWarning, match="do not increase"):
        stack = stack_for(40, frame_metadata=[{"timestamp": 1.0}] * 40)
    out = run_on(walks(40, 12), stack, max_distance=6)
    assert out["summary"]["clock"] == "frame"
    assert out["n_tracks"] == 12


def test_drift_is_reported_in_nm_and_leaves_coordinates():
    features = walks(40, 30, step=0.1)
    for t, points in enumerate(features):
        for point in points:
            point["x"] += 1.5 * t
    stack = stack_for(40, pixel_size_nm=2.0)
    out = run_on(features, stack, max_distance=3, drift="global")
    assert out["drift"]["x_nm"].iloc[-1] == pytest.approx(2.0 * 1.5 * 39, rel=0.02)
    assert out["n_tracks"] == 30
    assert out["tracks"][0]["coords"][0][0] in [point["x"] for point in features[0]]
    table, tracks, drift = out["table"], out["track_table"], out["drift"].set_index("frame")
    moved = table["x"] * 2.0 - drift["x_nm"].loc[table["frame"]].to_numpy()
    np.testing.assert_allclose(table["x_corrected_nm"], moved, atol=1e-9)
    first, last = (table.groupby("track_id")[["y_corrected_nm", "x_corrected_nm"]].nth(k) for k in (0, -1))
    net = np.hypot(*(last.to_numpy() - first.to_numpy()).T)
    np.testing.assert_allclose(tracks["net_displacement_nm"], net, atol=1e-9)
    # The particles move by 0.1 px a frame and axis, the field by 58 px.
    assert tracks["net_displacement_nm"].max() < 10.0
    assert out["links"]["displacement_nm"].mean() == pytest.approx(2 * 0.1 * np.sqrt(np.pi / 2), rel=0.15)


def test_areas_help_to_tell_particles_apart():
    features = walks(60, 60, step=0.9, side=30.0)
    plain, helped = (run_on(features, max_distance=5, area_weight=weight) for weight in (0.0, 1.0))
    true = [[p["particle"] for p in points] for points in features]

    def wrong(out):
        result = [
            [true[f][i] for f, i in zip(t["frames"], t["point_indices"], strict=True)] for t in out["tracks"]
        ]
        return sum(a != b for names in result for a, b in itertools.pairwise(names))

    assert wrong(helped) < 0.5 * wrong(plain)


def test_the_search_range_is_estimated_and_reported():
    summary = run_on(walks(60, 12), stack_for(60, pixel_size_nm=2.0))["summary"]
    search, (message, of_motion) = summary["search"], summary["messages"]
    assert search["max_distance_nm"] == search["estimated_range_nm"]
    assert search["share_within"] > 0.995 and not search["clipped"]
    px = search["max_distance_nm"] / 2.0
    assert (
        f"search range {px:.3g} px ({2 * px:.3g} nm), from the movie: 99.9 % of the displacements" in message
    )
    assert "nearest neighbour" in message and f"max_missing {search['max_missing']}" in message
    assert summary["motion"]["model"] == "brownian" and "motion brownian, from the movie" in of_motion
    assert f"correlation {summary['motion']['correlation']:.2f}" in of_motion


def test_the_motion_is_reported_with_its_evidence():
    frame = np.arange(60)
    features = [
        [{"centroid_x": 2.0 * f + 20.0 * k, "centroid_y": 30.0 * k} for k in range(5)] for f in frame.tolist()
    ]
    summary = run_on(features)["summary"]
    assert summary["motion"]["model"] == "directed"
    assert "1.00 with the velocity that all particles share; if the field drifts" in summary["messages"][1]
    assert run_on(features, motion="static")["summary"]["messages"][1] == "motion static, given"
    short = run_on(features[:2])["summary"]
    assert short["motion"]["correlation"] is None and "too few links" in short["messages"][1]


def test_a_search_range_that_cuts_steps_is_a_warning_with_its_cure():
    features = walks(60, 12, step=1.5, side=120.0)
    for search in ({"max_distance": 2.0}, {"max_distance_nm": 4.0}):
        stack = stack_for(60, pixel_size_nm=2.0)
        with pytest.warns(PlayNanoWarning, match=r"2 px \(4 nm\) .*tracks are cut; use max_distance_nm=\d+"):
            out = run_on(features, stack, max_missing=0, **search)
        verdict = out["summary"]["trackability"]
        assert verdict["verdict"] == "cut"
        assert "shorter than 4" in verdict["reason"]
        # Neither the step nor the rates come from the links that are left: 41 % of the steps are longer than 2 px.
        assert verdict["step_nm"] == pytest.approx(2.0 * 1.5 * 2**0.5, rel=0.1)
        assert out["summary"]["parameters"]["step_rms_nm"] == pytest.approx(2.0 * 1.5 * 2**0.5, rel=0.1)
        assert out["summary"]["parameters"]["end_rate"] < 0.02
        cure = float(stack.provenance["warnings"][0].partition("max_distance_nm=")[2].split(",")[0])
        assert run_on(features, stack, max_distance_nm=cure)["summary"]["trackability"]["verdict"] != "cut"


def test_a_merge_is_checked_by_the_volume_where_there_is_one():
    # A slow particle leaves near a resting one; its volume is not gained by the other.
    rng = np.random.default_rng(0)
    features = []
    for t in range(40):
        points = [
            {"y": 50.0 * k + rng.normal(0, 0.3), "x": rng.normal(0, 0.3), "volume_nm3": 100.0}
            for k in range(8)
        ]
        if t < 20:
            points += [
                {"y": 50.0 * k, "x": 1.2 + 0.2 * (20 - t) + rng.normal(0, 0.2), "volume_nm3": 100.0}
                for k in range(8)
            ]
        for point in points:
            point["volume_nm3"] += rng.normal(0, 3.0)
        features.append(points)
    out = run_on(features, max_distance=3, max_missing=0, merge_split=True)
    assert out["summary"]["n_merges"] == 0
    for t, points in enumerate(features):
        for point in points[:8]:
            point["volume_nm3"] += 100.0 * (t >= 20)
    merged = run_on(features, max_distance=3, max_missing=0, merge_split=True)
    assert merged["summary"]["n_merges"] == 8


def test_short_tracks_can_be_left_out():
    features = [*walks(30, 5)[:29], []]
    features[10] = [*features[10], {"y": 200.0, "x": 200.0, "area": 3.0, "particle": 9}]
    out = run_on(features, max_distance=6, min_length=3)
    assert out["n_tracks"] == 5 == len(out["tracks"])
    assert len(out["table"]) == 5 * 29
    assert (out["links"]["source"] >= 0).all()


def test_merges_and_splits_are_reported():
    rng = np.random.default_rng(0)
    features = []
    for t in range(40):
        points = [{"y": 50.0 * k + rng.normal(0, 0.3), "x": 0.0 + rng.normal(0, 0.3)} for k in range(8)]
        if t < 20:
            points += [
                {"y": 50.0 * k + rng.normal(0, 0.2), "x": 1.2 + 0.2 * (20 - t) + rng.normal(0, 0.2)}
                for k in range(8)
            ]
        features.append(points)
    stack = stack_for(40, pixel_size_nm=2.0)
    with pytest.warns(PlayNanoWarning, match="no volume"):
        out = run_on(features, stack, max_distance=3, merge_split=True)
    events, table = out["events"], out["table"]
    assert 6 <= (events["kind"] == "merge").sum() <= 8
    assert (events["kind"] == "split").sum() == 0
    assert (table["track_id"].to_numpy()[events["source"]] == events["track_id"]).all()
    assert (table["track_id"].to_numpy()[events["target"]] == events["partner_id"]).all()
    assert {"y_nm", "x_nm", "distance_nm", "probability"} <= set(events.columns)
    assert out["track_table"]["lineage"].nunique() <= 10
    assert out["summary"]["n_merges"] == (events["kind"] == "merge").sum()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"height_weight": 1.0}, "height_weight is 1, but the detections have no height_nm"),
        ({"merge_split": True, "mass_column": "volume_nm3"}, "mass_column is 'volume_nm3'"),
        ({"miss_rate": 1.5}, "'miss_rate'"),
        ({"step_nm": -1}, "'step_nm'"),
        ({"min_length": 0}, "'min_length'"),
        ({"motion": "jumping"}, "'motion' must be 'auto' | 'brownian' | 'directed' | 'static'"),
        ({"method": "greedy"}, "'method' must be 'global' | 'frame'"),
    ],
)
def test_wrong_parameters_of_the_model(params, message):
    with pytest.raises(ParameterError, match=message.replace("|", r"\|")):
        run_on(walks(5, 3), **params)


def test_frames_that_were_not_observed_are_no_misses():
    features = walks(30, 6)
    observed = np.ones(30, bool)
    for lost in (10, 11, 20):
        features[lost], observed[lost] = [], False
    result = {"feature_detection": {"features_per_frame": features, "observed": observed}}
    out = ParticleTrackingModule().run(stack_for(30), result, max_distance=6)
    assert out["n_tracks"] == 6
    assert (out["track_table"]["missed"] == 0).all()


WIDE = {"pixel_size_nm": (8.0, 2.0)}
"""Pixels that are not square: lengths of unknown direction count by their geometric mean, 4 nm."""


def test_a_known_step_in_nm_is_used_on_px_coordinates():
    out = run_on(walks(40, 12), stack_for(40, **WIDE), max_distance=6, step_nm=3.0)
    assert out["summary"]["parameters"]["step_rms_nm"] == pytest.approx(3.0)
    assert out["summary"]["trackability"]["step_nm"] == pytest.approx(3.0)


def test_trackability_is_reported_in_nm():
    features = [[{"y": 10.0 * k, "x": 0.01 * t} for k in range(4)] for t in range(40)]
    trackability = run_on(features, stack_for(40, **WIDE), max_distance=6)["summary"]["trackability"]
    assert trackability["neighbour_distance_nm"] == pytest.approx(10.0 * 4.0)
    assert trackability["step_nm"] == pytest.approx(trackability["ratio"] * 40.0)
    assert not {"step", "neighbour_distance"} & set(trackability)


def test_the_area_of_the_field_is_reported_in_nm2():
    features = [[{"y": 10.0 * k, "x": 7.0 * k} for k in range(4)] for _ in range(40)]
    parameters = run_on(features, stack_for(40, **WIDE), max_distance=6)["summary"]["parameters"]
    assert parameters["area_nm2"] == pytest.approx(30.0 * 21.0 * 8.0 * 2.0)
