"""Kymograph: heights along a polyline in every frame, with the time of every sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.kymograph import KymographOptions
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.core.roi import RegionOfInterest
from playNano.core.roi_files import RegionValue
from playNano.errors import ParameterError


class KymographModule(AnalysisModule):
    """Measure heights along a polyline in every frame, with the time of every sample."""

    name = "kymograph"
    kind = "measurement"
    version = "1.0"
    options_type = KymographOptions

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, and return the values in effect; the line is given by its vertices, or as a region.

        Parameters
        ----------
        params
            Values by name, as given.
        where
            Name of the step for messages; by default the module's.
        """
        bound = super().bind(params, where)
        at, region = where or self.name, bound["region"]
        if (bound["line_nm"] is None) == (region is None):
            raise ParameterError(f"{at}: give either line_nm, or a region that is a line")
        if region is not None and region["shape"] != "line":
            raise ParameterError(f"{at}: the region {region['name']!r} is a {region['shape']}, not a line")
        return bound

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        region: RegionValue | None = None,
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
        region
            A line instead of ``line_nm``: "file#name", or its plain values. The record contains its points.
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

        if region is not None:
            line = RegionOfInterest.from_dict(region)  # type: ignore[arg-type]
            options["line_nm"] = line.in_nm(stack.pixel_size_yx_nm, stack.origin_nm).points
        return kymograph_of(stack, KymographOptions(**options), previous_results)
