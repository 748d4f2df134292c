"""States of tracked molecules."""

from __future__ import annotations

from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.states.options import StatesOptions
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.measurement.source import tracks_of


class StatesModule(AnalysisModule):
    """Measure states of molecules, such as heights, and the rates between them."""

    name = "states"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_tracking",)
    options_type = StatesOptions

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        tracking_module: str | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Measure states of molecules, such as heights, and the rates between them.

        A Gaussian hidden Markov model is fitted to a column of all tracks together; the number of states, and whether
        molecules differ by a constant offset, are selected by BIC. Missed detections and lost frames count as time in
        which the state goes on unseen, and rates are those of the likelihood at the times of the detections.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the tracking's.
        tracking_module
            Tracking to measure; by default the latest.
        **options
            Those of `playNano.algorithms.measurement.states.options.StatesOptions` (column, number of states, ...).

        Returns
        -------
        dict
            ``states``: a row a detection: ``track_id, frame, time_s``, the column, ``state`` (0 is the lowest, -1: no
            value) and ``state_probability``.
            ``transitions``: a row a pair of states: ``from_state, to_state, rate_1_s, rate_low_1_s, rate_high_1_s,
            n_expected, n_detections, n_tracks, n_movies, status, ci_method, ci_unit``.
            ``state_table``: a row a state: the column and ``sd`` in its unit, ``occupancy, dwell_s``, with intervals,
            ``n_visits``, numbers and statuses.
            ``state_models``: a row a fitted model: ``n_states, offsets, outliers, log_likelihood, n_parameters, bic,
            selected``.
            ``summary``: ``n_states, n_left_out`` (tracks without a value), ``offset_sd`` in the unit of the column,
            ``outlier_share, headlines`` and ``messages``.
            Without known times names end in ``_frame`` instead of ``_s``.

        Warns
        -----
        PlayNanoWarning
            If rates cannot be given, or a state is hardly ever entered or left.

        Raises
        ------
        MissingInputError
            If no tracking has run before.
        ParameterError
            If the detections do not have the column.
        """
        from playNano.algorithms.measurement.states.measure import measure_states

        chosen = StatesOptions(**options)
        movie = tracks_of(stack, previous_results, self.name, tracking_module=tracking_module)
        measured = measure_states(movie, chosen)
        for doubt in measured.doubts:
            stack.warn(f"{self.name}: {doubt}")
        return measured.outputs()
