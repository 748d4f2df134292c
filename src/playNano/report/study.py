"""The report of a study: several movies, what was measured in each, and the comparison of conditions."""

from __future__ import annotations

import csv
import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from playNano._version import __version__
from playNano.algorithms.measurement.quantities import Quantity
from playNano.analysis.record_file import read_record_head
from playNano.core.files import atomic_write
from playNano.errors import ParameterError
from playNano.report.encode import encode_text
from playNano.report.model import REPORT, summary_of, warnings_of
from playNano.report.page import render
from playNano.report.study_svg import Dot, dots
from playNano.report.tables import csv_bytes
from playNano.report.words import number, printed_unit, with_signs

if TYPE_CHECKING:
    import pandas as pd

    from playNano.analysis.measurement.compare_folders import Comparison

FINISHED = ("done", "done before")
"""Status of movies whose results exist."""


@dataclass(frozen=True)
class StudyMovie:
    """A movie of a study.

    Parameters
    ----------
    name
        Its name in the report.
    folder
        Folder of its results.
    condition, replicate
        To what it belongs; "" where it is not known.
    status, reason
        "done"; or what happened to it in a batch, and why.
    """

    name: str
    folder: Path
    condition: str = ""
    replicate: str = ""
    status: str = "done"
    reason: str = ""


def movies_in(folders: Sequence[Path]) -> list[StudyMovie]:
    """Return the movies in folders of results, with those that failed in a batch.

    Parameters
    ----------
    folders
        Folders of one movie, or of a batch.

    Raises
    ------
    ParameterError
        A folder contains no results, or results are given twice.
    """
    from playNano.analysis.measurement.result_folders import SUMMARY, results_in

    movies: list[StudyMovie] = []
    for folder in folders:
        found = results_in(folder)
        known = {movie.folder.resolve() for movie in movies if movie.status in FINISHED}
        for result in found:
            if result.folder.resolve() in known:
                raise ParameterError(f"{result.folder} is given twice: a movie counts once")
        movies += [StudyMovie(m.movie, m.folder, m.condition, m.replicate) for m in found]
        if (folder / SUMMARY).is_file():
            movies += _failed(folder / SUMMARY)
    return movies


def _failed(summary: Path) -> list[StudyMovie]:
    """Return the movies of a batch that have no results."""
    with summary.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("status") not in FINISHED]
    return [
        StudyMovie(
            row.get("movie") or Path(row.get("file", "")).name,
            summary.parent,
            row.get("condition") or "",
            row.get("replicate") or "",
            row.get("status") or "failed",
            row.get("reason") or "",
        )
        for row in rows
    ]


def write_study(
    movies: Sequence[StudyMovie],
    path: str | Path,
    *,
    title: str,
    comparison: Comparison | None = None,
    remarks: Sequence[str] = (),
    place: Path | None = None,
) -> Path:
    """Write the report of a study as one HTML file: a dot a movie, the comparison, and a table that links the movies.

    Parameters
    ----------
    movies
        The movies.
    path
        The file.
    title
        Heading.
    comparison
        Comparison of their conditions; None for none.
    remarks
        What a reader must know, in words.
    place
        Folder in which the file will be, if it is moved there later; links to reports of movies are relative to it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RecordError
        A record is damaged.
    OSError
        A record cannot be read, or the file cannot be written.
    """
    path = Path(path)
    movies = _named_apart(movies)
    done = [movie for movie in movies if movie.status in FINISHED]
    records = {movie.name: read_record_head(movie.folder) for movie in done}
    measured = {movie.name: _measured(records[movie.name]) for movie in done}
    links = _links(done, path.parent if place is None else place)
    table = _table(movies, measured, records)
    info = {
        "file": "movies.csv",
        "title": "Movies",
        "columns": [str(name) for name in table.columns],
        "rows": len(table),
        "shown": [
            [number(value) if value == value else "-" for value in row]
            for row in table.astype(object).to_numpy()
        ],
        "sort": "",
        "singles": "",
    }
    data = {
        "shape": [0, 0], "pixel": [1.0, 1.0], "times": [], "timesKnown": False, "unusable": [], "colours": ["#000"],
        "dark": ["#000"], "outline": "#000", "palette": "", "movie": None, "detections": None, "counts": None,
        "links": links, "tables": [{"id": 0, "file": "movies.csv", "sort": "", "singles": ""}],
    }  # fmt: skip
    values = {
        "title": title,
        "movies": movies,
        "done": len(done),
        "failed": [movie for movie in movies if movie.status not in FINISHED],
        "conditions": sorted({movie.condition for movie in done if movie.condition}),
        "warnings": [
            (m.name, links.get(m.name, ""), warnings_of(records[m.name], _file(records[m.name])))
            for m in done
        ],
        "remarks": [with_signs(text) for text in remarks],
        "charts": _charts(done, measured),
        "comparison": None if comparison is None else _compared(comparison),
        "table": info,
        "links": links,
        "commands": _commands(done, records),
        "version": __version__,
        "blocks": {"t-0": encode_text(csv_bytes(table))},
        "later": {},
    }
    with atomic_write(path) as temporary:
        temporary.write_text(render("study.html.j2", values, data), encoding="utf-8", newline="\n")
    return path


def _named_apart(movies: Sequence[StudyMovie]) -> list[StudyMovie]:
    """Return movies with names of their own: with the folder, where folders of several have the same name."""
    names = [movie.name for movie in movies]
    count = Counter(names)
    names = [
        f"{movie.folder.resolve().parent.name}/{name}" if count[name] > 1 else name
        for name, movie in zip(names, movies, strict=True)
    ]
    count = Counter(names)
    names = [f"{name} ({n})" if count[name] > 1 else name for n, name in enumerate(names, start=1)]
    return [replace(movie, name=name) for movie, name in zip(movies, names, strict=True)]


def _file(record: Mapping[str, Any]) -> str:
    """Return the name of the file of a movie."""
    given = record["provenance"].get("input") or {}
    raw = given.get("raw") or {}
    return str(raw.get("name") or Path(str(given.get("file", ""))).name)


def _links(movies: Sequence[StudyMovie], place: Path) -> dict[str, str]:
    """Return the address of the report of each movie that has one, relative to a folder."""
    found = {}
    for movie in movies:
        report = movie.folder / REPORT
        if report.is_file():
            relative = os.path.relpath(report.resolve(), place.resolve()).replace(os.sep, "/")
            found[movie.name] = quote(relative)
    return found


def _measured(record: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the headlines of a movie by name and unit."""
    headlines: dict[tuple[str, str], dict[str, Any]] = {}
    for step in record["provenance"].get("steps", ()):
        for headline in summary_of(record["analysis"].get(step.get("analysis_key"), {})).get("headlines", ()):
            headlines.setdefault((str(headline.get("name")), str(headline.get("unit") or "")), headline)
    return headlines


def _table(
    movies: Sequence[StudyMovie], measured: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Return a row a movie: condition, frames, detections, tracks, and each quantity with its interval."""
    import pandas as pd

    names = _quantities(measured)
    rows = []
    for movie in movies:
        row: dict[str, Any] = {
            "movie": movie.name,
            "condition": movie.condition,
            "replicate": movie.replicate,
        }
        row |= _counted(records[movie.name]) if movie.name in records else {}
        for name, unit in names:
            headline = measured.get(movie.name, {}).get((name, unit), {})
            for part, end in (("value", ""), ("low", "_low"), ("high", "_high")):
                row[f"{name.replace(' ', '_')}{end}{'_' + unit if unit else ''}"] = headline.get(part)
        rows.append({**row, "status": movie.status, "reason": movie.reason})
    table = pd.DataFrame(rows)
    empty = [name for name in ("condition", "replicate", "reason") if not table[name].any()]
    return table.drop(columns=empty)


def _counted(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers of frames, detections, tracks and warnings of a movie."""
    found: dict[str, Any] = {}
    names = {
        "usable_frames": "frames_used",
        "total_frames": "frames",
        "total_features": "detections",
        "n_tracks": "tracks",
        "expected_wrong_links": "expected_wrong_links",
    }
    for step in record["provenance"].get("steps", ()):
        summary = summary_of(record["analysis"].get(step.get("analysis_key"), {}))
        for key, name in names.items():
            if key in summary and name not in found:
                found[name] = summary[key]
    return {**found, "warnings": len(record["provenance"].get("warnings") or [])}


def _quantities(measured: Mapping[str, Mapping[tuple[str, str], Any]]) -> list[tuple[str, str]]:
    """Return name and unit of the quantities that at least one movie has, in the order of the first one."""
    return list(dict.fromkeys(key for headlines in measured.values() for key in headlines))


def _charts(movies: Sequence[StudyMovie], measured: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a dot plot of each quantity that two or more movies have."""
    charts = []
    for name, unit in _quantities(measured):
        found = [
            Dot(movie.name, movie.condition, headline["value"], headline.get("low"), headline.get("high"))
            for movie in movies
            if (headline := measured[movie.name].get((name, unit))) is not None
        ]
        known = [dot for dot in found if dot.known]
        if len(known) > 1:
            label = f"{name} ({printed_unit(unit)})" if unit else name
            missing = len(movies) - len(known)
            without = f" No value: {missing} of {len(movies)} movies." if missing else ""
            charts.append(
                {"name": name, "svg": dots(known, label), "caption": f"{label}, a dot a movie.{without}"}
            )
    return charts


def _compared(comparison: Comparison) -> dict[str, Any]:
    """Return conditions and differences in words, and the figures."""
    from playNano.analysis.measurement.comparison_record import comparison_lines, condition_lines
    from playNano.plots.measurement.comparison import draw_comparison
    from playNano.report.figures import data_uri

    figures = draw_comparison({**comparison.tables, "tracks": comparison.tracks})
    return {
        "conditions": [with_signs(line) for line in condition_lines(comparison)],
        "differences": [with_signs(line) for line in comparison_lines(comparison)],
        "messages": [with_signs(text) for text in comparison.messages],
        "figures": [
            {"source": data_uri(figure), "caption": _caption(Quantity.of(name.removeprefix("comparison_")))}
            for name, figure in figures.items()
        ],
    }


def _caption(quantity: Quantity) -> str:
    """Return what a figure of a comparison shows."""
    unit = f" ({printed_unit(quantity.unit)})" if quantity.unit else ""
    return f"{quantity.words}{unit}: tracks, means of movies, conditions with intervals, and the difference."


def _commands(movies: Sequence[StudyMovie], records: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the command, file and checksum of each movie."""
    rows = []
    for movie in movies:
        provenance = records[movie.name]["provenance"]
        raw = (provenance.get("input") or {}).get("raw") or {}
        rows.append(
            {
                "movie": movie.name,
                "file": _file(records[movie.name]),
                "sha256": str(raw.get("sha256") or ""),
                "command": shlex.join(provenance.get("command") or []),
            }
        )
    return rows
