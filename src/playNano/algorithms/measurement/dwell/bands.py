"""Bands along the border of the window and around neighbours within which an end may not be a departure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.tracked_movie import Bools, Floats, Ints, TrackedMovie

DEFAULT_BAND, WIDE_BAND, LARGE_STEP = 3.0, 4.0, 0.05
"""Band in steps; the wider one where a step exceeds this fraction of the window."""


@dataclass(frozen=True)
class Bands:
    """Which detections are too near the border or a neighbour for their next pass to count.

    Parameters
    ----------
    diffusion_nm2_s
        Diffusion coefficient along y and x, nm2/s; 0 where displacements are not larger than the noise.
    edge_band
        Width of the band along the border, in steps.
    neighbour_band_nm
        Distance to the nearest neighbour, nm.
    step_nm
        sqrt(2 D t) along y and x in the typical time from pass to pass, nm.
    near_edge, near_neighbour
        Of each row of the movie's table, (N,).
    """

    diffusion_nm2_s: tuple[float, float]
    edge_band: float
    neighbour_band_nm: float
    step_nm: tuple[float, float]
    near_edge: Bools
    near_neighbour: Bools


def find_bands(
    movie: TrackedMovie,
    piece: Ints,
    wait_s: Floats,
    edge_band: float | None = None,
    neighbour_band_nm: float | None = None,
) -> Bands:
    """Return the bands of a movie, with the step from the displacements of its tracks.

    Parameters
    ----------
    movie
        The tracks.
    piece
        Piece of a track to which each row belongs, (N,).
    wait_s
        Time from each detection to the next pass of an observed frame, (N,) s; NaN: there is none.
    edge_band
        Width of the band in steps; None: 3 or 4, see `playNano.algorithms.measurement.dwell.options.DwellOptions`.
    neighbour_band_nm
        Distance to the nearest neighbour, nm; None: two radii and two steps.

    Returns
    -------
    Bands
        Bands and steps. The step is computed twice, the second time from displacements that start outside the band.
    """
    interval = movie.frames.interval_s
    typical = interval if np.isfinite(interval) else 1.0
    wait = np.where(np.isfinite(wait_s), wait_s, typical)
    position, time = movie.position_nm(), movie.column("time_s")
    away: Bools = np.ones(len(piece), np.bool_)
    band = 0.0
    diffusion = (0.0, 0.0)
    for _ in range(3):
        diffusion = diffusion_by_axis(position, time, piece, away)
        step = steps_nm(diffusion, typical)
        band = _band(edge_band, step, movie)
        away = ~_near_edge(movie, diffusion, band, wait)
    distance = neighbour_band_nm
    if distance is None:
        moves = max(step) > 0
        distance = 2 * footprint_radius_nm(movie) + 2 * float(np.hypot(*step)) / np.sqrt(2) if moves else 0.0
    close = neighbour_distance_nm(movie) < distance if distance > 0 else np.zeros(len(piece), np.bool_)
    return Bands(diffusion, band, float(distance), step, ~away, close)


def diffusion_by_axis(position: Floats, time: Floats, piece: Ints, start: Bools) -> tuple[float, float]:
    """Estimate the diffusion coefficient along y and x from the displacements of all tracks.

    The covariance-based estimator: mean square displacement, plus twice the mean product of successive displacements,
    which removes the error of localisation. Only the start of a displacement is selected, since a selection by its end
    would favour short ones.

    Parameters
    ----------
    position
        Places along y and x, (N, 2) nm.
    time
        Times, (N,) s.
    piece
        Piece of a track to which each row belongs, (N,).
    start
        Whether displacements that start at a row count, (N,).

    Returns
    -------
    tuple of float
        Along y and x, nm2/s; 0 where it does not exceed two standard errors.

    References
    ----------
    Vestergaard, Blainey, Flyvbjerg: Optimal estimation of diffusion coefficients from single-particle trajectories,
    Physical Review E 89, 2014, doi 10.1103/PhysRevE.89.022726.

    Examples
    --------
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 2, (5000, 2)), axis=0)
    >>> rows = np.arange(5000)
    >>> [round(d) for d in diffusion_by_axis(walk, rows * 1.0, rows * 0, rows >= 0)]
    [2, 2]
    """
    linked = piece[1:] == piece[:-1]
    first = np.flatnonzero(linked & start[:-1])
    if not first.size:
        return 0.0, 0.0
    step, duration = np.diff(position, axis=0), np.diff(time)
    has_next = np.zeros(len(linked), np.bool_)
    has_next[:-1] = linked[1:] & linked[:-1]
    pairs = first[has_next[first]]
    mean_time = duration[first].mean()
    out = []
    for axis in (0, 1):
        square = step[first, axis] ** 2
        product = step[pairs, axis] * step[pairs + 1, axis] if pairs.size else np.zeros(1)
        estimate = (square.mean() + 2 * product.mean()) / (2 * mean_time)
        error = np.hypot(_error(square), 2 * _error(product)) / (2 * mean_time)
        out.append(float(estimate) if np.isfinite(estimate) and estimate > 2 * error else 0.0)
    return out[0], out[1]


def _error(values: Floats) -> float:
    """Return the standard error of a mean."""
    return float(values.std() / np.sqrt(values.size))


def steps_nm(diffusion: tuple[float, float], duration_s: float) -> tuple[float, float]:
    """Return the root mean square displacement along y and x in a time, nm.

    Parameters
    ----------
    diffusion
        Along y and x, nm2/s.
    duration_s
        The time, s.
    """
    y, x = (float(np.sqrt(2 * d * duration_s)) for d in diffusion)
    return y, x


def _band(edge_band: float | None, step: tuple[float, float], movie: TrackedMovie) -> float:
    """Return the width of the band in steps."""
    if edge_band is not None:
        return edge_band
    sides = (movie.window.height_nm, movie.window.width_nm)
    relative = max(s / side if side > 0 else 0.0 for s, side in zip(step, sides, strict=True))
    return WIDE_BAND if relative > LARGE_STEP else DEFAULT_BAND


def _near_edge(movie: TrackedMovie, diffusion: tuple[float, float], band: float, wait: Floats) -> Bools:
    """Return which rows lie within the band of the border, with the step of each row's own time to the next pass."""
    window = movie.window
    y, x = movie.position_nm(corrected=False).T
    width_y, width_x = (band * np.sqrt(2 * d * wait) for d in diffusion)
    along_y = np.minimum(y - window.y_low_nm, window.y_high_nm - y) < width_y
    along_x = np.minimum(x - window.x_low_nm, window.x_high_nm - x) < width_x
    return np.asarray((along_y & (width_y > 0)) | (along_x & (width_x > 0)), dtype=np.bool_)


def neighbour_distance_nm(movie: TrackedMovie) -> Floats:
    """Return the distance of each detection from the nearest other one of its frame, (N,) nm; inf: none.

    Parameters
    ----------
    movie
        The tracks.
    """
    from scipy.spatial import cKDTree

    place = movie.position_nm(corrected=False)
    if len(place) < 2:
        return np.full(len(place), np.inf)
    # Frames lie so far apart along a third axis that the nearest neighbour of the same frame is nearer.
    apart = 4 * float(np.ptp(place, axis=0).sum() + 1)
    frame = movie.table["frame"].to_numpy(np.float64)
    points = np.column_stack([place, frame * apart])
    distance = cKDTree(points).query(points, k=2, distance_upper_bound=apart / 2)[0][:, 1]
    return np.asarray(distance, dtype=np.float64)


def footprint_radius_nm(movie: TrackedMovie) -> float:
    """Return the typical radius of the outlines of the detections, nm; 0 if the table has none.

    Parameters
    ----------
    movie
        The tracks.
    """
    table = movie.table
    if len(table) and "area_nm2" in table:
        return float(np.sqrt(np.nanmedian(table["area_nm2"].to_numpy(np.float64)) / np.pi))
    if len(table) and "radius_nm" in table:
        return float(np.nanmedian(table["radius_nm"].to_numpy(np.float64)))
    return 0.0


def free_area_nm2(movie: TrackedMovie, bands: Bands, n_frames: int = 200, grid: int = 32) -> float:
    """Return the mean area in which an arrival counts: inside the band and away from neighbours, nm2.

    Parameters
    ----------
    movie
        The tracks.
    bands
        Bands of the movie.
    n_frames
        Number of frames, evenly spaced, in which the area around neighbours is measured.
    grid
        Number of grid points along each axis.
    """
    from scipy.spatial import cKDTree

    inner = movie.window.inset(*(bands.edge_band * step for step in bands.step_nm))
    seen = np.flatnonzero(movie.frames.observed)
    if not (bands.neighbour_band_nm > 0 and np.isfinite(inner.area_nm2) and inner.area_nm2 > 0 and seen.size):
        return inner.area_nm2
    y = inner.y_low_nm + inner.height_nm * (np.arange(grid) + 0.5) / grid
    x = inner.x_low_nm + inner.width_nm * (np.arange(grid) + 0.5) / grid
    points = np.array(np.meshgrid(y, x, indexing="ij")).reshape(2, -1).T
    place, frame = movie.position_nm(corrected=False), movie.table["frame"].to_numpy(np.int64)
    free = []
    for number in seen[np.unique(np.linspace(0, seen.size - 1, n_frames).astype(int))]:
        here: npt.NDArray[np.float64] = place[frame == number]
        near = cKDTree(here).query(points)[0] < bands.neighbour_band_nm if len(here) else np.zeros(1)
        free.append(1 - float(near.mean()))
    return inner.area_nm2 * float(np.mean(free))
