"""Compare conditions from folders of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from playNano.algorithms.measurement.comparison.compare import compare_tables
from playNano.algorithms.measurement.comparison.options import ComparisonOptions
from playNano.analysis.measurement.result_folders import (
    MovieResults,
    conditions_of,
    pipelines_that_differ,
    with_sheet,
)
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

DEFAULTS = ("volume_nm3", "area_nm2", "duration_s")
"""Values of tracks that are compared by default, beside the height in the unit of the channel."""


@dataclass(frozen=True)
class EstimateSource:
    """An estimate with an interval that a measurement writes for each movie.

    Parameters
    ----------
    module
        Name of the measurement.
    file
        Its table, without the suffix.
    stem, unit
        Name and unit of the column; the ends of its interval are ``<stem>_low_<unit>`` and ``<stem>_high_<unit>``.
    scale
        Scale on which movies are averaged.
    where
        Column and value that select the row.
    keys
        Columns that distinguish several rows of a movie; they are added to the name.
    counts
        Columns with the number of events and the exposure, for rates.
    """

    module: str
    file: str
    stem: str
    unit: str
    scale: Literal["linear", "log", "logit"] = "log"
    where: tuple[str, Any] | None = None
    keys: tuple[str, ...] = ()
    counts: tuple[str, str] | None = None


SOURCES = (
    EstimateSource("diffusion", "track_diffusion", "diffusion", "nm2_s", where=("track_id", -1)),
    EstimateSource(
        "dwell_times",
        "rates",
        "k_off",
        "1_s",
        where=("model", "exponential"),
        counts=("n_events", "exposure_s"),
    ),
    EstimateSource("dwell_times", "rates", "k_on", "1_nm2_s", where=("model", "exponential")),
    EstimateSource("states", "transitions", "rate", "1_s", keys=("from_state", "to_state")),
    EstimateSource("states", "state_table", "occupancy", "", "logit", keys=("state",)),
    EstimateSource("stepping", "speeds", "velocity", "nm_s", "linear", where=("track_id", -1)),
    EstimateSource("stepping", "runs", "run_length", "nm", where=("track_id", -1)),
    EstimateSource("rotation", "rotation", "rotation", "rad2_s"),
)
"""Estimates that are compared where their tables exist."""


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison of folders.

    Parameters
    ----------
    tables
        ``movies, conditions, comparison``.
    tracks
        A row a track: ``movie, condition, replicate, pair, track_id`` and the values.
    movies
        The movies, with folder and condition.
    options
        Values of the parameters.
    messages
        What a reader must know, in words.
    """

    tables: dict[str, pd.DataFrame]
    tracks: pd.DataFrame
    movies: tuple[MovieResults, ...]
    options: ComparisonOptions
    messages: tuple[str, ...]

    def parameters(self) -> dict[str, Any]:
        """Return the parameters as plain values."""
        return asdict(self.options)


def compare_folders(
    folders: Sequence[str | Path], *, pair: str | Path | None = None, options: ComparisonOptions | None = None
) -> Comparison:
    """Compare conditions from folders of results, with the movie as the unit of replication.

    Parameters
    ----------
    folders
        A folder a condition: of results of `playnano analyze` or `playnano batch`, or with such folders in it;
        ``NAME=FOLDER`` gives another name, and joins folders. Or one folder of a batch whose sheet has a column
        ``condition``.
    pair
        CSV file with columns ``movie, pair`` (and ``replicate``) for paired designs; None: none.
    options
        Values, unit, correction, level, seed; None for the defaults.

    Returns
    -------
    Comparison
        Tables, movies, and messages.

    Raises
    ------
    ParameterError
        A folder has no results or no tracks, there are no two conditions, or a column is missing.
    """
    options = options or ComparisonOptions()
    movies = conditions_of([str(folder) for folder in folders])
    if pair is not None:
        movies = with_sheet(movies, Path(pair))
    tracks, names = _tracks_of(movies, options)
    if options.min_length > 1:
        tracks = tracks[tracks["n_detections"] >= options.min_length]
    estimates, messages = _estimates_of(movies) if options.columns is None else (None, [])
    tables = compare_tables(tracks, names, estimates, options)
    return Comparison(tables, tracks, tuple(movies), options, (*messages, *_doubts(movies, tables, names)))


def _tracks_of(movies: Sequence[MovieResults], options: ComparisonOptions) -> tuple[pd.DataFrame, list[str]]:
    """Return the tracks of all movies, and the names of the values that are compared."""
    import pandas as pd

    parts = [_movie_tracks(movie, options.columns) for movie in movies]
    table = pd.concat(parts, ignore_index=True)
    first = ("movie", "condition", "replicate", "pair", "track_id", "n_detections")
    names = [str(name) for name in table.columns if name not in first]
    return table, names


def _movie_tracks(movie: MovieResults, columns: Sequence[str] | None) -> pd.DataFrame:
    """Return the values of the tracks of a movie: medians of detections that the border does not cut, and the table."""
    import pandas as pd

    path = movie.folder / "tracks.csv"
    if not path.is_file():
        raise ParameterError(f"{movie.folder} has no tracks.csv: analyse the movie with tracking")
    detections = pd.read_csv(path)
    grouped = detections.groupby("track_id")
    table = pd.DataFrame({"n_detections": grouped.size()})
    heights = [str(name) for name in detections if str(name).startswith("height_")]
    others = _track_columns(movie.folder)
    names = list(columns) if columns is not None else [*heights, *DEFAULTS]
    whole = detections
    if "touches_edge" in detections:
        whole = detections[~detections["touches_edge"].astype(bool)]
    for name in names:
        if name in detections:
            table[name] = whole.groupby("track_id")[name].median()
        elif name in others:
            table[name] = others[name]
        elif columns is not None:
            raise ParameterError(
                f"{movie.folder}: neither tracks.csv nor track_table.csv has a column {name!r}"
            )
    out = table.reset_index()
    for name in ("pair", "replicate", "condition", "movie"):
        out.insert(0, name, getattr(movie, name))
    return out


def _track_columns(folder: Path) -> pd.DataFrame:
    """Return the table of tracks, by track; empty if there is none."""
    import pandas as pd

    path = folder / "track_table.csv"
    return pd.read_csv(path).set_index("track_id") if path.is_file() else pd.DataFrame()


def _estimates_of(movies: Sequence[MovieResults]) -> tuple[pd.DataFrame, list[str]]:
    """Return the estimates of all measurements of all movies, and why some are left out."""
    import pandas as pd

    rows, messages = [], []
    levels = {movie.movie: _levels(movie.folder) for movie in movies}
    for source in SOURCES:
        found: dict[str, set[str]] = {}
        own = []
        for movie in movies:
            path = movie.folder / f"{source.file}.csv"
            if path.is_file():
                new = _rows_of(source, pd.read_csv(path), movie, levels[movie.movie].get(source.module, 0.95))
                found[movie.movie] = {row["quantity"] for row in new}
                own += new
        given = [names for names in found.values() if names]
        common = set.intersection(*given) if given else set()
        for name in sorted(set().union(*given) - common):
            messages.append(
                f"{name} is not in all movies: left out (the movies have different numbers of states)"
            )
        rows += [row for row in own if row["quantity"] in common]
        lacking = [movie.movie for movie in movies if not found.get(movie.movie)]
        if common and lacking:
            messages.append(f"{', '.join(sorted(common))}: no estimate in {', '.join(lacking)}")
    columns = [
        "movie", "condition", "replicate", "pair", "quantity", "scale", "value", "low", "high", "level", "n_tracks",
        "n_detections", "n_events", "exposure", "status",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns), messages


def _rows_of(
    source: EstimateSource, table: pd.DataFrame, movie: MovieResults, level: float
) -> list[dict[str, Any]]:
    """Return the estimates of a table that have a value and an interval, or no events."""
    end = f"_{source.unit}" if source.unit else ""
    names = [f"{source.stem}{end}", *(f"{source.stem}_{part}{end}" for part in ("low", "high"))]
    if not {*names} <= {*table.columns}:
        return []
    if source.where is not None and source.where[0] in table:
        table = table[table[source.where[0]] == source.where[1]]
    rows = []
    for entry in table.to_dict("records"):
        value, low, high = (float(entry[name]) for name in names)
        events, exposure = (
            float(entry[name]) if name in entry else np.nan for name in source.counts or ("", "")
        )
        usable = np.isfinite(value) and (np.isfinite(low) or np.isfinite(high))
        if source.scale == "log" and value <= 0 and not np.isfinite(events):
            usable = False
        if usable:
            suffix = "_".join(f"{entry[key]:g}" for key in source.keys)
            stem = f"{source.stem}_{suffix}" if suffix else source.stem
            rows.append({
                "movie": movie.movie, "condition": movie.condition, "replicate": movie.replicate, "pair": movie.pair,
                "quantity": f"{stem}{end}", "scale": source.scale, "value": value, "low": low, "high": high,
                "level": level, "n_tracks": int(entry.get("n_tracks", 0)), "status": entry.get("status", "ok"),
                "n_detections": int(entry.get("n_detections", 0)), "n_events": events, "exposure": exposure,
            })  # fmt: skip
    return rows


def _levels(folder: Path) -> dict[str, float]:
    """Return the level of the intervals of each measurement of a movie."""
    from playNano.analysis.record_file import read_record_head

    steps = read_record_head(folder).get("provenance", {}).get("steps", ())
    return {
        str(step["name"]): float(step["params"]["level"])
        for step in steps
        if "level" in step.get("params", {})
    }


def _doubts(
    movies: Sequence[MovieResults], tables: dict[str, pd.DataFrame], names: Sequence[str]
) -> list[str]:
    """Return what a reader must know about the design and the values."""
    doubts = [text] if (text := pipelines_that_differ(movies)) else []
    if "duration_s" in names:
        doubts.append(
            "duration_s is the time for which tracks were observed, cut by the movie and its border: compare rates of "
            "departure (dwell_times) for dwell times"
        )
    known = [(movie.condition, movie.replicate) for movie in movies if movie.replicate]
    if len(set(known)) < len(known):
        doubts.append(
            "several movies are of one replicate and may not be independent: compare with unit replicate as well"
        )
    quantities = tables["comparison"]["quantity"].unique()
    alone = [q for q in tables["conditions"]["quantity"].unique() if q not in quantities]
    if alone:
        doubts.append(f"{', '.join(alone)}: measured in one condition only")
    doubts += [text for text in tables["comparison"]["remark"].unique() if text]
    return list(dict.fromkeys(doubts))
