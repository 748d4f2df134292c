"""D of each track: maximum likelihood with given or own localisation error, and by the covariance of steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from playNano.algorithms.measurement.diffusion.likelihood import Noise, forms, log_likelihoods
from playNano.algorithms.measurement.diffusion.searches import crossings, maxima
from playNano.algorithms.measurement.diffusion.steps import Steps

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

N_NODES = 28
N_NOISE_NODES = 100
BLOCK = 2000
"""Number of tracks that are fitted at a time, which limits the memory."""

SMALLEST = 1e-6
"""Smallest D of the search, as a fraction of that of the steps without localisation error."""


@dataclass(frozen=True)
class TrackFits:
    """D of each track.

    Parameters
    ----------
    diffusion_nm2_s
        D, (n_tracks,) nm2/s; 0 where a particle at rest is more likely, NaN without steps.
    low_nm2_s, high_nm2_s
        Profile likelihood interval, (n_tracks,).
    s_nm2
        Covariance of successive steps with the opposite sign, mean of both axes, (n_tracks,) nm2.
    """

    diffusion_nm2_s: Floats
    low_nm2_s: Floats
    high_nm2_s: Floats
    s_nm2: Floats

    @property
    def at_zero(self) -> Bools:
        """Whether D = 0 is most likely, (n_tracks,)."""
        return np.asarray(self.diffusion_nm2_s == 0, np.bool_)


def raw_diffusion(steps: Steps) -> Floats:
    """Return D of each track as if there were no localisation error, (n_tracks,) nm2/s; 0 without steps.

    Parameters
    ----------
    steps
        The steps.
    """
    if not len(steps.time_s):
        return np.zeros(steps.n_tracks)
    total = steps.sums((steps.step_nm**2).sum(1) / (4 * steps.time_s))
    return np.asarray(total / np.maximum(steps.n_steps, 1), np.float64)


def fit_tracks(steps: Steps, noise: Noise, level: float = 0.95) -> TrackFits:
    """Estimate D of each track, given the localisation error.

    Parameters
    ----------
    steps
        The steps.
    noise
        Localisation error, as all tracks together give it.
    level
        Coverage of the profile likelihood intervals.

    References
    ----------
    Berglund: Statistics of camera-based single-particle tracking, Physical Review E 82, 2010,
    doi 10.1103/PhysRevE.82.011917.
    """
    raw = raw_diffusion(steps)
    fits = TrackFits(*(np.full(steps.n_tracks, np.nan) for _ in range(4)))
    fits.diffusion_nm2_s[steps.n_steps > 0] = 0.0
    moved = raw > 0
    if not moved.any():
        return fits
    some, noise = steps.of_tracks(moved), noise.for_steps(steps)
    scale, n = raw[moved], some.n_steps.astype(np.float64)

    def at(log_d: Floats) -> Floats:
        return log_likelihoods(some, scale[:, None] * np.exp(log_d), noise)

    low, high = np.log(SMALLEST), np.log(4 * n)
    nodes = low + (high - low)[:, None] * np.linspace(0, 1, N_NODES)
    best = at(nodes).argmax(1)
    rows = np.arange(len(n))
    top = maxima(at, nodes[rows, np.maximum(best - 1, 0)], nodes[rows, np.minimum(best + 1, N_NODES - 1)])
    value = at(top[:, None])[:, 0]
    resting = log_likelihoods(some, np.zeros((len(n), 1)), noise)[:, 0]
    at_zero = resting >= value
    height = np.where(at_zero, resting, value) - chdtri(1, 1 - level) / 2
    above = crossings(lambda log_d: at(log_d) - height[:, None], top, 1, np.full(len(n), 60.0))
    below = crossings(lambda log_d: at(log_d) - height[:, None], top, -1, np.full(len(n), low))
    d = np.where(at_zero, 0.0, scale * np.exp(top))
    fits.diffusion_nm2_s[moved] = d
    fits.low_nm2_s[moved] = np.where(resting >= height, 0.0, scale * np.exp(below))
    fits.high_nm2_s[moved] = scale * np.exp(above)
    fits.s_nm2[moved] = np.mean(noise.s_nm2(d), axis=0)
    return fits


def fit_tracks_and_noise(steps: Steps, level: float = 0.95) -> TrackFits:
    """Estimate D and the localisation error of each track, the same for both axes.

    Parameters
    ----------
    steps
        The steps; a track needs two.
    level
        Coverage of the profile likelihood intervals.
    """
    fits = TrackFits(*(np.full(steps.n_tracks, np.nan) for _ in range(4)))
    raw = raw_diffusion(steps)
    chosen = (steps.n_steps >= 2) & (raw > 0)
    fits.diffusion_nm2_s[(steps.n_steps >= 2) & (raw == 0)] = 0.0
    if not chosen.any():
        return fits
    unit = steps.typical_time_s
    lowest = max(float(np.arcsinh(-0.25 * steps.time_s.min() / unit)), -0.25)
    nodes = np.linspace(lowest, 7.0, N_NOISE_NODES)
    tracks = np.flatnonzero(chosen)
    for part in np.array_split(tracks, -(-len(tracks) // BLOCK)):
        block = _with_own_noise(steps.of_tracks(np.isin(np.arange(steps.n_tracks), part)), nodes, unit, level)
        for values, of_block in zip(vars(fits).values(), vars(block).values(), strict=True):
            values[part] = of_block
    return fits


def _with_own_noise(some: Steps, nodes: Floats, unit: float, level: float) -> TrackFits:
    """Return D and the localisation error of tracks that have moved, from nodes of asinh(s / (D t))."""
    n = 2.0 * some.n_steps[:, None]

    def profile(asinh_noise: Floats) -> tuple[Floats, Floats]:
        form, log_det = forms(some, 1.0, np.sinh(asinh_noise) * unit)
        total = form.sum(2)
        return -0.5 * (n * np.log(total / n) + 2 * log_det + n), total / n

    coarse, _ = profile(nodes)
    form, log_det = forms(some, 1.0, np.sinh(nodes) * unit)
    total = form.sum(2)

    def at(log_d: Floats) -> Floats:
        d = np.exp(log_d)[:, :, None]
        value = total[:, None] / d + n[:, :, None] * log_d[:, :, None] + 2 * log_det[:, None]
        return np.asarray((-0.5 * value).max(2), np.float64)

    rest_form, rest_log_det = forms(some, 0.0, 1.0)
    rest_total = rest_form.sum(2)
    resting = -0.5 * (n * np.log(rest_total / n) + 2 * rest_log_det + n)[:, 0]
    best = coarse.argmax(1)
    top = maxima(
        lambda x: profile(x)[0],
        nodes[np.maximum(best - 1, 0)],
        nodes[np.minimum(best + 1, N_NOISE_NODES - 1)],
    )
    value, d = (each[:, 0] for each in profile(top[:, None]))
    at_zero = resting >= value
    height = np.where(at_zero, resting, value) - chdtri(1, 1 - level) / 2
    log_d = np.log(d)
    far = np.full(len(d), 60.0)
    above = crossings(lambda x: at(x) - height[:, None], log_d, 1, log_d + far)
    below = crossings(lambda x: at(x) - height[:, None], log_d, -1, log_d - far)
    return TrackFits(
        np.where(at_zero, 0.0, d),
        np.where(resting >= height, 0.0, np.exp(below)),
        np.exp(above),
        np.where(at_zero, (rest_total / n)[:, 0], np.sinh(top) * unit * d),
    )


def covariance_estimates(steps: Steps) -> tuple[Floats, Floats]:
    """Return D of each track by the covariance of successive steps, and its standard error, (n_tracks,) nm2/s.

    The estimate is unbiased, may be negative, and is NaN for fewer than two successive steps.

    Parameters
    ----------
    steps
        The steps.

    References
    ----------
    Vestergaard, Blainey, Flyvbjerg: Optimal estimation of diffusion coefficients from single-particle trajectories,
    Physical Review E 89, 2014, doi 10.1103/PhysRevE.89.022726.
    """
    n = steps.n_steps.astype(np.float64)
    successive = ~steps.begins[1:] if len(steps.begins) else np.zeros(0, np.bool_)
    product = np.zeros(len(steps.time_s))
    product[1:] = (steps.step_nm[1:] * steps.step_nm[:-1]).sum(1) * successive
    pairs = steps.sums(np.append(0.0, successive)[: len(product)])
    with np.errstate(divide="ignore", invalid="ignore"):
        square = steps.sums((steps.step_nm**2).sum(1)) / (2 * n)
        time, covariance = steps.sums(steps.time_s) / n, steps.sums(product) / (2 * pairs)
        d = (square + 2 * covariance) / (2 * time)
        ratio = -covariance / (np.abs(d) * time)
        # The formula is of one axis; both are used.
        variance = (6 + 4 * ratio + 2 * ratio**2) / n + 4 * (1 + ratio) ** 2 / n**2
        error = np.abs(d) * np.sqrt(np.maximum(variance, 0.0) / 2)
    usable = pairs > 0
    return np.where(usable, d, np.nan), np.where(usable, error, np.nan)
