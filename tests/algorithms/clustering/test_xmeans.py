"""X-means against drawn mixtures, the published formula, scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from playNano.algorithms.clustering import _kmeans_tree
from playNano.algorithms.clustering.xmeans import _anderson_darling, xmeans
from playNano.errors import ParameterError


def mixture(seed, k, n_dims=2, sizes=(20, 400), widths=(1.0, 1.0), apart=10.0):
    """Draw k Gaussian clusters of unequal size, their centres `apart` times the greater width away."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(*np.log(sizes), k)).astype(int)
    width = rng.uniform(*widths, k)
    box = apart * widths[1] * k ** (1 / n_dims)
    centers = []
    while len(centers) < k:
        place = rng.random(n_dims) * box
        far = [
            np.linalg.norm(place - c) > apart * max(width[i], width[len(centers)])
            for i, c in enumerate(centers)
        ]
        if all(far):
            centers.append(place)
        else:
            box *= 1.01
    points = [rng.normal(c, w, (n, n_dims)) for c, w, n in zip(centers, width, size, strict=True)]
    order = rng.permutation(size.sum())
    return np.concatenate(points)[order], np.repeat(np.arange(k), size)[order]


@pytest.mark.parametrize(
    ("seed", "k", "n_dims", "widths"),
    [
        (1, 2, 2, (1, 1)),
        (2, 9, 2, (1, 1)),
        (3, 40, 2, (1, 1)),
        (4, 17, 3, (1, 1)),
        (5, 12, 2, (0.5, 1.5)),
        (6, 33, 3, (0.5, 1.5)),
    ],
)
def test_finds_the_clusters_of_a_mixture(seed, k, n_dims, widths):
    points, truth = mixture(seed, k, n_dims, widths=widths)
    found = xmeans(points, max_k=45)
    assert found.n_clusters == k
    assert adjusted_rand_score(truth, found.labels) >= 0.98


def test_shared_variance_finds_clusters_of_one_width():
    points, truth = mixture(3, 25, sizes=(20, 2000))
    found = xmeans(points, max_k=40, variance="shared")
    assert found.n_clusters == 25
    assert adjusted_rand_score(truth, found.labels) >= 0.98


def test_own_variance_keeps_a_wide_cluster_whole():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(c, w, (300, 2)) for c, w in ((0, 5.0), (60, 1.0), (90, 1.0))])
    assert xmeans(points).n_clusters == 3
    assert xmeans(points, variance="shared").n_clusters > 3


def test_a_small_cluster_beside_a_large_one_is_found():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(0, 1, (3000, 2)), rng.normal((8, 0), 1, (20, 2))])
    assert xmeans(points).sizes.tolist() == [3000, 20]


@pytest.mark.parametrize("variance", ["own", "shared"])
@pytest.mark.parametrize(("n", "draws"), [(3, 30), (10, 40), (40, 30), (1000, 5)])
def test_one_gaussian_is_one_cluster(n, draws, variance):
    rng = np.random.default_rng(n)
    found = [xmeans(rng.normal(size=(n, 2)), variance=variance).n_clusters for _ in range(draws)]
    assert np.mean(np.array(found) == 1) >= 0.9


def published_bic(points, labels):
    """Sum the corrected criterion of Pelleg and Moore point by point."""
    total, n_dims = points.shape
    numbers = np.unique(labels)
    k = len(numbers)
    centers = {c: points[labels == c].mean(axis=0) for c in numbers}
    squares = np.array([((p - centers[c]) ** 2).sum() for p, c in zip(points, labels, strict=True)])
    variance = squares.sum() / (n_dims * (total - k))
    each = [np.log((labels == c).sum() / total) - 0.5 * n_dims * np.log(2 * np.pi * variance) for c in labels]
    return sum(each) - squares.sum() / (2 * variance) - k * (n_dims + 1) / 2 * np.log(total)


@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_bic_is_the_published_one(n_dims):
    points, _ = mixture(7, 4, n_dims)
    found = xmeans(points, variance="shared")
    assert found.info["bic"] == pytest.approx(published_bic(points, found.labels), rel=1e-12)


def test_bic_with_own_variances():
    points, _ = mixture(8, 3)
    found = xmeans(points)
    total, n_dims = points.shape
    squares = np.array([((points[found.labels == c] - m) ** 2).sum() for c, m in enumerate(found.centers)])
    n = found.sizes
    shared = squares.sum() / (n_dims * (total - 3))
    own = (squares + n_dims * shared) / (n_dims * n)
    ll = (n * np.log(n / total) - 0.5 * n * n_dims * np.log(2 * np.pi * own) - squares / (2 * own)).sum()
    assert found.info["bic"] == pytest.approx(ll - (3 * (n_dims + 2) - 1) / 2 * np.log(total), rel=1e-12)
    assert found.info["aic"] == pytest.approx(ll - (3 * (n_dims + 2) - 1), rel=1e-12)
    assert found.info["inertia"] == pytest.approx(squares.sum(), rel=1e-12)


def test_path_tells_every_k():
    points, _ = mixture(9, 6)
    info = xmeans(points, min_k=2, max_k=12).info
    path = info["path"]
    assert path["k"].tolist() == list(range(2, 13))
    assert path["k"].dtype == np.int64
    assert path["chosen"].sum() == 1
    assert path.loc[path["chosen"], "k"].item() == 6
    assert path["bic_corrected"].idxmax() == path["chosen"].idxmax()
    assert np.isfinite(path.drop(columns="chosen")).to_numpy().all()
    assert (path["bic_corrected"] <= path["bic"]).all()
    n, p = len(points), path["k"] * 4 - 1
    np.testing.assert_allclose(path["log_likelihood"] - path["bic"], p / 2 * np.log(n), rtol=1e-9)
    np.testing.assert_allclose(
        path["log_likelihood"] - path["aic_corrected"], p * n / (n - path["k"] - 1), rtol=1e-9
    )


def test_threshold_is_the_least_gain_for_each_further_cluster():
    points, _ = mixture(10, 8, sizes=(20, 60))
    path = xmeans(points, max_k=15).info["path"]
    counts = []
    assert xmeans(points, min_k=15, max_k=15).n_clusters == 15
    for threshold in (0.0, 30.0, 100.0, 300.0, 1e9):
        found = xmeans(points, max_k=15, bic_threshold=threshold)
        worth = path["bic_corrected"] - threshold * path["k"]
        assert found.n_clusters == path["k"][worth.idxmax()]
        counts.append(found.n_clusters)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 8
    assert counts[-1] == 1


def test_aic_finds_no_fewer_clusters_than_bic():
    rng = np.random.default_rng(11)
    points = rng.random((400, 2))
    assert xmeans(points, criterion="aic").n_clusters >= xmeans(points).n_clusters


def test_limits_on_k_hold():
    points, _ = mixture(12, 6)
    assert xmeans(points, max_k=4).n_clusters == 4
    assert xmeans(points, min_k=9, max_k=9).n_clusters == 9
    assert xmeans(points, max_k=1).n_clusters == 1


def test_the_local_test_stops_at_once_on_an_even_ring_and_the_path_does_not():
    rng = np.random.default_rng(13)
    angle = np.arange(12) * 2 * np.pi / 12
    centers = 30 * np.column_stack([np.cos(angle), np.sin(angle)])
    points = np.concatenate([rng.normal(c, 1, (60, 2)) for c in centers])
    assert xmeans(points, max_k=20).n_clusters == 12
    assert xmeans(points, max_k=20, method="local").n_clusters == 1
    assert xmeans(points, max_k=20, method="gmeans").n_clusters == 12


def test_the_local_test_parts_two_clusters():
    points, truth = mixture(14, 2)
    found = xmeans(points, method="local")
    assert adjusted_rand_score(truth, found.labels) == 1
    assert found.info["path"]["k"].tolist() == [1, 2]
    assert xmeans(points, method="local", bic_threshold=1e9).n_clusters == 1
    assert xmeans(points, method="local", min_k=2, max_k=2).n_clusters == 2


def test_anderson_darling_is_scipys():
    pytest.importorskip("scipy", minversion="1.17", reason="the oracle was called otherwise")
    values = np.random.default_rng(15).exponential(size=200)
    expected = stats.anderson(values, "norm", method="interpolate").statistic
    assert _anderson_darling(values) == pytest.approx(expected * (1 + 0.75 / 200 + 2.25 / 200**2), rel=1e-9)
    assert _anderson_darling(np.ones(50)) == 0
    assert _anderson_darling(values[:5]) == 0


@pytest.mark.parametrize("n_dims", [1, 2, 3])
@pytest.mark.parametrize("spacing", [0.0, 0.2])
def test_k_means_on_the_tree_is_k_means(n_dims, spacing):
    rng = np.random.default_rng(16)
    points = rng.random((3000, n_dims))
    if spacing:
        points = np.round(points / spacing) * spacing + 0.01 * rng.integers(0, 2, points.shape)
    points = points[np.lexsort(points.T[::-1])]
    places = np.unique(points, axis=0)
    start = places[rng.choice(len(places), 7, replace=False)] + rng.normal(size=(7, n_dims)) * 1e-3
    tree = _kmeans_tree.PointTree(points, 3, 1000, 0)
    ours = tree.finish(_kmeans_tree.Partition(start, np.ones(7), np.ones(7)))
    theirs = KMeans(7, init=start, n_init=1, max_iter=1000, tol=0).fit(points)
    assert ours.total == pytest.approx(theirs.inertia_, rel=1e-9)
    np.testing.assert_allclose(ours.centers, theirs.cluster_centers_, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(tree.labels(ours.centers), theirs.labels_)
    np.testing.assert_array_equal(np.bincount(theirs.labels_), ours.counts)
    square = ((points - ours.centers[theirs.labels_]) ** 2).sum(axis=1)
    np.testing.assert_allclose(ours.sse, np.bincount(theirs.labels_, weights=square), rtol=1e-9)


def test_tight_groups_moved_as_a_whole_give_the_same_clusters(monkeypatch):
    points, _ = mixture(17, 15, sizes=(20, 2000), widths=(0.7, 1.3))
    exact = xmeans(points, max_k=20)
    monkeypatch.setattr(_kmeans_tree, "_MANY", 0)
    rough = xmeans(points, max_k=20)
    np.testing.assert_array_equal(rough.labels, exact.labels)
    assert rough.info["bic"] == pytest.approx(exact.info["bic"], rel=1e-12)


def test_clusters_larger_than_the_sample_are_parted(monkeypatch):
    points, truth = mixture(18, 5, sizes=(300, 900))
    monkeypatch.setattr(_kmeans_tree, "_SAMPLE", 64)
    assert adjusted_rand_score(truth, xmeans(points).labels) == 1


@pytest.mark.parametrize("method", ["path", "local", "gmeans"])
def test_order_of_points_does_not_matter(method):
    points, _ = mixture(19, 7)
    points[:40] = points[40:80]
    order = np.random.default_rng(0).permutation(len(points))
    one, two = xmeans(points, method=method), xmeans(points[order], method=method)
    np.testing.assert_array_equal(one.labels[order], two.labels)
    np.testing.assert_array_equal(one.centers, two.centers)
    assert one.info["path"].equals(two.info["path"])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
    st.integers(1, 12),
)
def test_any_points_in_any_order(cells, random, max_k):
    points = np.array(cells)
    found = xmeans(points, max_k=max_k)
    k = found.n_clusters
    assert 1 <= k <= min(max_k, len(set(cells)))
    assert found.labels.shape == (len(points),)
    assert np.unique(found.labels).tolist() == list(range(k))
    np.testing.assert_allclose(
        found.centers, [points[found.labels == c].mean(axis=0) for c in range(k)], atol=1e-12
    )
    assert found.centers.tolist() == sorted(found.centers.tolist())
    order = random.sample(range(len(points)), len(points))
    again = xmeans(points[order], max_k=max_k)
    np.testing.assert_array_equal(found.labels[order], again.labels)


def test_clusters_are_numbered_by_position():
    points, _ = mixture(20, 8)
    found = xmeans(points)
    assert (np.diff(found.centers[:, 0]) > 0).all()
    assert found.sizes.sum() == len(points)


def test_a_seed_repeats_the_result():
    points = np.random.default_rng(21).random((500, 2))
    one, two = (xmeans(points, seed=3, replicates=5).labels for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_far_from_the_origin_the_result_is_the_same():
    points, _ = mixture(22, 5)
    np.testing.assert_array_equal(xmeans(points).labels, xmeans(points + np.array([1e6, -1e7])).labels)


def test_scale_does_not_matter():
    points, _ = mixture(23, 5)
    for scale in (1e-9, 1e9):
        np.testing.assert_array_equal(xmeans(points).labels, xmeans(points * scale).labels)


def test_no_points_are_no_clusters():
    for empty, n_dims in (([], 0), (np.empty((0, 3)), 3)):
        found = xmeans(empty)
        assert found.n_clusters == 0
        assert found.labels.shape == (0,)
        assert found.centers.shape == (0, n_dims)
        assert len(found.info["path"]) == 0
        assert found.info["bic"] is None


@pytest.mark.parametrize("method", ["path", "local", "gmeans"])
@pytest.mark.parametrize("points", [[[3.0, 4.0]], [[3.0, 4.0]] * 2, [[3, 4]] * 50])
def test_one_place_is_one_cluster(points, method):
    found = xmeans(points, method=method)
    assert found.labels.tolist() == [0] * len(points)
    assert found.centers.tolist() == [[3.0, 4.0]]
    assert found.info["max_k"] == 1
    assert found.info["max_k_lowered"]
    assert np.isfinite(found.info["bic"])


def test_places_with_many_equal_points_are_clusters():
    points = np.repeat([[0.0, 0.0], [5.0, 5.0], [9.0, 1.0]], 30, axis=0)
    found = xmeans(points)
    assert found.n_clusters == 3
    assert found.info["max_k"] == 3
    assert found.info["inertia"] == 0


def test_fewer_places_than_min_k_is_an_error():
    with pytest.raises(ParameterError, match=r"at least 3 different points; there are 2 \(among 20 points\)"):
        xmeans([[0.0, 0.0], [1.0, 1.0]] * 10, min_k=3)


def test_max_k_is_lowered_to_what_the_points_allow():
    points = np.random.default_rng(24).random((6, 2))
    info = xmeans(points, max_k=10).info
    assert (info["max_k"], info["max_k_lowered"]) == (4, True)
    assert xmeans(points, min_k=6, max_k=10).n_clusters == 6
    points, _ = mixture(2, 3)
    assert not xmeans(points).info["max_k_lowered"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_coordinates_that_are_not_finite_are_an_error(bad):
    points = np.zeros((5, 2))
    points[1, 0] = points[3] = bad
    with pytest.raises(ParameterError, match="2 of 5 points have NaN or infinite coordinates"):
        xmeans(points)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"min_k": 0}, "min_k = 0: .*greater than or equal to 1"),
        ({"max_k": 2.5}, "max_k = 2.5: .*valid integer"),
        ({"min_k": 5, "max_k": 4}, r"max_k \(4\) is less than min_k \(5\)"),
        ({"replicates": 0}, "replicates"),
        ({"max_iter": True}, "max_iter"),
        ({"seed": -1}, "seed"),
        ({"criterion": "icl"}, "criterion = 'icl': .*'bic' or 'aic'"),
        ({"method": "fast"}, "method = 'fast': .*'path', 'local' or 'gmeans'"),
        ({"variance": "full"}, "variance = 'full'"),
        ({"bic_threshold": np.nan}, "bic_threshold = nan"),
        ({"bic_threshold": -1e9}, "bic_threshold = -1.*greater than or equal to 0"),
        ({"bic_threshold": "1"}, "bic_threshold = '1': Input should be float"),
        ({"bic_threshold": 1.0, "method": "gmeans"}, "has no meaning"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    with pytest.raises(ParameterError, match=message):
        xmeans(np.zeros((3, 2)), **parameters)


def test_points_of_a_wrong_shape_are_an_error():
    with pytest.raises(ParameterError, match=r"shape \(N, D\)"):
        xmeans([1.0, 2.0])
    with pytest.raises(ParameterError, match="array of numbers"):
        xmeans([["a", "b"]])


def test_input_is_not_modified_and_may_be_of_any_layout():
    points, _ = mixture(25, 4)
    whole = np.round(points * 10).astype(np.int32)
    wide = np.zeros((len(points), 6), dtype=np.int32)
    wide[:, ::3] = whole
    before = wide.copy()
    np.testing.assert_array_equal(xmeans(wide[:, ::3]).labels, xmeans(whole.astype(float)).labels)
    np.testing.assert_array_equal(wide, before)
