"""The main job: load, process and analyse a movie, and write all results into a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.analysis.exporters import check_exports, plan_exports
from playNano.analysis.inputs import load_planned, planned_input
from playNano.analysis.plan import Plan
from playNano.analysis.record_file import Stored, write_record, write_record_hdf5
from playNano.analysis.values_found import values_found
from playNano.cli.compiling import report_compiling
from playNano.cli.console import out, progress_bars
from playNano.cli.movie import MovieKind, movie_beside, write_result_movie
from playNano.cli.pipeline_file import described_steps, write_plan
from playNano.core.literals import Text
from playNano.core.phases import phase
from playNano.core.progress_bars import Bars
from playNano.core.provenance import outputs_of_kind
from playNano.core.remember import remember
from playNano.core.result_folder import Existing, Run, result_folder
from playNano.core.step_cache import StepCache
from playNano.errors import ParameterError
from playNano.io.export import Exporter
from playNano.io.export.bundle import write_bundle
from playNano.io.export.ome_zarr import write_ome_zarr
from playNano.io.export.render import PictureOptions
from playNano.io.export.tables import write_tables
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.drift import write_drift
from playNano.plots.pictures import write_pictures_of
from playNano.report.write import write_result_report

DONE = "done.json"
"""File with hashes of input and pipeline, by which ``batch --resume`` recognises a finished folder."""
WORDS = ("segmentation", "detected_as")
"""Entries of a summary that are printed as they are."""


@dataclass(frozen=True)
class Options:
    """Options for reading a movie, and for the files written in addition to tables and record.

    Parameters
    ----------
    channel, pixel_size_nm, lazy
        As in `load_afm_stack`; no channel is that of the pipeline file, or the height.
    movie
        The movie that is written beside the results.
    zarr
        Whether processed pixels are written to processed.ome.zarr instead of processed.h5.
    exports
        Registered exporters to run: ``"trackmate"``, or with options ``"NAME:option=value"``.
    allow_incomplete
        Whether what exists of a recording that broke off is read.
    reader_options
        Further options of the reader, ``"NAME=VALUE"``.
    pictures
        Colour map, height range and format of the figures and of the movie.
    existing
        What happens if the folder contains the results of a run; see `result_folder`.
    cache
        Folder of the step cache; None for none.
    report
        Whether report.html is written beside the results of an analysis.
    """

    channel: str | None = None
    pixel_size_nm: float | None = None
    lazy: bool | None = None
    movie: MovieKind = "gif"
    zarr: bool = False
    exports: tuple[str, ...] = ()
    allow_incomplete: bool = False
    reader_options: tuple[str, ...] = ()
    pictures: PictureOptions = field(default_factory=PictureOptions)
    existing: Existing = "refuse"
    cache: Path | None = None
    report: bool = True

    def results(self) -> dict[str, Any]:
        """Return the options that affect the results or the files written: all except `lazy, existing, cache`."""
        return {k: value for k, value in asdict(self).items() if k not in ("lazy", "existing", "cache")}

    def load(self, file: Path, given: Mapping[str, Any] | None = None) -> AFMImageStack:
        """Load a movie with these options.

        Parameters
        ----------
        file
            The movie.
        given
            The movie for which the pipeline was written; see `load_planned`.

        Raises
        ------
        PlayNanoError, OSError
            If the file cannot be read, or an option of the reader is unknown or wrong.
        """
        load = partial(AFMImageStack.load_data, file, lazy=self.lazy)
        with phase("read"):
            stack: AFMImageStack = load_planned(load, given or {}, self.channel, self.reading())
        return stack

    def reading(self) -> dict[str, Any]:
        """Return the options of the reader that are given."""
        options: dict[str, Any] = {} if self.pixel_size_nm is None else {"pixel_size_nm": self.pixel_size_nm}
        if self.allow_incomplete:
            options["allow_incomplete"] = True
        for text in self.reader_options:
            name, equals, value = text.partition("=")
            if not equals:
                raise ParameterError(f"--read {text}: an option of the reader is NAME=VALUE")
            options[name.strip()] = Text(value.strip())
        return options


def process_file(
    file: Path, plan: Plan, folder: Path, options: Options, done: Mapping[str, Any] | None = None
) -> None:
    """Process a movie and write processed.h5 (or processed.ome.zarr), processing.json and a movie.

    Parameters
    ----------
    file
        The movie.
    plan
        Processing steps; analysis modules are an error.
    folder
        Folder for the results; created if necessary.
    options
        Options for reading the movie and for the files to write.
    done
        Values by which a later batch recognises the run, for done.json; None for no such file.

    Raises
    ------
    PlayNanoError, OSError
        The message names the file, step or parameter that caused the error.
    """
    if plan.analysis:
        raise ParameterError("the pipeline file has analysis steps; run `playnano analyze` for these")
    exports = plan_exports(options.exports)
    # All names and parameters are validated before the movie is read.
    processing, analysis = plan.bind()
    stored = "processed.ome.zarr" if options.zarr else "processed.h5"
    names = {stored, "processing.json", "pipeline.yaml", *(exporter.file_name for exporter, _ in exports)}
    with result_folder(folder, existing=options.existing, reserved=names) as run, progress_bars() as bars:
        stack = options.load(file, plan.input)
        check_exports(exports, stack, plan)
        in_effect = {"input": planned_input(stack), **described_steps(processing.steps_for(stack), [])}
        processing.run(stack, cache=options.cache)
        with phase("write movie"):
            (write_ome_zarr if options.zarr else write_bundle)(stack, run.path / stored)
        stack.export_processing_log(run.path / "processing.json")
        write_result_movie(stack, run.path, options.movie, options.pictures, bars)
        write_drift(stack, run.path)
        _export(stack, exports, run.path)
        write_plan(in_effect, run.path / "pipeline.yaml")
        _write_mark(run, done)
        write_record(run, analysis.run(stack))
    out.print(f"{stack}\nresults in {run.target}", markup=False)


def analyze_file(
    file: Path, plan: Plan, folder: Path, options: Options, done: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Process and analyse a movie, write all results into a folder, and return the record.

    Parameters
    ----------
    file
        The movie.
    plan
        Processing steps and analysis modules.
    folder
        Folder for the results; created if necessary.
    options
        Options for reading the movie and for the files to write.
    done
        Values by which a later batch recognises the run, for done.json; None for no such file.

    Returns
    -------
    dict
        The record, as returned by `AnalysisPipeline.run`.

    Raises
    ------
    PlayNanoError, OSError
        The message names the file, step or parameter that caused the error.
    """
    with progress_bars() as bars:
        stack, record, target = run_analysis(file, plan, folder, options, bars, done)
    report(stack, record, target)
    return record


def run_analysis(
    file: Path,
    plan: Plan,
    folder: Path,
    options: Options,
    bars: Bars | None = None,
    done: Mapping[str, Any] | None = None,
) -> tuple[AFMImageStack, dict[str, Any], Path]:
    """Process and analyse a movie, and write all results into a folder, without printing.

    Parameters
    ----------
    file, plan, folder, options, done
        As in `analyze_file`.
    bars
        Progress of the movie among the results; None for none.

    Returns
    -------
    stack : AFMImageStack
        The processed movie.
    record : dict
        The record, as returned by `AnalysisPipeline.run`.
    target : Path
        Folder of the results.

    Raises
    ------
    PlayNanoError, OSError
        The message names the file, step or parameter that caused the error.
    """
    exports = plan_exports(options.exports)
    plan.bind()  # all names and parameters are validated before the movie is read
    names = {"record.h5", "pipeline.yaml", "overview.png", *(exporter.file_name for exporter, _ in exports)}
    with result_folder(folder, existing=options.existing, reserved=names) as run:
        stack = options.load(file, plan.input)
        check_exports(exports, stack, plan)
        record, stored = analyze_stack(
            stack,
            plan,
            run.path,
            movie_kind=options.movie,
            bars=bars,
            pictures=options.pictures,
            cache=options.cache,
        )
        _export(stack, exports, run.path)
        if options.report:
            write_result_report(run, record, stack, options.pictures)
        _write_mark(run, done)
        write_record(run, record, stored)
    return stack, record, run.target


def analyze_stack(
    stack: AFMImageStack,
    plan: Plan,
    folder: Path,
    *,
    movie_kind: MovieKind,
    bars: Bars | None,
    pictures: PictureOptions | None = None,
    cache: Path | None = None,
) -> tuple[dict[str, Any], Stored]:
    """Process and analyse a stack, and write all results except record.json into a folder.

    Parameters
    ----------
    stack
        The movie; it is processed in place.
    plan
        Processing steps and analysis modules.
    folder
        An existing folder for the results.
    movie_kind
        The movie that is written beside the results.
    bars
        Progress bars; None for none.
    pictures
        Colour map, height range and format of the figures and of the movie; None for the defaults.
    cache
        Folder of the step cache; None for none.

    Returns
    -------
    record : dict
        The record, as returned by `AnalysisPipeline.run`.
    stored : dict
        What of it is in record.h5, for `write_record`.

    Raises
    ------
    ParameterError
        If there are no analysis modules in the plan, or a parameter is unknown or wrong.
    """
    if not plan.analysis and plan.objects is None:
        raise ParameterError("nothing to analyse: give --steps; for processing alone use `playnano process`")
    processing, analysis = plan.bind()
    described = processing.steps_for(stack)
    levelling = ["levelling"] if any(step.name == "level" for step in described) else []
    kinds = analysis.kinds if plan.objects is None else ["detection", "tracking"]
    planned = planned_input(stack)
    with report_compiling([*levelling, *kinds]), remember():
        kept = StepCache.of(cache)
        processing.run(stack, cache=kept)
        plan = plan.for_movie(stack, kept)
        analysis = plan.bind()[1]
        in_effect = {"input": planned, **described_steps(described, analysis.steps_for(stack))}
        record = plan.analyze(stack, kept)
    movie = AnalysedMovie.of(stack, record, pictures)
    with movie_beside(movie, folder, bars, movie_kind):
        with phase("record.h5"):
            stored = write_record_hdf5(folder, record)
        with phase("tables"):
            write_tables(record, folder)
        write_plan(in_effect, folder / "pipeline.yaml", values_found(record, stack.file_path.name))
        with phase("figures"):
            write_pictures_of(movie, record, folder)
    return record, stored


def report(stack: AFMImageStack, record: dict[str, Any], folder: Path) -> None:
    """Print a line of numbers for each analysis step, and the folder of results.

    Parameters
    ----------
    stack
        The processed movie.
    record
        The record of its analysis.
    folder
        Folder with the results.
    """
    tracking = outputs_of_kind(record, "tracking")
    out.print(str(stack).partition("\n")[0], markup=False)
    for key, outputs in record["analysis"].items():
        summary = dict(outputs.get("summary", {}))
        if key in tracking and "tracks" in outputs:
            summary["n_tracks"] = len(outputs["tracks"])
        elif key in tracking and "table" in outputs:
            summary["n_tracks"] = outputs["table"]["track_id"].nunique()
        plain = {name: value for name, value in summary.items() if isinstance(value, Real)}
        parts = [f"{name} {value:.4g}" for name, value in plain.items()]
        parts += [str(value) for name, value in summary.items() if name in WORDS]
        out.print(f"  {key}: {', '.join(parts) or 'done'}", markup=False)
        lines = [headline["text"] for headline in summary.get("headlines", ())]
        for line in (*lines, *summary.get("messages", ())):
            out.print(f"    {line}", markup=False)
    out.print(f"results in {folder}", markup=False)


def _export(stack: AFMImageStack, exports: list[tuple[Exporter, dict[str, Any]]], folder: Path) -> None:
    """Write a stack with exporters and their options."""
    for exporter, values in exports:
        with phase("export"):
            exporter.export(stack, folder / exporter.file_name, **values)


def _write_mark(run: Run, done: Mapping[str, Any] | None) -> None:
    """Write done.json, by which a later batch recognises the run."""
    if done is not None:
        (run.path / DONE).write_text(json.dumps(done, indent=1), encoding="utf-8")
