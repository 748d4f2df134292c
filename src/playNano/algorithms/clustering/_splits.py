"""Ways to split a cluster in two: 2-means from several starting positions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MAX_ITERATIONS = 50


class Splits(NamedTuple):
    """Splits of one cluster, one for each of S starting positions.

    Parameters
    ----------
    gain
        (S,) decrease of the sum of squared distances.
    n_first
        (S,) number of points of the first half.
    pairs
        (S, 2, D) centres of both halves.
    """

    gain: Floats
    n_first: Floats
    pairs: Floats


def no_splits(n_starts: int, n_dims: int) -> Splits:
    """Return splits without gain."""
    return Splits(np.zeros(n_starts), np.zeros(n_starts), np.zeros((n_starts, 2, n_dims)))


def propose_splits(points: Floats, picks: Floats) -> Splits:
    """Split points in two by 2-means, once for each starting position.

    Parameters
    ----------
    points
        (N, D) points of a cluster, N at least 2.
    picks
        (S, 2) random numbers, 0 to below 1. The first start lies along the principal axis, the second on the mean
        and the point farthest from it, the others on two points given by `picks`.

    Returns
    -------
    Splits
        With a gain of 0 where all points went to one half.
    """
    origin = points[0]  # subtracted to keep precision for points far from the origin
    offsets = points - origin
    n = len(points)
    pairs = offsets[(picks * n).astype(np.int64)]
    for start, make in enumerate((_principal_pair, _farthest_pair)):
        if start < len(pairs):
            pairs[start] = make(offsets)
    total = offsets.sum(axis=0)
    second = np.zeros((0, 0), dtype=np.bool_)
    n_first = np.zeros(len(picks), dtype=np.int64)
    split = np.ones(len(picks), dtype=np.bool_)
    for _ in range(_MAX_ITERATIONS):
        before = second
        axis = pairs[:, 1] - pairs[:, 0]
        limit = 0.5 * (axis * (pairs[:, 0] + pairs[:, 1])).sum(axis=1)
        second = (offsets @ axis.T > limit).T
        if np.array_equal(second, before):
            break
        n_first = n - second.sum(axis=1)
        split &= (n_first > 0) & (n_first < n)
        sum_second = second.astype(np.float64) @ offsets
        for s in np.flatnonzero(split):
            pairs[s, 0] = (total - sum_second[s]) / n_first[s]
            pairs[s, 1] = sum_second[s] / (n - n_first[s])
    square = ((pairs[:, 1] - pairs[:, 0]) ** 2).sum(axis=1)
    gain = np.where(split, square * n_first * (n - n_first) / n, 0.0)
    return Splits(gain, n_first.astype(np.float64), pairs + origin)


def _principal_pair(points: Floats) -> Floats:
    """Return two centres on the principal axis, where the halves of a Gaussian have their means, (2, D)."""
    mean = points.mean(axis=0)
    covariance = np.cov(points, rowvar=False, bias=True).reshape(points.shape[1], -1)
    values, vectors = np.linalg.eigh(covariance)
    axis = vectors[:, -1]
    axis = axis * np.sign(axis[np.argmax(np.diag(covariance))] or 1.0)
    half = np.sqrt(2.0 * max(values[-1], 0.0) / np.pi) * axis
    return np.stack([mean - half, mean + half])


def _farthest_pair(points: Floats) -> Floats:
    """Return the mean of the points and the point farthest from it, (2, D)."""
    mean = points.mean(axis=0)
    return np.stack([mean, points[np.argmax(((points - mean) ** 2).sum(axis=1))]])
