"""Blocks of frames that are independent: molecules at rest give the same points again in every frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.tracked_movie import TrackedMovie

Ints = npt.NDArray[np.int64]

SEEN_AGAIN = 5
"""Frames after the end of a track in which a track that begins at its place is the same molecule."""


@dataclass(frozen=True)
class Renewal:
    """How fast an arrangement becomes another one.

    Parameters
    ----------
    diffusion_nm2_s
        Diffusion coefficient from successive displacements, without localisation error, nm2/s, >= 0.
    off_rate_1_s
        Rate of unbinding from the ends of tracks, 1/s.
    time_s
        Time in which molecules cross the field or unbind, the shorter; infinite if they do neither.
    """

    diffusion_nm2_s: float
    off_rate_1_s: float
    time_s: float


def renewal(movie: TrackedMovie, same_place_nm: float) -> Renewal:
    """Estimate how fast an arrangement becomes another one.

    Parameters
    ----------
    movie
        Tracks.
    same_place_nm
        Distance along an axis within which a molecule that is seen again soon after the end of a track is the same one,
        nm, > 0.
    """
    diffusion = diffusion_of(movie)
    rate = _off_rate(movie, same_place_nm)
    side = min(movie.window.height_nm, movie.window.width_nm)
    times = [np.inf]
    if diffusion > 0 and np.isfinite(side):
        times.append(side**2 / (4 * diffusion))
    if rate > 0:
        times.append(1 / rate)
    return Renewal(diffusion, rate, float(min(times)))


def diffusion_of(movie: TrackedMovie) -> float:
    """Return the diffusion coefficient of all tracks together by the covariance of displacements, nm2/s, >= 0.

    Parameters
    ----------
    movie
        Tracks.

    References
    ----------
    Vestergaard, Blainey, Flyvbjerg: Optimal estimation of diffusion coefficients from single-particle trajectories,
    Phys. Rev. E 89, 2014, 022726, doi 10.1103/PhysRevE.89.022726.
    """
    track, place = movie.track(), movie.position_nm()
    time = movie.column("time_s")
    step, lag = np.diff(place, axis=0), np.diff(time)
    same = track[1:] == track[:-1]
    both = same[1:] & same[:-1]
    if not both.any():
        return 0.0
    square = (step[same] ** 2).mean()
    product = (step[1:][both] * step[:-1][both]).mean()
    return float(max((square + 2 * product) / (2 * lag[same].mean()), 0.0))


def _off_rate(movie: TrackedMovie, same_place_nm: float) -> float:
    """Return the rate of unbinding: ends of tracks, unless another begins there soon after, over the time seen."""
    from scipy.spatial import cKDTree

    table, frames = movie.table, movie.frames
    if not len(table):
        return 0.0
    begins = np.append(True, np.diff(movie.track()) != 0)
    ends = np.append(begins[1:], True)
    frame, place = table["frame"].to_numpy(np.int64), movie.position_nm(corrected=False)
    last = np.flatnonzero(frames.observed).max(initial=-1)
    left = ends & (frame < last)
    centre = 1 + (SEEN_AGAIN - 1) / 2
    # In these units a start in one of the next frames at the same place is nearer than 1 along each axis.
    units = np.array([same_place_nm, same_place_nm, SEEN_AGAIN / 2])
    starts = np.column_stack([place[begins], frame[begins]]) / units
    at = np.column_stack([place[left], frame[left] + centre]) / units
    again = np.isfinite(cKDTree(starts).query(at, p=np.inf, distance_upper_bound=1.0)[0])
    n_gone = int((~again).sum())
    passes = frames.observed_before
    survived = int((passes[frame[ends]] - passes[frame[begins]]).sum())
    if not n_gone or not frames.interval_s > 0:
        return 0.0
    if not survived:
        return 1 / frames.interval_s
    return float(-np.log1p(-n_gone / (n_gone + survived)) / frames.interval_s)


def blocks_of(n: int, length: float) -> Ints:
    """Return the block to which each of n frames belongs, numbered from 0; the last block is the longest.

    Parameters
    ----------
    n
        Number of frames.
    length
        Minimum length of a block, frames; infinite for one block.

    Examples
    --------
    >>> blocks_of(7, 3).tolist()
    [0, 0, 0, 1, 1, 1, 1]
    """
    if not np.isfinite(length) or length >= n:
        return np.zeros(n, np.int64)
    size = max(1, int(np.ceil(length)))
    return np.minimum(np.arange(n) // size, n // size - 1)
