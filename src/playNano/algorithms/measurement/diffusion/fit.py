"""All fits of the diffusion of a movie's tracks, in their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.diffusion.anomalous import (
    AlphaFit,
    Piece,
    fit_alpha,
    fit_alpha_of_track,
    pieces_of,
)
from playNano.algorithms.measurement.diffusion.by_track import TrackFits, fit_tracks, fit_tracks_and_noise
from playNano.algorithms.measurement.diffusion.confinement import Confinement, confinement_of, longest_piece
from playNano.algorithms.measurement.diffusion.likelihood import Noise
from playNano.algorithms.measurement.diffusion.options import DiffusionOptions
from playNano.algorithms.measurement.diffusion.pooled import PooledFit, fit_pooled
from playNano.algorithms.measurement.diffusion.population import States, fit_states
from playNano.algorithms.measurement.diffusion.steps import (
    PARABOLIC_BLUR,
    Steps,
    alternates,
    pass_duration_s,
    steps_of,
    track_bounds,
)
from playNano.algorithms.measurement.diffusion.velocity import Velocity, common_velocity
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

Ints = npt.NDArray[np.int64]

N_PASSES = 2
"""Number of times that the band along the border is computed from D."""


MAX_UNEVEN = 0.01
"""Frames count as equidistant in time if no interval differs from the median by more than this fraction."""


@dataclass(frozen=True)
class Fitted:
    """All fits of a movie.

    Parameters
    ----------
    ids, n_detections
        Id and number of detections of each track, (n_tracks,).
    n_frames
        Number of frames of the movie.
    steps, all_steps
        Steps that count, and all steps.
    pooled, pooled_all
        D of all tracks together from both.
    noise
        Localisation error.
    tracks, tracks_all
        D of each track from both.
    states
        States of different D; None without any motion.
    velocity
        Velocity that all tracks share; it is subtracted with ``drift="fit"`` only. None: not estimated.
    alpha
        Anomalous exponent of all tracks; None: not estimated.
    track_alpha
        Anomalous exponent by index of the track.
    confinement
        Confinement by index of the track; empty: not tested.
    """

    ids: Ints
    n_detections: Ints
    n_frames: int
    steps: Steps
    all_steps: Steps
    pooled: PooledFit
    pooled_all: PooledFit
    noise: Noise
    tracks: TrackFits
    tracks_all: TrackFits
    states: States | None
    velocity: Velocity | None
    alpha: AlphaFit | None
    track_alpha: dict[int, AlphaFit]
    confinement: dict[int, Confinement]

    @property
    def n_tracks_used(self) -> int:
        """Number of tracks with steps that count."""
        return int((self.steps.n_steps > 0).sum())


def fit_movie(movie: TrackedMovie, options: DiffusionOptions) -> Fitted:
    """Fit D, localisation error, velocity, exponent and confinement of a movie's tracks.

    Parameters
    ----------
    movie
        The tracks.
    options
        Which steps count, and how diffusion is estimated.
    """
    ids, bounds = track_bounds(movie)
    steps = all_steps = _steps(movie, options, 0.0)
    separate, level = options.axes == "separate_noise", options.level
    pooled_all = fit_pooled(all_steps, separate=separate, interval=False)
    first = pooled_all
    for _ in range(N_PASSES if options.edge_band > 0 else 0):
        if first.diffusion_nm2_s > 0:
            steps = _steps(movie, options, first.diffusion_nm2_s)
            first = fit_pooled(steps, separate=separate, interval=False)
    blur = PARABOLIC_BLUR * pass_duration_s(movie) if options.blur_s is None else options.blur_s
    velocity, n_fitted = None, 0
    if len(steps.time_s) and (first.diffusion_nm2_s > 0 or first.s_nm2.max() > 0):
        velocity = common_velocity(steps, first.diffusion_nm2_s, _as_fitted(first), level)
        if options.drift == "fit":
            steps, all_steps, n_fitted = steps.less(velocity.nm_s), all_steps.less(velocity.nm_s), 2
    pooled = fit_pooled(steps, separate=separate, n_fitted=n_fitted, level=level)
    noise = pooled.noise(blur) if len(steps.time_s) else Noise(np.zeros(2), blur)
    states = fit_states(steps, noise, options.max_components)
    noise = noise if states is None else states.noise
    if options.noise == "pooled":
        tracks, tracks_all = fit_tracks(steps, noise, level), fit_tracks(all_steps, noise, level)
    else:
        tracks, tracks_all = fit_tracks_and_noise(steps, level), fit_tracks_and_noise(all_steps, level)
    alpha, track_alpha = _exponents(movie, steps, noise, options)
    return Fitted(
        ids, np.diff(bounds), movie.frames.n_frames, steps, all_steps, pooled, pooled_all, noise, tracks,
        tracks_all, states, velocity, alpha, track_alpha, _confinement(ids, steps, noise, options),
    )  # fmt: skip


def _steps(movie: TrackedMovie, options: DiffusionOptions, d: float) -> Steps:
    return steps_of(
        movie,
        diffusion_nm2_s=d,
        edge_band=options.edge_band,
        min_confidence=options.min_confidence,
        corrected=options.drift != "none",
    )


def _as_fitted(pooled: PooledFit) -> Noise:
    """Return the localisation error with s as it was fitted."""
    return Noise(pooled.s_nm2)


def _exponents(
    movie: TrackedMovie, steps: Steps, noise: Noise, options: DiffusionOptions
) -> tuple[AlphaFit | None, dict[int, AlphaFit]]:
    """Return the exponent of all tracks, and of each that is long enough."""
    if options.alpha == "none":
        return None, {}
    interval = movie.frames.interval_s
    interval = interval if interval > 0 else 1.0
    equidistant = np.allclose(np.diff(movie.frames.start_s), interval, rtol=MAX_UNEVEN, atol=0)
    pieces = pieces_of(steps, interval, by_frame=equidistant and not alternates(movie))
    by_track: dict[int, AlphaFit] = {}
    if options.alpha == "per_track":
        variance = float(noise.variance_nm2.mean())
        own: dict[int, list[Piece]] = {track: [] for track in range(steps.n_tracks)}
        for piece in pieces:
            own[piece.track].append(piece)
        for track, parts in own.items():
            by_track[track] = fit_alpha_of_track(parts, variance, interval, options.level)
    return fit_alpha(pieces, interval, options.level), by_track


def _confinement(ids: Ints, steps: Steps, noise: Noise, options: DiffusionOptions) -> dict[int, Confinement]:
    """Return the confinement of each track; each has random numbers of its own."""
    if not options.confinement_draws:
        return {}
    tested = {}
    for track, track_id in enumerate(ids.tolist()):
        rows = longest_piece(steps, track)
        rng = np.random.default_rng([options.seed, track_id])
        tested[track] = confinement_of(
            steps.step_nm[rows], steps.time_s[rows], noise.variance_nm2, options.confinement_draws, rng,
            options.level,
        )  # fmt: skip
    return tested
