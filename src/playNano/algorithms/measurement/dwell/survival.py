"""The survival curve on the grid of passes, and the goodness of fit of one rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from playNano.algorithms.measurement.dwell.passes import Passes
from playNano.algorithms.measurement.tracked_movie import Bools, Floats, Ints

MIN_EXPECTED = 5.0
"""Minimum expected number of ends in a group of the goodness of fit."""


@dataclass(frozen=True)
class SurvivalCurve:
    """Fraction of molecules that stay longer than a time since their first detection.

    Parameters
    ----------
    passes
        Number of passes since the first detection, (n + 1,), from 0.
    survival, low, high
        The fraction and its pointwise interval, (n + 1,).
    at_risk
        Expected number of molecules at risk in the interval that ends at each pass, (n + 1,).
    ends, censored
        Expected number of ends in it, and number of molecules last known to be there, (n + 1,).
    """

    passes: Ints
    survival: Floats
    low: Floats
    high: Floats
    at_risk: Floats
    ends: Floats
    censored: Ints


def survival_curve(passes: Passes, rows: Bools, widths: Ints, level: float = 0.95) -> SurvivalCurve:
    """Return the survival curve by the hazard of each pass: ends over molecules at risk.

    Where lost frames or missed detections widen the interval of an end to several passes, the end is spread over them
    by the hazards themselves (the self-consistent estimate of Turnbull). Molecules count while they are outside the
    bands, with the age that they then have.

    Parameters
    ----------
    passes
        What each pass says.
    rows
        Rows that count, (N,).
    widths
        Frames from each detection to the next detection, or to the next observed frame at an end, (N,).
    level
        Coverage of the pointwise interval: Greenwood's variance on log(-log S).

    Returns
    -------
    SurvivalCurve
        Up to the last pass at which molecules are at risk; the pass 0 alone if there are none.

    References
    ----------
    Turnbull: The empirical distribution function with arbitrarily grouped, censored and truncated data, Journal of the
    Royal Statistical Society B 38, 1976, doi 10.1111/j.2517-6161.1976.tb01597.x.
    """
    counted = passes.at_risk & rows
    age, width, ended = passes.age[counted], widths[counted], passes.ended[counted]
    size = int((age + width).max(initial=0))
    stayed = _covered(age[~ended], width[~ended], size)
    spans, number = np.unique(np.column_stack([age[ended], width[ended]]), axis=0, return_counts=True)
    ends, at_risk = _self_consistent(stayed, spans, number, size)
    kept = at_risk > 1e-9
    if not kept.all():
        size = int(np.argmin(kept))
        ends, at_risk = ends[:size], at_risk[:size]
    hazard = np.clip(ends / np.maximum(at_risk, 1e-300), 0, 1)
    survival = np.append(1.0, np.cumprod(1 - hazard))
    low, high = _greenwood(survival, ends, at_risk, level)
    censored = np.bincount(
        (passes.age[passes.last] + 1)[(passes.reason != "left") & rows[passes.last]], minlength=size + 1
    )[: size + 1]
    return SurvivalCurve(
        np.arange(size + 1),
        survival,
        low,
        high,
        np.append(at_risk[:1], at_risk) if size else np.zeros(1),
        np.append(0.0, ends),
        censored.astype(np.int64),
    )


def _covered(start: Ints, width: Ints, size: int) -> Floats:
    """Return how many intervals [start, start + width) cover each cell of a grid, (size,)."""
    change = np.bincount(start, minlength=size + 1).astype(np.float64)
    change -= np.bincount(start + width, minlength=size + 1)
    return np.asarray(np.cumsum(change)[:size], dtype=np.float64)


def _self_consistent(stayed: Floats, spans: Ints, number: Ints, size: int) -> tuple[Floats, Floats]:
    """Return the expected ends and molecules at risk of each cell, ends being spread over their spans by the hazards.

    Parameters
    ----------
    stayed
        Molecules that were seen to survive each cell, (size,).
    spans
        First cell and number of cells of the ends, (n, 2), each with its `number`.
    number
        How many ends each span has.
    size
        Number of cells.
    """
    hazard = np.full(size, 0.5)
    ends = at_risk = np.zeros(size)
    simple = bool((spans[:, 1] == 1).all()) if len(spans) else True
    for _ in range(1 if simple else 500):
        ends, at_risk = np.zeros(size), stayed.copy()
        for (start, width), count in zip(spans.tolist(), number.tolist(), strict=True):
            inside = hazard[start : start + width]
            alive = np.append(1.0, np.cumprod(1 - inside)[:-1])
            share = alive * inside
            share = share / share.sum() if share.sum() > 0 else np.full(width, 1 / width)
            ends[start : start + width] += count * share
            at_risk[start : start + width] += count * np.cumsum(share[::-1])[::-1]
        new = np.divide(ends, at_risk, out=np.zeros(size), where=at_risk > 0)
        moved = float(np.abs(new - hazard).max(initial=0))
        hazard = new
        if moved < 1e-8:
            break
    return ends, at_risk


def _greenwood(survival: Floats, ends: Floats, at_risk: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the pointwise interval of a survival curve on log(-log S)."""
    left = at_risk - ends
    terms = np.divide(ends, at_risk * left, out=np.full(len(ends), np.inf), where=left > 0)
    terms[ends == 0] = 0.0
    variance = np.append(0.0, np.cumsum(terms))
    inside = (survival > 0) & (survival < 1)
    log = np.log(np.where(inside, survival, 0.5))
    width = ndtri((1 + level) / 2) * np.sqrt(np.where(inside, variance, 0)) / np.abs(log)
    spread = np.exp(np.minimum(width, 700.0))
    low = np.where(inside, np.where(inside, survival, 0.5) ** spread, np.where(survival >= 1, 1.0, np.nan))
    high = np.where(inside, np.where(inside, survival, 0.5) ** (1 / spread), low)
    return np.asarray(low, np.float64), np.asarray(high, np.float64)


def fit_p(age: Ints, ended: Bools, chance: Floats, seed: int = 0, n_draws: int = 200) -> float:
    """Return the p-value of a constant rate, from the numbers of molecules that leave at each age.

    The ends of each age are compared with their expectation among the molecules at risk, ages being pooled to five
    expected ends or more, by a chi-square statistic, whose distribution is drawn with the rate estimated again in each
    draw.

    Parameters
    ----------
    age
        Passes since the first detection, of each row at risk, (n,).
    ended
        Whether the molecule left, (n,).
    chance
        Probability of that under the fitted rate, (n,).
    seed
        Seed of the draws.
    n_draws
        Their number.

    Returns
    -------
    float
        NaN if there are fewer than two groups.
    """
    expected = np.bincount(age, weights=chance)
    group = np.minimum(
        np.floor(np.cumsum(expected) / MIN_EXPECTED), np.floor(expected.sum() / MIN_EXPECTED) - 1
    )
    if group.max(initial=0) < 1:
        return float("nan")
    _, group = np.unique(np.maximum(group, 0), return_inverse=True)
    cell = group[age]
    size = int(cell.max()) + 1
    if size < 2:
        return float("nan")
    mean, variance, seen = (
        np.bincount(cell, weights=values, minlength=size).astype(np.float64)
        for values in (chance, chance * (1 - chance), ended)
    )
    rng = np.random.default_rng(seed)
    count = np.bincount(cell, minlength=size)
    draws = rng.binomial(count, mean / count, (n_draws, size)).astype(np.float64)
    statistic = _chi_square(seen[None], mean, variance)[0]
    return float((1 + (_chi_square(draws, mean, variance) >= statistic).sum()) / (n_draws + 1))


def _chi_square(ends: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return the chi-square statistic of rows of ends, with the expectation scaled to their total."""
    scaled = mean * (ends.sum(axis=1, keepdims=True) / mean.sum())
    return np.asarray(((ends - scaled) ** 2 / variance).sum(axis=1), dtype=np.float64)
