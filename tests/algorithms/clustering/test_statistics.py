"""Size, place, occupancy, silhouette and stability of clusters against known truths and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples, silhouette_score

from playNano.algorithms.clustering.methods import dbscan, kmeans
from playNano.algorithms.clustering.scores import bootstrap_stability, silhouette
from playNano.algorithms.clustering.statistics import cluster_presence, cluster_statistics
from playNano.errors import ParameterError


def two_clumps(n=100, apart=20.0, seed=0):
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal(0, 1, (n, 2)), rng.normal((apart, 0), 1, (n // 2, 2))])
    return points, np.repeat([0, 1], [n, n // 2])


def test_statistics_of_known_clusters():
    positions = [[0, 0], [0, 4], [3, 0], [3, 4], [10, 10], [12, 10], [50, 50]]
    table = cluster_statistics(
        positions,
        [0, 0, 0, 0, 1, 1, -1],
        frames=[0, 1, 1, 5, 2, 3, 9],
        times_s=[0.0, 0.5, 0.6, 2.5, 1.0, 1.5, 4.5],
        observed_frames=[0, 1, 2, 4, 5, 6, 7, 8],
    )
    assert table["cluster_id"].tolist() == [0, 1]
    assert table["size"].tolist() == [4, 2]
    assert table[["y_nm", "x_nm"]].to_numpy().tolist() == [[1.5, 2.0], [11.0, 10.0]]
    assert table[["extent_y_nm", "extent_x_nm"]].to_numpy().tolist() == [[3.0, 4.0], [2.0, 0.0]]
    assert table["radius_nm"].tolist() == [2.5, 1.0]
    assert table["area_nm2"].tolist() == pytest.approx([12.0, 0.0])
    assert table["density_per_nm2"][0] == pytest.approx(1 / 3)
    assert np.isnan(table["density_per_nm2"][1])
    assert table[["first_frame", "last_frame"]].to_numpy().tolist() == [[0, 5], [2, 3]]
    assert table["n_frames"].tolist() == [3, 1]
    assert table["occupancy"].tolist() == [3 / 8, 1 / 8]
    assert table[["first_time_s", "last_time_s"]].to_numpy().tolist() == [[0.0, 2.5], [1.0, 1.5]]


def test_columns_follow_what_is_given():
    table = cluster_statistics([[0, 0], [1, 1]], [0, 0], unit="px")
    assert {"y_px", "radius_px", "area_px2", "density_per_px2"} <= set(table.columns)
    assert not {"occupancy", "first_time_s"} & set(table.columns)
    assert table["area_px2"].tolist() == [0.0]


def test_a_particle_seen_often_counts_in_each_of_its_frames():
    table = cluster_presence([1, 0, 1, 0], frames=[5, 0, 6, 0], times_s=[2.5, 0.0, 3.0, 0.0])
    assert table["size"].tolist() == [2, 2]
    assert table["n_frames"].tolist() == [1, 2]
    assert table["occupancy"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert table[["first_time_s", "last_time_s"]].to_numpy().tolist() == [[0.0, 0.0], [2.5, 3.0]]
    assert list(cluster_presence([-1])) == ["cluster_id", "size"]


def test_every_frame_with_a_point_counts_unless_told_otherwise():
    table = cluster_statistics(np.zeros((4, 2)), [0, 0, 1, -1], frames=[0, 2, 4, 7])
    assert table["occupancy"].tolist() == [0.5, 0.25]


def test_area_of_points_nearly_in_line():
    line = np.column_stack([np.linspace(0, 1, 9), np.linspace(0, 1, 9)])
    assert cluster_statistics(line, np.zeros(9, int))["area_nm2"].tolist() == [0.0]
    assert cluster_statistics(line + 1e8, np.zeros(9, int))["area_nm2"][0] == pytest.approx(0, abs=1e-6)
    assert cluster_statistics(np.ones((5, 2)), np.zeros(5, int))["area_nm2"].tolist() == [0.0]


@pytest.mark.parametrize("positions", [[], np.empty((0, 2)), [[1.0, 2.0]]])
def test_no_clusters_are_no_rows(positions):
    labels = [-1] * len(positions)
    table = cluster_statistics(positions, labels, frames=labels, times_s=labels)
    assert len(table) == 0
    assert "occupancy" in table
    assert table["size"].dtype == np.int64
    assert silhouette(positions, labels).per_cluster.shape == (0,)
    assert bootstrap_stability(positions, labels, dbscan).shape == (0,)


def test_wrong_statistics_input_is_named():
    points = np.zeros((3, 2))
    with pytest.raises(ParameterError, match="cluster 0 has no points"):
        cluster_statistics(points, [1, 1, 1])
    with pytest.raises(ParameterError, match="labels must be one integer per point"):
        cluster_statistics(points, [0.0, 0.0, 0.0])
    with pytest.raises(ParameterError, match="labels must be -1 or more"):
        silhouette(points, [0, -2, 0])
    with pytest.raises(ParameterError, match=r"labels .* shape \(3,\)"):
        bootstrap_stability(points, [0, 0], dbscan)
    with pytest.raises(ParameterError, match="frames must have one value per point"):
        cluster_statistics(points, [0, 0, 0], frames=[1])
    with pytest.raises(ParameterError, match="times_s must be finite; 1 values are not"):
        cluster_statistics(points, [0, 0, 0], times_s=[0, np.nan, 1])
    with pytest.raises(ParameterError, match="columns y, x"):
        cluster_statistics(np.zeros((3, 3)), [0, 0, 0])
    with pytest.raises(ParameterError, match="3 of 3 points have NaN"):
        cluster_statistics(np.full((3, 2), np.nan), [0, 0, 0])


def test_silhouette_is_sklearns():
    points, labels = two_clumps(apart=3.0)
    found = silhouette(points, labels)
    each = silhouette_samples(points, labels)
    assert found.mean == pytest.approx(silhouette_score(points, labels), rel=1e-9)
    np.testing.assert_allclose(found.per_cluster, [each[labels == c].mean() for c in (0, 1)], rtol=1e-9)
    assert found.n_points == 150


def test_silhouette_leaves_noise_out():
    points, labels = two_clumps(apart=3.0)
    noisy = np.concatenate([points, [[100.0, 100.0]]])
    assert silhouette(noisy, np.append(labels, -1))[0] == pytest.approx(silhouette(points, labels).mean)


def test_silhouette_of_a_sample_is_near_that_of_all():
    points, labels = two_clumps(n=2000, apart=4.0)
    drawn = silhouette(points, labels, max_points=1000, seed=1)
    assert 990 <= drawn.n_points <= 1010
    assert drawn.mean == pytest.approx(silhouette(points, labels).mean, abs=0.02)
    order = np.random.default_rng(0).permutation(len(points))
    again = silhouette(points[order], labels[order], max_points=1000, seed=1)
    assert again.mean == drawn.mean
    np.testing.assert_array_equal(again.per_cluster, drawn.per_cluster)


def test_silhouette_of_one_cluster_or_of_single_points():
    one = silhouette(np.zeros((5, 2)), [0] * 5)
    assert np.isnan(one.mean)
    assert np.isnan(one.per_cluster).all()
    singles = silhouette([[0.0], [1.0]], [0, 1])
    assert singles.mean == 0
    assert singles.per_cluster.tolist() == [0.0, 0.0]


def test_silhouette_far_from_the_origin():
    points, labels = two_clumps(apart=3.0)
    assert silhouette(points + 1e7, labels).mean == pytest.approx(silhouette(points, labels).mean, rel=1e-5)


@pytest.mark.parametrize("replace", [True, False])
def test_clusters_well_parted_are_stable(replace):
    points, labels = two_clumps()
    stable = bootstrap_stability(points, labels, lambda p: kmeans(p, 2), n_resamples=10, replace=replace)
    assert stable.tolist() == [1.0, 1.0]


def test_a_cluster_cut_in_two_is_not_stable():
    points = np.random.default_rng(1).normal(size=(200, 2))
    labels = kmeans(points, 6).labels
    found = bootstrap_stability(points, labels, lambda p: kmeans(p, 6, replicates=1), n_resamples=10)
    assert (found < 0.9).all()
    order = np.random.default_rng(2).permutation(200)
    again = bootstrap_stability(
        points[order], labels[order], lambda p: kmeans(p, 6, replicates=1), n_resamples=10
    )
    np.testing.assert_array_equal(found, again)


def test_stability_of_clusters_with_noise():
    points, _ = two_clumps(n=60)
    noisy = np.concatenate([points, np.random.default_rng(3).uniform(-50, 50, (30, 2))])
    found = dbscan(noisy, eps=2.0, min_samples=4)
    stable = bootstrap_stability(
        noisy, found.labels, lambda p: dbscan(p, eps=2.5, min_samples=3), replace=False
    )
    assert stable.shape == (found.n_clusters,)
    assert ((stable >= 0) & (stable <= 1)).all()
    assert np.sort(stable)[-2:].min() > 0.7


def test_an_algorithm_that_refuses_a_draw_says_which():
    with pytest.raises(ParameterError, match="different points") as caught:
        bootstrap_stability([[0.0], [1.0], [2.0]], [0, 1, 2], lambda p: kmeans(p, 3))
    assert "resample" in caught.value.__notes__[0]
