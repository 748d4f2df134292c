"""Fluctuation of height of each pixel."""

from __future__ import annotations

from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.fluctuation import FluctuationOptions
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run


class FluctuationModule(AnalysisModule):
    """Measure the fluctuation of height of each pixel, without noise and jitter of the alignment."""

    name = "fluctuation"
    kind = "measurement"
    version = "1.0"
    options_type = FluctuationOptions

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Measure the fluctuation of height of each pixel.

        Parameters
        ----------
        stack
            The movie, levelled and aligned.
        previous_results
            Outputs of earlier modules: unusable frames of quality control do not count.
        **options
            See `playNano.algorithms.measurement.fluctuation.FluctuationOptions`.

        Returns
        -------
        dict
            ``rmsf_nm``: root mean square fluctuation without noise and jitter; ``mean_nm``: mean image (median if
            robust); ``sd_nm``: standard deviation; all (height, width), named after the unit of the channel.
            ``fluctuation``, one row: ``floor_nm`` (noise of the flat background), ``rmsf_limit_nm`` (which 95 % of the
            background do not exceed), ``rmsf_max_nm, jitter_px, jitter_nm, correlation_frames, robust, status,
            n_frames, n_movies``. ``pixel_size_nm``: (y, x). ``unit``: unit of the heights. ``summary``:
            ``headlines`` and ``messages``.
        """
        from playNano.analysis.measurement.fluctuation import fluctuation_of

        return fluctuation_of(stack, FluctuationOptions(**options), previous_results)
