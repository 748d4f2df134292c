"""Test for directed motion: the correlation of successive displacements of tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms.linking.detections import Floats, Indices
from playNano.algorithms.linking.settings import FittedMotion

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections

# Motion is directed from these correlations on. Below the first, the directed model gains nothing in simulated movies
# (persistent random walks, motors, switching); a velocity that all particles share must dominate their own motion.
MIN_CORRELATION = 0.25
MIN_SHARED_CORRELATION = 0.5
# Number of standard errors by which a correlation must exceed 0.
SIGNIFICANT = 3.0
# Number of pairs of displacements from which every n-th is used: the standard error is then about 0.01.
ENOUGH_PAIRS = 8_000


@dataclass(frozen=True)
class VelocityCorrelation:
    """Correlation of the displacements of a particle from one frame to the next and to the one after.

    Parameters
    ----------
    correlation
        Correlation of the displacements around their mean over all particles, -1 to 1; nan where there are too few. It
        is 0 in Brownian motion, negative in confined motion and where positions have errors, and positive in directed
        motion.
    shared
        The same around 0, so that a velocity that all particles share, a flow or drift, adds to it.
    error
        Standard error of both for displacements that are independent.
    n_pairs
        Number of pairs of successive displacements that were used.
    """

    correlation: float
    shared: float
    error: float
    n_pairs: int

    @property
    def motion(self) -> FittedMotion:
        """The motion model that the correlation supports: "directed" or "brownian"."""
        own = self.correlation >= max(MIN_CORRELATION, SIGNIFICANT * self.error)
        common = self.shared >= max(MIN_SHARED_CORRELATION, SIGNIFICANT * self.error)
        return "directed" if own or common else "brownian"


def velocity_correlation(points: Detections, previous: Indices) -> VelocityCorrelation:
    """Correlate successive displacements over all tracks; links over missed frames are left out.

    Parameters
    ----------
    points
        The detections, in canonical order.
    previous
        Detection before each one in its track, or -1, (N,).

    References
    ----------
    Gorelik, Gautreau: Quantitative and unbiased analysis of directional persistence in cell migration, Nature
    Protocols 9, 2014, doi 10.1038/nprot.2014.131.
    """
    adjacent = (previous >= 0) & (points.frame_of - points.frame_of[previous] == 1)
    later = np.flatnonzero(adjacent & adjacent[previous])
    if later.size < 2:
        return VelocityCorrelation(np.nan, np.nan, np.nan, int(later.size))
    later = later[:: -(-later.size // ENOUGH_PAIRS)]
    between = previous[later]
    place = points.position[between]
    before, after = place - points.position[previous[between]], points.position[later] - place
    mean = 0.5 * (before.mean(axis=0) + after.mean(axis=0))
    own, own_error = _correlation(before - mean, after - mean)
    shared, shared_error = _correlation(before, after)
    return VelocityCorrelation(own, shared, max(own_error, shared_error), int(later.size))


def _correlation(before: Floats, after: Floats) -> tuple[float, float]:
    """Return the correlation of two sets of vectors (n, D), and its standard error where they are independent."""
    product = (before * after).sum(axis=1)
    norm = float(np.sqrt((before**2).sum() * (after**2).sum()))
    if not norm > 0:
        return 0.0, 0.0
    return float(product.sum()) / norm, float(np.sqrt((product**2).sum())) / norm
