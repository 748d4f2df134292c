"""Dwell times, rates of departure and arrival, survival and numbers of molecules, as tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.dwell import tables
from playNano.algorithms.measurement.dwell.bands import DEFAULT_BAND
from playNano.algorithms.measurement.dwell.exponential import NOT_GIVEN
from playNano.algorithms.measurement.dwell.fits import Fits, fit_rates
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.dwell.passes import Passes, observe
from playNano.algorithms.measurement.dwell.site_tables import (
    measure_sites,
    site_headlines,
    site_of_piece,
    site_rates_table,
    sites_table,
)
from playNano.algorithms.measurement.dwell.survival import survival_curve
from playNano.algorithms.measurement.results import Headline, named_by_clock
from playNano.algorithms.measurement.tracked_movie import Bools, Ints, TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

MIN_STARTS = 5
"""Minimum number of seen starts for a survival curve of these tracks alone."""


@dataclass(frozen=True)
class DwellTimes:
    """Dwell times of a movie.

    Parameters
    ----------
    dwells
        A row a track: ``track_id, start_frame, last_frame, start_time_s, last_time_s, next_time_s`` (when the tip
        passed its place next; it left before), ``censored_start, censored_end, end_reason, exposure_s`` (time that
        counts), ``n_detections, site_id`` (-1: none).
    rates
        A row a model: rates of departure and arrival, dwell time, intervals, statuses; see
        `playNano.algorithms.measurement.dwell.tables.rates_table`.
    survival
        A row a pass since the first detection: ``time_s, survival, survival_low, survival_high, at_risk, n_events,
        n_censored, tracks`` ("start_seen" or "all").
    counts
        A row a frame: ``frame, time_s, n_tracks_present, n_detections, n_window``; NaN in lost frames.
    sites
        A row a place with at least two visits; see `playNano.algorithms.measurement.dwell.site_tables.sites_table`.
    site_rates
        A row for all sites together: rates of binding to a site and of leaving it; see
        `playNano.algorithms.measurement.dwell.site_tables.site_rates_table`.
    headlines
        Rates as they stand in a summary.
    messages
        What a reader must know, in words.
    doubts
        Those of the messages that are warnings.
    """

    dwells: pd.DataFrame
    rates: pd.DataFrame
    survival: pd.DataFrame
    counts: pd.DataFrame
    sites: pd.DataFrame
    site_rates: pd.DataFrame
    headlines: list[Headline] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {
            "dwells": self.dwells,
            "rates": self.rates,
            "survival": self.survival,
            "counts": self.counts,
            "sites": self.sites,
            "site_rates": self.site_rates,
        }

    def outputs(self) -> dict[str, Any]:
        """Return the tables by name, and the summary."""
        return {
            **self.tables(),
            "summary": {
                "headlines": [headline.to_dict() for headline in self.headlines],
                "messages": self.messages,
            },
        }


def measure_dwell_times(movie: TrackedMovie, options: DwellOptions) -> DwellTimes:
    """Measure how long molecules stay, and how often they leave and arrive.

    Parameters
    ----------
    movie
        The tracks.
    options
        Bands, model, miss rate, level.

    Returns
    -------
    DwellTimes
        Tables with all columns, also when empty.

    References
    ----------
    Kalbfleisch, Prentice: The statistical analysis of failure time data, 2002. Andersen, Borgan, Gill, Keiding:
    Statistical models based on counting processes, 1993 (time at risk that begins and ends).

    Examples
    --------
    >>> import pandas as pd
    >>> from playNano.algorithms.measurement.plain_tables import tracks_from_table
    >>> rows = [(track, frame) for track in range(8) for frame in range(track, track + 5)]
    >>> table = pd.DataFrame(rows, columns=["track_id", "frame"]).assign(y_nm=0.0, x_nm=0.0)
    >>> movie = tracks_from_table(table, frame_interval_s=0.5)
    >>> result = measure_dwell_times(movie, DwellOptions(miss_rate=0.0, neighbour_band_nm=0.0))
    >>> result.headlines[0].text()
    'k_off = 0.40 1/s (0.17 to 0.77), 7 ends'
    """
    passes = observe(movie, options)
    fits = fit_rates(movie, passes, options)
    doubts, messages = _remarks(movie, passes, fits, options)
    survival, chosen = _survival(movie, passes, options)
    messages += chosen
    sites = measure_sites(movie, passes, options)
    messages += sites.messages
    doubts += sites.doubts
    dwells = tables.dwells_table(movie, passes)
    dwells["site_id"] = site_of_piece(sites, len(dwells))
    clock = movie.clock
    return DwellTimes(
        named_by_clock(dwells, clock),
        named_by_clock(tables.rates_table(movie, passes, fits), clock),
        named_by_clock(survival, clock),
        named_by_clock(tables.counts_table(movie, passes), clock),
        named_by_clock(sites_table(movie, sites), clock),
        named_by_clock(site_rates_table(sites), clock),
        [*tables.headlines(movie, fits), *site_headlines(movie, sites)],
        [*doubts, *messages],
        doubts,
    )


def _survival(movie: TrackedMovie, passes: Passes, options: DwellOptions) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of the survival curve, and a message where starts were not seen."""
    n_seen, n_tracks = int(passes.start_seen.sum()), len(passes.first)
    messages, which = [], "start_seen"
    if n_seen < MIN_STARTS and n_tracks > n_seen:
        which = "all"
        messages = [
            f"survival: the arrival of only {n_seen} of {n_tracks} tracks was seen; the curve begins at the first "
            "detection of all, which is right if there is one rate"
        ]
    rows: Bools = np.ones(len(passes.piece), np.bool_)
    if which == "start_seen":
        rows = passes.start_seen[passes.piece]
    curve = survival_curve(passes, rows, _widths(movie, passes), options.level)
    return tables.survival_table(movie, curve, which, n_seen if which == "start_seen" else n_tracks), messages


def _widths(movie: TrackedMovie, passes: Passes) -> Ints:
    """Return the frames from each detection to the next one, or to the next observed frame at an end, (N,)."""
    frame = movie.table["frame"].to_numpy(np.int64)
    width = np.maximum(movie.frames.next_observed(frame) - frame, 1)
    linked = np.flatnonzero(np.isfinite(passes.gap_s))
    width[linked] = frame[linked + 1] - frame[linked]
    return np.asarray(width, dtype=np.int64)


def _remarks(
    movie: TrackedMovie, passes: Passes, fits: Fits, options: DwellOptions
) -> tuple[list[str], list[str]]:
    """Return warnings and remarks about the rates, in words."""
    if not len(passes.piece):
        return [], []
    doubts: list[str] = []
    bands, messages = passes.bands, [_describe(passes)]
    if fits.departures is NOT_GIVEN:
        doubts.append(_refusal(passes, fits.restarts))
    elif not passes.at_risk.any() and bands.near_edge.any():
        width = 2 * bands.edge_band * max(bands.step_nm)
        doubts.append(
            f"no detection lies outside the band of {bands.edge_band:g} steps along the border; k_off needs a window "
            f"wider than {1.5 * width:.3g} nm, or shorter frame times"
        )
    elif fits.n_events and not fits.exposure_s > 0:
        doubts.append("every molecule was seen at one pass only: they leave faster than frames are taken")
    if bands.edge_band > DEFAULT_BAND and options.edge_band is None:
        messages.append(
            f"steps exceed a twentieth of the window: the band along the border is {bands.edge_band:g} steps wide"
        )
    if np.isfinite(fits.p_one_rate) and fits.p_one_rate < 0.05:
        doubts.append(f"the ends do not agree with one rate (p = {fits.p_one_rate:.2g}); k_off is a mean")
    mixture, per = fits.mixture, "1/frame" if movie.clock == "index" else "1/s"
    if mixture is not None and mixture.status == "ok" and mixture.preferred:
        messages.append(
            f"two rates: {mixture.k_fast[0]:.3g} and {mixture.k_slow[0]:.3g} {per}, {100 * mixture.share[0]:.0f} % of "
            f"the molecules leave at the faster one (p of one rate = {fits.p_mixture:.2g})"
        )
    elif mixture is not None and mixture.status == "at_bound" and mixture.preferred:
        slow = mixture.k_slow
        doubts.append(
            f"{100 * mixture.share_seen[0]:.0f} % of the tracks whose arrival was seen are seen at one pass only, as "
            f"false detections are; the others leave at {slow[0]:.3g} {per} ({slow[1]:.3g} to {slow[2]:.3g}); detect "
            "only clear molecules (min_size, min_height_nm), or track with min_length=2"
        )
    elif options.model == "biexponential" and (mixture is None or mixture.status != "ok"):
        why = "k_off is not given" if mixture is None else mixture.status.replace("_", " ")
        messages.append(f"two rates cannot be distinguished ({why})")
    return doubts, messages


def _describe(passes: Passes) -> str:
    """Return bands and miss rate in words."""
    bands = passes.bands
    reasons, counts = np.unique(passes.reason.astype(str), return_counts=True)
    ends = ", ".join(f"{name} {count}" for name, count in zip(reasons, counts, strict=True))
    missing = "not known" if not np.isfinite(passes.miss_rate) else f"{100 * passes.miss_rate:.2g} %"
    return (
        f"ends: {ends}; band along the border {bands.edge_band:g} steps of {max(bands.step_nm):.3g} nm, neighbour band "
        f"{bands.neighbour_band_nm:.3g} nm; missed detections {missing}"
    )


def _refusal(passes: Passes, restarts: float) -> str:
    """Return why ends cannot be distinguished from missed detections, and the cure."""
    if np.isfinite(passes.miss_rate):
        return (
            f"{100 * passes.miss_rate:.2g} % of the detections are missed and tracks bridge only {passes.max_missing} "
            "frames, so that too many tracks are cut; track with a greater max_missing"
        )
    return (
        f"after {100 * restarts:.0f} % of the ends a new track begins at the same place, so that many ends are missed "
        "detections; track with max_missing of 1 or more (miss_rate=0 gives k_off nevertheless)"
    )
