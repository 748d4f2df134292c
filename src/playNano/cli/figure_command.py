"""``playnano figure``: draw a figure of a run for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from playNano.cli.arguments import ColourMap, ZRange
from playNano.cli.pictures import picture_options
from playNano.cli.records import Record
from playNano.errors import ParameterError

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(short_help="Draw a figure of a run, in the width of a journal's column.")
def figure(
    record: Record,
    name: Annotated[
        str | None, typer.Argument(help="Name of the figure: overview, tracks, msd, ...; see --list.")
    ] = None,
    movie: Annotated[
        Path | None, typer.Option("--movie", help="The movie, if it is not where the record says.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: NAME.FORMAT here.")
    ] = None,
    list_names: Annotated[bool, typer.Option("--list", help="List the figures of these results.")] = False,
    figure_format: Annotated[
        str | None, typer.Option("--format", help="png, svg or pdf; default: by the file, or png.")
    ] = None,
    width_mm: Annotated[
        float | None,
        typer.Option("--width-mm", help="Width, such as 85 or 180; default: 88 or 180, by the figure."),
    ] = None,
    dpi: Annotated[float, typer.Option("--dpi", help="Resolution, pixels per inch.")] = 300.0,
    frame: Annotated[
        int | None, typer.Option("--frame", min=0, help="Frame that is shown; default: a typical one.")
    ] = None,
    cmap: ColourMap = None,
    z_range: ZRange = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Draw a figure of a run for a paper: text of 6 to 7.5 points at every width, fonts embedded, text as text."""
    from playNano.cli.console import out
    from playNano.plots.figures import FORMATS, OF_MOVIE, figures_of
    from playNano.plots.figures import figure as write_figure
    from playNano.plots.measurement import CAPTIONS

    if list_names or name is None:
        for known in figures_of(record, movie=movie).names():
            shows = OF_MOVIE.get(known) or CAPTIONS.get(known, "")
            out.print(f"{known:24} {shows}".rstrip(), markup=False)
        return
    if figure_format is not None and figure_format not in FORMATS:
        raise ParameterError(f"--format {figure_format}: one of {', '.join(FORMATS)}")
    path = Path(f"{name}.{figure_format or 'png'}") if output is None else output
    if figure_format is not None and path.suffix.lower() != f".{figure_format}":
        raise ParameterError(f"{path} does not end in .{figure_format}")
    if path.exists() and not overwrite:
        raise ParameterError(f"{path} exists; give another file, or --overwrite")
    pictures = picture_options(z_range, cmap)
    drawn = write_figure(
        record,
        name,
        path,
        frame=frame,
        width_mm=width_mm,
        dpi=dpi,
        cmap=cmap,
        z_range=pictures.z_range,
        movie=movie,
    )
    wide, tall = (float(edge) * 25.4 for edge in drawn.get_size_inches())
    out.print(f"{path}: {wide:.0f} x {tall:.0f} mm", markup=False)
