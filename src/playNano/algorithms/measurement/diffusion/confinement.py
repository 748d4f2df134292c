"""Confinement of a track: Ornstein-Uhlenbeck process against free diffusion, by parametric bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from playNano.algorithms.measurement.diffusion._confinement_kernels import confined_log_likelihoods
from playNano.algorithms.measurement.diffusion.steps import Steps
from playNano.algorithms.measurement.results import Status

Floats = npt.NDArray[np.float64]

MIN_STEPS = 9
"""Minimum number of successive steps."""

SIGNIFICANT = 0.05
"""p value below which a radius is reported."""

ENOUGH_EXCEEDANCES = 10
"""The bootstrap ends after this number of free tracks that appear more confined than the track."""

FREE = 1e6
"""Variance of a free particle, in variances of the track."""

D_NODES = np.geomspace(0.25, 8.0, 9)
VARIANCE_NODES = np.geomspace(0.1, 300.0, 13)
N_PROFILE = 60


@dataclass(frozen=True)
class Confinement:
    """Confinement of one track.

    Parameters
    ----------
    p
        Fraction of free tracks that appear at least as confined.
    variance_nm2
        Stationary variance along each axis, nm2, and its profile likelihood interval; the high end may be infinite.
    low_nm2, high_nm2
        Ends of the interval.
    status
        "ok" if confined, "unresolved" if not significant, "too_short".
    """

    p: float = float("nan")
    variance_nm2: float = float("nan")
    low_nm2: float = float("nan")
    high_nm2: float = float("nan")
    status: Status = "too_short"


@dataclass(frozen=True)
class _Track:
    """Positions of the longest piece of a track."""

    position: Floats
    time: Floats
    noise_variance: Floats

    def values(self, diffusion: Floats, variance: Floats) -> Floats:
        """Return the log likelihood for pairs of D and variance, (n_variance, n_diffusion)."""
        return np.asarray(
            confined_log_likelihoods(self.position, self.time, self.noise_variance, diffusion, variance)
        )


def longest_piece(steps: Steps, track: int) -> slice:
    """Return the rows of the longest series of successive steps of a track.

    Parameters
    ----------
    steps
        The steps.
    track
        Its index.
    """
    low, high = int(steps.first[track]), int(steps.first[track + 1])
    starts = np.append(low + np.flatnonzero(steps.begins[low:high]), high)
    lengths = np.diff(starts)
    k = int(lengths.argmax()) if len(lengths) else 0
    return slice(int(starts[k]), int(starts[k]) + (int(lengths[k]) if len(lengths) else 0))


def confinement_of(
    step_nm: Floats,
    time_s: Floats,
    noise_variance_nm2: Floats,
    n_draws: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Confinement:
    """Test a series of steps for confinement, and estimate the stationary variance.

    The ratio of the likelihoods of confined and free motion is compared with that of simulated free tracks of the same
    D, times and localisation error; the simulation ends early where p is large.

    Parameters
    ----------
    step_nm
        Successive displacements, (n, 2) nm.
    time_s
        Their durations, (n,) s.
    noise_variance_nm2
        Variance of the localisation along y and x, (2,) nm2.
    n_draws
        Maximum number of simulated tracks, >= 1.
    rng
        Random numbers.
    level
        Coverage of the interval.

    References
    ----------
    Besag, Clifford: Sequential Monte Carlo p-values, Biometrika 78, 1991, doi 10.1093/biomet/78.2.301.
    """
    if len(step_nm) < MIN_STEPS or not (step_nm != 0).any():
        return Confinement()
    time = np.append(0.0, np.cumsum(time_s))
    position = np.concatenate([np.zeros((1, 2)), np.cumsum(step_nm, axis=0)])
    # Without any error of localisation the filter would divide by the variance of a repeated position.
    noise = np.maximum(np.asarray(noise_variance_nm2, np.float64), 1e-9 * float(step_nm.var()))
    track = _Track(position, time, noise)
    ratio, free_d, d = _ratio(track)
    exceed, drawn = 0, 0
    while drawn < n_draws and exceed < ENOUGH_EXCEEDANCES:
        walk = np.cumsum(rng.normal(0.0, np.sqrt(2 * free_d * time_s)[:, None], (len(time_s), 2)), axis=0)
        simulated = np.concatenate([np.zeros((1, 2)), walk]) + rng.normal(0, np.sqrt(noise), (len(time), 2))
        exceed += _ratio(_Track(simulated, time, noise))[0] >= ratio
        drawn += 1
    p = exceed / drawn if exceed == ENOUGH_EXCEEDANCES else (exceed + 1) / (drawn + 1)
    best, low, high = _variance(track, d, level)
    return Confinement(p, best, low, high, "ok" if p < SIGNIFICANT else "unresolved")


def _ratio(track: _Track) -> tuple[float, float, float]:
    """Return twice the log likelihood ratio of confined and free motion, D of free motion, and D of confined motion."""
    spread = float(track.position.var(axis=0).mean())
    steps = np.diff(track.position, axis=0)
    d = float((steps**2).mean() / (2 * np.diff(track.time).mean()))
    free_nodes, far = d * np.geomspace(0.02, 4.0, 12), np.array([FREE * spread])
    for _ in range(3):
        values = track.values(free_nodes, far)[0]
        free, free_d = float(values.max()), float(free_nodes[values.argmax()])
        factor = (free_nodes[1] / free_nodes[0]) ** np.linspace(-1, 1, 7)
        free_nodes = free_d * factor
    d_nodes, variances = free_d * D_NODES, spread * VARIANCE_NODES
    for _ in range(3):
        values = track.values(d_nodes, variances)
        i, j = np.unravel_index(values.argmax(), values.shape)
        best, best_d = float(values[i, j]), float(d_nodes[j])
        d_nodes = best_d * (d_nodes[1] / d_nodes[0]) ** np.linspace(-1, 1, 5)
        variances = variances[i] * (variances[1] / variances[0]) ** np.linspace(-1, 1, 5)
    return 2 * max(best - free, 0.0), free_d, best_d


def _variance(track: _Track, d: float, level: float) -> tuple[float, float, float]:
    """Return the stationary variance and its profile likelihood interval, nm2."""
    variances = float(track.position.var(axis=0).mean()) * np.geomspace(0.03, FREE, 4 * N_PROFILE)
    profile = np.full(len(variances), -np.inf)
    for nodes in (d * np.geomspace(0.1, 10.0, 25), d * np.geomspace(0.6, 1.6, 15)):
        profile = np.maximum(profile, track.values(nodes, variances).max(1))
    best = int(profile.argmax())
    inside = np.flatnonzero(profile >= profile[best] - chdtri(1, 1 - level) / 2)
    high = float("inf") if inside[-1] == len(variances) - 1 else float(variances[inside[-1]])
    return float(variances[best]), float(variances[inside[0]]), high
