"""Velocities, run lengths and steps of molecules that move along a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.results import Headline
from playNano.algorithms.measurement.stepping.options import SteppingOptions
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.measurement.source import tracks_of

if TYPE_CHECKING:
    import pandas as pd


class SteppingModule(AnalysisModule):
    """Measure velocities, run lengths and steps along a path."""

    name = "stepping"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_tracking",)
    options_type = SteppingOptions

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        tracking_module: str | None = None,
        **options: Any,
    ) -> AnalysisOutputs:
        """Measure velocities, run lengths and steps along a path.

        Velocities are fitted to the times at which the tip passed the molecule; with the times of frames, a velocity
        along the slow axis would be wrong by its ratio to the velocity of the scan.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the tracking's.
        tracking_module
            Tracking to measure; by default the latest.
        **options
            Those of `playNano.algorithms.measurement.stepping.options.SteppingOptions`: path, penalty, minimum length.

        Returns
        -------
        dict
            ``speeds, runs, steps``: see `playNano.algorithms.measurement.stepping.measure.measure_stepping`.
            ``summary``: ``n_tracks, n_runs, n_steps``, ``headlines``, ``messages``.

        Raises
        ------
        MissingInputError
            No tracking has run.
        """
        from playNano.algorithms.measurement.stepping.measure import measure_stepping

        movie = tracks_of(stack, previous_results, self.name, tracking_module=tracking_module)
        tables, messages = measure_stepping(movie, SteppingOptions(**options))
        summary = {
            "n_tracks": movie.n_tracks,
            "n_runs": int((tables["runs"]["status"] == "ok").sum()),
            "n_steps": len(tables["steps"]),
            "headlines": [line.to_dict() for line in _headlines(tables)],
            "messages": messages,
        }
        return {**tables, "summary": summary}


def _headlines(tables: dict[str, pd.DataFrame]) -> list[Headline]:
    """Return velocity and run length in words."""
    lines = []
    for table, stem, counted in (("speeds", "velocity", "n_tracks"), ("runs", "run_length", "n_ends")):
        own = tables[table]
        for row in own[own["track_id"] == -1].to_dict("records"):
            unit = next(str(name) for name in row if str(name).startswith(f"{stem}_nm")).removeprefix(
                f"{stem}_"
            )
            value, low, high = (row[f"{stem}_{part}{unit}"] for part in ("", "low_", "high_"))
            words = stem.replace("_", " ")
            counts = int(row[counted]), counted.removeprefix("n_")
            lines.append(Headline(words, value, unit, low, high, *counts, row["status"]))
    return lines
