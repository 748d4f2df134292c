"""Maxima that keep a distance from each other, and their positions between pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]


def apart(places: FloatArray, distance: float) -> npt.NDArray[np.bool_]:
    """Choose points in their order of rank so that no two are closer than a distance.

    Parameters
    ----------
    places
        (k, 2) coordinates, the most important first.
    distance
        Least distance that stays, in the units of the coordinates.

    Returns
    -------
    ndarray
        (k,) bool.

    Examples
    --------
    >>> apart(np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 3.0]]), 2.5)
    array([ True, False,  True])
    """
    from scipy.spatial import cKDTree

    stays = np.ones(len(places), dtype=bool)
    if distance <= 0 or len(places) < 2:
        return stays
    tree = cKDTree(places)
    for i, near in enumerate(tree.query_ball_point(places, np.nextafter(distance, 0))):
        if stays[i]:
            stays[[j for j in near if j > i]] = False
    return stays


def refined(heights: FloatArray, where: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Move maxima to the top of the paraboloid through the nine pixels around them.

    Parameters
    ----------
    heights
        (h, w); beside a pixel that is not finite, and at the border, an axis is held.
    where
        (k, 2) rows and columns of maxima.

    Returns
    -------
    ndarray
        (k, 2) float64 positions, at most half a pixel away along each axis.

    Examples
    --------
    >>> line = np.tile([0.0, 3.0, 4.0, 4.0, 3.0], (3, 1)) - np.array([[1.0], [0.0], [1.0]])
    >>> refined(line, np.array([[1, 2]]))
    array([[1. , 2.5]])
    """
    from playNano.algorithms._common._paraboloid_kernels import refine

    space = np.full((3, heights.shape[0] + 2, heights.shape[1] + 2), -np.inf, dtype=np.float32)
    middle = np.nanmedian(heights) if np.isfinite(heights).any() else 0.0
    space[1, 1:-1, 1:-1] = np.where(np.isfinite(heights), heights - middle, -np.inf)
    moves = np.empty((len(where), 3))
    refine(space, np.column_stack([np.zeros(len(where), dtype=np.int64), where]), moves, np.empty(len(where)))
    return where + moves[:, 1:]
