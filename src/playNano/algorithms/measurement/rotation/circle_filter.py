"""Likelihood of rotational diffusion: a filter on the circle of orientations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from playNano.algorithms.measurement.rotation.sequences import Orientations

Floats = npt.NDArray[np.float64]

PARTS = 32
"""Parts of a bin at which the density of an observation is tabulated."""


class CircleFilter:
    """Log likelihood of the orientations of many pieces of tracks, by forward recursion.

    Orientation is known modulo pi. Between detections it diffuses: its density on the circle is convolved with a
    wrapped normal one of variance 2 D dt, which is exact in the Fourier domain whatever the time. An observation has
    a wrapped normal error. All pieces are advanced together.

    Parameters
    ----------
    given
        Orientations.
    bins
        Number of bins over half a turn.

    References
    ----------
    Kurz, Gilitschenski, Hanebeck: Recursive Bayesian filtering in circular state spaces, IEEE Aerosp. Electron. Syst.
    Mag. 31, 2016, 70-87, doi 10.1109/MAES.2016.150083.
    """

    def __init__(self, given: Orientations, bins: int) -> None:
        """Arrange the pieces by length, the longest first."""
        starts = (
            np.flatnonzero(np.append(True, ~given.follows)) if len(given.theta) else np.zeros(0, np.int64)
        )
        length = np.diff(np.append(starts, len(given.theta)))
        order = np.argsort(-length, kind="stable")
        self.bins = bins
        self._starts, self._length = starts[order], length[order]
        self._time = given.time
        place = given.theta * (bins / np.pi) % bins
        self._bin = np.minimum(place.astype(np.int64), bins - 1)
        self._part = np.minimum(((place - self._bin) * PARTS).astype(np.int64), PARTS - 1)
        self.track = given.track[self._starts]

    def log_likelihoods(self, diffusion: float, error: float) -> Floats:
        """Return the log likelihood of each piece, (n_pieces,), in the order of `track`.

        Parameters
        ----------
        diffusion
            Rotational diffusion coefficient, rad2/s.
        error
            Standard deviation of the observed orientation, rad.
        """
        density = self._observation_density(error)
        modes = np.arange(self.bins // 2 + 1)
        rate = -4.0 * modes**2 * diffusion
        total = np.zeros(len(self._starts))
        posterior = np.empty((0, self.bins))
        columns = np.arange(self.bins)
        for number in range(int(self._length.max(initial=0))):
            active = int(np.searchsorted(-self._length, -number, side="left"))
            row = self._starts[:active] + number
            seen = density[self._part[row][:, None], (columns - self._bin[row][:, None]) % self.bins]
            if number:
                elapsed = self._time[row] - self._time[row - 1]
                spectrum = np.fft.rfft(posterior[:active], axis=1) * np.exp(rate * elapsed[:, None])
                predicted = np.maximum(np.fft.irfft(spectrum, self.bins, axis=1), 1e-300)
            else:
                predicted = np.full((active, self.bins), 1 / np.pi)
            posterior = predicted * seen
            likelihood = posterior.sum(axis=1) * (np.pi / self.bins)
            posterior /= likelihood[:, None]
            total[:active] += np.log(likelihood)
        return total

    def _observation_density(self, error: float) -> Floats:
        """Return the density of an observation in each part of bin 0, averaged over bins of the true one."""
        width = np.pi / self.bins
        offset = (np.arange(PARTS)[:, None] + 0.5) / PARTS * width - (np.arange(self.bins) + 0.5) * width
        offset = (offset + np.pi / 2) % np.pi - np.pi / 2
        density = np.zeros_like(offset)
        for turn in range(-2, 3):
            above, below = (offset + turn * np.pi + side * width / 2 for side in (1, -1))
            density += ndtr(above / error) - ndtr(below / error)
        return np.asarray(np.maximum(density / width, 1e-300), dtype=np.float64)
