"""Write a levelled movie as an animated GIF with scale bar, time stamp, outlines of detections and tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.core.frame_shifts import in_shifted_frames
from playNano.core.stack import Stack
from playNano.io.export.encoders import save_animation
from playNano.io.export.painter import GIF_VIEW, Painter
from playNano.io.export.render import PictureOptions

if TYPE_CHECKING:
    import pandas as pd


def write_gif(
    stack: Stack,
    path: str | Path,
    tracks: pd.DataFrame | None = None,
    *,
    detections: pd.DataFrame | None = None,
    labels: Any = None,
    options: PictureOptions | None = None,
    width_px: int = 400,
    trail: int = 12,
    max_frames: int = 300,
    frame_ms: int = 100,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a movie as an animated GIF.

    Parameters
    ----------
    stack
        The levelled movie.
    path
        The file; its folder is created if necessary.
    tracks
        Detections with ``track_id``, ``frame``, ``y_nm``, ``x_nm``; each track is drawn with its last
        `trail` frames.
    detections
        Detections with ``frame``, ``y_nm``, ``x_nm``, ``radius_nm``, drawn as circles where there are no `labels`;
        other tables are not drawn.
    labels
        Label images of the detections, (n_frames, height, width), in memory or computed when read; each region
        is outlined by a line of one pixel inside its border.
    options
        Colour map, height range, and whether detections are outlined; None for the defaults. Pixels
        without a height have a colour of their own.
    width_px
        Longer edge of the image, px, > 0. Non-square pixels keep their aspect ratio.
    trail
        Number of past frames in which a track is drawn, >= 0.
    max_frames
        Maximum number of frames, > 0; a longer movie is subsampled to every second, third ... frame.
    frame_ms
        Duration of each frame, ms, > 0.
    progress
        Called with (done, total) after each frame.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    view = replace(GIF_VIEW, width_px=width_px, trail=trail, max_frames=max_frames)
    shown, marked = (in_shifted_frames(table, stack) for table in (tracks, detections))
    painter = Painter(stack, shown, options or PictureOptions(), view)
    painter.outline(marked, labels)
    save_gif(painter, path, frame_ms=frame_ms, progress=progress)


def save_gif(
    painter: Painter,
    path: str | Path,
    *,
    frame_ms: int = 100,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the frames of a painter as an animated GIF.

    Parameters
    ----------
    painter
        The frames and what is drawn on them.
    path, frame_ms, progress
        As in `write_gif`.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """

    def pictures() -> Iterator[Any]:
        for done, frame in enumerate(painter.shown, start=1):
            yield painter.paint(frame)
            if progress is not None:
                progress(done, len(painter.shown))

    save_animation(pictures(), path, frame_ms)
