"""The mean of each condition, with its interval over movies."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from playNano.algorithms.measurement.comparison.counts import poisson_log_rate
from playNano.algorithms.measurement.comparison.random_effects import random_mean
from playNano.algorithms.measurement.comparison.samples import Sample, Scale
from playNano.algorithms.measurement.comparison.variances import movies_needed, variance_components
from playNano.algorithms.measurement.intervals import NONE, gamma_rate_interval, t_interval
from playNano.algorithms.measurement.results import Status

ONE_MOVIE = "the interval is over tracks and speaks for this movie only"


def back(scale: Scale, value: float) -> float:
    """Return a value of a scale in the unit of the quantity.

    Parameters
    ----------
    scale
        "linear", "log" or "logit".
    value
        On the scale.
    """
    return float({"linear": float, "log": np.exp, "logit": expit}[scale](value))


def condition_row(sample: Sample, level: float) -> dict[str, Any]:
    """Return the mean of a condition, its interval, the variances, and the number of movies that 10 % need.

    Parameters
    ----------
    sample
        The condition.
    level
        Coverage of the interval, 0 to 1.
    """
    between = within = float("nan")
    status: Status = "ok"
    remark, needed = "", 0
    if sample.tracks:
        mean = float(sample.values.mean())
        between, within = variance_components(sample.tracks)
        if len(sample) >= 2:
            interval, method, over = t_interval(sample.values, level), "t", "movie"
            needed = movies_needed(mean, float(sample.values.std(ddof=1)), level=level)
        else:
            enough = len(sample.tracks[0]) >= 3
            interval, method, over = t_interval(sample.tracks[0], level) if enough else NONE, "t", "track"
            status, remark = ("ok" if enough else "too_few_tracks"), ONE_MOVIE
    elif len(sample.events) and np.isinf(sample.values).any():
        mean, interval, method, status = _of_counts(sample, level)
        over, remark = "movie", "movies without events: Poisson counts with an effect of the movie"
    else:
        found = random_mean(sample.values, sample.errors)
        low, high = found.interval(level)
        mean, interval = back(sample.scale, found.value), (back(sample.scale, low), back(sample.scale, high))
        between = found.tau**2
        method, over = ("t", "movie") if found.over_movies else ("wald_log", "track")
        if len(sample) == 1:
            remark = ONE_MOVIE
        elif not found.over_movies:
            remark = "two movies that do not differ significantly: pooled by their own errors"
    return {
        "quantity": sample.quantity.name, "condition": sample.condition, "unit": sample.quantity.unit,
        "scale": sample.scale, "value": mean, "low": interval[0], "high": interval[1],
        "variance_movie": between, "variance_track": within, "n_needed": needed, "n_units": len(sample),
        "n_detections": sample.n_detections, "n_tracks": sample.n_tracks, "n_movies": sample.n_movies,
        "ci_method": method, "ci_unit": over, "status": status, "remark": remark,
    }  # fmt: skip


def _of_counts(sample: Sample, level: float) -> tuple[float, tuple[float, float], str, Status]:
    """Return the rate of a condition with movies without events."""
    total, exposure = int(sample.events.sum()), float(sample.exposure.sum())
    if total == 0:
        return 0.0, gamma_rate_interval(0, exposure, level), "gamma", "no_events"
    if len(sample) < 2:
        return total / exposure, gamma_rate_interval(total, exposure, level), "gamma", "ok"
    found = poisson_log_rate(sample.events, sample.exposure, level)
    low, high = (float(np.exp(end)) for end in found.interval)
    return float(np.exp(found.value)), (low, high), "profile", "ok"
