"""Exact k-means on a tree of the points, and candidate splits of its clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playNano.algorithms.clustering._splits import Splits, no_splits, propose_splits

if TYPE_CHECKING:
    from playNano.algorithms.clustering._kmeans_kernels import Tree

_LEAF_SIZE = 16
_SAMPLE = 4096  # maximum number of points of a cluster from which a split is proposed
_MIN_HALF = 5  # minimum size of a half, where the split is proposed from a sample
_MANY = 20_000  # with more points, compact groups are assigned as a whole until the partition is refined
_COARSENESS = 0.01  # maximum variance of such a group, relative to that of the clusters
_TOLERANCE = 1e-5  # relative decrease of the sum of squares below which iterations stop
_FINE_TOLERANCE = 1e-6
_MIN_TOLERANCE = 1e-12  # smaller decreases are rounding errors


@dataclass(frozen=True)
class Partition:
    """A partition of points into k clusters.

    Parameters
    ----------
    centers
        (k, D) centres.
    counts
        (k,) number of points of each cluster.
    sse
        (k,) sum of squared distances of each cluster's points to its centre.
    """

    centers: NDArray[np.float64]
    counts: NDArray[np.float64]
    sse: NDArray[np.float64]

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.counts)

    @property
    def total(self) -> float:
        """Sum of squared distances of all points to their centres."""
        return float(self.sse.sum())


class PointTree:
    """Run k-means on a tree of the points (Pelleg and Moore) and propose splits of its clusters.

    Parameters
    ----------
    points
        (N, D) float64, at least one point, sorted by position.
    replicates
        Number of starting positions of each split.
    max_iter
        Maximum number of iterations of a run of k-means.
    seed
        Seed of the starting positions.
    """

    def __init__(self, points: NDArray[np.float64], replicates: int, max_iter: int, seed: int) -> None:
        self._tree, self._order = build_tree(points)
        self._max_iter = max_iter
        self._picks = np.random.default_rng(seed).random((replicates, 2))
        self._known_splits: dict[tuple[bytes, float], Splits] = {}
        self._members: tuple[bytes, NDArray[np.int64], NDArray[np.int64]] | None = None
        self._rough = len(points) > _MANY

    def run(self, centers: NDArray[np.float64]) -> Partition:
        """Run k-means from the given centres.

        With many points, groups much more compact than the clusters are assigned as a whole (see `refine`); counts
        and sums of squares are those of the resulting partition in any case. Empty clusters are dropped.
        """
        return self._lloyd(centers, _COARSENESS if self._rough else 0.0, _TOLERANCE)

    @property
    def center(self) -> NDArray[np.float64]:
        """Mean of all points, (D,)."""
        mean: NDArray[np.float64] = self._tree.mean[0]
        return mean

    def refine(self, part: Partition) -> Partition:
        """Continue from a partition of `run`, assigning every point individually."""
        return self._lloyd(part.centers, 0.0, _TOLERANCE if self._rough else _FINE_TOLERANCE)

    def finish(self, part: Partition) -> Partition:
        """Continue from a partition until k-means converges."""
        return self._lloyd(part.centers, 0.0, _MIN_TOLERANCE)

    def labels(self, centers: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the nearest centre of every point, in the input order."""
        out = np.empty(len(self._order), dtype=np.int64)
        out[self._order] = self._tree_labels(centers)
        return out

    def members(self, part: Partition, c: int) -> NDArray[np.float64]:
        """Return the points of a cluster, or a sample of about 4096 evenly spaced in the tree."""
        order, start = self._members_by_cluster(part)
        own = order[start[c] : start[c + 1]]
        return self._tree.points[own[:: max(-(-len(own) // _SAMPLE), 1)]]

    def splits(self, part: Partition) -> list[Splits]:
        """Return the splits of every cluster; those of clusters unchanged since the last call are kept."""
        known: dict[tuple[bytes, float], Splits] = {}
        out = []
        for c in range(part.k):
            key = (part.centers[c].tobytes(), float(part.counts[c]))
            splits = self._known_splits.get(key)
            known[key] = self._propose(part, c) if splits is None else splits
            out.append(known[key])
        self._known_splits = known
        return out

    def _lloyd(self, centers: NDArray[np.float64], coarseness: float, tolerance: float) -> Partition:
        """Run Lloyd's algorithm until the sum of squared distances no longer decreases.

        It stops when the relative decrease in an iteration is not above `tolerance`. After the first iteration, nodes
        of a variance up to `coarseness` times that of the clusters are assigned as a whole.
        """
        from playNano.algorithms.clustering._kmeans_kernels import assign

        centers = np.array(centers, dtype=np.float64, order="C")
        no_labels = np.empty(0, dtype=np.int64)
        sums, max_variance = assign(self._tree, centers, 0.0, no_labels), 0.0
        for iteration in range(self._max_iter):
            before = sums.sse.sum()
            step = sums.offset / np.maximum(sums.n_points, 1)[:, np.newaxis]
            decrease = sums.n_points * (step**2).sum(axis=1)
            centers += step
            sse = np.maximum(sums.sse - decrease, 0.0)
            if decrease.sum() <= tolerance * before or iteration == self._max_iter - 1:
                break
            max_variance = coarseness * before / len(self._order)
            sums = assign(self._tree, centers, max_variance, no_labels)
        filled = sums.n_points > 0
        return Partition(centers[filled], sums.n_points[filled].astype(np.float64), sse[filled])

    def _tree_labels(self, centers: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the nearest centre of every point in the tree's order."""
        from playNano.algorithms.clustering._kmeans_kernels import assign

        labels = np.empty(len(self._order), dtype=np.int64)
        assign(self._tree, np.array(centers, dtype=np.float64, order="C"), 0.0, labels)
        return labels

    def _members_by_cluster(self, part: Partition) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the points sorted by cluster, and the index at which each cluster begins, (k + 1,)."""
        key = part.centers.tobytes()
        if self._members is None or self._members[0] != key:
            labels = self._tree_labels(part.centers)
            # numpy uses the much faster radix sort for small integers.
            order = np.argsort(labels.astype(np.uint16) if part.k < 65_536 else labels, kind="stable")
            start = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=part.k))])
            self._members = (key, order, start)
        return self._members[1], self._members[2]

    def _propose(self, part: Partition, c: int) -> Splits:
        """Return the splits of a cluster, proposed from a sample of its points."""
        nothing = no_splits(len(self._picks), part.centers.shape[1])
        if part.counts[c] < 2 or part.sse[c] <= 0.0:
            return nothing
        _, start = self._members_by_cluster(part)
        size = int(start[c + 1] - start[c])
        if size < 2:
            return nothing
        sample = self.members(part, c)
        splits = propose_splits(sample, self._picks)
        scale, gain = size / len(sample), splits.gain
        if len(sample) < size:
            smaller_half = np.minimum(splits.n_first, len(sample) - splits.n_first)
            gain = np.where(smaller_half < _MIN_HALF, 0.0, gain)
        return Splits(gain * scale, splits.n_first * scale, splits.pairs)


def build_tree(points: NDArray[np.float64]) -> tuple[Tree, NDArray[np.int64]]:
    """Build a balanced tree of the points; return it and their order in it."""
    from sklearn.neighbors import KDTree

    from playNano.algorithms.clustering._kmeans_kernels import Tree

    _, order, nodes, bounds = (np.asarray(a) for a in KDTree(points, leaf_size=_LEAF_SIZE).get_arrays())
    ordered = points[order]
    begin, end = (np.ascontiguousarray(nodes[name], dtype=np.int64) for name in ("idx_start", "idx_end"))
    is_leaf = np.ascontiguousarray(nodes["is_leaf"], dtype=np.int64)
    mean, scatter = node_moments(ordered, begin, end)
    low, high = (np.ascontiguousarray(side) for side in bounds)
    return Tree(ordered, begin, end, is_leaf, low, high, 0.5 * (low + high), mean, scatter), order.astype(
        np.int64
    )


def node_moments(
    points: NDArray[np.float64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean (nodes, D) and the scatter (nodes,) of every node of a balanced binary tree."""
    n_nodes = len(begin)
    first_leaf = n_nodes // 2
    count = (end - begin).astype(np.float64)
    mean, scatter = np.empty((n_nodes, points.shape[1])), np.empty(n_nodes)
    leaf, size = slice(first_leaf, None), end[first_leaf:] - begin[first_leaf:]
    origin = points[begin[leaf]]
    offsets = points - np.repeat(origin, size, axis=0)
    mean[leaf] = origin + np.add.reduceat(offsets, begin[leaf]) / size[:, np.newaxis]
    square = ((points - np.repeat(mean[leaf], size, axis=0)) ** 2).sum(axis=1)
    scatter[leaf] = np.add.reduceat(square, begin[leaf])
    stop = first_leaf
    while stop > 0:
        node = np.arange(stop // 2, stop)  # one level of the tree
        a, b = 2 * node + 1, 2 * node + 2
        step = mean[b] - mean[a]
        mean[node] = mean[a] + step * (count[b] / count[node])[:, np.newaxis]
        between = count[a] * count[b] / count[node] * (step**2).sum(axis=1)
        scatter[node] = scatter[a] + scatter[b] + between
        stop //= 2
    return mean, scatter
