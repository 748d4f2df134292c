"""Stabilised crops of tracked particles."""

from __future__ import annotations

from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.measurement.particle_crops import CropOptions, particle_crops


class ParticleRegionsModule(AnalysisModule):
    """Crop each detection of each track: squares of one size, centred with sub-pixel accuracy."""

    name = "particle_regions"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_tracking",)
    options_type = CropOptions

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        tracking_module: str | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Crop each detection of each track, by cubic interpolation around its centroid.

        The crops are for looking and for averages of shapes: interpolation lowers peaks by about 0.1 %, and heights
        are measured on the frames.

        Parameters
        ----------
        stack
            The movie, as processed.
        previous_results
            Outputs of earlier modules, among them the tracking's.
        tracking_module
            Tracking whose particles are cropped. None: the latest.
        **options
            See `playNano.analysis.measurement.particle_crops.CropOptions`.

        Returns
        -------
        dict
            ``crops``: float32 (n, edge, edge), in the unit of the pixels, NaN outside the frame; computed when they are
            read if the movie is lazy, or they take more than 64 MB. ``crop_index``: one row per crop, by frame, then
            track: ``crop`` (its number), ``track_id, frame, time_s, y_nm, x_nm`` of its centre, and ``is_cut``, whether
            it extends beyond the frame. ``pixel_nm``, ``size_nm``: edge of a pixel and of a crop. ``unit``, ``clock``,
            and ``summary`` with ``headlines`` and ``messages``.

        Raises
        ------
        MissingInputError
            No tracking has run.
        ParameterError
            A track does not exist, or the extent of the particles is not known and no size is given.
        """
        return particle_crops(stack, previous_results, CropOptions(**options), tracking_module)
