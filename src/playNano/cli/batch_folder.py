"""The movies of a batch, and the folders for their results."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from playNano.core.result_folder import (
    Existing,
    clear_results,
    complete,
    holder_of,
    listed_names,
)
from playNano.errors import ParameterError, ResultFolderError

BATCH = "batch.json"
"""File that lists the movies and the joined tables of a batch."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*\.(csv|json)", re.IGNORECASE)


def find_files(patterns: Sequence[str]) -> list[Path]:
    """Return the files that match patterns, without duplicates, in the given order.

    Parameters
    ----------
    patterns
        Names of files, or glob patterns.

    Raises
    ------
    ParameterError
        If a pattern matches nothing.
    """
    files: dict[Path, None] = {}
    for pattern in patterns:
        # A name that exists is not interpreted as a pattern, even if it has brackets.
        root = Path(pattern).anchor
        rest = pattern.removeprefix(root)
        matches = [Path(pattern)] if Path(pattern).exists() else sorted(Path(root or ".").glob(rest))
        if not matches:
            raise ParameterError(f"there is no file {pattern!r}")
        files |= dict.fromkeys(matches)
    return list(files)


def find_inputs(patterns: Sequence[str], folder: Path) -> list[Path]:
    """Return the movies that match patterns; the folder of results is not one of them.

    Parameters
    ----------
    patterns
        Names of files, or glob patterns.
    folder
        Folder of the results.

    Raises
    ------
    ParameterError
        If a pattern matches nothing, or a movie is in the folder of the results.
    """
    results = folder.resolve()
    files = [file for file in find_files(patterns) if file.resolve() != results]
    for file in files:
        if results in file.resolve().parents:
            raise ParameterError(
                f"{folder} contains the movie {file.name}; give another folder for the results, such as "
                f"{folder / 'results'}"
            )
    if not files:
        raise ParameterError(f"there is no movie besides the folder of results, {folder}")
    return files


def folder_names(files: Sequence[Path]) -> list[str]:
    """Return a unique folder name for each movie: its name without the suffix, or a longer one.

    Names differ by more than capital letters, and are allowed on every system.

    Parameters
    ----------
    files
        The movies.

    Examples
    --------
    >>> folder_names([Path("a/x.asd"), Path("a/y.asd"), Path("b/y.asd")])
    ['x', 'a_y.asd', 'b_y.asd']
    """
    makers = (
        lambda file: file.stem,
        lambda file: file.name,
        lambda file: f"{file.resolve().parent.name}_{file.name}",
    )
    names = [""] * len(files)
    unnamed = list(range(len(files)))
    for make in makers:
        candidates = {n: _safe_name(make(files[n])) for n in unnamed}
        counts = Counter(name.casefold() for name in [*candidates.values(), *filter(None, names)])
        for n in list(unnamed):
            if counts[candidates[n].casefold()] == 1:
                names[n] = candidates[n]
                unnamed.remove(n)
    for n in unnamed:
        names[n] = f"{n + 1}_{_safe_name(files[n].name)}"
    return names


def _safe_name(name: str) -> str:
    """Return a name that is visible and allowed on every system, and no name of a table.

    Examples
    --------
    >>> [_safe_name(name) for name in ("..", "a:b", "NUL", "x.", "summary.csv")]
    ['movie', 'a_b', 'NUL_', 'x', 'summary.csv_']
    """
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" ").rstrip(". ").lstrip(".")
    if not plain:
        return "movie"
    return f"{plain}_" if _RESERVED.fullmatch(plain) else plain


def prepare(folder: Path, movies: Sequence[str], existing: Existing, *, resume: bool) -> Path:
    """Return the folder for the results of a batch, without the results of an earlier one that is replaced.

    Parameters
    ----------
    folder
        The folder that was given.
    movies
        Names of the folders of the movies.
    existing
        What happens with earlier results; see `result_folder`.
    resume
        Whether earlier results are kept and used.

    Returns
    -------
    Path
        The folder; with "new", the first one with a number that contains no results.

    Raises
    ------
    ResultFolderError
        The folder contains results, and none of these is wanted; or a record lists no files.
    ParameterError
        `resume` is given with another option.
    """
    if resume and existing != "refuse":
        raise ParameterError("--resume keeps results: it excludes --overwrite and --new")
    number, first = 1, folder
    while existing == "new" and _holders(folder, movies):
        number += 1
        folder = first.with_name(f"{first.resolve().name}-{number}")
    if folder.is_dir():
        complete(folder)
        for movie in movies:
            complete(folder / movie)
    holders = [] if resume else _holders(folder, movies)
    if holders and existing == "refuse":
        raise ResultFolderError(
            f"{holders[0]} contains results already: --resume continues, --overwrite replaces them, and --new writes "
            "to a numbered folder"
        )
    if holders:
        _clear(folder, movies)
    return folder


def _holders(folder: Path, movies: Sequence[str]) -> list[Path]:
    return [place for place in (folder, *(folder / movie for movie in movies)) if holder_of(place)]


def _clear(folder: Path, movies: Sequence[str]) -> None:
    """Remove the results of an earlier batch: what its records list, and nothing else."""
    before: list[str] = []
    with suppress(OSError, ValueError, TypeError):
        content = json.loads((folder / BATCH).read_text(encoding="utf-8"))
        before = [str(name) for name in content["movies"] if str(name) == Path(str(name)).name != ".."]
    places = [folder / movie for movie in dict.fromkeys((*before, *movies)) if holder_of(folder / movie)]
    for place in (folder, *places):  # an error before anything is removed
        holder = holder_of(place)
        if holder is not None:
            listed_names(holder)
    for place in (folder, *places):
        clear_results(place)
