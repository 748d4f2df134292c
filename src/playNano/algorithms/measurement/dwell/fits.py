"""All rates that are fitted to the passes of a movie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from playNano.algorithms.measurement.dwell.arrivals import Arrivals, count_arrivals
from playNano.algorithms.measurement.dwell.biexponential import (
    MixtureFit,
    dwell_records,
    fit_mixture,
    mixture_p,
)
from playNano.algorithms.measurement.dwell.exponential import (
    NOT_GIVEN,
    RateFit,
    end_chances,
    fit_rate,
    is_refused,
)
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.dwell.passes import Passes
from playNano.algorithms.measurement.dwell.restarts import restart_share
from playNano.algorithms.measurement.dwell.survival import fit_p
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.tracked_movie import TrackedMovie


@dataclass(frozen=True)
class Fits:
    """All that is fitted to the passes of a movie.

    Parameters
    ----------
    departures
        The rate of departure.
    arrivals
        The rate of arrival.
    mixture
        Two rates of departure; None: not fitted.
    p_one_rate
        p-value of the goodness of fit of one rate.
    p_mixture
        p-value of one rate against two.
    n_events
        Number of ends.
    restarts
        Share of the ends after which a track begins at the same place.
    exposure_s
        Time for which molecules were seen to stay, s.
    """

    departures: RateFit
    arrivals: Arrivals
    mixture: MixtureFit | None
    p_one_rate: float
    p_mixture: float
    n_events: int
    restarts: float
    exposure_s: float


def fit_rates(movie: TrackedMovie, passes: Passes, options: DwellOptions) -> Fits:
    """Fit the rates of a movie.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.
    options
        Model, level, draws.
    """
    exposure = float(passes.gap_s[passes.survived].sum())
    n_events = int(passes.ended.sum())
    restarts = restart_share(movie, passes)
    refused = is_refused(passes, restarts)
    miss = passes.miss_rate if np.isfinite(passes.miss_rate) else 0.0
    departures = NOT_GIVEN
    if not refused or not exposure > 0 or not n_events:
        departures = fit_rate(exposure, passes.wait_s[passes.ended], miss, options.level)
    if not exposure > 0 and not n_events:
        departures = replace(NOT_GIVEN, status=_why_nothing(movie, passes))
    arrivals = count_arrivals(movie, passes, departures, options.level)
    given = departures.status == "ok"
    mixture, p_mixture, p_one = None, float("nan"), float("nan")
    if given:
        rows = passes.at_risk
        chance = end_chances(departures.rate, passes.wait_s, rows, miss)
        p_one = fit_p(passes.age[rows], passes.ended[rows], chance[rows], options.seed, options.n_draws)
    if given and options.model != "exponential":
        records = dwell_records(passes)
        mixture = fit_mixture(records, movie.frames.interval_s, options.level)
        if mixture.status == "ok" and (mixture.preferred or options.model == "biexponential"):
            one = fit_rate(float(records.stay_s.sum()), records.wait_s[records.ended], miss)
            p_mixture = mixture_p(records, mixture, one.rate, seed=options.seed, n_draws=options.n_draws)
    return Fits(departures, arrivals, mixture, p_one, p_mixture, n_events, restarts, exposure)


def _why_nothing(movie: TrackedMovie, passes: Passes) -> Status:
    """Return why no pass says anything about departures."""
    if np.count_nonzero(movie.frames.observed) < 2:
        return "one_frame"
    return "at_bound" if (passes.bands.near_edge | passes.bands.near_neighbour).any() else "too_short"
