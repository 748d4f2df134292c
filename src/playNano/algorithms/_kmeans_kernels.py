"""Compiled parts of k-means on a tree of the points, and of splitting clusters in two.

A node of the tree knows its points' number, mean, scatter (sum of squared distances to their mean) and bounding box.
Where only one centre can be the nearest for a whole box, the node is counted at once: an iteration over a million
points then costs little more than the points near the borders between clusters.
Nodes are stored in preorder: the left child follows its parent, `right` holds the other one (-1 in a leaf).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _swap(points, index, i, j):
    """Exchange two points."""
    index[i], index[j] = index[j], index[i]
    for d in range(points.shape[1]):
        points[i, d], points[j, d] = points[j, d], points[i, d]


@njit(cache=True, nogil=True)
def _select(points, index, begin, end, middle, axis):
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


@njit(cache=True, nogil=True)
def build_tree(points, leaf_size):
    """Sort `points` into a tree, in place; returns the tree's arrays and the points' former places."""
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
    mean, scatter = _moments(points, span[:n_nodes], right[:n_nodes])
    return index, span[:n_nodes], right[:n_nodes], low[:n_nodes], high[:n_nodes], mean, scatter


@njit(cache=True, nogil=True)
def _bound(points, begin, end, low, high):
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


@njit(cache=True, nogil=True)
def _moments(points, span, right):
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


@njit(cache=True, nogil=True)
def _squared(a, i, b, j):
    """Return the squared distance between two rows."""
    total = 0.0
    for d in range(a.shape[1]):
        step = a[i, d] - b[j, d]
        total += step * step
    return total


@njit(cache=True, nogil=True)
def _nearest(points, i, centers, candidates, n_candidates):
    """Return the candidate nearest to a point, the first of equals."""
    best = candidates[0]
    least = _squared(points, i, centers, best)
    for n in range(1, n_candidates):
        distance = _squared(points, i, centers, candidates[n])
        if distance < least:
            best, least = candidates[n], distance
    return best


@njit(cache=True, nogil=True)
def _filter(centers, low, high, node, candidates, n_candidates, kept):
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


@njit(cache=True, nogil=True)
def _add(values, i, n, scatter, centers, c, counts, sums, sse):
    """Add n points of a given mean and scatter to cluster c."""
    counts[c] += n
    distance = 0.0
    for d in range(values.shape[1]):
        step = values[i, d] - centers[c, d]
        sums[c, d] += n * step
        distance += step * step
    sse[c] += scatter + n * distance


@njit(cache=True, nogil=True)
def assign(points, span, right, low, high, mean, scatter, centers, atom, labels):
    """Give every point to its nearest centre.

    Returns counts, sums (of points minus centre) and the sum of squared distances for each centre.
    Nodes of up to `atom` points go as a whole to the centre nearest to their mean.
    Labels are written, in the tree's order of points, if `labels` has room for them.
    """
    k, n_dims = centers.shape
    counts = np.zeros(k, dtype=np.int64)
    sums = np.zeros((k, n_dims))
    sse = np.zeros(k)
    write = labels.shape[0] > 0
    candidates = np.empty((128, k), dtype=np.int64)
    n_candidates = np.empty(128, dtype=np.int64)
    candidates[0] = np.arange(k)
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
        if n_kept == 1:
            _add(mean, node, end - begin, scatter[node], centers, kept[0], counts, sums, sse)
            if write:
                labels[begin:end] = kept[0]
        elif end - begin <= atom:
            c = _nearest(mean, node, centers, kept, n_kept)
            _add(mean, node, end - begin, scatter[node], centers, c, counts, sums, sse)
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


@njit(cache=True, nogil=True)
def lloyd(points, span, right, low, high, mean, scatter, centers, atom, max_iter, tolerance):
    """Move centres to the means of their points until the sum of squares no longer falls.

    Stops when an iteration lowers the sum of squared distances by no more than `tolerance` times itself.
    Returns centres (an empty cluster's stays), counts and sums of squares about the centres.
    """
    centers = centers.copy()
    nothing = np.empty(0, dtype=np.int64)
    counts, sums, sse = assign(points, span, right, low, high, mean, scatter, centers, atom, nothing)
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
        counts, sums, sse = assign(points, span, right, low, high, mean, scatter, centers, atom, nothing)
    return centers, counts, sse


@njit(cache=True, nogil=True)
def group(labels, k):
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


@njit(cache=True, nogil=True)
def _next_random(state):
    """Return the next state and a random number of the splitmix64 generator."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _principal_pair(sample, pair):
    """Place two centres on the longest axis of the sample, where the halves of a Gaussian have their means."""
    n, n_dims = sample.shape
    middle = np.zeros(n_dims)
    for d in range(n_dims):
        middle[d] = sample[:, d].mean()
    spread = np.zeros((n_dims, n_dims))
    for i in range(n):
        for a in range(n_dims):
            for b in range(n_dims):
                spread[a, b] += (sample[i, a] - middle[a]) * (sample[i, b] - middle[b]) / n
    longest = 0
    for d in range(1, n_dims):
        if spread[d, d] > spread[longest, longest]:
            longest = d
    direction = np.zeros(n_dims)
    direction[longest] = 1.0
    length = 0.0
    for _ in range(30):
        turned = np.zeros(n_dims)
        for a in range(n_dims):
            for b in range(n_dims):
                turned[a] += spread[a, b] * direction[b]
        length = np.sqrt((turned**2).sum())
        if not length > 0.0:
            break
        direction = turned / length
    half = np.sqrt(2.0 * length / np.pi)
    for d in range(n_dims):
        pair[0, d] = middle[d] - half * direction[d]
        pair[1, d] = middle[d] + half * direction[d]


@njit(cache=True, nogil=True)
def _halve(sample, pair, max_iter):
    """Move two centres to the means of their points; returns the fall of the sum of squares and a count."""
    n, n_dims = sample.shape
    sums = np.zeros((2, n_dims))
    n_first = -1
    for _ in range(max_iter):
        before, n_first = n_first, 0
        sums[:] = 0.0
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
    gain = _squared(pair, 0, pair, 1) * n_first * (n - n_first) / n
    return gain, n_first


@njit(cache=True, nogil=True)
def _farthest_pair(sample, pair):
    """Place one centre on the mean of the sample and the other on the point farthest from it."""
    n, n_dims = sample.shape
    for d in range(n_dims):
        pair[0, d] = sample[:, d].mean()
    farthest, most = 0, -1.0
    for i in range(n):
        distance = _squared(sample, i, pair, 0)
        if distance > most:
            farthest, most = i, distance
    pair[1] = sample[farthest]


@njit(cache=True, nogil=True)
def propose_splits(points, members, begin, end, most, max_iter, seed, gains, firsts, pairs):
    """Split the points members[begin:end] in two, once for each entry of `gains`.

    At most `most` points, evenly spaced in the tree's order, are looked at. The first start lies along the longest
    axis, the second on the mean and the farthest point, the others on two random points. Writes the fall of the
    sum of squares and the number of points of the first half, both scaled to all points, and the centres.
    """
    size = end - begin
    step = (size + most - 1) // most
    n = (size + step - 1) // step
    sample = np.empty((n, points.shape[1]))
    for i in range(n):
        sample[i] = points[members[begin + i * step]]
    state = np.uint64(seed)
    for start in range(gains.shape[0]):
        if start == 0:
            _principal_pair(sample, pairs[start])
        elif start == 1:
            _farthest_pair(sample, pairs[start])
        else:
            state, one = _next_random(state)
            state, two = _next_random(state)
            pairs[start, 0] = sample[np.int64(one % np.uint64(n))]
            pairs[start, 1] = sample[np.int64(two % np.uint64(n))]
        gain, n_first = _halve(sample, pairs[start], max_iter)
        gains[start] = gain * size / n
        firsts[start] = n_first * (size / n)
