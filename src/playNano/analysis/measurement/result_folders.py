"""Folders of results: which movies they contain, and to which condition each belongs."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playNano.errors import ParameterError

RECORD, BATCH, SUMMARY = "record.json", "batch.json", "summary.csv"
CONDITION, REPLICATE, PAIR = "condition", "replicate", "pair"


@dataclass(frozen=True)
class MovieResults:
    """The results of one movie.

    Parameters
    ----------
    folder
        The folder with its record.
    movie
        Its name: that of the folder, with the condition where two conditions have the same.
    condition, replicate, pair
        To what it belongs; "" where it is not known.
    """

    folder: Path
    movie: str
    condition: str = ""
    replicate: str = ""
    pair: str = ""


def results_in(folder: Path) -> list[MovieResults]:
    """Return the results in a folder: of one movie, of a batch, or in its subfolders.

    Parameters
    ----------
    folder
        A folder with a record; a folder of `playnano batch`, whose summary gives condition, replicate and pair; or a
        folder of such folders.

    Raises
    ------
    ParameterError
        There are no results.
    """
    if (folder / RECORD).is_file():
        return [MovieResults(folder, folder.resolve().name)]
    is_batch = (folder / BATCH).is_file()
    given = _of_summary(folder / SUMMARY) if is_batch else {}
    finished = json.loads((folder / BATCH).read_text(encoding="utf-8")).get("movies") if is_batch else None
    movies = []
    if folder.is_dir():
        for part in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."):
            if finished is not None and part.name not in finished:
                continue  # of an earlier batch
            if (part / RECORD).is_file():
                movies.append(replace(MovieResults(part, part.name), **given.get(part.name, {})))
            elif (part / BATCH).is_file():
                movies += results_in(part)
    if not movies:
        raise ParameterError(
            f"{folder} contains no results: give a folder of `playnano analyze` or `playnano batch`"
        )
    return movies


def conditions_of(arguments: Sequence[str]) -> list[MovieResults]:
    """Return the movies of a comparison with their conditions.

    Parameters
    ----------
    arguments
        Folders, each a condition with its name, or ``NAME=FOLDER``, where several folders may have one name; or a
        single folder of a batch whose sheet has a column ``condition``.

    Raises
    ------
    ParameterError
        A folder has no results, or there are no two conditions.
    """
    movies: list[MovieResults] = []
    for argument in arguments:
        name, equals, text = argument.partition("=")
        folder = Path(argument if not equals or Path(argument).exists() else text)
        found = results_in(folder)
        named = name if equals and not Path(argument).exists() else folder.resolve().name
        if len(arguments) == 1 and any(movie.condition for movie in found):
            movies += [movie for movie in found if movie.condition]
        else:
            movies += [replace(movie, condition=named) for movie in found]
    conditions = list(dict.fromkeys(movie.condition for movie in movies))
    if len(conditions) < 2:
        raise ParameterError(
            f"there is one condition, {conditions[0]!r}: give two or more folders, or a folder of a batch whose sheet "
            "has the column 'condition'"
        )
    twice = {movie.movie for movie in movies if sum(movie.movie == other.movie for other in movies) > 1}
    return [
        replace(movie, movie=f"{movie.condition}/{movie.movie}") if movie.movie in twice else movie
        for movie in movies
    ]


def with_sheet(movies: Sequence[MovieResults], sheet: Path) -> list[MovieResults]:
    """Return movies with pair, replicate and condition of a sheet.

    Parameters
    ----------
    movies
        The movies.
    sheet
        CSV file with a column ``movie`` (name of the folder, or condition/folder) and one or more of ``pair, replicate,
        condition``.

    Raises
    ------
    ParameterError
        The sheet lacks a column or a movie, or names one that does not exist.
    """
    with sheet.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    columns = set(rows[0]) if rows else set()
    if "movie" not in columns or not columns & {PAIR, REPLICATE, CONDITION}:
        raise ParameterError(f"{sheet} needs the columns movie and pair (or replicate, condition)")
    by_name: dict[str, MovieResults] = {}
    for row in rows:
        named = [
            movie
            for movie in movies
            if row["movie"] in (movie.movie, f"{movie.condition}/{movie.folder.name}")
        ]
        named = named or [movie for movie in movies if movie.folder.name == row["movie"]]
        if len(named) != 1:
            reason = "is in no folder" if not named else "is in two conditions: write condition/movie"
            raise ParameterError(f"{sheet}: the movie {row['movie']!r} {reason}")
        values: dict[str, Any] = {
            name: row[name].strip() for name in (PAIR, REPLICATE, CONDITION) if row.get(name)
        }
        by_name[named[0].movie] = replace(named[0], **values)
    missing = [movie.movie for movie in movies if movie.movie not in by_name]
    if missing:
        raise ParameterError(f"{sheet} lacks the movie {missing[0]!r}")
    return [by_name[movie.movie] for movie in movies]


def _of_summary(path: Path) -> dict[str, dict[str, Any]]:
    """Return condition, replicate and pair of each movie of a batch."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {
            row.get("movie", ""): {name: row[name] for name in (CONDITION, REPLICATE, PAIR) if row.get(name)}
            for row in csv.DictReader(file)
        }


def pipelines_that_differ(movies: Sequence[MovieResults]) -> str:
    """Return in words which movies were analysed by which pipeline, or "" if all by the same.

    Parameters
    ----------
    movies
        The movies; one whose folder has no ``pipeline.yaml`` is left out. The selection of frames and the
        rectangle of a movie are no difference.
    """
    import yaml

    groups: dict[str, list[str]] = {}
    for movie in movies:
        path = movie.folder / "pipeline.yaml"
        if path.is_file():
            steps = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            first = [
                step for step in steps.get("processing") or [] if not {*step} & {"select_frames", "crop"}
            ]
            groups.setdefault(repr((first, steps.get("analysis"))), []).append(movie.movie)
    if len(groups) < 2:
        return ""
    texts = [
        ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        for names in groups.values()
    ]
    return (
        f"the movies were analysed by {len(groups)} different pipelines ({' | '.join(texts)}), so that differences may "
        "be those of the settings; analyse all with the same one (playnano batch -p pipeline.yaml)"
    )
