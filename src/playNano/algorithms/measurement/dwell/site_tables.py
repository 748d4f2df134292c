"""The tables of sites and of their rates, headlines, and what a reader must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.dwell.passes import Passes
from playNano.algorithms.measurement.dwell.site_rates import MAX_BY_CHANCE, SiteRates, fit_site_rates
from playNano.algorithms.measurement.dwell.sites import Sites, are_at_rest, find_sites
from playNano.algorithms.measurement.measured import table_of
from playNano.algorithms.measurement.results import Headline
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

DOUBTED_BY_CHANCE = 0.1
"""Share of sites that may be places near each other by chance, from which there is a warning."""


@dataclass(frozen=True)
class SiteResults:
    """Sites, their rates, and what a reader must know.

    Parameters
    ----------
    sites
        The sites; None if they were not measured.
    rates
        Their rates; None without sites.
    messages, doubts
        Remarks, and warnings, in words.
    """

    sites: Sites | None
    rates: SiteRates | None
    messages: list[str]
    doubts: list[str]


def measure_sites(movie: TrackedMovie, passes: Passes, options: DwellOptions) -> SiteResults:
    """Find the sites of a movie and fit their rates, if that is wanted and its molecules are at rest.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.
    options
        Whether sites are measured, their radius, miss rate, level.
    """
    measured = options.sites == "on" or (options.sites == "auto" and are_at_rest(movie, passes))
    if not measured or not len(passes.first):
        return SiteResults(None, None, [], [])
    sites = find_sites(movie, passes, options.site_radius_nm)
    if not len(sites.status):
        no_sites = [f"no place (radius {sites.radius_nm:.3g} nm) was visited twice"]
        return SiteResults(sites, None, no_sites if options.sites == "on" else [], [])
    rates = fit_site_rates(sites, options.miss_rate, options.level)
    return SiteResults(sites, rates, *_remarks(movie, passes, sites, rates))


def _remarks(
    movie: TrackedMovie, passes: Passes, sites: Sites, rates: SiteRates
) -> tuple[list[str], list[str]]:
    """Return remarks and warnings about sites, in words."""
    n_sites, n_used = len(sites.status), rates.n_sites
    messages = [
        f"sites with at least two visits: {n_sites} (radius {sites.radius_nm:.3g} nm); expected pairs of places "
        f"that lie so near each other by chance: {sites.n_by_chance:.2g}"
        if np.isfinite(sites.n_by_chance)
        else f"sites with at least two visits: {n_sites} (radius {sites.radius_nm:.3g} nm); no window is known, "
        "so that it is not known how many lie near each other by chance"
    ]
    doubts = []
    if not are_at_rest(movie, passes):
        doubts.append("sites: the molecules move, so that tracks of one place are not of one site")
    if n_used < n_sites:
        messages.append(
            f"sites: {n_sites - n_used} of {n_sites} are not used: two molecules were there at once, or the tracks lie "
            "farther apart than the radius"
        )
    if n_used and sites.n_by_chance > DOUBTED_BY_CHANCE * n_used:
        what = (
            "rates of sites are not given"
            if sites.n_by_chance > MAX_BY_CHANCE * n_used
            else "k_on is doubtful"
        )
        doubts.append(
            f"sites: {sites.n_by_chance:.2g} pairs of places are expected to lie within the radius by chance, and "
            f"{n_used} places were visited twice; {what}"
        )
    elif rates.status == "at_bound":
        doubts.append(f"sites: {rates.n_visits} visits in all are too few to determine rates")
    return messages, doubts


def site_of_piece(results: SiteResults, n_pieces: int) -> Any:
    """Return the site of each piece of a track, (n_pieces,); -1: none.

    Parameters
    ----------
    results
        Sites.
    n_pieces
        Number of pieces.
    """
    return np.full(n_pieces, -1, np.int64) if results.sites is None else results.sites.site


def sites_table(movie: TrackedMovie, results: SiteResults) -> pd.DataFrame:
    """Return a row a site.

    Parameters
    ----------
    movie
        The tracks.
    results
        Sites and rates.

    Returns
    -------
    DataFrame
        ``site_id, y_nm, x_nm`` (without the drift), ``spread_nm`` (of its detections, along one axis), ``first_time_s``
        (start of the frame of its first detection), ``n_visits, n_tracks, n_detections, n_passes`` (all that show it),
        ``occupancy`` (share of the passes at which it is occupied, corrected for missed detections), ``status``.
    """
    import pandas as pd

    sites, rates = results.sites, results.rates
    n = 0 if sites is None else len(sites.status)
    if sites is None or not n:
        place, whole, spread, start = np.zeros((0, 2)), np.zeros((0, 4), np.int64), np.zeros(0), np.zeros(0)
        status: tuple[str, ...] = ()
    else:
        tracks = np.bincount(sites.site[sites.site >= 0], minlength=n)
        whole = np.column_stack([sites.n_visits, tracks, sites.n_detections, sites.n_passes])
        place, spread, status = sites.place_nm, sites.spread_nm, sites.status
        start = movie.frames.start_s[sites.first_frame]
    miss = rates.miss_rate if rates is not None and np.isfinite(rates.miss_rate) else 0.0
    occupancy = np.minimum(whole[:, 2] / (np.maximum(whole[:, 3], 1) * (1 - miss)), 1.0)
    occupancy[[name != "ok" for name in status]] = np.nan
    return pd.DataFrame(
        {
            "site_id": np.arange(n, dtype=np.int64),
            "y_nm": place[:, 0],
            "x_nm": place[:, 1],
            "spread_nm": spread,
            "first_time_s": start,
            "n_visits": whole[:, 0],
            "n_tracks": whole[:, 1],
            "n_detections": whole[:, 2],
            "n_passes": whole[:, 3],
            "occupancy": occupancy,
            "status": pd.Series(status, dtype=object),
        }
    )


def site_rates_table(results: SiteResults) -> pd.DataFrame:
    """Return the rates of all sites together, in one row; none without sites.

    Parameters
    ----------
    results
        Sites and rates.

    Returns
    -------
    DataFrame
        ``k_on_1_s`` (of a site) and ``k_off_1_s`` with intervals, ``occupancy`` (k_on / (k_on + k_off)), ``miss_rate,
        radius_nm, n_by_chance, n_sites, n_visits, n_detections, n_tracks, n_movies, status, ci_method, ci_unit``.
    """
    sites, fit = results.sites, results.rates
    nan = float("nan")
    whole = ("n_sites", "n_visits", "n_detections", "n_tracks", "n_movies")
    texts = ("status", "ci_method", "ci_unit")
    row: dict[str, Any] = dict.fromkeys(
        (
            *(f"k_{name}{part}_1_s" for name in ("on", "off") for part in ("", "_low", "_high")),
            *("occupancy", "miss_rate", "radius_nm", "n_by_chance"),
            *whole,
            *texts,
        ),
        nan,
    )
    if sites is not None and fit is not None:
        used = np.isin(sites.site, np.flatnonzero(sites.resolved))
        row |= dict(zip(row, (fit.k_on, *fit.k_on_interval, fit.k_off, *fit.k_off_interval), strict=False))
        row |= {
            "occupancy": fit.k_on / (fit.k_on + fit.k_off),
            "miss_rate": fit.miss_rate,
            "radius_nm": sites.radius_nm,
            "n_by_chance": sites.n_by_chance,
            "n_sites": fit.n_sites,
            "n_visits": fit.n_visits,
            "n_detections": fit.n_detections,
            "n_tracks": int(used.sum()),
            "n_movies": 1,
            "status": fit.status,
            "ci_method": "wald_log",
            "ci_unit": "event",
        }
    kinds = {n: object if n in texts else np.int64 if n in whole else np.float64 for n in row}
    return table_of([row] if fit is not None else [], kinds)


def site_headlines(movie: TrackedMovie, results: SiteResults) -> list[Headline]:
    """Return the rates of the sites as they stand in a summary; none without sites.

    Parameters
    ----------
    movie
        The tracks.
    results
        Sites and rates.
    """
    fit = results.rates
    if fit is None:
        return []
    unit = "1_frame" if movie.clock == "index" else "1_s"
    return [
        Headline("k_on of a site", fit.k_on, unit, *fit.k_on_interval, fit.n_visits, "visits", fit.status),
        Headline("k_off at sites", fit.k_off, unit, *fit.k_off_interval, fit.n_visits, "visits", fit.status),
    ]
