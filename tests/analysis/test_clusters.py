"""What the clustering modules share, and the outputs of all of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from playNano.afm_stack import AFMImageStack
from playNano.analysis.clusters import Choice, sample_of
from playNano.analysis.modules.dbscan_clustering import DBSCANClusteringModule
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.hdbscan_clustering import HDBSCANClusteringModule
from playNano.analysis.modules.k_means_clustering import KMeansClusteringModule
from playNano.analysis.modules.x_means_clustering import XMeansClusteringModule
from playNano.errors import MissingInputError, ParameterError

MODULES = [
    pytest.param(KMeansClusteringModule, {"k": 3}, id="k_means"),
    pytest.param(XMeansClusteringModule, {}, id="x_means"),
    pytest.param(DBSCANClusteringModule, {"eps": 0.15, "min_samples": 3}, id="dbscan"),
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
    limited = run(XMeansClusteringModule, blobs()[0], use_time=False, max_k=2)
    assert limited["summary"]["n_clusters"] == 2
    at_least = run(XMeansClusteringModule, blobs()[0], use_time=False, min_k=5)
    assert at_least["summary"]["n_clusters"] >= 5


def scaled(points, **choice):
    table = pd.DataFrame(points, columns=["x", "y", "time_s"])
    return sample_of(table, Choice(coord_columns=("x", "y"), **choice)).scaled


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
