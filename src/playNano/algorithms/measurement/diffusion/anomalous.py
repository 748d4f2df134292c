"""Anomalous exponent: fractional Brownian motion with localisation error, by its exact Gaussian likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh, lapack
from scipy.optimize import minimize
from scipy.special import chdtri
from threadpoolctl import threadpool_limits

from playNano.algorithms.measurement.diffusion.columns import MIN_TRACKS
from playNano.algorithms.measurement.diffusion.steps import Steps
from playNano.algorithms.measurement.intervals import NONE, Interval, jackknife_t
from playNano.algorithms.measurement.results import Status

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_STEPS = 5
"""Minimum number of successive steps of a piece that counts."""

MIN_DETECTIONS = 20
"""Minimum number of detections for an exponent of their own."""

MAX_STEPS, MAX_STEPS_GAPS = 299, 64
"""Pieces are cut into parts of at most this number of steps: without gaps, and with gaps or uneven times."""

MAX_TRACKS = 300
"""Maximum number of tracks that count for the exponent of all; of more, they are taken at equal intervals."""

ALPHAS = np.array([0.3, 0.7, 1.0, 1.4])
ASINH_NOISES = np.array([0.02, 0.2, 0.8, 2.0])
BOUNDS = [(0.02, 1.98), (-0.3, 7.0)]
"""Of the exponent and of asinh(noise / K); as blur, the latter may be slightly negative."""

ALPHA_STEP, NOISE_STEP = 0.03, 0.04


@dataclass(frozen=True)
class AlphaFit:
    """Anomalous exponent.

    Parameters
    ----------
    alpha
        Exponent of the mean squared displacement, 0 to 2.
    interval
        Its confidence interval.
    coefficient
        Generalised diffusion coefficient K of a mean squared displacement of 2 K t^alpha along each axis,
        nm2/s^alpha.
    variance_nm2
        Variance of the localisation, nm2.
    n_tracks
        Number of tracks that count.
    status
        "ok", or why there is none.
    """

    alpha: float = float("nan")
    interval: Interval = NONE
    coefficient: float = float("nan")
    variance_nm2: float = float("nan")
    n_tracks: int = 0
    status: Status = "too_short"


@dataclass(frozen=True)
class Piece:
    """Successive steps of a track.

    Parameters
    ----------
    track
        Index of the track.
    time
        Time of each detection since the first one, in frame intervals, (n + 1,).
    step_nm
        Displacements, (n, 2) nm.
    regular
        Whether the times are 0, 1, 2, ...
    """

    track: int
    time: Floats
    step_nm: Floats
    regular: bool


def pieces_of(steps: Steps, interval_s: float, *, by_frame: bool) -> list[Piece]:
    """Return the pieces of tracks that are long enough, cut into parts.

    Parameters
    ----------
    steps
        The steps.
    interval_s
        Time from frame to frame, s.
    by_frame
        Whether frames are equidistant in time.
    """
    starts = np.append(np.flatnonzero(steps.begins), len(steps.begins))
    durations = steps.gap.astype(np.float64) if by_frame else steps.time_s / interval_s
    track = steps.track
    pieces = []
    for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        regular = bool((durations[low:high] == 1).all())
        longest = MAX_STEPS if regular else MAX_STEPS_GAPS
        n_parts = -(-(high - low) // longest)
        for part in np.array_split(np.arange(low, high), n_parts):
            if len(part) >= MIN_STEPS:
                time = np.append(0.0, np.cumsum(durations[part]))
                pieces.append(Piece(int(track[low]), time, steps.step_nm[part], regular))
    return pieces


def fit_alpha(pieces: list[Piece], interval_s: float, level: float = 0.95) -> AlphaFit:
    """Estimate the anomalous exponent of all tracks together, with the localisation error.

    Parameters
    ----------
    pieces
        Pieces of tracks.
    interval_s
        Time from frame to frame, s.
    level
        Coverage of the interval: jackknife over tracks.

    References
    ----------
    Mandelbrot, van Ness: Fractional Brownian motions, SIAM Review 10, 1968, doi 10.1137/1010093.
    """
    pieces = _thinned(pieces)
    n_detections = sum(len(piece.time) for piece in pieces)
    moved = any((piece.step_nm != 0).any() for piece in pieces)
    tracks = np.unique([piece.track for piece in pieces])
    if n_detections < MIN_DETECTIONS or not moved:
        return AlphaFit(n_tracks=len(tracks))
    with threadpool_limits(1, "blas"):  # the matrices are too small for threads
        return _fit(_Model(pieces), interval_s, level)


def _fit(model: _Model, interval_s: float, level: float) -> AlphaFit:
    """Return the exponent, K and the localisation error of maximum likelihood."""
    tracks = model.tracks
    starts = [(alpha, noise) for alpha in ALPHAS for noise in ASINH_NOISES]
    start = starts[int(np.argmax([model.value(*at) for at in starts]))]
    simplex = [start, (start[0] + 0.15, start[1]), (start[0], start[1] + 0.15)]
    fitted = minimize(
        lambda at: -model.value(*at), start, bounds=BOUNDS, method="Nelder-Mead",
        options={"xatol": 2e-4, "fatol": 1e-4, "initial_simplex": simplex},
    )  # fmt: skip
    alpha, noise = (float(value) for value in fitted.x)
    coefficient = float(model.sums(alpha, noise)[0].sum() / model.n.sum())
    few = len(tracks) < MIN_TRACKS
    at_bound = not 2 * ALPHA_STEP < alpha < 2 - 2 * ALPHA_STEP
    interval = NONE if few or at_bound else _jackknife(model, alpha, noise, level)
    low, high = (float(np.clip(end, 0.0, 2.0)) for end in interval)
    return AlphaFit(
        alpha, (low, high), coefficient / interval_s**alpha, coefficient * max(float(np.sinh(noise)), 0.0), len(tracks),
        "at_bound" if at_bound else "too_few_tracks" if few else "ok",
    )  # fmt: skip


def _thinned(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces of at most MAX_TRACKS tracks, at equal intervals."""
    tracks = np.unique([piece.track for piece in pieces])
    if len(tracks) <= MAX_TRACKS:
        return pieces
    chosen = set(tracks[np.linspace(0, len(tracks) - 1, MAX_TRACKS).round().astype(np.int64)].tolist())
    return [piece for piece in pieces if piece.track in chosen]


def fit_alpha_of_track(
    pieces: list[Piece], variance_nm2: float, interval_s: float, level: float = 0.95
) -> AlphaFit:
    """Estimate the anomalous exponent of one track, given the localisation error.

    Parameters
    ----------
    pieces
        Pieces of the track.
    variance_nm2
        Variance of the localisation, nm2.
    interval_s
        Time from frame to frame, s.
    level
        Coverage of the interval: profile likelihood.
    """
    if sum(len(piece.time) for piece in pieces) < MIN_DETECTIONS:
        return AlphaFit()
    alphas = np.linspace(0.04, 1.96, 49)
    square = np.mean(np.concatenate([piece.step_nm for piece in pieces]) ** 2)
    if not square > 0:
        return AlphaFit()
    k = np.geomspace(square * 1e-3, square * 10, 160)
    with threadpool_limits(1, "blas"):
        values = np.array([_values_of_k(pieces, alpha, k, variance_nm2) for alpha in alphas])
    profile, best_k = values.max(1), k[values.argmax(1)]
    best = int(profile.argmax())
    inside = np.flatnonzero(profile >= profile[best] - chdtri(1, 1 - level) / 2)
    ends = [float(alphas[0]), float(alphas[-1])]
    for place, side in ((inside[0], -1), (inside[-1], 1)):
        if 0 <= place + side < len(alphas):
            floor = profile[best] - chdtri(1, 1 - level) / 2
            part = (profile[place] - floor) / (profile[place] - profile[place + side])
            ends[(side + 1) // 2] = float(alphas[place] + side * part * (alphas[1] - alphas[0]))
    at_bound = best in (0, len(alphas) - 1)
    alpha = float(alphas[best])
    if not at_bound:
        below, here, above = profile[best - 1 : best + 2]
        alpha += float(0.5 * (below - above) / (below - 2 * here + above) * (alphas[1] - alphas[0]))
    return AlphaFit(
        alpha, (ends[0], ends[1]), float(best_k[best]) / interval_s**alpha, variance_nm2, 1,
        "at_bound" if at_bound else "ok",
    )  # fmt: skip


def step_covariance(time: Floats, alpha: float) -> Floats:
    """Return the covariance of steps of fractional Brownian motion of K = 1, (n, n).

    Parameters
    ----------
    time
        Of each detection, (n + 1,).
    alpha
        Exponent, 0 to 2.
    """
    return _covariance(_lags(time), alpha)


def _lags(time: Floats) -> Any:
    """Return the time differences of all detections, (n + 1, n + 1); integers if they are whole numbers."""
    lag = np.abs(time[:, None] - time[None, :])
    whole = lag.astype(np.int64)
    return whole if (whole == lag).all() else lag


def _covariance(lag: Any, alpha: float) -> Floats:
    """Return the covariance of steps from the time differences of detections."""
    power = (np.arange(lag.max() + 1.0) ** alpha)[lag] if lag.dtype.kind == "i" else lag**alpha
    return np.asarray(power[1:, :-1] + power[:-1, 1:] - power[1:, 1:] - power[:-1, :-1])


class _Model:
    """Likelihood of the exponent and the ratio of the localisation's variance to K, K at its maximum."""

    def __init__(self, pieces: list[Piece]) -> None:
        """Gather pieces without gaps as columns, which share one Cholesky factor."""
        self.tracks = np.unique([piece.track for piece in pieces])
        regular = [piece for piece in pieces if piece.regular]
        self.others = [piece for piece in pieces if not piece.regular]
        self.length = np.array([len(piece.step_nm) for piece in regular], np.int64)
        self.columns = np.zeros((self.length.max(initial=0), 2 * len(regular)), order="F")
        for k, piece in enumerate(regular):
            self.columns[: len(piece.step_nm), 2 * k : 2 * k + 2] = piece.step_nm
        self.lag = _lags(np.arange(len(self.columns) + 1.0))
        self.other_lags = [_lags(piece.time) for piece in self.others]
        inside = np.arange(len(self.columns))[:, None] < self.length
        self.inside = np.repeat(inside, 2, axis=1)
        of_piece = [piece.track for piece in (*regular, *self.others)]
        self.row = np.searchsorted(self.tracks, of_piece)
        lengths = [*self.length.tolist(), *(len(piece.step_nm) for piece in self.others)]
        self.n = np.bincount(self.row, 2.0 * np.array(lengths), minlength=len(self.tracks))

    def sums(self, alpha: float, asinh_noise: float) -> tuple[Floats, Floats]:
        """Return y C^-1 y and ln |C| of both axes of each track for K = 1."""
        form, logs, count = [], [], len(self.tracks)
        noise = float(np.sinh(asinh_noise))
        if len(self.length):
            factor = _factor(self.lag, alpha, noise)
            if factor is None:
                return np.full(count, np.inf), np.zeros(count)
            solved = lapack.dtrtrs(factor, self.columns, lower=1)[0]
            per_column = (np.where(self.inside, solved, 0.0) ** 2).sum(0)
            form += per_column.reshape(-1, 2).sum(1).tolist()
            log_det = np.append(0.0, np.cumsum(2 * np.log(np.diag(factor))))
            logs += (2 * log_det[self.length]).tolist()
        for piece, lag in zip(self.others, self.other_lags, strict=True):
            factor = _factor(lag, alpha, noise)
            if factor is None:
                return np.full(count, np.inf), np.zeros(count)
            form.append(float((lapack.dtrtrs(factor, piece.step_nm, lower=1)[0] ** 2).sum()))
            logs.append(4 * float(np.log(np.diag(factor)).sum()))
        by_track = (np.bincount(self.row, values, minlength=count) for values in (form, logs))
        total_form, total_logs = (np.asarray(values, np.float64) for values in by_track)
        return total_form, total_logs

    def value(self, alpha: float, asinh_noise: float) -> float:
        """Return the log likelihood, less a constant."""
        form, logs = self.sums(alpha, asinh_noise)
        n = self.n.sum()
        return float(-0.5 * (n * np.log(form.sum() / n) + logs.sum()))


def _factor(lag: Any, alpha: float, noise: float) -> Floats | None:
    """Return the Cholesky factor of the covariance of steps; None where it is not positive definite."""
    covariance = _covariance(lag, alpha) + noise * _noise_covariance(len(lag) - 1)
    factor, info = lapack.dpotrf(covariance, lower=1)
    return None if info else np.asarray(factor)


@lru_cache(maxsize=64)
def _noise_covariance(n: int) -> Floats:
    return np.asarray(2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))


def _values_of_k(pieces: list[Piece], alpha: float, k: Floats, variance: float) -> Any:
    """Return the log likelihood of values of K for given exponent and localisation error."""
    total = np.zeros(len(k))
    for piece in pieces:
        noise = _noise_covariance(len(piece.step_nm))
        values, vectors = eigh(step_covariance(piece.time, alpha), noise)
        rotated = (vectors.T @ piece.step_nm) ** 2
        spread = np.maximum(values, 1e-12)[:, None] * k + variance
        total -= 0.5 * (rotated.sum(1)[:, None] / spread + 2 * np.log(spread)).sum(0)
    return total


def _jackknife(model: _Model, alpha: float, noise: float, level: float) -> Interval:
    """Return the interval of the exponent by leaving out one track at a time: a Newton step from the fit of all."""
    corners = [(i, -1) for i in (-1, 0, 1)]
    fixed = any(
        not np.isfinite(model.value(alpha + i * ALPHA_STEP, noise + j * NOISE_STEP)) for i, j in corners
    )
    moves = [(i, j) for i in (-1, 0, 1) for j in ((0,) if fixed else (-1, 0, 1))]
    values = {}
    for i, j in moves:
        form, logs = model.sums(alpha + i * ALPHA_STEP, noise + j * NOISE_STEP)
        n = model.n.sum() - model.n
        values[i, j] = -0.5 * (n * np.log((form.sum() - form) / n) + logs.sum() - logs)
    here = values[0, 0]
    slope = (values[1, 0] - values[-1, 0]) / (2 * ALPHA_STEP)
    curvature = (values[1, 0] - 2 * here + values[-1, 0]) / ALPHA_STEP**2
    if not fixed:
        noise_slope = (values[0, 1] - values[0, -1]) / (2 * NOISE_STEP)
        noise_curvature = (values[0, 1] - 2 * here + values[0, -1]) / NOISE_STEP**2
        mixed = (values[1, 1] - values[1, -1] - values[-1, 1] + values[-1, -1]) / (
            4 * ALPHA_STEP * NOISE_STEP
        )
        slope = slope - mixed / noise_curvature * noise_slope
        curvature = curvature - mixed**2 / noise_curvature
    left_out = alpha - slope / curvature
    if not (curvature < 0).all():
        return NONE
    return jackknife_t(alpha, left_out, level)
