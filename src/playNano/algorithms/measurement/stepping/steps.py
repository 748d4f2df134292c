"""Steps in the position along a path, by penalised least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.stepping._steps_kernels import change_points

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """Steps of one trace.

    Parameters
    ----------
    at
        Index of the first value after each step, (n,).
    size, error
        Height of each step, and its standard error, (n,).
    noise
        Standard deviation of a value.
    """

    at: Ints
    size: Floats
    error: Floats
    noise: float


def noise_of(position: Floats) -> float:
    """Return the standard deviation of values about steps that are rare.

    Parameters
    ----------
    position
        Values in the order of time, (n,).

    Returns
    -------
    float
        1.4826 times the median absolute difference of successive values, over sqrt(2).
    """
    if len(position) < 2:
        return float("nan")
    return float(1.4826 * np.median(np.abs(np.diff(position))) / np.sqrt(2))


def find_steps(position: Floats, beta: float = 2.0, noise: float | None = None) -> Steps:
    """Find the steps of a trace: exact minimum of squares plus a penalty for each step.

    Parameters
    ----------
    position
        Values in the order of time, (n,).
    beta
        Penalty of a step, in units of ln(n) noise^2, > 0.
    noise
        Standard deviation of a value; None: from the median absolute difference.

    References
    ----------
    Killick, Fearnhead, Eckley: Optimal detection of changepoints with a linear computational cost, J. Am. Stat. Assoc.
    107, 2012, doi 10.1080/01621459.2012.737745.

    Examples
    --------
    >>> found = find_steps(np.array([0.0, 0.1, -0.1, 8.0, 8.1, 7.9, 8.0]))
    >>> found.at.tolist(), found.size.round(2).tolist()
    ([3], [8.0])
    """
    sd = noise_of(position) if noise is None else noise
    n = len(position)
    if n < 2 or not sd > 0:
        none = np.empty(0)
        return Steps(np.empty(0, np.int64), none, none, sd)
    at = change_points(np.ascontiguousarray(position, np.float64), beta * np.log(n) * sd**2)
    edges = np.concatenate([[0], at, [n]]).astype(np.int64)
    count = np.diff(edges)
    mean = np.add.reduceat(position, edges[:-1]) / count
    error = sd * np.sqrt(1 / count[1:] + 1 / count[:-1])
    return Steps(at, np.diff(mean), error, sd)
