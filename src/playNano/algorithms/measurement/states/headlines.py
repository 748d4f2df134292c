"""Levels, occupancies and rates as they stand in a summary."""

from __future__ import annotations

from playNano.algorithms.measurement.results import Headline
from playNano.algorithms.measurement.states.tables import (
    ColumnNames,
    FittedStates,
    level_table,
    transition_table,
)
from playNano.algorithms.measurement.tracked_movie import TrackedMovie


def headlines(movie: TrackedMovie, fitted: FittedStates, names: ColumnNames, level: float) -> list[Headline]:
    """Return levels with occupancies, and rates, as they stand in a summary; of a single state only its level.

    Parameters
    ----------
    movie
        The tracks.
    fitted
        The model.
    names
        Names in the unit of the column.
    level
        Coverage of the intervals.
    """
    table = level_table(fitted, names, level)
    n = fitted.counts()["n_tracks"]
    per = "frame" if movie.clock == "index" else "s"
    out = []
    for row in table.to_dict("records"):
        if len(table) == 1:  # its occupancy is 1 by definition, and says nothing
            ends = (row[names.end("low")], row[names.end("high")])
            out.append(
                Headline("level of state 0", row[names.column], names.unit, *ends, n, "tracks", row["status"])
            )
            break
        what = f"occupancy of state {row['state']} ({row[names.column]:.3g} {names.unit})".replace(" )", ")")
        out.append(
            Headline(
                what,
                row["occupancy"],
                "",
                row["occupancy_low"],
                row["occupancy_high"],
                n,
                "tracks",
                row["status"],
            )
        )
    for row in transition_table(fitted).to_dict("records"):
        name = f"k {row['from_state']} -> {row['to_state']}"
        ends = (row["rate_low_1_s"], row["rate_high_1_s"])
        count = round(row["n_expected"])
        out.append(Headline(name, row["rate_1_s"], f"1_{per}", *ends, count, "transitions", row["status"]))
    return out
