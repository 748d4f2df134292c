"""Patterns of the null models, and the global test against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.window import Window

Floats = npt.NDArray[np.float64]

MAX_PROPOSALS = 2000
"""Proposals for one molecule, after which a pattern has no place left for it."""


def random_patterns(
    n: int, window: Window, diameter: float, n_sets: int, rng: np.random.Generator
) -> Floats | None:
    """Place molecules at random one after the other, none closer than a diameter to another.

    The window is periodic, so that molecules are as frequent near its border as elsewhere.

    Parameters
    ----------
    n
        Molecules in a pattern.
    window
        The window.
    diameter
        Minimum distance, nm; 0 for complete spatial randomness.
    n_sets
        Number of patterns.
    rng
        Random numbers.

    Returns
    -------
    ndarray of float64 or None
        Places y, x in nm, (n_sets, n, 2); None where so many molecules of this size have no place in the window.

    References
    ----------
    Widom, Random sequential addition of hard spheres to a volume, J. Chem. Phys. 44, 1966, 3888,
    doi 10.1063/1.1726548.

    Examples
    --------
    >>> patterns = random_patterns(3, Window(0, 10, 0, 10), 2.0, 5, np.random.default_rng(0))
    >>> patterns.shape
    (5, 3, 2)
    """
    size = np.array([window.height_nm, window.width_nm])
    corner = np.array([window.y_low_nm, window.x_low_nm])
    if diameter <= 0:
        return np.asarray(corner + size * rng.random((n_sets, n, 2)), dtype=np.float64)
    placed = np.empty((n_sets, n, 2))
    for number in range(n):
        pending = np.arange(n_sets)
        for _ in range(MAX_PROPOSALS):
            proposed = size * rng.random((len(pending), 2))
            offset = np.abs(placed[pending, :number] - proposed[:, None])
            offset = np.minimum(offset, size - offset)
            free = ((offset**2).sum(axis=2) >= diameter**2).all(axis=1)
            placed[pending[free], number] = proposed[free]
            pending = pending[~free]
            if not len(pending):
                break
        else:
            return None
    return np.asarray(corner + placed, dtype=np.float64)


@dataclass(frozen=True)
class GlobalTest:
    """Result of a global test of a curve against simulated ones.

    Parameters
    ----------
    p
        Fraction of all curves, the observed one included, that deviate at least as much.
    deviation
        Deviation of the observed curve.
    mean
        Mean curve, (n,).
    low, high
        Envelope that the observed curve leaves anywhere if and only if the maximum of its deviation is significant,
        (n,).
    """

    p: float
    deviation: float
    mean: Floats
    low: Floats
    high: Floats


def global_test(
    observed: Floats, simulated: Floats, statistic: Literal["maximum", "integral"], level: float = 0.95
) -> GlobalTest:
    """Test a curve against simulated ones as a whole, not point by point.

    The observed curve counts in the mean and the standard deviation as the simulated ones do, so that under the null
    model all curves are exchangeable and p has its nominal size.

    Parameters
    ----------
    observed
        The curve, (n,).
    simulated
        Curves of the null model, (n_simulations, n).
    statistic
        "maximum" or "integral" (of the square) of the deviation in units of its standard deviation.
    level
        Coverage of the envelope.

    Returns
    -------
    GlobalTest
        The test.

    References
    ----------
    Myllymaki, Mrkvicka, Grabarnik, Seijo, Hahn: Global envelope tests for spatial processes, J. R. Stat. Soc. B 79,
    2017, 381-404, doi 10.1111/rssb.12172.

    Examples
    --------
    >>> curves = np.random.default_rng(0).normal(size=(199, 10))
    >>> global_test(np.full(10, 6.0), curves, "maximum").p
    0.005
    """
    curves = np.vstack([observed, simulated])
    mean, sd = curves.mean(axis=0), curves.std(axis=0, ddof=1)
    varies = sd > 0
    if not varies.any():
        return GlobalTest(1.0, 0.0, mean, mean, mean)
    deviations = np.abs(curves[:, varies] - mean[varies]) / sd[varies]
    maxima = deviations.max(axis=1)
    tested = maxima if statistic == "maximum" else (deviations**2).sum(axis=1)
    p = float(np.mean(tested >= tested[0]))
    # The observed maximum is significant if it exceeds that many of the simulated ones.
    rank = max(1, int(np.floor((1 - level) * len(curves) + 1e-9)))
    width = np.sort(maxima[1:])[-rank] * sd
    return GlobalTest(p, float(tested[0]), mean, mean - width, mean + width)
