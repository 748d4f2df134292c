"""The number of populations of one quantity, and the intervals of their means and shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from playNano.algorithms.measurement.intervals import NONE, Interval, jackknife_t
from playNano.algorithms.measurement.populations.binned import weighted_values
from playNano.algorithms.measurement.populations.mixture import Mixture, fit_mixture, refit, sd_floor

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_TRACKS = 3
"""Minimum number of tracks of a population, and of tracks of all for an interval."""


@dataclass(frozen=True)
class Populations:
    """Populations of one quantity.

    Parameters
    ----------
    fits
        Fits with one population, two, ...
    selected
        Index of the one that is given.
    bic
        Bayesian information criterion of each; infinite where a population would be of less than 3 tracks.
    mean_interval, share_interval
        Intervals of the means and shares of the populations.
    """

    fits: tuple[Mixture, ...]
    selected: int
    bic: tuple[float, ...]
    mean_interval: tuple[Interval, ...]
    share_interval: tuple[Interval, ...]

    @property
    def best(self) -> Mixture:
        """The fit that is given."""
        return self.fits[self.selected]


def populations_of(values: Floats, track: Ints, max_components: int, level: float) -> Populations:
    """Group the values of tracks into populations.

    Parameters
    ----------
    values
        A value a detection, (N,), finite, N > 0.
    track
        Index of its track, 0 to n_tracks - 1, each present, (N,).
    max_components
        Maximum number of populations, >= 1.
    level
        Coverage of the intervals, 0 to 1.

    Returns
    -------
    Populations
        The number of populations has the least BIC with the logarithm of the number of tracks; a population has at
        least 3 tracks. Intervals are of the jackknife over tracks, for shares on the logit scale.

    Examples
    --------
    >>> values = np.concatenate([np.arange(10) * 0.1, 5 + np.arange(10) * 0.1])
    >>> grouped = populations_of(values, np.arange(20), 5, 0.95)
    >>> grouped.best.mean.round(2).tolist(), grouped.best.share.round(2).tolist()
    ([0.45, 5.45], [0.5, 0.5])
    """
    n_tracks = int(track.max()) + 1
    gathered = weighted_values(values, track)
    x, weights = gathered.values, gathered.weights
    min_sd = sd_floor(x, weights, _within_sd(values, track))
    fits: list[Mixture] = []
    for k in range(1, max(1, min(max_components, n_tracks // MIN_TRACKS)) + 1):
        fits.append(fit_mixture(x, weights, k, min_sd, fits[-1] if fits else None))
    large = [fit.n_components == 1 or fit.share.min() * n_tracks >= MIN_TRACKS - 0.5 for fit in fits]
    bic = [fit.bic(n_tracks) if ok else float("inf") for fit, ok in zip(fits, large, strict=True)]
    selected = int(np.argmin(bic))
    fits[selected] = refit(x, weights, fits[selected], min_sd)
    intervals = _intervals(x, weights - gathered.by_group, fits[selected], min_sd, level)
    return Populations(tuple(fits), selected, tuple(bic), *intervals)


def _within_sd(values: Floats, track: Ints) -> float | None:
    """Return the weighted standard deviation within tracks; None if half of them have fewer than three values."""
    n = np.bincount(track)
    if np.median(n) < 3:
        return None
    mean = np.bincount(track, values) / n
    return float(np.sqrt(np.mean(np.bincount(track, (values - mean[track]) ** 2) / n)))


def _intervals(
    x: Floats, left_out: Floats, fit: Mixture, min_sd: float, level: float
) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
    """Return intervals of means and shares by the jackknife; NaN for fewer than 3 tracks."""
    k = fit.n_components
    if len(left_out) < MIN_TRACKS:
        return (NONE,) * k, (NONE,) * k
    refits = [refit(x, weights, fit, min_sd, (200, 1e-8)) for weights in left_out]
    means = np.array([other.mean for other in refits])
    shares = np.array([other.share for other in refits])
    of_mean = tuple(jackknife_t(float(fit.mean[i]), means[:, i], level) for i in range(k))
    if k == 1:
        return of_mean, ((1.0, 1.0),)
    of_share = []
    for i in range(k):
        low, high = jackknife_t(float(logit(fit.share[i])), logit(shares[:, i]), level)
        of_share.append((float(expit(low)), float(expit(high))))
    return of_mean, tuple(of_share)
