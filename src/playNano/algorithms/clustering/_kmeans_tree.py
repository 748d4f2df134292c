"""Exact k-means on a tree of the points, and the ways in which its clusters split in two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LEAF_SIZE = 16
_SAMPLE = 4096  # points of a cluster looked at when it is split
_FEW = 5  # points in such a sample that do not speak for the ones left out
_SPLIT_ITERATIONS = 50
_MANY = 20_000  # beyond, tight groups of points are moved as a whole until the partition is refined
_COARSENESS = 0.01  # their variance by that of the clusters
_TOLERANCE = 1e-5  # the fall of the sum of squares, relative, at which an iteration is the last
_FINE_TOLERANCE = 1e-6
_LEAST_TOLERANCE = 1e-12  # less is rounding


@dataclass(frozen=True)
class Partition:
    """Hold k clusters: centres (k, D), counts (k,) and sums of squared distances to the centres (k,)."""

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


class Splits(NamedTuple):
    """Hold the splits of one cluster, one a start.

    gain (S,): fall of the sum of squares; n_first (S,): points of the first half; pairs (S, 2, D): centres.
    """

    gain: NDArray[np.float64]
    n_first: NDArray[np.float64]
    pairs: NDArray[np.float64]


class PointTree:
    """Run k-means over all points and propose splits of its clusters.

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
        from playNano.algorithms.clustering import _kmeans_kernels, _split_kernels

        self._kernels = _kmeans_kernels
        self._propose_splits = _split_kernels.propose_splits
        self._points = points.copy()
        n_nodes, self._place, *spare = _kmeans_kernels.build_tree(self._points, _LEAF_SIZE)
        span, right, low, high = (array[:n_nodes] for array in spare)
        mean, scatter = _kmeans_kernels.node_moments(self._points, span, right)
        self._arrays = (span, right, low, high, mean, scatter)
        self._replicates = replicates
        self._max_iter = max_iter
        self._picks = np.random.default_rng(seed).random((replicates, 2))
        self._known: dict[tuple[bytes, float], Splits] = {}
        self._groups: tuple[bytes, NDArray[np.int64], NDArray[np.int64]] | None = None
        self._rough = len(points) > _MANY

    def run(self, centers: NDArray[np.float64]) -> Partition:
        """Run k-means from the given centres.

        Among many points, groups much tighter than the clusters are moved as a whole (see `refine`); counts
        and sums of squares are those of the partition found in any case. A cluster left without points disappears.
        """
        return self._lloyd(centers, _COARSENESS if self._rough else 0.0, _TOLERANCE)

    @property
    def center(self) -> NDArray[np.float64]:
        """Mean of all points, (D,)."""
        mean: NDArray[np.float64] = self._arrays[4][0]
        return mean

    def refine(self, part: Partition) -> Partition:
        """Go on with a partition found by `run`, every point by itself."""
        return self._lloyd(part.centers, 0.0, _TOLERANCE if self._rough else _FINE_TOLERANCE)

    def finish(self, part: Partition) -> Partition:
        """Go on with a partition until nothing moves."""
        return self._lloyd(part.centers, 0.0, _LEAST_TOLERANCE)

    def labels(self, centers: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the nearest centre of every point, in the order in which the points were given."""
        out = np.empty(len(self._points), dtype=np.int64)
        out[self._place] = self._tree_labels(centers)
        return out

    def members(self, part: Partition, c: int) -> NDArray[np.float64]:
        """Return the points of a cluster; of many about 4096, evenly spaced in the tree."""
        places, start = self._grouped(part)
        own = places[start[c] : start[c + 1]]
        return self._points[own[:: max(-(-len(own) // _SAMPLE), 1)]]

    def splits(self, part: Partition) -> list[Splits]:
        """Return the splits of every cluster; a cluster that has not changed since the last call keeps its own."""
        found: dict[tuple[bytes, float], Splits] = {}
        out = []
        for c in range(part.k):
            key = (part.centers[c].tobytes(), float(part.counts[c]))
            known = self._known.get(key)
            found[key] = self._propose(part, c) if known is None else known
            out.append(found[key])
        self._known = found
        return out

    def _lloyd(self, centers: NDArray[np.float64], coarseness: float, tolerance: float) -> Partition:
        start = np.ascontiguousarray(centers, dtype=np.float64)
        moved, counts, sse = self._kernels.lloyd(
            self._points, *self._arrays, start, coarseness, self._max_iter, tolerance
        )
        filled = counts > 0
        return Partition(moved[filled], counts[filled].astype(np.float64), sse[filled])

    def _tree_labels(self, centers: NDArray[np.float64]) -> NDArray[np.int64]:
        labels = np.empty(len(self._points), dtype=np.int64)
        self._kernels.assign(self._points, *self._arrays, np.ascontiguousarray(centers), 0.0, labels)
        return labels

    def _grouped(self, part: Partition) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        key = part.centers.tobytes()
        if self._groups is None or self._groups[0] != key:
            places, start = self._kernels.group(self._tree_labels(part.centers), part.k)
            self._groups = (key, places, start)
        return self._groups[1], self._groups[2]

    def _propose(self, part: Partition, c: int) -> Splits:
        starts = self._replicates
        out = Splits(np.zeros(starts), np.zeros(starts), np.zeros((starts, 2, part.centers.shape[1])))
        if part.counts[c] < 2 or part.sse[c] <= 0.0:
            return out
        places, start = self._grouped(part)
        if start[c + 1] - start[c] >= 2:
            self._propose_splits(
                self._points,
                places,
                start[c],
                start[c + 1],
                _SAMPLE,
                _FEW,
                _SPLIT_ITERATIONS,
                self._picks,
                *out,
            )
        return out
