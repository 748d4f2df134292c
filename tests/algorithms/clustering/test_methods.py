"""K-means, DBSCAN, ST-DBSCAN and HDBSCAN against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans

from playNano.algorithms.clustering import _dbscan
from playNano.algorithms.clustering._dbscan import cell_numbers
from playNano.algorithms.clustering.methods import dbscan, dbscan_cylinder, hdbscan, kmeans
from playNano.errors import ParameterError

METHODS = {
    "kmeans": lambda points: kmeans(points, 1),
    "dbscan": lambda points: dbscan(points),
    "hdbscan": lambda points: hdbscan(points, allow_single_cluster=True),
    "dbscan_cylinder": lambda points: dbscan_cylinder(
        points, np.zeros(len(points)), eps_space=0.3, eps_time=1.0, min_samples=5
    ),
}


def by_position(points):
    points = np.asarray(points, dtype=np.float64)
    return points[np.lexsort(points.T[::-1])]


def assert_same_partition(one, two):
    """Check that two labellings differ in nothing but the numbers of clusters."""
    pairs = set(zip(one.tolist(), two.tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert all((a == -1) == (b == -1) for a, b in pairs)


def assert_sklearns(points, eps, min_samples):
    points = by_position(points)
    ours = dbscan(points, eps=eps, min_samples=min_samples)
    theirs = DBSCAN(eps=eps, min_samples=min_samples).fit(points)
    assert_same_partition(ours.labels, theirs.labels_)
    np.testing.assert_array_equal(np.flatnonzero(ours.info["core"]), theirs.core_sample_indices_)
    assert ours.info["n_noise"] == (theirs.labels_ == -1).sum()


def clumps(rng, n_dims, n=400):
    return np.concatenate([rng.normal(c, 0.05, (n // 4, n_dims)) for c in rng.random((4, n_dims))])


@pytest.mark.parametrize("n_dims", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["uniform", "clumps", "lattice"])
def test_dbscan_is_sklearns(n_dims, kind):
    rng = np.random.default_rng(n_dims)
    points = {
        "uniform": rng.random((400, n_dims)),
        "clumps": clumps(rng, n_dims),
        "lattice": rng.integers(0, 8, (400, n_dims)) / 8,
    }[kind]
    for eps in (1e-9, 0.04, 0.125, 0.3, 50.0):
        for min_samples in (1, 4, 9):
            assert_sklearns(points, eps, min_samples)


def test_dbscan_beyond_the_grids_dimensions_is_sklearns():
    points = np.random.default_rng(0).random((300, 8))
    assert_sklearns(points, 0.6, 4)
    assert dbscan(points).info["n_shared_border"] == -1


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40),
    st.sampled_from([0.5, 1.0, 1.5, 2.0, 2.23606797749979, 3.0, 5.0]),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_dbscan_of_any_lattice_points(cells, eps, min_samples, random):
    points = by_position(cells)
    assert_sklearns(points, eps, min_samples)
    order = random.sample(range(len(points)), len(points))
    one = dbscan(points, eps=eps, min_samples=min_samples)
    two = dbscan(points[order], eps=eps, min_samples=min_samples)
    np.testing.assert_array_equal(one.labels[order], two.labels)
    np.testing.assert_array_equal(one.info["core"][order], two.info["core"])


def test_pairs_in_chunks_of_any_size_are_sklearns(monkeypatch):
    monkeypatch.setattr(_dbscan, "_CHUNK", 50)
    rng = np.random.default_rng(10)
    for points in (clumps(rng, 3), rng.integers(0, 8, (400, 2)) / 8):
        for eps in (0.04, 0.125, 0.3, 2.0):
            for min_samples in (1, 6, 60, 300, 401):
                assert_sklearns(points, eps, min_samples)


@pytest.mark.parametrize("min_samples", [210, 280, 340])
def test_core_points_among_many_neighbours(min_samples):
    points = np.random.default_rng(11).random((24_000, 3))
    n_near = cKDTree(points).query_ball_point(points, 0.15, return_length=True)
    core = dbscan(points, eps=0.15, min_samples=min_samples).info["core"]
    assert 0.02 < core.mean() < 0.98
    np.testing.assert_array_equal(core, n_near >= min_samples)


def test_dbscan_of_many_points_with_any_eps():
    rng = np.random.default_rng(1)
    points = by_position(np.concatenate([rng.random((5000, 3)), clumps(rng, 3, 5000)]))
    for eps in (0.02, 0.05, 0.3):
        assert_sklearns(points, eps, 10)
    many = rng.random((60_000, 3))
    assert dbscan(many, eps=0.9).n_clusters == 1  # a table of neighbours would need tens of GB
    assert dbscan(many, eps=1e-9).info["n_noise"] == len(many)


def test_dbscan_joins_a_shared_border_point_to_the_first_cluster():
    left, right = [[0.0], [0.1], [0.2]], [[2.0], [2.1], [2.2]]
    found = dbscan([*right, [1.1], *left], eps=0.95, min_samples=4)
    assert found.info["n_shared_border"] == 1
    assert found.labels.tolist() == [1, 1, 1, 0, 0, 0, 0]


def test_dbscan_counts_a_distance_equal_to_eps():
    assert dbscan([[0.0, 0.0], [3.0, 4.0]], eps=5.0, min_samples=2).n_clusters == 1
    assert dbscan([[0.0, 0.0], [3.0, 4.0]], eps=np.nextafter(5.0, 0), min_samples=2).n_clusters == 0


def test_dbscan_with_a_length_whose_square_overflows():
    points = np.random.default_rng(11).random((50, 3))
    assert dbscan(points, eps=1e200).n_clusters == 1
    assert dbscan(points, eps=1e-200).info["n_noise"] == 50


def test_dbscan_takes_points_far_apart_by_the_measure_of_eps():
    points = by_position([[0.0, 0.0], [1e-3, 0.0], [1e12, 0.0], [1e12, 1e-3], [-1e12, 5.0]])
    assert_sklearns(points, 2e-3, 2)
    assert dbscan(points, eps=2e-3, min_samples=2).n_clusters == 2


def cylinder_oracle(space, times, eps_space, eps_time, min_samples):
    square = sum((space[:, None, d] - space[None, :, d]) ** 2 for d in range(space.shape[1]))
    near = (square <= eps_space**2) & (np.abs(times[:, None] - times[None]) <= eps_time)
    return DBSCAN(eps=0.5, min_samples=min_samples, metric="precomputed").fit(np.where(near, 0.0, 1.0))


@pytest.mark.parametrize("n_dims", [1, 2, 3])
@pytest.mark.parametrize("lattice", [False, True])
def test_cylinder_is_a_limit_in_space_and_one_in_time(n_dims, lattice):
    rng = np.random.default_rng(2)
    space = rng.integers(0, 10, (300, n_dims)) / 10 if lattice else rng.random((300, n_dims))
    joined = by_position(np.column_stack([space, rng.integers(0, 40, 300)]))
    space, times = joined[:, :-1], joined[:, -1]
    for eps_space, eps_time in ((0.05, 1.0), (0.2, 2.0), (0.1, 10.0), (0.5, 0.5), (9.0, 0.1), (0.1, 99.0)):
        limits = {"eps_space": eps_space, "eps_time": eps_time, "min_samples": 4}
        found = dbscan_cylinder(space, times, **limits)
        assert_same_partition(found.labels, cylinder_oracle(space, times, **limits).labels_)
        assert found.centers.shape == (found.n_clusters, n_dims + 1)
        order = rng.permutation(300)
        again = dbscan_cylinder(space[order], times[order], **limits)
        np.testing.assert_array_equal(found.labels[order], again.labels)


def test_cylinder_parts_two_visits_to_one_site():
    rng = np.random.default_rng(3)
    space = rng.normal(0, 1, (60, 2))
    times = np.concatenate([np.arange(30.0), np.arange(100.0, 130.0)])
    found = dbscan_cylinder(space, times, eps_space=3.0, eps_time=3.0)
    assert found.n_clusters == 2
    assert dbscan(space, eps=3.0).n_clusters == 1


def test_cylinder_checks_its_input():
    with pytest.raises(ParameterError, match=r"times must have one value per point, shape \(3,\)"):
        dbscan_cylinder(np.zeros((3, 2)), [1.0], eps_space=1.0, eps_time=1.0)
    with pytest.raises(ParameterError, match="times: 1 of 2 points have NaN"):
        dbscan_cylinder(np.zeros((2, 2)), [1.0, np.nan], eps_space=1.0, eps_time=1.0)
    with pytest.raises(ParameterError, match=r"eps_time = 0.0: .*greater than 0"):
        dbscan_cylinder(np.zeros((2, 2)), [1.0, 2.0], eps_space=1.0, eps_time=0.0)
    with pytest.raises(ParameterError, match="points_space has 5 dimensions; the limit is 4"):
        dbscan_cylinder(np.zeros((2, 5)), [1.0, 2.0], eps_space=1.0, eps_time=1.0)
    empty = dbscan_cylinder(np.empty((0, 2)), [], eps_space=1.0, eps_time=1.0)
    assert empty.centers.shape == (0, 3)


def test_kmeans_is_sklearns():
    rng = np.random.default_rng(4)
    points = by_position(clumps(rng, 2))
    found = kmeans(points, 4, seed=5)
    theirs = KMeans(4, n_init=10, random_state=5).fit(points)
    assert_same_partition(found.labels, theirs.labels_)
    assert found.info["inertia"] == pytest.approx(theirs.inertia_, rel=1e-9)
    assert found.info["n_distinct"] == len(points)
    order = np.lexsort(theirs.cluster_centers_.T[::-1])
    np.testing.assert_allclose(found.centers, theirs.cluster_centers_[order], atol=1e-9)


def test_kmeans_repeats_with_its_seed_and_in_any_order():
    rng = np.random.default_rng(6)
    points = rng.random((300, 2))
    order = rng.permutation(300)
    one, two = kmeans(points, 9, seed=1, replicates=1), kmeans(points[order], 9, seed=1, replicates=1)
    np.testing.assert_array_equal(one.labels[order], two.labels)
    np.testing.assert_array_equal(one.centers, two.centers)
    assert (np.diff(one.centers[:, 0]) >= 0).all()


def test_kmeans_of_fewer_places_than_k_is_an_error():
    with pytest.raises(ParameterError, match=r"there are 2 \(among 10 points\). Set k to at most 2"):
        kmeans([[0.0, 0.0], [1.0, 0.0]] * 5, 3)
    assert kmeans([[0.0, 0.0], [1.0, 0.0]] * 5, 2).sizes.tolist() == [5, 5]
    assert kmeans([], 3).n_clusters == 0


def test_hdbscan_is_sklearns():
    rng = np.random.default_rng(7)
    points = by_position(np.concatenate([clumps(rng, 2), rng.random((100, 2))]))
    for parameters in (
        {},
        {"min_cluster_size": 20, "min_samples": 3},
        {"cluster_selection_method": "leaf"},
        {"cluster_selection_epsilon": 0.05},
    ):
        found = hdbscan(points, **parameters)
        theirs = HDBSCAN(copy=True, **parameters).fit(points)
        assert_same_partition(found.labels, theirs.labels_)
        np.testing.assert_array_equal(found.info["probability"], theirs.probabilities_)
        assert found.info["n_noise"] == (theirs.labels_ < 0).sum()
        assert (found.info["probability"][found.labels < 0] == 0).all()


def test_hdbscan_gives_each_point_its_probability_in_any_order():
    rng = np.random.default_rng(8)
    points = np.round(clumps(rng, 2), 2)
    order = rng.permutation(len(points))
    one, two = hdbscan(points), hdbscan(points[order])
    np.testing.assert_array_equal(one.labels[order], two.labels)
    np.testing.assert_array_equal(one.info["probability"][order], two.info["probability"])


def test_hdbscan_of_too_few_points_is_noise():
    for n in range(5):
        found = hdbscan(np.arange(2.0 * n).reshape(n, 2), min_cluster_size=5)
        assert found.labels.tolist() == [-1] * n
        assert found.info["probability"].tolist() == [0.0] * n
    assert hdbscan(np.zeros((8, 2)), min_cluster_size=2, min_samples=9).info["n_noise"] == 8


@pytest.mark.parametrize("method", METHODS)
def test_no_points_and_points_in_one_place(method):
    assert METHODS[method](np.empty((0, 2))).labels.shape == (0,)
    assert METHODS[method](np.empty((0, 2))).n_clusters == 0
    single = METHODS[method]([[1, 2]])
    assert single.labels.tolist() == ([0] if method == "kmeans" else [-1])
    equal = METHODS[method](np.full((30, 2), 7))
    assert equal.labels.tolist() == [0] * 30
    assert equal.centers[0, :2].tolist() == [7.0, 7.0]


@pytest.mark.parametrize("method", METHODS)
def test_coordinates_that_are_not_finite_are_an_error(method):
    points = np.zeros((9, 2))
    points[4, 1], points[5, 0] = np.nan, -np.inf
    with pytest.raises(ParameterError, match=r"2 of 9 points have NaN or infinite coordinates; drop them"):
        METHODS[method](points)


@pytest.mark.parametrize("method", METHODS)
def test_input_is_not_modified_and_may_be_of_any_layout(method):
    points = np.asfortranarray(np.random.default_rng(9).integers(-3, 4, (50, 4)))[::2, ::2]
    before = points.copy()
    found = METHODS[method](points)
    np.testing.assert_array_equal(points, before)
    np.testing.assert_array_equal(found.labels, METHODS[method](np.ascontiguousarray(points, float)).labels)
    assert found.labels.dtype == np.int64
    assert found.centers.dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: kmeans(p, 0), "k = 0: .*greater than or equal to 1"),
        (lambda p: kmeans(p, 1.5), "k = 1.5: .*valid integer"),
        (lambda p: kmeans(p, True), "k = True: Input should be int"),
        (lambda p: kmeans(p, 1, seed=-1), "seed"),
        (lambda p: kmeans(p, 1, replicates=0), "replicates"),
        (lambda p: dbscan(p, eps=0), "eps = 0: .*greater than 0"),
        (lambda p: dbscan(p, eps=np.inf), "eps = inf: .*finite"),
        (lambda p: dbscan(p, eps="1"), "eps = .1.: Input should be float"),
        (lambda p: dbscan(p, min_samples=0), "min_samples"),
        (lambda p: hdbscan(p, min_cluster_size=1), "min_cluster_size"),
        (lambda p: hdbscan(p, min_samples=0), "min_samples"),
        (lambda p: hdbscan(p, cluster_selection_epsilon=-1.0), "cluster_selection_epsilon"),
        (lambda p: hdbscan(p, cluster_selection_method="tree"), "cluster_selection_method"),
        (lambda p: dbscan(p[0]), r"shape \(N, D\)"),
    ],
)
def test_wrong_parameters_are_named(call, message):
    with pytest.raises(ParameterError, match=message):
        call(np.zeros((8, 2)))


def test_cells_of_a_small_eps_keep_their_distances():
    values = np.array([5.0, 0.0, 0.4, 1e15, 5.3])
    cells = cell_numbers(values, 0.5, 0.25, 2)
    assert cells[[1, 2]].tolist() == [0, 1]
    assert cells[4] - cells[0] == 1
    assert np.diff(np.sort(cells)).min() >= 1
    assert cells[0] - cells[2] > 2
    assert cells[3] - cells[4] > 2
    assert cells.max() < 20
