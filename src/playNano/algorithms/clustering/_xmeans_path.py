"""Path of partitions from one cluster to many and back, and the likelihood by which they are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from playNano.algorithms.clustering._kmeans_tree import Partition, PointTree

if TYPE_CHECKING:
    from playNano.algorithms.clustering._splits import Splits

Variance = Literal["shared", "own"]

_ATTEMPTS = 10  # number of splits tried, where k-means undoes the best ones
_MIN_VARIANCE = 1e-12  # relative to the variance of all points: the variance of equal points is 0


def log_likelihood(
    counts: NDArray[np.float64],
    sse: NDArray[np.float64],
    n_dims: int,
    variance: Variance,
    min_variance: float,
) -> float:
    """Return the log-likelihood of a partition under spherical Gaussians with the weights of its clusters.

    With R points in K clusters of R_n points, M dimensions and sums of squares S_n: "shared": s2 = sum S_n /
    (M (R - K)), l = sum R_n ln(R_n / R) - (R M / 2) ln(2 pi s2) - M (R - K) / 2; "own": s2_n = (S_n + M s2)
    / (M R_n), the cluster's own variance with one degree of freedom of the shared one (which regularises the
    variance of clusters of few points), and l = sum R_n ln(R_n / R) - (R_n M / 2) ln(2 pi s2_n) - S_n / (2 s2_n).
    """
    total = counts.sum()
    k = len(counts)
    weights = float((counts * np.log(counts / total)).sum())
    pooled = max(float(sse.sum()) / (n_dims * max(total - k, 1.0)), min_variance)
    if variance == "shared":
        spread = 0.5 * total * n_dims * np.log(2 * np.pi * pooled) + 0.5 * n_dims * (total - k)
        return float(weights - spread)
    return weights + float(_own_terms(counts, sse, n_dims, pooled).sum())


def n_parameters(k: int, n_dims: int, variance: Variance) -> int:
    """Return the number of free parameters: weights, centres and variances."""
    return k * (n_dims + 1) if variance == "shared" else k * (n_dims + 2) - 1


def criteria(part: Partition, variance: Variance, min_variance: float) -> dict[str, float]:
    """Return k, sse, log_likelihood, bic, aic of a partition and both corrected for small samples."""
    n_dims = part.centers.shape[1]
    total = float(part.counts.sum())
    ll = log_likelihood(part.counts, part.sse, n_dims, variance, min_variance)
    p = n_parameters(part.k, n_dims, variance)
    bic_cost, aic_cost = 0.5 * p * np.log(total), float(p)
    small_sample = total / max(total - part.k - 1.0, 1.0)
    return {
        "k": part.k,
        "sse": part.total,
        "log_likelihood": ll,
        "bic": float(ll - bic_cost),
        "aic": ll - aic_cost,
        "bic_corrected": float(ll - bic_cost * small_sample),
        "aic_corrected": ll - aic_cost * small_sample,
    }


def minimum_variance(points: NDArray[np.float64]) -> float:
    """Return the minimum variance that a likelihood may use, so that it stays finite."""
    return float(max(points.var(axis=0).mean() * _MIN_VARIANCE, np.finfo(np.float64).tiny))


def path_up(tree: PointTree, first: Partition, max_k: int, min_variance: float) -> list[Partition]:
    """Return partitions of 1 to max_k clusters, each made from the one before by the split of the largest gain."""
    parts = [first]
    while parts[-1].k < max_k:
        part = parts[-1]
        for _, c, pair in best_splits(part, tree.splits(part))[:_ATTEMPTS]:
            split_part = tree.run(split_centers(part, {c: pair}))
            if split_part.k > part.k:
                parts.append(exchange_merge_for_split(tree, split_part, min_variance))
                break
        if parts[-1].k <= part.k:
            break
    return parts


def path_down(tree: PointTree, last: Partition, variance: Variance, min_variance: float) -> list[Partition]:
    """Return partitions of last.k - 1 to 1 clusters, each made from the one before by the merge of the lowest cost.

    Splits of large clusters gain more than those that separate a small cluster next to them; merging afterwards
    joins the halves of the large ones and keeps the small ones.
    """
    parts = [last]
    while parts[-1].k > 1:
        part = parts[-1]
        cost = merge_costs(part, variance, min_variance)
        i, j = np.unravel_index(int(np.argmin(cost)), cost.shape)
        parts.append(tree.run(np.delete(_merged(part, int(i), int(j)), j, axis=0)))
    return parts[1:]


def split_centers(part: Partition, pairs: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return centres with those of some clusters replaced by the pair of their halves."""
    out = part.centers.copy()
    for c, pair in pairs.items():
        out[c] = pair[0]
    return np.concatenate([out, *[pair[1:] for pair in pairs.values()]])


def best_splits(part: Partition, splits: list[Splits]) -> list[tuple[float, int, NDArray[np.float64]]]:
    """Return splits in order: the gain in log-likelihood (shared variance), the cluster, the centres of its halves."""
    total, n_dims = part.counts.sum(), part.centers.shape[1]
    gain = np.array([split.gain for split in splits])
    n, first = part.counts[:, np.newaxis], np.array([split.n_first for split in splits])
    left = np.maximum(1.0 - gain / max(part.total, np.finfo(np.float64).tiny), 1e-300)
    value = -0.5 * total * n_dims * np.log(left) + _xlogx(first) + _xlogx(n - first) - _xlogx(n)
    order = np.argsort(-value, axis=None, kind="stable")
    positions = [divmod(int(i), gain.shape[1]) for i in order if gain.flat[i] > 0]
    return [(float(value[c, s]), c, splits[c].pairs[s]) for c, s in positions]


def merge_costs(part: Partition, variance: Variance, min_variance: float) -> NDArray[np.float64]:
    """Return the decrease of the log-likelihood by merging each pair of clusters, (k, k) with inf on the diagonal."""
    n = part.counts
    total, n_dims = n.sum(), part.centers.shape[1]
    both = n[:, np.newaxis] + n
    square = ((part.centers[:, np.newaxis] - part.centers[np.newaxis]) ** 2).sum(axis=2)
    rise = n[:, np.newaxis] * n / both * square
    if variance == "shared":
        base = max(part.total, min_variance)
        growth = 0.5 * total * n_dims * np.log1p(rise / base)
        cost = growth + _xlogx(n)[:, np.newaxis] + _xlogx(n) - _xlogx(both)
    else:
        pooled = max(part.total / (n_dims * max(total - part.k, 1.0)), min_variance)
        one = _xlogx(n) + _own_terms(n, part.sse, n_dims, pooled)
        sse = part.sse[:, np.newaxis] + part.sse + rise
        cost = one[:, np.newaxis] + one - _xlogx(both) - _own_terms(both, sse, n_dims, pooled)
    cost[np.diag_indices(part.k)] = np.inf
    return np.asarray(cost, dtype=np.float64)


def exchange_merge_for_split(tree: PointTree, part: Partition, min_variance: float) -> Partition:
    """Merge two clusters and split another while the likelihood increases, to escape poor local optima."""
    n_dims = part.centers.shape[1]
    for _ in range(part.k):
        if part.k < 3:
            return part
        ranked = best_splits(part, tree.splits(part))
        if not ranked:
            return part
        gain, c, pair = ranked[0]
        cost = merge_costs(part, "shared", min_variance)
        cost[c] = cost[:, c] = np.inf
        i, j = (int(v) for v in np.unravel_index(int(np.argmin(cost)), cost.shape))
        if not gain > cost[i, j]:
            return part
        centers = _merged(part, i, j)
        centers[c], centers[j] = pair
        other = tree.run(centers)
        before = log_likelihood(part.counts, part.sse, n_dims, "shared", min_variance)
        if other.k < part.k or not (
            log_likelihood(other.counts, other.sse, n_dims, "shared", min_variance)
            > before + 1e-9 * abs(before)
        ):
            return part
        part = other
    return part


def _xlogx(n: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(n * np.log(np.maximum(n, 1e-300)), dtype=np.float64)


def _own_terms(
    counts: NDArray[np.float64], sse: NDArray[np.float64], n_dims: int, pooled: float
) -> NDArray[np.float64]:
    """Return each cluster's log-likelihood about its centre, with its own variance."""
    own = (sse + n_dims * pooled) / (n_dims * counts)
    return np.asarray(-0.5 * counts * n_dims * np.log(2 * np.pi * own) - 0.5 * sse / own, dtype=np.float64)


def _merged(part: Partition, i: int, j: int) -> NDArray[np.float64]:
    """Return the centres with that of cluster i moved to the mean of clusters i and j."""
    out = part.centers.copy()
    n = part.counts
    out[i] = (n[i] * out[i] + n[j] * out[j]) / (n[i] + n[j])
    return out
