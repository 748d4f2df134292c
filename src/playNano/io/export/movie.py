"""Write a movie as a video or as pictures, at full resolution and in true proportions, for talks and supplements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from playNano._options import Unit, check_options
from playNano.core.frame_shifts import in_shifted_frames
from playNano.core.stack import Stack
from playNano.errors import ParameterError
from playNano.io.export.encoders import (
    Pictures,
    check_ffmpeg,
    write_animation,
    write_png_files,
    write_tiff_pictures,
    write_video,
)
from playNano.io.export.movie_times import GIF_RATE, MAX_RATE, Schedule, schedule
from playNano.io.export.painter import Painter, View
from playNano.io.export.render import PictureOptions
from playNano.io.export.sheet import Sheet

if TYPE_CHECKING:
    import pandas as pd

VIDEO_SUFFIXES = (".mp4", ".webm")
SUFFIXES = (*VIDEO_SUFFIXES, ".gif", ".tif", ".tiff", ".png")
"""Endings of the files that can be written."""


@dataclass(frozen=True)
class MovieOptions:
    """Set what a movie shows beside the heights, how large, and how fast.

    Parameters
    ----------
    pixels
        "processed", "raw" (as recorded), or "both" beside each other, each with its own height range.
    fps
        Pictures per second. Without `speed` each frame is one picture; None for 10.
    speed
        Speed of play, 1 for real time: frames last as long as they took, to the nearest picture; a gap shows the frame
        before it. None for equal durations.
    scale
        Picture pixels along the shorter edge of a pixel; None for the smallest with which the longer edge has 512 px.
    width_px
        Longer edge of a view, px, instead of `scale`; pixels are left out if it is smaller than that of the frames.
    trail
        Number of past frames in which a track is drawn.
    stamp
        Whether there are a time stamp and a scale bar.
    colour_bar
        Whether there is a colour bar, with the unit of the channel.

    Raises
    ------
    ParameterError
        A value is out of its range, or both `scale` and `width_px` are given.

    Examples
    --------
    >>> MovieOptions(speed=1).colour_bar
    True
    """

    pixels: Literal["processed", "raw", "both"] = "processed"
    fps: Annotated[float, Field(ge=0.1, le=240)] | None = None
    speed: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    scale: Annotated[int, Field(ge=1, le=64), Unit("px")] | None = None
    width_px: Annotated[int, Field(ge=16, le=8192), Unit("px")] | None = None
    trail: Annotated[int, Field(ge=0)] = 12
    stamp: bool = True
    colour_bar: bool = True

    def __post_init__(self) -> None:
        check_options(self)
        if self.scale is not None and self.width_px is not None:
            raise ParameterError("scale and width_px exclude each other")


@dataclass(frozen=True)
class WrittenMovie:
    """What was written.

    Parameters
    ----------
    path
        The file, or the folder of PNG files.
    n_pictures
        Number of pictures in it.
    size
        Width and height, px.
    duration_s
        Duration, s; 0 for pictures that do not move.
    text
        All this in words, with the speed.
    """

    path: Path
    n_pictures: int
    size: tuple[int, int]
    duration_s: float
    text: str


def write_movie(
    stack: Stack,
    path: str | Path,
    tracks: pd.DataFrame | None = None,
    *,
    detections: pd.DataFrame | None = None,
    labels: Any = None,
    pictures: PictureOptions | None = None,
    options: MovieOptions | None = None,
    overwrite: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> WrittenMovie:
    """Write a movie as mp4, webm, GIF, RGB TIFF or PNG files, by the ending of the name.

    Each pixel of a frame becomes a block of equal pixels in its colour, so that nothing is smoothed; with all overlays
    off a picture has exactly the colours of the heights. Frames are drawn one by one: a movie on disk stays there.

    Parameters
    ----------
    stack
        The movie.
    path
        The file: .mp4, .webm (both need the package imageio-ffmpeg), .gif, .tif, or .png (of several frames a folder).
    tracks
        Detections with ``track_id``, ``frame``, ``y_nm``, ``x_nm``, drawn with their tails; None for none.
    detections
        Detections with ``frame``, ``y_nm``, ``x_nm``, ``radius_nm``, drawn as circles where there are no `labels`.
    labels
        Label images of the detections, (n_frames, height, width), in memory or computed when read.
    pictures
        Colour map, height range, and whether detections are outlined; None for the defaults.
    options
        What else is shown, size and speed; None for the defaults.
    overwrite
        Whether a folder of PNG files is replaced; other files always are.
    progress
        Called with (done, total) after each frame.

    Returns
    -------
    WrittenMovie
        Size, number of pictures, duration, and the speed in words.

    Raises
    ------
    ParameterError
        The ending is another one; imageio-ffmpeg is missing; or a speed is given and the times are not known.
    OSError
        The file cannot be written; an existing file is left unchanged.

    Warns
    -----
    PlayNanoWarning
        Frames are left out, since they follow each other faster than the pictures of the file.

    Examples
    --------
    >>> import tempfile
    >>> stack = Stack(np.zeros((2, 40, 60)), 2.0, "height_trace", "movie.npz")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_movie(stack, Path(folder) / "movie.gif", options=MovieOptions(colour_bar=False)).size
    (540, 360)
    """
    path, options, drawn = Path(path), options or MovieOptions(), pictures or PictureOptions()
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ParameterError(f"{path.name}: a movie ends in {', '.join(SUFFIXES)}")
    check_ffmpeg(path)
    if suffix == ".gif" and (options.fps or 0) > GIF_RATE:
        raise ParameterError(f"fps = {options.fps:g}: viewers of .gif show at most {GIF_RATE:g} pictures/s")
    moving = suffix in (*VIDEO_SUFFIXES, ".gif")
    plan = schedule(
        stack,
        options.fps,
        options.speed if moving else None,
        GIF_RATE if suffix == ".gif" else MAX_RATE,
    )
    sheet = draw_sheet(stack, tracks, drawn, options, indexed=suffix == ".gif")
    for painter in sheet.painters:
        painter.outline(in_shifted_frames(detections, stack), labels)
    interval = _interval_s(stack)
    given = Pictures(sheet.paint, sheet.size, plan, sheet.painters[0].px_per_nm, interval, progress)
    size = sheet.size
    if suffix in VIDEO_SUFFIXES:
        size = write_video(given, path)
    elif suffix == ".gif":
        write_animation(given, path)
    elif suffix == ".png":
        path = write_png_files(given, path, overwrite=overwrite)
    else:
        write_tiff_pictures(given, path)
    if plan.problem:
        stack.warn(f"{path.name}: {plan.problem}")
    shown = plan.n_pictures if suffix in VIDEO_SUFFIXES else int((plan.counts > 0).sum())
    duration = plan.duration_s if moving else 0.0
    played = f", {duration:.4g} s ({plan.text})" if moving else ""
    noun = "picture" if shown == 1 else "pictures"
    return WrittenMovie(path, shown, size, duration, f"{shown} {noun} of {size[0]} x {size[1]} px{played}")


def save_video(
    painter: Painter,
    path: Path,
    plan: Schedule,
    unit: str,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the frames of a painter with a colour bar as mp4 or webm.

    Parameters
    ----------
    painter
        The frames and what is drawn on them.
    path
        The file.
    plan
        How long each frame is shown.
    unit
        Unit at the colour bar.
    progress
        As in `write_movie`.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    sheet = Sheet([painter], unit)
    write_video(Pictures(sheet.paint, sheet.size, plan, painter.px_per_nm, None, progress), path)


def _interval_s(stack: Stack) -> float | None:
    """Return the median time from one frame to the next, s; None where it is not known."""
    steps = np.abs(np.diff(np.asarray(stack.get_frame_times(), dtype=np.float64)))
    return float(np.nanmedian(steps)) if stack.has_times and np.isfinite(steps).any() else None


def draw_sheet(
    stack: Stack,
    tracks: pd.DataFrame | None,
    pictures: PictureOptions,
    options: MovieOptions,
    *,
    indexed: bool,
) -> Sheet:
    """Return what draws the pictures of a movie.

    Parameters
    ----------
    stack, tracks
        As in `write_movie`.
    pictures
        Colour map and height range; the range of processed heights does not apply to raw ones beside them.
    options
        What is shown.
    indexed
        Whether pictures have the colours of a GIF.

    Raises
    ------
    ParameterError
        Raw pixels are to be shown, and processing has changed the size of the movie.
    """
    view = View(options.width_px, options.scale, options.trail, indexed=indexed, stamp=options.stamp)
    tracks = in_shifted_frames(tracks, stack)
    raw = None if options.pixels == "processed" else raw_pixels(stack)
    if options.pixels != "both":
        painters = [Painter(stack, tracks, pictures, view, raw)]
    else:
        left, right = replace(view, caption="raw"), replace(view, caption="processed")
        painters = [
            Painter(stack, None, replace(pictures, z_range=None, outlines=False), left, raw),
            Painter(stack, tracks, pictures, right),
        ]
    unit = (stack.unit or "arb. units") if options.colour_bar else None
    return Sheet(painters, unit)


def raw_pixels(stack: Stack) -> Any:
    """Return the pixels of a movie as recorded, with the edits of frames and field of view.

    Parameters
    ----------
    stack
        The movie.

    Raises
    ------
    ParameterError
        They have another size than the processed ones.
    """
    raw = stack.processed.get("raw", stack.data)
    if raw.shape != stack.data.shape:
        raise ParameterError(
            f"{stack.file_path.name}: processing has changed the size of the movie from {raw.shape} to "
            f"{stack.data.shape}, so that its raw pixels are not shown"
        )
    return raw
