"""Describe clusters: size, extent, density, occupancy in time; how well parted and how stable they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playNano.algorithms._cluster_points import Clusters, checked_count, checked_points, position_order
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Silhouette", "bootstrap_stability", "cluster_statistics", "silhouette"]


class Silhouette(NamedTuple):
    """Hold silhouette values: the mean over all clustered points, one mean a cluster, the points looked at."""

    mean: float
    per_cluster: NDArray[np.float64]
    n_points: int


def cluster_statistics(
    positions: ArrayLike,
    labels: ArrayLike,
    *,
    frames: ArrayLike | None = None,
    times_s: ArrayLike | None = None,
    observed_frames: ArrayLike | None = None,
    unit: str = "nm",
) -> pd.DataFrame:
    """Measure each cluster in the plane and in time.

    Parameters
    ----------
    positions
        (N, 2) y, x of the points, in `unit`.
    labels
        (N,) cluster numbers 0 to k - 1; -1 for points in no cluster.
    frames
        (N,) frame of each point; None leaves the columns on frames out.
    times_s
        (N,) time of each point, s; None leaves the columns on times out.
    observed_frames
        The frames in which something could be seen, each once (bad frames left out); occupancy is a fraction of
        them. None: every frame that has any point.
    unit
        Unit of the positions; a part of the columns' names.

    Returns
    -------
    pandas.DataFrame
        One row a cluster, in order of number: `cluster_id`, `size` (points), `y_nm`, `x_nm` (mean), `extent_y_nm`,
        `extent_x_nm` (greatest minus least), `radius_nm` (root mean square distance to the mean), `area_nm2` (of
        the convex hull; 0 for fewer than three points or points in line), `density_per_nm2` (size by area, NaN
        where the area is 0); with `frames` also `first_frame`, `last_frame`, `n_frames` (observed frames with a
        member) and `occupancy` (their fraction of the observed frames, 0 to 1); with `times_s` also
        `first_time_s`, `last_time_s`. With `unit="px"`, px stands for nm. No cluster gives no row.

    Raises
    ------
    ParameterError
        If the arrays differ in length, or values are not finite.

    Examples
    --------
    >>> table = cluster_statistics([[0, 0], [0, 2], [2, 0], [9, 9]], [0, 0, 0, -1], frames=[0, 1, 3, 3])
    >>> table[["size", "area_nm2", "occupancy"]].to_numpy().tolist()
    [[3.0, 2.0, 1.0]]
    """
    import pandas as pd

    yx = checked_points(positions, "positions")
    if len(yx) == 0:
        yx = np.empty((0, 2))
    if yx.shape[1] != 2:
        raise ParameterError(f"positions must have the columns y, x; got shape {yx.shape}")
    lab = _checked_labels(labels, len(yx))
    k = int(lab.max(initial=-1)) + 1
    order = position_order(yx)
    members = [order[lab[order] == c] for c in range(k)]
    columns = _plane_columns(yx, members, unit)
    if frames is not None:
        columns |= _frame_columns(_one_a_point(frames, len(yx), "frames"), members, observed_frames)
    if times_s is not None:
        time = _one_a_point(times_s, len(yx), "times_s")
        columns["first_time_s"] = np.array([time[m].min() for m in members], dtype=np.float64)
        columns["last_time_s"] = np.array([time[m].max() for m in members], dtype=np.float64)
    return pd.DataFrame(columns)


def silhouette(
    points: ArrayLike, labels: ArrayLike, *, max_points: int = 10_000, seed: int = 0
) -> Silhouette:
    """Compare each point's distance to its own cluster with that to the nearest other one.

    A point's value is (b - a) / max(a, b), with a the mean distance to the others of its cluster and b the least
    mean distance to another cluster: 1 is well inside, 0 on a border, below 0 in the wrong place; 0 for a cluster
    of one point. Points in no cluster are left out.

    Parameters
    ----------
    points
        (N, D) coordinates as they were clustered.
    labels
        (N,) cluster numbers 0 to k - 1; -1 for points in no cluster.
    max_points
        Beyond this number of clustered points, about as many are drawn, from each cluster in proportion to its size
        (2 at least); the cost grows with the square.
    seed
        Seed of the draw.

    Returns
    -------
    Silhouette
        `mean` (float, each cluster weighted by its size), `per_cluster` ((k,) float64), `n_points` (int, points
        looked at). With fewer than two clusters the values are NaN.

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
    lab = _checked_labels(labels, len(pts))
    k = int(lab.max(initial=-1)) + 1
    if k < 2:
        return Silhouette(float("nan"), np.full(k, np.nan), 0)
    order = position_order(pts)
    order = order[lab[order] >= 0]
    chosen = _drawn(order, lab[order], k, max_points, seed)
    own = lab[chosen]
    sizes = np.bincount(lab[order], minlength=k)
    if (np.bincount(own, minlength=k) <= 1).all():
        values = np.zeros(len(chosen))
    else:
        import sklearn
        from sklearn.metrics import silhouette_samples

        # Distances are made from scalar products: about the mean they lose the fewest digits.
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
    """Measure how well each cluster comes back when the points are drawn anew and clustered again.

    For each draw, a cluster's points among the drawn are compared with the most similar new cluster by the Jaccard
    index (common points by points in either). By the author's rule of thumb a mean of 0.75 or more is a stable
    cluster, 0.5 or less one that has been dissolved.

    Parameters
    ----------
    points
        (N, D) coordinates as they were clustered.
    labels
        (N,) cluster numbers 0 to k - 1; -1 for points in no cluster.
    cluster
        What makes clusters of points, for example ``lambda points: kmeans(points, 3)``.
    n_resamples
        Number of draws.
    replace
        True: N points with replacement (bootstrap). False: half of the points, each once; better for algorithms
        that go by density, which copies of points would raise.
    seed
        Seed of the draws.

    Returns
    -------
    numpy.ndarray
        (k,) float64, mean Jaccard index of each cluster over the draws that have points of it, 0 to 1; NaN if no
        draw has.

    Raises
    ------
    ParameterError
        If the arrays differ in length, coordinates are not finite, or `cluster` refuses a draw.

    References
    ----------
    Hennig C., 2007, "Cluster-wise assessment of cluster stability", doi:10.1016/j.csda.2006.11.025.

    Examples
    --------
    >>> from playNano.algorithms.clustering import kmeans
    >>> points = [[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]]
    >>> bootstrap_stability(points, [0, 0, 0, 1, 1, 1], lambda p: kmeans(p, 1), n_resamples=20) < 0.75
    array([ True,  True])
    """
    n_resamples = checked_count(n_resamples, "n_resamples")
    seed = checked_count(seed, "seed", 0)
    pts = checked_points(points)
    lab = _checked_labels(labels, len(pts))
    order = position_order(pts)
    pts, lab = pts[order], lab[order]
    k = int(lab.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    total, times = np.zeros(k), np.zeros(k)
    for number in range(n_resamples if k else 0):
        drawn = _draw(rng, len(pts), replace)
        try:
            again = cluster(pts[drawn]).labels
        except ParameterError as err:
            err.add_note(f"raised while clustering draw {number} of the bootstrap")
            raise
        distinct, first = np.unique(drawn, return_index=True)
        best = _best_jaccard(lab[distinct], again[first], k)
        present = ~np.isnan(best)
        total[present] += best[present]
        times += present
    return np.where(times > 0, total / np.maximum(times, 1), np.nan)


def _checked_labels(labels: ArrayLike, n: int) -> NDArray[np.int64]:
    lab = np.asarray(labels)
    if lab.size == 0 and n == 0:
        return np.empty(0, dtype=np.int64)
    if lab.shape != (n,) or lab.dtype.kind not in "iu":
        raise ParameterError(
            f"labels must be one integer a point, shape ({n},); got {lab.dtype} of shape {lab.shape}"
        )
    if lab.min() < -1:
        raise ParameterError(f"labels must be -1 or more; got {lab.min()}")
    lab = lab.astype(np.int64)
    empty = np.flatnonzero(np.bincount(lab + 1)[1:] == 0)
    if len(empty):
        raise ParameterError(f"labels must number the clusters 0 to k - 1; none has the number {empty[0]}")
    return lab


def _one_a_point(values: ArrayLike, n: int, name: str) -> NDArray[np.float64]:
    out = np.asarray(values, dtype=np.float64)
    if out.shape != (n,):
        raise ParameterError(f"{name} must have one value a point, shape ({n},); got shape {out.shape}")
    if not np.isfinite(out).all():
        raise ParameterError(f"{name} must be finite; {np.count_nonzero(~np.isfinite(out))} values are not")
    return out


def _plane_columns(
    yx: NDArray[np.float64], members: list[NDArray[np.int64]], unit: str
) -> dict[str, NDArray[np.generic]]:
    """Return the columns on size and place of each cluster."""
    k = len(members)
    size = np.array([len(m) for m in members], dtype=np.int64)
    center = np.array([yx[m].mean(axis=0) for m in members]).reshape(k, 2)
    extent = np.array([np.ptp(yx[m], axis=0) for m in members]).reshape(k, 2)
    squares = [((yx[m] - c) ** 2).sum(axis=1).mean() for m, c in zip(members, center, strict=True)]
    area = np.array([_hull_area(yx[m]) for m in members], dtype=np.float64)
    density = np.divide(size, area, out=np.full(k, np.nan), where=area > 0)
    return {
        "cluster_id": np.arange(k, dtype=np.int64),
        "size": size,
        f"y_{unit}": center[:, 0],
        f"x_{unit}": center[:, 1],
        f"extent_y_{unit}": extent[:, 0],
        f"extent_x_{unit}": extent[:, 1],
        f"radius_{unit}": np.sqrt(np.array(squares, dtype=np.float64)),
        f"area_{unit}2": area,
        f"density_per_{unit}2": density,
    }


def _hull_area(yx: NDArray[np.float64]) -> float:
    """Return the area of the convex hull of points in the plane, 0 if they lie in line."""
    from scipy.spatial import ConvexHull, QhullError

    if len(yx) < 3:
        return 0.0
    centred = yx - yx.mean(axis=0)
    spread = np.linalg.svd(centred, compute_uv=False)
    if not spread[1] > 1e-12 * spread[0]:
        return 0.0
    try:
        return float(ConvexHull(centred).volume)
    except QhullError:  # flat within Qhull's own precision
        return 0.0


def _frame_columns(
    frames: NDArray[np.float64], members: list[NDArray[np.int64]], observed_frames: ArrayLike | None
) -> dict[str, NDArray[np.generic]]:
    """Return the columns on the frames in which each cluster has members."""
    seen = np.unique(frames if observed_frames is None else np.asarray(observed_frames, dtype=np.float64))
    n_frames = np.array([np.isin(np.unique(frames[m]), seen).sum() for m in members], dtype=np.int64)
    return {
        "first_frame": np.array([frames[m].min() for m in members], dtype=np.int64),
        "last_frame": np.array([frames[m].max() for m in members], dtype=np.int64),
        "n_frames": n_frames,
        "occupancy": n_frames / max(len(seen), 1),
    }


def _drawn(
    order: NDArray[np.int64], own: NDArray[np.int64], k: int, max_points: int, seed: int
) -> NDArray[np.int64]:
    """Draw about `max_points` of the points, from each cluster in proportion to its size and at least 2."""
    if len(order) <= max_points:
        return order
    rng = np.random.default_rng(seed)
    parts = []
    for c in range(k):
        mine = order[own == c]
        n = min(len(mine), max(2, round(len(mine) * max_points / len(order))))
        parts.append(np.sort(rng.choice(len(mine), n, replace=False)))
        parts[-1] = mine[parts[-1]]
    return np.concatenate(parts)


def _draw(rng: np.random.Generator, n: int, replace: bool) -> NDArray[np.int64]:
    """Draw places of points."""
    if replace:
        return np.sort(rng.integers(0, n, n))
    return np.sort(rng.permutation(n)[: max(n // 2, 1)])


def _best_jaccard(old: NDArray[np.int64], new: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return the largest Jaccard index of each old cluster with a new one; NaN for old clusters without points."""
    n_new = max(int(new.max(initial=-1)) + 1, 1)
    both = (old >= 0) & (new >= 0)
    common = np.bincount(old[both] * n_new + new[both], minlength=k * n_new).reshape(k, n_new)
    size_old = np.bincount(old[old >= 0], minlength=k)[:, np.newaxis]
    size_new = np.bincount(new[new >= 0], minlength=n_new)
    either = size_old + size_new - common
    best = (common / np.maximum(either, 1)).max(axis=1)
    return np.where(size_old[:, 0] > 0, best, np.nan)
