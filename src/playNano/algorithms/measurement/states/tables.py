"""The tables of states, and their headlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from playNano.algorithms.measurement.intervals import NONE, jackknife_t
from playNano.algorithms.measurement.measured import table_of
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.states.chains import TrackChains
from playNano.algorithms.measurement.states.hmm import Model
from playNano.algorithms.measurement.states.rates import TransitionRates
from playNano.algorithms.measurement.states.selection import FittedModel
from playNano.algorithms.measurement.tracked_movie import Floats, Ints, TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("nm", "nm2", "nm3", "deg", "V", "rad", "px", "pA", "nN", "Hz", "s")
MIN_TRACKS = 3
"""Minimum number of tracks for an interval over tracks."""


@dataclass(frozen=True)
class ColumnNames:
    """Names of results in the unit of a column.

    Parameters
    ----------
    column
        Name of the column: "height_nm".
    stem, unit
        Its parts before and after the last underscore; no unit for a plain number.

    Examples
    --------
    >>> names = ColumnNames.of("height_nm")
    >>> names.end("low"), names.of_spread("sd"), ColumnNames.of("eccentricity").end("low")
    ('height_low_nm', 'sd_nm', 'eccentricity_low')
    """

    column: str
    stem: str
    unit: str

    @classmethod
    def of(cls, column: str) -> ColumnNames:
        """Return the names that belong to a column.

        Parameters
        ----------
        column
            Its name.
        """
        stem, _, unit = column.rpartition("_")
        return cls(column, stem, unit) if stem and unit in UNITS else cls(column, column, "")

    def end(self, which: str) -> str:
        """Return the name of an end of the interval of the column.

        Parameters
        ----------
        which
            "low" or "high".
        """
        return self.of_spread(f"{self.stem}_{which}")

    def of_spread(self, name: str) -> str:
        """Return a name with the unit of the column.

        Parameters
        ----------
        name
            Name without unit.
        """
        return f"{name}_{self.unit}" if self.unit else name


@dataclass(frozen=True)
class FittedStates:
    """A fitted model with all that is expected of its states.

    Parameters
    ----------
    model
        The model.
    rates
        Rates of transitions.
    pairs
        Expected numbers of transitions, (K, K).
    gamma
        Probability of each state in each frame of the chains, (N, K).
    chains
        The values.
    """

    model: Model
    rates: TransitionRates
    pairs: Floats
    gamma: Floats
    chains: TrackChains

    @classmethod
    def empty(cls, chains: TrackChains) -> FittedStates:
        """Return a model without states.

        Parameters
        ----------
        chains
            Chains without values.
        """
        none, table = np.zeros(0), np.zeros((0, 0))
        rates = TransitionRates(table, table, table, table, table > 0, [])
        return cls(Model(none, table, none, none), rates, table, table, chains)

    @property
    def path(self) -> Ints:
        """The most probable state in each frame of the chains, (N,)."""
        if not self.gamma.size:
            return np.zeros(len(self.gamma), np.int64)
        return np.asarray(self.gamma.argmax(axis=1), dtype=np.int64)

    def counts(self) -> dict[str, Any]:
        """Return the numbers of detections, tracks and movies by column."""
        return {
            "n_detections": self.chains.grid.n_values,
            "n_tracks": int(np.unique(self.chains.track).size),
            "n_movies": 1,
        }


def states_table(movie: TrackedMovie, column: str, chains: TrackChains, gamma: Floats) -> pd.DataFrame:
    """Return a row a detection: its value, its state and the probability of that.

    Parameters
    ----------
    movie
        The tracks.
    column
        Column in which states differ.
    chains
        The chains.
    gamma
        Probability of each state in each frame of the chains, (N, K).
    """
    import pandas as pd

    n = len(chains.row)
    state, probability = np.full(n, -1, np.int64), np.full(n, np.nan)
    inside = chains.row >= 0
    if inside.any():
        mine = gamma[chains.row[inside]]
        state[inside], probability[inside] = mine.argmax(axis=1), mine.max(axis=1)
    value = movie.table[column].to_numpy(np.float64) if column in movie.table else np.full(n, np.nan)
    return pd.DataFrame(
        {
            "track_id": movie.track(),
            "frame": movie.table["frame"].to_numpy(np.int64),
            "time_s": movie.column("time_s"),
            column: value,
            "state": state,
            "state_probability": probability,
        }
    )


def transition_table(fitted: FittedStates) -> pd.DataFrame:
    """Return a row a pair of different states.

    Parameters
    ----------
    fitted
        The model.
    """
    rates, k = fitted.rates, fitted.model.n_states
    rows = [
        {
            "from_state": i,
            "to_state": j,
            "rate_1_s": float(rates.rate[i, j]),
            "rate_low_1_s": float(rates.low[i, j]),
            "rate_high_1_s": float(rates.high[i, j]),
            "n_expected": float(fitted.pairs[i, j]),
            **fitted.counts(),
            "status": rates.status[i][j],
            "ci_method": "wald_log",
            "ci_unit": "event",
        }
        for i in range(k)
        for j in range(k)
        if i != j
    ]
    kinds: dict[str, Any] = {
        "from_state": np.int64, "to_state": np.int64, "rate_1_s": float, "rate_low_1_s": float,
        "rate_high_1_s": float, "n_expected": float, "n_detections": np.int64, "n_tracks": np.int64,
        "n_movies": np.int64, "status": object, "ci_method": object, "ci_unit": object,
    }  # fmt: skip
    return table_of(rows, kinds)


def level_table(fitted: FittedStates, names: ColumnNames, level: float) -> pd.DataFrame:
    """Return a row a state: level, width, occupancy, dwell time and number of visits.

    Parameters
    ----------
    fitted
        The model.
    names
        Names in the unit of the column.
    level
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        ``state``, the column and ``sd`` in its unit, ``occupancy, dwell_s``, each with its interval (a single state
        has the occupancy 1 by definition, without one), ``n_visits`` (along the most probable states),
        ``n_detections, n_tracks, n_movies, status, ci_method`` (of level, width and occupancy: jackknife over tracks),
        ``ci_unit, dwell_ci_method, dwell_status``.
    """
    model, rates = fitted.model, fitted.rates
    visits = _visits(fitted)
    leaving, error = rates.leaving, rates.leaving_log_error()
    n_tracks = fitted.counts()["n_tracks"]
    rows = []
    for state in range(model.n_states):
        intervals = _track_intervals(fitted, state, level) if n_tracks >= MIN_TRACKS else [NONE] * 3
        dwell = _dwell(float(leaving[state]), float(error[state]), level)
        status: Status = "ok" if n_tracks >= MIN_TRACKS else "too_few_tracks"
        occupancy = fitted.gamma[:, state].sum() / fitted.gamma.sum()
        if model.n_states == 1:  # 1 by definition: nothing was estimated
            occupancy, intervals = 1.0, [*intervals[:2], NONE]
        values = (model.mean[state], model.sd[state], occupancy)
        row: dict[str, Any] = {"state": state}
        columns = (
            (names.column, names.end("low"), names.end("high")),
            tuple(names.of_spread(name) for name in ("sd", "sd_low", "sd_high")),
            ("occupancy", "occupancy_low", "occupancy_high"),
        )
        for titles, value, interval in zip(columns, values, intervals, strict=True):
            row |= dict(zip(titles, (float(value), *interval), strict=True))
        row |= {"dwell_s": dwell[0], "dwell_low_s": dwell[1], "dwell_high_s": dwell[2]}
        row |= {"n_visits": int(visits[state]), **fitted.counts(), "status": status}
        row |= {"ci_method": "jackknife_t", "ci_unit": "track", "dwell_ci_method": "wald_log"}
        row["dwell_status"] = _dwell_status(rates, state)
        rows.append(row)
    return _typed(rows, names)


def _typed(rows: list[dict[str, Any]], names: ColumnNames) -> pd.DataFrame:
    """Return the table of states with its columns and dtypes, also without rows."""
    floats = [names.column, names.end("low"), names.end("high")]
    floats += [names.of_spread(name) for name in ("sd", "sd_low", "sd_high")]
    floats += ["occupancy", "occupancy_low", "occupancy_high", "dwell_s", "dwell_low_s", "dwell_high_s"]
    kinds: dict[str, Any] = {"state": np.int64, **dict.fromkeys(floats, np.float64)}
    kinds |= dict.fromkeys(("n_visits", "n_detections", "n_tracks", "n_movies"), np.int64)
    kinds |= dict.fromkeys(("status", "ci_method", "ci_unit", "dwell_ci_method", "dwell_status"), object)
    return table_of(rows, kinds)


def _dwell_status(rates: TransitionRates, state: int) -> Status:
    """Return the status of the dwell time in a state: the worst of the rates out of it."""
    k = len(rates.status)
    if k == 1:
        return "all_censored"
    statuses = [rates.status[state][j] for j in range(k) if j != state]
    if "unresolved" in statuses:
        return "unresolved"
    if all(status == "no_events" for status in statuses):
        return "all_censored"
    return "ok" if np.isfinite(rates.leaving_log_error()[state]) else "at_bound"


def _dwell(leaving: float, error: float, level: float) -> tuple[float, float, float]:
    """Return the dwell time with its interval, from the total rate out of a state and its log error."""
    if not leaving > 0:
        return float("nan"), float("nan"), float("nan")
    width = float(np.exp(ndtri((1 + level) / 2) * error))
    return 1 / leaving, 1 / leaving / width, width / leaving


def _track_intervals(fitted: FittedStates, state: int, level: float) -> list[tuple[float, float]]:
    """Return the intervals of level, width and occupancy of a state, by the jackknife over tracks."""
    grid, model = fitted.chains.grid, fitted.model
    value = np.nan_to_num(grid.value)
    gamma = fitted.gamma[:, state]
    seen = gamma * np.isfinite(grid.value)
    _, track = np.unique(fitted.chains.track, return_inverse=True)
    row = track[grid.chain]

    def by_track(weights: Floats) -> Floats:
        return np.bincount(row, weights=weights).astype(np.float64)

    weight, total = by_track(seen), by_track(seen * value)
    square = by_track(seen * (value - model.mean[state]) ** 2)
    stay, frames = by_track(gamma), by_track(np.ones(len(row)))
    out = []
    for top, bottom, estimate, log in (
        (total, weight, float(model.mean[state]), False),
        (square, weight, float(model.sd[state]) ** 2, True),
        (stay, frames, float(stay.sum() / frames.sum()), False),
    ):
        rest = bottom.sum() - bottom
        left_out = np.divide(top.sum() - top, rest, out=np.full(len(top), np.nan), where=rest > 0)
        out.append(jackknife_t(estimate, left_out, level, log=log))
    low, high = out[1]
    out[1] = (float(np.sqrt(low)), float(np.sqrt(high)))
    out[2] = (max(out[2][0], 0.0), min(out[2][1], 1.0)) if np.isfinite(out[2][0]) else out[2]
    return out


def _visits(fitted: FittedStates) -> Ints:
    """Return the number of visits of each state along the most probable states, (K,)."""
    path, chain = fitted.path, fitted.chains.grid.chain
    if not len(path):
        return np.zeros(fitted.model.n_states, np.int64)
    begins = np.append(True, (path[1:] != path[:-1]) | (chain[1:] != chain[:-1]))
    return np.bincount(path[begins], minlength=fitted.model.n_states).astype(np.int64)


def share_of_tracks_that_change(fitted: FittedStates) -> Floats:
    """Return, of the tracks that have a state, the share in which it is entered or left, (K,).

    Parameters
    ----------
    fitted
        The model.
    """
    k, n = fitted.model.n_states, fitted.chains.grid.n_chains
    has = np.zeros((n, k), np.bool_)
    has[fitted.chains.grid.chain, fitted.path] = True
    several = has.sum(axis=1) > 1
    total = has.sum(axis=0)
    return np.asarray((has & several[:, None]).sum(axis=0) / np.maximum(total, 1), dtype=np.float64)


def models_table(fits: list[FittedModel], best: FittedModel | None) -> pd.DataFrame:
    """Return a row a fitted model.

    Parameters
    ----------
    fits
        The models.
    best
        The selected one.
    """
    rows = [
        {
            "n_states": fit.model.n_states,
            "offsets": fit.model.offset_sd > 0,
            "outliers": fit.model.outlier_share > 0,
            "log_likelihood": fit.log_likelihood,
            "n_parameters": fit.model.n_parameters,
            "bic": fit.bic,
            "selected": fit is best,
        }
        for fit in fits
    ]
    kinds: dict[str, Any] = {
        "n_states": np.int64, "offsets": bool, "outliers": bool, "log_likelihood": float,
        "n_parameters": np.int64, "bic": float, "selected": bool,
    }  # fmt: skip
    return table_of(rows, kinds)
