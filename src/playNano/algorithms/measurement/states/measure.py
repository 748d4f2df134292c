"""States of molecules, rates between them, and how sure both are, as tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.results import Headline, named_by_clock
from playNano.algorithms.measurement.states import tables
from playNano.algorithms.measurement.states.chains import TrackChains, chains_of
from playNano.algorithms.measurement.states.headlines import headlines
from playNano.algorithms.measurement.states.hmm import Model, expect, n_nodes_for
from playNano.algorithms.measurement.states.options import StatesOptions
from playNano.algorithms.measurement.states.rates import fit_rates
from playNano.algorithms.measurement.states.selection import FittedModel, select_states
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

HEIGHTS = ("height", "z_max", "z_mean")
"""Columns that may hold the height, without their unit; the first that the detections have counts."""

FEW_CHANGES = 1 / 3
"""Share of the tracks with a state in which it must be entered or left to be a conformation."""


@dataclass(frozen=True)
class States:
    """States of the molecules of a movie.

    Parameters
    ----------
    states
        A row a detection: ``track_id, frame, time_s``, the column, ``state`` (0 is the lowest; -1: none) and
        ``state_probability``.
    transitions
        A row a pair of states: ``from_state, to_state, rate_1_s`` with interval, ``n_expected`` and statuses.
    state_table
        A row a state: level and width in the unit of the column, ``occupancy, dwell_s`` with intervals, ``n_visits``.
    state_models
        A row a model that was fitted: ``n_states, offsets, outliers, log_likelihood, n_parameters, bic,
        selected``; fits of models that cannot be selected end early.
    headlines
        Occupancies and rates as they stand in a summary.
    messages
        What a reader must know, in words.
    doubts
        Those of the messages that are warnings.
    numbers
        ``n_states, n_left_out, offset_sd_<unit>, outlier_share``.
    """

    states: pd.DataFrame
    transitions: pd.DataFrame
    state_table: pd.DataFrame
    state_models: pd.DataFrame
    headlines: list[Headline] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {
            "states": self.states,
            "transitions": self.transitions,
            "state_table": self.state_table,
            "state_models": self.state_models,
        }

    def outputs(self) -> dict[str, Any]:
        """Return the tables by name, and the summary."""
        lines = [headline.to_dict() for headline in self.headlines]
        return {**self.tables(), "summary": {**self.numbers, "headlines": lines, "messages": self.messages}}


def value_column(movie: TrackedMovie, column: str | None) -> str:
    """Return the column in which states differ: the given one, or the height.

    Parameters
    ----------
    movie
        The tracks.
    column
        Name of the column; None: the first of those with a height.
    """
    if column is not None:
        return column
    names = [str(name) for name in movie.table.columns]
    for height in HEIGHTS:
        for name in names:
            if name.rpartition("_")[0] == height:
                return name
    return "height_nm"


def measure_states(movie: TrackedMovie, options: StatesOptions) -> States:
    """Measure states of molecules, and the rates of transitions between them.

    A Gaussian hidden Markov model is fitted to a value of all tracks together. Frames in which a molecule was not
    detected, and lost frames, count as time in which its state goes on unseen. The rates are those of the likelihood,
    not of counted transitions, many of which are missed or false. Molecules may differ by a constant offset, which
    would otherwise count as states.

    Parameters
    ----------
    movie
        The tracks.
    options
        Column, number of states, offsets.

    Returns
    -------
    States
        Tables with all columns, also when empty.

    Raises
    ------
    ParameterError
        The detections do not have the column.

    References
    ----------
    Rabiner: A tutorial on hidden Markov models, Proceedings of the IEEE 77, 1989, doi 10.1109/5.18626. Colquhoun,
    Hawkes: On the stochastic properties of single ion channels, Proceedings of the Royal Society B 211, 1981,
    doi 10.1098/rspb.1981.0003 (rates of a continuous Markov process).

    Examples
    --------
    >>> import pandas as pd
    >>> from playNano.algorithms.measurement.plain_tables import tracks_from_table
    >>> rng = np.random.default_rng(0)
    >>> frame = np.tile(np.arange(60), 6)
    >>> height = np.where((frame + np.arange(360) // 7) // 15 % 2, 6.0, 4.0) + rng.normal(0, 0.2, 360)
    >>> table = pd.DataFrame({"track_id": np.repeat(np.arange(6), 60), "frame": frame, "height_nm": height})
    >>> movie = tracks_from_table(table.assign(y_nm=0.0, x_nm=0.0), frame_interval_s=0.5)
    >>> measure_states(movie, StatesOptions()).state_table["height_nm"].round(1).tolist()
    [4.0, 6.0]
    """
    column = value_column(movie, options.column)
    value = movie.column(column) if movie.n_tracks else np.zeros(0)
    chains = chains_of(movie, value, options.min_confidence)
    names = tables.ColumnNames.of(column)
    if not chains.grid.n_chains:
        return _nothing(movie, column, names, chains)
    number = None if options.n_states == "auto" else options.n_states
    best, fits = select_states(
        chains.grid,
        number,
        options.max_states,
        offsets=options.offsets,
        outliers=options.outliers,
        seed=options.seed,
    )
    fitted = _describe(movie, chains, best, options)
    doubts, messages = _remarks(fitted, names, fits)
    if number is None and best.model.n_states == options.max_states > 1:
        doubts.append(
            f"{options.max_states} states are the maximum that was tried (max_states); there may be more"
        )
    clock = movie.clock
    return States(
        named_by_clock(tables.states_table(movie, column, chains, fitted.gamma), clock),
        named_by_clock(tables.transition_table(fitted), clock),
        named_by_clock(tables.level_table(fitted, names, options.level), clock),
        tables.models_table(fits, best),
        headlines(movie, fitted, names, options.level),
        [*doubts, *messages],
        doubts,
        {
            "n_states": best.model.n_states,
            "n_left_out": chains.n_left_out,
            names.of_spread("offset_sd"): best.model.offset_sd,
            "outlier_share": best.model.outlier_share,
        },
    )


def _nothing(movie: TrackedMovie, column: str, names: tables.ColumnNames, chains: TrackChains) -> States:
    """Return empty tables."""
    lines = [Headline("states", float("nan"), "", n=0, status="no_events")]
    empty = tables.FittedStates.empty(chains)
    clock = movie.clock
    return States(
        named_by_clock(tables.states_table(movie, column, chains, np.zeros((0, 0))), clock),
        named_by_clock(tables.transition_table(empty), clock),
        named_by_clock(tables.level_table(empty, names, 0.95), clock),
        tables.models_table([], None),
        lines,
        [f"no track has a value in {column}"] if movie.n_tracks else [],
        [],
        {"n_states": 0, "n_left_out": chains.n_left_out},
    )


def _describe(
    movie: TrackedMovie, chains: TrackChains, best: FittedModel, options: StatesOptions
) -> tables.FittedStates:
    """Return all that the tables say about a model."""
    model: Model = best.model
    expected = expect(chains.grid, model, n_nodes_for(chains.grid, model))
    rates = fit_rates(chains.grid, chains.seen, model, expected.pairs, options.level)
    return tables.FittedStates(model, rates, expected.pairs, expected.gamma, chains)


def _remarks(
    fitted: tables.FittedStates, names: tables.ColumnNames, fits: list[FittedModel]
) -> tuple[list[str], list[str]]:
    """Return warnings and remarks, in words."""
    model, doubts, messages = fitted.model, [], []
    kinds = f"{model.n_states} state" + "s" * (model.n_states != 1)
    spread = f", molecules differ by {model.offset_sd:.3g} {names.unit} (sd)" if model.offset_sd > 0 else ""
    if model.outlier_share > 0:
        spread += f", {100 * model.outlier_share:.2g} % of the values are outliers"
    messages.append(f"{kinds} in {names.column}{spread}; lowest BIC of {len(fits)} models")
    if fitted.chains.n_left_out:
        messages.append(f"{fitted.chains.n_left_out} tracks have no value and are left out")
    if model.n_states > 1 and fitted.rates.status[0][0] == "unresolved":
        doubts.append("states change within a frame, so that rates are not given; scan faster")
    for state, share in enumerate(tables.share_of_tracks_that_change(fitted)):
        if model.n_states > 1 and share < FEW_CHANGES:
            doubts.append(
                f"state {state} is entered or left in {100 * share:.0f} % of the tracks that have it: it is a kind of "
                "molecule rather than a conformation"
            )
    return doubts, messages
