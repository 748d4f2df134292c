"""DBSCAN in a grid of cells so small that all points of one are neighbours."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

_MANY_SAMPLES = 200  # beyond, neighbours are counted by boxes of a tree
_LEAF_SIZE = 16


def grid_dbscan(
    pts: NDArray[np.float64], n_ball: int, eps: float, eps_time: float, min_samples: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
    """Run DBSCAN in a grid of cells; returns labels, core flags and the number of shared border points."""
    from playNano.algorithms.clustering import _dbscan_kernels as kernels

    n_dims = pts.shape[1]
    limit = np.where(np.arange(n_dims) < n_ball, eps, eps_time)
    # A cell a little too small: rounding must not put two points of one cell out of reach of each other.
    side = limit / np.where(np.arange(n_dims) < n_ball, np.sqrt(n_ball), 1.0) * (1 - 1e-6)
    side = np.maximum(side, np.finfo(np.float64).tiny)
    reach = np.ceil(limit / side).astype(np.int64)
    cell = np.column_stack([cell_numbers(pts[:, d], limit[d], side[d], reach[d]) for d in range(n_dims)])
    by_cell = np.lexsort(cell.T[::-1])
    cell = cell[by_cell]
    changed = np.flatnonzero((cell[1:] != cell[:-1]).any(axis=1)) + 1
    start = np.concatenate([[0], changed, [len(pts)]]).astype(np.int64)
    cells = np.ascontiguousarray(cell[start[:-1]])
    offsets = [range(-r, r + 1) for r in reach[:-1]]
    prefixes = np.array(list(itertools.product(*offsets)), dtype=np.int64)
    gap = np.maximum(np.abs(prefixes) - 1, 0) * (side / limit)[:-1]
    prefixes = prefixes[(gap[:, :n_ball] ** 2).sum(axis=1) <= 1 + 1e-6]

    moved = np.ascontiguousarray(pts[by_cell])
    reaches = (n_ball, eps * eps, eps_time)
    where = (cells, start, prefixes, int(reach[-1]), *reaches)
    if min_samples > _MANY_SAMPLES:
        core = _counted_core(moved, start, reaches, min_samples)
    else:
        core = kernels.find_core(moved, *where, min_samples)
    parent = kernels.join_cells(moved, core, *where)
    rank = _cluster_ranks(parent, start, core, by_cell)
    labels, shared = kernels.label_points(moved, core, rank, *where)
    labels_out, core_out = np.empty_like(labels), np.empty_like(core)
    labels_out[by_cell] = labels
    core_out[by_cell] = core
    return labels_out, core_out, int(shared)


def cell_numbers(values: NDArray[np.float64], limit: float, side: float, reach: int) -> NDArray[np.int64]:
    """Number the cells along one dimension; stretches wider than the limit without points are cut short.

    Without the cut the numbers of a small eps would outgrow what floating point resolves.
    """
    order = np.argsort(values, kind="stable")
    v = values[order]
    new = np.concatenate([[True], np.diff(v) > limit * (1 + 1e-9)])
    stretch = np.cumsum(new) - 1
    first = v[new]
    inside = np.floor((v - first[stretch]) / side).astype(np.int64)
    last = inside[np.append(np.flatnonzero(new)[1:] - 1, len(v) - 1)]
    offset = np.concatenate([[0], np.cumsum(last[:-1] + reach + 1)])
    out = np.empty(len(v), dtype=np.int64)
    out[order] = inside + offset[stretch]
    return out


def _cluster_ranks(
    parent: NDArray[np.int64], start: NDArray[np.int64], core: NDArray[np.bool_], by_cell: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Number the clusters of cells by their first core point in order of position; -1 for cells without one."""
    cell_of_point = np.repeat(np.arange(len(parent)), np.diff(start))
    first = np.full(len(parent), len(by_cell), dtype=np.int64)
    np.minimum.at(first, parent[cell_of_point[core]], by_cell[core])
    roots = np.unique(parent[parent >= 0])
    rank_of_root = np.full(len(parent) + 1, -1, dtype=np.int64)
    rank_of_root[roots[np.argsort(first[roots])]] = np.arange(len(roots))
    return rank_of_root[parent]


def _counted_core(
    points: NDArray[np.float64],
    start: NDArray[np.int64],
    reaches: tuple[int, float, float],
    min_samples: int,
) -> NDArray[np.bool_]:
    """Mark core points by counting neighbours in a tree, but for those whose own cell has enough."""
    from playNano.algorithms._common.threads import blocks_of, in_threads
    from playNano.algorithms.clustering._dbscan_count_kernels import count_core
    from playNano.algorithms.clustering._kmeans_kernels import build_tree

    tree_points = points.copy()
    n_nodes, place, *spare = build_tree(tree_points, _LEAF_SIZE)
    size = np.diff(start)
    core = np.repeat(size >= min_samples, size)
    known = core[place]
    nodes = [array[:n_nodes] for array in spare]
    n = len(points)
    blocks = [(begin * n_nodes // n, end * n_nodes // n) for begin, end in blocks_of(n)]
    in_threads(lambda b: count_core(tree_points, *nodes, *b, *reaches, min_samples, known), blocks)
    core[place] = known
    return core
