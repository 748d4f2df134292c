"""States of different D: a mixture over the tracks, its number of components by BIC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import chdtri, expit, logit, logsumexp

from playNano.algorithms.measurement.diffusion.by_track import raw_diffusion
from playNano.algorithms.measurement.diffusion.columns import MIN_TRACKS, STATE_COLUMNS, stacked
from playNano.algorithms.measurement.diffusion.likelihood import Noise, log_likelihoods
from playNano.algorithms.measurement.diffusion.steps import Steps
from playNano.algorithms.measurement.intervals import jackknife_t

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_GRID = 400
GRID_RATIO = 4e4
"""Ratio of the largest to the smallest D of the grid."""

ITERATIONS, TOLERANCE = 500, 1e-6
MAX_TRACKS = 20_000
"""Maximum number of tracks from which the states are estimated; of more, they are taken at equal intervals."""

MAX_TRACKS_NOISE = 1000
"""Maximum number of tracks from which the localisation error of several states is estimated."""

MAX_GROUPS = 40
"""Maximum number of groups of tracks of which one is left out at a time."""


@dataclass(frozen=True)
class Mixture:
    """A mixture of states of different D.

    Parameters
    ----------
    log_d
        ln D of each state, (K,), rising.
    weight
        Share of the tracks, (K,).
    log_likelihood
        Of all tracks.
    bic
        Bayesian information criterion, with the number of tracks.
    """

    log_d: Floats
    weight: Floats
    log_likelihood: float
    bic: float


@dataclass(frozen=True)
class _Grid:
    """Log likelihood of each track on a grid of ln D."""

    log_d: Floats
    values: Floats

    def at(self, log_d: Floats) -> Floats:
        """Return the log likelihood of each track at given ln D, (n_tracks, K), by linear interpolation."""
        place = (log_d - self.log_d[0]) / (self.log_d[1] - self.log_d[0])
        k = np.clip(place.astype(np.int64), 0, N_GRID - 2)
        part = place - k
        return np.asarray(self.values[:, k] * (1 - part) + self.values[:, k + 1] * part)

    def maximum(self, weight: Floats) -> float:
        """Return the ln D at which the weighted log likelihood is at its maximum."""
        total = weight @ self.values
        k = int(np.clip(total.argmax(), 1, N_GRID - 2))
        below, here, above = total[k - 1 : k + 2]
        curvature = below - 2 * here + above
        shift = 0.5 * (below - above) / curvature if curvature < 0 else 0.0
        h = self.log_d[1] - self.log_d[0]
        end = int(total.argmax())
        return float(self.log_d[k] + np.clip(shift, -1, 1) * h if end == k else self.log_d[end])

    def without(self, rows: npt.NDArray[np.bool_]) -> _Grid:
        """Return the grid without some tracks."""
        return _Grid(self.log_d, self.values[~rows])


@dataclass(frozen=True)
class States:
    """States of different D, with the localisation error that suits them.

    Parameters
    ----------
    used
        Whether a track counts, (n_tracks,): it has moved; of very many tracks, some.
    grid
        Log likelihood of each track that counts.
    mixture
        The states.
    noise
        Localisation error; of several states estimated with them, as the one of a single D is then inaccurate.
    """

    used: npt.NDArray[np.bool_]
    grid: _Grid
    mixture: Mixture
    noise: Noise


def fit_states(steps: Steps, noise: Noise, max_components: int = 4) -> States | None:
    """Return the states of different D of a movie's tracks, or None without any motion.

    Parameters
    ----------
    steps
        The steps.
    noise
        Localisation error of a single D.
    max_components
        Maximum number of states.
    """
    used = (steps.n_steps > 0) & (raw_diffusion(steps) > 0)
    if not used.any():
        return None
    used = _thinned(used, MAX_TRACKS)
    some = steps.of_tracks(used)
    grid = _grid(some, noise)
    mixture = best_mixture(grid, max_components)
    if len(mixture.weight) > 1:
        noise = _with_own_noise(some, mixture, noise)
        grid = _grid(some, noise)
        mixture = best_mixture(grid, max_components)
    return States(used, grid, mixture, noise)


def states_table(
    states: States | None, duration: npt.ArrayLike, n_detections: npt.ArrayLike, level: float = 0.95
) -> pd.DataFrame:
    """Return the table of the states of different D.

    Parameters
    ----------
    states
        The states; None: an empty table.
    duration
        Time of each track, (n_tracks,), in any unit: weights of ``share_time``.
    n_detections
        Of each track, (n_tracks,).
    level
        Coverage of the intervals: jackknife over groups of tracks.

    Returns
    -------
    DataFrame
        A row a state, by rising D: ``state, diffusion_nm2_s`` (0 for a state at rest), ``share_tracks, share_time``
        with intervals, ``n_tracks`` (those that belong to it more likely than to any other) and ``n_detections``.
    """
    if states is None:
        return stacked([[]], STATE_COLUMNS)
    grid, best = states.grid, states.mixture
    time = np.asarray(duration, np.float64)[states.used]
    count = np.asarray(n_detections, np.int64)[states.used]
    share = responsibilities(grid, best)
    values = _values(best, share, time)
    low, high = _intervals(grid, best, time, values, level)
    state_of = share.argmax(1)
    n_tracks = len(time)
    rows = []
    for k in range(len(best.weight)):
        at_rest = best.log_d[k] <= grid.log_d[1]
        d = np.exp([values[k, 0], low[k, 0], high[k, 0]])
        if at_rest:
            d = np.array([0.0, 0.0, np.exp(_upper_end(grid, share[:, k], level))])
        own = state_of == k
        rows.append({
            "state": k + 1,
            "diffusion_nm2_s": d[0], "diffusion_low_nm2_s": d[1], "diffusion_high_nm2_s": d[2],
            "share_tracks": expit(values[k, 1]), "share_tracks_low": expit(low[k, 1]),
            "share_tracks_high": expit(high[k, 1]),
            "share_time": expit(values[k, 2]), "share_time_low": expit(low[k, 2]),
            "share_time_high": expit(high[k, 2]),
            "status": "at_bound" if at_rest else "ok" if n_tracks >= MIN_TRACKS else "too_few_tracks",
            "ci_method": "profile" if at_rest else "jackknife_t", "ci_unit": "track",
            "n_detections": int(count[own].sum()), "n_tracks": int(own.sum()), "n_movies": 1,
        })  # fmt: skip
    return stacked([rows], STATE_COLUMNS)


def best_mixture(grid: _Grid, max_components: int) -> Mixture:
    """Return the mixture with the lowest BIC.

    Parameters
    ----------
    grid
        Log likelihood of each track.
    max_components
        Maximum number of states.

    References
    ----------
    Schwarz: Estimating the dimension of a model, Annals of Statistics 6, 1978, doi 10.1214/aos/1176344136.
    """
    single = grid.values.argmax(1)
    best = None
    for k in range(1, min(max_components, len(grid.values)) + 1):
        quantiles = np.quantile(grid.log_d[single], (np.arange(k) + 0.5) / k)
        fitted = expectation_maximisation(grid, quantiles, np.full(k, 1 / k))
        if best is not None and fitted.bic >= best.bic:
            break
        best = fitted
    assert best is not None
    return best


def expectation_maximisation(grid: _Grid, log_d: Floats, weight: Floats) -> Mixture:
    """Return the mixture of maximum likelihood, from given starts.

    Parameters
    ----------
    grid
        Log likelihood of each track.
    log_d, weight
        Start: ln D and share of each state, (K,).
    """
    log_d, weight = np.array(log_d, np.float64), np.array(weight, np.float64)
    last = -np.inf
    for _ in range(ITERATIONS):
        joint = grid.at(log_d) + np.log(np.maximum(weight, 1e-300))
        total = logsumexp(joint, axis=1)
        value = float(total.sum())
        if value - last < TOLERANCE:
            break
        last = value
        share = np.exp(joint - total[:, None])
        weight = share.mean(0)
        log_d = np.array([grid.maximum(share[:, k]) for k in range(len(weight))])
    order = np.argsort(log_d, kind="stable")
    n, k = len(grid.values), len(weight)
    return Mixture(log_d[order], weight[order], value, -2 * value + (2 * k - 1) * np.log(n))


def responsibilities(grid: _Grid, mixture: Mixture) -> Floats:
    """Return the probability that each track belongs to each state, (n_tracks, K).

    Parameters
    ----------
    grid
        Log likelihood of each track.
    mixture
        The states.
    """
    joint = grid.at(mixture.log_d) + np.log(np.maximum(mixture.weight, 1e-300))
    return np.asarray(np.exp(joint - logsumexp(joint, axis=1)[:, None]))


def _thinned(tracks: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    """Return a mask of at most n of the tracks, at equal intervals."""
    chosen = np.flatnonzero(tracks)
    out = np.zeros(len(tracks), np.bool_)
    out[chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), n)).round().astype(np.int64)]] = True
    return out


def _with_own_noise(steps: Steps, mixture: Mixture, noise: Noise) -> Noise:
    """Return the localisation error of maximum likelihood of several states; D of each is fitted as well."""
    some = steps.of_tracks(_thinned(np.ones(steps.n_tracks, np.bool_), MAX_TRACKS_NOISE))
    n_axes = 1 if noise.shared else 2
    log_weight = np.log(np.maximum(mixture.weight, 1e-300))
    highest = float(np.sqrt((some.step_nm**2).mean() / 2))

    def noise_at(error: Floats) -> Noise:
        return Noise(np.broadcast_to(error, 2) ** 2, noise.blur_s)

    def loss(at: Floats) -> float:
        values = log_likelihoods(some, np.exp(at[n_axes:]), noise_at(at[:n_axes]))
        return -float(logsumexp(values + log_weight, axis=1).sum())

    start = np.append(np.maximum(np.sqrt(noise.variance_nm2[:n_axes]), 0.05 * highest), mixture.log_d)
    low, high = mixture.log_d.min() - np.log(GRID_RATIO), mixture.log_d.max() + np.log(GRID_RATIO)
    bounds = [(0.0, highest)] * n_axes + [(low, high)] * len(log_weight)
    fitted = minimize(loss, start, bounds=bounds, method="Nelder-Mead",
                      options={"xatol": 1e-3, "fatol": 1e-3, "maxiter": 400})  # fmt: skip
    return noise_at(fitted.x[:n_axes])


def _grid(steps: Steps, noise: Noise) -> _Grid:
    """Return the log likelihood of tracks on a grid of D up to beyond the largest of them."""
    top = np.log(4 * raw_diffusion(steps).max())
    log_d = np.linspace(top - np.log(GRID_RATIO), top, N_GRID)
    return _Grid(log_d, log_likelihoods(steps, np.exp(log_d), noise))


def _values(mixture: Mixture, share: Floats, time: Floats) -> Floats:
    """Return ln D, and logit of the shares of tracks and of time, of each state, (K, 3)."""
    by_time = share.T @ time / time.sum()
    with np.errstate(divide="ignore"):
        return np.column_stack([mixture.log_d, logit(mixture.weight), logit(np.minimum(by_time, 1.0))])


def _intervals(
    grid: _Grid, best: Mixture, time: Floats, values: Floats, level: float
) -> tuple[Floats, Floats]:
    """Return low and high ends of the values by leaving out one group of tracks at a time, (K, 3) each."""
    n_tracks, n_groups = len(time), min(len(time), MAX_GROUPS)
    low, high = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    if len(best.weight) == 1:
        low[:, 1:] = high[:, 1:] = values[:, 1:]
    if n_tracks < MIN_TRACKS:
        return low, high
    group = np.arange(n_tracks) % n_groups
    left_out = []
    for k in range(n_groups):
        part = grid.without(group == k)
        mixture = expectation_maximisation(part, best.log_d, best.weight)
        left_out.append(_values(mixture, responsibilities(part, mixture), time[group != k]))
    others = np.array(left_out)
    for at in np.ndindex(*values.shape):
        if np.isnan(low[at]):
            low[at], high[at] = jackknife_t(float(values[at]), others[:, at[0], at[1]], level)
    return low, high


def _upper_end(grid: _Grid, share: Floats, level: float) -> float:
    """Return the ln D at which the likelihood of a state at rest has fallen to the end of its interval."""
    total = share @ grid.values
    return float(grid.log_d[np.flatnonzero(total >= total.max() - chdtri(1, 1 - level) / 2)[-1]])
