"""What is stated about the user's movie: values with 95 % intervals, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

CONFIDENCE = 0.95

MEASURES: dict[str, tuple[str, str]] = {
    "recall": ("share", "fraction of the particles away from the border that are detected"),
    "precision": ("share", "fraction of the detections that are particles"),
    "height_bias_nm": ("nm", "mean of measured minus true height"),
    "link_error": ("share", "1 minus the harmonic mean of link precision and link recall"),
    "diffusion_bias": (
        "share",
        "diffusion coefficient of the tracks minus that of the true tracks, divided by the latter",
    ),
}
"""Score for which an interval is stated -> (unit, description)."""

FURTHER: dict[str, tuple[str, str]] = {
    "f1": ("share", "harmonic mean of precision and recall"),
    "position_error_nm": ("nm", "root mean square distance from the particle"),
    "height_error_nm": ("nm", "standard deviation of measured minus true height"),
    "link_recall": ("share", "fraction of the true links that are made"),
    "link_precision": ("share", "fraction of the links that are correct"),
    "identity_switches_per_1000": ("1", "identity switches per 1000 true positions"),
    "idf1": ("share", "F1 of positions under the optimal assignment of tracks"),
    "hota": ("share", "higher-order tracking accuracy: detection, localisation and association"),
}
"""Further scores, as measured on the replanted movies -> (unit, description)."""

Status = Literal["ok", "withheld", "undefined"]

PER_INDEPENDENT = 8
"""Number of detections of particles in successive frames that count as one independent detection."""
# Weight of the score on the movie itself, whose images are exact but whose truth is that of the reference; the rest is
# that of the copies, whose truth is exact but whose images are not.
_MOVIE_WEIGHT = 0.75
# Uncertainty of the true height: a fraction of it, and nm.
_HEIGHT_SHARE, _HEIGHT_NM = 0.04, 0.02
# Relative standard deviation of the difference of two estimates of D from n links, times sqrt(n).
_DIFFUSION_SPREAD = 2 * 0.7 * np.sqrt(2)


# Largest difference of the two estimates: of shares, of the bias of D, and of heights as a fraction of the height.
_MAX_APART = {"height_bias_nm": 0.1, "diffusion_bias": 0.3}
_MAX_APART_SHARES = 0.12


@dataclass(frozen=True)
class Measure:
    """A score of the pipeline on the user's movie.

    Parameters
    ----------
    value
        The score; nan unless the status is "ok".
    low, high
        Ends of the 95 % interval for this movie; nan unless the status is "ok".
    status
        "ok"; "withheld": the replanted movie does not resemble the movie, or the estimates differ; "undefined": there
        is nothing to score.
    reason
        Why there is no value, in words; empty if there is one.
    on_copies, on_movie
        The two estimates of which the value is the weighted mean: scores on the replanted copies against what was put
        back, and on the movie itself against the positions at which it was put back; nan unless the status is "ok".
    """

    value: float
    low: float
    high: float
    status: Status = "ok"
    reason: str = ""
    on_copies: float = float("nan")
    on_movie: float = float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "status": self.status,
            "reason": self.reason,
            "on_copies": self.on_copies,
            "on_movie": self.on_movie,
        }


def wilson_interval(right: float, total: float) -> tuple[float, float]:
    """Return Wilson's 95 % confidence interval of a proportion.

    Parameters
    ----------
    right
        Number of successes, 0 to `total`; fractions are allowed.
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

    if total <= 0:
        return float("nan"), float("nan")
    z2 = float(norm.ppf((1 + CONFIDENCE) / 2)) ** 2
    proportion = right / total
    centre = (proportion + z2 / (2 * total)) / (1 + z2 / total)
    half = np.sqrt(z2 * proportion * (1 - proportion) / total + z2**2 / (4 * total**2)) / (1 + z2 / total)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def stated(name: str, on_copies: float, on_movie: float, n: dict[str, int], height_nm: float) -> Measure:
    """Return a score with its interval for the user's movie.

    The user has one movie, and the scores of copies of it are not independent: the interval follows from the number
    of items in the movie, from the accuracy of the truth, and from the difference of the two estimates, not from the
    spread between copies.

    Parameters
    ----------
    name
        Key of `MEASURES`.
    on_copies
        Mean score on the replanted copies.
    on_movie
        Score on the movie itself against the reference.
    n
        Numbers of true positions, detections, links; see `playNano.validate.scores.Scored`.
    height_nm
        Median height of the particles, nm.

    Examples
    --------
    >>> m = stated("recall", 0.9, 0.9, {"truth": 400}, 4.0)
    >>> round(m.value, 2), round(m.low, 2), round(m.high, 2)
    (0.9, 0.79, 0.96)
    """
    from scipy.stats import norm

    nan = float("nan")
    if not np.isfinite(on_copies):
        return Measure(nan, nan, nan, "undefined", "there is nothing to score")
    value, apart = on_copies, 0.0
    if np.isfinite(on_movie):
        value = (1 - _MOVIE_WEIGHT) * on_copies + _MOVIE_WEIGHT * on_movie
        apart = abs(on_copies - on_movie) / 2
    unit = height_nm if name == "height_bias_nm" else 1.0
    if 2 * apart > _MAX_APART.get(name, _MAX_APART_SHARES) * unit:
        reason = f"the two estimates differ: {on_copies:.3g} on the copies, {on_movie:.3g} on the movie"
        return Measure(nan, nan, nan, "withheld", reason)
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    if name == "height_bias_nm":
        half = _HEIGHT_SHARE * height_nm + _HEIGHT_NM + apart
        low, high = value - half, value + half
    elif name == "diffusion_bias":
        half = z * _DIFFUSION_SPREAD / np.sqrt(max(n["links"], 1)) + apart
        low, high = value - half, value + half
    else:
        items = {"recall": "truth", "precision": "detections", "link_error": "links"}[name]
        total = max(n[items] / PER_INDEPENDENT, 1.0)
        low, high = wilson_interval(value * total, total)
        low, high = max(low - apart, 0.0), min(high + apart, 1.0)
    return Measure(value, float(low), float(high), on_copies=on_copies, on_movie=on_movie)
