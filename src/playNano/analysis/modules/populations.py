"""Heights and volumes of tracks, and the populations that they form."""

from __future__ import annotations

from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.populations.options import PopulationOptions
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.measurement.source import tracking_outputs, tracks_of
from playNano.core.value_units import missing_column_reason, named_by_unit
from playNano.errors import ParameterError


class PopulationsModule(AnalysisModule):
    """Measure heights and volumes by track, and the populations that they form."""

    name = "populations"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_tracking",)
    options_type = PopulationOptions

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        tracking_module: str | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Measure heights and volumes by track, and the populations that they form.

        A molecule counts once, however long it was seen: means and intervals are those of the tracks' medians, and
        detections enter a mixture with the weight 1 / number of detections of their track.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the tracking's.
        tracking_module
            Tracking to measure; by default the latest.
        **options
            Those of `playNano.algorithms.measurement.populations.options.PopulationOptions`: columns, maximum number
            of populations, oligomers.

        Returns
        -------
        dict
            ``track_values, population_means, populations, population_bic, merge_volumes`` (where there are volumes) and
            ``oligomers`` (if wanted): see `playNano.algorithms.measurement.populations.measure.measure_populations`.
            ``summary``: ``n_tracks``, ``n_left_out`` (tracks without a value), ``headlines``, ``messages``.

        Raises
        ------
        MissingInputError
            No tracking has run.
        ParameterError
            The detections lack a column.
        """
        from playNano.algorithms.measurement.populations.measure import DEFAULT_COLUMNS, measure_populations
        from playNano.analysis.measurement.population_summary import (
            merge_doubt,
            population_doubts,
            population_headlines,
        )

        given = PopulationOptions(**options)
        movie = tracks_of(stack, previous_results, self.name, tracking_module=tracking_module)
        for name in given.columns or ():
            if name not in movie.table:
                reason = missing_column_reason(name, stack)
                raise ParameterError(f"populations: the detections have no column {name!r}{reason}")
        events = tracking_outputs(previous_results, tracking_module, self.name).get("events")
        columns = tuple(named_by_unit(DEFAULT_COLUMNS, stack.unit).values())
        tables = measure_populations(movie, given, default_columns=columns, events=events)
        doubt = merge_doubt(tables.get("merge_volumes"))
        if doubt is not None:
            stack.warn(f"populations: {doubt}")
        values = tables["track_values"]
        summary = {
            "n_tracks": len(values),
            "n_left_out": int((values["status"] != "ok").sum()),
            "headlines": [line.to_dict() for line in population_headlines(tables)],
            "messages": population_doubts(tables, given.max_components),
        }
        return {**tables, "summary": summary}
