"""Variances between and within movies, and the number of movies that an aim needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]


def variance_components(movies: Sequence[Floats]) -> tuple[float, float]:
    """Return the variances between movies and between tracks, by analysis of variance.

    Parameters
    ----------
    movies
        Values of the tracks of each movie.

    Returns
    -------
    tuple of float
        Variance of the effect of the movie (>= 0; NaN for one movie), and that of tracks within movies (NaN if no movie
        has two).

    References
    ----------
    Searle, Casella, McCulloch: Variance Components, 1992, chapter 3.

    Examples
    --------
    >>> variance_components([np.array([1.0, 3.0]), np.array([5.0, 7.0])])
    (7.0, 2.0)
    """
    n = np.array([len(values) for values in movies], np.float64)
    freedom = n.sum() - len(n)
    within = sum(float(((values - values.mean()) ** 2).sum()) for values in movies)
    track = within / freedom if freedom > 0 else float("nan")
    if len(n) < 2:
        return float("nan"), track
    means = np.array([values.mean() for values in movies])
    grand = float((n * means).sum() / n.sum())
    between = float((n * (means - grand) ** 2).sum()) / (len(n) - 1)
    size = (n.sum() - (n**2).sum() / n.sum()) / (len(n) - 1)
    own = track if np.isfinite(track) else 0.0
    return float(max((between - own) / size, 0.0)), float(track)


def movies_needed(mean: float, sd: float, relative: float = 0.1, level: float = 0.95) -> int:
    """Return the number of movies for which the interval of the mean is not wider than a share of it on each side.

    Parameters
    ----------
    mean
        The mean.
    sd
        Standard deviation between means of movies.
    relative
        Half width of the interval, of the mean, > 0.
    level
        Coverage of the interval, 0 to 1.

    Returns
    -------
    int
        At least 2; 0 where it has no answer: the mean is 0, or the standard deviation not known.

    Examples
    --------
    >>> movies_needed(10.0, 1.0), movies_needed(10.0, 3.0)
    (7, 38)
    """
    if not (np.isfinite(sd) and mean):
        return 0
    n = np.arange(2, 10_000, dtype=np.float64)
    width = stdtrit(n - 1, (1 + level) / 2) * sd / np.sqrt(n)
    enough = np.flatnonzero(width <= relative * abs(mean))
    return int(n[enough[0]]) if enough.size else 10_000
