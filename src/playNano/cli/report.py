"""``playnano report``: all results of a movie or a study on one page, and the report among the results of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playNano.cli.arguments import ColourMap, Lazy, ZRange

if TYPE_CHECKING:
    from playNano.io.export.render import PictureOptions
    from playNano.plots.analysed import AnalysedMovie

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(short_help="Write all results on one page that opens offline.")
def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="Folder of results of `playnano analyze`; or several, or a folder of `playnano batch` or `compare`: "
            "then a report of the study."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("report.html"),
    movie: Annotated[
        bool, typer.Option("--movie/--no-movie", help="Whether the frames of the movie are in the report.")
    ] = True,
    size_mb: Annotated[
        float,
        typer.Option(
            "--report-size-mb",
            help="Maximum size, MB. Above it the movie is reduced, and the report says how.",
        ),
    ] = 50.0,
    z_range: ZRange = None,
    cmap: ColourMap = None,
    lazy: Lazy = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write the results of a movie, or of a study of several movies, as one HTML file that opens offline.

    It has warnings, results with their intervals, the movie with outlines and tracks, charts, tables, methods with
    references, and settings. The movie is read again; where it is missing, the report has everything else.
    """
    from playNano.cli.console import err, out
    from playNano.cli.movie_source import is_result
    from playNano.cli.pictures import picture_options
    from playNano.cli.study import write_study_of
    from playNano.errors import ParameterError
    from playNano.report import ReportOptions, write_report

    if output.exists() and not overwrite:
        raise ParameterError(f"{output} exists: give another name with -o, or --overwrite")
    options = ReportOptions(movie, size_mb)
    if len(results) > 1 or not is_result(results[0]):
        out.print(str(write_study_of(results, output)), markup=False)
        return
    pictures = picture_options(z_range, cmap)
    record, analysed, reason = _read(results[0], pictures, lazy, read_movie=movie)
    if reason and movie:
        err.print(f"warning: {reason}; the report is written without it", markup=False)
    written = write_report(
        record, analysed, output, options, folder=_folder(results[0]), no_movie=reason or "it was left out"
    )
    out.print(f"{written.path}: {written.bytes / 1e6:.1f} MB", markup=False)
    if written.bytes > size_mb * 1e6:
        err.print(
            f"warning: {written.path} is larger than {size_mb:g} MB: its results take {written.bytes / 1e6:.2g} MB"
            + (", also without most of the movie; --no-movie leaves it out" if written.remarks else ""),
            markup=False,
        )
    for remark in written.remarks:
        out.print(f"  the movie is reduced: {remark}", markup=False)


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _read(
    path: Path, pictures: PictureOptions, lazy: bool | None, *, read_movie: bool
) -> tuple[dict[str, Any], AnalysedMovie | None, str]:
    """Return a record, its levelled movie, and why that is missing."""
    from playNano.analysis.record_file import read_record, record_path
    from playNano.analysis.record_use import changes_of, movie_of, plan_of
    from playNano.cli.job import Options
    from playNano.errors import PlayNanoError, RecordError
    from playNano.plots.analysed import AnalysedMovie

    place = record_path(path)
    record = read_record(place)
    if not record["provenance"].get("input"):
        raise RecordError(f"{place} is not a record: it does not name its input")
    if not read_movie:
        return record, None, ""
    changes = changes_of(record)
    if changes:
        return record, None, f"the movie cannot be made again: {changes[0]}"
    try:
        file = movie_of(record, place)
    except PlayNanoError as error:
        return record, None, f"the movie cannot be read ({str(error).split(';')[0]})"
    plan = replace(plan_of(record), analysis=[])
    stack = plan.process(Options(lazy=lazy).load(file, plan.input))
    return record, AnalysedMovie.of(stack, record, pictures), ""
