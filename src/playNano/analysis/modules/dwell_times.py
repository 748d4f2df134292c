"""Dwell times of tracked molecules."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.measurement.source import tracking_outputs, tracks_of


class DwellTimesModule(AnalysisModule):
    """Measure how long molecules stay, and how often they leave and arrive."""

    name = "dwell_times"
    kind = "measurement"
    version = "1.1"
    requires = ("particle_tracking",)
    options_type = DwellOptions

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        tracking_module: str | None = None,
        edge_nm: Annotated[float, Field(ge=0, allow_inf_nan=False), Unit("nm")] | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Measure how long molecules stay, and how often they leave and arrive.

        The rate of departure is fitted to what each pass of the tip says about a molecule: still there, or gone since
        the pass before. Molecules that may have diffused out of the field of view, or whose image may have fused with
        that of a neighbour, count only while they are away from both.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the tracking's.
        tracking_module
            Tracking to measure; by default the latest.
        edge_nm
            Margin of the detection window on each side, nm; by default half the median extent of the particles.
        **options
            Those of `playNano.algorithms.measurement.dwell.options.DwellOptions` (bands, model, miss rate, ...).

        Returns
        -------
        dict
            ``dwells``: a row a track: ``track_id, start_frame, last_frame, start_time_s, last_time_s, next_time_s,
            censored_start, censored_end, end_reason`` ("left", "edge", "neighbour", "merge", "movie_end", "frame_lost"
            or "low_confidence"), ``exposure_s, n_detections, site_id``.
            ``rates``: a row a model: ``k_off_1_s, dwell_s, k_on_1_nm2_s`` with intervals and statuses; two rates where
            they were fitted; see `playNano.algorithms.measurement.dwell.tables.rates_table`.
            ``survival``: ``time_s, survival, survival_low, survival_high, at_risk, n_events, n_censored, tracks,
            n_tracks``.
            ``counts``: ``frame, time_s, n_tracks_present, n_detections, n_window``; NaN in lost frames.
            ``sites``: ``site_id, y_nm, x_nm, spread_nm, first_time_s, n_visits, n_tracks, n_detections, n_passes,
            occupancy, status``; places to which molecules at rest come back.
            ``site_rates``: ``k_on_1_s`` (of a site), ``k_off_1_s`` with intervals, ``occupancy, miss_rate, radius_nm,
            n_by_chance, n_sites, n_visits, n_detections, n_tracks, n_movies, status, ci_method, ci_unit``.
            ``summary``: ``headlines`` and ``messages``.
            Without known times names end in ``_frame`` instead of ``_s``.

        Warns
        -----
        PlayNanoWarning
            If the rate cannot be given, the ends do not agree with one rate, or sites may be coincidences.

        Raises
        ------
        MissingInputError
            If no tracking has run before.
        """
        from playNano.algorithms.measurement.dwell.dwell_times import measure_dwell_times

        chosen = DwellOptions(**options)
        movie = tracks_of(
            stack, previous_results, self.name, tracking_module=tracking_module, edge_nm=edge_nm
        )
        if chosen.max_missing is None:
            tracking = tracking_outputs(previous_results, tracking_module, self.name)
            chosen = replace(chosen, max_missing=_max_missing(tracking))
        measured = measure_dwell_times(movie, chosen)
        for doubt in measured.doubts:
            stack.warn(f"{self.name}: {doubt}")
        return measured.outputs()


def _max_missing(tracking: Any) -> int | None:
    """Return the number of frames over which a tracking links; None if it does not say."""
    search = (tracking.get("summary") or {}).get("search") or {}
    missing = search.get("max_missing")
    return None if missing is None else int(missing)
