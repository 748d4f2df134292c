"""Regression of the displacement of a link on the past and the future of its track, from sums over links."""

from __future__ import annotations

import numpy as np

from playNano.algorithms.linking.detections import Floats

# Minimum number of links from which a regression coefficient is estimated.
MIN_REGRESSION_LINKS = 30


def regression_coefficients(sums: Floats, shrinkage: float) -> Floats:
    """Return the coefficients of past and future, (4, 2), by known context, where there are enough links.

    Parameters
    ----------
    sums
        Normal equations by known context, (4, 7): past * past, past * future, future * future, past * step,
        future * step, number of links, step * step.
    shrinkage
        Factor of the coefficients where both past and future are known, 0 to 1.
    """
    coefficients = np.zeros((4, 2))
    if sums[1, 5] > MIN_REGRESSION_LINKS and sums[1, 0] > 0:
        coefficients[1, 0] = sums[1, 3] / sums[1, 0]
    if sums[2, 5] > MIN_REGRESSION_LINKS and sums[2, 2] > 0:
        coefficients[2, 1] = sums[2, 4] / sums[2, 2]
    coefficients[3] = shrinkage * _coefficients_of_both(sums)
    return coefficients


def _coefficients_of_both(sums: Floats) -> Floats:
    """Solve the normal equations where both past and future are known."""
    past2, cross, future2, past, future, n, _ = sums[3]
    determinant = past2 * future2 - cross**2
    if not (n > MIN_REGRESSION_LINKS and determinant > 1e-9 * past2 * future2):
        return np.zeros(2)
    both = np.array([past * future2 - future * cross, future * past2 - past * cross])
    return np.asarray(both / determinant)


def r_squared(sums: Floats) -> float:
    """Return R squared of the regression on past and future together.

    Parameters
    ----------
    sums
        Normal equations by known context, (4, 7).
    """
    total = sums[3, 6]
    explained = float(_coefficients_of_both(sums) @ sums[3, 3:5]) / total if total > 0 else 0.0
    return min(max(explained, 0.0), 1.0)
