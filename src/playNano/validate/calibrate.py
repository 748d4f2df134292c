"""Calibration of a movie model by indirect inference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playNano.validate.movie_model import MovieModel, fit_movie_model

_PILOT_SEED = 1_000_003


def calibrate(
    model: MovieModel, n_frames: int, *, min_height_nm: float = 0.0
) -> tuple[MovieModel, MovieModel]:
    """Correct the bias of a model's estimates by one step of indirect inference.

    A movie is simulated from the model, and the model is fitted to it. The differences between the fitted and the
    simulated parameters estimate the bias, which is subtracted.

    Parameters
    ----------
    model
        The fitted model.
    n_frames
        Number of frames of the movie to simulate, >= 1.
    min_height_nm
        Minimum height of a particle, nm, as given to `fit_movie_model`.

    Returns
    -------
    calibrated : MovieModel
        The corrected model.
    remeasured : MovieModel
        Model fitted to the simulated movie.

    References
    ----------
    Gourieroux, C., Monfort, A. & Renault, E. Indirect inference. J. Appl. Econom. 8, S85 (1993).
    doi:10.1002/jae.3950080507.
    """
    remeasured = fit_movie_model(
        model.simulate(n_frames, _PILOT_SEED).to_stack(), min_height_nm=min_height_nm
    )
    a, b = model.particles, remeasured.particles
    d, e = model.dynamics.motion, remeasured.dynamics.motion

    particles = replace(
        a,
        per_frame=_corrected(a.per_frame, b.per_frame, 1.2),
        height_nm=_corrected(a.height_nm, b.height_nm, 1.2),
        radius_nm=_corrected(a.radius_nm, b.radius_nm, 1.2),
        height_spread=_corrected_spread(a.height_spread, b.height_spread),
        radius_spread=_corrected_spread(a.radius_spread, b.radius_spread),
    )
    noise = replace(
        model.noise,
        pixel_nm=_corrected(model.noise.pixel_nm, remeasured.noise.pixel_nm, 1.2),
        row_offset_nm=_corrected(model.noise.row_offset_nm, remeasured.noise.row_offset_nm, 1.2),
    )
    motion = replace(d, diffusion_nm2_s=_corrected(d.diffusion_nm2_s, e.diffusion_nm2_s))
    return replace(
        model, particles=particles, noise=noise, dynamics=replace(model.dynamics, motion=motion)
    ), remeasured


def _corrected(measured: float, remeasured: float, limit: float = 1.5) -> float:
    """Multiply a value by measured / remeasured, limited to between 1 / `limit` and `limit`."""
    factor = measured / remeasured if remeasured > 0 and np.isfinite(remeasured) else 1.0
    return float(measured * np.clip(factor, 1 / limit, limit))


def _corrected_spread(measured: float, remeasured: float) -> float:
    """Subtract the contribution of the measurement from a spread, in quadrature."""
    added = max(remeasured**2 - measured**2, 0.0)
    return float(np.sqrt(max(measured**2 - added, 0.0)))
