"""Lengths of runs: exponential, seen in part, and only from a minimum length on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import chdtri

from playNano.algorithms.measurement.intervals import Interval
from playNano.algorithms.measurement.results import Status

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RunLength:
    """Mean length of a run.

    Parameters
    ----------
    value
        Its estimate, nm; NaN without ends.
    interval
        Of the value; without ends the lower end alone.
    n_ends
        Number of ends that were seen.
    status
        "ok", or why there is no value.
    """

    value: float
    interval: Interval
    n_ends: int
    status: Status


def run_length(
    travelled: Floats, after: Floats, ended: npt.NDArray[np.bool_], level: float = 0.95
) -> RunLength:
    """Return the mean length of exponential runs.

    Parameters
    ----------
    travelled
        Length that each run was seen to go on after it had the minimum length, (n,) nm.
    after
        Length that it would have gone between its last detection and the next pass of the tip, (n,) nm, > 0 for ends.
    ended
        Whether its end was seen: it is somewhere in that length, (n,).
    level
        Coverage of the interval, 0 to 1.

    Returns
    -------
    RunLength
        The rate of ends per length has the likelihood exp(-k travelled) [1 - exp(-k after)]; for a short `after` the
        length is the sum of `travelled` over the number of ends. The interval is that of a gamma distribution.

    Examples
    --------
    >>> found = run_length(np.array([100.0, 300.0]), np.array([1e-6, 1e-6]), np.array([True, True]))
    >>> round(found.value), found.n_ends
    (200, 2)
    """
    total, n = float(travelled.sum()), int(ended.sum())
    if n == 0:
        low = total / -np.log(1 - level) if total > 0 else float("nan")
        return RunLength(
            float("nan"), (float(low), float("inf")), 0, "all_censored" if total > 0 else "too_short"
        )
    gaps = after[ended]

    def slope(k: float) -> float:
        return float((gaps / np.expm1(k * gaps)).sum() - total)

    low, high = 1e-12, 1.0
    if slope(low) <= 0:
        return RunLength(float("nan"), (float("nan"), float("nan")), n, "unresolved")
    while slope(high) > 0:
        high *= 2
        if high > 1e12:
            return RunLength(0.0, (0.0, float(gaps.max())), n, "at_bound")
    value = 1 / float(brentq(slope, low, high, rtol=1e-12))
    ends = (2 * n * value / float(chdtri(2 * n, tail)) for tail in ((1 - level) / 2, (1 + level) / 2))
    first, second = ends
    return RunLength(value, (first, second), n, "ok")
