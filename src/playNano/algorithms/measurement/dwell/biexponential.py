"""Two rates of departure: a mixture of molecules that stay briefly and molecules that stay long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playNano.algorithms.measurement.dwell.exponential import (
    detection_probability,
    end_probability,
    fit_rate,
)
from playNano.algorithms.measurement.dwell.passes import Passes
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.tracked_movie import Bools, Floats

MIN_TRACKS, MIN_ENDS = 10, 8
"""Minimum numbers of tracks with a seen start, and of ends among them, for two rates."""

NO_STAY = 6.0
"""Product of rate and time from pass to pass from which no molecule is seen at two passes."""


@dataclass(frozen=True)
class DwellRecords:
    """Dwell times of molecules whose arrival was seen.

    Parameters
    ----------
    stay_s
        Time for which each molecule was seen to stay, (n,) s.
    wait_s
        Times from its last detection to the next passes, (n, m) s.
    ended
        Whether it left, (n,); else the time is censored.
    miss_rate
        Probability of a missed detection at a pass.
    """

    stay_s: Floats
    wait_s: Floats
    ended: Bools
    miss_rate: float

    def log_likelihoods(self, rate: float) -> Floats:
        """Return the log likelihood of each molecule under a rate, (n,).

        Parameters
        ----------
        rate
            1/s.
        """
        out = -rate * self.stay_s
        with np.errstate(divide="ignore"):
            out[self.ended] += np.log(end_probability(rate, self.wait_s[self.ended], self.miss_rate))
        return out


def dwell_records(passes: Passes) -> DwellRecords:
    """Return the dwell times of molecules whose arrival was seen, until they enter a band or leave.

    Parameters
    ----------
    passes
        What each pass says.
    """
    bad = np.cumsum(~passes.at_risk & np.isfinite(passes.gap_s))
    before_first = np.append(0, bad)[passes.first]
    clean = (bad == before_first[passes.piece]) & passes.start_seen[passes.piece]
    survived = clean & passes.survived
    n = len(passes.first)
    stay = np.bincount(passes.piece[survived], weights=passes.gap_s[survived], minlength=n)
    ended = (clean & passes.ended)[passes.last]
    kept = passes.start_seen & ((stay > 0) | ended)
    miss = passes.miss_rate if np.isfinite(passes.miss_rate) else 0.0
    return DwellRecords(stay[kept], passes.wait_s[passes.last][kept], ended[kept], miss)


@dataclass(frozen=True)
class MixtureFit:
    """Two rates of departure.

    Parameters
    ----------
    k_fast, k_slow
        Rates with their intervals, (estimate, low, high) 1/s.
    share_seen
        Share of the fast molecules among those that were seen, with its interval.
    share
        Share among all that arrived, of which the fast ones are more often missed, with its interval.
    log_likelihood, log_likelihood_one
        Of two rates, and of one rate on the same molecules.
    n_tracks, n_ends
        Numbers of molecules and of ends.
    status
        "ok", or why there are no two rates.
    """

    k_fast: tuple[float, float, float]
    k_slow: tuple[float, float, float]
    share_seen: tuple[float, float, float]
    share: tuple[float, float, float]
    log_likelihood: float
    log_likelihood_one: float
    n_tracks: int
    n_ends: int
    status: Status

    @property
    def preferred(self) -> bool:
        """Whether BIC with the number of tracks prefers two rates to one."""
        gain = 2 * (self.log_likelihood - self.log_likelihood_one)
        return bool(gain > 2 * np.log(max(self.n_tracks, 2)))


def fit_mixture(records: DwellRecords, interval_s: float, level: float = 0.95) -> MixtureFit:
    """Fit a mixture of two rates of departure by maximum likelihood, from four starts.

    Parameters
    ----------
    records
        Dwell times of molecules whose arrival was seen; those that were there at the beginning are longer than others.
    interval_s
        Time from pass to pass, s.
    level
        Coverage of the intervals (Wald, on the logarithm of rates and the logit of the share).

    Returns
    -------
    MixtureFit
        NaN with a status where there are too few tracks or ends.
    """
    n, n_ends = len(records.stay_s), int(records.ended.sum())
    none = (float("nan"),) * 3
    if n < MIN_TRACKS or n_ends < MIN_ENDS or records.stay_s.sum() <= 0:
        return MixtureFit(none, none, none, none, float("nan"), float("nan"), n, n_ends, "too_few_tracks")
    one = fit_rate(float(records.stay_s.sum()), records.wait_s[records.ended], records.miss_rate, level)
    theta, value = _search(records, one.rate)
    if not np.isfinite(value) or value - one.log_likelihood < 1e-6:
        return MixtureFit(none, none, none, none, value, one.log_likelihood, n, n_ends, "unresolved")
    bounded = np.exp(theta[0]) * interval_s < NO_STAY
    error = _errors(records, theta, [0, 1, 2] if bounded else [1, 2])
    parts = [_ends(theta[i], error[i], level) for i in range(3)]
    fast, slow = np.exp(parts[0]), np.exp(parts[1])
    seen = 1 / (1 + np.exp(-parts[2]))
    ratio = detection_probability(slow[0], interval_s, records.miss_rate) / detection_probability(
        fast[0], interval_s, records.miss_rate
    )
    share = seen * ratio / (seen * ratio + 1 - seen)
    if not bounded:  # a faster rate is as likely, and the share of molecules that were not seen is not known
        fast, share = np.array([np.nan, np.nan, np.inf]), np.full(3, np.nan)
    status: Status = "ok" if np.isfinite(error).all() else "at_bound"
    return MixtureFit(
        *(_triple(fast), _triple(slow), _triple(seen), _triple(share)),
        log_likelihood=value,
        log_likelihood_one=one.log_likelihood,
        n_tracks=n,
        n_ends=n_ends,
        status=status,
    )


def _triple(values: Floats) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _mixture(records: DwellRecords, theta: Floats) -> float:
    """Return the log likelihood of (ln fast rate, ln slow rate, logit of the fast share)."""
    fast, slow = np.exp(np.clip(theta[:2], -50, 50))
    log_share, log_rest = -np.logaddexp(0, -theta[2]), -np.logaddexp(0, theta[2])
    parts = np.logaddexp(
        log_share + records.log_likelihoods(float(fast)), log_rest + records.log_likelihoods(float(slow))
    )
    return float(parts.sum())


def _search(records: DwellRecords, rate: float, starts: int = 4) -> tuple[Floats, float]:
    """Return the parameters of the highest of several maxima, and its log likelihood."""
    from scipy.optimize import minimize

    best, value = np.zeros(3), -np.inf
    for ratio, share in ((2.0, 0.5), (5.0, 0.3), (5.0, 0.7), (15.0, 0.5))[:starts]:
        guess = np.array([np.log(rate * ratio), np.log(rate / ratio), np.log(share / (1 - share))])
        limits = [(guess[0] - 8, guess[0] + 6), (guess[1] - 6, guess[1] + 8), (-8.0, 8.0)]
        found = minimize(lambda t: -_mixture(records, t), guess, method="L-BFGS-B", bounds=limits)
        if -found.fun > value:
            best, value = found.x, float(-found.fun)
    if best[0] < best[1]:
        best = np.array([best[1], best[0], -best[2]])
    return best, value


def _errors(records: DwellRecords, theta: Floats, free: list[int], step: float = 1e-3) -> Floats:
    """Return the standard errors from the curvature by the free parameters; NaN for others, or where it has none."""
    hessian = np.empty((len(free), len(free)))
    shift = step * np.eye(3)[free]
    for i in range(len(free)):
        for j in range(len(free)):
            parts = [
                a * b * _mixture(records, theta + a * shift[i] + b * shift[j])
                for a in (1, -1)
                for b in (1, -1)
            ]
            hessian[i, j] = sum(parts) / (4 * step**2)
    out = np.full(3, np.nan)
    try:
        variance = np.diag(np.linalg.inv(-hessian))
    except np.linalg.LinAlgError:
        return out
    out[free] = np.sqrt(np.where(variance > 0, variance, np.nan))
    return out


def _ends(value: float, error: float, level: float) -> Floats:
    """Return estimate, low and high end of a normal interval."""
    from scipy.special import ndtri

    width = float(ndtri((1 + level) / 2)) * error
    return np.array([value, value - width, value + width])


def mixture_p(
    records: DwellRecords, fit: MixtureFit, rate: float, *, seed: int = 0, n_draws: int = 200
) -> float:
    """Return the p-value of one rate against two by the likelihood ratio, drawn under one rate.

    Each draw keeps the molecules and the time at which the observation of each ends: that of a molecule that left is
    drawn from those that did not, beyond its own. The chi-square distribution does not hold, as the share is not
    defined under one rate.

    Parameters
    ----------
    records
        Dwell times.
    fit
        Two rates fitted to them.
    rate
        The one rate, 1/s.
    seed
        Seed of the draws.
    n_draws
        Their number.
    """
    gain = fit.log_likelihood - fit.log_likelihood_one
    if not np.isfinite(gain) or not rate > 0:
        return float("nan")
    rng = np.random.default_rng(seed)
    limit = _limits(records, rng, rate)
    higher = 0
    for _ in range(n_draws):
        drawn = _draw(records, limit, rate, rng)
        if not drawn.ended.any() or drawn.stay_s.sum() <= 0:
            continue
        one = fit_rate(float(drawn.stay_s.sum()), drawn.wait_s[drawn.ended], drawn.miss_rate)
        if one.rate > 0:
            higher += _search(drawn, one.rate, 2)[1] - one.log_likelihood >= gain
    return float((1 + higher) / (n_draws + 1))


def _limits(records: DwellRecords, rng: np.random.Generator, rate: float) -> Floats:
    """Return a time at which the observation of each molecule ends, if it does not leave before, (n,) s."""
    censored = np.sort(records.stay_s[~records.ended])
    limit = records.stay_s.copy()
    for i in np.flatnonzero(records.ended):
        later = censored[censored > records.stay_s[i]]
        limit[i] = rng.choice(later) if later.size else records.stay_s[i] + 5 / rate
    return limit


def _draw(records: DwellRecords, limit: Floats, rate: float, rng: np.random.Generator) -> DwellRecords:
    """Return dwell times drawn under one rate, on the grid of passes of each molecule."""
    typical = float(np.nanmedian(records.wait_s[:, 0])) if np.isfinite(records.wait_s).any() else 1.0
    wait = np.where(np.isfinite(records.wait_s[:, :1]), records.wait_s[:, :1], typical)
    stay = np.floor(rng.exponential(1 / rate, len(limit)) / wait[:, 0]) * wait[:, 0]
    ended = stay < limit - 1e-9 * typical
    return DwellRecords(np.minimum(stay, limit), wait, np.asarray(ended, np.bool_), 0.0)
