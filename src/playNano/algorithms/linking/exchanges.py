"""Rival assignments in which two tracks exchange one detection, for the confidence of links of directed motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms.linking.detections import Floats, Indices
from playNano.algorithms.linking.motion_model import successors

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections

# Detections farther apart than this many standard deviations of the residual are not exchanged.
MAX_DEVIATIONS = 6.0
# Minimum number of detections with two neighbours in their track, for the estimate of the residual.
ENOUGH_DETECTIONS = 30
# Limit of the log likelihood ratio of one exchange: the assignment is optimal by a model that knows more than this one.
MAX_GAIN = 0.8


def exchange_weights(points: Detections, previous: Indices, dims: int) -> Floats:
    """Return the sum of the likelihood ratios of all exchanges that involve the link to each detection, (N,).

    Where two particles pass each other, both detections of a frame may be exchanged between the tracks, which go on as
    before. The cost of each link is computed with velocities from the track in which it is, so that an exchange of one
    link alone is costly. The likelihood here is that of the distance of a detection from the line between the
    detections before and after it in the track, with a Gaussian residual.

    Parameters
    ----------
    points
        The detections.
    previous
        Detection before each one in its track, or -1, (N,).
    dims
        Number of coordinates.
    """
    from scipy.spatial import KDTree

    following, weight = successors(previous), np.zeros(previous.size)
    inner = np.flatnonzero((previous >= 0) & (following >= 0))
    if inner.size < ENOUGH_DETECTIONS:
        return weight
    before, after = previous[inner], following[inner]
    part = (points.time[inner] - points.time[before]) / (points.time[after] - points.time[before])
    place, start = points.position[inner], points.position[before]
    expected = start + part[:, None] * (points.position[after] - start)
    squared = ((place - expected) ** 2).sum(axis=1)
    variance = float(squared.mean()) / dims
    if not variance > 0:
        return weight
    scaled = np.column_stack([place / (MAX_DEVIATIONS * np.sqrt(variance)), 2.0 * points.frame_of[inner]])
    first, second = KDTree(scaled).query_pairs(1.0, output_type="ndarray").T
    cost = ((place[first] - place[second]) * (expected[first] - expected[second])).sum(axis=1) / variance
    ratio = np.exp(-np.maximum(cost, -MAX_GAIN))
    for exchanged in (inner[first], inner[second]):
        np.add.at(weight, exchanged, ratio)
        np.add.at(weight, following[exchanged], ratio)
    return weight
