"""``playnano modules`` and ``playnano simulate``: what there is to use, and movies to try it on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from playNano.cli.arguments import Name, Seed

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(short_help="List steps, modules, readers, exporters, or show one.")
def modules(name: Name = None) -> None:
    """List processing steps, analysis modules, readers and exporters, or show the parameters of one."""
    from playNano.cli.modules import show_modules

    show_modules(name)


@app.command(short_help="Simulate a movie with known ground truth.")
def simulate(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The movie: .npz, .h5 or .asd; the truth is written next to it."),
    ] = Path("movie.npz"),
    preset: Annotated[
        str, typer.Option("--preset", help="Name of a preset; --list shows all.")
    ] = "membrane diffusion",
    frames: Annotated[int | None, typer.Option("--frames", min=1, help="Number of frames.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="HEIGHTxWIDTH, px.")] = None,
    pixel_size_nm: Annotated[
        str | None, typer.Option("--pixel-size-nm", help="Edge of a pixel, nm: 2 or YxX.")
    ] = None,
    frame_time_s: Annotated[float | None, typer.Option("--frame-time-s", help="Time of a frame, s.")] = None,
    seed: Seed = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help='Another setting of the instrument or its faults, such as "pixel_nm=0.2".'
        ),
    ] = None,
    asd_version: Annotated[
        int, typer.Option("--asd-version", min=0, max=2, help="Header version of an .asd file.")
    ] = 1,
    presets: Annotated[bool, typer.Option("--list", help="List the presets.")] = False,
) -> None:
    """Simulate a movie, and write its ground truth (particles, events, faults) as CSV tables next to it."""
    from playNano.cli.simulate import list_presets, read_changes, run_simulation

    if presets:
        list_presets()
        return
    changes = read_changes(frames, size, pixel_size_nm, frame_time_s, settings or [])
    run_simulation(preset, output, seed, asd_version, changes)
