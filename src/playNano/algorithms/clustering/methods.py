"""Clustering of points: k-means, DBSCAN, ST-DBSCAN and HDBSCAN.

Every function sorts the points by position first, so that the result does not depend on their order, and numbers
clusters by the position of their centres.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playNano.algorithms.clustering._dbscan import Neighbourhood, density_labels
from playNano.algorithms.clustering._points import (
    Clusters,
    check_distinct,
    checked_points,
    count_distinct,
    finished,
    no_clusters,
    position_order,
)
from playNano.algorithms.clustering.options import (
    CylinderOptions,
    DBSCANOptions,
    HDBSCANOptions,
    KMeansOptions,
)
from playNano.errors import ParameterError

__all__ = ["Clusters", "dbscan", "dbscan_cylinder", "hdbscan", "kmeans"]

_GRID_DIMENSIONS = 5  # in more dimensions a cell has too many neighbouring cells


def kmeans(
    points: ArrayLike, k: int, *, seed: int = 0, replicates: int = 10, max_iter: int = 300
) -> Clusters:
    """Split points into a given number of compact clusters by k-means.

    Parameters
    ----------
    points
        (N, D) coordinates; scale them first where the dimensions differ in unit.
    k
        Number of clusters, at least 1.
    seed
        Seed of the starting positions.
    replicates
        Number of runs from different starting positions (k-means++); the one of the lowest inertia is kept.
    max_iter
        Maximum number of iterations of one run.

    Returns
    -------
    Clusters
        Labels are 0 to k - 1, no point is noise. `info`: `inertia` (float, the sum of squared distances to
        the centres, unit of the coordinates squared), `n_iter` (int), `n_distinct` (int, different points).
        No points give no clusters.

    Raises
    ------
    ParameterError
        If there are fewer different points than `k`, or coordinates are not finite.

    References
    ----------
    Lloyd S., 1982, doi:10.1109/TIT.1982.1056489; Arthur D. and Vassilvitskii S., 2007, "k-means++",
    doi:10.5555/1283383.1283494. Computed by scikit-learn.

    Examples
    --------
    >>> kmeans([[0.0, 0.1], [0.1, 0.0], [5.0, 5.0]], k=2).labels
    array([0, 0, 1])
    """
    KMeansOptions(k, seed, replicates, max_iter)
    pts = checked_points(points)
    if len(pts) == 0:
        return no_clusters(pts, {"inertia": 0.0, "n_iter": 0, "n_distinct": 0})
    order = position_order(pts)
    pts = pts[order]
    distinct = count_distinct(pts)
    check_distinct(distinct, len(pts), k, "k")
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    # With several threads the order of summation, and thus the rounding, would vary.
    with threadpool_limits(limits=1):
        fit = KMeans(
            n_clusters=int(k), n_init=int(replicates), max_iter=int(max_iter), random_state=int(seed)
        ).fit(pts)
    out = finished(pts, fit.labels_.astype(np.int64), order, {})
    inertia = float(((pts - out.centers[out.labels[order]]) ** 2).sum())
    return Clusters(
        out.labels,
        out.centers,
        {"inertia": inertia, "n_iter": int(fit.n_iter_), "n_distinct": distinct},
    )


def dbscan(points: ArrayLike, *, eps: float = 0.3, min_samples: int = 5) -> Clusters:
    """Find clusters as regions of high density by DBSCAN.

    A point with at least `min_samples` points within `eps` (itself counted) is a core point; core points
    within `eps` of each other share a cluster. Another point within `eps` of a core point is a border point
    and joins its cluster; all other points are noise. A border point near several clusters joins the one whose
    first core point comes first when points are sorted by position (by the first coordinate, then the second, and
    so on). For any input order, the result is that of scikit-learn's DBSCAN on the sorted points, up to the numbers
    of clusters; scikit-learn's own result for such shared border points depends on their order.

    In up to 5 dimensions, points are sorted into the cells of a grid, and memory grows with the number of points, not
    of neighbours; in more dimensions, scikit-learn's implementation is used.

    Parameters
    ----------
    points
        (N, D) coordinates; scale them first where the dimensions differ in unit.
    eps
        Maximum distance between neighbours (inclusive), in the unit of the coordinates; above 0.
    min_samples
        Minimum number of points within `eps` of a core point, itself counted; at least 1.

    Returns
    -------
    Clusters
        `labels` are -1 for noise. `info`: `core` ((N,) bool), `n_noise` (int), `n_shared_border` (int, border
        points near several clusters; -1 where more than 5 dimensions leave it uncounted).
        No points give no clusters.

    Raises
    ------
    ParameterError
        If a parameter is out of its range or coordinates are not finite.

    References
    ----------
    Ester M. et al., 1996, KDD-96, 226-231; Gunawan A., 2013, "A faster algorithm for DBSCAN", for the grid.

    Examples
    --------
    >>> dbscan([[0.0, 0.0], [0.0, 0.1], [0.1, 0.0], [9.0, 9.0]], eps=0.2, min_samples=3).labels
    array([ 0,  0,  0, -1])
    """
    DBSCANOptions(eps, min_samples)
    pts = checked_points(points)
    return _density_clusters(pts, Neighbourhood(pts.shape[1], float(eps), 0.0), int(min_samples))


def dbscan_cylinder(
    points_space: ArrayLike, times: ArrayLike, *, eps_space: float, eps_time: float, min_samples: int = 5
) -> Clusters:
    """Find clusters that are dense in space and time by ST-DBSCAN, with separate limits for both.

    Two points are neighbours if they are within `eps_space` in space and within `eps_time` in time: the
    neighbourhood is a cylinder around the point. Otherwise the method is that of `dbscan`, with the time as the
    last coordinate.

    Parameters
    ----------
    points_space
        (N, D) positions, for example y, x in nm.
    times
        (N,) times, for example in s.
    eps_space
        Maximum distance between neighbours (inclusive), in the unit of the positions; above 0.
    eps_time
        Maximum time between neighbours (inclusive), in the unit of the times; above 0.
    min_samples
        Minimum number of points in the cylinder of a core point, itself counted; at least 1.

    Returns
    -------
    Clusters
        As `dbscan`; `centers` is (k, D + 1), the mean time last.

    Raises
    ------
    ParameterError
        If a parameter is out of its range, coordinates or times are not finite or differ in number.

    References
    ----------
    Birant D. and Kut A., 2007, "ST-DBSCAN", doi:10.1016/j.datak.2006.01.013 (with two limits, without the
    third one on a measured value).

    Examples
    --------
    >>> yx = [[0.0, 0.0], [0.0, 0.1], [0.1, 0.0], [0.0, 0.0]]
    >>> dbscan_cylinder(yx, [0.0, 1.0, 2.0, 90.0], eps_space=0.2, eps_time=2.0, min_samples=3).labels
    array([ 0,  0,  0, -1])
    """
    CylinderOptions(eps_space, eps_time, min_samples)
    space = checked_points(points_space, "points_space")
    t = np.asarray(times)
    if t.ndim != 1 or len(t) != len(space):
        raise ParameterError(
            f"times must have one value per point, shape ({len(space)},); got shape {t.shape}"
        )
    joined = np.column_stack([space, checked_points(t[:, np.newaxis], "times")]) if len(space) else space
    if len(space) == 0:
        return no_clusters(np.empty((0, space.shape[1] + 1)), _no_density_info())
    near = Neighbourhood(space.shape[1], float(eps_space), float(eps_time))
    return _density_clusters(joined, near, int(min_samples))


def hdbscan(
    points: ArrayLike,
    *,
    min_cluster_size: int = 5,
    min_samples: int | None = None,
    cluster_selection_epsilon: float = 0.0,
    cluster_selection_method: Literal["eom", "leaf"] = "eom",
    allow_single_cluster: bool = False,
) -> Clusters:
    """Find clusters of varying density, with membership probabilities, by HDBSCAN.

    Parameters
    ----------
    points
        (N, D) coordinates; scale them first where the dimensions differ in unit.
    min_cluster_size
        Minimum number of points of a cluster, at least 2.
    min_samples
        Number of points that make a neighbourhood dense, at least 1; None: as `min_cluster_size`.
    cluster_selection_epsilon
        Clusters closer than this are not split, in the unit of the coordinates; 0: no limit.
    cluster_selection_method
        "eom" (excess of mass: the most persistent clusters) or "leaf" (the finest clusters).
    allow_single_cluster
        Whether all points may form one cluster.

    Returns
    -------
    Clusters
        `labels` are -1 for noise. `info`: `probability` ((N,) float64, 0 for noise to 1 for a cluster's
        core), `n_noise` (int). Fewer points than `min_cluster_size` or `min_samples` are all noise; no
        points give no clusters.

    Raises
    ------
    ParameterError
        If a parameter is out of its range or coordinates are not finite.

    References
    ----------
    Campello R., Moulavi D. and Sander J., 2013, doi:10.1007/978-3-642-37456-2_14. Computed by scikit-learn.

    Examples
    --------
    >>> xy = [[0, 0], [0, 1], [1, 0], [9, 9], [9, 8], [8, 9], [40, 0]]
    >>> hdbscan(xy, min_cluster_size=3, min_samples=2).labels
    array([ 0,  0,  0,  1,  1,  1, -1])
    """
    HDBSCANOptions(
        min_cluster_size,
        min_samples,
        cluster_selection_epsilon,
        cluster_selection_method,
        allow_single_cluster,
    )
    n_dense = int(min_cluster_size if min_samples is None else min_samples)
    pts = checked_points(points)
    n = len(pts)
    if n < max(min_cluster_size, n_dense):
        noise = np.full(n, -1, dtype=np.int64)
        info: dict[str, Any] = {"probability": np.zeros(n), "n_noise": n}
        return Clusters(noise, np.empty((0, pts.shape[1])), info)
    order = position_order(pts)
    pts = pts[order]
    from sklearn.cluster import HDBSCAN

    fit = HDBSCAN(
        min_cluster_size=int(min_cluster_size),
        min_samples=n_dense,
        cluster_selection_epsilon=float(cluster_selection_epsilon),
        cluster_selection_method=cluster_selection_method,
        allow_single_cluster=bool(allow_single_cluster),
        copy=True,
    ).fit(pts)
    probability = np.empty(n)
    probability[order] = fit.probabilities_
    labels = np.maximum(fit.labels_, -1).astype(np.int64)
    info = {"probability": probability, "n_noise": int(np.count_nonzero(labels < 0))}
    return finished(pts, labels, order, info)


def _no_density_info() -> dict[str, Any]:
    return {"core": np.empty(0, dtype=np.bool_), "n_noise": 0, "n_shared_border": 0}


def _density_clusters(pts: NDArray[np.float64], near: Neighbourhood, min_samples: int) -> Clusters:
    """Run DBSCAN on checked points."""
    if len(pts) == 0:
        return no_clusters(pts, _no_density_info())
    order = position_order(pts)
    pts = pts[order]
    if pts.shape[1] > _GRID_DIMENSIONS:
        if near.n_ball < pts.shape[1]:
            raise ParameterError(
                f"points_space has {near.n_ball} dimensions; the limit is {_GRID_DIMENSIONS - 1}"
            )
        from sklearn.cluster import DBSCAN

        fit = DBSCAN(eps=near.eps, min_samples=min_samples).fit(pts)
        labels, n_shared = fit.labels_.astype(np.int64), -1
        core_sorted = np.zeros(len(pts), dtype=np.bool_)
        core_sorted[fit.core_sample_indices_] = True
    else:
        labels, core_sorted, n_shared = density_labels(pts, near, min_samples)
    core = np.empty(len(pts), dtype=np.bool_)
    core[order] = core_sorted
    info = {"core": core, "n_noise": int(np.count_nonzero(labels < 0)), "n_shared_border": n_shared}
    return finished(pts, labels, order, info)
