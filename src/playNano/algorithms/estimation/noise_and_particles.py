"""Noise of a movie, offsets of its lines, and number, height and radius of its particles.

The estimates take the raw movie; they level a copy of some of its frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import pixel_pair
from playNano.algorithms.estimation._level import Levelled, level, second_differences, trimmed_variance
from playNano.algorithms.estimation._peaks import find_particles
from playNano.errors import ParameterError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NoiseEstimate:
    """Noise of a movie.

    Parameters
    ----------
    pixel_nm
        Standard deviation of a pixel's noise (without line offsets), nm.
    pixel_autocorrelation
        Lag-1 autocorrelation of that noise along a line, -1 to 1.
    row_offset_nm
        Standard deviation of the lines' offsets, tilt and bow along y excluded, nm.
    row_autocorrelation
        Lag-1 autocorrelation of the offsets of the lines, -1 to 1.
    background_share
        Fraction of the pixels that are background, 0 to 1; below 0.3 the estimates are poor.
    """

    pixel_nm: float
    pixel_autocorrelation: float
    row_offset_nm: float
    row_autocorrelation: float
    background_share: float


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
        Median height above the background, nm, and its relative (robust) standard deviation.
    radius_nm, radius_spread
        Median radius of the disc with the area above half height, nm, and its relative standard deviation;
        broadened by the tip. NaN, as all of these, where there are no particles.
    n_measured
        Number of particles measured in all frames used.
    """

    per_frame: float
    density_um2: float
    height_nm: float
    height_spread: float
    radius_nm: float
    radius_spread: float
    n_measured: int


def estimate_noise(data: npt.ArrayLike, *, max_frames: int = 30) -> NoiseEstimate:
    """Estimate the noise of a movie and its autocorrelation, on the background between the particles.

    It is estimated from second differences along y, across the lines, because noise is correlated along a line.

    Parameters
    ----------
    data
        Heights, nm, (n, h, w) or (h, w), at least 8 x 8; NaN for missing pixels. Blank frames are left out.
    max_frames
        Number of frames to use, spread evenly over the movie, >= 1.

    Returns
    -------
    NoiseEstimate
        Standard deviations in nm, and autocorrelations.

    Raises
    ------
    ParameterError
        The data do not have the shape of a movie, or all frames are blank.

    See Also
    --------
    playNano.algorithms.surface.noise.robust_noise : noise of one frame along its lines, for thresholds: it does not
        need the background, but assumes white noise.
    playNano.algorithms.quality.quality.frame_quality : noise of every frame, from the quieter lines, as a sign of
        abnormal frames.

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

    Peaks of the slightly smoothed, levelled frames are measured; those lower than two fifths of the median
    height count as debris. A second pass smooths by two fifths of the radius from the first, so that one
    particle has one peak. A particle at the border counts if its slope shows that its centre is in the frame.

    Parameters
    ----------
    data
        Heights, nm, (n, h, w) or (h, w), at least 8 x 8; NaN for missing pixels. Blank frames are left out.
    pixel_size_nm
        A number or (y, x), nm, > 0.
    max_frames
        Number of frames to use, spread evenly over the movie, >= 1.
    min_height_nm
        Lower peaks count as debris, whatever the median height, nm.

    Returns
    -------
    ParticleEstimate
        Number, density, height and radius.

    Raises
    ------
    ParameterError
        The data do not have the shape of a movie, all frames are blank, or the pixel size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:64, :64]
    >>> bump = 5 * np.exp(-((y - 30) ** 2 + (x - 25) ** 2) / 32) + np.random.default_rng(0).normal(0, 0.1, (64, 64))
    >>> particles = estimate_particles(bump, 2.0)
    >>> particles.n_measured, round(particles.height_nm), round(particles.radius_nm)
    (1, 5, 10)
    """
    size = pixel_pair(pixel_size_nm)
    levelled = level(_frames(data, max_frames))
    return _particles_of(levelled, size, min_height_nm)


def _estimate_of(
    per_frame: float, shape: tuple[int, ...], area_nm2: float, height: FloatArray, radius: FloatArray
) -> ParticleEstimate:
    """Return the medians and spreads of the objects that were measured."""
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
    """Return up to `max_frames` frames that are not blank, as float64."""
    movie = np.asarray(data)
    if movie.ndim == 2:
        movie = movie[None]
    if movie.ndim != 3 or min(movie.shape[1:]) < 8 or movie.dtype.kind not in "fiu":
        raise ParameterError(
            f"data must be heights (n, h, w) of at least 8 x 8 pixels, got shape {movie.shape}."
        )
    if max_frames < 1:
        raise ParameterError(f"max_frames must be at least 1, got {max_frames!r}.")
    kept = [f for f in range(len(movie)) if not _is_blank(movie[f])]
    if not kept:
        raise ParameterError("data must have a frame that is not blank: all frames are.")
    chosen = np.unique(np.linspace(0, len(kept) - 1, min(max_frames, len(kept))).round().astype(int))
    return np.stack([movie[kept[k]] for k in chosen]).astype(np.float64)


def _is_blank(frame: npt.NDArray[np.generic]) -> bool:
    values = frame[np.isfinite(frame)]
    return values.size == 0 or bool(values.min() == values.max())


def _autocorrelation(values: FloatArray) -> float:
    """Return the lag-1 autocorrelation along the last axis, outliers clipped; 0 where there are no neighbours."""
    known = np.isfinite(values)
    sigma = np.sqrt(trimmed_variance(values[known])) if known.any() else 0.0
    if not sigma > 0:
        return 0.0
    clipped = np.clip(np.where(known, values, 0.0), -3 * sigma, 3 * sigma)
    both = known[..., 1:] & known[..., :-1]
    if not both.any():
        return 0.0
    return float((clipped[..., 1:] * clipped[..., :-1])[both].mean() / (clipped[known] ** 2).mean())


def _noise_of(levelled: Levelled) -> NoiseEstimate:
    """Return the noise of levelled frames: of pixels from second differences, of lines from their offsets."""
    curvature = second_differences(levelled.height_nm, levelled.background)
    variance = trimmed_variance(curvature[np.isfinite(curvature)]) / 6
    correlation = _autocorrelation(curvature)
    rows = levelled.offset_nm
    y = np.linspace(-1.0, 1.0, rows.shape[1])
    rough = np.stack([r - np.polyval(np.polyfit(y, r, 2), y) for r in rows])
    # Pixel noise adds to the variance of a line's median: by a factor of pi/2, and more where pixels are correlated.
    n_background = np.maximum(levelled.background.sum(axis=2), 1)
    inflation = (np.pi / 2) * (1 + correlation) / max(1 - correlation, 1e-3)
    share = inflation * np.nan_to_num(variance) / n_background.mean()
    total = trimmed_variance(rough.ravel())
    offset = max(total - share, 0.0)
    # It is independent from line to line, so it adds to the variance but not to the covariance.
    row_correlation = _autocorrelation(rough) * total / offset if offset > 0.05 * total else 0.0
    return NoiseEstimate(
        pixel_nm=float(np.sqrt(variance)),
        pixel_autocorrelation=correlation,
        row_offset_nm=float(np.sqrt(offset)),
        row_autocorrelation=float(np.clip(row_correlation, -1.0, 1.0)),
        background_share=float(levelled.background.mean()),
    )


def _spread(values: FloatArray) -> float:
    """Return the relative standard deviation, from the 16th and 84th percentile."""
    low, high = np.quantile(values, (0.16, 0.84))
    return float((high - low) / 2 / np.median(values))


def _particles_of(levelled: Levelled, size: tuple[float, float], min_height_nm: float) -> ParticleEstimate:
    """Return the estimate of the particles of levelled frames."""
    shape, area = levelled.height_nm.shape, size[0] * size[1]
    particles = find_particles(levelled, min_height_nm)
    if particles is None:
        return _estimate_of(0.0, shape, area, np.empty(0), np.empty(0))
    measured = particles.measured
    per_frame = float(particles.inside(levelled).sum()) / shape[0]
    height, radius2 = particles.height_nm[measured], particles.radius2_px[measured]
    return _estimate_of(per_frame, shape, area, height, np.sqrt(radius2 * area))
