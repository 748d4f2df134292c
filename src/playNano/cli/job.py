"""The main job: load, process and analyse a movie, and write all results into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.analysis.export import export_analysis_to_json
from playNano.analysis.exporters import plan_exports
from playNano.analysis.plan import Plan
from playNano.analysis.utils.common import export_to_hdf5
from playNano.cli.compiling import report_compiling
from playNano.cli.console import Bars, out, progress_bars
from playNano.core.files import atomic_write
from playNano.core.literals import Text
from playNano.core.provenance import outputs_of_kind
from playNano.core.serialize import json_safe
from playNano.errors import ParameterError
from playNano.io.export import Exporter
from playNano.io.export.bundle import write_bundle
from playNano.io.export.gif import write_gif
from playNano.io.export.ome_zarr import write_ome_zarr
from playNano.io.export.render import PictureOptions
from playNano.io.export.tables import write_tables
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.pictures import write_pictures_of
from playNano.processing.pipeline import CLEAR, PlannedStep


@dataclass(frozen=True)
class Options:
    """Options for reading a movie, and for the files written in addition to tables and record.

    Parameters
    ----------
    channel, pixel_size_nm, lazy
        As in `load_afm_stack`.
    gif
        Whether movie.gif is written.
    zarr
        Whether processed pixels are written to processed.ome.zarr instead of processed.h5.
    exports
        Registered exporters to run: ``"trackmate"``, or with options ``"NAME:option=value"``.
    allow_incomplete
        Whether what exists of a recording that broke off is read.
    reader_options
        Further options of the reader, ``"NAME=VALUE"``.
    pictures
        Colour map, height range and format of the figures and of movie.gif.
    """

    channel: str = "height_trace"
    pixel_size_nm: float | None = None
    lazy: bool | None = None
    gif: bool = True
    zarr: bool = False
    exports: tuple[str, ...] = ()
    allow_incomplete: bool = False
    reader_options: tuple[str, ...] = ()
    pictures: PictureOptions = field(default_factory=PictureOptions)

    def results(self) -> dict[str, Any]:
        """Return the options that affect the results or the files written: all except `lazy`."""
        return {key: value for key, value in asdict(self).items() if key != "lazy"}

    def load(self, file: Path) -> AFMImageStack:
        """Load a movie with these options.

        Parameters
        ----------
        file
            The movie.

        Raises
        ------
        PlayNanoError, OSError
            If the file cannot be read, or an option of the reader is unknown or wrong.
        """
        return AFMImageStack.load_data(file, self.channel, lazy=self.lazy, **self.reading())

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


def process_file(file: Path, plan: Plan, folder: Path, options: Options) -> None:
    """Process a movie and write processed.h5 (or processed.ome.zarr), processing.json and movie.gif.

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

    Raises
    ------
    PlayNanoError, OSError
        The message names the file, step or parameter that caused the error.
    """
    if plan.analysis:
        raise ParameterError("the pipeline file has analysis steps; run `playnano analyze` for these")
    exports = plan_exports(options.exports)
    with progress_bars() as bars:
        # All names and parameters are validated before the movie is read.
        processing, _ = plan.bind()
        stack = options.load(file)
        processing.run(stack)
        if options.zarr:
            write_ome_zarr(stack, folder / "processed.ome.zarr")
        else:
            write_bundle(stack, folder / "processed.h5")
        stack.export_processing_log(folder / "processing.json")
        if options.gif:
            _gif(stack, folder, options.pictures, bars)
    _export(stack, exports, folder)
    out.print(f"{stack}\nresults in {folder}", markup=False)


def analyze_file(file: Path, plan: Plan, folder: Path, options: Options) -> dict[str, Any]:
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

    Returns
    -------
    dict
        The record, as returned by `AnalysisPipeline.run`.

    Raises
    ------
    PlayNanoError, OSError
        The message names the file, step or parameter that caused the error.
    """
    exports = plan_exports(options.exports)
    with progress_bars() as bars:
        plan.bind()  # all names and parameters are validated before the movie is read
        stack = options.load(file)
        record = analyze_stack(stack, plan, folder, gif=options.gif, bars=bars, pictures=options.pictures)
    _export(stack, exports, folder)
    report(stack, record, folder)
    return record


def analyze_stack(
    stack: AFMImageStack,
    plan: Plan,
    folder: Path,
    *,
    gif: bool,
    bars: Bars | None,
    pictures: PictureOptions | None = None,
) -> dict[str, Any]:
    """Process and analyse a stack, write all results into a folder, and return the record.

    Parameters
    ----------
    stack
        The movie; it is processed in place.
    plan
        Processing steps and analysis modules.
    folder
        Folder for the results; created if necessary.
    gif
        Whether movie.gif is written.
    bars
        Progress bars; None for none.
    pictures
        Colour map, height range and format of the figures and of movie.gif; None for the defaults.

    Returns
    -------
    dict
        The record, as returned by `AnalysisPipeline.run`.

    Raises
    ------
    ParameterError
        If there are no analysis modules in the plan, or a parameter is unknown or wrong.
    """
    if not plan.analysis:
        raise ParameterError("nothing to analyse: give --steps; for processing alone use `playnano process`")
    processing, analysis = plan.bind()
    in_effect = _described(processing.steps_for(stack), analysis.steps_for(stack))
    processing.run(stack)
    with report_compiling(analysis.kinds):
        record = analysis.run(stack)
    export_analysis_to_json(folder / "record.json", record)
    export_to_hdf5(record, folder / "record.h5")
    write_tables(record, folder)
    _write_plan(in_effect, folder / "pipeline.yaml")
    movie = AnalysedMovie.of(stack, record, pictures)
    write_pictures_of(movie, record, folder)
    if gif:
        _gif(stack, folder, replace(movie.options, z_range=movie.limits), bars, movie)
    return record


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
        parts += [str(value) for name, value in summary.items() if name == "segmentation"]
        out.print(f"  {key}: {', '.join(parts) or 'done'}", markup=False)
        for message in summary.get("messages", ()):
            out.print(f"    {message}", markup=False)
    out.print(f"results in {folder}", markup=False)


def _export(stack: AFMImageStack, exports: list[tuple[Exporter, dict[str, Any]]], folder: Path) -> None:
    """Write a stack with exporters and their options."""
    for exporter, values in exports:
        exporter.export(stack, folder / exporter.file_name, **values)


def _gif(
    stack: AFMImageStack,
    folder: Path,
    options: PictureOptions,
    bars: Bars | None,
    movie: AnalysedMovie | None = None,
) -> None:
    """Write movie.gif with the detections and tracks of an analysed movie, if any, and report progress."""

    def progress(done: int, total: int) -> None:
        if bars is not None:
            bars("movie.gif", done, total)

    shown = {} if movie is None else {"detections": movie.detections, "labels": movie.labels}
    tracks = None if movie is None else movie.tracks
    write_gif(stack, folder / "movie.gif", tracks, **shown, options=options, progress=progress)


def _write_plan(steps: dict[str, Any], path: Path) -> None:
    """Write the steps with the values in effect to a pipeline file, with which the run can be repeated."""
    import yaml

    with atomic_write(path) as temporary:
        temporary.write_text(yaml.safe_dump(steps, sort_keys=False), encoding="utf-8")


def plan_in_effect(plan: Plan) -> dict[str, Any]:
    """Return the steps of a plan with all values in effect, in the form of a pipeline file.

    Parameters
    ----------
    plan
        Steps and modules as given.

    Raises
    ------
    ParameterError
        If a name or parameter is unknown or wrong.
    """
    processing, analysis = plan.bind()
    return _described(processing.steps, analysis.steps)


def _described(
    processing: Sequence[PlannedStep], analysis: Sequence[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """Return processing steps and analysis modules as plain values."""
    return {
        "processing": [CLEAR if s.step is None else {s.name: json_safe(s.params)} for s in processing],
        "analysis": [{name: json_safe(params)} for name, params in analysis],
    }
