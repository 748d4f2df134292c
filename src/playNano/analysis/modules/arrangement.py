"""Arrangement of molecules: pair correlation, nearest neighbours, test against a null model."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.arrangement.options import ArrangementOptions
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.points import DETECTIONS


class ArrangementModule(AnalysisModule):
    """Measure how molecules lie to each other, and test it against a null model."""

    name = "arrangement"
    kind = "measurement"
    version = "1.0"
    requires = (*DETECTIONS, "particle_tracking")
    options_type = ArrangementOptions

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        edge_nm: Annotated[float, Field(ge=0), Unit("nm")] | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Measure how molecules lie to each other.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules: tracks, or detections; with detections alone it is not known how fast the
            arrangement changes, and one frame is tested.
        edge_nm
            Margin on each side of the frame in which molecules are not detected, nm, >= 0; None: half their median
            extent.
        **options
            See `playNano.algorithms.measurement.arrangement.options.ArrangementOptions`.

        Returns
        -------
        dict
            ``pair_correlation``, one row per bin of distance: ``r_nm, r_low_nm, r_high_nm, g, g_low, g_high``, Ripley's
            ``k_nm2, l_nm`` at ``r_high_nm``, ``g_tested`` of the tested frames, ``g_null, envelope_low, envelope_high``
            of the null model. ``neighbours``: ``distance_nm, g_cdf, g_low, g_high``. ``test``, one row: ``null,
            statistic, p, p_min, deviation, n_simulations, n_frames_tested, exclusion_nm, resolution_nm, density_1_nm2,
            clark_evans`` with its interval, ``max_shear_nm, block_s``. All have ``status, ci_method, ci_unit,
            n_frames, n_blocks, n_detections, n_tracks, n_movies``.
            ``clock``: basis of the times. ``summary``: ``headlines`` and ``messages``.
        """
        from playNano.algorithms.measurement.arrangement.arrangement import measure_arrangement
        from playNano.analysis.measurement.source import detections_of, tracks_of
        from playNano.analysis.previous import of_kind

        results = previous_results or {}
        tracked = bool(of_kind(results, "tracking")) or "particle_tracking" in results
        read = tracks_of if tracked else detections_of
        movie = read(stack, results, self.name, edge_nm=edge_nm)
        measured = measure_arrangement(
            movie, ArrangementOptions(**options), resolution_nm=_resolution(movie.table), tracked=tracked
        )
        for text in measured.warnings:
            stack.warn(text)
        return measured.outputs(movie.clock)


def _resolution(table: Any) -> float:
    """Return the size below which two particles are detected as one: their median diameter, nm."""
    for name, factor in (("major_axis_nm", 1.0), ("radius_nm", 2.0)):
        values = table[name].to_numpy(np.float64) if name in table else np.empty(0)
        if np.isfinite(values).any():
            return float(np.nanmedian(values)) * factor
    return 0.0
