"""Compare conditions, each with several movies: tables from plain tables of tracks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from playNano.algorithms.measurement.comparison.condition import condition_row
from playNano.algorithms.measurement.comparison.options import ComparisonOptions
from playNano.algorithms.measurement.comparison.pair_of_conditions import comparison_row
from playNano.algorithms.measurement.comparison.samples import (
    Sample,
    estimate_samples,
    on_scale,
    track_samples,
)
from playNano.algorithms.measurement.comparison.two_samples import holm
from playNano.algorithms.measurement.measured import table_of
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

DESIGN = ("movie", "condition", "replicate", "pair")
"""Columns that say to what a movie belongs; the last two may be missing."""

NOT_VALUES = frozenset({
    *DESIGN, "track_id", "particle", "frame", "time_s", "frame_time_s", "n_detections", "point_index", "label", "y",
    "x", "y_nm", "x_nm", "status", "start_frame", "end_frame", "n_tracks", "n_movies",
})  # fmt: skip

_MOVIES = {
    "movie": "str", "condition": "str", "replicate": "str", "pair": "str", "quantity": "str", "unit": "str",
    "scale": "str", "value": "float64", "error": "float64", "n_detections": "int64", "n_tracks": "int64",
    "n_movies": "int64", "status": "str",
}  # fmt: skip
_FLOATS = (
    "value_a", "value_b", "difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high", "p",
    "p_adjusted", "p_permutation", "p_min", "hedges_g", "hedges_g_low", "hedges_g_high", "superiority",
    "superiority_low", "superiority_high",
)  # fmt: skip
_ENDS = {
    "n_detections": "int64", "n_tracks": "int64", "n_movies": "int64", "ci_method": "str", "ci_unit": "str",
    "status": "str", "remark": "str",
}  # fmt: skip
_CONDITIONS = {
    "quantity": "str", "condition": "str", "unit": "str", "scale": "str",
    **dict.fromkeys(("value", "low", "high", "variance_movie", "variance_track"), "float64"),
    "n_needed": "int64", "n_units": "int64", **_ENDS,
}  # fmt: skip
_COMPARISON = {
    "quantity": "str", "unit": "str", "scale": "str", "condition_a": "str", "condition_b": "str", "paired": "bool",
    **dict.fromkeys(_FLOATS, "float64"), "n_a": "int64", "n_b": "int64", **_ENDS,
}  # fmt: skip


def compare(
    tracks: pd.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    unit: Literal["movie", "replicate"] = "movie",
    min_length: int = 1,
    correction: Literal["holm", "none"] = "holm",
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Compare conditions with the movie as the unit of replication.

    Parameters
    ----------
    tracks
        A row a track, or a row a detection (values are then medians by ``track_id``): ``movie, condition``, the values,
        and for a paired design ``pair`` (the same text for movies that belong together); ``replicate`` for the unit
        "replicate".
    columns
        Values to compare; by default all columns of numbers.
    unit
        What counts as one replicate: each movie, or all movies of one replicate (sample, day) together.
    min_length
        Minimum number of detections of a track, >= 1.
    correction
        Correction of p values for the number of comparisons: "holm" or "none".
    level
        Coverage of the intervals, 0 to 1.
    seed
        Seed of the permutations that are drawn where there are too many to count them all, >= 0.

    Returns
    -------
    dict
        ``movies, conditions, comparison``; see `compare_tables`.

    Raises
    ------
    ParameterError
        A column is missing, or there are no two conditions.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(c, f"{c}{m}", c == "B" and 6.0 or 5.0 + 0.1 * m) for c in "AB" for m in range(4) for _ in range(5)]
    >>> table = pd.DataFrame(rows, columns=["condition", "movie", "height_nm"])
    >>> compare(table)["comparison"][["difference", "p_permutation", "n_a"]].round(3).values.tolist()
    [[0.85, 0.029, 4.0]]
    """
    options = ComparisonOptions(
        None if columns is None else tuple(columns), unit, min_length, correction, level, seed
    )
    prepared, names = by_track(tracks, columns)
    return compare_tables(prepared[prepared["n_detections"] >= min_length], names, None, options)


def by_track(tracks: pd.DataFrame, columns: Sequence[str] | None) -> tuple[pd.DataFrame, list[str]]:
    """Return a row a track with the columns of the design, and the names of the values.

    Parameters
    ----------
    tracks
        A row a track or a detection.
    columns
        Names of values; None: all columns of numbers.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    needed = [*DESIGN[:2], *(columns or ())]
    missing = [name for name in needed if name not in tracks]
    if missing:
        raise ParameterError(f"the table has no column {missing[0]!r}; it has {', '.join(map(str, tracks))}")
    numbers = [str(name) for name in tracks.select_dtypes("number")]
    names = list(columns) if columns is not None else [n for n in numbers if n not in NOT_VALUES]
    table = tracks.assign(**{name: "" for name in DESIGN if name not in tracks})
    if "n_detections" not in table:
        table = table.assign(n_detections=1)
    if "track_id" in table:
        groups = table.groupby(["movie", "track_id"], sort=False)
        table = (
            groups[[*DESIGN[1:], *names]]
            .agg({**dict.fromkeys(DESIGN[1:], "first"), **dict.fromkeys(names, "median")})
            .assign(n_detections=groups["n_detections"].sum())
            .reset_index()
        )
    text = {name: table[name].fillna("").astype(str) for name in DESIGN}
    return table.assign(**text), names


def compare_tables(
    tracks: pd.DataFrame, names: Sequence[str], estimates: pd.DataFrame | None, options: ComparisonOptions
) -> dict[str, pd.DataFrame]:
    """Compare values of tracks and estimates of movies between all pairs of conditions.

    Parameters
    ----------
    tracks
        A row a track: ``movie, condition, replicate, pair, n_detections`` and the values.
    names
        Names of the values.
    estimates
        A row an estimate of a movie; see `estimate_samples`. None: none.
    options
        Unit, correction, level, seed.

    Returns
    -------
    dict
        ``movies``: a row a movie and quantity: its mean over tracks, or estimate, with the standard error on the
        ``scale``. ``conditions``: mean over movies with interval, variances between and within movies, movies needed
        for an interval of 10 % on each side. ``comparison``: a row a quantity and pair of conditions: difference
        (b minus a) and ratio (b over a) with intervals by Welch's t over movies, ``p`` and ``p_adjusted``, exact
        permutation of movies with the smallest p that it can have, Hedges' g over movies, and the probability that a
        track of b has the larger value.

    Raises
    ------
    ParameterError
        The unit is the replicate, and a movie has none.
    """
    quantities: dict[str, list[Sample]] = {name: track_samples(tracks, name, options.unit) for name in names}
    given = tracks if estimates is None else estimates
    if options.unit == "replicate" and (len(given) and (given["replicate"] == "").any()):
        raise ParameterError("unit=replicate: there are movies without a replicate")
    if estimates is not None and len(estimates):
        for name, own in estimates.groupby("quantity", sort=False):
            quantities[str(name)] = estimate_samples(own, options.unit)
    conditions = [condition_row(s, options.level) for samples in quantities.values() for s in samples]
    rows = [
        comparison_row(first, second, options)
        for samples in quantities.values()
        for first, second in combinations(samples, 2)
    ]
    p = np.array([row["p"] for row in rows], np.float64)
    adjusted = holm(p) if options.correction == "holm" else p
    for row, value in zip(rows, adjusted, strict=True):
        row["p_adjusted"] = value
    return {
        "movies": table_of(_movie_rows(tracks, names, estimates), _MOVIES),
        "conditions": table_of(conditions, _CONDITIONS),
        "comparison": table_of(rows, _COMPARISON),
    }


def _movie_rows(
    tracks: pd.DataFrame, names: Sequence[str], estimates: pd.DataFrame | None
) -> list[dict[str, Any]]:
    """Return mean and error of each movie and quantity."""
    from playNano.algorithms.measurement.quantities import Quantity

    rows = []
    for name in names:
        for movie, own in tracks.groupby("movie", sort=False):
            values = own[name].to_numpy(np.float64)
            known = values[np.isfinite(values)]
            n = known.size
            rows.append({
                "movie": movie, **{key: own[key].iloc[0] for key in DESIGN[1:]}, "quantity": name,
                "unit": Quantity.of(name).unit, "scale": "linear", "value": known.mean() if n else np.nan,
                "error": known.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan, "n_tracks": n, "n_movies": 1,
                "n_detections": int(own["n_detections"].to_numpy()[np.isfinite(values)].sum()),
                "status": "ok" if n > 1 else "too_few_tracks",
            })  # fmt: skip
    for row in [] if estimates is None else estimates.to_dict("records"):
        name = str(row["quantity"])
        one = estimates[estimates["movie"].eq(row["movie"]) & estimates["quantity"].eq(name)].head(1)  # type: ignore[index]
        error = float(on_scale(one, row["scale"])[1][0])
        rows.append(
            {
                **{key: row[key] for key in _MOVIES if key in row},
                "unit": Quantity.of(name).unit,
                "error": error,
            }
            | {"n_movies": 1}
        )
    return rows
