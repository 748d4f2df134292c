"""Scores of clusters: separation (silhouette) and stability (bootstrap)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playNano.algorithms.clustering._points import (
    Clusters,
    checked_count,
    checked_labels,
    checked_points,
    members_of,
    position_order,
)
from playNano.errors import ParameterError

__all__ = ["Silhouette", "bootstrap_stability", "silhouette"]


class Silhouette(NamedTuple):
    """Silhouette values: mean over all clustered points, mean of each cluster, number of points used."""

    mean: float
    per_cluster: NDArray[np.float64]
    n_points: int


def silhouette(
    points: ArrayLike, labels: ArrayLike, *, max_points: int = 10_000, seed: int = 0
) -> Silhouette:
    """Compute silhouette values: the distance of points to their own cluster against the nearest other one.

    A point's value is (b - a) / max(a, b), with a the mean distance to the other points of its cluster and b the
    minimum mean distance to another cluster: 1 is well inside, 0 on a border, negative nearer to another cluster; 0
    for a cluster of one point. Points in no cluster are left out.

    Parameters
    ----------
    points
        (N, D) coordinates as they were clustered.
    labels
        (N,) cluster numbers 0 to k - 1; -1 for points in no cluster.
    max_points
        Maximum number of clustered points; of more, about this number is sampled, from each cluster in proportion to
        its size and at least 2. The cost grows with the square.
    seed
        Seed of the sample.

    Returns
    -------
    Silhouette
        `mean` (float, each cluster weighted by its size), `per_cluster` ((k,) float64), `n_points` (int, points
        used). With fewer than two clusters the values are NaN.

    Raises
    ------
    ParameterError
        If the arrays differ in length, or coordinates are not finite.

    References
    ----------
    Rousseeuw P., 1987, doi:10.1016/0377-0427(87)90125-7. Computed by scikit-learn.

    Examples
    --------
    >>> values = silhouette([[0.0], [1.0], [9.0], [10.0]], [0, 0, 1, 1])
    >>> round(values.mean, 3), values.n_points
    (0.889, 4)
    """
    max_points = checked_count(max_points, "max_points", 4)
    seed = checked_count(seed, "seed", 0)
    pts = checked_points(points)
    lab = checked_labels(labels, len(pts))
    k = int(lab.max(initial=-1)) + 1
    if k < 2:
        return Silhouette(float("nan"), np.full(k, np.nan), 0)
    order = position_order(pts)
    order = order[lab[order] >= 0]
    chosen = _drawn(order, lab, k, max_points, seed)
    own = lab[chosen]
    sizes = np.bincount(lab[order], minlength=k)
    if (np.bincount(own, minlength=k) <= 1).all():
        values = np.zeros(len(chosen))
    else:
        import sklearn
        from sklearn.metrics import silhouette_samples

        # Distances are computed from scalar products: centring reduces the rounding errors.
        with sklearn.config_context(working_memory=64):
            values = silhouette_samples(pts[chosen] - pts[chosen].mean(axis=0), own)
    per_cluster = np.bincount(own, weights=values, minlength=k) / np.bincount(own, minlength=k)
    return Silhouette(float((per_cluster * sizes).sum() / sizes.sum()), per_cluster, len(chosen))


def bootstrap_stability(
    points: ArrayLike,
    labels: ArrayLike,
    cluster: Callable[[NDArray[np.float64]], Clusters],
    *,
    n_resamples: int = 50,
    replace: bool = True,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Measure the stability of each cluster by clustering resamples of the points (bootstrap).

    In each resample, a cluster's points are compared with the most similar new cluster by the Jaccard index
    (intersection over union). By the author's rule of thumb a cluster is stable at a mean of 0.75 or more, and
    dissolved at 0.5 or less.

    Parameters
    ----------
    points
        (N, D) coordinates as they were clustered.
    labels
        (N,) cluster numbers 0 to k - 1; -1 for points in no cluster.
    cluster
        Function that clusters points, for example ``lambda points: kmeans(points, 3)``.
    n_resamples
        Number of resamples.
    replace
        True: N points with replacement (bootstrap). False: half of the points without replacement, which suits
        density-based algorithms: copies of points would raise the density.
    seed
        Seed of the resamples.

    Returns
    -------
    numpy.ndarray
        (k,) float64, mean Jaccard index of each cluster over the resamples that contain points of it, 0 to 1; NaN if
        none does.

    Raises
    ------
    ParameterError
        If the arrays differ in length, coordinates are not finite, or `cluster` raises it for a resample.

    References
    ----------
    Hennig C., 2007, "Cluster-wise assessment of cluster stability", doi:10.1016/j.csda.2006.11.025.

    Examples
    --------
    >>> from playNano.algorithms.clustering.methods import kmeans
    >>> points = [[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]]
    >>> bootstrap_stability(points, [0, 0, 0, 1, 1, 1], lambda p: kmeans(p, 1), n_resamples=20) < 0.75
    array([ True,  True])
    """
    n_resamples = checked_count(n_resamples, "n_resamples")
    seed = checked_count(seed, "seed", 0)
    pts = checked_points(points)
    lab = checked_labels(labels, len(pts))
    order = position_order(pts)
    pts, lab = pts[order], lab[order]
    k = int(lab.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    total, times = np.zeros(k), np.zeros(k)
    for number in range(n_resamples if k else 0):
        drawn = _draw(rng, len(pts), replace)
        try:
            new = cluster(pts[drawn]).labels
        except ParameterError as err:
            err.add_note(f"raised while clustering resample {number} of the bootstrap")
            raise
        distinct, first = np.unique(drawn, return_index=True)
        best = _best_jaccard(lab[distinct], new[first], k)
        present = ~np.isnan(best)
        total[present] += best[present]
        times += present
    return np.where(times > 0, total / np.maximum(times, 1), np.nan)


def _drawn(
    order: NDArray[np.int64], lab: NDArray[np.int64], k: int, max_points: int, seed: int
) -> NDArray[np.int64]:
    """Sample about `max_points` points, from each cluster in proportion to its size and at least 2."""
    if len(order) <= max_points:
        return order
    rng = np.random.default_rng(seed)
    parts = []
    for own in members_of(order, lab, k):
        n = min(len(own), max(2, round(len(own) * max_points / len(order))))
        parts.append(own[np.sort(rng.choice(len(own), n, replace=False))])
    return np.concatenate(parts)


def _draw(rng: np.random.Generator, n: int, replace: bool) -> NDArray[np.int64]:
    """Sample row indices of points, sorted."""
    if replace:
        return np.sort(rng.integers(0, n, n))
    return np.sort(rng.permutation(n)[: max(n // 2, 1)])


def _best_jaccard(old: NDArray[np.int64], new: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return the maximum Jaccard index of each old cluster with a new one; NaN for old clusters without points."""
    n_new = max(int(new.max(initial=-1)) + 1, 1)
    both = (old >= 0) & (new >= 0)
    common = np.bincount(old[both] * n_new + new[both], minlength=k * n_new).reshape(k, n_new)
    size_old = np.bincount(old[old >= 0], minlength=k)[:, np.newaxis]
    size_new = np.bincount(new[new >= 0], minlength=n_new)
    either = size_old + size_new - common
    best = (common / np.maximum(either, 1)).max(axis=1)
    return np.where(size_old[:, 0] > 0, best, np.nan)
