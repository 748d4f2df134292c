"""Likelihood of the steps of tracks: Gaussian, with tridiagonal covariance from diffusion and localisation error.

The steps along one axis between successive detections have the covariance 2 D t_i + 2 s on the diagonal and -s next to
it, where s is the variance of the localisation less D times the blur. This holds for gaps and uneven times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.diffusion._step_kernels import quadratic_forms, whitened
from playNano.algorithms.measurement.diffusion.steps import Steps

Floats = npt.NDArray[np.float64]

MAX_BLUR = 0.45
"""Maximum blur as a fraction of the shortest time of a step; C is positive definite up to 0.5."""

LN_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Noise:
    """Localisation error of the detections.

    Parameters
    ----------
    variance_nm2
        Along y and x, (2,) nm2.
    blur_s
        Mean difference of two moments of a pass, s.
    """

    variance_nm2: Floats
    blur_s: float = 0.0

    def s_nm2(self, diffusion: Floats) -> tuple[Floats, Floats]:
        """Return the covariance of successive steps along y and x, with the opposite sign, nm2.

        Parameters
        ----------
        diffusion
            D, nm2/s, of any shape.
        """
        y, x = self.variance_nm2
        return y - diffusion * self.blur_s, x - diffusion * self.blur_s

    def for_steps(self, steps: Steps) -> Noise:
        """Return the localisation error with a blur for which steps without other errors have a covariance.

        Parameters
        ----------
        steps
            The steps; the blur must be less than half of the shortest time.
        """
        shortest = float(steps.time_s.min(initial=np.inf))
        return Noise(self.variance_nm2, min(self.blur_s, MAX_BLUR * shortest))

    @property
    def shared(self) -> bool:
        """Whether it is the same along both axes."""
        return bool(self.variance_nm2[0] == self.variance_nm2[1])


def forms(steps: Steps, diffusion: npt.ArrayLike, noise: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return y C^-1 y of each track and axis, (n_tracks, n_values, 2), and ln |C|, (n_tracks, n_values).

    Parameters
    ----------
    steps
        The steps.
    diffusion, noise
        D, nm2/s, and s, nm2: (n_values,) for all tracks or (n_tracks, n_values).
    """
    pairs = np.broadcast_arrays(
        np.asarray(diffusion, np.float64), np.asarray(noise, np.float64), np.empty((steps.n_tracks, 1))
    )
    d, s = (np.array(values, order="C") for values in pairs[:2])
    form, log_det = quadratic_forms(steps.step_nm, steps.time_s, steps.begins, steps.first, d, s)
    return form, log_det


def log_likelihoods(steps: Steps, diffusion: npt.ArrayLike, noise: Noise) -> Floats:
    """Return the log likelihood of each track for given D, (n_tracks, n_values).

    Parameters
    ----------
    steps
        The steps.
    diffusion
        D, nm2/s: (n_values,) for all tracks or (n_tracks, n_values).
    noise
        Localisation error.
    """
    given = np.asarray(diffusion, np.float64)
    s_y, s_x = noise.s_nm2(given)
    form, log_det = forms(steps, given, s_y)
    if noise.shared:
        total, logs = form.sum(2), 2 * log_det
    else:
        form_x, log_det_x = forms(steps, given, s_x)
        total, logs = form[:, :, 0] + form_x[:, :, 1], log_det + log_det_x
    return np.asarray(-0.5 * (total + logs + 2 * steps.n_steps[:, None] * LN_2PI), np.float64)


def whiten(steps: Steps, diffusion: Floats, noise: Noise) -> tuple[Floats, Floats]:
    """Return steps and times multiplied by the inverse Cholesky factor of their covariance, (N, 2) each.

    Parameters
    ----------
    steps
        The steps.
    diffusion
        D of each track, (n_tracks,) nm2/s.
    noise
        Localisation error.
    """
    d = np.asarray(diffusion, np.float64)[steps.track]
    columns = np.column_stack([steps.step_nm, steps.time_s])
    y, x = (whitened(columns, steps.time_s, steps.begins, d, np.asarray(s)) for s in noise.s_nm2(d))
    return np.column_stack([y[:, 0], x[:, 1]]), np.column_stack([y[:, 2], x[:, 2]])
