"""Common parts of the clustering functions: checks of points, canonical order, numbering by position."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playNano.errors import ParameterError


@dataclass(frozen=True)
class Clusters:
    """Result of a clustering.

    Parameters
    ----------
    labels
        (N,) int64, the cluster number of each point, 0 to k - 1; -1 for noise.
        Clusters are numbered by position: by the first coordinate of the centre, then the second, and so on.
    centers
        (k, D) float64, the mean of each cluster's points, in the coordinates given.
    info
        Further results of the algorithm; each function lists its keys.
    """

    labels: NDArray[np.int64]
    centers: NDArray[np.float64]
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_clusters(self) -> int:
        """Number of clusters, noise not counted."""
        return int(self.centers.shape[0])

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of points of each cluster, (k,) int64."""
        counts = np.bincount(self.labels[self.labels >= 0], minlength=self.n_clusters)
        return counts.astype(np.int64)


def checked_points(points: ArrayLike, name: str = "points") -> NDArray[np.float64]:
    """Return points as a new contiguous (N, D) float64 array; raise ParameterError if they are invalid."""
    try:
        out = np.array(points, dtype=np.float64, order="C", copy=True)
    except (TypeError, ValueError) as err:
        raise ParameterError(f"{name} must be an (N, D) array of numbers: {err}") from err
    if out.size == 0:
        return np.empty((0, out.shape[1] if out.ndim == 2 else 0))
    if out.ndim != 2:
        raise ParameterError(f"{name} must have the shape (N, D), one row per point; got shape {out.shape}")
    bad = int(np.count_nonzero(~np.isfinite(out).all(axis=1)))
    if bad:
        raise ParameterError(
            f"{name}: {bad} of {len(out)} points have NaN or infinite coordinates; "
            "drop them first, for example points[np.isfinite(points).all(axis=1)]"
        )
    out += 0.0  # turns -0.0 into 0.0, so that equal points sort as equal
    return out


def checked_labels(labels: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return labels as (N,) int64; raise ParameterError if they are invalid."""
    lab = np.asarray(labels)
    if lab.size == 0 and n == 0:
        return np.empty(0, dtype=np.int64)
    if lab.shape != (n,) or lab.dtype.kind not in "iu":
        raise ParameterError(
            f"labels must be one integer per point, shape ({n},); got {lab.dtype} of shape {lab.shape}"
        )
    if lab.min() < -1:
        raise ParameterError(f"labels must be -1 or more; got {lab.min()}")
    lab = lab.astype(np.int64)
    empty = np.flatnonzero(np.bincount(lab + 1)[1:] == 0)
    if len(empty):
        raise ParameterError(f"labels must number the clusters 0 to k - 1; cluster {empty[0]} has no points")
    return lab


def checked_count(value: int, name: str, minimum: int = 1) -> int:
    """Return an integer parameter; raise ParameterError unless it is at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ParameterError(f"{name} must be an integer of at least {minimum}; got {value!r}")
    return int(value)


def check_distinct(distinct: int, n_points: int, k: int, name: str) -> None:
    """Raise ParameterError where there are fewer different points than clusters; `name` is the parameter of `k`."""
    if distinct < k:
        raise ParameterError(
            f"{name} = {k} clusters need at least {k} different points; there are {distinct} "
            f"(among {n_points} points). Set {name} to at most {distinct}"
        )


def position_order(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the order that sorts points by the first coordinate, then the second, and so on."""
    return np.lexsort(points.T[::-1]).astype(np.int64) if len(points) else np.empty(0, np.int64)


def members_of(order: NDArray[np.int64], lab: NDArray[np.int64], k: int) -> list[NDArray[np.int64]]:
    """Return the points of each cluster, in the order given."""
    by_cluster = order[np.argsort(lab[order], kind="stable")]
    bounds = np.searchsorted(lab[by_cluster], np.arange(k + 1))
    return [by_cluster[start:stop] for start, stop in itertools.pairwise(bounds)]


def count_distinct(points_sorted: NDArray[np.float64]) -> int:
    """Count the different points among points sorted by position."""
    if len(points_sorted) == 0:
        return 0
    return 1 + int(np.count_nonzero((points_sorted[1:] != points_sorted[:-1]).any(axis=1)))


def cluster_means(points: NDArray[np.float64], labels: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return the mean of each cluster, (k, D); summed in the order of the points."""
    member = labels >= 0
    size = np.bincount(labels[member], minlength=k)
    # Relative to an offset, to keep precision for clusters far from the origin.
    origin = points[0] if len(points) else np.zeros(points.shape[1])
    means = np.empty((k, points.shape[1]))
    for d in range(points.shape[1]):
        sums = np.bincount(labels[member], weights=points[member, d] - origin[d], minlength=k)
        means[:, d] = origin[d] + sums / np.maximum(size, 1)
    return means


def number_by_position(
    points_sorted: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Renumber clusters by the position of their centres.

    Returns
    -------
    labels
        (N,) int64, the new numbers, -1 unchanged.
    centers
        (k, D) float64, sorted.
    old
        (k,) int64, the number each cluster had before.
    """
    old, first = np.unique(labels, return_index=True)
    old, first = old[old >= 0], first[old >= 0]
    by_first = np.argsort(first, kind="stable")  # equal centres keep the order of their first points
    old = old[by_first]
    lookup = np.full(int(labels.max(initial=-1)) + 2, -1, dtype=np.int64)
    lookup[old] = np.arange(len(old))
    compact = lookup[labels]
    centers = cluster_means(points_sorted, compact, len(old))
    order = position_order(centers)
    rank = np.append(np.empty(len(old), dtype=np.int64), -1)
    rank[order] = np.arange(len(old))
    return rank[compact], centers[order], old[order]


def finished(
    points_sorted: NDArray[np.float64],
    labels_sorted: NDArray[np.int64],
    order: NDArray[np.int64],
    info: Mapping[str, Any],
) -> Clusters:
    """Number clusters by position and return the labels in the input order of the points."""
    numbered, centers, _ = number_by_position(points_sorted, labels_sorted)
    labels = np.empty(len(order), dtype=np.int64)
    labels[order] = numbered
    return Clusters(labels=labels, centers=centers, info=dict(info))


def no_clusters(points: NDArray[np.float64], info: Mapping[str, Any]) -> Clusters:
    """Return the result for an empty set of points."""
    return Clusters(np.empty(0, np.int64), np.empty((0, points.shape[1])), dict(info))
