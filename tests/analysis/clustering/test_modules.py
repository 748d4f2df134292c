"""What the clustering modules share, and the outputs of all of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score, silhouette_score

from playNano.afm_stack import AFMImageStack
from playNano.analysis.clustering.features import FeatureMatrix, FeatureSpace, feature_matrix
from playNano.analysis.modules.dbscan_clustering import DBSCANClusteringModule
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.hdbscan_clustering import HDBSCANClusteringModule
from playNano.analysis.modules.k_means_clustering import KMeansClusteringModule
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.analysis.modules.x_means_clustering import XMeansClusteringModule
from playNano.errors import MissingInputError, ParameterError, PlayNanoWarning

MODULES = [
    pytest.param(KMeansClusteringModule, {"k": 3}, id="k_means"),
    pytest.param(XMeansClusteringModule, {}, id="x_means"),
    pytest.param(DBSCANClusteringModule, {"eps": 0.15, "min_samples": 3}, id="dbscan"),
    pytest.param(HDBSCANClusteringModule, {"min_cluster_size": 8}, id="hdbscan"),
]
CENTRES = np.array([[10.0, 40.0], [50.0, 20.0], [80.0, 70.0]])
each = pytest.mark.parametrize(("module", "params"), MODULES)


def blobs(n_frames=12, seed=0, spread=1.5):
    """Return one list of points (dicts with y and x) a frame around three centres, and their groups."""
    rng = np.random.default_rng(seed)
    features, groups = [], []
    for _ in range(n_frames):
        order = rng.permutation(3)
        places = CENTRES[order] + rng.normal(0, spread, (3, 2))
        features.append([{"y": float(y), "x": float(x)} for x, y in places])
        groups += order.tolist()
    return features, np.array(groups)


def stack_for(n_frames, frame_time=2.0):
    metadata = [{"timestamp": frame_time * i} for i in range(n_frames)]
    return AFMImageStack(np.zeros((n_frames, 4, 4)), 1.0, "c", "movie.asd", metadata)


def run(module, features, name="feature_detection", **params):
    return module().run(stack_for(len(features)), {name: {"features_per_frame": features}}, **params)


@each
@pytest.mark.parametrize("use_time", [True, False])
def test_well_parted_groups_are_found(module, params, use_time):
    features, groups = blobs()
    out = run(module, features, use_time=False, **params)
    assert set(out) >= {"clusters", "cluster_centers", "summary"}
    found = np.full(len(groups), -1)
    for cluster in out["clusters"]:
        for frame, index in zip(cluster["frames"], cluster["point_indices"], strict=True):
            found[frame * 3 + index] = cluster["id"]
    assert adjusted_rand_score(groups, found) == 1.0
    nearest = np.abs(out["cluster_centers"][:, None] - CENTRES[None]).max(axis=2).min(axis=1)
    assert (nearest < 2).all()


@each
def test_the_form_of_the_outputs(module, params):
    features, _ = blobs()
    out = run(module, features, **params)
    clusters, centers, summary = out["clusters"], out["cluster_centers"], out["summary"]
    assert [c["id"] for c in clusters] == list(range(len(clusters)))
    assert summary["n_clusters"] == len(clusters) == len(centers)
    assert summary["members_per_cluster"] == {c["id"]: len(c["frames"]) for c in clusters}
    assert summary["n_points"] == 36
    assert summary["n_unclustered"] == 36 - sum(summary["members_per_cluster"].values())
    assert centers.shape == (len(clusters), 3)
    for cluster, center in zip(clusters, centers, strict=True):
        assert set(cluster) == {"id", "frames", "point_indices", "coords"}
        places = np.array(cluster["coords"])
        np.testing.assert_allclose(places.mean(axis=0), center)
        for frame, index, (x, y, t) in zip(
            cluster["frames"], cluster["point_indices"], cluster["coords"], strict=True
        ):
            assert (features[frame][index]["x"], features[frame][index]["y"], 2.0 * frame) == (x, y, t)
    members = [(f, i) for c in clusters for f, i in zip(c["frames"], c["point_indices"], strict=True)]
    assert len(set(members)) == len(members)


@each
def test_without_time(module, params):
    out = run(module, blobs()[0], use_time=False, **params)
    assert out["cluster_centers"].shape[1] == 2
    assert {len(c) for cluster in out["clusters"] for c in cluster["coords"]} == {2}


@each
def test_after_either_detection(module, params):
    features, _ = blobs()
    first = run(module, features, **params)
    assert run(module, features, name="log_blob_detection", **params)["clusters"] == first["clusters"]
    named = run(module, features, name="mine", detection_module="mine", **params)
    assert named["clusters"] == first["clusters"]


@each
def test_after_feature_detection_itself(module, params, make_stack):
    stack = make_stack()
    detected = FeatureDetectionModule().run(stack, threshold=1.0)
    out = module().run(stack, {"feature_detection": detected}, use_time=False, **params)
    table = out["table"]
    assert list(table.columns[:3]) == ["cluster_id", "frame", "point_index"]
    assert len(table) == len(detected["table"])
    assert {"area_px", "y_nm", "time_s"} <= set(table.columns)
    assert (table["cluster_id"] >= 0).sum() == sum(out["summary"]["members_per_cluster"].values())


@each
def test_the_order_of_detections_does_not_matter(module, params):
    features, _ = blobs()
    rng = np.random.default_rng(5)
    shuffled = [[points[i] for i in rng.permutation(len(points))] for points in features]
    a, b = run(module, features, **params), run(module, shuffled, **params)
    np.testing.assert_allclose(a["cluster_centers"], b["cluster_centers"])
    assert [sorted(c["coords"]) for c in a["clusters"]] == [sorted(c["coords"]) for c in b["clusters"]]


@each
def test_the_same_again(module, params):
    features, _ = blobs(spread=15.0)
    a, b = run(module, features, **params), run(module, features, **params)
    assert a["clusters"] == b["clusters"]
    np.testing.assert_array_equal(a["cluster_centers"], b["cluster_centers"])


@each
@pytest.mark.parametrize("n_frames", [0, 1, 3])
def test_nothing_to_cluster(module, params, n_frames):
    out = run(module, [[]] * n_frames, **params)
    assert out["clusters"] == []
    assert out["cluster_centers"].shape == (0, 3)
    assert out["summary"]["n_clusters"] == 0
    assert out["summary"]["members_per_cluster"] == {}


@each
def test_without_a_detection(module, params):
    with pytest.raises(MissingInputError, match="feature_detection"):
        module().run(stack_for(2), None, **params)
    with pytest.raises(RuntimeError, match="'other'"):
        run(module, blobs()[0], detection_module="other", **params)


@each
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"normalize": False}, "did you mean 'normalise'"),
        ({"use_time": "sometimes"}, "'use_time' must be bool"),
        ({"time_weight": -1}, "'time_weight'"),
        ({"time_weight": 2, "use_time": False}, "time_weight .*use_time=True"),
        ({"coord_columns": ["z"]}, "no coordinate 'z'"),
        ({"coord_columns": []}, "'coord_columns'"),
    ],
)
def test_wrong_parameters_of_all(module, params, wrong, message):
    with pytest.raises(ParameterError, match=message):
        run(module, blobs()[0], **{**params, **wrong})


@pytest.mark.parametrize(
    ("module", "wrong", "message"),
    [
        (KMeansClusteringModule, {}, r"'k' \(int >= 1\) is needed"),
        (KMeansClusteringModule, {"k": 0}, "'k' must be int >= 1"),
        (KMeansClusteringModule, {"k": 2.5}, "'k'"),
        (KMeansClusteringModule, {"k": 1000}, "1000"),
        (KMeansClusteringModule, {"k": 2, "seed": -1}, "'seed'"),
        (XMeansClusteringModule, {"min_k": 0}, "'min_k'"),
        (XMeansClusteringModule, {"min_k": 4, "max_k": 2}, r"max_k \(2\) is less than min_k \(4\)"),
        (XMeansClusteringModule, {"criterion": "mdl"}, "'criterion'"),
        (XMeansClusteringModule, {"bic_threshold": -1.0}, "'bic_threshold'"),
        (DBSCANClusteringModule, {"eps": 0}, "'eps' must be float > 0"),
        (DBSCANClusteringModule, {"min_samples": 0}, "'min_samples'"),
    ],
)
def test_wrong_parameters(module, wrong, message):
    with pytest.raises(ParameterError, match=message):
        run(module, blobs()[0], **wrong)


def test_k_means_finds_the_least_inertia():
    features, _ = blobs(spread=12.0)
    out = run(KMeansClusteringModule, features, k=3, use_time=False, normalise=False, replicates=20)
    points = np.array([[p["x"], p["y"]] for listed in features for p in listed])
    from sklearn.cluster import KMeans

    reference = KMeans(3, n_init=20, random_state=0).fit(points)
    distance = ((points[:, None] - out["cluster_centers"][None]) ** 2).sum(axis=2).min(axis=1).sum()
    assert distance <= reference.inertia_ * 1.0001


def test_k_means_of_one_cluster_is_the_mean():
    features, _ = blobs()
    out = run(KMeansClusteringModule, features, k=1)
    points = np.array([[p["x"], p["y"], 2.0 * f] for f, listed in enumerate(features) for p in listed])
    np.testing.assert_allclose(out["cluster_centers"], points.mean(axis=0)[None])


def test_dbscan_is_that_of_scikit_learn():
    features, _ = blobs(spread=8.0)
    params = {"eps": 0.2, "min_samples": 4}
    out = run(DBSCANClusteringModule, features, time_weight=0.5, **params)
    points = np.array([[p["x"], p["y"], 2.0 * f] for f, listed in enumerate(features) for p in listed])
    unit = (points - points.min(axis=0)) / np.ptp(points, axis=0) * [1, 1, 0.5]
    expected = DBSCAN(**params).fit(unit).labels_
    found = np.full(len(points), -1)
    for cluster in out["clusters"]:
        for frame, index in zip(cluster["frames"], cluster["point_indices"], strict=True):
            found[frame * 3 + index] = cluster["id"]
    assert adjusted_rand_score(expected, found) == 1.0
    assert out["summary"]["n_unclustered"] == (expected < 0).sum() > 0


def test_x_means_finds_how_many():
    for n in (1, 2, 3):
        features = [points[:n] for points in [sorted(p, key=lambda q: q["x"]) for p in blobs(40)[0]]]
        out = run(XMeansClusteringModule, features, use_time=False)
        assert out["summary"]["n_clusters"] == n
    with pytest.warns(PlayNanoWarning, match="at its limit, max_k=2"):
        limited = run(XMeansClusteringModule, blobs()[0], use_time=False, max_k=2)
    assert limited["summary"]["n_clusters"] == 2
    at_least = run(XMeansClusteringModule, blobs()[0], use_time=False, min_k=5)
    assert at_least["summary"]["n_clusters"] >= 5


TABLE = ["cluster_id", "size", "y_nm", "x_nm", "extent_y_nm", "extent_x_nm", "radius_nm", "area_nm2"]
TABLE += ["density_per_nm2", "first_frame", "last_frame", "n_frames", "occupancy", "first_time_s"]
TABLE += ["last_time_s", "silhouette", "stability"]


@each
@pytest.mark.parametrize("n_frames", [0, 12])
def test_the_table_of_clusters(module, params, n_frames):
    out = run(module, blobs(n_frames)[0], **params)
    table = out["cluster_table"]
    assert list(table) == TABLE
    assert table["cluster_id"].tolist() == [c["id"] for c in out["clusters"]]
    assert table["size"].to_dict() == out["summary"]["members_per_cluster"]
    assert table["stability"].isna().all()
    for row, cluster in zip(table.itertuples(), out["clusters"], strict=True):
        x, y, t = np.array(cluster["coords"]).T
        assert row.y_nm == pytest.approx(y.mean())
        assert row.x_nm == pytest.approx(x.mean())
        assert row.extent_x_nm == pytest.approx(np.ptp(x))
        assert (row.first_frame, row.last_frame) == (min(cluster["frames"]), max(cluster["frames"]))
        assert (row.first_time_s, row.last_time_s) == (t.min(), t.max())
        assert row.occupancy == len(set(cluster["frames"])) / n_frames


@each
def test_places_in_nm_whatever_the_coordinates(module, params):
    features, _ = blobs()
    stack = AFMImageStack(np.zeros((12, 4, 4)), (3.0, 0.5), "c", "movie.asd")
    previous = {"feature_detection": {"features_per_frame": features}}
    for units in ("px", "nm"):
        out = module().run(stack, previous, use_time=False, units=units, **params)
        factor = [0.5, 3.0] if units == "nm" else [1, 1]
        places = np.array([[p["x"], p["y"]] for listed in features for p in listed])
        shown = np.concatenate([cluster["coords"] for cluster in out["clusters"]])
        assert {tuple(p) for p in shown} <= {tuple(p) for p in (places * factor)}
        table = out["table"]
        for row in table.itertuples():
            point = features[row.frame][row.point_index]
            assert (row.y_nm, row.x_nm) == (point["y"] * 3.0, point["x"] * 0.5)
        assert ("centroid_x" in table) == (units == "px")
        one = table[table["cluster_id"] == 0]
        assert out["cluster_table"]["y_nm"][0] == pytest.approx(one["y_nm"].mean())


@each
def test_silhouette_is_that_of_the_scaled_coordinates(module, params):
    features, _ = blobs(spread=6.0)
    out = run(module, features, use_time=False, **params)
    table = out["table"].query("cluster_id >= 0")
    points = table[["centroid_x", "centroid_y"]].to_numpy() / np.ptp(
        out["table"][["centroid_x", "centroid_y"]].to_numpy(), axis=0
    )
    if out["summary"]["n_clusters"] < 2:
        assert out["summary"]["silhouette"] is None
        return
    expected = silhouette_score(points, table["cluster_id"])
    assert out["summary"]["silhouette"] == pytest.approx(expected)
    drawn = run(module, features, use_time=False, silhouette_points=12, **params)
    again = run(module, features, use_time=False, silhouette_points=12, **params)
    assert drawn["summary"]["silhouette"] == again["summary"]["silhouette"] != out["summary"]["silhouette"]


def test_silhouette_of_radii_in_nm_counts_in_radii():
    features, _ = blobs()
    out = run(DBSCANClusteringModule, features, eps_nm=8.0, eps_s=100.0, min_samples=3)
    table = out["table"]
    points = table[["x_nm", "y_nm", "time_s"]].to_numpy() / [8, 8, 100]
    assert out["summary"]["n_clusters"] == 3
    assert out["summary"]["silhouette"] == pytest.approx(silhouette_score(points, table["cluster_id"]))


@each
def test_stability_on_request(module, params):
    features, _ = blobs(n_frames=40)
    out = run(module, features, use_time=False, n_bootstrap=5, **params)
    assert len(out["cluster_table"]) == 3
    assert (out["cluster_table"]["stability"] > 0.75).all()
    again = run(module, features, use_time=False, n_bootstrap=5, **params)
    assert again["cluster_table"]["stability"].equals(out["cluster_table"]["stability"])
    assert run(module, [[], []], n_bootstrap=5, **params)["cluster_table"]["stability"].empty


def test_clusters_cut_at_will_are_not_stable():
    one = [[{"y": float(y), "x": float(x)}] for y, x in np.random.default_rng(0).normal(size=(60, 2))]
    out = run(KMeansClusteringModule, one, k=4, use_time=False, n_bootstrap=20, replicates=2)
    assert (out["cluster_table"]["stability"] < 0.75).any()


def test_frames_that_do_not_show_the_surface_do_not_count():
    features, _ = blobs(n_frames=8)
    features[2] = features[5] = []
    usable = np.array([True] * 8)
    usable[[2, 5]] = False
    previous = {"feature_detection": {"features_per_frame": features}}
    plain = KMeansClusteringModule().run(stack_for(8), previous, k=3, use_time=False)
    assert plain["cluster_table"]["occupancy"].tolist() == [6 / 8] * 3
    assert plain["observed"].all()
    for told in (
        {**previous, "frame_quality": {"usable": usable}},
        {"feature_detection": {"features_per_frame": features, "observed": usable}},
    ):
        out = KMeansClusteringModule().run(stack_for(8), told, k=3, use_time=False)
        assert out["cluster_table"]["occupancy"].tolist() == [1.0] * 3
        assert out["observed"].tolist() == usable.tolist()


def tracked(features, **params):
    stack = stack_for(len(features))
    previous = {"feature_detection": {"features_per_frame": features}}
    previous["particle_tracking"] = ParticleTrackingModule().run(
        stack, previous, max_distance=10.0, max_missing=3, **params
    )
    return stack, previous


@each
def test_tracks_count_once_at_their_mean_position(module, params):
    features, _ = blobs(n_frames=10)
    features += [[]] * 5 + blobs(n_frames=10, seed=1)[0]
    stack, previous = tracked(features)
    assert previous["particle_tracking"]["n_tracks"] == 6
    chosen = {**params, "detection_module": "particle_tracking"}
    small = {"min_samples": 2} if module is DBSCANClusteringModule else {}
    small |= {"min_cluster_size": 2} if module is HDBSCANClusteringModule else {}
    small |= {"min_k": 3, "max_k": 3} if module is XMeansClusteringModule else {}
    out = module().run(stack, previous, use_time=False, **{**chosen, **small})
    assert out["summary"]["members_per_cluster"] == {0: 2, 1: 2, 2: 2}
    rows = previous["particle_tracking"]["table"]
    for cluster in out["clusters"]:
        for frame, track, coords in zip(
            cluster["frames"], cluster["point_indices"], cluster["coords"], strict=True
        ):
            own = rows[rows["track_id"] == track]
            assert frame == own["frame"].min()
            assert coords == pytest.approx((own["centroid_x"].mean(), own["centroid_y"].mean()))
    table = out["cluster_table"]
    assert table["occupancy"].tolist() == pytest.approx([20 / 25] * 3)
    assert table["last_time_s"].tolist() == [48.0] * 3
    assert sorted(out["table"]["track_id"]) == list(range(6))
    plain = {**previous, "particle_tracking": {"tracks": list(previous["particle_tracking"]["tracks"])}}
    same = module().run(stack, plain, use_time=False, **{**chosen, **small})
    assert same["clusters"] == out["clusters"]
    pd.testing.assert_frame_equal(same["cluster_table"], table)


def test_no_tracks():
    stack, previous = tracked([[], [], []])
    out = XMeansClusteringModule().run(stack, previous, detection_module="particle_tracking")
    assert out["clusters"] == []
    with pytest.raises(MissingInputError, match="particle_tracking"):
        XMeansClusteringModule().run(stack, {}, detection_module="particle_tracking")


def as_points(places):
    return [[{"y": float(y), "x": float(x)}] for y, x in places]


@each
def test_a_coordinate_that_is_not_a_number_is_refused(module, params):
    with pytest.raises(ParameterError, match=r"'centroid_x' .* is not finite for 1 of 3 detections"):
        run(module, as_points([(0, 1), (2, np.nan), (3, 4)]), **params)


@pytest.mark.parametrize("places", [[(3, 4)], [(3, 4)] * 2, [(3, 4)] * 20, [(0, 0), (9, 9)]])
@pytest.mark.parametrize("n_bootstrap", [0, 3])
def test_few_points_and_equal_points(places, n_bootstrap):
    features, n, distinct = as_points(places), len(places), len(set(places))
    common = {"use_time": False, "n_bootstrap": n_bootstrap}
    with pytest.raises(ParameterError, match=f"k = 3 clusters need at least 3 .* there are {distinct}"):
        run(KMeansClusteringModule, features, k=3, **common)
    with pytest.raises(ParameterError, match="min_k = 3"):
        run(XMeansClusteringModule, features, min_k=3, **common)
    for out, sizes in (
        (run(KMeansClusteringModule, features, k=1, **common), {0: n}),
        (run(XMeansClusteringModule, features, **common), {0: n}),
        (run(DBSCANClusteringModule, features, **common), {0: n} if n == 20 else {}),
        (run(HDBSCANClusteringModule, features, **common), {}),
    ):
        assert out["summary"]["members_per_cluster"] == sizes
        assert out["summary"]["n_unclustered"] == n - sum(sizes.values())
        assert out["summary"]["silhouette"] is None
        assert out["cluster_table"]["silhouette"].isna().all()
        if sizes:
            assert out["cluster_table"]["extent_y_nm"].tolist() == [np.ptp([y for y, _ in places])]


def test_coordinates_that_are_no_places():
    features = [[{"area": 1.0 + i % 2 * 9, "height": 2.0}] for i in range(12)]
    out = run(KMeansClusteringModule, features, k=2, coord_columns=["area"], use_time=False)
    assert out["cluster_centers"].tolist() == [[1.0], [10.0]]
    assert out["cluster_table"]["size"].tolist() == [6, 6]
    assert "y_nm" not in out["cluster_table"]
    assert out["cluster_table"]["occupancy"].tolist() == [0.5, 0.5]


def test_core_points_stand_in_the_table():
    features = as_points([(0, 0), (0, 1), (1, 0), (0, 2.4), (50, 50)])
    out = run(DBSCANClusteringModule, features, normalise=False, use_time=False, eps=1.5, min_samples=3)
    table = out["table"].sort_values("frame")
    assert table["cluster_id"].tolist() == [0, 0, 0, 0, -1]
    assert table["core"].tolist() == [True, True, True, False, False]
    assert "core" not in out["info"]


def test_the_path_of_x_means_is_told():
    out = run(XMeansClusteringModule, blobs()[0], use_time=False, variance="shared", max_k=6)
    path = out["info"]["path"]
    assert path["k"].tolist() == [1, 2, 3, 4, 5, 6]
    assert path["k"][path["chosen"]].tolist() == [3]


def scaled(points, **space):
    table = pd.DataFrame(points, columns=["x", "y", "time_s"])
    return feature_matrix(table, FeatureSpace(coord_columns=("x", "y"), **space)).scaled


def test_scaling():
    points = np.array([[0.0, 5.0, 0.0], [4.0, 5.0, 10.0], [1.0, 5.0, 5.0]])
    before = points.copy()
    np.testing.assert_allclose(scaled(points), [[0, 0, 0], [1, 0, 1], [0.25, 0, 0.5]])
    np.testing.assert_allclose(scaled(points, normalise=False), points)
    np.testing.assert_allclose(scaled(points, normalise=False, time_weight=0.1)[:, 2], [0, 1, 0.5])
    np.testing.assert_allclose(scaled(points, time_weight=3)[:, 2], [0, 3, 1.5])
    np.testing.assert_array_equal(points, before)
    assert scaled(np.empty((0, 3)), time_weight=2).shape == (0, 3)


def test_scaling_by_deviation_and_by_given_lengths():
    points = np.array([[0.0, 5.0, 0.0], [4.0, 7.0, 10.0], [1.0, 9.0, 5.0]])
    np.testing.assert_allclose(scaled(points, scale_by="std").std(axis=0), 1)
    own = scaled(points, units="nm", scale_nm=(2.0, 4.0), scale_s=5.0)
    np.testing.assert_allclose(own, points / [4, 2, 5])
    mixed = scaled(points, units="nm", scale_nm=(2.0, 4.0))
    np.testing.assert_allclose(mixed[:, 2], [0, 1, 0.5])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"use_time": False, "time_weight": 2.0}, "use_time=True"),
        ({"scale_nm": (1.0, 2.0)}, "units='nm'"),
        ({"units": "nm", "coord_columns": ("area", "x")}, "'area'"),
        ({"eps": 0.2, "eps_nm": 3.0}, "not both"),
        ({"eps_nm": 3.0, "units": "px", "use_time": False}, "eps_nm needs units='nm'"),
        ({"eps_nm": 3.0}, "eps_s"),
        ({"eps_s": 3.0}, "eps_nm"),
        ({"epsi": 3.0}, "did you mean 'eps'"),
        ({"normalize": False}, "did you mean 'normalise'"),
    ],
)
def test_parameters_that_do_not_go_together(wrong, message):
    with pytest.raises(ParameterError, match=message):
        DBSCANClusteringModule().bind(wrong)


def test_radii_in_nm_and_s_honour_pixels_that_are_not_square():
    # Two pairs: one 3 px apart along y (30 nm), one 3 px apart along x (3 nm).
    places = [(0.0, 0.0), (3.0, 0.0), (50.0, 0.0), (50.0, 3.0)]
    features = [[{"y": y, "x": x} for y, x in places]]
    stack = AFMImageStack(np.zeros((1, 4, 4)), (10.0, 1.0), "c", "movie.asd", [{"timestamp": 0.0}])
    previous = {"feature_detection": {"features_per_frame": features}}
    out = DBSCANClusteringModule().run(stack, previous, eps_nm=5.0, min_samples=2, use_time=False)
    assert out["summary"]["n_clusters"] == 1
    assert out["cluster_centers"].tolist() == [[1.5, 500.0]]


@pytest.mark.parametrize("of_tracks", [False, True])
def test_lengths_in_nm_of_detections_and_tracks(of_tracks):
    # Pixels of 10 nm by 3 nm: y 0, 2, 7 px are 0, 20, 70 nm; x 0, 5, 1 px are 0, 15, 3 nm.
    places = [(0.0, 0.0), (2.0, 5.0), (7.0, 1.0)]
    stack = AFMImageStack(
        np.zeros((3, 4, 4)), (10.0, 3.0), "c", "movie.asd", [{"timestamp": 2.0 * i} for i in range(3)]
    )
    previous = {"feature_detection": {"features_per_frame": as_points(places)}}
    params = {"units": "nm", "scale_nm": (5.0, 30.0), "scale_s": 8.0}
    if of_tracks:
        tracks = [{"id": i, "frames": [i], "coords": [(x, y)]} for i, (y, x) in enumerate(places)]
        previous = {"particle_tracking": {"tracks": tracks}}
        params["detection_module"] = "particle_tracking"
    seen = []

    class Probe(KMeansClusteringModule):
        def group(self, features, options):
            seen.append(features)
            return super().group(features, options)

    out = Probe().run(stack, previous, k=3, **params)
    expected = {"x": [0.0, 15.0, 3.0], "y": [0.0, 20.0, 70.0], "t": [0.0, 2.0, 4.0]}
    np.testing.assert_allclose(seen[0].positions, np.column_stack([expected["x"], expected["y"]]))
    np.testing.assert_allclose(seen[0].scaled, np.column_stack(list(expected.values())) / [30.0, 5.0, 8.0])
    np.testing.assert_allclose(seen[0].time_s, expected["t"])
    by_frame = out["table"].sort_values("frame")
    np.testing.assert_allclose(by_frame[["y_nm", "x_nm"]], np.column_stack([expected["y"], expected["x"]]))
    centers = out["cluster_table"].sort_values("first_frame")
    np.testing.assert_allclose(centers[["y_nm", "x_nm"]], np.column_stack([expected["y"], expected["x"]]))
    np.testing.assert_allclose(
        np.sort(out["cluster_centers"], axis=0), np.sort(np.column_stack(list(expected.values())), axis=0)
    )


def test_radii_in_nm_and_s_scale_the_coordinates_of_the_silhouette():
    features = FeatureMatrix(np.zeros((1, 3)), np.array([[6.0, 30.0]]), np.array([8.0]))
    options = DBSCANClusteringModule.options(eps=None, eps_nm=6.0, eps_s=4.0)
    assert DBSCANClusteringModule().coordinates(features, options).tolist() == [[1.0, 5.0, 2.0]]
    options = DBSCANClusteringModule.options(eps=None, eps_nm=3.0)
    assert DBSCANClusteringModule().coordinates(features, options).tolist() == [[2.0, 10.0]]


def test_hdbscan_gives_a_probability_for_each_point():
    features, groups = blobs(n_frames=20)
    features[0].append({"y": 500.0, "x": 500.0})
    out = run(HDBSCANClusteringModule, features, use_time=False, normalise=False, min_cluster_size=8)
    assert out["summary"]["n_clusters"] == 3
    lonely = out["table"].query("frame == 0 and point_index == 3")
    assert lonely["cluster_id"].item() == -1
    assert lonely["probability"].item() == 0.0
    assert out["table"]["probability"].between(0, 1).all()
    assert (
        adjusted_rand_score(
            groups, out["table"].drop(lonely.index).sort_values(["frame", "point_index"])["cluster_id"]
        )
        > 0.9
    )
