"""DBSCAN on a grid of cells (Gunawan 2013), with memory that grows with the number of points, not of neighbours.

The cells are so small that all points of a cell are neighbours. The core points of a cell therefore share a cluster,
and clusters are the connected components of cells, joined where a core point of one is a neighbour of a core point of
the other (Gunawan 2013). Arrays of pairs are made in chunks of limited size.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_CHUNK = 2_000_000  # maximum number of pairs in memory
_MARGIN = 1e-6  # cells are smaller than the limits by this fraction, to allow for rounding


class Neighbourhood(NamedTuple):
    """Definition of neighbours: within `eps` in the first `n_ball` coordinates, `eps_time` in a last one.

    Parameters
    ----------
    n_ball
        Number of coordinates that share the limit `eps` on the Euclidean distance.
    eps
        Maximum distance (inclusive).
    eps_time
        Maximum difference in the coordinate after them, if there is one (inclusive): the neighbourhood is a
        cylinder.
    """

    n_ball: int
    eps: float
    eps_time: float

    def contains(self, offsets: Floats) -> Flags:
        """Return whether offsets between two points, (N, D), lie within the limits."""
        square = np.zeros(len(offsets))
        for d in range(self.n_ball):
            square += offsets[:, d] ** 2
        inside = square <= self.eps * self.eps
        if offsets.shape[1] > self.n_ball:
            inside &= np.abs(offsets[:, self.n_ball]) <= self.eps_time
        return np.asarray(inside, dtype=np.bool_)

    def limits(self, n_dims: int) -> Floats:
        """Return the limit on the difference in each coordinate, (D,)."""
        return np.where(np.arange(n_dims) < self.n_ball, self.eps, self.eps_time)


class Grid(NamedTuple):
    """Points sorted by cell.

    Parameters
    ----------
    points
        (N, D) coordinates, one cell after the other.
    order
        (N,) input index of each of them.
    cells
        (C, D) cell numbers along each axis, as float64 for the search tree.
    start
        (C + 1,) index at which the points of each cell begin.
    range
        (D,) maximum difference of the cell numbers of two neighbours.
    """

    points: Floats
    order: Ints
    cells: Floats
    start: Ints
    range: Ints


class DensityLabels(NamedTuple):
    """Result of DBSCAN, in the input order of the points.

    Parameters
    ----------
    labels
        (N,) cluster of each point in order of the clusters' first core points; -1 for noise.
    core
        (N,) whether a point is a core point.
    n_shared_border
        Number of border points that are neighbours of core points of several clusters.
    """

    labels: Ints
    core: Flags
    n_shared_border: int


def density_labels(points: Floats, near: Neighbourhood, min_samples: int) -> DensityLabels:
    """Label points by DBSCAN on a grid.

    Parameters
    ----------
    points
        (N, D) coordinates, N at least 1. A border point of several clusters joins the one whose first core point
        comes first.
    near
        Definition of neighbours.
    min_samples
        Minimum number of neighbours of a core point, itself counted.

    Returns
    -------
    DensityLabels
        Labels, core flags and the number of shared border points.
    """
    grid = make_grid(points, near)
    is_core = find_core(grid, near, min_samples)
    labels = np.full(len(points), -1, dtype=np.int64)
    core = np.zeros(len(points), dtype=np.bool_)
    core[grid.order] = is_core
    if not is_core.any():
        return DensityLabels(labels, core, 0)
    core_grid = _part_of(grid, is_core)
    component = join_cells(core_grid, near)
    rank = _rank_by_first_point(component, core_grid)
    cell_of_point = np.repeat(np.arange(len(core_grid.cells)), np.diff(core_grid.start))
    labels[core_grid.order] = rank[cell_of_point]
    n_shared = 0
    if not is_core.all():
        border_grid = _part_of(grid, ~is_core)
        border, n_shared = border_labels(border_grid, core_grid, rank, near)
        labels[border_grid.order] = border
    return DensityLabels(labels, core, n_shared)


def make_grid(points: Floats, near: Neighbourhood) -> Grid:
    """Sort points into cells whose points are all neighbours of each other."""
    n_dims = points.shape[1]
    limit = near.limits(n_dims)
    side = limit / np.where(np.arange(n_dims) < near.n_ball, np.sqrt(near.n_ball), 1.0) * (1 - _MARGIN)
    side = np.maximum(side, np.finfo(np.float64).tiny)
    search_range = np.ceil(limit / side).astype(np.int64)
    numbers = np.column_stack(
        [cell_numbers(points[:, d], limit[d], side[d], search_range[d]) for d in range(n_dims)]
    )
    order = np.lexsort(numbers.T[::-1]).astype(np.int64)
    return _grid_of(points[order], order, numbers[order].astype(np.float64), search_range)


def cell_numbers(values: Floats, limit: float, side: float, search_range: int) -> Ints:
    """Number the cells along one axis; gaps without points wider than the limit are shortened.

    Otherwise, with a small eps, the numbers would exceed the precision of floating point.
    """
    order = np.argsort(values, kind="stable")
    v = values[order]
    new = np.concatenate([[True], np.diff(v) > limit * (1 + 1e-9)])
    segment = np.cumsum(new) - 1
    first = v[new]
    inside = np.floor((v - first[segment]) / side).astype(np.int64)
    last = inside[np.append(np.flatnonzero(new)[1:] - 1, len(v) - 1)]
    offset = np.concatenate([[0], np.cumsum(last[:-1] + search_range + 1)])
    out = np.empty(len(v), dtype=np.int64)
    out[order] = inside + offset[segment]
    return out


def find_core(grid: Grid, near: Neighbourhood, min_samples: int) -> Flags:
    """Find the core points: those with at least `min_samples` neighbours, themselves counted, in the grid's order."""
    from scipy.spatial import cKDTree

    points = grid.points
    size = np.diff(grid.start)
    core = np.repeat(size >= min_samples, size)  # the points of a cell are all neighbours
    rest = np.flatnonzero(~core)
    if points.shape[1] == near.n_ball:
        n_near = cKDTree(points).query_ball_point(points[rest], near.eps, return_length=True, workers=-1)
        core[rest] = n_near >= min_samples
        return core
    # The box around the cylinder contains all neighbours and some other points.
    scaled = points / near.limits(points.shape[1])
    tree = cKDTree(scaled)
    radius = 1 + _MARGIN
    n_box = tree.query_ball_point(scaled[rest], radius, p=np.inf, return_length=True, workers=-1)
    rest, n_box = rest[n_box >= min_samples], n_box[n_box >= min_samples]
    for begin, end in _chunks(n_box):
        rows = rest[begin:end]
        pairs = cKDTree(scaled[rows]).sparse_distance_matrix(tree, radius, p=np.inf, output_type="ndarray")
        inside = near.contains(points[rows[pairs["i"]]] - points[pairs["j"]])
        core[rows] = np.bincount(pairs["i"][inside], minlength=len(rows)) >= min_samples
    return core


def join_cells(grid: Grid, near: Neighbourhood) -> Ints:
    """Return the connected component of each cell of core points, (C,)."""
    n_cells = len(grid.cells)
    first = np.column_stack([grid.start[:-1], grid.start[:-1] + 1])
    whole = np.column_stack([grid.start[:-1], grid.start[1:]])
    component = np.arange(n_cells)
    # Comparing one point of each cell joins most cells; all points are compared only for the others.
    for spans in (first, whole):
        for a, b in _cells_around(grid, grid):
            apart = (a < b) & (component[a] != component[b])
            a, b = a[apart], b[apart]
            touch = _any_neighbours(grid.points, spans[a], grid.points, spans[b], near)
            component = _merged(component, a[touch], b[touch])
    return component


def border_labels(border: Grid, core: Grid, rank: Ints, near: Neighbourhood) -> tuple[Ints, int]:
    """Assign border points to the lowest cluster with a core point near them (-1: none); count those near several.

    `rank` is the cluster of each cell of core points.
    """
    n_clusters = int(rank.max()) + 1
    labels = np.full(len(border.points), -1, dtype=np.int64)
    n_shared = 0
    for a, b in _cells_around(border, core):
        pair, i = _expanded(border.start[a], border.start[a + 1])
        cell = b[pair]
        touched = np.empty(0, dtype=np.int64)  # codes of (point, cluster) pairs
        for whole in (False, True):
            new = ~np.isin(i * n_clusters + rank[cell], touched)
            i, cell = i[new], cell[new]
            last = core.start[cell + 1] if whole else core.start[cell] + 1
            touch = _any_neighbours(
                border.points,
                np.column_stack([i, i + 1]),
                core.points,
                np.column_stack([core.start[cell], last]),
                near,
            )
            touched = np.union1d(touched, i[touch] * n_clusters + rank[cell[touch]])
        point, first, count = np.unique(touched // n_clusters, return_index=True, return_counts=True)
        labels[point] = touched[first] % n_clusters
        n_shared += int(np.count_nonzero(count > 1))
    return labels, n_shared


def _grid_of(points: Floats, order: Ints, numbers: Floats, search_range: Ints) -> Grid:
    """Return a grid of points that are sorted by their cells' numbers, (N, D)."""
    changed = np.flatnonzero((numbers[1:] != numbers[:-1]).any(axis=1)) + 1
    start = np.concatenate([[0], changed, [len(points)]]).astype(np.int64)
    return Grid(points, order, numbers[start[:-1]], start, search_range)


def _part_of(grid: Grid, kept: Flags) -> Grid:
    """Return the grid of some of the points, without empty cells."""
    numbers = np.repeat(grid.cells, np.diff(grid.start), axis=0)
    return _grid_of(grid.points[kept], grid.order[kept], numbers[kept], grid.range)


def _cells_around(grid: Grid, other: Grid) -> Iterator[tuple[Ints, Ints]]:
    """Yield pairs of a cell and a cell of the other grid that may contain neighbours, grouped by cell."""
    from scipy.spatial import cKDTree

    scaled, tree = grid.cells / grid.range, cKDTree(other.cells / grid.range)
    radius = 1 + _MARGIN
    count = tree.query_ball_point(scaled, radius, p=np.inf, return_length=True, workers=-1)
    for begin, end in _chunks(count * np.diff(grid.start)):
        pairs = cKDTree(scaled[begin:end]).sparse_distance_matrix(
            tree, radius, p=np.inf, output_type="ndarray"
        )
        yield pairs["i"].astype(np.int64) + begin, pairs["j"].astype(np.int64)


def _any_neighbours(
    points_a: Floats, spans_a: Ints, points_b: Floats, spans_b: Ints, near: Neighbourhood
) -> Flags:
    """Return for each pair of spans of points, (P, 2) begin and end, whether any of their points are neighbours."""
    found = np.zeros(len(spans_a), dtype=np.bool_)
    size = np.diff(spans_a, axis=1)[:, 0] * np.diff(spans_b, axis=1)[:, 0]
    for begin, end in _chunks(size):
        pair, i = _expanded(*spans_a[begin:end].T)
        row, j = _expanded(*spans_b[begin:end][pair].T)
        inside = near.contains(points_a[i[row]] - points_b[j])
        found[begin + pair[row[inside]]] = True
    return found


def _expanded(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Expand spans to their members begin ... end - 1; return the span of each member, and the members."""
    size = end - begin
    row = np.repeat(np.arange(len(size)), size)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(size) - size - begin, size)


def _chunks(sizes: Ints) -> Iterator[tuple[int, int]]:
    """Divide rows into chunks whose sizes add up to about `_CHUNK`, or a single row where it is larger."""
    total = np.concatenate([[0], np.cumsum(sizes)])
    n_chunks = int(total[-1] // _CHUNK) + 1
    edges = np.searchsorted(total, np.arange(1, n_chunks) * _CHUNK, side="right") - 1
    edges = np.unique(np.concatenate([[0], edges, [len(sizes)]]))
    yield from pairwise(edges.tolist())


def _merged(component: Ints, a: Ints, b: Ints) -> Ints:
    """Return the connected components of cells after joining those of cells a with those of cells b."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if len(a) == 0:
        return component
    n = int(component.max()) + 1
    links = coo_array((np.ones(len(a), dtype=np.bool_), (component[a], component[b])), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)[component]


def _rank_by_first_point(component: Ints, grid: Grid) -> Ints:
    """Return the cluster of each cell; clusters are numbered by their first points in the input order."""
    first = np.full(int(component.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, np.repeat(component, np.diff(grid.start)), grid.order)
    present = np.unique(component)
    rank = np.empty(len(first), dtype=np.int64)
    rank[present[np.argsort(first[present])]] = np.arange(len(present))
    return rank[component]
