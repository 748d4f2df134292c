"""Volumes as multiples of the volume of a monomer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from playNano.algorithms.measurement.intervals import NONE, Interval, jackknife_t
from playNano.algorithms.measurement.populations.binned import weighted_values
from playNano.algorithms.measurement.populations.select import MIN_TRACKS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_SPREAD, MAX_SPREAD = 0.02, 0.3
"""Standard deviation of the logarithm of the volumes of one size: minimum, and maximum at which a dimer (ln 2 = 0.69)
can be distinguished from a monomer."""


@dataclass(frozen=True)
class OligomerFit:
    """Log-normal volumes of monomers, dimers, ... of one relative spread.

    Parameters
    ----------
    log_volume
        Logarithm of the monomer's volume.
    spread
        Standard deviation of the logarithm of volumes of one size.
    share
        Share of tracks of each size, (K,).
    log_likelihood
        Sum over tracks.
    """

    log_volume: float
    spread: float
    share: Floats
    log_likelihood: float

    def bic(self, n_tracks: int) -> float:
        """Return the Bayesian information criterion with the number of tracks as that of observations.

        Parameters
        ----------
        n_tracks
            Number of tracks.
        """
        return (len(self.share) + 1) * float(np.log(n_tracks)) - 2 * self.log_likelihood


@dataclass(frozen=True)
class Oligomers:
    """The best fit with its intervals.

    Parameters
    ----------
    fit
        With the number of sizes of the least BIC.
    volume_interval
        Of the monomer's volume.
    share_interval
        Of each share.
    """

    fit: OligomerFit
    volume_interval: Interval
    share_interval: tuple[Interval, ...]

    @property
    def resolved(self) -> bool:
        """Whether there is more than one size, and sizes do not overlap, so that ratios identify the monomer."""
        return len(self.fit.share) > 1 and self.fit.spread <= MAX_SPREAD


def oligomers_of(volumes: Floats, track: Ints, max_size: int, level: float) -> Oligomers:
    """Fit volumes by multiples of the volume of a monomer.

    Parameters
    ----------
    volumes
        A volume a detection, > 0, (N,), N > 0.
    track
        Index of its track, 0 to n_tracks - 1, each present, (N,).
    max_size
        Maximum number of subunits.
    level
        Coverage of the intervals, 0 to 1.

    Returns
    -------
    Oligomers
        Sizes 1 to K, K of the least BIC with the logarithm of the number of tracks.
    """
    n_tracks = int(track.max()) + 1
    gathered = weighted_values(np.log(volumes), track)
    x, w = gathered.values, gathered.weights
    fits = [_fit(x, w, size) for size in range(1, max(1, min(max_size, n_tracks // MIN_TRACKS)) + 1)]
    best = min(fits, key=lambda fit: fit.bic(n_tracks))
    if n_tracks < MIN_TRACKS:
        return Oligomers(best, NONE, (NONE,) * len(best.share))
    refits = [_em(x, w - part, best, 100) for part in gathered.by_group]
    volume = jackknife_t(best.log_volume, [fit.log_volume for fit in refits], level)
    shares = np.array([fit.share for fit in refits])
    with np.errstate(divide="ignore"):
        own, others = logit(best.share), logit(shares)
    ends = [jackknife_t(float(own[i]), others[:, i], level) for i in range(len(own))]
    of_share = tuple((float(expit(low)), float(expit(high))) for low, high in ends)
    return Oligomers(best, (float(np.exp(volume[0])), float(np.exp(volume[1]))), of_share)


def _fit(x: Floats, w: Floats, size: int) -> OligomerFit:
    """Return the best of fits that start from monomers of many volumes."""
    centre = float(np.average(x, weights=w))
    spread = max(float(np.sqrt(np.average((x - centre) ** 2, weights=w))), MIN_SPREAD)
    if size == 1:
        return _em(x, w, OligomerFit(centre, spread, np.ones(1), -np.inf), 2)
    tried = [
        _em(x, w, OligomerFit(start, 0.15, np.full(size, 1 / size), -np.inf), 60)
        for start in np.linspace(centre - np.log(size), centre + 0.1, 12)
    ]
    return _em(x, w, max(tried, key=lambda fit: fit.log_likelihood), 1000)


def _em(x: Floats, w: Floats, start: OligomerFit, iterations: int) -> OligomerFit:
    """Fit by EM from one start."""
    log_size = np.log(np.arange(1, len(start.share) + 1))
    fit, total, before = start, w.sum(), -np.inf
    for _ in range(iterations):
        residual = x[:, None] - log_size - fit.log_volume
        joint = -0.5 * (residual / fit.spread) ** 2 - np.log(fit.spread * np.sqrt(2 * np.pi))
        joint += np.log(np.maximum(fit.share, 1e-300))
        peak = joint.max(axis=1, keepdims=True)
        part = np.exp(joint - peak)
        norm = part.sum(axis=1)
        now = float(w @ (peak[:, 0] + np.log(norm)))
        if now - before <= 1e-9 * total:
            break
        before = now
        part *= (w / norm)[:, None]
        moved = float((part * residual).sum() / total)
        spread = float(np.sqrt((part * (residual - moved) ** 2).sum() / total))
        fit = OligomerFit(fit.log_volume + moved, max(spread, MIN_SPREAD), part.sum(axis=0) / total, now)
    return OligomerFit(fit.log_volume, fit.spread, fit.share, now)
