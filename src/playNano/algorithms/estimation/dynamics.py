"""How particles move, come and go, measured from a movie without the user's own detection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import pixel_pair
from playNano.algorithms.estimation._level import level
from playNano.algorithms.estimation._peaks import seek
from playNano.algorithms.estimation.motion import MotionEstimate, estimate_motion
from playNano.algorithms.linking.movie import link_frames
from playNano.errors import ParameterError

FloatArray = npt.NDArray[np.float64]

# Frames that a particle may go unseen before it counts as gone.
_PATIENCE = 2
# Shorter tracks may be noise.
_LEAST_FRAMES = 4
# A step of a Brownian particle is longer than this many standard deviations once in 3000.
_REACH = 4.0
# Beyond this part of the distance between neighbours nobody can tell who is who.
_FARTHEST = 1.5
_TURNS = 4


@dataclass(frozen=True)
class DynamicsEstimate:
    """How particles move, come and go.

    Parameters
    ----------
    motion
        Diffusion coefficient, localisation error, common velocity.
    unbind_rate_s
        Departures a second and particle, 1/s: ends of tracks away from the border.
    reach_nm
        Distance within which particles were followed from frame to frame, nm.
    crowded
        Whether particles go so far between frames that neighbours are confused: the speed is then a lower bound.
    n_tracks
        Tracks that were used.
    """

    motion: MotionEstimate
    unbind_rate_s: float
    reach_nm: float
    crowded: bool
    n_tracks: int


def locate_particles(
    frames: npt.ArrayLike, pixel_size_nm: float | tuple[float, float], *, min_height_nm: float = 0.0
) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray]:
    """Find the particles of raw frames; the frames are levelled on a copy.

    Parameters
    ----------
    frames
        Heights, nm, (n, h, w), each with something on it.
    pixel_size_nm
        A number or (y, x), nm, > 0.
    min_height_nm
        What is less high is taken as debris, whatever the median height, nm.

    Returns
    -------
    frame : ndarray of int64, (m,)
        Index of the frame of each particle.
    places_nm : ndarray of float64, (m, 2)
        Its (y, x), nm.
    height_nm : ndarray of float64, (m,)
        Its height above the ground, nm; NaN where it touches others.

    Raises
    ------
    ParameterError
        The frames are no movie, or the pixel size is not positive.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> bump = 5 * np.exp(-((y - 31.25) ** 2 + (x - 25) ** 2) / 32)
    >>> noisy = bump + np.random.default_rng(0).normal(0, 0.05, (64, 64))
    >>> frame, places, height = locate_particles(noisy[None], 2.0)
    >>> frame.tolist(), np.rint(places + 0.1).tolist(), height.round().tolist()
    ([0], [[63.0, 50.0]], [5.0])
    """
    size = pixel_pair(pixel_size_nm)
    movie = np.asarray(frames)
    if movie.ndim != 3 or min(movie.shape[1:]) < 8 or movie.dtype.kind not in "fiu":
        raise ParameterError(
            f"frames must be heights (n, h, w) of at least 8 x 8 pixels, got shape {movie.shape}."
        )
    levelled = level(movie.astype(np.float64))
    seen = seek(levelled, min_height_nm)
    if seen is None:
        return np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0)
    keep = seen.inside(levelled)
    return seen.peaks[keep, 0], seen.places()[keep] * size, seen.height_nm[keep]


def estimate_dynamics(
    frame: npt.ArrayLike,
    time_s: npt.ArrayLike,
    places_nm: npt.ArrayLike,
    field_nm: tuple[float, float],
    *,
    observed: npt.ArrayLike | None = None,
) -> DynamicsEstimate:
    """Estimate how particles move, come and go from where they are in every frame.

    They are followed from frame to frame by optimal assignment; the distance within which they are looked for
    starts at half the distance between neighbours, and is then set to four standard deviations of a step.

    Parameters
    ----------
    frame
        Frame of each detection, int, (n,).
    time_s
        When the tip passed it, s, (n,).
    places_nm
        Its (y, x), nm, (n, 2).
    field_nm
        Size of the field of view (y, x), nm.
    observed
        Which frames were looked at, (n_frames,) bool; None for all.

    Returns
    -------
    DynamicsEstimate
        Motion and rates; NaN where there are too few steps.

    Raises
    ------
    ParameterError
        Shapes disagree, or a place is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> walk = 500 + np.cumsum(rng.normal(0, 5, (400, 2)), axis=0)
    >>> found = estimate_dynamics(np.arange(400), np.arange(400) * 0.5, walk, (1000.0, 1000.0))
    >>> round(found.motion.diffusion_nm2_s), found.unbind_rate_s, found.crowded
    (24, 0.0, False)
    """
    frames = np.asarray(frame, dtype=np.int64)
    times = np.asarray(time_s, dtype=np.float64)
    places = np.asarray(places_nm, dtype=np.float64)
    if places.shape != (len(frames), 2) or times.shape != frames.shape:
        raise ParameterError("frame, time_s and places_nm must have one row a detection.")
    apart = _neighbours_apart(frames, places, field_nm)
    reach, farthest = apart / 2, _FARTHEST * apart
    for _ in range(_TURNS):
        track = link_frames(
            frames,
            places,
            max_distance=reach,
            max_missing=_PATIENCE,
            distance_scale="sqrt",
            observed=observed,
        )
        motion = estimate_motion(frames, track, times, places[:, 0], places[:, 1])
        if not np.isfinite(motion.diffusion_nm2_s):
            break
        wanted = _REACH * _step_nm(motion, frames, times, track)
        following, reach = reach, float(np.clip(wanted, 1e-6 * apart, farthest))
        if abs(following - reach) < 0.02 * reach:
            break
    rate, n_tracks = _unbinding(frames, times, places, track, reach, field_nm)
    return DynamicsEstimate(motion, rate, reach, bool(reach >= farthest), n_tracks)


def _neighbours_apart(
    frames: npt.NDArray[np.int64], places: FloatArray, field_nm: tuple[float, float]
) -> float:
    """Return the median distance to the nearest neighbour in a frame; half the field where there are none."""
    from scipy.spatial import KDTree

    nearest = [np.zeros(0)]
    for f in np.unique(frames):
        here = places[frames == f]
        if len(here) > 1:
            nearest.append(KDTree(here).query(here, k=2)[0][:, 1])
    every = np.concatenate(nearest)
    return float(min(np.median(every), max(field_nm) / 2)) if every.size else max(field_nm) / 2


def _step_nm(
    motion: MotionEstimate, frames: npt.NDArray[np.int64], times: FloatArray, track: npt.NDArray[np.int64]
) -> float:
    """Return the standard deviation, per axis, of a step from one frame to the next, common velocity included."""
    order = np.lexsort((frames, track))
    next_to = (np.diff(track[order]) == 0) & (np.diff(frames[order]) == 1) & (track[order][1:] >= 0)
    wait = float(np.median(np.diff(times[order])[next_to]))
    drift = np.hypot(*motion.velocity_nm_s) * wait
    return float(np.sqrt(2 * motion.diffusion_nm2_s * wait + 2 * motion.localisation_nm**2 + drift**2))


def _unbinding(
    frames: npt.NDArray[np.int64],
    times: FloatArray,
    places: FloatArray,
    track: npt.NDArray[np.int64],
    reach: float,
    field_nm: tuple[float, float],
) -> tuple[float, int]:
    """Return ends of tracks, away from the border and from the end of the movie, by the time they were followed."""
    order = np.lexsort((frames, track))
    order = order[track[order] >= 0]
    track, frames, times, places = track[order], frames[order], times[order], places[order]
    length = np.bincount(track)[track] if len(track) else track
    keep = length >= _LEAST_FRAMES
    track, frames, times, places = track[keep], frames[keep], times[keep], places[keep]
    if len(track) < 2:
        return float("nan"), 0
    last = np.append(np.diff(track) != 0, True)
    away = ((places > reach) & (places < np.array(field_nm) - reach)).all(axis=1)
    inside = away & (frames < frames.max() - _PATIENCE)
    stays = ~last & inside
    followed = float(np.diff(times, append=times[-1])[stays].sum())
    ends = int((last & inside).sum())
    return (ends / followed if followed > 0 else float("nan")), len(np.unique(track))
