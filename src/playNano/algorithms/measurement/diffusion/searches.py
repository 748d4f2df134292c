"""Maxima and roots of many functions of one variable at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Function = Callable[[Floats], Floats]
"""Values of n functions, each at its own k arguments: (n, k) -> (n, k)."""

DIFFERENCE = 1e-4
N_NEWTON, N_BISECTIONS = 12, 30
EXPANSION = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


def maxima(function: Function, low: Floats, high: Floats) -> Floats:
    """Return where functions are at their maximum: Newton steps inside a bracket.

    Parameters
    ----------
    function
        Evaluates the functions.
    low, high
        Ends of an interval that contains the maximum of each, (n,).
    """
    low, high = low.copy(), high.copy()
    at = (low + high) / 2
    for _ in range(N_NEWTON):
        below, here, above = function(at[:, None] + DIFFERENCE * np.array([-1.0, 0.0, 1.0])).T
        slope, curvature = (above - below) / (2 * DIFFERENCE), (above - 2 * here + below) / DIFFERENCE**2
        rising = slope > 0
        low, high = np.where(rising, at, low), np.where(rising, high, at)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = at - slope / curvature
        usable = (curvature < 0) & (newton > low) & (newton < high)
        following = np.where(usable, newton, (low + high) / 2)
        if np.all(np.abs(following - at) < 1e-9):
            break
        at = following
    return at


def crossings(function: Function, inside: Floats, direction: int, floor: Floats) -> Floats:
    """Return where functions fall through 0, by bisection in a bracket that is expanded from the inside.

    Parameters
    ----------
    function
        Evaluates the functions; they are positive at `inside` and fall from there.
    inside
        Where to begin, (n,).
    direction
        1 or -1: the side to search.
    floor
        Where the search ends, (n,); it is returned if the function is still positive there.
    """
    steps = direction * np.array(EXPANSION)
    tried = inside[:, None] + steps
    tried = np.minimum(tried, floor[:, None]) if direction > 0 else np.maximum(tried, floor[:, None])
    negative = function(tried) < 0
    first = np.where(negative.any(1), negative.argmax(1), len(steps) - 1)
    rows = np.arange(len(inside))
    outer = tried[rows, first]
    inner = np.where(first > 0, tried[rows, np.maximum(first - 1, 0)], inside)
    for _ in range(N_BISECTIONS):
        centre = (inner + outer) / 2
        if np.all(np.abs(outer - inner) < 1e-7):
            break
        positive = function(centre[:, None])[:, 0] >= 0
        inner, outer = np.where(positive, centre, inner), np.where(positive, outer, centre)
    return np.where(negative.any(1), (inner + outer) / 2, floor)
