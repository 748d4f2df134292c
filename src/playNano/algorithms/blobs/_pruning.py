"""Pruning of overlapping blobs: of two that overlap too much, the smaller is dropped."""

from __future__ import annotations

from itertools import chain

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def prune(positions: FloatArray, sigmas: FloatArray, max_overlap: float) -> BoolArray:
    """Select blobs from the largest to the smallest that do not overlap too much with one already selected.

    Of two blobs of equal sigma the later one is kept, as in scikit-image. There, the outcome for a chain of overlapping
    blobs (A covers B, B covers C, but A does not cover C) depends on the order in which pairs are visited; here C is
    kept, because B, which covers it, is not.

    Parameters
    ----------
    positions
        (n, 2), in the unit of the sigmas.
    sigmas
        (n,).
    max_overlap
        Fraction of the smaller disc that two blobs may share, 0 to 1.

    Returns
    -------
    ndarray
        (n,) bool: which blobs are kept.
    """
    rank = np.empty(len(sigmas), dtype=np.int64)
    rank[np.argsort(sigmas, kind="stable")[::-1]] = np.arange(len(sigmas))
    large, small = _touching_pairs(positions, sigmas, rank)
    distance = np.hypot(*(positions[large] - positions[small]).T)
    too_much = disc_overlap(distance, sigmas[large], sigmas[small]) > max_overlap
    large, small = large[too_much], small[too_much]
    kept = np.ones(len(sigmas), dtype=bool)
    # Sorted by the larger blob, so that it has been decided before it can exclude a smaller one.
    for pair in np.argsort(rank[large], kind="stable"):
        if kept[large[pair]]:
            kept[small[pair]] = False
    return kept


def _touching_pairs(positions: FloatArray, sigmas: FloatArray, rank: IntArray) -> tuple[IntArray, IntArray]:
    """Return the index pairs of blobs that may overlap, the larger (of lower rank) first."""
    from scipy.spatial import cKDTree

    if len(sigmas) < 2:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    # Twice the radius of the larger disc: the other one is not larger.
    search_range = 2 * np.sqrt(2) * sigmas
    neighbours = cKDTree(positions).query_ball_point(positions, search_range)
    first = np.repeat(np.arange(len(sigmas)), [len(near) for near in neighbours])
    second = np.fromiter(chain.from_iterable(neighbours), dtype=np.int64, count=len(first))
    ordered = rank[first] < rank[second]
    return first[ordered], second[ordered]


def disc_overlap(distance: FloatArray, large: FloatArray, small: FloatArray) -> FloatArray:
    """Return the overlap of two discs as a fraction of the area of the smaller one.

    Parameters
    ----------
    distance
        (n,) distance of the centres.
    large, small
        (n,) sigmas of the larger and the smaller blob; the radius of the disc is sqrt(2) sigma.

    Returns
    -------
    ndarray
        (n,) in 0 to 1.

    Examples
    --------
    >>> disc_overlap(np.array([0.0, 2.0, 9.0]), np.array([2.0, 2.0, 2.0]), np.array([1.0, 2.0, 2.0])).round(3)
    array([1.   , 0.559, 0.   ])
    """
    d, r1, r2 = distance, np.sqrt(2) * large, np.sqrt(2) * small
    part = (d > r1 - r2) & (d < r1 + r2)  # elsewhere one disc is inside the other, or they are apart
    overlap = np.where(d <= r1 - r2, 1.0, 0.0)
    d, r1, r2 = d[part], r1[part], r2[part]
    angle_1 = np.arccos(np.clip((d**2 + r1**2 - r2**2) / (2 * d * r1), -1, 1))
    angle_2 = np.arccos(np.clip((d**2 + r2**2 - r1**2) / (2 * d * r2), -1, 1))
    # Heron's formula for the two triangles between the sectors.
    kite = 0.5 * np.sqrt(np.abs((-d + r1 + r2) * (d - r2 + r1) * (d + r2 - r1) * (d + r1 + r2)))
    overlap[part] = (r1**2 * angle_1 + r2**2 * angle_2 - kite) / (np.pi * r2**2)
    return overlap
