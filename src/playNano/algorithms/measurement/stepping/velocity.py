"""Velocities by generalised least squares: steps in time are correlated by the noise of places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky_banded, solve_banded
from scipy.optimize import minimize_scalar

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_NOISE = 0.999
"""Maximum share of the noise in the covariance of steps; at 1 there is no diffusion at all."""


@dataclass(frozen=True)
class Increments:
    """Steps between successive detections of all pieces.

    Parameters
    ----------
    displacement
        Along the path, (M,) nm.
    duration
        Between the moments at which the tip passed, (M,) s, > 0.
    piece
        Number of the piece of each, 0 to n - 1, increasing, (M,).
    """

    displacement: Floats
    duration: Floats
    piece: Ints

    @property
    def n_pieces(self) -> int:
        """Number of pieces."""
        return int(self.piece[-1]) + 1 if len(self.piece) else 0

    def sum(self, values: Floats) -> Floats:
        """Return sums by piece.

        Parameters
        ----------
        values
            A value a step, (M,).
        """
        return np.asarray(np.bincount(self.piece, values, self.n_pieces), np.float64)


@dataclass(frozen=True)
class Velocities:
    """Velocities of pieces, and the motion about them.

    Parameters
    ----------
    velocity, error
        Of each piece, (n,) nm/s.
    diffusion
        Diffusion coefficient along the path, about the velocity, of all pieces, nm2/s, >= 0.
    noise
        Standard deviation of a place, nm, >= 0.
    degrees
        Degrees of freedom of the variance from which errors are computed.
    """

    velocity: Floats
    error: Floats
    diffusion: float
    noise: float
    degrees: int


def increments_of(along: Floats, time: Floats, piece: Ints) -> Increments:
    """Return the steps between successive detections.

    Parameters
    ----------
    along
        Places along the path, (N,) nm, by piece, then time.
    time
        Times, (N,) s.
    piece
        Number of the piece, 0 to n - 1, each with two detections or more, (N,).
    """
    same = piece[1:] == piece[:-1]
    return Increments(np.diff(along)[same], np.diff(time)[same], piece[1:][same])


def fit_velocities(steps: Increments, *, moving: bool = True) -> Velocities:
    """Fit a velocity a piece, and diffusion and noise of all pieces together by restricted maximum likelihood.

    The covariance of steps is 2 D dt + 2 s on the diagonal and -s beside it within a piece, s the variance of a place.

    Parameters
    ----------
    steps
        Steps of one piece or more.
    moving
        Whether pieces have velocities; if not they are 0.

    Examples
    --------
    >>> steps = increments_of(np.array([0.0, 1, 2, 3, 0, 3, 6]), np.array([0.0, 1, 2, 3, 0, 1, 2]),
    ...                       np.array([0, 0, 0, 0, 1, 1, 1]))
    >>> fit_velocities(steps).velocity.round(6).tolist()
    [1.0, 3.0]
    """
    scale = float(steps.duration.mean())
    best = minimize_scalar(
        lambda share: -_restricted(steps, share, scale, moving)[0], bounds=(0.0, MAX_NOISE), method="bounded",
        options={"xatol": 1e-5},
    ).x  # fmt: skip
    tried = {share: _restricted(steps, share, scale, moving)[0] for share in (0.0, float(best), MAX_NOISE)}
    share = max(tried, key=lambda value: tried[value])
    _, velocity, information, variance, degrees = _restricted(steps, share, scale, moving)
    error = np.sqrt(variance / information) if moving else np.zeros_like(velocity)
    # At the bound nothing of the covariance is diffusion.
    diffusion = 0.0 if share == MAX_NOISE else variance * (1 - share) / scale
    return Velocities(velocity, error, diffusion, float(np.sqrt(variance * share)), degrees)


def _restricted(
    steps: Increments, share: float, scale: float, moving: bool
) -> tuple[float, Floats, Floats, float, int]:
    """Return log likelihood, velocities, their information per variance, variance, and degrees of freedom.

    The covariance is variance times (1 - share) 2 dt / scale + share (2, -1).
    """
    n = len(steps.displacement)
    band = np.zeros((2, n))
    band[0] = 2 * (1 - share) * steps.duration / scale + 2 * share
    band[1, :-1] = np.where(steps.piece[1:] == steps.piece[:-1], -share, 0.0)
    factor = cholesky_banded(band, lower=True)
    white = solve_banded((1, 0), factor, np.stack([steps.displacement, steps.duration], axis=1))
    tt, dt, dd = (steps.sum(white[:, i] * white[:, j]) for i, j in ((1, 1), (0, 1), (0, 0)))
    velocity = dt / tt if moving else np.zeros(steps.n_pieces)
    degrees = n - steps.n_pieces if moving else n
    rest = float((dd - velocity * dt).sum())
    variance = max(rest, 1e-300) / max(degrees, 1)
    log_likelihood = -degrees * np.log(variance) / 2 - float(np.log(factor[0]).sum())
    if moving:
        log_likelihood -= float(np.log(tt).sum()) / 2
    return float(log_likelihood), velocity, tt, variance, degrees
