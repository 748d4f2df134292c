"""Values of many detections gathered in bins, with the weight of each group of tracks in each bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_VALUES = 1000
"""Number of values above which they are gathered in bins."""

MAX_GROUPS = 100
"""Number of tracks above which the jackknife leaves out groups of them."""


@dataclass(frozen=True)
class WeightedValues:
    """Values with the weights of groups of tracks.

    Parameters
    ----------
    values
        Values, (N,).
    weights
        Their weights, (N,); the sum is the number of tracks.
    by_group
        Weight of each group at each value, (n_groups, N).
    """

    values: Floats
    weights: Floats
    by_group: Floats


def weighted_values(values: Floats, track: Ints) -> WeightedValues:
    """Weight detections by 1 / number of detections of their track, and gather many of them in bins.

    The jackknife leaves out one track at a time, or of more than 100 tracks groups of equal numbers, taken in turn by
    increasing number of the track. Bins have equal widths and equal numbers of values at once, 1000 together, and the
    mean of their values.

    Parameters
    ----------
    values
        A value a detection, (n_detections,), finite.
    track
        Index of its track, 0 to n_tracks - 1, each present, (n_detections,).

    Examples
    --------
    >>> gathered = weighted_values(np.array([1.0, 3.0, 2.0]), np.array([0, 0, 1]))
    >>> gathered.values.tolist(), gathered.weights.tolist(), gathered.by_group.tolist()
    ([1.0, 2.0, 3.0], [0.5, 1.0, 0.5], [[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    """
    order = np.lexsort((track, values))
    values, track = values[order], track[order]
    weight = 1.0 / np.bincount(track)[track]
    n_tracks = int(track.max()) + 1
    n_groups = min(n_tracks, MAX_GROUPS)
    place = _bins(values)
    total: Floats = np.bincount(place, weight).astype(np.float64)
    mean = np.bincount(place, weight * values) / total
    by_group: Floats = np.bincount(
        (track % n_groups) * total.size + place, weight, n_groups * total.size
    ).astype(np.float64)
    return WeightedValues(mean, total, by_group.reshape(n_groups, total.size))


def _bins(values: Floats) -> Ints:
    """Return the number of the bin of each ordered value; bins without values are not counted."""
    distinct = np.append(True, np.diff(values) > 0)
    if distinct.sum() > MAX_VALUES:
        half = MAX_VALUES // 2
        width = np.floor((values - values[0]) / (values[-1] - values[0]) * (half - 1))
        rank = np.cumsum(distinct) * half // (distinct.sum() + 1)
        distinct = np.append(True, (np.diff(width) > 0) | (np.diff(rank) > 0))
    return (np.cumsum(distinct) - 1).astype(np.int64)
