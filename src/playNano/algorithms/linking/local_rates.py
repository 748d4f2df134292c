"""Local rates: where in the field tracks begin and end, and false detections lie, more often than elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.detections import Floats, Ints

# Largest number of cells along an axis.
MAX_CELLS = 128
# Weight of the mean over the field: number of events in the neighbourhood of a cell, and number of detections.
PRIOR_EVENTS = 2.0
PRIOR_DETECTIONS = 20.0
# Weights of a cell and its neighbours along an axis.
KERNEL = (0.5, 1.0, 0.5)


@dataclass(frozen=True)
class LocalRates:
    """Factors of the rates at each detection, (N,) each; 1: as the mean over the field.

    Parameters
    ----------
    birth
        Factor of the density of detections that begin a track.
    death
        Factor of the probability that a detection is the last of its track.
    clutter
        Factor of the density of false detections.
    """

    birth: Floats
    death: Floats
    clutter: Floats


def uniform_rates(n: int) -> LocalRates:
    """Return factors of 1.

    Parameters
    ----------
    n
        Number of detections.
    """
    return LocalRates(np.ones(n), np.ones(n), np.ones(n))


def local_rates(
    position: Floats, width: float, starts: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_]
) -> LocalRates:
    """Estimate how rates vary over the field, from where tracks begin and end, summed over the movie.

    Dirt gives false detections at the same place again and again, and particles enter a field at its edges. The number
    of events in and around a square cell is shrunk to the mean over the field.

    Parameters
    ----------
    position
        Positions without drift, (N, D), D >= 2; the first two coordinates are used.
    width
        Width of the cells, > 0.
    starts, ends
        Whether a track begins or ends with each detection, (N,); both for a detection without links.

    Returns
    -------
    LocalRates
        Factors at each detection.
    """
    cell, shape = _cells(position[:, :2], width)
    detections = _around(cell, shape, np.ones(cell.size, np.bool_))
    begun, ended = _around(cell, shape, starts), _around(cell, shape, ends)
    alone = _around(cell, shape, starts & ends)
    fraction = max(float(ends.mean()), 1e-9)
    death = (ended + PRIOR_DETECTIONS * fraction) / (detections + PRIOR_DETECTIONS) / fraction
    return LocalRates(_shrunk(begun)[cell], death[cell], _shrunk(alone)[cell])


def _cells(position: Floats, width: float) -> tuple[Ints, tuple[int, int]]:
    """Return the cell of each position, and the number of rows and columns of cells."""
    low = position.min(axis=0)
    extent = position.max(axis=0) - low
    width = max(width, float(extent.max()) / MAX_CELLS, 1e-12)
    row, column = ((position - low) / width).astype(np.int64).T
    shape = int(extent[0] / width) + 1, int(extent[1] / width) + 1
    return np.asarray(row * shape[1] + column), shape


def _around(cell: Ints, shape: tuple[int, int], used: npt.NDArray[np.bool_]) -> Floats:
    """Return the weighted number of detections in and around each cell."""
    from scipy.ndimage import convolve1d

    count = np.bincount(cell[used], minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    for axis in (0, 1):
        count = convolve1d(count, KERNEL, axis=axis, mode="nearest")
    return np.asarray(count.ravel())


def _shrunk(count: Floats) -> Floats:
    """Return the ratio of counts to their mean, shrunk to 1 where there are few."""
    return np.asarray((count + PRIOR_EVENTS) / (count.mean() + PRIOR_EVENTS))
