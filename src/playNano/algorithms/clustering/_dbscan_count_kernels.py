"""Compiled parts of the grid DBSCAN for a large `min_samples`: neighbours counted in a tree of the points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit
from playNano.algorithms.clustering._dbscan_kernels import boxes_touch, boxes_within, near

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@jit
def _count_around_leaf(
    leaf: int,
    span: Ints,
    right: Ints,
    low: Floats,
    high: Floats,
    n_ball: int,
    eps2: float,
    eps_time: float,
    wanted: int,
    undecided: Ints,
) -> tuple[int, int, int]:
    """Count the points that are neighbours of all points of a leaf, until there are as many as wanted.

    Returns their number, the number of leaves that hold neighbours of some, which are written to `undecided`, and the
    number of points in these.
    """
    stack = np.zeros(128, dtype=np.int64)
    waiting, surely, perhaps, found = 1, 0, 0, 0
    while waiting > 0 and surely < wanted:
        waiting -= 1
        node = stack[waiting]
        if not boxes_touch(low, high, leaf, low, high, node, n_ball, eps2, eps_time):
            continue
        if boxes_within(low, high, leaf, low, high, node, n_ball, eps2, eps_time):
            surely += span[node, 1] - span[node, 0]
        elif right[node] < 0:
            undecided[found] = node
            found += 1
            perhaps += span[node, 1] - span[node, 0]
        else:
            stack[waiting], stack[waiting + 1] = right[node], node + 1
            waiting += 2
    return surely, found, perhaps


@jit
def count_core(
    points: Floats,
    span: Ints,
    right: Ints,
    low: Floats,
    high: Floats,
    begin: int,
    end: int,
    n_ball: int,
    eps2: float,
    eps_time: float,
    min_samples: int,
    core: Flags,
) -> None:
    """Mark the points that have at least `min_samples` neighbours, by a tree of the points.

    Only leaves among the nodes from `begin` to before `end` are looked at: each leaf's points are marked by themselves.
    Boxes wholly within reach are counted at once, for all points of a leaf, and a point is done as soon as those
    left cannot change the answer: for a large `min_samples` that is faster than point by point. Points that are
    marked already are left out.
    """
    undecided = np.empty(span.shape[0], dtype=np.int64)
    for leaf in range(begin, end):
        if right[leaf] >= 0 or core[span[leaf, 0] : span[leaf, 1]].all():
            continue
        surely, n_undecided, perhaps = _count_around_leaf(
            leaf, span, right, low, high, n_ball, eps2, eps_time, min_samples, undecided
        )
        for i in range(span[leaf, 0], span[leaf, 1]):
            found = min_samples if core[i] else surely
            left = perhaps
            for n in range(n_undecided):
                if found >= min_samples or found + left < min_samples:
                    break
                node = undecided[n]
                size = span[node, 1] - span[node, 0]
                left -= size
                if not boxes_touch(points, points, i, low, high, node, n_ball, eps2, eps_time):
                    continue
                if boxes_within(points, points, i, low, high, node, n_ball, eps2, eps_time):
                    found += size
                    continue
                for j in range(span[node, 0], span[node, 1]):
                    if near(points, i, points, j, n_ball, eps2, eps_time):
                        found += 1
            core[i] = found >= min_samples
