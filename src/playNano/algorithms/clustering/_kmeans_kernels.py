"""Compiled parts of k-means on a tree of the points.

A node of the tree knows its points' number, mean, scatter (sum of squared distances to their mean) and
bounding box. Where only one centre can be the nearest for a whole box, the node is counted at once: an
iteration over a million points then costs little more than the points near the borders between clusters.
Nodes are stored in preorder: the left child follows its parent, `right` holds the other one (-1 in a leaf).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@jit
def _swap(points: Floats, index: Ints, i: int, j: int) -> None:
    """Exchange two points."""
    index[i], index[j] = index[j], index[i]
    for d in range(points.shape[1]):
        points[i, d], points[j, d] = points[j, d], points[i, d]


@jit
def _select(points: Floats, index: Ints, begin: int, end: int, middle: int, axis: int) -> None:
    """Move points of [begin, end) so that those before `middle` are not beyond those after it (quickselect)."""
    low, high = begin, end - 1
    while low < high:
        a, b, c = points[low, axis], points[(low + high) // 2, axis], points[high, axis]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while points[i, axis] < pivot:
                i += 1
            while points[j, axis] > pivot:
                j -= 1
            if i <= j:
                _swap(points, index, i, j)
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@jit
def build_tree(points: Floats, leaf_size: int) -> tuple[int, Ints, Ints, Ints, Floats, Floats]:
    """Sort `points` into a tree, in place.

    Returns the number of nodes, the points' former places, and arrays with a row for each node and spare
    rows.
    """
    n_points, n_dims = points.shape
    n_leaves = 1
    while n_leaves * leaf_size < n_points:
        n_leaves *= 2
    room = 2 * n_leaves
    span = np.zeros((room, 2), dtype=np.int64)
    right = np.full(room, -1, dtype=np.int64)
    low = np.empty((room, n_dims))
    high = np.empty((room, n_dims))
    index = np.arange(n_points)
    stack = np.empty((128, 3), dtype=np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, n_points, -1
    waiting, n_nodes = 1, 0
    while waiting > 0:
        waiting -= 1
        begin, end, parent = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
        node = n_nodes
        n_nodes += 1
        if parent >= 0:
            right[parent] = node
        span[node, 0], span[node, 1] = begin, end
        axis = _bound(points, begin, end, low[node], high[node])
        if end - begin <= leaf_size or not high[node, axis] > low[node, axis]:
            continue
        middle = (begin + end) // 2
        _select(points, index, begin, end, middle, axis)
        stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = middle, end, node
        stack[waiting + 1, 0], stack[waiting + 1, 1], stack[waiting + 1, 2] = begin, middle, -1
        waiting += 2
    return n_nodes, index, span, right, low, high


@jit
def _bound(points: Floats, begin: int, end: int, low: Floats, high: Floats) -> int:
    """Fill in the bounding box of some points and return its longest axis."""
    axis = 0
    for d in range(points.shape[1]):
        low[d] = high[d] = points[begin, d]
    for i in range(begin + 1, end):
        for d in range(points.shape[1]):
            low[d] = min(low[d], points[i, d])
            high[d] = max(high[d], points[i, d])
    for d in range(1, points.shape[1]):
        if high[d] - low[d] > high[axis] - low[axis]:
            axis = d
    return axis


@jit
def node_moments(points: Floats, span: Ints, right: Ints) -> tuple[Floats, Floats]:
    """Return the mean and the scatter of every node, children before parents."""
    n_nodes, n_dims = span.shape[0], points.shape[1]
    mean = np.zeros((n_nodes, n_dims))
    scatter = np.zeros(n_nodes)
    for node in range(n_nodes - 1, -1, -1):
        begin, end = span[node, 0], span[node, 1]
        n = end - begin
        if right[node] >= 0:
            a, b = node + 1, right[node]
            na, nb = span[a, 1] - span[a, 0], span[b, 1] - span[b, 0]
            scatter[node] = scatter[a] + scatter[b]
            for d in range(n_dims):
                step = mean[b, d] - mean[a, d]
                mean[node, d] = mean[a, d] + step * nb / n
                scatter[node] += step * step * na * nb / n
            continue
        for d in range(n_dims):
            total = 0.0
            for i in range(begin, end):
                total += points[i, d] - points[begin, d]
            mean[node, d] = points[begin, d] + total / n
            for i in range(begin, end):
                scatter[node] += (points[i, d] - mean[node, d]) ** 2
    return mean, scatter


@jit
def squared(a: Floats, i: int, b: Floats, j: int) -> float:
    """Return the squared distance between two rows."""
    total = 0.0
    for d in range(a.shape[1]):
        step = a[i, d] - b[j, d]
        total += step * step
    return total


@jit
def _nearest(points: Floats, i: int, centers: Floats, candidates: Ints, n_candidates: int) -> int:
    """Return the candidate nearest to a point, the first of equals."""
    best = int(candidates[0])
    least = squared(points, i, centers, best)
    for n in range(1, n_candidates):
        distance = squared(points, i, centers, candidates[n])
        if distance < least:
            best, least = int(candidates[n]), distance
    return best


@jit
def _filter(
    centers: Floats, low: Floats, high: Floats, node: int, candidates: Ints, n_candidates: int, kept: Ints
) -> int:
    """Keep the candidates that may be the nearest centre for some place of a node's box."""
    n_dims = centers.shape[1]
    best = candidates[0]
    least = np.inf
    for n in range(n_candidates):
        total = 0.0
        for d in range(n_dims):
            step = 0.5 * (low[node, d] + high[node, d]) - centers[candidates[n], d]
            total += step * step
        if total < least:
            best, least = candidates[n], total
    n_kept = 0
    for n in range(n_candidates):
        c = candidates[n]
        ahead = 0.0
        if c != best:
            # Distances compared at the corner that favours c most.
            for d in range(n_dims):
                corner = high[node, d] if centers[c, d] > centers[best, d] else low[node, d]
                ahead += (corner - centers[best, d]) ** 2 - (corner - centers[c, d]) ** 2
        if c == best or ahead > 0.0:
            kept[n_kept] = c
            n_kept += 1
    return n_kept


@jit
def _add(
    values: Floats,
    i: int,
    n: int,
    scatter: float,
    centers: Floats,
    c: int,
    counts: Ints,
    sums: Floats,
    sse: Floats,
) -> None:
    """Add n points of a given mean and scatter to cluster c."""
    counts[c] += n
    distance = 0.0
    for d in range(values.shape[1]):
        step = values[i, d] - centers[c, d]
        sums[c, d] += n * step
        distance += step * step
    sse[c] += scatter + n * distance


@jit
def assign(
    points: Floats,
    span: Ints,
    right: Ints,
    low: Floats,
    high: Floats,
    mean: Floats,
    scatter: Floats,
    centers: Floats,
    grain: float,
    labels: Ints,
) -> tuple[Ints, Floats, Floats]:
    """Give every point to its nearest centre.

    Returns counts, sums (of points minus centre) and the sum of squared distances for each centre.
    Nodes whose points scatter by no more than `grain` each go as a whole to the centre nearest to their mean.
    Labels are written, in the tree's order of points, if `labels` has room for them.
    """
    k, n_dims = centers.shape
    counts = np.zeros(k, dtype=np.int64)
    sums = np.zeros((k, n_dims))
    sse = np.zeros(k)
    write = labels.shape[0] > 0
    candidates = np.empty((128, k), dtype=np.int64)
    n_candidates = np.empty(128, dtype=np.int64)
    for c in range(k):
        candidates[0, c] = c
    n_candidates[0] = k
    stack = np.empty((128, 2), dtype=np.int64)
    stack[0, 0], stack[0, 1] = 0, 1
    waiting = 1
    while waiting > 0:
        waiting -= 1
        node, level = stack[waiting, 0], stack[waiting, 1]
        kept = candidates[level]
        n_kept = _filter(centers, low, high, node, candidates[level - 1], n_candidates[level - 1], kept)
        n_candidates[level] = n_kept
        begin, end = span[node, 0], span[node, 1]
        if n_kept == 1 or scatter[node] <= grain * (end - begin):
            c = _nearest(mean, node, centers, kept, n_kept)
            _add(mean, node, end - begin, scatter[node], centers, c, counts, sums, sse)
            if write:
                for i in range(begin, end):
                    labels[i] = c
        elif right[node] < 0:
            for i in range(begin, end):
                c = _nearest(points, i, centers, kept, n_kept)
                _add(points, i, 1, 0.0, centers, c, counts, sums, sse)
                if write:
                    labels[i] = c
        else:
            stack[waiting, 0], stack[waiting, 1] = right[node], level + 1
            stack[waiting + 1, 0], stack[waiting + 1, 1] = node + 1, level + 1
            waiting += 2
    return counts, sums, sse


@jit
def lloyd(
    points: Floats,
    span: Ints,
    right: Ints,
    low: Floats,
    high: Floats,
    mean: Floats,
    scatter: Floats,
    centers: Floats,
    coarseness: float,
    max_iter: int,
    tolerance: float,
) -> tuple[Floats, Ints, Floats]:
    """Move centres to the means of their points until the sum of squares no longer falls.

    Stops when an iteration lowers the sum of squared distances by no more than `tolerance` times itself.
    After the first iteration, nodes whose points scatter by no more than `coarseness` times what the points
    of all clusters do are moved as a whole. Returns centres (an empty cluster's stays), counts and sums of
    squares about the centres.
    """
    centers = centers.copy()
    nothing = np.empty(0, dtype=np.int64)
    counts, sums, sse = assign(points, span, right, low, high, mean, scatter, centers, 0.0, nothing)
    for iteration in range(max_iter):
        before = sse.sum()
        gained = 0.0
        for c in range(centers.shape[0]):
            if counts[c] > 0:
                moved = 0.0
                for d in range(centers.shape[1]):
                    step = sums[c, d] / counts[c]
                    centers[c, d] += step
                    moved += step * step
                gained += counts[c] * moved
                sse[c] = max(sse[c] - counts[c] * moved, 0.0)
        if gained <= tolerance * before or iteration == max_iter - 1:
            break
        grain = coarseness * before / points.shape[0]
        counts, sums, sse = assign(points, span, right, low, high, mean, scatter, centers, grain, nothing)
    return centers, counts, sse


@jit
def group(labels: Ints, k: int) -> tuple[Ints, Ints]:
    """Sort the places of points by label; returns the places and where each label begins."""
    start = np.zeros(k + 1, dtype=np.int64)
    for i in range(labels.shape[0]):
        start[labels[i] + 1] += 1
    for c in range(k):
        start[c + 1] += start[c]
    free = start[:k].copy()
    members = np.empty(labels.shape[0], dtype=np.int64)
    for i in range(labels.shape[0]):
        members[free[labels[i]]] = i
        free[labels[i]] += 1
    return members, start
