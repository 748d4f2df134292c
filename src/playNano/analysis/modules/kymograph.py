"""Kymograph: heights along a polyline in every frame, with the time of every sample."""

from __future__ import annotations

from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.kymograph import KymographOptions
from playNano.analysis.base import LEADING, AnalysisModule, AnalysisOutputs, checked_run
from playNano.core.params import Declaration


class KymographModule(AnalysisModule):
    """Measure heights along a polyline in every frame, with the time of every sample."""

    name = "kymograph"
    kind = "measurement"
    version = "1.0"

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return the declarations of the parameters: `run` and `KymographOptions`."""
        return (Declaration(cls.run, LEADING, closed=True), Declaration(KymographOptions))

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Measure heights along a polyline.

        Parameters
        ----------
        stack
            The movie, as processed.
        previous_results
            Outputs of earlier modules: unusable frames of quality control are NaN; the line moves with the drift that
            tracking has estimated.
        **options
            See `playNano.algorithms.measurement.kymograph.KymographOptions`.

        Returns
        -------
        dict
            ``kymograph``: heights, (n_frames, n_points), in the unit of the pixels; NaN outside the frame and in
            unusable frames. ``time_s``: when the tip passed each sample, (n_frames, n_points) (``time_frame``,
            numbers of frames, where no times are known). ``distance_nm``: distance along the line, (n_points,).
            ``profile``, one row per point: ``distance_nm, y_nm, x_nm``, mean ``height_nm`` and ``height_sd_nm`` over
            the frames (named after the unit of the channel), ``status, n_frames, n_movies``.
            ``clock``: basis of the times. ``unit``: unit of the heights. ``summary``: ``headlines`` and ``messages``.
        """
        from playNano.analysis.measurement.kymograph import kymograph_of

        return kymograph_of(stack, KymographOptions(**options), previous_results)
