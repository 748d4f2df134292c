"""A tree of points on which k-means runs, and the splits and merges that its clusters allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LEAF_SIZE = 16
_SAMPLE = 4096  # points of a cluster looked at when it is split
_SPLIT_ITERATIONS = 50

# An iteration that lowers the sum of squares by less than this moves no criterion by a unit below 1e7 points.
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Partition:
    """Hold k clusters: centres (k, D), counts (k,), sums of squares about the centres (k,), iterations made."""

    centers: NDArray[np.float64]
    counts: NDArray[np.int64]
    sse: NDArray[np.float64]
    iterations: int

    @property
    def total(self) -> float:
        """Sum of squared distances of all points to their centres."""
        return float(self.sse.sum())


class Split(NamedTuple):
    """Hold a cluster's best split in two: fall of the sum of squares, points in the first half, the two centres."""

    gain: float
    n_first: float
    pair: NDArray[np.float64]


class PointTree:
    """Run exact k-means over all points and propose splits of its clusters.

    Parameters
    ----------
    points
        (N, D) float64, at least one point, sorted by position.
    replicates
        Number of starts of each split.
    max_iter
        Most iterations of a run of k-means.
    seed
        Seed of the starts.
    """

    def __init__(self, points: NDArray[np.float64], replicates: int, max_iter: int, seed: int) -> None:
        from playNano.algorithms import _kmeans_kernels

        self._kernels = _kmeans_kernels
        self.points = points.copy()
        self.place, *arrays = _kmeans_kernels.build_tree(self.points, _LEAF_SIZE)
        self._arrays = tuple(arrays)
        self._replicates = replicates
        self._max_iter = max_iter
        self._seed = np.uint64(seed % 2**64)
        self._known: dict[tuple[bytes, int], Split] = {}
        self._members: tuple[bytes, NDArray[np.int64], NDArray[np.int64]] | None = None

    def run(self, centers: NDArray[np.float64]) -> Partition:
        """Run k-means from the given centres."""
        start = np.ascontiguousarray(centers, dtype=np.float64)
        return Partition(*self._kernels.lloyd(self.points, *self._arrays, start, self._max_iter, TOLERANCE))

    def labels(self, centers: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the nearest centre of every point, in the order in which the points were given."""
        out = np.empty(len(self.points), dtype=np.int64)
        out[self.place] = self._tree_labels(centers)
        return out

    def members(self, part: Partition, c: int) -> NDArray[np.float64]:
        """Return the points of a cluster; at most 4096 of them, evenly spaced in the tree."""
        places, start = self._grouped(part)
        own = places[start[c] : start[c + 1]]
        return self.points[own[:: -(-len(own) // _SAMPLE) or 1]]

    def splits(self, part: Partition) -> list[Split]:
        """Return the best split found of every cluster; clusters that have not changed keep theirs."""
        keys = [(part.centers[c].tobytes(), int(part.counts[c])) for c in range(len(part.counts))]
        found: dict[tuple[bytes, int], Split] = {}
        for c, key in enumerate(keys):
            known = self._known.get(key)
            found[key] = self._propose(part, c) if known is None else known
        self._known = found
        return [found[key] for key in keys]

    def _tree_labels(self, centers: NDArray[np.float64]) -> NDArray[np.int64]:
        labels = np.empty(len(self.points), dtype=np.int64)
        self._kernels.assign(self.points, *self._arrays, np.ascontiguousarray(centers), labels)
        return labels

    def _grouped(self, part: Partition) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        key = part.centers.tobytes()
        if self._members is None or self._members[0] != key:
            places, start = self._kernels.group(self._tree_labels(part.centers), len(part.centers))
            self._members = (key, places, start)
        return self._members[1], self._members[2]

    def _propose(self, part: Partition, c: int) -> Split:
        pair = np.repeat(part.centers[c : c + 1], 2, axis=0)
        if part.sse[c] <= 0.0 or part.counts[c] < 2:
            return Split(0.0, float(part.counts[c]), pair)
        places, start = self._grouped(part)
        if start[c + 1] - start[c] < 2:
            return Split(0.0, float(part.counts[c]), pair)
        gain, n_first = self._kernels.propose_split(
            self.points,
            places,
            start[c],
            start[c + 1],
            _SAMPLE,
            self._replicates,
            _SPLIT_ITERATIONS,
            self._seed,
            pair,
        )
        return Split(float(gain), float(n_first), pair)


def split_centers(centers: NDArray[np.float64], chosen: dict[int, Split]) -> NDArray[np.float64]:
    """Replace the centres of the chosen clusters by those of their halves."""
    out = centers.copy()
    for c, split in chosen.items():
        out[c] = split.pair[0]
    return np.concatenate([out, *[split.pair[1:] for split in chosen.values()]])


def mend(tree: PointTree, part: Partition) -> Partition:
    """Leave a poor local optimum: merge two clusters and split another as long as the sum of squares falls."""
    for _ in range(len(part.counts)):
        swapped = _swap(part, tree.splits(part))
        if swapped is None:
            return part
        other = tree.run(swapped)
        if not other.total < part.total * (1 - 1e-9):
            return part
        part = other
    return part


def _swap(part: Partition, splits: list[Split]) -> NDArray[np.float64] | None:
    """Return centres with the cheapest pair merged and the best other cluster split, if that promises a gain."""
    k = len(part.counts)
    if k < 3:
        return None
    n = part.counts.astype(np.float64)
    square = ((part.centers[:, np.newaxis] - part.centers[np.newaxis]) ** 2).sum(axis=2)
    cost = n[:, np.newaxis] * n / np.maximum(n[:, np.newaxis] + n, 1.0) * square
    cost[np.diag_indices(k)] = np.inf
    best = int(np.argmax([s.gain for s in splits]))
    cost[best] = cost[:, best] = np.inf
    i, j = np.unravel_index(int(np.argmin(cost)), cost.shape)
    if not splits[best].gain > cost[i, j]:
        return None
    out = part.centers.copy()
    out[i] = (n[i] * out[i] + n[j] * out[j]) / max(n[i] + n[j], 1.0)
    out[best], out[j] = splits[best].pair
    return out
