"""D and localisation error of all tracks of a movie together, by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import chdtrc, chdtri

from playNano.algorithms.measurement.diffusion.columns import MIN_TRACKS
from playNano.algorithms.measurement.diffusion.likelihood import LN_2PI, Noise, forms
from playNano.algorithms.measurement.diffusion.steps import Steps
from playNano.algorithms.measurement.intervals import NONE, Interval, jackknife_t

Floats = npt.NDArray[np.float64]

ASINH_NOISE = np.linspace(-0.25, 7.0, 25)
"""Nodes of asinh(s / (D t)) of the first search."""

N_LOCAL, WIDTH = 15, 5.0
"""Number of nodes along each axis, and half width in standard errors, around the maximum, for the jackknife."""

MIN_CURVATURE = 1e-4


@dataclass(frozen=True)
class PooledFit:
    """D and localisation error of all tracks together.

    Parameters
    ----------
    diffusion_nm2_s
        D, nm2/s; 0 where molecules at rest are more likely; NaN without steps.
    s_nm2
        Covariance of successive steps along y and x with the opposite sign, (2,) nm2.
    interval
        Of D: jackknife over tracks, NaN for fewer than 3; the profile likelihood if D is not distinct from 0.
    at_zero
        Whether D = 0 lies in the profile interval.
    log_likelihood
        At the maximum.
    """

    diffusion_nm2_s: float
    s_nm2: Floats
    interval: Interval
    at_zero: bool
    log_likelihood: float

    def noise(self, blur_s: float) -> Noise:
        """Return the localisation error; its variance is not negative.

        Parameters
        ----------
        blur_s
            Mean difference of two moments of a pass, s.
        """
        variance = self.s_nm2 + self.diffusion_nm2_s * blur_s
        if variance.min() >= 0 or not self.diffusion_nm2_s > 0:
            return Noise(np.maximum(variance, 0.0), blur_s)
        # A negative variance is more blur: s then is proportional to the D of each track.
        return Noise(np.maximum(variance, 0.0), float(-self.s_nm2.min() / self.diffusion_nm2_s))


def fit_pooled(
    steps: Steps, *, separate: bool = False, n_fitted: int = 0, level: float = 0.95, interval: bool = True
) -> PooledFit:
    """Estimate D and the localisation error of all tracks together: profile likelihood over s / (D t).

    Parameters
    ----------
    steps
        The steps.
    separate
        Whether each axis has a localisation error of its own.
    n_fitted
        Number of values that were fitted to the steps before, such as a velocity an axis.
    level
        Coverage of the interval.
    interval
        Whether the interval is computed.

    References
    ----------
    Berglund: Statistics of camera-based single-particle tracking, Physical Review E 82, 2010,
    doi 10.1103/PhysRevE.82.011917.
    """
    n = 2 * len(steps.time_s) - n_fitted
    if n < 1:
        return PooledFit(float("nan"), np.full(2, np.nan), NONE, False, float("nan"))
    if not np.abs(steps.step_nm).max() > 0:
        return PooledFit(0.0, np.zeros(2), (0.0, 0.0), True, float("nan"))
    profile = _Profile(steps, n, separate)
    at = profile.maximum()
    d, s, best = profile.at(at)
    rest, rest_s = profile.at_rest()
    drop = float(chdtri(1, 1 - level)) / 2
    if rest >= best:
        high = profile.upper_end(np.array(at), rest - drop)
        return PooledFit(0.0, rest_s, (0.0, high), True, rest)
    at_zero = rest > best - drop
    if not interval:
        return PooledFit(d, s, NONE, at_zero, best)
    if at_zero:
        return PooledFit(d, s, (0.0, profile.upper_end(np.array(at), best - drop)), True, best)
    return PooledFit(d, s, _jackknife(profile, np.array(at), d, level), False, best)


def noise_difference(shared: PooledFit, separate: PooledFit) -> float:
    """Return the p value of equal localisation errors of both axes, by the likelihood ratio.

    Parameters
    ----------
    shared, separate
        The fits with one localisation error, and with one for each axis.
    """
    return float(chdtrc(1, max(2 * (separate.log_likelihood - shared.log_likelihood), 0.0)))


class _Profile:
    """Likelihood as a function of s / (D t) of one or both axes, D at its maximum."""

    def __init__(self, steps: Steps, n: int, separate: bool) -> None:
        self.steps, self.n, self.separate = steps, n, separate
        self.unit = steps.typical_time_s
        # C is positive definite down to -0.5 of the shortest time.
        self.low = max(float(np.arcsinh(-0.25 * steps.time_s.min() / self.unit)), -0.25)

    def sums(self, at: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return y C^-1 y, (n_tracks, n, 2), and ln |C|, (n_tracks, n), for D = 1 and values of asinh s."""
        return forms(self.steps, 1.0, np.sinh(np.atleast_1d(np.asarray(at, np.float64))) * self.unit)

    def at(self, at: Floats) -> tuple[float, Floats, float]:
        """Return D, s of both axes, and the log likelihood."""
        axes = np.broadcast_to(at, 2)
        form, log_det = self.sums(axes)
        total, logs = form[:, [0, 1], [0, 1]].sum(), log_det.sum()
        d = float(total / self.n)
        return d, np.sinh(axes) * self.unit * d, float(self._value(total, logs))

    def maximum(self) -> Floats:
        """Return asinh(s / (D t)) at the maximum, (1,) or (2,)."""
        nodes = np.append(self.low, ASINH_NOISE[self.low < ASINH_NOISE])
        form, log_det = (values.sum(0) for values in self.sums(nodes))
        shared = self._value(form.sum(1), 2 * log_det)
        k = int(shared.argmax())
        ends = nodes[max(k - 1, 0)], nodes[min(k + 1, len(nodes) - 1)]
        one = minimize_scalar(
            lambda at: -self.at(at)[2], bounds=ends, method="bounded", options={"xatol": 1e-8}
        )
        if not self.separate:
            return np.array([one.x])
        bounds = [(self.low, float(ASINH_NOISE[-1]))] * 2
        start = np.array([one.x, one.x])
        two = minimize(lambda at: -self.at(at)[2], start, bounds=bounds, method="Nelder-Mead",
                       options={"xatol": 1e-7, "fatol": 1e-9})  # fmt: skip
        return np.asarray(two.x, np.float64)

    def at_rest(self) -> tuple[float, Floats]:
        """Return the log likelihood of D = 0, and s of both axes."""
        form, log_det = (values.sum(0) for values in forms(self.steps, 0.0, 1.0))
        y, x = form[0]
        if not self.separate:
            s = float(y + x) / self.n
            return float(self._value(y + x, 2 * log_det[0])), np.array([s, s])
        half = self.n / 2
        if not min(y, x) > 0:
            return -np.inf, np.array([y, x]) / half
        logs = half * (float(np.log(y / half)) + float(np.log(x / half))) + 2 * float(log_det[0])
        return float(-0.5 * (logs + self.n * (1 + LN_2PI))), np.array([y, x]) / half

    def upper_end(self, at: Floats, floor: float) -> float:
        """Return the D at which the profile likelihood of D has fallen to a value."""
        nodes = np.unique(np.append(np.linspace(self.low, 12.0, 50 if self.separate else 200), at))
        form, log_det = (values.sum(0) for values in self.sums(nodes))
        total, logs = np.asarray(form.sum(1)), np.asarray(2 * log_det)
        if self.separate:
            total = np.asarray(form[:, None, 0] + form[None, :, 1])
            logs = np.asarray(log_det[:, None] + log_det[None, :])
        d = np.geomspace(total.min() / self.n * 1e-3, total[np.isfinite(total)].max() / self.n * 1e3, 2000)
        value = np.array([(-0.5 * (total / x + self.n * (np.log(x) + LN_2PI) + logs)).max() for x in d])
        above = np.flatnonzero(value >= floor)
        return float(d[above[-1]]) if above.size else float("nan")

    def _value(self, total: npt.ArrayLike, logs: npt.ArrayLike) -> Floats:
        """Return the log likelihood at the D that maximises it."""
        with np.errstate(divide="ignore"):
            fitted = self.n * np.log(np.asarray(total) / self.n)
        return np.asarray(-0.5 * (fitted + np.asarray(logs) + self.n * (1 + LN_2PI)), np.float64)


def _jackknife(profile: _Profile, at: Floats, d: float, level: float) -> Interval:
    """Return the interval of ln D by leaving out one track at a time.

    The fit without a track is averaged over s with the profile likelihood as weight, on nodes around the maximum, so
    that all of them need one pass over the steps.
    """
    counts = 2 * profile.steps.n_steps
    used = counts > 0
    if used.sum() < MIN_TRACKS:
        return NONE
    axes = [_nodes(profile, at, k) for k in range(len(at))]
    per_axis = [profile.sums(nodes) for nodes in axes]
    if len(axes) == 1:
        form, logs = per_axis[0][0].sum(2), 2 * per_axis[0][1]
    else:
        (y, log_y), (x, log_x) = per_axis
        n_tracks = len(counts)
        form = (y[:, :, None, 0] + x[:, None, :, 1]).reshape(n_tracks, -1)
        logs = (log_y[:, :, None] + log_x[:, None, :]).reshape(n_tracks, -1)
    n = (profile.n - counts[used])[:, None]
    total = form.sum(0) - form[used]
    log_d = np.log(total / n)
    value = -0.5 * (n * log_d + logs.sum(0) - logs[used])
    weight = np.exp(value - value.max(1, keepdims=True))
    left_out = (weight * log_d).sum(1) / weight.sum(1)
    return jackknife_t(d, np.exp(left_out), level, log=True)


def _nodes(profile: _Profile, at: Floats, axis: int) -> Floats:
    """Return nodes of asinh(s / (D t)) of one axis around the maximum, as far as the likelihood is not negligible."""
    h = 1e-3
    shifted = [at + h * sign * (np.arange(len(at)) == axis) for sign in (-1, 0, 1)]
    below, here, above = (profile.at(np.maximum(each, profile.low))[2] for each in shifted)
    curvature = (2 * here - below - above) / h**2
    error = 1 / np.sqrt(curvature) if curvature > MIN_CURVATURE else 2.0
    nodes = at[axis] + min(error, 2.0) * np.linspace(
        -WIDTH, WIDTH, N_LOCAL if len(at) == 2 else 2 * N_LOCAL + 1
    )
    return np.unique(np.clip(nodes, profile.low, 12.0))
