"""Agreement of the velocities before and after a link in directed motion, against that of two particles."""

from __future__ import annotations

import numpy as np

from playNano.algorithms.linking.detections import Floats

ITERATIONS = 15
# First estimate of the fraction of links at which the velocity changes as between two particles, and its minimum.
FIRST_TURNS = 0.1
MIN_TURNS = 0.005
# Minimum number of links from which the change of velocity is estimated.
ENOUGH_LINKS = 30

NO_TURNING: Floats = np.array([[0.0, 1.0], [0.0, 0.0]])
"""The likelihood ratio of a change of velocity where it is not known: 1."""


def fit_turning(past: Floats, future: Floats) -> Floats:
    """Fit the likelihood ratio of a change of velocity at a link of one particle to that between two particles (EM).

    The change is a mixture of steady motion, a Gaussian, and of turns, after which the velocity is independent of that
    before. The displacement may be the mean of both velocities also where two particles exchange their tracks as they
    meet; the change of velocity is not.

    Parameters
    ----------
    past, future
        Velocities before and after each link, (n, D).

    Returns
    -------
    ndarray of float64, (2, 2)
        Height and precision: the ratio at a squared change s is ``sum(height * exp(-s * precision))``. Its logarithm
        is 0 on average over the links, so that links gain nothing against the end of a track.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> velocity = rng.normal(0, 1.0, (500, 2))
    >>> height, precision = fit_turning(velocity, velocity + rng.normal(0, 0.1, (500, 2)))
    >>> bool(height[1] < 0.01), round(float(0.5 / precision[0]), 2)
    (True, 0.01)
    """
    n, dims = past.shape
    random = float(past.var(axis=0).mean() + future.var(axis=0).mean()) if n else 0.0
    if n < ENOUGH_LINKS or not random > 0:
        return NO_TURNING
    squared = ((future - past) ** 2).sum(axis=1)
    floor = 1e-6 * random
    steady, turns = min(max(float(np.median(squared)) / dims, floor), random), FIRST_TURNS
    for _ in range(ITERATIONS):
        height = np.array([(1.0 - turns) * (random / steady) ** (0.5 * dims), turns])
        precision = np.array([0.5 / steady - 0.5 / random, 0.0])
        ratio = height * np.exp(-squared[:, None] * precision)
        share = ratio[:, 0] / ratio.sum(axis=1)
        turns = float(np.clip(1.0 - share.mean(), MIN_TURNS, 1.0))
        steady = float(np.clip((share * squared).sum() / (dims * max(share.sum(), 1e-9)), floor, random))
    return np.array([height / np.exp(np.log(ratio.sum(axis=1)).mean()), precision])
