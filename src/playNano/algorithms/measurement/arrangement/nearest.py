"""Distances of nearest neighbours, censored by the border of the window."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx

from playNano.algorithms.measurement.window import Window

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def nearest_distances(points: Floats, window: Window) -> tuple[Floats, Bools]:
    """Return the distances up to which the surroundings of points are known, and whether a neighbour is there.

    Parameters
    ----------
    points
        Places y, x in nm, (n, 2), inside the window.
    window
        The window; a neighbour that is farther than its border may not be the nearest.

    Returns
    -------
    distance : ndarray of float64
        Distance of the nearest neighbour, or of the border if this is nearer, nm, (n,).
    seen : ndarray of bool
        Whether it is that of a neighbour, (n,).
    """
    from scipy.spatial import cKDTree

    border = window.distance_nm(points[:, 0], points[:, 1])
    if len(points) < 2:
        return border, np.zeros(len(points), np.bool_)
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    return np.minimum(nearest, border), nearest <= border


def distance_function(distance: Floats, seen: Bools, at: Floats) -> Floats:
    """Return the distribution function of nearest-neighbour distances by Kaplan and Meier.

    Parameters
    ----------
    distance, seen
        As `nearest_distances` returns them.
    at
        Distances, nm, increasing.

    Returns
    -------
    ndarray of float64
        Fraction of points with a neighbour within each distance; NaN beyond the largest distance that is known.

    References
    ----------
    Baddeley, Gill: Kaplan-Meier estimators of distance distributions for spatial point processes, Ann. Stat. 25, 1997,
    263-292, doi 10.1214/aos/1034276629.

    Examples
    --------
    >>> distance_function(np.array([1.0, 2.0]), np.array([True, True]), np.array([0.5, 1.0, 2.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    if not len(distance):
        return np.full(len(at), np.nan)
    times, survival = _survival(distance, seen)
    value = 1.0 - np.append(1.0, survival)[np.searchsorted(times, at, side="right")]
    known = at <= distance.max()
    complete = len(survival) > 0 and survival[-1] <= 1e-12
    return np.where(known | complete, value, np.nan)


def mean_distance(distance: Floats, seen: Bools) -> float:
    """Return the mean distance of nearest neighbours from censored distances, nm.

    The area under the survival function; beyond the largest known distance, where few points are left, it is continued
    as for complete spatial randomness, of which pi r^2 is exponential.

    Parameters
    ----------
    distance, seen
        As `nearest_distances` returns them.

    Returns
    -------
    float
        NaN if no neighbour is seen.

    Examples
    --------
    >>> mean_distance(np.array([4.0, 4.0, 1.0]), np.array([True, True, False]))
    4.0
    """
    if not seen.any():
        return float("nan")
    times, survival = _survival(distance, seen)
    steps = np.diff(np.append(0.0, times))
    area = float((steps * np.append(1.0, survival)[:-1]).sum())
    left = float(survival[-1])
    if left <= 1e-12:
        return area
    end = float(distance.max())
    density = seen.sum() / (np.pi * (distance**2).sum())
    tail = left * 0.5 / np.sqrt(density) * float(erfcx(np.sqrt(np.pi * density) * end))
    return float(area + left * (end - float(times[-1])) + tail)


def _survival(distance: Floats, seen: Bools) -> tuple[Floats, Floats]:
    """Return the distances at which neighbours are seen, and the survival function just after each."""
    times = np.unique(distance[seen])
    ordered, events = np.sort(distance), np.sort(distance[seen])
    at_risk = len(ordered) - np.searchsorted(ordered, times, side="left")
    count = np.searchsorted(events, times, side="right") - np.searchsorted(events, times, side="left")
    return times, np.asarray(np.cumprod(1.0 - count / at_risk), dtype=np.float64)
