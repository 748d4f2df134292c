"""The arguments and options that several commands of the command line share, with their help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from playNano.errors import ParameterError

File = Annotated[
    Path,
    typer.Argument(
        help="The movie: a file of a vendor, .h5, .ome.tif, .zarr, .npz, .npy, or a folder of images."
    ),
]
Files = Annotated[
    list[str],
    typer.Argument(
        help='Movies, or patterns in quotes, such as "data/*.asd"; or a sheet of movies, sheet.csv.'
    ),
]
FileOrRecord = Annotated[
    Path,
    typer.Argument(help="The movie; or record.json or its folder, which contain movie name and pipeline."),
]
Channel = Annotated[
    str | None,
    typer.Option(
        "--channel",
        "-c",
        help="Channel; `playnano info` lists them. By default that of the pipeline file, or the height.",
    ),
]
AnyChannel = Annotated[
    str | None, typer.Option("--channel", "-c", help="Channel; by default the height, else the first.")
]
PixelSize = Annotated[
    float | None,
    typer.Option("--pixel-size-nm", help="Edge of a pixel, nm, for files that do not contain it."),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results; created if necessary.")]
OutputOfValidation = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Folder for the results; default: validation in the folder of the results that are validated, else "
        "playnano_validate.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace the results of the run in the folder: the files that its record lists."
    ),
]
New = Annotated[
    bool,
    typer.Option("--new", help="If the folder contains results, write to a folder with a number, FOLDER-2."),
]
ProcessingSteps = Annotated[
    str | None,
    typer.Option("--steps", "-s", help='Processing steps: "remove_plane;gaussian_filter:sigma=1".'),
]
AnalysisSteps = Annotated[
    str | None,
    typer.Option(
        "--steps",
        "-s",
        help='Analysis modules: "feature_detection:threshold=1; particle_tracking:max_distance=5".',
    ),
]
StepsBefore = Annotated[
    str | None,
    typer.Option(
        "--process", help='Processing steps before the analysis; without --steps "level" by default.'
    ),
]
FramesKept = Annotated[
    str | None,
    typer.Option(
        "--frames", help='Frames to keep, from 0: "20:60", "0:100:2", "3,7,20:25"; their times stay.'
    ),
]
Crop = Annotated[
    str | None,
    typer.Option(
        "--crop",
        metavar="Y,X,HEIGHT,WIDTH",
        help="Rectangle to keep, from its upper left corner; see --crop-unit.",
    ),
]
CropUnit = Annotated[str, typer.Option("--crop-unit", help="Unit of --crop: px or nm.")]
ObjectsShown = Annotated[
    str | None,
    typer.Option(
        "--objects",
        help="What the movie shows, for the analysis without --steps: auto, particles, pits, lattice or filaments.",
    ),
]
CuratedBy = Annotated[
    Path | None,
    typer.Option("--edits", help="CSV file of edits of the tracks by hand; see docs/curation.md."),
]
PipelineFile = Annotated[
    Path | None, typer.Option("--pipeline", "-p", help="YAML file with lists 'processing:' and 'analysis:'.")
]
AllowIncomplete = Annotated[
    bool,
    typer.Option("--allow-incomplete", help="Read what exists of a recording that broke off or is cut off."),
]
Read = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        help='Another option of the reader, "NAME=VALUE", such as unit=nm; `playnano modules READER` lists them. '
        "Repeatable.",
    ),
]
Lazy = Annotated[
    bool | None,
    typer.Option(
        "--lazy/--no-lazy",
        help="Keep the pixels on disk; by default if they exceed a quarter of the free memory.",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option("--cluster", help="Address of a Dask scheduler, tcp://host:port, that runs the work."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Number of worker processes to start and use.")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="PLAYNANO_CACHE",
        help="Folder of the step cache: steps that were run before on the same input with the same values are read "
        "from it. PLAYNANO_CACHE_GB limits its size, 5 GB by default.",
    ),
]
Zarr = Annotated[
    bool, typer.Option("--zarr", help="Write processed.ome.zarr, block by block, instead of processed.h5.")
]
Gif = Annotated[bool, typer.Option("--gif/--no-gif", help="Whether movie.gif is written.")]
MovieOfResults = Annotated[
    str | None,
    typer.Option("--movie", help="Instead of --gif/--no-gif: gif, mp4 (needs imageio-ffmpeg) or none."),
]
Export = Annotated[
    list[str] | None,
    typer.Option(
        "--export",
        help="Also write with an exporter: ome-tiff, mask-tiff, label-tiff, ome-zarr, bundle, trackmate, trackpy, "
        'btrack, laptrack, napari, or one of a plugin; "NAME:option=value" gives options. Repeatable.',
    ),
]
Report = Annotated[
    bool,
    typer.Option("--report/--no-report", help="Whether report.html is written: all results on one page."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Skip movies on which this pipeline has already been run.")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Make fewer copies of the movie, and try no other settings.")
]
Density = Annotated[
    float,
    typer.Option("--density", help="What if: number of particles relative to the movie, at random places."),
]
Speed = Annotated[float, typer.Option("--speed", help="What if: D relative to the movie, at random places.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="Seed of the simulation; the same seed gives the same movie.")
]
Name = Annotated[str | None, typer.Argument(help="Name of one of them; by default all are listed.")]
ZRange = Annotated[
    str | None,
    typer.Option(
        "--z-range",
        metavar="LOW,HIGH",
        help="Heights at the ends of the colour map of all pictures; by default from the movie.",
    ),
]
ColourMap = Annotated[
    str | None,
    typer.Option(
        "--cmap",
        help="Colour map of heights: afm_gold, afm_copper, afm_ice, or one of Matplotlib; default: afmhot.",
    ),
]
FigureFormat = Annotated[str, typer.Option("--figure-format", help="Format of the figures: png, pdf or svg.")]
Outlines = Annotated[
    bool,
    typer.Option("--outlines/--no-outlines", help="Whether the movie shows the outlines of the detections."),
]
Timing = Annotated[
    bool,
    typer.Option(
        "--timing",
        help="Print the wall and processor time of each phase: import, read, processing, detection, ...",
    ),
]


def existing(overwrite: bool, new: bool) -> Literal["refuse", "overwrite", "new"]:
    """Return what happens with the results of an earlier run, as `result_folder` takes it.

    Parameters
    ----------
    overwrite, new
        The options of these names.

    Raises
    ------
    ParameterError
        If both are given.
    """
    if overwrite and new:
        raise ParameterError("--overwrite and --new exclude each other")
    return "overwrite" if overwrite else "new" if new else "refuse"
