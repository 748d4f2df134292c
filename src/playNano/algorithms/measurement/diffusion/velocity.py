"""Velocity that all tracks share, and test of each track for directed motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import fdtrc, stdtrit

from playNano.algorithms.measurement.diffusion.likelihood import Noise, whiten
from playNano.algorithms.measurement.diffusion.steps import Steps
from playNano.algorithms.measurement.intervals import Interval, jackknife_t

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Velocity:
    """Velocity that all tracks share.

    Parameters
    ----------
    nm_s
        Along y and x, (2,) nm/s.
    intervals
        Of both, by jackknife over tracks.
    """

    nm_s: Floats
    intervals: tuple[Interval, Interval]

    @property
    def differs_from_zero(self) -> bool:
        """Whether one of the intervals does not contain 0."""
        return any(low > 0 or high < 0 for low, high in self.intervals)


@dataclass(frozen=True)
class DirectedMotion:
    """Velocity of each track, and the p value of none.

    Parameters
    ----------
    p
        F test on 2 and N - 2 degrees of freedom, N steps of both axes, (n_tracks,); NaN for fewer than two steps.
    nm_s, low_nm_s, high_nm_s
        Velocity along y and x and its interval, (n_tracks, 2) nm/s.
    """

    p: Floats
    nm_s: Floats
    low_nm_s: Floats
    high_nm_s: Floats


def common_velocity(steps: Steps, diffusion_nm2_s: float, noise: Noise, level: float = 0.95) -> Velocity:
    """Estimate the velocity that all tracks share, by generalised least squares.

    Parameters
    ----------
    steps
        The steps.
    diffusion_nm2_s
        D, nm2/s; positive unless there is a localisation error.
    noise
        Localisation error.
    level
        Coverage of the intervals.
    """
    step, time = whiten(steps, np.full(steps.n_tracks, diffusion_nm2_s), noise)
    top = np.column_stack([steps.sums(step[:, axis] * time[:, axis]) for axis in (0, 1)])
    bottom = np.column_stack([steps.sums(time[:, axis] ** 2) for axis in (0, 1)])
    used = bottom[:, 0] > 0
    top, bottom = top[used], bottom[used]
    value = top.sum(0) / bottom.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = (top.sum(0) - top) / (bottom.sum(0) - bottom)
    y, x = (jackknife_t(value[axis], left_out[:, axis], level) for axis in (0, 1))
    return Velocity(value, (y, x))


def directed_motion(
    steps: Steps, diffusion_nm2_s: npt.ArrayLike, noise: Noise, level: float = 0.95
) -> DirectedMotion:
    """Test each track for a velocity: F test on steps whitened by their covariance.

    Parameters
    ----------
    steps
        The steps.
    diffusion_nm2_s
        D of each track, (n_tracks,) nm2/s; only its ratio to the localisation error counts.
    noise
        Localisation error.
    level
        Coverage of the intervals of the velocities.
    """
    step, time = whiten(steps, np.asarray(diffusion_nm2_s, np.float64), noise)
    n = 2.0 * steps.n_steps
    square = steps.sums((step**2).sum(1))
    with np.errstate(invalid="ignore", divide="ignore"):
        top = np.column_stack([steps.sums(step[:, axis] * time[:, axis]) for axis in (0, 1)])
        bottom = np.column_stack([steps.sums(time[:, axis] ** 2) for axis in (0, 1)])
        velocity, explained = top / bottom, (top**2 / bottom).sum(1)
        rest = (square - explained) / (n - 2)
        f = explained / 2 / rest
        width = stdtrit(n - 2, (1 + level) / 2)[:, None] * np.sqrt(rest[:, None] / bottom)
        p = fdtrc(2.0, n - 2, f)
    usable = (steps.n_steps >= 2) & np.isfinite(f)
    velocity = np.where(usable[:, None], velocity, np.nan)
    return DirectedMotion(np.where(usable, p, np.nan), velocity, velocity - width, velocity + width)
