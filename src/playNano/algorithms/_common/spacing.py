"""Non-maximum suppression by distance, and subpixel positions of maxima."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]


def select_separated(positions: FloatArray, min_distance: float) -> npt.NDArray[np.bool_]:
    """Select points by rank so that no two are closer than a distance (non-maximum suppression).

    Parameters
    ----------
    positions
        (k, 2) coordinates, the most important first.
    min_distance
        Minimum distance of two selected points, in the unit of the coordinates; at 0 and below all are selected.

    Returns
    -------
    ndarray
        (k,) bool.

    Examples
    --------
    >>> select_separated(np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 3.0]]), 2.5)
    array([ True, False,  True])
    """
    from scipy.spatial import cKDTree

    selected = np.ones(len(positions), dtype=bool)
    if min_distance <= 0 or len(positions) < 2:
        return selected
    tree = cKDTree(positions)
    for i, near in enumerate(tree.query_ball_point(positions, np.nextafter(min_distance, 0))):
        if selected[i]:
            selected[[j for j in near if j > i]] = False
    return selected


def refine_maxima(heights: FloatArray, where: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Refine maxima to the vertex of the paraboloid through the nine pixels around each.

    Parameters
    ----------
    heights
        (h, w); a maximum does not move along an axis on which it has a neighbour that is not finite, or none.
    where
        (k, 2) rows and columns of maxima.

    Returns
    -------
    ndarray
        (k, 2) float64 positions, at most half a pixel away along each axis.

    Examples
    --------
    >>> line = np.tile([0.0, 3.0, 4.0, 4.0, 3.0], (3, 1)) - np.array([[1.0], [0.0], [1.0]])
    >>> refine_maxima(line, np.array([[1, 2]]))
    array([[1. , 2.5]])
    """
    from playNano.algorithms._common._paraboloid_kernels import refine

    finite = np.isfinite(heights)
    centred = np.where(finite, heights - (np.nanmedian(heights) if finite.any() else 0.0), -np.inf)
    cube = np.pad(centred[None].astype(np.float32), 1, constant_values=-np.inf)
    moves = np.empty((len(where), 3))
    cells = np.column_stack([np.zeros(len(where), dtype=np.int64), where])
    refine(cube, cells, moves, np.empty(len(where)))
    return where + moves[:, 1:]
