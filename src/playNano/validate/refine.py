"""Correct a likeness by what its own estimates say of a movie simulated from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playNano.validate.likeness import Likeness, measure

_PILOT_SEED = 1_000_003


def refined(like: Likeness, n_frames: int, *, min_height_nm: float = 0.0) -> tuple[Likeness, Likeness]:
    """Correct a likeness by what its own estimates say of a movie simulated from it.

    Where the estimates of a simulated movie differ from those of the movie itself, what was asked of the simulation
    is moved by as much the other way: what the estimators get wrong in both falls out.

    Parameters
    ----------
    like
        As measured.
    n_frames
        Frames of the movie to simulate.
    min_height_nm
        As given to `measure`.

    Returns
    -------
    wanted : Likeness
        From which to simulate.
    again : Likeness
        What was measured on the simulated movie.

    References
    ----------
    Gourieroux, C., Monfort, A. & Renault, E. Indirect inference. J. Appl. Econom. 8, S85 (1993).
    doi:10.1002/jae.3950080507.
    """
    again = measure(like.simulate(n_frames, _PILOT_SEED).to_stack(), min_height_nm=min_height_nm)
    a, b = like.particles, again.particles
    d, e = like.dynamics.motion, again.dynamics.motion

    def moved(asked: float, told: float, most: float = 1.5) -> float:
        factor = asked / told if told > 0 and np.isfinite(told) else 1.0
        return float(asked * np.clip(factor, 1 / most, most))

    def narrowed(asked: float, told: float) -> float:
        """Take out of a spread what measuring puts in."""
        added = max(told**2 - asked**2, 0.0)
        return float(np.sqrt(max(asked**2 - added, 0.0)))

    particles = replace(
        a,
        per_frame=moved(a.per_frame, b.per_frame, 1.2),
        height_nm=moved(a.height_nm, b.height_nm, 1.2),
        radius_nm=moved(a.radius_nm, b.radius_nm, 1.2),
        height_spread=narrowed(a.height_spread, b.height_spread),
        radius_spread=narrowed(a.radius_spread, b.radius_spread),
    )
    noise = replace(
        like.noise,
        pixel_nm=moved(like.noise.pixel_nm, again.noise.pixel_nm, 1.2),
        row_offset_nm=moved(like.noise.row_offset_nm, again.noise.row_offset_nm, 1.2),
    )
    motion = replace(d, diffusion_nm2_s=moved(d.diffusion_nm2_s, e.diffusion_nm2_s))
    return replace(
        like, particles=particles, noise=noise, dynamics=replace(like.dynamics, motion=motion)
    ), again
