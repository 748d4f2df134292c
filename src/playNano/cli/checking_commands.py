"""``playnano tune`` and ``playnano validate``: how far the results of a pipeline can be trusted."""

from __future__ import annotations

from pathlib import Path

import typer

from playNano.cli.arguments import (
    AllowIncomplete,
    AnalysisSteps,
    Channel,
    Density,
    File,
    FileOrRecord,
    New,
    ObjectsShown,
    Output,
    OutputOfValidation,
    Overwrite,
    PipelineFile,
    PixelSize,
    Quick,
    Read,
    Seed,
    Speed,
    StepsBefore,
    existing,
)
from playNano.cli.plans import plan_or_default

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(name="tune", short_help="Find stable settings on some frames of a movie.")
def tune_settings(
    file: File,
    output: Output = Path("playnano_tune"),
    objects: ObjectsShown = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
) -> None:
    """Compare levelling, limits and search ranges on some frames; writes tune.csv, tune.png and pipeline.yaml.

    Settings are ranked by their stability under small changes, times the expected fraction of right links.
    """
    from playNano.cli.job import Options
    from playNano.cli.tune import run_tune

    reading = tuple(read or ())
    options = Options(channel, pixel_size_nm, allow_incomplete=allow_incomplete, reader_options=reading)
    run_tune(file, output, options, objects)


@app.command(short_help="Measure the errors of a pipeline on your own movie.")
def validate(
    file: FileOrRecord,
    output: OutputOfValidation = None,
    steps: AnalysisSteps = None,
    process: StepsBefore = None,
    pipeline: PipelineFile = None,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
    quick: Quick = False,
    density: Density = 1.0,
    speed: Speed = 1.0,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    new: New = False,
) -> None:
    """Measure the errors of a pipeline on your movie, with its particles cut out and put back at known places."""
    from playNano.cli.job import Options
    from playNano.cli.validate import run_validation

    given = (process, steps, pipeline)
    plan = None if given == (None, None, None) else plan_or_default(*given, None, analyse=False)
    options = Options(
        channel,
        pixel_size_nm,
        allow_incomplete=allow_incomplete,
        reader_options=tuple(read or ()),
        existing=existing(overwrite, new),
    )
    run_validation(file, plan, output, options, quick=quick, seed=seed, density=density, speed=speed)
