"""Diffusion of tracked particles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.diffusion.measure import measure_diffusion
from playNano.algorithms.measurement.diffusion.options import DiffusionOptions
from playNano.algorithms.measurement.diffusion.search_range import range_message
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.measurement.source import tracking_outputs, tracks_of


class DiffusionModule(AnalysisModule):
    """Measure diffusion: D of the movie and of each track, mean squared displacements, states of different D."""

    name = "diffusion"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_tracking",)
    options_type = DiffusionOptions

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
        """Measure the diffusion of tracked particles.

        D and the localisation error are estimated by maximum likelihood from the steps of all tracks together, with an
        interval by jackknife over tracks; then D of each track, given the localisation error. Steps that start near
        the border are left out, as longer ones would leave the field and are never seen.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the tracking's.
        tracking_module
            Tracking whose tracks are measured. By default the latest.
        edge_nm
            Margin of the frame in which no particle is detected, nm, >= 0. By default half the median extent of the
            particles.
        **options
            Those of `playNano.algorithms.measurement.diffusion.options.DiffusionOptions`.

        Returns
        -------
        dict
            ``msd``: a row a track and lag, after those of all tracks together (``track_id`` -1): ``track_id, lag,
            lag_s, msd_nm2, msd_low_nm2, msd_high_nm2, n_pairs, n_pairs_edge, n_detections, n_tracks, n_movies, status,
            ci_method, ci_unit``.
            ``track_diffusion``: a row a track, after that of the movie (``track_id`` -1): ``diffusion_nm2_s`` with
            interval, ``status``, ``n_steps, n_steps_edge, n_steps_overlap`` (left out: start near the border, passes
            of the tip overlap), ``localization_nm``, ``diffusion_all_steps_nm2_s`` (with the steps near the border),
            ``diffusion_covariance_nm2_s`` and its standard error, ``velocity_y_nm_s, velocity_x_nm_s`` with intervals,
            ``directed_p``, ``alpha`` with interval, ``diffusion_alpha_nm2_salpha``, ``confined_p,
            confinement_radius_nm`` with interval, ``tether_nm``.
            ``diffusion_states``: a row a state of different D: ``state, diffusion_nm2_s, share_tracks, share_time``
            with intervals. Publish ``share_time``: fast particles leave and come back as several short tracks.
            ``summary``: ``n_tracks``, ``headlines`` and ``messages``.
            Where no times are known, names end in ``_frame`` instead of ``_s``.

        Warns
        -----
        PlayNanoWarning
            If the search range of the tracking cuts steps, or the field is too small for the steps.

        Raises
        ------
        MissingInputError
            No tracking has run.

        References
        ----------
        Berglund: Statistics of camera-based single-particle tracking, Physical Review E 82, 2010,
        doi 10.1103/PhysRevE.82.011917. Vestergaard, Blainey, Flyvbjerg: Optimal estimation of diffusion coefficients
        from single-particle trajectories, Physical Review E 89, 2014, doi 10.1103/PhysRevE.89.022726.
        """
        results = previous_results or {}
        movie = tracks_of(stack, results, self.name, tracking_module=tracking_module, edge_nm=edge_nm)
        measured = measure_diffusion(movie, DiffusionOptions(**options))
        messages = list(measured.messages)
        tracking = tracking_outputs(results, tracking_module, self.name)
        doubts = [*measured.doubts, *_cut_steps(tracking)]
        for doubt in doubts:
            stack.warn(f"diffusion: {doubt}")
        return {
            **measured.tables(),
            "summary": {
                "n_tracks": movie.n_tracks,
                "headlines": [headline.to_dict() for headline in measured.headlines],
                "messages": [*doubts, *messages],
            },
        }


def _cut_steps(tracking: Mapping[str, Any]) -> list[str]:
    """Return the doubt that the search range of a tracking cuts steps, if it does."""
    links, search = tracking.get("links"), tracking.get("summary", {}).get("search") or {}
    if links is None or "displacement_nm" not in links or "max_distance_nm" not in search:
        return []
    one_frame = links["displacement_nm"][links["gap"] == 1]
    message = range_message(one_frame, search["max_distance_nm"])
    return [message] if message else []
