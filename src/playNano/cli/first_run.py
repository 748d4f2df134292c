"""The commands of a first run: ``playnano demo`` and ``warm-up``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from playNano.cli.arguments import New, Output, Overwrite, Seed, existing

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(short_help="Simulate and analyse a movie, and compare the tracks.")
def demo(
    output: Output = Path("playnano_demo"),
    seed: Seed = 0,
    overwrite: Overwrite = False,
    new: New = False,
) -> None:
    """Simulate a movie, analyse it, and report how many of the true tracks were recovered."""
    from playNano.cli.demo import run_demo

    run_demo(output, seed, existing(overwrite, new))


@app.command(name="warm-up", short_help="Compile the kernels before the first run.")
def warm_up(
    processes: Annotated[
        int, typer.Option(min=1, max=2, help="Number of processes that compile in parallel.")
    ] = 2,
) -> None:
    """Compile all kernels of the main job, so that the first run is fast; needed once per installation."""
    from playNano.cli.warm_up import run_warm_up

    run_warm_up(processes)
