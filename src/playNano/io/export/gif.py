"""Write a levelled movie as an animated GIF with scale bar, time stamp, outlines of detections and tracks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.core.files import atomic_write
from playNano.core.frame_shifts import in_shifted_frames
from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.stack import Stack
from playNano.io.export.render import (
    MISSING_COLOUR,
    OUTLINE_COLOUR,
    TRACK_COLOURS,
    PictureOptions,
    ScaleBar,
    height_limits,
)

if TYPE_CHECKING:
    import pandas as pd

_GREYS = 96
"""Number of height colours, kept small for small files. The track colours follow them in the palette."""

_WHITE = _GREYS + len(TRACK_COLOURS) - 1
_OUTLINE, _MISSING, _BLACK = _WHITE + 1, _WHITE + 2, _WHITE + 3


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
    shown, marked = (in_shifted_frames(table, stack) for table in (tracks, detections))
    painter = Painter(stack, shown, options or PictureOptions(), width_px, trail, max_frames)
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

    stream = pictures()
    first = next(stream)
    with atomic_write(path) as temporary:
        first.save(temporary, format="GIF", save_all=True, append_images=stream, duration=frame_ms, loop=0)


class Painter:
    """Draws frames as palette images with a time stamp, a scale bar, outlines and tracks.

    That of a movie in memory can be pickled; it has only the frames that are shown.

    Parameters
    ----------
    stack, tracks, options, width_px, trail, max_frames
        As in `write_gif`.
    """

    def __init__(
        self,
        stack: Stack,
        tracks: pd.DataFrame | None,
        options: PictureOptions,
        width_px: int = 400,
        trail: int = 12,
        max_frames: int = 300,
    ) -> None:
        """Prepare frames, scale, palette and tracks."""
        self.trail, self.options = trail, options
        self.labels: Any = None
        self.circles: dict[int, npt.NDArray[np.float64]] = {}
        self.shown = range(0, stack.n_frames, max(1, -(-stack.n_frames // max_frames)))
        self.pixel_size_yx_nm, self.origin_nm = stack.pixel_size_yx_nm, stack.origin_nm
        self.times = stack.get_frame_times() if stack.has_times else [math.nan] * stack.n_frames
        self.low, self.high = options.z_range or height_limits(stack.data)
        self.levels = self._shown_of(FrameArray.of(stack.data) if stack.is_lazy else stack.data, self._level)
        py, px = stack.pixel_size_yx_nm
        tall, wide = stack.height * py, stack.width * px
        self.px_per_nm = width_px / max(tall, wide)
        self.size = (max(1, round(wide * self.px_per_nm)), max(1, round(tall * self.px_per_nm)))
        self.palette = _palette(options.cmap)
        self.font_px = max(11, width_px // 26)
        self.bar = ScaleBar.for_width(wide)
        self.paths = [] if tracks is None else _paths(tracks)
        self.first = np.array([frames[0] for frames, _ in self.paths])
        self.last = np.array([frames[-1] for frames, _ in self.paths])

    def outline(self, detections: pd.DataFrame | None, labels: Any) -> None:
        """Outline the regions of label images, or draw circles around detections that have a radius.

        Parameters
        ----------
        detections, labels
            As in `write_gif`; neither is shown if the options say so.
        """
        if not self.options.outlines:
            return
        if labels is not None:
            self.labels = self._shown_of(FrameArray.of(labels) if is_lazy(labels) else labels, _small)
        elif detections is not None and {"y_nm", "x_nm", "radius_nm"} <= set(detections.columns):
            for frame, rows in detections.groupby("frame"):
                self.circles[int(str(frame))] = rows[["y_nm", "x_nm", "radius_nm"]].to_numpy(np.float64)

    def _shown_of(self, frames: Any, convert: Callable[[Any], Any]) -> Callable[[int], Any]:
        """Return a function from the number of a frame that is shown to the converted frame, as small as it is drawn.

        Frames of a lazy movie are computed and converted when they are drawn.
        """
        if isinstance(frames, FrameArray):
            return lambda frame: convert(frames[frame])
        return {frame: convert(frames[frame]) for frame in self.shown}.__getitem__

    @cached_property
    def font(self) -> Any:
        """The font of time stamp and scale bar."""
        from PIL import ImageFont

        return ImageFont.load_default(size=self.font_px)

    def paint(self, frame: int) -> Any:
        """Return one frame as a palette image.

        Parameters
        ----------
        frame
            Number of the frame, one of those that are shown.
        """
        from PIL import Image, ImageDraw

        indices = self._resized(self.levels(frame))
        if self.labels is not None:
            indices[self._borders(self.labels(frame))] = _OUTLINE
        picture = Image.fromarray(indices)
        picture.putpalette(self.palette)
        draw = ImageDraw.Draw(picture)
        for y, x, radius in self.circles.get(frame, ()):
            self._circle(draw, *self._place(y, x), radius * self.px_per_nm, _OUTLINE)
        # A track is drawn from its first frame to its last.
        for number in np.flatnonzero((self.first <= frame) & (self.last >= frame)).tolist():
            self._trace(draw, frame, *self.paths[number], _GREYS + number % (len(TRACK_COLOURS) - 1))
        self._stamp(picture, draw, frame)
        return picture

    def _level(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return a frame as palette indices."""
        with np.errstate(invalid="ignore"):
            level = (pixels - self.low) / (self.high - self.low) * (_GREYS - 1)
        missing = ~np.isfinite(level)
        level = np.clip(np.nan_to_num(level, nan=0.0), 0, _GREYS - 1).astype(np.uint8)
        level[missing] = _MISSING
        return np.asarray(level, dtype=np.uint8)

    def _resized(self, level: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return palette indices at the size of the image."""
        import cv2

        return np.array(cv2.resize(level, self.size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)

    def _borders(self, labels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return the pixels of regions, at the size of the image, that touch another label on any of four sides."""
        import cv2

        regions = np.asarray(labels, dtype=np.int32)
        # OpenCV resizes no int32; a float64 holds every label exactly.
        regions = cv2.resize(regions.astype(np.float64), self.size, interpolation=cv2.INTER_NEAREST)
        across, down = regions[:, 1:] != regions[:, :-1], regions[1:] != regions[:-1]
        borders = np.zeros(regions.shape, np.bool_)
        borders[:, 1:] |= across
        borders[:, :-1] |= across
        borders[1:] |= down
        borders[:-1] |= down
        return np.asarray(borders & (regions != 0))

    def _place(self, y: float, x: float) -> tuple[float, float]:
        """Return the place (x, y) of a position in nm, px of the image."""
        (py, px), (y0, x0) = self.pixel_size_yx_nm, self.origin_nm
        return (x - x0 + px / 2) * self.px_per_nm, (y - y0 + py / 2) * self.px_per_nm

    @staticmethod
    def _circle(draw: Any, x: float, y: float, radius: float, colour: int) -> None:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour)

    def _trace(self, draw: Any, frame: int, frames: Any, positions: Any, colour: int) -> None:
        """Draw the recent part of a track, and a circle at its position in this frame."""
        start = np.searchsorted(frames, frame - self.trail)
        stop = np.searchsorted(frames, frame, side="right")
        if stop == start:
            return
        points = [self._place(y, x) for y, x in positions[start:stop]]
        if len(points) > 1:
            draw.line(points, fill=colour, width=1)
        if frames[stop - 1] == frame:
            # A dot where the object itself is outlined.
            is_outlined = self.labels is not None or bool(self.circles)
            x, y = points[-1]
            if is_outlined:
                draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=colour)
            else:
                self._circle(draw, x, y, 7, colour)

    def _stamp(self, picture: Any, draw: Any, frame: int) -> None:
        """Draw the time stamp and the scale bar."""
        time = self.times[frame]
        self._text(picture, (8, 5), f"frame {frame}" if math.isnan(time) else f"{time:.2f} s")
        length, y = round(self.bar.length_nm * self.px_per_nm), self.size[1] - 10
        draw.rectangle((9, y - 5, 10 + length, y + 1), fill=_BLACK)
        draw.rectangle((10, y - 4, 9 + length, y), fill=_WHITE)
        left = 10 + length / 2 - self.font.getlength(self.bar.text) / 2
        self._text(picture, (round(left), y - 10 - self.font_px), self.bar.text)

    def _text(self, picture: Any, place: tuple[int, int], text: str) -> None:
        """Write white text with a black edge, at the upper left corner given."""
        from PIL import Image, ImageDraw

        size = (round(self.font.getlength(text)) + 6, round(1.5 * self.font_px) + 6)
        for stroke, colour in ((2, _BLACK), (0, _WHITE)):
            # A palette has no shades: pixels that the letters cover by half are filled.
            covered = Image.new("L", size)
            ImageDraw.Draw(covered).text((3, 3), text, fill=255, font=self.font, stroke_width=stroke)
            mask = covered.point([0] * 128 + [255] * 128)
            picture.paste(
                colour, (place[0] - 3, place[1] - 3, place[0] - 3 + size[0], place[1] - 3 + size[1]), mask
            )


def _small(labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
    """Return a label image in two bytes a pixel, if its numbers fit."""
    return labels.astype(np.uint16) if labels.min() >= 0 and labels.max() < 2**16 else labels


def _paths(tracks: pd.DataFrame) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Return frames (n,) and positions (y, x), nm, (n, 2) of each track in temporal order."""
    if not len(tracks) or not {"y_nm", "x_nm"} <= set(tracks.columns):
        return []
    rows = tracks.sort_values(["track_id", "frame"], kind="stable")
    borders = np.flatnonzero(np.diff(rows["track_id"].to_numpy())) + 1
    frames, positions = rows["frame"].to_numpy(), rows[["y_nm", "x_nm"]].to_numpy()
    return list(zip(np.split(frames, borders), np.split(positions, borders), strict=True))


def _palette(cmap: str) -> list[int]:
    """Return the palette as a flat list of RGB values: height colours, track colours, outline, missing, black."""
    import matplotlib
    from matplotlib.colors import to_rgb

    heights = matplotlib.colormaps[cmap](np.linspace(0, 1, _GREYS))[:, :3]
    others = (*TRACK_COLOURS, OUTLINE_COLOUR, MISSING_COLOUR, "black")
    colours = np.concatenate([heights, [to_rgb(name) for name in others]])
    return [int(value) for value in np.round(colours * 255).ravel()]
