"""Rotation of molecules, order of their axes, and distances of pairs."""

from __future__ import annotations

from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.rotation.options import RotationOptions
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run


class RotationModule(AnalysisModule):
    """Measure the rotational diffusion of molecules, the order of their axes, and distances of pairs."""

    name = "rotation"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_tracking",)
    options_type = RotationOptions

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Measure the rotation of molecules.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules: tracks of detections with an orientation (feature_detection,
            template_detection).
        **options
            See `playNano.algorithms.measurement.rotation.options.RotationOptions`.

        Returns
        -------
        dict
            ``rotation``, one row: ``rotation_rad2_s`` with its interval, ``orientation_error_rad, differ_p`` (tracks of
            one coefficient), ``turn_rad_s, turn_p`` (steady rotation), ``axial_order, axial_direction_rad, axial_p``
            (common axis), ``n_left_out``. ``orientation_correlation``, one row per lag: ``lag, lag_s, correlation``
            with its interval, ``fit, n_pairs``. ``pairs``, one row per pair and frame: ``pair, track_id_1, track_id_2,
            frame, time_1_s, time_2_s, time_difference_s, pair_distance_nm``. The first two have ``status, ci_method,
            ci_unit``, all ``n_detections, n_tracks, n_movies``.
            ``clock``: basis of the times. ``summary``: ``headlines`` and ``messages``.
        """
        from playNano.algorithms.measurement.rotation.rotation import measure_rotation
        from playNano.analysis.measurement.source import tracks_of

        movie = tracks_of(stack, previous_results, self.name)
        measured = measure_rotation(movie, RotationOptions(**options))
        for text in measured.warnings:
            stack.warn(text)
        return measured.outputs(movie.clock)
