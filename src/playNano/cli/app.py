"""The commands of the command line: names, options and help texts; they are implemented in the other modules."""

from __future__ import annotations

import logging
import sys
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from playNano._version import __version__
from playNano.cli.arguments import (
    AllowIncomplete,
    AnalysisSteps,
    AnyChannel,
    Cache,
    Channel,
    Cluster,
    ColourMap,
    Crop,
    CropUnit,
    CuratedBy,
    Export,
    FigureFormat,
    File,
    Files,
    FramesKept,
    Gif,
    Lazy,
    MovieOfResults,
    New,
    ObjectsShown,
    Outlines,
    Output,
    Overwrite,
    PipelineFile,
    PixelSize,
    ProcessingSteps,
    Read,
    Report,
    Resume,
    StepsBefore,
    Timing,
    Workers,
    Zarr,
    ZRange,
    existing,
)
from playNano.cli.checking_commands import app as checking_commands
from playNano.cli.compare_command import app as compare_commands
from playNano.cli.crate_command import app as crate_command
from playNano.cli.curate_command import app as curate_command
from playNano.cli.figure_command import app as figure_command
from playNano.cli.first_run import app as first_run_commands
from playNano.cli.messages import error_line, print_warning
from playNano.cli.movie_command import app as movie_command
from playNano.cli.pictures import picture_options
from playNano.cli.plans import curated, plan_or_default, with_edits
from playNano.cli.records import app as record_commands
from playNano.cli.reference_commands import app as reference_commands
from playNano.cli.report import app as report_command
from playNano.cli.view_command import app as view_command
from playNano.cli.workplace import workplace
from playNano.core.command import COMMAND
from playNano.errors import PlayNanoWarning

app = typer.Typer(
    name="playnano",
    help="Analyse high-speed AFM movies quantitatively and reproducibly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: list[str] | None = None) -> None:
    """Run a command; an error is printed as one line on stderr, with exit code 2.

    Parameters
    ----------
    arguments
        Arguments after ``playnano``; by default those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, strict = "--debug" in given, "--strict" in given
    given = [word for word in given if word not in ("--debug", "--strict")]
    # An error is reported by the line below, and must not be logged as well.
    logging.getLogger("playNano").addHandler(logging.NullHandler())
    try:
        with warnings.catch_warnings():
            # The same text once, however often its cause occurs.
            warnings.simplefilter("error" if strict else "default", PlayNanoWarning)
            warnings.showwarning = partial(print_warning, warnings.showwarning)
            COMMAND.set(("playnano", *given))
            app(given, standalone_mode=True)
    except Exception as error:
        if debug:
            raise
        typer.echo(f"playnano: {error_line(error)}", err=True)
        raise SystemExit(2) from error


def _print_version(given: bool) -> None:
    if given:
        typer.echo(f"playNano {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Make warnings errors, with exit code 2.")] = False,
) -> None:
    """Declare the options that precede a command."""


@app.command(short_help="Show channels, calibration, times and bad frames of a file.")
def info(
    file: File,
    channel: AnyChannel = None,
    pixel_size_nm: PixelSize = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Show the contents of a file: channels, size, pixel size, times, scan, bad frames, and what is unusual."""
    from playNano.cli.info import show_info
    from playNano.cli.job import Options

    options = Options(
        pixel_size_nm=pixel_size_nm, allow_incomplete=allow_incomplete, reader_options=tuple(read or ())
    )
    show_info(file, channel, options, as_json=json)


@app.command(short_help="Convert movies to another format.")
def convert(
    files: Annotated[list[str], typer.Argument(help="The movie, or several with --to; patterns in quotes.")],
    target: Annotated[
        Path, typer.Argument(help="File to write (.h5, .npz, .ome.zarr, .asd ...); with --to, a folder.")
    ],
    to: Annotated[
        str | None, typer.Option("--to", help="Exporter, such as ome-zarr; by default by the ending.")
    ] = None,
    channel: AnyChannel = None,
    pixel_size_nm: PixelSize = None,
    lazy: Lazy = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
) -> None:
    """Convert movies to another format, and report what the target does not keep of them."""
    from playNano.cli.convert import run_convert
    from playNano.cli.job import Options

    reading = tuple(read or ())
    options = Options(
        pixel_size_nm=pixel_size_nm, lazy=lazy, allow_incomplete=allow_incomplete, reader_options=reading
    )
    run_convert(files, target, options, channel, to, overwrite)


@app.command(short_help="Level and smooth a movie.")
def process(
    file: File,
    output: Output,
    steps: ProcessingSteps = None,
    pipeline: PipelineFile = None,
    frames: FramesKept = None,
    crop: Crop = None,
    crop_unit: CropUnit = "px",
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    gif: Gif = True,
    movie: MovieOfResults = None,
    zarr: Zarr = False,
    export: Export = None,
    lazy: Lazy = None,
    cluster: Cluster = None,
    cache: Cache = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    new: New = False,
    z_range: ZRange = None,
    cmap: ColourMap = None,
    timing: Timing = False,
) -> None:
    """Level and smooth a movie; writes processed.h5, processing.json and movie.gif."""
    from playNano.cli.job import Options, process_file
    from playNano.cli.movie import movie_kind

    plan = with_edits(plan_or_default(steps, None, pipeline, None, analyse=False), frames, crop, crop_unit)
    exports, reading, kept = tuple(export or ()), tuple(read or ()), existing(overwrite, new)
    pictures = picture_options(z_range, cmap)
    shown = movie_kind(gif, movie)
    given = Options(
        channel, pixel_size_nm, lazy, shown, zarr, exports, allow_incomplete, reading, pictures, existing=kept
    )
    with workplace(cluster, workers, replace(given, cache=cache), timing) as options:
        process_file(file, plan, output, options)


@app.command(short_help="Level, detect, track and cluster: tables and figures.")
def analyze(
    file: File,
    output: Output,
    steps: AnalysisSteps = None,
    process: StepsBefore = None,
    pipeline: PipelineFile = None,
    objects: ObjectsShown = None,
    edits: CuratedBy = None,
    frames: FramesKept = None,
    crop: Crop = None,
    crop_unit: CropUnit = "px",
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    gif: Gif = True,
    movie: MovieOfResults = None,
    export: Export = None,
    lazy: Lazy = None,
    cluster: Cluster = None,
    cache: Cache = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    new: New = False,
    z_range: ZRange = None,
    cmap: ColourMap = None,
    figure_format: FigureFormat = "png",
    outlines: Outlines = True,
    report: Report = True,
    timing: Timing = False,
) -> None:
    """Level, detect, track and cluster; writes record.json, record.h5, CSV tables, figures, movie.gif and report.html.

    Without --steps and --pipeline no number is needed: the movie is levelled (or processed as --process says), bad
    frames are flagged, and objects are detected and tracked with thresholds and ranges that are found from the movie.
    """
    from playNano.cli.job import Options, analyze_file
    from playNano.cli.movie import movie_kind

    plan = curated(
        with_edits(plan_or_default(process, steps, pipeline, objects), frames, crop, crop_unit), edits
    )
    exports, reading, kept = tuple(export or ()), tuple(read or ()), existing(overwrite, new)
    pictures = picture_options(z_range, cmap, figure_format, outlines=outlines)
    shown = movie_kind(gif, movie)
    given = Options(
        channel,
        pixel_size_nm,
        lazy,
        shown,
        False,
        exports,
        allow_incomplete,
        reading,
        pictures,
        existing=kept,
    )
    with workplace(cluster, workers, replace(given, cache=cache, report=report), timing) as options:
        analyze_file(file, plan, output, options)


@app.command(short_help="Run one pipeline on many movies.")
def batch(
    files: Files,
    output: Output,
    pipeline: PipelineFile = None,
    steps: AnalysisSteps = None,
    process: StepsBefore = None,
    objects: ObjectsShown = None,
    resume: Resume = False,
    frames: FramesKept = None,
    crop: Crop = None,
    crop_unit: CropUnit = "px",
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    gif: Gif = False,
    movie: MovieOfResults = None,
    zarr: Zarr = False,
    export: Export = None,
    lazy: Lazy = None,
    cluster: Cluster = None,
    cache: Cache = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    new: New = False,
    z_range: ZRange = None,
    cmap: ColourMap = None,
    figure_format: FigureFormat = "png",
    outlines: Outlines = True,
    report: Report = True,
    timing: Timing = False,
) -> None:
    """Run one pipeline on many movies; writes one folder per movie, joined tables, and summary.csv with all errors.

    A sheet (.csv, .tsv) has a column file, relative to the sheet, and may have condition, replicate, channel, frames
    (20-60) and edits (a CSV file of edits of the tracks); its columns are in all tables, and wrong rows are reported by
    line while the others run.

    Without any steps the default analysis is run, as by `playnano analyze`, with thresholds of each movie's own; with
    --process alone the movies are processed and not analysed.
    """
    from playNano.cli.batch import run_batch
    from playNano.cli.job import Options
    from playNano.cli.movie import movie_kind

    plan = with_edits(
        plan_or_default(process, steps, pipeline, objects, analyse=process is None), frames, crop, crop_unit
    )
    exports, reading, kept = tuple(export or ()), tuple(read or ()), existing(overwrite, new)
    pictures = picture_options(z_range, cmap, figure_format, outlines=outlines)
    shown = movie_kind(gif, movie)
    given = Options(
        channel, pixel_size_nm, lazy, shown, zarr, exports, allow_incomplete, reading, pictures, existing=kept
    )
    with workplace(cluster, workers, replace(given, cache=cache, report=report), timing) as options:
        code = run_batch(files, plan, output, options, resume=resume)
    if code:
        raise typer.Exit(code)


app.add_typer(checking_commands)
app.add_typer(reference_commands)
app.add_typer(first_run_commands)
app.add_typer(record_commands)
app.add_typer(curate_command)
app.add_typer(figure_command)
app.add_typer(crate_command)
app.add_typer(compare_commands)
app.add_typer(movie_command)
app.add_typer(report_command)
app.add_typer(view_command)
