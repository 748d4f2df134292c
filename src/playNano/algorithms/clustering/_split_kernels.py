"""Compiled parts of splitting clusters in two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit
from playNano.algorithms.clustering._kmeans_kernels import squared

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@jit
def _copy(source: Floats, i: int, target: Floats, j: int) -> None:
    """Copy a row."""
    for d in range(source.shape[1]):
        target[j, d] = source[i, d]


@jit
def _middle(sample: Floats, pair: Floats) -> None:
    """Place the first centre on the mean of the sample."""
    for d in range(sample.shape[1]):
        total = 0.0
        for i in range(sample.shape[0]):
            total += sample[i, d] - sample[0, d]
        pair[0, d] = sample[0, d] + total / sample.shape[0]


@jit
def _principal_pair(sample: Floats, pair: Floats) -> None:
    """Place two centres on the longest axis of the sample, where the halves of a Gaussian have their means."""
    n, n_dims = sample.shape
    _middle(sample, pair)
    spread = np.zeros((n_dims, n_dims))
    longest = 0
    for a in range(n_dims):
        for b in range(n_dims):
            for i in range(n):
                spread[a, b] += (sample[i, a] - pair[0, a]) * (sample[i, b] - pair[0, b]) / n
        if spread[a, a] > spread[longest, longest]:
            longest = a
    direction = np.zeros((2, n_dims))
    direction[0, longest] = 1.0
    length = 0.0
    for _ in range(30):
        square = 0.0
        for a in range(n_dims):
            direction[1, a] = 0.0
            for b in range(n_dims):
                direction[1, a] += spread[a, b] * direction[0, b]
            square += direction[1, a] ** 2
        length = np.sqrt(square)
        if not length > 0.0:
            break
        for a in range(n_dims):
            direction[0, a] = direction[1, a] / length
    half = np.sqrt(2.0 * length / np.pi)
    for d in range(n_dims):
        pair[1, d] = pair[0, d] + half * direction[0, d]
        pair[0, d] -= half * direction[0, d]


@jit
def _halve(sample: Floats, pair: Floats, max_iter: int) -> tuple[float, int]:
    """Move two centres to the means of their points; returns the fall of the sum of squares and a count."""
    n, n_dims = sample.shape
    sums = np.zeros((2, n_dims))
    n_first = -1
    for _ in range(max_iter):
        before, n_first = n_first, 0
        for d in range(n_dims):
            sums[0, d] = sums[1, d] = 0.0
        for i in range(n):
            ahead = 0.0
            for d in range(n_dims):
                ahead += (sample[i, d] - 0.5 * (pair[0, d] + pair[1, d])) * (pair[1, d] - pair[0, d])
            side = 1 if ahead > 0.0 else 0
            n_first += 1 - side
            for d in range(n_dims):
                sums[side, d] += sample[i, d] - sample[0, d]
        if n_first == 0 or n_first == n:
            return 0.0, n_first
        moved = False
        for d in range(n_dims):
            a = sample[0, d] + sums[0, d] / n_first
            b = sample[0, d] + sums[1, d] / (n - n_first)
            moved = moved or a != pair[0, d] or b != pair[1, d]
            pair[0, d], pair[1, d] = a, b
        if n_first == before and not moved:
            break
    gain = squared(pair, 0, pair, 1) * n_first * (n - n_first) / n
    return gain, n_first


@jit
def _farthest_pair(sample: Floats, pair: Floats) -> None:
    """Place one centre on the mean of the sample and the other on the point farthest from it."""
    _middle(sample, pair)
    farthest, most = 0, -1.0
    for i in range(sample.shape[0]):
        distance = squared(sample, i, pair, 0)
        if distance > most:
            farthest, most = i, distance
    _copy(sample, farthest, pair, 1)


@jit
def propose_splits(
    points: Floats,
    members: Ints,
    begin: int,
    end: int,
    most: int,
    few: int,
    max_iter: int,
    picks: Floats,
    gains: Floats,
    firsts: Floats,
    pairs: Floats,
) -> None:
    """Split the points members[begin:end] in two, once for each entry of `gains`.

    At most `most` points, evenly spaced in the tree's order, are looked at; where that leaves points out,
    halves of fewer than `few` points are not trusted. The first start lies along the longest axis, the
    second on the mean and the farthest point, the others at two places of the sample given by `picks` ((S,
    2), 0 to below 1). Writes the fall of the sum of squares and the number of points of the first half, both
    scaled to all points, and the centres.
    """
    size = end - begin
    step = (size + most - 1) // most
    n = (size + step - 1) // step
    sample = np.empty((n, points.shape[1]))
    for i in range(n):
        _copy(points, members[begin + i * step], sample, i)
    for start in range(gains.shape[0]):
        pair = pairs[start]
        if start == 0:
            _principal_pair(sample, pair)
        elif start == 1:
            _farthest_pair(sample, pair)
        else:
            for c in range(2):
                _copy(sample, int(picks[start, c] * n), pair, c)
        gain, n_first = _halve(sample, pair, max_iter)
        if step > 1 and min(n_first, n - n_first) < few:
            gain = 0.0
        gains[start] = gain * size / n
        firsts[start] = n_first * (size / n)
