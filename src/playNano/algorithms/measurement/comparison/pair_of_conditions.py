"""The difference of two conditions in one quantity."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.algorithms.measurement.comparison.condition import back
from playNano.algorithms.measurement.comparison.counts import poisson_log_ratio
from playNano.algorithms.measurement.comparison.options import ComparisonOptions
from playNano.algorithms.measurement.comparison.random_effects import random_mean
from playNano.algorithms.measurement.comparison.samples import Sample
from playNano.algorithms.measurement.comparison.two_samples import (
    Difference,
    hedges_g,
    permutation_p,
    superiority,
    t_difference,
)
from playNano.algorithms.measurement.intervals import NONE

NAN = float("nan")
SIGNIFICANT = 0.05


def comparison_row(first: Sample, second: Sample, options: ComparisonOptions) -> dict[str, Any]:
    """Return difference or ratio of two conditions, with interval, tests and effect sizes; second minus first.

    Parameters
    ----------
    first, second
        The conditions.
    options
        Level of the intervals, seed.
    """
    remarks: list[str] = []
    paired = all(first.pairs) and all(second.pairs) and bool(first.pairs) and bool(second.pairs)
    if paired:
        first, second = _in_pairs(first, second, remarks)
    replicated = min(len(first), len(second)) >= 2
    numbers = _numbers(first, second, options, paired)
    if not replicated:
        numbers["p"] = NAN
        remarks.append(
            "one movie in a condition: the interval is over tracks and speaks for these movies only"
        )
    over_movies = replicated and _over_movies(first, second, paired)
    if replicated and not over_movies:
        remarks.append(
            "movies that do not differ significantly: the interval and p are from their own errors"
        )
    tested = replicated and bool(np.isfinite(first.values).all() and np.isfinite(second.values).all())
    p_permutation = p_min = NAN
    if tested:
        p_permutation, p_min = permutation_p(first.values, second.values, paired=paired, seed=options.seed)
        if p_min > SIGNIFICANT:
            how = f"{len(first)} pairs" if paired else f"{len(first)} + {len(second)} movies"
            remarks.append(f"{how} can never be significant by permutation: the smallest p is {p_min:.2g}")
    return {
        "quantity": first.quantity.name, "unit": first.quantity.unit, "scale": first.scale,
        "condition_a": first.condition, "condition_b": second.condition, "paired": paired, **numbers,
        "p_permutation": p_permutation, "p_min": p_min, "n_a": len(first), "n_b": len(second),
        "n_detections": first.n_detections + second.n_detections, "n_tracks": first.n_tracks + second.n_tracks,
        "n_movies": first.n_movies + second.n_movies, "ci_unit": "movie" if over_movies else "track",
        "status": "ok" if replicated else "too_few_movies", "remark": "; ".join(remarks),
    }  # fmt: skip


def _over_movies(first: Sample, second: Sample, paired: bool) -> bool:
    """Return whether errors are those between movies: not for two movies that are pooled by their own errors."""
    if first.tracks or np.isinf(first.values).any() or np.isinf(second.values).any():
        return True
    if paired:
        return random_mean(second.values - first.values, np.hypot(first.errors, second.errors)).over_movies
    return any(random_mean(side.values, side.errors).over_movies for side in (first, second))


def _in_pairs(first: Sample, second: Sample, remarks: list[str]) -> tuple[Sample, Sample]:
    """Return the replicates of both conditions that form pairs, in the same order."""
    common = [pair for pair in dict.fromkeys(first.pairs) if pair in second.pairs]
    sides = []
    for sample in (first, second):
        if len(set(sample.pairs)) < len(sample.pairs):
            remarks.append(f"several movies of {sample.condition} in one pair: only the first of each counts")
        sides.append(sample.taken([sample.pairs.index(pair) for pair in common]))
    left = len(set(first.pairs) | set(second.pairs)) - len(common)
    if left:
        remarks.append(f"{left} incomplete pairs are left out")
    return sides[0], sides[1]


def _numbers(first: Sample, second: Sample, options: ComparisonOptions, paired: bool) -> dict[str, Any]:
    """Return the difference, the ratio, p, and effect sizes."""
    level, scale = options.level, first.scale
    out: dict[str, Any] = dict.fromkeys(
        ("value_a", "value_b", "difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high",
         "p", "hedges_g", "hedges_g_low", "hedges_g_high", "superiority", "superiority_low", "superiority_high"), NAN,
    )  # fmt: skip
    out = {**out, "ci_method": "t"}
    if not len(first) or not len(second):
        return out
    if np.isinf(first.values).any() or np.isinf(second.values).any():
        return {**out, **_of_counts(first, second, level)}
    found = difference(first, second, level, paired=paired)
    sides = [random_mean(side.values, side.errors) for side in (first, second)]
    out["value_a"], out["value_b"] = (back(scale, side.value) for side in sides)
    out["p"] = found.p
    if scale == "log":
        out |= _ends("ratio", np.exp(found.value), np.exp(found.interval))
    elif scale == "linear":
        out |= _ends("difference", found.value, found.interval)
        if (first.values > 0).all() and (second.values > 0).all() and min(len(first), len(second)) >= 2:
            ratio = difference(_logarithm(first), _logarithm(second), level, paired=paired)
            out |= _ends("ratio", np.exp(ratio.value), np.exp(ratio.interval))
    else:
        slopes = [back(scale, side.value) * (1 - back(scale, side.value)) for side in sides]
        error2 = [(slope * side.error) ** 2 for slope, side in zip(slopes, sides, strict=True)]
        shares = t_difference(out["value_b"] - out["value_a"], error2, [s.degrees for s in sides], level)
        out |= _ends("difference", shares.value, shares.interval)
    out |= _effect_sizes(first, second, options, paired)
    return out


def difference(first: Sample, second: Sample, level: float, *, paired: bool) -> Difference:
    """Return the difference of two conditions on their scale.

    Parameters
    ----------
    first, second
        The conditions.
    level
        Coverage of the interval, 0 to 1.
    paired
        Whether replicates of the same number form a pair.
    """
    if paired:
        errors = np.sqrt(first.errors**2 + second.errors**2)
        mean = random_mean(second.values - first.values, errors)
        return t_difference(mean.value, [mean.error**2], [mean.degrees], level)
    value, error2, degrees = 0.0, [], []
    for sign, side in ((-1, first), (1, second)):
        if len(side) == 1 and side.tracks:
            own = side.tracks[0]
            value += sign * float(own.mean())
            error2.append(float(own.var(ddof=1) / own.size) if own.size > 1 else NAN)
            degrees.append(max(own.size - 1.0, 1.0))
        else:
            mean = random_mean(side.values, side.errors)
            value += sign * mean.value
            error2.append(mean.error**2)
            degrees.append(mean.degrees)
    return t_difference(value, error2, degrees, level)


def _effect_sizes(
    first: Sample, second: Sample, options: ComparisonOptions, paired: bool
) -> dict[str, float]:
    """Return Hedges' g over movies, and the probability of superiority over tracks."""
    out: dict[str, float] = {}
    n_a, n_b = len(first), len(second)
    if min(n_a, n_b) >= 2:
        if paired:
            each = second.values - first.values
            g = hedges_g(float(each.mean()), float(each.std(ddof=1)), n_a - 1, n_a, options.level)
        else:
            degrees = n_a + n_b - 2
            squares = (n_a - 1) * first.values.var(ddof=1) + (n_b - 1) * second.values.var(ddof=1)
            value = float(second.values.mean() - first.values.mean())
            sd = float(np.sqrt(squares / degrees))
            g = hedges_g(value, sd, degrees, n_a * n_b / (n_a + n_b), options.level)
        out |= _ends("hedges_g", g[0], g[1])
    if first.tracks and second.tracks:
        out |= _ends("superiority", *superiority(first.tracks, second.tracks, options.level, paired=paired))
    return out


def _of_counts(first: Sample, second: Sample, level: float) -> dict[str, Any]:
    """Return the ratio of rates where movies have no events."""
    if not (len(first.events) and len(second.events)):
        return {}
    rates = [float(side.events.sum() / side.exposure.sum()) for side in (first, second)]
    out: dict[str, Any] = {"value_a": rates[0], "value_b": rates[1], "ci_method": "profile"}
    if rates[0] > 0 and rates[1] > 0:
        found = poisson_log_ratio((first.events, first.exposure), (second.events, second.exposure), level)
        interval = found.interval if min(len(first), len(second)) >= 2 else NONE
        out |= _ends("ratio", np.exp(found.value), np.exp(interval)) | {"p": found.p}
    return out


def _logarithm(sample: Sample) -> Sample:
    """Return a sample with the logarithms of the means of its movies."""
    return Sample(
        sample.condition,
        sample.quantity,
        "log",
        sample.units,
        sample.pairs,
        np.log(sample.values),
        sample.errors,
    )


def _ends(name: str, value: float, interval: Any) -> dict[str, float]:
    return {name: float(value), f"{name}_low": float(interval[0]), f"{name}_high": float(interval[1])}
