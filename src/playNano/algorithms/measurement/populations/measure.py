"""Heights and volumes of tracks, and the populations that they form, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.intervals import NONE, t_interval
from playNano.algorithms.measurement.measured import table_of
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.populations.merges import merge_volumes
from playNano.algorithms.measurement.populations.oligomers import oligomers_of
from playNano.algorithms.measurement.populations.options import PopulationOptions
from playNano.algorithms.measurement.populations.select import MIN_TRACKS, Populations, populations_of
from playNano.algorithms.measurement.populations.track_values import TrackValues, track_values
from playNano.algorithms.measurement.quantities import Quantity
from playNano.algorithms.measurement.results import Status, named_by_clock
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_COLUMNS = ("height_nm", "volume_nm3")
VOLUME = "volume_nm3"
COUNTS = {"n_detections": "int64", "n_tracks": "int64", "n_movies": "int64"}
HOW = {**COUNTS, "ci_method": "str", "ci_unit": "str", "status": "str"}


def populations(
    tracks: pd.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    max_components: int = 5,
    oligomers: bool = False,
    min_length: int = 1,
    whole_only: bool = True,
    level: float = 0.95,
    pixel_size_nm: float | tuple[float, float] | None = None,
) -> dict[str, pd.DataFrame]:
    """Measure heights and volumes of tracks, and the populations that they form.

    Parameters
    ----------
    tracks
        A row a detection: ``track_id`` (or ``particle``), ``frame``, the place, and the columns to measure.
    columns
        Columns to measure; by default ``height_nm`` and ``volume_nm3``, where the table has them.
    max_components
        Maximum number of populations, 1 to 10.
    oligomers
        Whether volumes are also fitted as multiples of the volume of a monomer.
    min_length
        Minimum number of detections of a track, >= 1.
    whole_only
        Whether detections that touch the border of the frame are left out.
    level
        Coverage of the intervals, 0 to 1.
    pixel_size_nm
        Pixel size, or (y, x), nm, for tables with places in px.

    Returns
    -------
    dict
        ``track_values, population_means, populations, population_bic``, and ``oligomers``; see
        `measure_populations`.

    Raises
    ------
    ParameterError
        A column is missing, or a parameter is wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> heights = [4.0, 4.2, 3.9, 4.1, 4.0, 4.1, 8.1, 8.0, 8.2, 7.9, 8.0, 8.1]
    >>> table = pd.DataFrame({"track_id": range(12), "frame": 0, "y_nm": 0.0, "x_nm": 0.0, "height_nm": heights})
    >>> populations(table)["populations"][["height_nm", "share_tracks"]].round(2).values.tolist()
    [[4.05, 0.5], [8.05, 0.5]]
    """
    movie = tracks_from_table(tracks, pixel_size_nm=pixel_size_nm, frame_interval_s=1.0)
    options = PopulationOptions(
        None if columns is None else tuple(columns), max_components, oligomers, min_length, whole_only, level
    )
    return measure_populations(movie, options)


def measure_populations(
    movie: TrackedMovie,
    options: PopulationOptions | None = None,
    *,
    default_columns: Sequence[str] = DEFAULT_COLUMNS,
    events: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Measure values of tracks, and the populations that they form.

    Parameters
    ----------
    movie
        The tracks.
    options
        Which columns, and how; None for the defaults.
    default_columns
        Columns to measure, of those that the detections have, if the options name none.
    events
        Merges and splits of the tracking; None: none.

    Returns
    -------
    dict
        ``track_values``: a row a track, with median, error, standard deviation, number of independent values and most
        likely population of each quantity. ``population_means``: a row a quantity: mean of the tracks' medians with
        Student's interval over tracks, standard deviations between and within tracks, intraclass correlation.
        ``populations``: a row a population. ``population_bic``: a row a number of populations. ``oligomers``: a row a
        size, if wanted and volumes are measured. ``merge_volumes``: a row a merge or split, if there are volumes.
        Values in the rows of another quantity are NaN.

    Raises
    ------
    ParameterError
        The detections lack a column that the options name.
    """
    options = options or PopulationOptions()
    names = options.columns or [name for name in default_columns if name in movie.table]
    measured = {}
    for name in names:
        values, track, frame = _used(movie, name, options)
        ids, index = np.unique(track, return_inverse=True)
        found = populations_of(values, index, options.max_components, options.level) if len(ids) else None
        measured[name] = (track_values(values, track, frame), found, values, index)
    tables = {
        "track_values": _track_table(movie, measured),
        "population_means": _mean_table(measured, options.level),
        "populations": _population_table(measured),
        "population_bic": _bic_table(measured),
    }
    if options.oligomers and VOLUME in measured:
        tables["oligomers"] = _oligomer_table(measured[VOLUME], options)
    if VOLUME in movie.table:
        tables["merge_volumes"] = merge_volumes(movie, events, options.level)
    return {name: named_by_clock(table, movie.clock) for name, table in tables.items()}


def _used(movie: TrackedMovie, name: str, options: PopulationOptions) -> tuple[Any, Any, Any]:
    """Return values, tracks and frames of the detections that count."""
    values, track = movie.column(name), movie.track()
    kept = np.isfinite(values)
    if options.whole_only:
        kept &= movie.whole
    if options.min_length > 1:
        _, index, length = np.unique(track, return_inverse=True, return_counts=True)
        kept &= length[index] >= options.min_length
    return values[kept], track[kept], movie.table["frame"].to_numpy(np.int64)[kept]


def _track_table(movie: TrackedMovie, measured: dict[str, Any]) -> pd.DataFrame:
    """Return the values of each track that has one."""
    import pandas as pd

    track_id, n = np.unique(movie.track(), return_counts=True)
    table = pd.DataFrame({"track_id": track_id.astype(np.int64)})
    for name, (values, found, x, index) in measured.items():
        quantity = Quantity.of(name)
        place = np.searchsorted(track_id, values.track_id)
        own = {
            quantity.name: values.median, quantity.derived("error"): values.error,
            quantity.derived("within_sd"): values.sd, f"{quantity.stem}_n_eff": values.n_eff,
        }  # fmt: skip
        for column, entries in own.items():
            full = np.full(len(track_id), np.nan)
            full[place] = entries
            table[column] = full
        population, probability = np.zeros(len(track_id), np.int64), np.full(len(track_id), np.nan)
        if found is not None:
            population[place], probability[place] = _membership(found, x, index)
        table[f"{quantity.stem}_population"] = population
        table[f"{quantity.stem}_population_probability"] = probability
    has_value = table[list(measured)].notna().any(axis=1)
    status: list[Status] = ["ok" if given else "too_short" for given in has_value]
    return table.assign(n_detections=n, n_tracks=1, n_movies=1, status=status).astype(
        {**COUNTS, "status": "str"}
    )


def _membership(found: Populations, x: Any, index: Any) -> tuple[Any, Any]:
    """Return the most likely population of each track, from 1, and its probability."""
    n = np.bincount(index)
    joint = found.best.log_density(x) - np.log(np.maximum(found.best.share, 1e-300))
    mean = np.array([np.bincount(index, column) / n for column in joint.T]).T + np.log(
        np.maximum(found.best.share, 1e-300)
    )
    posterior = np.exp(mean - mean.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior.argmax(axis=1) + 1, posterior.max(axis=1)


def _status(n_tracks: int) -> Status:
    return "ok" if n_tracks >= MIN_TRACKS else "too_few_tracks"


def _counts(values: TrackValues) -> dict[str, Any]:
    n_tracks = len(values.track_id)
    return {
        "n_detections": int(values.n.sum()),
        "n_tracks": n_tracks,
        "n_movies": 1,
        "status": _status(n_tracks),
    }


def _mean_table(measured: dict[str, Any], level: float) -> pd.DataFrame:
    """Return mean, interval and variation of each quantity."""
    rows = []
    for name, (values, *_) in measured.items():
        q, n = Quantity.of(name), len(values.track_id)
        low, high = t_interval(values.median, level) if n >= MIN_TRACKS else NONE
        rows.append({
            "quantity": name, q.name: values.median.mean() if n else np.nan, q.derived("low"): low,
            q.derived("high"): high, q.derived("between_sd"): values.between_sd,
            q.derived("within_sd"): values.within_sd, "icc": values.icc, "correlation": values.correlation,
            "n_eff": float(values.n_eff.sum()), **_counts(values), "ci_method": "t", "ci_unit": "track",
        })  # fmt: skip
    parts = ("", "low", "high", "between_sd", "within_sd")
    plain = {"icc": "float64", "correlation": "float64", "n_eff": "float64"}
    return table_of(rows, {"quantity": "str", **_floats(measured, parts), **plain, **HOW})


def _population_table(measured: dict[str, Any]) -> pd.DataFrame:
    """Return the populations of each quantity."""
    rows = []
    for name, (values, found, *_) in measured.items():
        q = Quantity.of(name)
        for k in range(found.best.n_components if found is not None else 0):
            mean, share = found.mean_interval[k], found.share_interval[k]
            rows.append({
                "quantity": name, "population": k + 1, q.name: found.best.mean[k], q.derived("low"): mean[0],
                q.derived("high"): mean[1], q.derived("sd"): found.best.sd[k],
                "share_tracks": found.best.share[k], "share_tracks_low": share[0], "share_tracks_high": share[1],
                **_counts(values), "ci_method": "jackknife_t", "ci_unit": "track",
            })  # fmt: skip
    shares = dict.fromkeys(("share_tracks", "share_tracks_low", "share_tracks_high"), "float64")
    parts = _floats(measured, ("", "low", "high", "sd"))
    return table_of(rows, {"quantity": "str", "population": "int64", **parts, **shares, **HOW})


def _bic_table(measured: dict[str, Any]) -> pd.DataFrame:
    """Return the criterion of each number of populations."""
    rows = []
    for name, (values, found, *_) in measured.items():
        for k, fit in enumerate(found.fits if found is not None else ()):
            counts: dict[str, Any] = _counts(values)
            if not np.isfinite(found.bic[k]):
                counts["status"] = "too_few_tracks"
            rows.append({
                "quantity": name, "n_components": k + 1, "bic": fit.bic(len(values.track_id)),
                "log_likelihood": fit.log_likelihood, "selected": k == found.selected, **counts,
            })  # fmt: skip
    plain = {"quantity": "str", "n_components": "int64", "bic": "float64", "log_likelihood": "float64"}
    return table_of(rows, {**plain, "selected": "bool", **COUNTS, "status": "str"})


def _oligomer_table(entry: Any, options: PopulationOptions) -> pd.DataFrame:
    """Return the sizes of oligomers; tracks whose volume is not positive are left out."""
    _, _, values, index = entry
    positive = values > 0
    ids, index = np.unique(index[positive], return_inverse=True)
    rows = []
    if len(ids):
        found = oligomers_of(values[positive], index, options.max_components, options.level)
        status = _status(len(ids)) if found.resolved else "unresolved"
        for k, share in enumerate(found.fit.share):
            rows.append({
                "subunits": k + 1, "monomer_volume_nm3": np.exp(found.fit.log_volume) if found.resolved else np.nan,
                "monomer_volume_low_nm3": found.volume_interval[0] if found.resolved else np.nan,
                "monomer_volume_high_nm3": found.volume_interval[1] if found.resolved else np.nan,
                "relative_spread": found.fit.spread, "share_tracks": share,
                "share_tracks_low": found.share_interval[k][0], "share_tracks_high": found.share_interval[k][1],
                "n_detections": int(positive.sum()), "n_tracks": len(ids), "n_movies": 1,
                "ci_method": "jackknife_t", "ci_unit": "track", "status": status,
            })  # fmt: skip
    names = ("monomer_volume_nm3", "monomer_volume_low_nm3", "monomer_volume_high_nm3", "relative_spread")
    shares = ("share_tracks", "share_tracks_low", "share_tracks_high")
    return table_of(rows, {"subunits": "int64", **dict.fromkeys((*names, *shares), "float64"), **HOW})


def _floats(measured: dict[str, Any], parts: Sequence[str]) -> dict[str, str]:
    """Return the columns of all quantities."""
    names = [Quantity.of(name) for name in measured]
    return {(q.derived(part) if part else q.name): "float64" for q in names for part in parts}
