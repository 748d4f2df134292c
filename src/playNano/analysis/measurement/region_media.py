"""Movies of the boxes around tracked regions: GIF, video, or a sequence of pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, check_options
from playNano.afm_stack import AFMImageStack
from playNano.core.files import atomic_write
from playNano.errors import ParameterError
from playNano.io.export.encoders import Pictures, write_video
from playNano.io.export.letters import Letters
from playNano.io.export.movie_times import Schedule, schedule
from playNano.io.export.painter import Painter, View
from playNano.io.export.render import COLOUR_MAP, PictureOptions, ScaleBar, height_limits

Limit = float | Literal["auto"] | None
WIDTH_PX = 240
"""Approximate longer edge of the pictures, px."""


@dataclass(frozen=True)
class MediaOptions:
    """Options of the movies of tracked regions.

    Parameters
    ----------
    export_gif
        Whether a GIF is written for each track.
    export_video
        Whether a video is written for each track; it needs the extra "video".
    video_fmt
        Format of the video.
    export_sequence
        Whether a folder of pictures is written for each track.
    sequence_fmt
        Format of the pictures.
    fps
        Frames per second, > 0.
    cmap_name
        Name of a Matplotlib colour map of the heights.
    zmin, zmax
        Heights at the ends of the colour map, in the unit of the channel. None or "auto": those of the movie of the
        track.
    draw_ts
        Whether frames have a time stamp.
    draw_scale
        Whether frames have a scale bar.
    scale_bar_length_nm
        Length of the scale bar, nm; one that does not fit into the frame is replaced by a round shorter one.
    font_scale
        Size of the letters, as a multiple of the usual one, > 0.
    fill_value
        Height of pixels beside smaller boxes, and of frames in which the particle was not detected.
    """

    export_gif: bool = False
    export_video: bool = True
    video_fmt: Literal["mp4", "avi", "mov", "mkv"] = "mp4"
    export_sequence: bool = False
    sequence_fmt: Literal["png", "jpg", "jpeg"] = "png"
    fps: Annotated[float, Field(gt=0), Unit("1/s")] = 5.0
    cmap_name: str = COLOUR_MAP
    zmin: Limit = None
    zmax: Limit = None
    draw_ts: bool = True
    draw_scale: bool = True
    scale_bar_length_nm: Annotated[float, Field(gt=0), Unit("nm")] = 100
    font_scale: Annotated[float, Field(gt=0)] = 1.0
    fill_value: float = 0.0

    def __post_init__(self) -> None:
        """Check the values, and that a video can be written."""
        check_options(self)
        PictureOptions(cmap=self.cmap_name)
        if not (self.export_gif or self.export_video or self.export_sequence):
            raise ParameterError("one of export_gif, export_video and export_sequence must be true")
        if self.export_video and find_spec("imageio_ffmpeg") is None:
            raise ParameterError(
                "videos need imageio-ffmpeg: pip install 'playNano[video]', "
                "or set export_video=False and export_gif=True"
            )


class _RegionPainter(Painter):
    """Draws frames with the stamp, the scale bar and the letters that the options say."""

    def __init__(self, stack: AFMImageStack, limits: tuple[float, float], media: MediaOptions) -> None:
        """Prepare the frames and the scale."""
        rows, columns = stack.image_shape
        edge = max(rows, columns)
        options = PictureOptions(cmap=media.cmap_name, z_range=limits)
        width = edge * max(1, round(WIDTH_PX / edge))
        super().__init__(stack, None, options, View(width_px=width, indexed=True))
        self.media = media
        self.letters = Letters(max(6, round(self.letters.size_px * media.font_scale)), self.palette)
        wide_nm = columns * stack.pixel_size_yx_nm[1]
        if media.scale_bar_length_nm <= 0.9 * wide_nm:
            self.bar = ScaleBar(float(media.scale_bar_length_nm))

    def _stamp(self, picture: Any, draw: Any, frame: int) -> None:
        """Draw time stamp and scale bar, if they are to be shown."""
        if self.media.draw_ts:
            self.letters.write(picture, (8, 5), self._when(frame))
        if self.media.draw_scale:
            self._draw_scale_bar(picture, draw)


def write_media(
    stack: AFMImageStack, track: Mapping[str, Any], folder: Path, stem: str, options: MediaOptions
) -> dict[str, Any] | None:
    """Write the movie of one track in the formats of the options.

    Parameters
    ----------
    stack
        The movie from which the boxes were cut.
    track
        An entry of ``per_track`` of particle_region_extraction.
    folder
        Folder for the files.
    stem
        File name without ending.
    options
        Formats and drawing.

    Returns
    -------
    dict or None
        ``track_id, n_frames, frame_size``, and ``gif_path``, ``video_path``, ``sequence_folder`` of what was written;
        None if no region has pixels.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    frames = _frames(track["regions"], options.fill_value)
    if frames is None:
        return None
    entries = [{"timestamp": time} for time in track["timestamps"]]
    movie = AFMImageStack(
        frames, stack.pixel_size_yx_nm, stack.channel, f"{stem}.npy", entries, unit=stack.unit
    )
    painter = _RegionPainter(movie, _limits(frames, options), options)
    made: dict[str, Any] = {
        "track_id": int(track["track_id"]),
        "n_frames": len(frames),
        "frame_size": (int(frames.shape[1]), int(frames.shape[2])),
    }
    if options.export_gif:
        path = folder / f"{stem}.gif"
        _save_gif(painter, path, options.fps)
        made["gif_path"] = str(path)
    if options.export_video:
        path = folder / f"{stem}.{options.video_fmt}"
        _save_video(painter, path, schedule(movie, options.fps))
        made["video_path"] = str(path)
    if options.export_sequence:
        target = folder / stem
        target.mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(_pictures(painter)):
            with atomic_write(target / f"frame_{number:04d}.{options.sequence_fmt}") as temporary:
                picture.save(temporary, format="PNG" if options.sequence_fmt == "png" else "JPEG")
        made["sequence_folder"] = str(target)
    return made


def safe_stem(text: str) -> str:
    """Return a text as the beginning of a file name.

    Parameters
    ----------
    text
        Any text.

    Examples
    --------
    >>> safe_stem("my/movie: 1")
    'my_movie_1'
    """
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "movie"


def _frames(regions: Sequence[Any], fill: float) -> npt.NDArray[np.float32] | None:
    """Return the boxes of a track in the centre of frames of one size; None if there are none."""
    crops = [None if region is None else region.get("image_crop") for region in regions]
    shapes = [crop.shape for crop in crops if crop is not None and crop.size]
    if not shapes:
        return None
    rows, columns = np.max(shapes, axis=0)
    out = np.full((len(crops), rows, columns), fill, np.float32)
    for frame, crop in zip(out, crops, strict=True):
        if crop is not None and crop.size:
            top, left = (rows - crop.shape[0]) // 2, (columns - crop.shape[1]) // 2
            frame[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return out


def _limits(frames: npt.NDArray[np.float32], options: MediaOptions) -> tuple[float, float]:
    """Return the heights at the ends of the colour map."""
    low, high = height_limits(frames)
    low = low if options.zmin in (None, "auto") else float(options.zmin)
    high = high if options.zmax in (None, "auto") else float(options.zmax)
    if not low < high:
        raise ParameterError(f"zmin = {low:g} must be less than zmax = {high:g}")
    return low, high


def _pictures(painter: Painter) -> Iterator[Any]:
    """Yield the frames as RGB pictures."""
    for frame in painter.shown:
        yield painter.paint(frame).convert("RGB")


def _save_gif(painter: Painter, path: Path, fps: float) -> None:
    from playNano.io.export.gif import save_gif

    save_gif(painter, path, frame_ms=max(10, round(1000 / fps)))


def _save_video(painter: Painter, path: Path, plan: Schedule) -> None:
    def picture(frame: int) -> npt.NDArray[np.uint8]:
        pixels = np.asarray(painter.paint(frame).convert("RGB"))
        borders = [(0, edge % 2) for edge in pixels.shape[:2]]  # codecs need even sizes
        return np.pad(pixels, (*borders, (0, 0)), mode="edge")

    write_video(Pictures(picture, painter.size, plan, painter.px_per_nm), path)
