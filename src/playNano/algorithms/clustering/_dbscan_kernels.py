"""Compiled parts of the grid DBSCAN.

Points come sorted by cell; a cell is so small that all its points are neighbours of one another.
Cells are sorted too, so that the cells around one of them lie in a few runs, whose beginnings only ever move
forward while the cells are walked in order: no table of neighbours is stored and memory stays linear.
The last dimension may be a time: with `n_ball` dimensions in the ball, any further one has its own limit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@jit
def near(a: Floats, i: int, b: Floats, j: int, n_ball: int, eps2: float, eps_time: float) -> bool:
    """Tell whether point i of a and point j of b are neighbours; the sum is taken as scikit-learn takes it."""
    total = 0.0
    for d in range(n_ball):
        step = a[i, d] - b[j, d]
        total += step * step
    if not total <= eps2:
        return False
    for d in range(n_ball, a.shape[1]):  # noqa: SIM110
        if not abs(a[i, d] - b[j, d]) <= eps_time:
            return False
    return True


@jit
def boxes_touch(
    low_a: Floats,
    high_a: Floats,
    a: int,
    low_b: Floats,
    high_b: Floats,
    b: int,
    n_ball: int,
    eps2: float,
    eps_time: float,
) -> bool:
    """Tell whether some place of one box is within reach of some place of the other; a point is a box too."""
    total = 0.0
    for d in range(low_a.shape[1]):
        gap = max(low_b[b, d] - high_a[a, d], low_a[a, d] - high_b[b, d], 0.0)
        if d < n_ball:
            total += gap * gap
        elif gap > eps_time:
            return False
    return total <= eps2


@jit
def boxes_within(
    low_a: Floats,
    high_a: Floats,
    a: int,
    low_b: Floats,
    high_b: Floats,
    b: int,
    n_ball: int,
    eps2: float,
    eps_time: float,
) -> bool:
    """Tell whether every place of one box is within reach of every place of the other; a point is a box too."""
    total = 0.0
    for d in range(low_a.shape[1]):
        gap = max(high_a[a, d] - low_b[b, d], high_b[b, d] - low_a[a, d])
        if d < n_ball:
            total += gap * gap
        elif gap > eps_time:
            return False
    return total <= eps2


@jit
def _order_against(cells: Ints, j: int, c: int, prefixes: Ints, o: int) -> int:
    """Compare the row of cell j with the row at offset o of cell c: -1, 0 or 1."""
    for d in range(prefixes.shape[1]):
        target = cells[c, d] + prefixes[o, d]
        if cells[j, d] < target:
            return -1
        if cells[j, d] > target:
            return 1
    return 0


@jit
def _around(cells: Ints, c: int, prefixes: Ints, reach: int, begin: Ints, out: Ints) -> int:
    """Write the cells around cell c to `out` and return how many there are; `begin` remembers the runs."""
    last = cells.shape[1] - 1
    n_cells = cells.shape[0]
    lowest = cells[c, last] - reach
    highest = cells[c, last] + reach
    found = 0
    for o in range(prefixes.shape[0]):
        j = begin[o]
        while j < n_cells:
            order = _order_against(cells, j, c, prefixes, o)
            if order > 0 or (order == 0 and cells[j, last] >= lowest):
                break
            j += 1
        begin[o] = j
        while j < n_cells and cells[j, last] <= highest and _order_against(cells, j, c, prefixes, o) == 0:
            if j != c:
                out[found] = j
                found += 1
            j += 1
    return found


@jit
def _boxes(points: Floats, start: Ints, use: Flags) -> tuple[Floats, Floats]:
    """Return the bounding box of the used points of each cell; an empty one lies at infinity."""
    n_cells = start.shape[0] - 1
    low = np.full((n_cells, points.shape[1]), np.inf)
    high = np.full((n_cells, points.shape[1]), -np.inf)
    for c in range(n_cells):
        for i in range(start[c], start[c + 1]):
            if use[i]:
                for d in range(points.shape[1]):
                    low[c, d] = min(low[c, d], points[i, d])
                    high[c, d] = max(high[c, d], points[i, d])
    return low, high


@jit
def _count_until(
    points: Floats,
    start: Ints,
    i: int,
    low: Floats,
    high: Floats,
    around: Ints,
    n_around: int,
    known: int,
    wanted: int,
    n_ball: int,
    eps2: float,
    eps_time: float,
) -> int:
    """Count the neighbours of point i, `known` ones included, until there are as many as wanted."""
    for a in range(n_around):
        cell = around[a]
        if not boxes_touch(points, points, i, low, high, cell, n_ball, eps2, eps_time):
            continue
        for j in range(start[cell], start[cell + 1]):
            if near(points, i, points, j, n_ball, eps2, eps_time):
                known += 1
                if known >= wanted:
                    return known
    return known


@jit
def find_core(
    points: Floats,
    cells: Ints,
    start: Ints,
    prefixes: Ints,
    reach: int,
    n_ball: int,
    eps2: float,
    eps_time: float,
    min_samples: int,
) -> Flags:
    """Mark the points that have at least `min_samples` neighbours, themselves counted."""
    n_cells = cells.shape[0]
    core = np.zeros(points.shape[0], dtype=np.bool_)
    low, high = _boxes(points, start, np.ones(points.shape[0], dtype=np.bool_))
    begin = np.zeros(prefixes.shape[0], dtype=np.int64)
    around = np.empty(prefixes.shape[0] * (2 * reach + 1), dtype=np.int64)
    for c in range(n_cells):
        size = start[c + 1] - start[c]
        if size >= min_samples:
            core[start[c] : start[c + 1]] = True
            continue
        n_around = _around(cells, c, prefixes, reach, begin, around)
        for i in range(start[c], start[c + 1]):
            found = _count_until(
                points, start, i, low, high, around, n_around, size, min_samples, n_ball, eps2, eps_time
            )
            core[i] = found >= min_samples
    return core


@jit
def _root(parent: Ints, c: int) -> int:
    """Return the representative of a cell, shortening the way to it."""
    while parent[c] != c:
        parent[c] = parent[parent[c]]
        c = parent[c]
    return c


@jit
def _cells_touch(
    points: Floats,
    core: Flags,
    start: Ints,
    a: int,
    b: int,
    low: Floats,
    high: Floats,
    n_ball: int,
    eps2: float,
    eps_time: float,
    buffer: Ints,
) -> bool:
    """Tell whether a core point of cell a is a neighbour of a core point of cell b."""
    kept = 0
    for j in range(start[b], start[b + 1]):
        if core[j] and boxes_touch(points, points, j, low, high, a, n_ball, eps2, eps_time):
            buffer[kept] = j
            kept += 1
    if kept == 0:
        return False
    for i in range(start[a], start[a + 1]):
        if core[i] and boxes_touch(points, points, i, low, high, b, n_ball, eps2, eps_time):
            for n in range(kept):
                if near(points, i, points, buffer[n], n_ball, eps2, eps_time):
                    return True
    return False


@jit
def join_cells(
    points: Floats,
    core: Flags,
    cells: Ints,
    start: Ints,
    prefixes: Ints,
    reach: int,
    n_ball: int,
    eps2: float,
    eps_time: float,
) -> Ints:
    """Return the representative of each cell's cluster, -1 for cells without a core point.

    The first of two walks joins cells whose boxes lie wholly within reach; it spares the second most of its
    work.
    """
    n_cells = cells.shape[0]
    low, high = _boxes(points, start, core)
    parent = np.arange(n_cells)
    around = np.empty(prefixes.shape[0] * (2 * reach + 1), dtype=np.int64)
    buffer = np.empty(points.shape[0], dtype=np.int64)
    for walk in range(2):
        begin = np.zeros(prefixes.shape[0], dtype=np.int64)
        for c in range(n_cells):
            n_around = _around(cells, c, prefixes, reach, begin, around)
            if low[c, 0] > high[c, 0]:
                continue
            for n in range(n_around):
                other = around[n]
                if other > c or low[other, 0] > high[other, 0]:
                    continue
                a, b = _root(parent, c), _root(parent, other)
                if a == b:
                    continue
                if walk == 0:
                    join = boxes_within(low, high, c, low, high, other, n_ball, eps2, eps_time)
                else:
                    join = _cells_touch(
                        points, core, start, c, other, low, high, n_ball, eps2, eps_time, buffer
                    )
                if join:
                    parent[max(a, b)] = min(a, b)
    for c in range(n_cells):
        parent[c] = _root(parent, c) if low[c, 0] <= high[c, 0] else -1
    return parent


@jit
def _reaches_core(
    points: Floats, core: Flags, start: Ints, i: int, cell: int, n_ball: int, eps2: float, eps_time: float
) -> bool:
    """Tell whether point i has a neighbour among the core points of a cell."""
    for j in range(start[cell], start[cell + 1]):
        if core[j] and near(points, i, points, j, n_ball, eps2, eps_time):
            return True
    return False


@jit
def _border(
    points: Floats,
    core: Flags,
    start: Ints,
    i: int,
    around: Ints,
    n_around: int,
    rank: Ints,
    low: Floats,
    high: Floats,
    n_ball: int,
    eps2: float,
    eps_time: float,
) -> tuple[int, bool]:
    """Return the lowest cluster in reach of a point that is not core (-1: none), and whether there are several."""
    best = -1
    several = False
    for n in range(n_around):
        cell = around[n]
        if rank[cell] < 0 or rank[cell] == best or (several and rank[cell] > best):
            continue
        if not boxes_touch(points, points, i, low, high, cell, n_ball, eps2, eps_time):
            continue
        if _reaches_core(points, core, start, i, cell, n_ball, eps2, eps_time):
            several = several or best >= 0
            best = rank[cell] if best < 0 else min(best, rank[cell])
    return best, several


@jit
def label_points(
    points: Floats,
    core: Flags,
    rank: Ints,
    cells: Ints,
    start: Ints,
    prefixes: Ints,
    reach: int,
    n_ball: int,
    eps2: float,
    eps_time: float,
) -> tuple[Ints, int]:
    """Label core points by their cell and the others by the lowest cluster in reach.

    Returns the labels and the number of border points that more than one cluster reaches.
    """
    labels = np.full(points.shape[0], -1, dtype=np.int64)
    low, high = _boxes(points, start, core)
    begin = np.zeros(prefixes.shape[0], dtype=np.int64)
    around = np.empty(prefixes.shape[0] * (2 * reach + 1) + 1, dtype=np.int64)
    shared = 0
    for c in range(cells.shape[0]):
        n_around = _around(cells, c, prefixes, reach, begin, around)
        around[n_around] = c
        for i in range(start[c], start[c + 1]):
            if core[i]:
                labels[i] = rank[c]
                continue
            labels[i], several = _border(
                points, core, start, i, around, n_around + 1, rank, low, high, n_ball, eps2, eps_time
            )
            if several:
                shared += 1
    return labels, shared
