"""Draw the frames of a movie as pictures, with scale bar, time stamp, outlines of detections and tracks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.stack import Stack
from playNano.io.export.letters import Letters
from playNano.io.export.palette import Palette
from playNano.io.export.render import PictureOptions, ScaleBar, height_limits

if TYPE_CHECKING:
    import pandas as pd

_FULL_PX = 512
"""Longer edge that a picture has or exceeds where no size is given, px."""


@dataclass(frozen=True)
class View:
    """How the frames of a movie are drawn.

    Parameters
    ----------
    width_px
        Longer edge of the picture, px; smaller than that of the frames, pixels are left out.
    scale
        Picture pixels along the shorter edge of a pixel, instead of `width_px`; with neither the smallest number with
        which the longer edge has 512 px or more.
    trail
        Number of past frames in which a track is drawn.
    max_frames
        Maximum number of frames; a longer movie is subsampled; None for all.
    indexed
        Whether pictures have the few colours of a GIF.
    stamp
        Whether there are a time stamp and a scale bar.
    caption
        Text in the upper right corner.
    ahead
        Whether frames in memory are converted at once, so that the painter can be pickled without the movie.
    """

    width_px: int | None = None
    scale: int | None = None
    trail: int = 12
    max_frames: int | None = None
    indexed: bool = False
    stamp: bool = True
    caption: str = ""
    ahead: bool = False

    def size(self, shape: tuple[int, int], pixel_size_yx_nm: tuple[float, float]) -> tuple[int, int]:
        """Return width and height of the picture, px, in true proportions.

        Parameters
        ----------
        shape
            Rows and columns of a frame.
        pixel_size_yx_nm
            Size of a pixel, nm.

        Examples
        --------
        >>> View().size((200, 300), (1.0, 1.0)), View(scale=2).size((10, 20), (3.0, 1.0))
        ((600, 400), (40, 60))
        """
        edges = np.multiply(shape, pixel_size_yx_nm)
        if self.width_px is not None:
            px_per_nm = self.width_px / edges.max()
        else:
            shorter = min(pixel_size_yx_nm)
            scale = self.scale or max(1, math.ceil(_FULL_PX * shorter / edges.max()))
            px_per_nm = scale / shorter
        tall, wide = (max(1, round(edge * px_per_nm)) for edge in edges)
        return wide, tall


GIF_VIEW = View(width_px=400, max_frames=300, indexed=True, ahead=True)
"""The view of movie.gif."""


class Painter:
    """Draws frames with a time stamp, a scale bar, outlines and tracks.

    That of a movie in memory can be pickled if its frames are converted ahead; it has only those that are shown.

    Parameters
    ----------
    stack
        The movie.
    tracks
        Detections with ``track_id``, ``frame``, ``y_nm``, ``x_nm``; None for none.
    options
        Colour map, height range, and whether detections are outlined.
    view
        Size, tails, and what else is drawn.
    pixels
        Other pixels of the same shape to draw, such as the raw ones; None for those of the stack.
    """

    def __init__(
        self,
        stack: Stack,
        tracks: pd.DataFrame | None,
        options: PictureOptions,
        view: View = GIF_VIEW,
        pixels: Any = None,
    ) -> None:
        """Prepare frames, scale, palette and tracks."""
        self.view, self.options = view, options
        self.labels: Any = None
        self.circles: dict[int, npt.NDArray[np.float64]] = {}
        step = 1 if view.max_frames is None else max(1, -(-stack.n_frames // view.max_frames))
        self.shown = range(0, stack.n_frames, step)
        self.pixel_size_yx_nm, self.origin_nm = stack.pixel_size_yx_nm, stack.origin_nm
        self.has_times, self.times = stack.has_times, stack.get_frame_times()
        pixels = stack.data if pixels is None else pixels
        self.low, self.high = options.z_range or height_limits(pixels)
        self.palette = Palette(options.cmap, indexed=view.indexed)
        self.levels = self._shown_of(FrameArray.of(pixels) if is_lazy(pixels) else pixels, self._level)
        py, px = stack.pixel_size_yx_nm
        self.size = view.size(stack.image_shape, (py, px))
        self.px_per_nm = max(self.size) / max(stack.height * py, stack.width * px)
        self.line = max(1, round(max(self.size) / 300))
        self.letters = Letters(max(11, max(self.size) // 26), self.palette)
        self.bar = ScaleBar.for_width(stack.width * px)
        self.paths = [] if tracks is None else _paths(tracks)
        self.first = np.array([frames[0] for frames, _ in self.paths])
        self.last = np.array([frames[-1] for frames, _ in self.paths])

    def outline(self, detections: pd.DataFrame | None, labels: Any) -> None:
        """Outline the regions of label images, or draw circles around detections that have a radius.

        Parameters
        ----------
        detections
            Detections with ``frame``, ``y_nm``, ``x_nm``, ``radius_nm``; other tables are not drawn.
        labels
            Label images, (n_frames, height, width), in memory or computed when read. Neither is shown if the options
            say so.
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
        if isinstance(frames, FrameArray) or not self.view.ahead:
            return lambda frame: convert(frames[frame])
        return {frame: convert(frames[frame]) for frame in self.shown}.__getitem__

    def paint(self, frame: int) -> Any:
        """Return one frame as a picture (PIL).

        Parameters
        ----------
        frame
            Number of the frame, one of those that are shown.
        """
        from PIL import ImageDraw

        numbers = _resized(self.levels(frame), self.size)
        if self.labels is not None:
            numbers[self._borders(self.labels(frame))] = self.palette.outline
        picture = self.palette.picture(numbers)
        draw = ImageDraw.Draw(picture)
        for y, x, radius in self.circles.get(frame, ()):
            self._circle(draw, *self._place(y, x), radius * self.px_per_nm, self.palette.outline)
        # A track is drawn from its first frame to its last.
        for number in np.flatnonzero((self.first <= frame) & (self.last >= frame)).tolist():
            self._trace(draw, frame, *self.paths[number], self.palette.track(number))
        if self.view.stamp:
            self._stamp(picture, draw, frame)
        if self.view.caption:
            left = self.size[0] - 8 - self.letters.width(self.view.caption)
            self.letters.write(picture, (round(left), 5), self.view.caption)
        return picture

    def _level(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a frame as numbers of colours."""
        return self.palette.level(pixels, self.low, self.high)

    def _borders(self, labels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return the pixels of regions, at the size of the image, that touch another label on any of four sides."""
        import cv2

        regions = _resized(np.asarray(labels, dtype=np.int32), self.size)
        across, down = regions[:, 1:] != regions[:, :-1], regions[1:] != regions[:-1]
        borders = np.zeros(regions.shape, np.bool_)
        borders[:, 1:] |= across
        borders[:, :-1] |= across
        borders[1:] |= down
        borders[:-1] |= down
        if self.line > 1:
            width = 2 * self.line - 1
            borders = cv2.dilate(borders.astype(np.uint8), np.ones((width, width), np.uint8)).astype(np.bool_)
        return np.asarray(borders & (regions != 0))

    def _place(self, y: float, x: float) -> tuple[float, float]:
        """Return the place (x, y) of a position in nm, px of the image."""
        (py, px), (y0, x0) = self.pixel_size_yx_nm, self.origin_nm
        return (x - x0 + px / 2) * self.px_per_nm, (y - y0 + py / 2) * self.px_per_nm

    def _circle(self, draw: Any, x: float, y: float, radius: float, number: int) -> None:
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, outline=self.palette.colour(number), width=self.line)

    def _trace(self, draw: Any, frame: int, frames: Any, positions: Any, number: int) -> None:
        """Draw the recent part of a track, and a circle at its position in this frame."""
        start = np.searchsorted(frames, frame - self.view.trail)
        stop = np.searchsorted(frames, frame, side="right")
        if stop == start:
            return
        points = [self._place(y, x) for y, x in positions[start:stop]]
        if len(points) > 1:
            draw.line(points, fill=self.palette.colour(number), width=self.line)
        if frames[stop - 1] == frame:
            # A dot where the object itself is outlined.
            is_outlined = self.labels is not None or bool(self.circles)
            x, y = points[-1]
            if is_outlined:
                radius = 1.5 * self.line
                box = (x - radius, y - radius, x + radius, y + radius)
                draw.ellipse(box, fill=self.palette.colour(number))
            else:
                self._circle(draw, x, y, 7 * self.line, number)

    def _stamp(self, picture: Any, draw: Any, frame: int) -> None:
        """Draw the time stamp and the scale bar."""
        self.letters.write(picture, (8, 5), self._when(frame))
        self._draw_scale_bar(picture, draw)

    def _draw_scale_bar(self, picture: Any, draw: Any) -> None:
        """Draw the scale bar in the lower left corner."""
        letters, black, white = (
            self.letters,
            *map(self.palette.colour, (self.palette.black, self.palette.white)),
        )
        length, y = round(self.bar.length_nm * self.px_per_nm), self.size[1] - 10
        thickness = 4 * self.line
        draw.rectangle((9, y - thickness - 1, 10 + length, y + 1), fill=black)
        draw.rectangle((10, y - thickness, 9 + length, y), fill=white)
        left = 10 + length / 2 - letters.width(self.bar.text) / 2
        # A text that is longer than the bar begins where the bar does.
        letters.write(picture, (max(8, round(left)), y - 6 - thickness - letters.size_px), self.bar.text)

    def _when(self, frame: int) -> str:
        """Return the time of a frame, with the digits that its neighbours differ in; else its number."""
        time = self.times[frame]
        if not self.has_times or math.isnan(time):
            return f"frame {frame if self.has_times else round(time)}"
        steps = np.abs(np.diff(self.times))
        step = float(np.nanmedian(steps)) if np.isfinite(steps).any() else 1.0
        return f"{time:.{max(2, math.ceil(-math.log10(step)))}f} s"


def _resized(numbers: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """Return a copy of an image at the size (width, height) of a picture; each pixel becomes a block of its value."""
    import cv2

    rows, columns = numbers.shape
    if size[0] % columns == 0 and size[1] % rows == 0:
        return numbers.repeat(size[1] // rows, axis=0).repeat(size[0] // columns, axis=1)
    # OpenCV resizes no int32; a float64 holds every label exactly.
    given = numbers.astype(np.float64) if numbers.dtype == np.int32 else numbers
    return np.array(cv2.resize(given, size, interpolation=cv2.INTER_NEAREST), dtype=numbers.dtype)


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
