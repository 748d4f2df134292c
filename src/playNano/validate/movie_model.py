"""Statistical model fitted to a movie, from which similar movies are simulated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.estimation._level import level
from playNano.algorithms.estimation.dynamics import DynamicsEstimate, estimate_dynamics, locate_particles
from playNano.algorithms.estimation.motion import MotionEstimate
from playNano.algorithms.estimation.noise_and_particles import (
    NoiseEstimate,
    ParticleEstimate,
    estimate_debris,
    estimate_noise,
    estimate_particles,
)
from playNano.algorithms.quality.quality import frame_quality
from playNano.core.serialize import json_safe
from playNano.core.value_units import channel_in_words
from playNano.errors import ParameterError, StackError
from playNano.simulate.faults import Faults
from playNano.simulate.movie import SimulatedMovie, simulate_scene
from playNano.simulate.noise import Noise
from playNano.simulate.scanner import Scanner
from playNano.simulate.scene import Kinetics, Motion, Scene, Species
from playNano.simulate.shapes import Gaussian

DEBRIS = "debris"
"""Name of the species of debris: objects above the noise that are not particles."""

MAX_FRAMES = 600
"""Maximum number of frames that are read."""

# Maximum number of frames in which particles are tracked, and for all other measurements.
_TRACKED_FRAMES, _SAMPLED_FRAMES = 60, 20
# Maximum number of pixels in the tracked frames, to limit the computing time.
_MAX_PIXELS = 4_000_000
# Peaks below this fraction of the median height are not particles.
_MIN_HEIGHT = 0.4
# A common velocity below this many times its standard error is set to 0.
_SIGNIFICANT = 3.0
_MIN_MEMORY = 0.02
# Debris is simulated from this number of measured pieces and this number per frame; its dwell time in frames; maximum
# relative spread of its sizes.
_MIN_PIECES, _MIN_PER_FRAME = 10, 0.5
_DEBRIS_FRAMES = 30.0
_MAX_SPREAD = 0.5


@dataclass(frozen=True)
class MovieModel:
    """Measured noise, particles, motion, timing and faults of a movie.

    Parameters
    ----------
    shape
        (n_frames, height, width).
    pixel_size_nm
        (y, x), nm.
    frame_time_s, line_time_s
        Time of a frame and of a line, s.
    slow_axis
        "down", "up" or "alternating".
    noise
        Thermal noise and line offsets.
    particles
        Number, height and radius of the particles.
    dynamics
        Motion and rates.
    debris
        Objects above the noise that are not particles.
    height_nm
        Median height of the movie, nm.
    tilt_nm
        Rise of the background over the field along (y, x), nm.
    blank_share, torn_share
        Fraction of the frames that are blank, or at least partly torn.
    scars_per_frame
        Mean number of scarred lines per frame.
    caveats
        Limitations of the model, in words.
    """

    shape: tuple[int, int, int]
    pixel_size_nm: tuple[float, float]
    frame_time_s: float
    line_time_s: float
    slow_axis: Literal["down", "up", "alternating"]
    noise: NoiseEstimate
    particles: ParticleEstimate
    dynamics: DynamicsEstimate
    debris: ParticleEstimate
    height_nm: float
    tilt_nm: tuple[float, float]
    blank_share: float
    torn_share: float
    scars_per_frame: float
    caveats: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        plain: dict[str, Any] = json_safe(asdict(self))
        return plain

    def simulate(self, n_frames: int, seed: int) -> SimulatedMovie:
        """Simulate a movie with these properties.

        Round particles of the measured mean and spread of sizes (dilated by the tip, as in the movie) diffuse, bind and
        unbind on a flat substrate, with the measured noise, tilt and faults. Each piece of debris stays for about
        thirty frames.

        Parameters
        ----------
        n_frames
            Number of frames, >= 1.
        seed
            Seed of the random numbers, >= 0.

        Returns
        -------
        SimulatedMovie
            Heights and ground truth.
        """
        scanner = self._scanner(n_frames)
        return simulate_scene(
            self._scene(scanner),
            scanner,
            noise=self._noise(),
            faults=Faults(
                scars_per_frame=self.scars_per_frame,
                scar_nm=max(self.particles.height_nm / 2, 5 * self.noise.pixel_nm),
                blank_share=self.blank_share,
                torn_share=self.torn_share,
            ),
            seed=seed,
            keep_clean=False,
        )

    def _scanner(self, n_frames: int) -> Scanner:
        """Return the raster of the movie with another number of frames."""
        lines = self.shape[1]
        turn = self.frame_time_s - lines * self.line_time_s
        return Scanner(
            n_frames,
            self.shape[1:],
            self.pixel_size_nm,
            self.frame_time_s,
            frame_turn_s=turn if turn > 1e-9 * self.frame_time_s else 0.0,
            slow_axis=self.slow_axis,
            drift_nm_s=self.dynamics.motion.velocity_nm_s,
        )

    def _scene(self, scanner: Scanner) -> Scene:
        """Return particles and debris at the measured density, on an area with a margin for drift."""
        p, d = self.particles, self.dynamics
        drift = float(np.abs(d.motion.velocity_nm_s).max()) * scanner.duration_s
        margin = 3 * p.radius_nm + drift
        field = np.array(self.shape[1:]) * self.pixel_size_nm
        enlargement = float(np.prod(field + 2 * margin) / np.prod(field))
        count = p.per_frame * enlargement
        if not np.isfinite(d.unbind_rate_s):
            raise ParameterError(
                "the movie does not show how long particles stay: too few of them are followed from frame to frame; "
                "give a longer movie, or a pipeline that detects more of them"
            )
        size = min(p.radius_spread, p.height_spread)
        species = Species(
            Gaussian(p.height_nm, p.radius_nm),
            count=max(round(count), 1),
            motion=Motion(diffusion_nm2_s=d.motion.diffusion_nm2_s),
            kinetics=Kinetics(bind_rate_s=count * d.unbind_rate_s, unbind_rate_s=d.unbind_rate_s),
            size_spread=size,
            height_spread=float(np.sqrt(max(p.height_spread**2 - size**2, 0.0))),
        )
        return Scene((species, *self._debris_species(enlargement)), margin_nm=margin)

    def _debris_species(self, enlargement: float) -> tuple[Species, ...]:
        """Return the species of debris; empty if hardly any was measured."""
        d = self.debris
        if d.n_measured < _MIN_PIECES or d.per_frame < _MIN_PER_FRAME:
            return ()
        count = d.per_frame * enlargement
        leaving = 1 / (_DEBRIS_FRAMES * self.frame_time_s)
        piece = Species(
            Gaussian(d.height_nm, d.radius_nm),
            count=max(round(count), 1),
            name=DEBRIS,
            kinetics=Kinetics(bind_rate_s=count * leaving, unbind_rate_s=leaving),
            size_spread=min(d.radius_spread, _MAX_SPREAD),
        )
        return (piece,)

    def _noise(self) -> Noise:
        """Return the measured noise, with insignificant autocorrelations set to 0."""

        def autocorrelation(value: float) -> float:
            """Clip an autocorrelation to the range of the simulator; 0 if insignificant."""
            return float(np.clip(value, 0.0, 0.98)) if value > _MIN_MEMORY else 0.0

        return Noise(
            pixel_nm=self.noise.pixel_nm,
            pixel_autocorrelation=autocorrelation(self.noise.pixel_autocorrelation),
            row_offset_nm=self.noise.row_offset_nm,
            row_autocorrelation=autocorrelation(self.noise.row_autocorrelation),
            tilt_nm=self.tilt_nm,
            height_nm=self.height_nm,
        )


def fit_movie_model(stack: AFMImageStack, *, min_height_nm: float = 0.0) -> MovieModel:
    """Measure noise, particles, motion, timing and faults of a movie.

    Parameters
    ----------
    stack
        The movie; its raw heights, in nm, are used, even if it has been processed.
    min_height_nm
        Minimum height of a particle, nm, >= 0; lower peaks count as debris.

    Returns
    -------
    MovieModel
        Model from which similar movies can be simulated.

    Raises
    ------
    StackError
        The heights are not in nm, no frame shows the surface, or there are no particles.

    Examples
    --------
    >>> from playNano.simulate import simulate_movie
    >>> movie = simulate_movie(20, (96, 96), n_particles=8, noise_nm=0.2, seed=1)
    >>> model = fit_movie_model(movie.to_stack())
    >>> round(model.noise.pixel_nm, 1), round(model.particles.height_nm), model.frame_time_s
    (0.2, 5, 0.5)
    """
    if not stack.is_length:
        raise StackError(
            f"{stack.file_path}: {channel_in_words(stack)}; only movies of heights in nm can be simulated: select a "
            "height channel"
        )
    raw = stack.processed.get("raw", stack.data)
    data = np.asarray(raw[:MAX_FRAMES])
    quality = frame_quality(data).table
    usable = quality["usable"].to_numpy()
    if not usable.any():
        raise StackError(f"{stack.file_path}: no frame shows the surface")
    size = stack.pixel_size_yx_nm
    good = data[usable]
    noise = estimate_noise(good, max_frames=_SAMPLED_FRAMES)
    particles = estimate_particles(good, size, max_frames=_SAMPLED_FRAMES, min_height_nm=min_height_nm)
    if not particles.n_measured:
        raise StackError(
            f"{stack.file_path}: no particles were detected above the noise; there is nothing to simulate"
        )
    below = max(min_height_nm, _MIN_HEIGHT * particles.height_nm)
    debris = estimate_debris(
        good, size, below_nm=below, radius_nm=particles.radius_nm, max_frames=_SAMPLED_FRAMES
    )
    dynamics = _dynamics(stack, data, usable, min_height_nm)
    scan = stack.scan
    frame_time = _frame_time(stack)
    model = MovieModel(
        shape=(len(raw), *data.shape[1:]),
        pixel_size_nm=size,
        frame_time_s=frame_time,
        line_time_s=min((scan and scan.line_time_s) or np.inf, frame_time / data.shape[1]),
        slow_axis="alternating"
        if scan and scan.alternating
        else ("up" if scan and scan.direction == "up" else "down"),
        noise=noise,
        particles=particles,
        dynamics=replace(dynamics, motion=_significant_motion(dynamics, frame_time)),
        debris=debris,
        height_nm=float(np.median(good[:: max(len(good) // 10, 1)])),
        tilt_nm=_tilt(good),
        blank_share=float(quality["blank"].mean()),
        torn_share=float((quality["torn"] | quality["partly_torn"]).mean()),
        scars_per_frame=float(quality["n_scar_rows"].to_numpy()[usable].mean())
        if quality["scars"].any()
        else 0.0,
    )
    return replace(model, caveats=_caveats(model, dynamics, stack))


def _frame_time(stack: AFMImageStack) -> float:
    times = np.asarray(stack.get_frame_times(), dtype=np.float64)
    steps = np.diff(times)
    if not stack.has_times or not len(steps) or not np.median(steps) > 0:
        return float((stack.scan and stack.scan.frame_time_s) or 1.0)
    return float(np.median(steps))


def best_span(usable: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> slice:
    """Return the span of consecutive frames with the largest number of usable ones.

    Parameters
    ----------
    usable
        Whether each frame shows the surface, (n_frames,).
    shape
        (n_frames, height, width): a span holds at most 60 frames and 4 million pixels, but at least 8 frames.
    """
    h, w = shape[1:]
    n = min(len(usable), max(min(_TRACKED_FRAMES, _MAX_PIXELS // (h * w)), 8))
    first = int(np.convolve(usable, np.ones(n), "valid").argmax())
    return slice(first, first + n)


def _dynamics(
    stack: AFMImageStack, data: npt.NDArray[Any], usable: npt.NDArray[np.bool_], min_height_nm: float
) -> DynamicsEstimate:
    """Track the particles through a span of frames, and estimate motion and rates."""
    h, w = data.shape[1:]
    span = best_span(usable, data.shape)
    first = span.start
    chosen = first + np.flatnonzero(usable[span])
    frame, positions, _ = locate_particles(data[chosen], stack.pixel_size_yx_nm, min_height_nm=min_height_nm)
    frame = chosen[frame]
    size_y, size_x = stack.pixel_size_yx_nm
    times = stack.detection_times(frame, positions[:, 0] / size_y)
    return estimate_dynamics(frame - first, times, positions, (h * size_y, w * size_x), observed=usable[span])


def _significant_motion(dynamics: DynamicsEstimate, frame_time_s: float) -> MotionEstimate:
    """Return the motion with insignificant velocities set to 0; no motion without tracks."""
    m = dynamics.motion
    if not np.isfinite(m.diffusion_nm2_s):
        return replace(m, diffusion_nm2_s=0.0, velocity_nm_s=(0.0, 0.0))
    error = np.sqrt(
        (2 * m.diffusion_nm2_s + m.localisation_nm**2 / frame_time_s) / (m.n_steps * frame_time_s)
    )
    y, x = (v if abs(v) > _SIGNIFICANT * error else 0.0 for v in m.velocity_nm_s)
    return replace(m, velocity_nm_s=(y, x))


def _tilt(good: npt.NDArray[Any]) -> tuple[float, float]:
    """Fit planes to the background of some frames, and return their median slopes as rises over the field, nm."""
    chosen = good[:: max(len(good) // 8, 1)].astype(np.float64)
    background = level(chosen).background
    h, w = chosen.shape[1:]
    v, u = np.mgrid[:h, :w] / (np.array([h, w]) - 1.0)[:, None, None] - 0.5
    slopes = []
    for frame, flat in zip(chosen, background, strict=True):
        flat = flat & np.isfinite(frame)
        if flat.sum() > 3:
            terms = np.column_stack([np.ones(flat.sum()), v[flat], u[flat]])
            slopes.append(np.linalg.lstsq(terms, frame[flat], rcond=None)[0][1:])
    tilt = np.median(slopes, axis=0) if slopes else np.zeros(2)
    return float(tilt[0]), float(tilt[1])


def _caveats(model: MovieModel, dynamics: DynamicsEstimate, stack: AFMImageStack) -> tuple[str, ...]:
    """List the limitations of a model, in words."""
    p = model.particles
    conditions = (
        (
            not stack.has_times,
            "the file has no frame times: 1 s per frame is assumed, which affects rates and D",
        ),
        (
            model.noise.background_share < 0.3,
            "less than 30 % of the pixels are background: noise and heights are inaccurate",
        ),
        (p.n_measured < 50, f"only {p.n_measured} particles could be measured"),
        (
            p.height_spread > 0.5 or p.radius_spread > 0.5,
            "heights or sizes vary so much that a single species of particles is a poor model",
        ),
        (
            dynamics.crowded,
            "particles move as far between frames as their distance: the estimated speed is a lower bound",
        ),
        (
            not np.isfinite(dynamics.motion.diffusion_nm2_s),
            "no particle could be tracked: simulated particles are immobile",
        ),
    )
    return tuple(text for doubtful, text in conditions if doubtful)
