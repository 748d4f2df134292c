"""One assignment step of k-means over a tree of the points: the filtering algorithm of Pelleg and Moore (1999).

Each node of the tree stores the number, mean, scatter and bounding box of its points. Where only one centre can be the
nearest for a whole box, the node is assigned as a whole, so that the cost of an iteration is dominated by the points
near the borders between clusters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Tree(NamedTuple):
    """A balanced binary tree of points; the children of node i are 2 i + 1 and 2 i + 2.

    Parameters
    ----------
    points
        (N, D) coordinates in the tree's order.
    begin, end
        (nodes,) the points of each node are ``points[begin:end]``.
    is_leaf
        (nodes,) 1 where a node has no children, else 0.
    low, high, box_center
        (nodes, D) bounding box of each node's points, and its centre.
    mean
        (nodes, D) mean of each node's points.
    scatter
        (nodes,) sum of squared distances of each node's points to their mean.
    """

    points: Floats
    begin: Ints
    end: Ints
    is_leaf: Ints
    low: Floats
    high: Floats
    box_center: Floats
    mean: Floats
    scatter: Floats


class Sums(NamedTuple):
    """Sums over the points of each of k clusters.

    Parameters
    ----------
    n_points
        (k,) number of points.
    offset
        (k, D) sum of the points' offsets from the cluster's centre.
    sse
        (k,) sum of their squared distances to it.
    """

    n_points: Ints
    offset: Floats
    sse: Floats


@jit
def squared_distance(a: Floats, i: int, b: Floats, j: int) -> float:
    """Return the squared distance between row i of a and row j of b; indices are faster than views of rows."""
    total = 0.0
    for d in range(a.shape[1]):
        step = a[i, d] - b[j, d]
        total += step * step
    return total


@jit
def nearest(points: Floats, i: int, centers: Floats, candidates: Ints, n_candidates: int) -> int:
    """Return the candidate centre nearest to point i; ties go to the first."""
    best = int(candidates[0])
    minimum = squared_distance(points, i, centers, best)
    for n in range(1, n_candidates):
        distance = squared_distance(points, i, centers, candidates[n])
        if distance < minimum:
            best, minimum = int(candidates[n]), distance
    return best


@jit
def filter_candidates(
    boxes: tuple[Floats, Floats, Floats],
    node: int,
    centers: Floats,
    candidates: Ints,
    n_candidates: int,
    kept: Ints,
) -> int:
    """Keep the candidates that may be the nearest centre somewhere in a node's box; return their number.

    `boxes` are the lower and upper limits and the centres of the boxes of all nodes.
    """
    low, high, box_center = boxes
    best = nearest(box_center, node, centers, candidates, n_candidates)
    n_kept = 0
    for n in range(n_candidates):
        c = candidates[n]
        advantage = 0.0
        if c != best:
            # Compared at the corner of the box that lies farthest in the direction of c.
            for d in range(centers.shape[1]):
                corner = high[node, d] if centers[c, d] > centers[best, d] else low[node, d]
                advantage += (corner - centers[best, d]) ** 2 - (corner - centers[c, d]) ** 2
        if c == best or advantage > 0.0:
            kept[n_kept] = c
            n_kept += 1
    return n_kept


@jit
def add_node(sums: Sums, centers: Floats, c: int, mean: Floats, node: int, n: int, scatter: float) -> None:
    """Add the n points of a node to cluster c."""
    sums.n_points[c] += n
    sums.sse[c] += scatter + n * squared_distance(mean, node, centers, c)
    for d in range(mean.shape[1]):
        sums.offset[c, d] += n * (mean[node, d] - centers[c, d])


@jit
def add_points(
    sums: Sums,
    centers: Floats,
    points: Floats,
    begin: int,
    end: int,
    candidates: Ints,
    n_candidates: int,
    labels: Ints,
) -> None:
    """Add each of the points [begin, end) to the cluster of its nearest candidate."""
    n_points, offset, sse = sums
    for i in range(begin, end):
        c = nearest(points, i, centers, candidates, n_candidates)
        n_points[c] += 1
        sse[c] += squared_distance(points, i, centers, c)
        for d in range(points.shape[1]):
            offset[c, d] += points[i, d] - centers[c, d]
        if labels.shape[0] > 0:
            labels[i] = c


@jit
def assign(tree: Tree, centers: Floats, max_variance: float, labels: Ints) -> Sums:
    """Assign every point to its nearest centre.

    Parameters
    ----------
    tree
        The points.
    centers
        (k, D) centres.
    max_variance
        Nodes whose variance is not above this are assigned as a whole to the centre nearest to their mean; 0 is
        exact.
    labels
        (N,), filled with the number of each point's centre, in the tree's order; or of length 0.

    Returns
    -------
    Sums
        Counts, offsets and squared distances of each cluster.
    """
    k, n_dims = centers.shape
    sums = Sums(np.zeros(k, dtype=np.int64), np.zeros((k, n_dims)), np.zeros(k))
    boxes = (tree.low, tree.high, tree.box_center)
    # Candidates of the nodes between the root and the current one, a row for each level.
    candidates = np.empty((66, k), dtype=np.int64)
    n_candidates = np.empty(66, dtype=np.int64)
    for c in range(k):
        candidates[0, c] = c
    n_candidates[0] = k
    stack = np.empty((66, 2), dtype=np.int64)  # nodes to visit, and their levels
    stack[0, 0], stack[0, 1] = 0, 1
    n_stack = 1
    while n_stack > 0:
        n_stack -= 1
        node, level = stack[n_stack, 0], stack[n_stack, 1]
        kept = candidates[level]
        n_kept = filter_candidates(boxes, node, centers, candidates[level - 1], n_candidates[level - 1], kept)
        n_candidates[level] = n_kept
        begin, end = tree.begin[node], tree.end[node]
        n = end - begin
        if n_kept == 1 or tree.scatter[node] <= max_variance * n:
            c = nearest(tree.mean, node, centers, kept, n_kept)
            add_node(sums, centers, c, tree.mean, node, n, tree.scatter[node])
            if labels.shape[0] > 0:
                labels[begin:end] = c
        elif tree.is_leaf[node] == 1:
            add_points(sums, centers, tree.points, begin, end, kept, n_kept, labels)
        else:
            for child in range(2 * node + 2, 2 * node, -1):
                stack[n_stack, 0], stack[n_stack, 1] = child, level + 1
                n_stack += 1
    return sums
