"""Motion and departures of particles, estimated from a movie without detections of the user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import pixel_pair
from playNano.algorithms.estimation._level import level
from playNano.algorithms.estimation._peaks import find_particles
from playNano.algorithms.estimation.motion import MotionEstimate, estimate_motion
from playNano.algorithms.linking.detections import sort_detections
from playNano.algorithms.linking.frames import link_frames
from playNano.algorithms.linking.search_range import estimate_steps
from playNano.algorithms.linking.settings import GROWTH_POWER
from playNano.errors import ParameterError

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Number of frames for which a particle may be missing before it counts as gone.
_MAX_MISSING = 2
# Shorter tracks may be noise.
_MIN_FRAMES = 4
# A step of a Brownian particle exceeds this many standard deviations once in 3000 steps.
_SEARCH_RANGE = 4.0
# Steps above this fraction of the distance between neighbours lead to wrong links.
_MAX_SEARCH_RANGE = 1.5
_MAX_ITERATIONS = 4


@dataclass(frozen=True)
class DynamicsEstimate:
    """Motion and departures of the particles of a movie.

    Parameters
    ----------
    motion
        Diffusion coefficient, localisation error, common velocity.
    unbind_rate_s
        Departures per particle and second, 1/s: ends of tracks away from the border.
    search_range_nm
        Search range of linking from frame to frame, nm.
    crowded
        Whether particles move so far between frames that links are ambiguous: the speed is then a lower bound.
    n_tracks
        Number of tracks used.
    """

    motion: MotionEstimate
    unbind_rate_s: float
    search_range_nm: float
    crowded: bool
    n_tracks: int


def locate_particles(
    frames: npt.ArrayLike, pixel_size_nm: float | tuple[float, float], *, min_height_nm: float = 0.0
) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray]:
    """Detect the particles of raw frames; a copy of the frames is levelled.

    Parameters
    ----------
    frames
        Heights, nm, (n, h, w); none of the frames is blank.
    pixel_size_nm
        A number or (y, x), nm, > 0.
    min_height_nm
        Lower peaks count as debris, whatever the median height, nm.

    Returns
    -------
    frame : ndarray of int64, (m,)
        Index of the frame of each particle.
    positions_nm : ndarray of float64, (m, 2)
        Its (y, x), nm.
    height_nm : ndarray of float64, (m,)
        Its height above the background, nm; NaN where it touches others.

    Raises
    ------
    ParameterError
        The frames do not have the shape of a movie, or the pixel size is not positive.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> bump = 5 * np.exp(-((y - 31.25) ** 2 + (x - 25) ** 2) / 32)
    >>> noisy = bump + np.random.default_rng(0).normal(0, 0.05, (64, 64))
    >>> frame, positions, height = locate_particles(noisy[None], 2.0)
    >>> frame.tolist(), np.rint(positions + 0.1).tolist(), height.round().tolist()
    ([0], [[63.0, 50.0]], [5.0])
    """
    size = pixel_pair(pixel_size_nm)
    movie = np.asarray(frames)
    if movie.ndim != 3 or min(movie.shape[1:]) < 8 or movie.dtype.kind not in "fiu":
        raise ParameterError(
            f"frames must be heights (n, h, w) of at least 8 x 8 pixels, got shape {movie.shape}."
        )
    levelled = level(movie.astype(np.float64))
    particles = find_particles(levelled, min_height_nm)
    if particles is None:
        return np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0)
    keep = particles.inside(levelled)
    return particles.peaks[keep, 0], particles.positions()[keep] * size, particles.height_nm[keep]


def estimate_dynamics(
    frame: npt.ArrayLike,
    time_s: npt.ArrayLike,
    positions_nm: npt.ArrayLike,
    field_nm: tuple[float, float],
    *,
    observed: npt.ArrayLike | None = None,
) -> DynamicsEstimate:
    """Estimate motion and departures of particles from their positions in every frame.

    They are linked from frame to frame by optimal assignment. The search range is at first that of tracking, from the
    distribution of displacements that no range has clipped; linking is then repeated with four standard deviations of
    a step, where these are longer.

    Parameters
    ----------
    frame
        Frame of each detection, int, (n,).
    time_s
        Time at which the tip passed it, s, (n,).
    positions_nm
        Its (y, x), nm, (n, 2).
    field_nm
        Size of the field of view (y, x), nm.
    observed
        Whether each frame shows the surface, (n_frames,) bool; None: all do.

    Returns
    -------
    DynamicsEstimate
        Motion and rates; NaN where there are too few steps.

    Raises
    ------
    ParameterError
        Shapes disagree, or a position is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> walk = 500 + np.cumsum(rng.normal(0, 5, (400, 2)), axis=0)
    >>> dynamics = estimate_dynamics(np.arange(400), np.arange(400) * 0.5, walk, (1000.0, 1000.0))
    >>> round(dynamics.motion.diffusion_nm2_s), dynamics.unbind_rate_s, dynamics.crowded
    (24, 0.0, False)
    """
    frames = np.asarray(frame, dtype=np.int64)
    times = np.asarray(time_s, dtype=np.float64)
    positions = np.asarray(positions_nm, dtype=np.float64)
    if positions.shape != (len(frames), 2) or times.shape != frames.shape:
        raise ParameterError("frame, time_s and positions_nm must have one row per detection.")
    spacing = _neighbour_distance(frames, positions, field_nm)
    longest = _MAX_SEARCH_RANGE * spacing
    first = search_range = min(_first_search_range(frames, positions, observed), longest)
    for _ in range(_MAX_ITERATIONS):
        track = link_frames(
            frames,
            positions,
            max_distance=search_range,
            max_missing=_MAX_MISSING,
            distance_scale="sqrt",
            observed=observed,
        )
        motion = estimate_motion(frames, track, times, positions[:, 0], positions[:, 1])
        if not np.isfinite(motion.diffusion_nm2_s):
            break
        before = search_range
        step = _SEARCH_RANGE * _step_nm(motion, frames, times, track)
        search_range = float(np.clip(step, first, longest))
        if abs(before - search_range) < 0.02 * search_range:
            break
    inner = _away_from_border(positions, search_range, field_nm)
    rate, n_tracks = _departure_rate(frames, times, inner, track)
    return DynamicsEstimate(motion, rate, search_range, bool(search_range >= longest), n_tracks)


def _first_search_range(
    frames: npt.NDArray[np.int64], positions: FloatArray, observed: npt.ArrayLike | None
) -> float:
    """Return the search range from the unclipped distribution of displacements."""
    detections = sort_detections(frames, positions, observed=observed)
    power = GROWTH_POWER["sqrt"]
    return estimate_steps(detections.points, detections.dims, power).search_range() if detections.n else 1.0


def _neighbour_distance(
    frames: npt.NDArray[np.int64], positions: FloatArray, field_nm: tuple[float, float]
) -> float:
    """Return the median distance to the nearest neighbour in a frame; half the field where there are none."""
    from scipy.spatial import KDTree

    nearest = [np.zeros(0)]
    for f in np.unique(frames):
        here = positions[frames == f]
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


def _away_from_border(positions: FloatArray, distance: float, field_nm: tuple[float, float]) -> Mask:
    """Return whether positions (n, 2) are farther than a distance from the border of the field of view."""
    return np.asarray(((positions > distance) & (positions < np.array(field_nm) - distance)).all(axis=1))


def _departure_rate(
    frames: npt.NDArray[np.int64], times: FloatArray, inner: Mask, track: npt.NDArray[np.int64]
) -> tuple[float, int]:
    """Return the number of ends of tracks per time observed, 1/s, and the number of tracks.

    Only detections away from the border (`inner`) and from the end of the movie count.
    """
    order = np.lexsort((frames, track))
    order = order[track[order] >= 0]
    track, frames, times, inner = track[order], frames[order], times[order], inner[order]
    length = np.bincount(track)[track] if len(track) else track
    keep = length >= _MIN_FRAMES
    track, frames, times, inner = track[keep], frames[keep], times[keep], inner[keep]
    if len(track) < 2:
        return float("nan"), 0
    last = np.append(np.diff(track) != 0, True)
    counted = inner & (frames < frames.max() - _MAX_MISSING)
    duration = float(np.diff(times, append=times[-1])[~last & counted].sum())
    n_ends = int((last & counted).sum())
    return (n_ends / duration if duration > 0 else float("nan")), len(np.unique(track))
