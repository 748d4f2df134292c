"""The rate of arrival."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from playNano.algorithms.measurement.dwell.bands import free_area_nm2
from playNano.algorithms.measurement.dwell.exponential import (
    RateFit,
    detection_probability,
    expected_restarts,
)
from playNano.algorithms.measurement.dwell.passes import Passes, frames_with_arrivals
from playNano.algorithms.measurement.results import CIMethod, Status
from playNano.algorithms.measurement.tracked_movie import TrackedMovie


@dataclass(frozen=True)
class Arrivals:
    """The rate of arrival of molecules.

    Parameters
    ----------
    rate, low, high
        Rate and its interval, 1/(nm2 s).
    n_starts
        Number of arrivals that were seen.
    area_nm2
        Area in which they count.
    observed_s
        Time in which they count, s.
    p_seen
        Probability that a molecule is detected before it leaves.
    status
        "ok", or why the rate is one-sided or not given.
    ci_method
        How the interval was computed.
    """

    rate: float
    low: float
    high: float
    n_starts: int
    area_nm2: float
    observed_s: float
    p_seen: float
    status: Status
    ci_method: CIMethod


def count_arrivals(movie: TrackedMovie, passes: Passes, departures: RateFit, level: float = 0.95) -> Arrivals:
    """Return the rate of arrival: seen arrivals over area, time and the probability to be seen.

    Arrivals count in frames of which the frame before is observed too, outside the band along the border (molecules
    that diffuse in do not arrive there) and away from neighbours (fused images that part do not either). Molecules that
    were missed so often that their track was cut, and begin another one, are subtracted as often as is expected.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.
    departures
        The rate of departure, by which molecules leave before they are seen.
    level
        Coverage of the interval.

    Returns
    -------
    Arrivals
        Its interval also carries the error of the rate of departure.
    """
    interval, start = movie.frames.interval_s, movie.frames.start_s
    miss = passes.miss_rate if np.isfinite(passes.miss_rate) else 0.0
    counted = frames_with_arrivals(movie, miss, passes.max_missing)
    observed = float(np.diff(start, prepend=np.nan)[counted].sum())
    area = free_area_nm2(movie, passes.bands)
    n = int(passes.start_seen.sum())
    p_seen = detection_probability(departures.rate, interval, miss) if departures.rate >= 0 else float("nan")
    nan = float("nan")

    def result(rate: float, low: float, high: float, status: Status, method: CIMethod) -> Arrivals:
        return Arrivals(rate, low, high, n, area, observed, p_seen, status, method)

    if movie.frames.n_frames < 2:
        return result(nan, nan, nan, "one_frame", "wald_log")
    if not np.isfinite(area):
        return result(nan, nan, nan, "unresolved", "wald_log")
    if not (area > 0 and observed > 0 and np.isfinite(p_seen)):
        return result(nan, nan, nan, "at_bound", "wald_log")
    exposure = area * observed * p_seen
    if n == 0:
        return result(0.0, 0.0, float(-np.log(1 - level) / exposure), "no_events", "gamma")
    spread = (
        _log_slope(departures.rate, interval, miss) * departures.log_error if departures.rate > 0 else 0.0
    )
    error = np.sqrt(1 / n + (spread if np.isfinite(spread) else 0.0) ** 2)
    width = np.exp(float(ndtri((1 + level) / 2)) * error)
    restarts = expected_restarts(departures.rate, passes.wait_s[passes.ended], miss)
    rate = max(n - restarts, 0.0) / exposure
    return result(rate, float(rate / width), float(rate * width), "ok", "wald_log")


def _log_slope(rate: float, interval_s: float, miss_rate: float, step: float = 1e-3) -> float:
    """Return the derivative of the logarithm of the probability to be seen by that of the rate of departure."""
    high, low = (detection_probability(rate * np.exp(s * step), interval_s, miss_rate) for s in (1, -1))
    return float(np.log(high / low) / (2 * step))
