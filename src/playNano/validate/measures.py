"""The reported scores and their confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playNano.validate.trial import Trial

CONFIDENCE = 0.95

MEASURES: dict[str, tuple[str, str]] = {
    "recall": ("share", "fraction of the particles away from the border that were detected"),
    "precision": ("share", "fraction of the detections that are particles"),
    "f1": ("share", "harmonic mean of precision and recall"),
    "position_error_nm": ("nm", "root mean square distance from the particle"),
    "height_bias_nm": ("nm", "mean of measured minus true height"),
    "height_error_nm": ("nm", "standard deviation of measured minus true height"),
    "link_recall": ("share", "fraction of the true links that were made"),
    "link_precision": ("share", "fraction of the links that are correct"),
    "link_error": ("share", "1 minus the harmonic mean of link precision and link recall"),
    "identity_switches_per_1000": ("1", "identity switches per 1000 true positions"),
    "idf1": ("share", "F1 of positions under the optimal assignment of tracks"),
    "hota": ("share", "higher-order tracking accuracy: detection, localisation and association"),
    "diffusion_bias": (
        "share",
        "diffusion coefficient of the tracks minus that of the true tracks, divided by the latter",
    ),
}
"""Score -> (unit, description)."""


@dataclass(frozen=True)
class Measure:
    """Mean of a score over simulated movies, with its confidence interval.

    Parameters
    ----------
    value
        Mean over the movies; nan if the score is undefined in all.
    low, high
        Ends of the 95 % confidence interval; nan with fewer than two movies.
    n_movies
        Number of movies in which the score is defined.
    """

    value: float
    low: float
    high: float
    n_movies: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {"value": self.value, "low": self.low, "high": self.high, "n_movies": self.n_movies}


def student_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean and its 95 % confidence interval by Student's t distribution.

    Parameters
    ----------
    values
        The sample; values that are not finite are left out.

    Returns
    -------
    mean, low, high : float
        The interval is nan for fewer than two values, the mean for none.

    Examples
    --------
    >>> [round(v, 2) for v in student_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    from scipy.stats import t

    sample = np.asarray([v for v in values if np.isfinite(v)], dtype=np.float64)
    if sample.size == 0:
        return float("nan"), float("nan"), float("nan")
    mean = float(sample.mean())
    if sample.size < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf((1 + CONFIDENCE) / 2, sample.size - 1) * sample.std(ddof=1) / np.sqrt(sample.size))
    return mean, mean - half, mean + half


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % confidence interval of a proportion.

    Parameters
    ----------
    right
        Number of successes, 0 to `total`.
    total
        Number of trials, >= 0; the interval is nan for 0.

    References
    ----------
    Wilson, E. B. Probable inference, the law of succession, and statistical inference. J. Am. Stat. Assoc. 22, 209
    (1927). doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> [round(v, 3) for v in wilson_interval(10, 10)]
    [0.722, 1.0]
    """
    from scipy.stats import norm

    if total == 0:
        return float("nan"), float("nan")
    z2 = float(norm.ppf((1 + CONFIDENCE) / 2)) ** 2
    proportion = right / total
    centre = (proportion + z2 / (2 * total)) / (1 + z2 / total)
    half = np.sqrt(z2 * proportion * (1 - proportion) / total + z2**2 / (4 * total**2)) / (1 + z2 / total)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def summarise(trials: Sequence[Trial]) -> dict[str, Measure]:
    """Compute means and confidence intervals of the scores of several movies.

    Movies are independent, particles within a movie are not: the interval is Student's t interval over movies. For
    proportions of counts, it is at least as wide as Wilson's interval of the pooled counts, because the variance
    between movies vanishes where all proportions are 0 or 1.

    Parameters
    ----------
    trials
        Scores of each movie.

    Returns
    -------
    dict
        Score -> measure.
    """
    out = {}
    for name, (unit, _) in MEASURES.items():
        values = [t.scores[name] for t in trials if name in t.scores]
        if not values:
            continue
        mean, low, high = student_interval(values)
        pooled = [t.counts[name] for t in trials if name in t.counts]
        if pooled:
            lower, upper = wilson_interval(sum(p[0] for p in pooled), sum(p[1] for p in pooled))
            low, high = np.fmin(low, lower), np.fmax(high, upper)
        if unit == "share" and name != "diffusion_bias":
            low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
        out[name] = Measure(mean, float(low), float(high), int(np.isfinite(values).sum()))
    return out
