"""The report of a study, for ``playnano report``, ``batch`` and ``compare``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from playNano.errors import ParameterError, PlayNanoError

if TYPE_CHECKING:
    from playNano.analysis.measurement.compare_folders import Comparison
    from playNano.report import StudyMovie

COMPARE = "compare.json"


def write_study_of(folders: Sequence[Path], path: Path, *, place: Path | None = None) -> Path:
    """Write the report of the movies in folders of results, with a comparison where there are conditions.

    Parameters
    ----------
    folders
        Folders of movies or batches; or one folder of ``playnano compare``.
    path
        The file.
    place
        Folder in which it will be, if it is moved there later.

    Raises
    ------
    ParameterError
        A folder contains no results.
    OSError
        If the file cannot be written.
    """
    from playNano.report import movies_in

    title = ", ".join(folder.resolve().name for folder in folders)
    if len(folders) == 1 and (folders[0] / COMPARE).is_file():
        comparison = _compared_again(folders[0])
        return write_comparison_report(comparison, path, title, place)
    return write_study_report(movies_in(folders), path, title, place)


def write_study_report(
    movies: Sequence[StudyMovie], path: Path, title: str, place: Path | None = None
) -> Path:
    """Write the report of movies, with a comparison where they have two or more conditions.

    Parameters
    ----------
    movies
        The movies.
    path
        The file.
    title
        Heading.
    place
        Folder in which it will be, if it is moved there later.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    from playNano.report import write_study

    found, remarks = _comparison(movies)
    return write_study(movies, path, title=title, comparison=found, remarks=remarks, place=place)


def write_comparison_report(
    comparison: Comparison, path: Path, title: str, place: Path | None = None
) -> Path:
    """Write the report of a comparison.

    Parameters
    ----------
    comparison
        The comparison.
    path
        The file.
    title
        Heading.
    place
        Folder in which it will be, if it is moved there later.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    from playNano.report import StudyMovie, write_study

    movies = [StudyMovie(m.movie, m.folder, m.condition, m.replicate) for m in comparison.movies]
    return write_study(movies, path, title=title, comparison=comparison, place=place)


def _comparison(movies: Sequence[StudyMovie]) -> tuple[Comparison | None, list[str]]:
    """Return the comparison of movies with two or more conditions, or why there is none."""
    from playNano.analysis.measurement.compare_folders import compare_folders

    done = [movie for movie in movies if movie.status.startswith("done") and movie.condition]
    if len({movie.condition for movie in done}) < 2:
        return None, []
    try:
        return compare_folders([f"{movie.condition}={movie.folder}" for movie in done]), []
    except PlayNanoError as error:
        return None, [f"the conditions are not compared: {error}"]


def _compared_again(folder: Path) -> Comparison:
    """Return the comparison whose results are in a folder."""
    from playNano.algorithms.measurement.comparison.options import ComparisonOptions
    from playNano.analysis.measurement.compare_folders import compare_folders

    content = json.loads((folder / COMPARE).read_text(encoding="utf-8"))
    try:
        given = dict(content["parameters"])
        if given.get("columns") is not None:
            given["columns"] = tuple(given["columns"])
        arguments = [f"{movie['condition']}={movie['folder']}" for movie in content["movies"]]
        sheet = content.get("sheet")
        pair = None if sheet is None else sheet["name"]
    except (KeyError, TypeError) as error:
        raise ParameterError(f"{folder / COMPARE} is not the record of a comparison: {error}") from error
    return compare_folders(arguments, pair=pair, options=ComparisonOptions(**given))
