"""``playnano movie`` and ``relief``: write a movie as a video or pictures, and a frame as a shaded relief."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from playNano.cli.arguments import (
    AllowIncomplete,
    Channel,
    ColourMap,
    Crop,
    CropUnit,
    FramesKept,
    Lazy,
    PixelSize,
    Read,
    ZRange,
)

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)

FileOrResults = Annotated[
    Path,
    typer.Argument(help="The movie; or a result folder: then with its processing, detections and tracks."),
]
Target = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="File to write: .mp4, .webm, .gif, .tif, or .png (several: a folder)."
    ),
]
Raw = Annotated[bool, typer.Option("--raw", help="Show the heights as recorded.")]
SideBySide = Annotated[bool, typer.Option("--side-by-side", help="Show raw and processed heights.")]
Process = Annotated[
    str | None, typer.Option("--process", help='Processing steps of the movie, by default "level".')
]
Fps = Annotated[float | None, typer.Option("--fps", help="Pictures per second; by default 10, one a frame.")]
Speed = Annotated[
    float | None,
    typer.Option("--speed", help="1 for real time, 2 for twice as fast: frames last as long as they took."),
]
Scale = Annotated[
    int | None,
    typer.Option(
        "--scale", help="Picture pixels per pixel; by default so many that the longer edge has 512."
    ),
]
WidthPx = Annotated[
    int | None,
    typer.Option("--width-px", help="Longer edge in px instead of --scale; smaller leaves pixels out."),
]
OutlinesShown = Annotated[
    bool, typer.Option("--outlines/--no-outlines", help="Whether detections are outlined.")
]
TracksShown = Annotated[bool, typer.Option("--tracks/--no-tracks", help="Whether tracks are drawn.")]
Trail = Annotated[int, typer.Option("--trail", min=0, help="Past frames in which a track is drawn.")]
Stamp = Annotated[bool, typer.Option("--stamp/--no-stamp", help="Whether there are time and scale bar.")]
ColourBar = Annotated[
    bool, typer.Option("--colour-bar/--no-colour-bar", help="Whether there is a colour bar with its unit.")
]
Plain = Annotated[
    bool, typer.Option("--plain", help="Heights alone, without anything drawn on or beside them.")
]
OverwriteFile = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]


@app.command(short_help="Write a movie as mp4, webm, gif, tif or png.")
def movie(
    file: FileOrResults,
    output: Target,
    raw: Raw = False,
    side_by_side: SideBySide = False,
    process: Process = None,
    frames: FramesKept = None,
    crop: Crop = None,
    crop_unit: CropUnit = "px",
    fps: Fps = None,
    speed: Speed = None,
    scale: Scale = None,
    width_px: WidthPx = None,
    z_range: ZRange = None,
    cmap: ColourMap = None,
    outlines: OutlinesShown = True,
    tracks: TracksShown = True,
    trail: Trail = 12,
    stamp: Stamp = True,
    colour_bar: ColourBar = True,
    plain: Plain = False,
    overwrite: OverwriteFile = False,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    lazy: Lazy = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
) -> None:
    """Write a movie for a talk or a supplement, at full resolution, raw or processed, with or without overlays.

    .mp4 and .webm need the package imageio-ffmpeg (pip install 'playNano[video]'). .tif holds the pictures; the
    heights themselves are written by `playnano convert FILE movie.ome.tif`.
    """
    from functools import partial

    from playNano.cli.console import out, progress_bars
    from playNano.cli.job import Options
    from playNano.cli.movie_source import Part, shown_movie
    from playNano.cli.pictures import picture_options
    from playNano.errors import ParameterError
    from playNano.io.export.encoders import check_ffmpeg
    from playNano.io.export.movie import MovieOptions, write_movie

    if raw and side_by_side:
        raise ParameterError("--raw and --side-by-side exclude each other")
    options = MovieOptions(
        pixels="both" if side_by_side else "raw" if raw else "processed",
        fps=fps,
        speed=speed,
        scale=scale,
        width_px=width_px,
        trail=trail,
        stamp=stamp and not plain,
        colour_bar=colour_bar and not plain,
    )
    pictures = picture_options(z_range, cmap, outlines=outlines and not plain)
    check_ffmpeg(output)
    if output.exists() and not overwrite:
        raise ParameterError(f"{output} exists: give another name, or --overwrite")
    reading = Options(
        channel, pixel_size_nm, lazy, allow_incomplete=allow_incomplete, reader_options=tuple(read or ())
    )
    with progress_bars() as bars:
        shown = shown_movie(file, reading, Part(frames, crop, crop_unit), process, raw=raw)
        written = write_movie(
            shown.stack,
            output,
            shown.tracks if tracks and not plain else None,
            detections=shown.detections,
            labels=shown.labels,
            pictures=pictures,
            options=options,
            overwrite=overwrite,
            progress=partial(bars, output.name),
        )
    out.print(f"{written.path}: {written.text}", markup=False)


@app.command(short_help="Draw a frame as a shaded relief.")
def relief(
    file: FileOrResults,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .png, .pdf or .svg.")],
    frame: Annotated[int, typer.Option("--frame", min=0, help="Number of the frame.")] = 0,
    z_exaggeration: Annotated[
        float | None,
        typer.Option(
            "--z-exaggeration",
            help="Factor of heights against x and y, 1 for true proportions; by default a round number, which the "
            "picture states.",
        ),
    ] = None,
    azimuth: Annotated[
        float, typer.Option("--azimuth", help="Direction of view around the vertical, degrees.")
    ] = -65.0,
    elevation: Annotated[
        float, typer.Option("--elevation", help="Angle of view above the surface, degrees.")
    ] = 40.0,
    raw: Raw = False,
    process: Process = None,
    crop: Crop = None,
    crop_unit: CropUnit = "px",
    z_range: ZRange = None,
    cmap: ColourMap = None,
    overwrite: OverwriteFile = False,
    channel: Channel = None,
    pixel_size_nm: PixelSize = None,
    lazy: Lazy = None,
    allow_incomplete: AllowIncomplete = False,
    read: Read = None,
) -> None:
    """Draw a frame as a shaded relief in three dimensions, whose exaggeration of heights is in the picture."""
    from playNano.cli.console import out
    from playNano.cli.job import Options
    from playNano.cli.movie_source import Part, shown_movie
    from playNano.cli.pictures import picture_options
    from playNano.errors import ParameterError
    from playNano.plots.relief import draw_relief
    from playNano.plots.style import save_figure

    if output.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ParameterError(f"{output.name}: a relief ends in .png, .pdf or .svg")
    if output.exists() and not overwrite:
        raise ParameterError(f"{output} exists: give another name, or --overwrite")
    pictures = picture_options(z_range, cmap)
    reading = Options(
        channel, pixel_size_nm, lazy, allow_incomplete=allow_incomplete, reader_options=tuple(read or ())
    )
    stack = shown_movie(file, reading, Part(crop=crop, crop_unit=crop_unit), process, raw=raw).stack
    if raw and "raw" in stack.processed:
        stack.restore_raw()
    figure = draw_relief(
        stack,
        frame,
        z_exaggeration=z_exaggeration,
        pictures=pictures,
        azimuth_deg=azimuth,
        elevation_deg=elevation,
    )
    save_figure(figure, output)
    out.print(str(output), markup=False)
