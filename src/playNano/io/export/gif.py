"""Write a levelled movie as an animated GIF with scale bar, time stamp and tracks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.core.files import atomic_write
from playNano.core.lazy import FrameArray
from playNano.core.stack import Stack
from playNano.io.export.render import COLOUR_MAP, TRACK_COLOURS, ScaleBar, height_limits

if TYPE_CHECKING:
    import pandas as pd

_GREYS = 96
"""Number of height colours, kept small for small files. The track colours follow them in the palette."""

_WHITE = _GREYS + len(TRACK_COLOURS) - 1


def write_gif(
    stack: Stack,
    path: str | Path,
    tracks: pd.DataFrame | None = None,
    *,
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
        The levelled movie; colours run from dark to bright between `playNano.io.export.render.height_limits`.
    path
        The file; its folder is created if necessary.
    tracks
        Detections with ``track_id``, ``frame``, ``y_nm``, ``x_nm``; each track is drawn with its last
        `trail` frames.
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
    frames = range(0, stack.n_frames, max(1, -(-stack.n_frames // max_frames)))
    painter = _Painter(stack, tracks, width_px, trail)

    def pictures() -> Iterator[Any]:
        for done, frame in enumerate(frames, start=1):
            yield painter.paint(frame)
            if progress is not None:
                progress(done, len(frames))

    stream = pictures()
    first = next(stream)
    with atomic_write(path) as temporary:
        first.save(temporary, format="GIF", save_all=True, append_images=stream, duration=frame_ms, loop=0)


class _Painter:
    """Draws frames as palette images with a time stamp, a scale bar and tracks."""

    def __init__(self, stack: Stack, tracks: pd.DataFrame | None, width_px: int, trail: int) -> None:
        """Prepare scale, palette, font and tracks."""
        from PIL import ImageFont

        self.stack, self.trail = stack, trail
        self.frames = FrameArray.of(stack.data) if stack.is_lazy else stack.data
        self.times = stack.get_frame_times() if stack.has_times else [math.nan] * stack.n_frames
        self.low, self.high = height_limits(stack.data)
        py, px = stack.pixel_size_yx_nm
        tall, wide = stack.height * py, stack.width * px
        self.px_per_nm = width_px / max(tall, wide)
        self.size = (max(1, round(wide * self.px_per_nm)), max(1, round(tall * self.px_per_nm)))
        self.palette = _palette()
        self.font = ImageFont.load_default(size=max(11, width_px // 26))
        self.bar = ScaleBar.for_width(wide)
        self.paths = [] if tracks is None else [_path(rows) for _, rows in tracks.groupby("track_id")]

    def paint(self, frame: int) -> Any:
        """Return one frame as a palette image."""
        from PIL import Image, ImageDraw

        picture = Image.fromarray(self._indices(self.frames[frame]))
        picture.putpalette(self.palette)
        draw = ImageDraw.Draw(picture)
        for number, (frames, positions) in enumerate(self.paths):
            self._trace(draw, frame, frames, positions, _GREYS + number % (len(TRACK_COLOURS) - 1))
        self._stamp(draw, frame)
        return picture

    def _indices(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return a frame as palette indices, scaled to the size of the image."""
        import cv2

        with np.errstate(invalid="ignore"):
            level = (pixels - self.low) / (self.high - self.low) * (_GREYS - 1)
        level = np.clip(np.nan_to_num(level, nan=0.0), 0, _GREYS - 1).astype(np.uint8)
        return np.asarray(cv2.resize(level, self.size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)

    def _trace(self, draw: Any, frame: int, frames: Any, positions: Any, colour: int) -> None:
        """Draw the recent part of a track, and a circle at its position in this frame."""
        start = np.searchsorted(frames, frame - self.trail)
        stop = np.searchsorted(frames, frame, side="right")
        # A track is drawn until its last frame.
        if stop == start or frames[-1] < frame:
            return
        py, px = self.stack.pixel_size_yx_nm
        points = [
            ((x + px / 2) * self.px_per_nm, (y + py / 2) * self.px_per_nm) for y, x in positions[start:stop]
        ]
        if len(points) > 1:
            draw.line(points, fill=colour, width=1)
        x, y = points[-1]
        if frames[stop - 1] == frame:
            draw.ellipse((x - 7, y - 7, x + 7, y + 7), outline=colour)

    def _stamp(self, draw: Any, frame: int) -> None:
        """Draw the time stamp and the scale bar."""
        time = self.times[frame]
        text = f"frame {frame}" if math.isnan(time) else f"{time:.2f} s"
        outlined = {"fill": _WHITE, "font": self.font, "stroke_width": 1, "stroke_fill": 0}
        draw.text((8, 5), text, **outlined)
        length, y = self.bar.length_nm * self.px_per_nm, self.size[1] - 10
        draw.rectangle((10, y - 4, 10 + length, y), fill=_WHITE, outline=0)
        draw.text((10 + length / 2, y - 7), self.bar.text, anchor="mb", **outlined)


def _path(rows: pd.DataFrame) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return frames (n,) and positions (y, x), nm, (n, 2) of a track in temporal order."""
    rows = rows.sort_values("frame")
    return rows["frame"].to_numpy(), rows[["y_nm", "x_nm"]].to_numpy()


def _palette() -> list[int]:
    """Return the palette as a flat list of RGB values: height colours, then track colours."""
    import matplotlib
    from matplotlib.colors import to_rgb

    heights = matplotlib.colormaps[COLOUR_MAP](np.linspace(0, 1, _GREYS))[:, :3]
    colours = np.concatenate([heights, [to_rgb(name) for name in TRACK_COLOURS]])
    return [int(value) for value in np.round(colours * 255).ravel()]
