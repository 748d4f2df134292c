"""What a movie is like: its noise, the offsets of its lines, the size and the number of its particles.

Estimates are made on the movie as it comes from the instrument; they level a copy of some frames themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import pixel_pair
from playNano.algorithms.estimation._level import Levelled, bends, level, trimmed_variance
from playNano.algorithms.estimation._peaks import seek, seek_debris
from playNano.errors import ParameterError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NoiseEstimate:
    """Noise of a movie.

    Parameters
    ----------
    pixel_nm
        Standard deviation of a pixel's noise (without line offsets), nm.
    pixel_memory
        Correlation of that noise between neighbours on a line, -1 to 1.
    row_offset_nm
        Standard deviation of the lines' offsets, tilt and bow along y not counted, nm.
    row_memory
        Correlation of the offsets of neighbouring lines, -1 to 1.
    ground_share
        Part of the pixels that was taken as ground, 0 to 1; below 0.3 the estimates are poor.
    """

    pixel_nm: float
    pixel_memory: float
    row_offset_nm: float
    row_memory: float
    ground_share: float


@dataclass(frozen=True)
class ParticleEstimate:
    """Particles of a movie, as they appear in it.

    Parameters
    ----------
    per_frame
        Mean number of particles in a frame.
    density_um2
        Particles per square micrometre.
    height_nm, height_spread
        Median height above the ground, nm, and its relative (robust) standard deviation.
    radius_nm, radius_spread
        Median radius of the disc with the area above half height, nm, and its relative standard deviation;
        broadened by the tip. NaN, as all of these, where there are no particles.
    n_measured
        Particles that were measured, over all frames looked at.
    """

    per_frame: float
    density_um2: float
    height_nm: float
    height_spread: float
    radius_nm: float
    radius_spread: float
    n_measured: int


def estimate_noise(data: npt.ArrayLike, *, max_frames: int = 30) -> NoiseEstimate:
    """Estimate the noise of a movie between and under its particles.

    Parameters
    ----------
    data
        Heights, nm, (n, h, w) or (h, w), at least 8 x 8; NaN for missing pixels. Blank frames are passed over.
    max_frames
        Frames to look at, spread evenly over the movie, >= 1.

    Returns
    -------
    NoiseEstimate
        Standard deviations in nm, and correlations.

    Raises
    ------
    ParameterError
        The data are no movie, or no frame shows anything.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> movie = rng.normal(0, 0.2, (10, 64, 64)) + rng.normal(0, 0.5, (10, 64, 1))
    >>> noise = estimate_noise(movie)
    >>> round(noise.pixel_nm, 2), round(noise.row_offset_nm, 1)
    (0.2, 0.5)
    """
    return _noise_of(level(_frames(data, max_frames)))


def estimate_particles(
    data: npt.ArrayLike,
    pixel_size_nm: float | tuple[float, float],
    *,
    max_frames: int = 30,
    min_height_nm: float = 0.0,
) -> ParticleEstimate:
    """Estimate number, height and radius of the particles of a movie.

    Peaks of the slightly blurred, levelled frames are measured; those of less than two fifths of the median
    height are taken as debris. A second pass blurs by two fifths of the radius found by the first, so that one
    particle has one peak. One at the border counts if its flank says that its centre is in the frame.

    Parameters
    ----------
    data
        Heights, nm, (n, h, w) or (h, w), at least 8 x 8; NaN for missing pixels. Blank frames are passed over.
    pixel_size_nm
        A number or (y, x), nm, > 0.
    max_frames
        Frames to look at, spread evenly over the movie, >= 1.
    min_height_nm
        What is less high is taken as debris, whatever the median height, nm.

    Returns
    -------
    ParticleEstimate
        Number, density, height and radius.

    Raises
    ------
    ParameterError
        The data are no movie, no frame shows anything, or the pixel size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:64, :64]
    >>> bump = 5 * np.exp(-((y - 30) ** 2 + (x - 25) ** 2) / 32) + np.random.default_rng(0).normal(0, 0.1, (64, 64))
    >>> found = estimate_particles(bump, 2.0)
    >>> found.n_measured, round(found.height_nm), round(found.radius_nm)
    (1, 5, 10)
    """
    size = pixel_pair(pixel_size_nm)
    levelled = level(_frames(data, max_frames))
    return _particles_of(levelled, size, min_height_nm)


def estimate_debris(
    data: npt.ArrayLike,
    pixel_size_nm: float | tuple[float, float],
    *,
    below_nm: float,
    radius_nm: float,
    max_frames: int = 30,
) -> ParticleEstimate:
    """Estimate number, height and radius of what stands out from the noise but is no particle, nor near one.

    Parameters
    ----------
    data
        Heights, nm, (n, h, w) or (h, w), at least 8 x 8; NaN for missing pixels. Blank frames are passed over.
    pixel_size_nm
        A number or (y, x), nm, > 0.
    below_nm
        Height from which on something is a particle, nm.
    radius_nm
        Radius of a particle at half height, nm: nothing within two and a half of it is counted.
    max_frames
        Frames to look at, spread evenly over the movie, >= 1.

    Returns
    -------
    ParticleEstimate
        Number, density, height and radius of the pieces.

    Raises
    ------
    ParameterError
        The data are no movie, no frame shows anything, or the pixel size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:64, :64]
    >>> flat = np.random.default_rng(0).normal(0, 0.05, (64, 64))
    >>> both = flat + 5 * np.exp(-((y - 20) ** 2 + (x - 20) ** 2) / 32) + np.exp(-((y - 50) ** 2 + (x - 50) ** 2) / 18)
    >>> found = estimate_debris(both, 1.0, below_nm=2.0, radius_nm=5.0)
    >>> found.n_measured, round(found.height_nm)
    (1, 1)
    """
    size = pixel_pair(pixel_size_nm)
    frames = _frames(data, max_frames)
    area = size[0] * size[1]
    frame, height, radius2 = seek_debris(level(frames), below_nm, radius_nm / float(np.sqrt(area)))
    return _estimate_of(len(frame) / len(frames), frames.shape, area, height, np.sqrt(radius2 * area))


def _estimate_of(
    per_frame: float, shape: tuple[int, ...], area_nm2: float, height: FloatArray, radius: FloatArray
) -> ParticleEstimate:
    """Sum up what was measured."""
    known = np.isfinite(radius)
    height, radius = height[known], radius[known]
    nothing = len(height) == 0
    unknown = float("nan")
    return ParticleEstimate(
        per_frame=per_frame,
        density_um2=per_frame / (shape[1] * shape[2] * area_nm2) * 1e6,
        height_nm=unknown if nothing else float(np.median(height)),
        height_spread=unknown if nothing else _spread(height),
        radius_nm=unknown if nothing else float(np.median(radius)),
        radius_spread=unknown if nothing else _spread(radius),
        n_measured=len(height),
    )


def _frames(data: npt.ArrayLike, max_frames: int) -> FloatArray:
    """Return some frames that show something, as float64."""
    movie = np.asarray(data)
    if movie.ndim == 2:
        movie = movie[None]
    if movie.ndim != 3 or min(movie.shape[1:]) < 8 or movie.dtype.kind not in "fiu":
        raise ParameterError(
            f"data must be heights (n, h, w) of at least 8 x 8 pixels, got shape {movie.shape}."
        )
    if max_frames < 1:
        raise ParameterError(f"max_frames must be at least 1, got {max_frames!r}.")
    shows = [f for f in range(len(movie)) if _shows_something(movie[f])]
    if not shows:
        raise ParameterError("data must have a frame that shows something: all are blank.")
    chosen = np.unique(np.linspace(0, len(shows) - 1, min(max_frames, len(shows))).round().astype(int))
    return np.stack([movie[shows[k]] for k in chosen]).astype(np.float64)


def _shows_something(frame: npt.NDArray[np.generic]) -> bool:
    values = frame[np.isfinite(frame)]
    return values.size > 0 and bool(values.min() < values.max())


def _correlation(values: FloatArray) -> float:
    """Return the correlation of neighbours along the last axis, outliers cut; 0 where there are none."""
    known = np.isfinite(values)
    sigma = np.sqrt(trimmed_variance(values[known])) if known.any() else 0.0
    if not sigma > 0:
        return 0.0
    cut = np.clip(np.where(known, values, 0.0), -3 * sigma, 3 * sigma)
    both = known[..., 1:] & known[..., :-1]
    if not both.any():
        return 0.0
    return float((cut[..., 1:] * cut[..., :-1])[both].mean() / (cut[known] ** 2).mean())


def _noise_of(levelled: Levelled) -> NoiseEstimate:
    curves = bends(levelled.height_nm, levelled.ground)
    variance = trimmed_variance(curves[np.isfinite(curves)]) / 6
    memory = _correlation(curves)
    rows = levelled.offset_nm
    y = np.linspace(-1.0, 1.0, rows.shape[1])
    rough = np.stack([r - np.polyval(np.polyfit(y, r, 2), y) for r in rows])
    # Noise of the pixels leaves some in the level of a line: pi/2 for the median, more where pixels hang together.
    n_ground = np.maximum(levelled.ground.sum(axis=2), 1)
    share = (np.pi / 2) * (1 + memory) / max(1 - memory, 1e-3) * np.nan_to_num(variance) / n_ground.mean()
    total = trimmed_variance(rough.ravel())
    offset = max(total - share, 0.0)
    # The share differs from line to line, so it adds to the variance but not to the correlation.
    row_memory = _correlation(rough) * total / offset if offset > 0.05 * total else 0.0
    return NoiseEstimate(
        pixel_nm=float(np.sqrt(variance)),
        pixel_memory=memory,
        row_offset_nm=float(np.sqrt(offset)),
        row_memory=float(np.clip(row_memory, -1.0, 1.0)),
        ground_share=float(levelled.ground.mean()),
    )


def _spread(values: FloatArray) -> float:
    low, high = np.quantile(values, (0.16, 0.84))
    return float((high - low) / 2 / np.median(values))


def _particles_of(levelled: Levelled, size: tuple[float, float], least_nm: float) -> ParticleEstimate:
    shape, area = levelled.height_nm.shape, size[0] * size[1]
    seen = seek(levelled, least_nm)
    if seen is None:
        return _estimate_of(0.0, shape, area, np.empty(0), np.empty(0))
    good = seen.measured
    per_frame = float(seen.inside(levelled).sum()) / shape[0]
    return _estimate_of(per_frame, shape, area, seen.height_nm[good], np.sqrt(seen.radius2_px[good] * area))
