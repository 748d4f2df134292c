"""X-means: k-means with an estimated number of clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playNano.algorithms.clustering._points import (
    Clusters,
    check_distinct,
    checked_points,
    count_distinct,
    finished,
    no_clusters,
    position_order,
)
from playNano.algorithms.clustering.options import XMeansOptions

if TYPE_CHECKING:
    from playNano.algorithms.clustering._kmeans_tree import Partition, PointTree
    from playNano.algorithms.clustering._splits import Splits

__all__ = ["Clusters", "xmeans"]

_ANDERSON_DARLING_LIMIT = 1.8692  # level 0.0001, as in the paper on G-means
_COLUMNS = ["k", "sse", "log_likelihood", "bic", "aic", "bic_corrected", "aic_corrected"]

_Halves = tuple[float, NDArray[np.float64]]  # value of the test of a cluster, centres of its halves


def xmeans(
    points: ArrayLike,
    *,
    min_k: int = 1,
    max_k: int = 10,
    replicates: int = 3,
    max_iter: int = 300,
    bic_threshold: float = 0.0,
    criterion: Literal["bic", "aic"] = "bic",
    method: Literal["path", "local", "gmeans"] = "path",
    variance: Literal["own", "shared"] = "own",
    seed: int = 0,
) -> Clusters:
    """Split points into compact clusters; their number is selected by an information criterion (x-means).

    The model is a mixture of spherical Gaussians; each point belongs to its nearest centre. With R points in
    K clusters of R_n points, M dimensions and S the sum of squared distances to the centres, and one variance
    s2 = S / (M (R - K)) shared by all clusters, the log-likelihood is

        l = sum R_n ln(R_n / R) - (R M / 2) ln(2 pi s2) - M (R - K) / 2

    and BIC = l - (p / 2) ln R, AIC = l - p with p = K (M + 1) free parameters; larger is better. With
    `variance="own"` every cluster has a variance of its own, s2_n = (S_n + M s2) / (M R_n), and p = K (M +
    2) - 1. Partitions are compared by the criterion with its penalty multiplied by R / (R - K - 1), a correction
    for small samples: without it a handful of points is split into single points, while it is negligible for some
    hundred points or more.

    Elongated clusters violate the model and are divided into several; positions rounded to steps as wide as the
    clusters give one cluster per step.

    Parameters
    ----------
    points
        (N, D) coordinates; scale them first where the dimensions differ in unit.
    min_k, max_k
        Minimum and maximum number of clusters, at least 1. `max_k` is lowered to the number of different points
        and to N - 2 (and never below 1); `info` says so.
    replicates
        Number of starting positions of each split: the principal axis, the farthest point, then random pairs of
        points.
    max_iter
        Maximum number of iterations of each run of k-means.
    bic_threshold
        Minimum gain of the criterion for each further cluster, >= 0. "path" takes the k with the largest
        criterion - bic_threshold * k, so that a larger threshold never gives more clusters; "local" splits a
        cluster if that gains more than the threshold. Must be 0 for "gmeans".
    criterion
        "bic" or "aic"; AIC finds more and smaller clusters.
    method
        "path": from one cluster, take the split with the largest gain in likelihood, run k-means on all
        points, exchange a merge for a split while that helps, and so on to `max_k`; then go back by the
        merges of the lowest cost. The best partition of all is taken. "local": each cluster is split if the
        criterion of its own points prefers two; the best partition of all rounds is taken. This is the published
        test; it stops too early where many clusters are evenly spaced. "gmeans": each cluster is split until the
        Anderson-Darling test accepts its points (4096 of them at most) as Gaussian along the line between its halves.
    variance
        "own": clusters differ in width; "shared": all are equally wide, as published.
    seed
        Seed of the random starts.

    Returns
    -------
    Clusters
        No point is noise. `info`: `path` (DataFrame, one row per partition compared, for "path" the best for
        each k: `k`, `sse`, `log_likelihood`, `bic`, `aic`, `bic_corrected`, `aic_corrected`, `chosen`),
        `inertia` (float, sum of squared distances to the centres), `bic`, `aic` (float, of the result, not
        corrected), `max_k` (int, the limit in effect), `max_k_lowered` (bool). No points give no clusters
        and an empty path.

    Raises
    ------
    ParameterError
        If a parameter is out of its range, there are fewer different points than `min_k`, or coordinates
        are not finite.

    Notes
    -----
    K-means runs on a tree of the points whose nodes store their means and sums of squares (Pelleg and Moore
    1999). Above 20 000 points the path is computed with groups of points assigned as a whole, if their variance
    is below a hundredth of the clusters'; the best partition for each k is then refined point by point.

    References
    ----------
    Pelleg D. and Moore A., 2000, "X-means", ICML, 727-734 (with the misprints of the criterion corrected);
    Pelleg D. and Moore A., 1999, doi:10.1145/312129.312248, for the tree; Hamerly G. and Elkan C., 2003,
    "Learning the k in k-means", NIPS 16, for "gmeans".

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> xy = np.concatenate([rng.normal(c, 0.5, (40, 2)) for c in (0.0, 10.0, 20.0)])
    >>> xmeans(xy).n_clusters
    3
    """
    XMeansOptions(min_k, max_k, replicates, max_iter, bic_threshold, criterion, method, variance, seed)
    min_k, max_k = int(min_k), int(max_k)
    pts = checked_points(points)
    if len(pts) == 0:
        return no_clusters(pts, _info([], -1, None, max_k, False))
    order = position_order(pts)
    pts = pts[order]
    distinct = count_distinct(pts)
    check_distinct(distinct, len(pts), min_k, "min_k")
    limit = max(min(max_k, distinct, len(pts) - 2), min_k)

    from playNano.algorithms.clustering._kmeans_tree import PointTree
    from playNano.algorithms.clustering._xmeans_path import criteria, minimum_variance

    tree = PointTree(pts, int(replicates), int(max_iter), int(seed))
    min_variance = minimum_variance(pts)

    def measure(part: Partition) -> dict[str, float]:
        return criteria(part, variance, min_variance)

    if method == "path":
        parts = _path(
            tree, min_k, limit, lambda p: measure(p)[f"{criterion}_corrected"], variance, min_variance
        )
        worth = [measure(p)[f"{criterion}_corrected"] - bic_threshold * p.k for p in parts]
        chosen = int(np.argmax(worth))
    elif method == "local":
        parts = _rounds(tree, min_k, limit, min_variance, _local_test(criterion, min_variance, bic_threshold))
        chosen = int(np.argmax([measure(p)[f"{criterion}_corrected"] for p in parts]))
    else:
        parts = _rounds(tree, min_k, limit, min_variance, _gaussian_test)
        chosen = len(parts) - 1
    parts[chosen] = tree.finish(parts[chosen])
    info = _info([measure(p) for p in parts], chosen, parts[chosen], limit, limit < max_k)
    return finished(pts, tree.labels(parts[chosen].centers), order, info)


def _info(
    rows: list[dict[str, float]], row: int, result: Partition | None, max_k: int, lowered: bool
) -> dict[str, Any]:
    """Return the `info` of a result: the table of partitions compared, and the criteria of the selected one."""
    import pandas as pd

    path = pd.DataFrame(rows, columns=_COLUMNS).astype(dict.fromkeys(_COLUMNS[1:], np.float64))
    path = path.astype({"k": np.int64})
    path["chosen"] = np.arange(len(rows)) == row
    return {
        "path": path,
        "inertia": 0.0 if result is None else result.total,
        "bic": None if result is None else rows[row]["bic"],
        "aic": None if result is None else rows[row]["aic"],
        "max_k": max_k,
        "max_k_lowered": lowered,
    }


def _whole(tree: PointTree) -> Partition:
    """Return the partition of one cluster."""
    return tree.run(tree.center[np.newaxis])


def _path(
    tree: PointTree,
    min_k: int,
    max_k: int,
    worth: Callable[[Partition], float],
    variance: Literal["own", "shared"],
    min_variance: float,
) -> list[Partition]:
    """Return the better partition of the paths up and down, for each k from min_k."""
    from playNano.algorithms.clustering._xmeans_path import path_down, path_up

    up = path_up(tree, _whole(tree), max_k, min_variance)
    best: dict[int, Partition] = {}
    for part in [*up, *path_down(tree, up[-1], variance, min_variance)]:
        if part.k >= min_k and (part.k not in best or worth(part) > worth(best[part.k])):
            best[part.k] = part
    return [tree.refine(best[k]) for k in sorted(best)]


def _rounds(
    tree: PointTree,
    min_k: int,
    max_k: int,
    min_variance: float,
    test: Callable[[PointTree, Partition, int, Splits], _Halves | None],
) -> list[Partition]:
    """Split every cluster that passes a test and run k-means, repeatedly; return the partition of each round."""
    from playNano.algorithms.clustering._xmeans_path import path_up, split_centers

    parts = [tree.refine(path_up(tree, _whole(tree), min_k, min_variance)[-1])]
    while parts[-1].k < max_k:
        part = parts[-1]
        passed = {}
        for c, splits in enumerate(tree.splits(part)):
            halves = test(tree, part, c, splits)
            if halves is not None:
                passed[c] = halves
        first = sorted(passed, key=lambda c: -passed[c][0])[: max_k - part.k]
        if not first:
            break
        next_part = tree.refine(tree.run(split_centers(part, {c: passed[c][1] for c in first})))
        if next_part.k <= part.k:
            break
        parts.append(next_part)
    return parts


def _local_test(
    criterion: str, min_variance: float, threshold: float
) -> Callable[[PointTree, Partition, int, Splits], _Halves | None]:
    """Return the published test of a split: two clusters against one, with one variance for both."""
    from playNano.algorithms.clustering._kmeans_tree import Partition as Part
    from playNano.algorithms.clustering._xmeans_path import criteria

    key = f"{criterion}_corrected"

    def test(tree: PointTree, part: Partition, c: int, splits: Splits) -> _Halves | None:
        """Return the gain of the best split of cluster c and its centres, or None if none gains enough."""
        own = slice(c, c + 1)
        before = criteria(Part(part.centers[own], part.counts[own], part.sse[own]), "shared", min_variance)[
            key
        ]
        best: _Halves | None = None
        for s in np.flatnonzero(splits.gain > 0):
            counts = np.array([splits.n_first[s], part.counts[c] - splits.n_first[s]])
            left = np.array([max(part.sse[c] - splits.gain[s], 0.0), 0.0])
            gain = criteria(Part(splits.pairs[s], counts, left), "shared", min_variance)[key] - before
            if gain > threshold and (best is None or gain > best[0]):
                best = (gain, splits.pairs[s])
        return best

    return test


def _gaussian_test(tree: PointTree, part: Partition, c: int, splits: Splits) -> _Halves | None:
    """Test whether a cluster's points deviate from a Gaussian along the line between its halves (G-means)."""
    if not (splits.gain > 0).any():
        return None
    pair = splits.pairs[int(np.argmax(splits.gain))]
    along = tree.members(part, c) @ (pair[1] - pair[0])
    excess = _anderson_darling(along) - _ANDERSON_DARLING_LIMIT
    return (excess, pair) if excess > 0 else None


def _anderson_darling(values: NDArray[np.float64]) -> float:
    """Return the Anderson-Darling statistic against a Gaussian of the same mean and variance, for small samples too."""
    from scipy.special import log_ndtr

    n = len(values)
    spread = values.std(ddof=1) if n > 1 else 0.0
    if n < 8 or not spread > 0:
        return 0.0
    z = np.sort((values - values.mean()) / spread)
    weights = 2 * np.arange(1, n + 1) - 1
    statistic = -n - float((weights * (log_ndtr(z) + log_ndtr(-z[::-1]))).sum()) / n
    return statistic * (1 + 0.75 / n + 2.25 / n**2)
