"""Write pictures to the files of a movie: mp4 and webm by FFmpeg, GIF, TIFF, and PNG files."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.files import atomic_folder, atomic_write
from playNano.errors import ParameterError
from playNano.io.export.movie_times import Schedule

NO_FFMPEG = "needs imageio-ffmpeg, which is not installed: pip install 'playNano[video]', or write a .gif"

_TO_YUV = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)
_H264 = ["-crf", "17", "-preset", "medium"]
_CODECS = {
    ".mp4": ("libx264", [*_H264, "-movflags", "+faststart"]),
    ".mov": ("libx264", [*_H264, "-movflags", "+faststart"]),
    ".mkv": ("libx264", _H264),
    # Pictures of an avi have no times of their own: they must stand in the order in which they are shown.
    ".avi": ("libx264", [*_H264, "-bf", "0"]),
    ".webm": (
        "libvpx-vp9",
        ["-crf", "18", "-b:v", "0", "-deadline", "good", "-cpu-used", "3", "-row-mt", "1"],
    ),
}


@dataclass(frozen=True)
class Pictures:
    """The pictures of a movie, drawn when they are written.

    Parameters
    ----------
    paint
        Returns the picture (PIL) of a frame.
    size
        Width and height, px.
    schedule
        How long each frame is shown.
    px_per_nm
        Picture pixels per nm.
    interval_s
        Time from one frame to the next, s; None where it is not known.
    progress
        Called with (done, total) after each frame; None for nothing.
    """

    paint: Callable[[int], Any]
    size: tuple[int, int]
    schedule: Schedule
    px_per_nm: float
    interval_s: float | None = None
    progress: Callable[[int, int], None] | None = None

    def drawn(self) -> Iterator[tuple[int, Any]]:
        """Yield each frame that is shown, and its picture."""
        shown = np.flatnonzero(self.schedule.counts)
        for done, frame in enumerate(shown.tolist(), start=1):
            yield frame, self.paint(frame)
            if self.progress is not None:
                self.progress(done, len(shown))


def check_ffmpeg(path: Path) -> None:
    """Raise if FFmpeg is needed to write a file, and is not installed.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    ParameterError
        That is so; the message has the cure.
    """
    if path.suffix.lower() in _CODECS:
        try:
            from imageio_ffmpeg import get_ffmpeg_exe

            get_ffmpeg_exe()
        except (ImportError, RuntimeError) as error:
            raise ParameterError(f"{path.name} {NO_FFMPEG}") from error


def write_video(pictures: Pictures, path: Path) -> tuple[int, int]:
    """Write mp4 (H.264) or webm (VP9), which players, browsers and PowerPoint show, or mov, mkv or avi (H.264).

    Parameters
    ----------
    pictures
        The pictures. The codecs halve the colours' resolution and need even sizes: an odd one gets a black row or
        column.
    path
        The file.

    Returns
    -------
    tuple of int
        Width and height of the file, px.

    Raises
    ------
    ParameterError
        FFmpeg is not installed.
    OSError
        FFmpeg cannot write the file; its message is in that of the error.
    """
    check_ffmpeg(path)
    wide, tall = (edge + edge % 2 for edge in pictures.size)
    codec, quality = _CODECS[path.suffix.lower()]
    words = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{tall}", "-r", str(pictures.schedule.rate)]
    words += ["-i", "-", "-an", "-vcodec", codec, "-pix_fmt", "yuv420p", "-vf", _TO_YUV, *quality]
    words += ["-metadata", f"comment={pictures.schedule.text}"]

    def repeated() -> Iterator[bytes]:
        for frame, picture in pictures.drawn():
            shown = _even(np.asarray(picture)).tobytes()
            for _ in range(pictures.schedule.counts[frame]):
                yield shown

    with atomic_write(path) as temporary:
        _run_ffmpeg([*words, str(temporary)], repeated(), path)
    return wide, tall


def _run_ffmpeg(words: list[str], given: Iterator[bytes], path: Path) -> None:
    """Run FFmpeg with arguments and pictures on its input; its own words are in the error if it fails."""
    from imageio_ffmpeg import get_ffmpeg_exe

    with tempfile.TemporaryFile() as said:
        command = [get_ffmpeg_exe(), "-y", "-v", "error", *words]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError), process.stdin:
                for picture in given:
                    process.stdin.write(picture)
            code = process.wait()
        finally:
            process.kill()  # nothing where it has ended
            process.wait()
        if code:
            said.seek(0)
            text = " ".join(said.read().decode(errors="replace").split())
            raise OSError(f"FFmpeg cannot write {path}: {text or f'exit code {code}'}")


def _even(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a picture of even sizes, with a black row or column where necessary."""
    rows, columns = picture.shape[:2]
    return np.ascontiguousarray(np.pad(picture, ((0, rows % 2), (0, columns % 2), (0, 0))))


def write_animation(pictures: Pictures, path: Path) -> None:
    """Write an animated GIF, whose frames have their own durations.

    Parameters
    ----------
    pictures
        Pictures with the colours of a GIF.
    path
        The file.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    durations = pictures.schedule.durations_ms()
    shown = durations[pictures.schedule.counts > 0].tolist()
    # A list of durations of a single picture is not accepted.
    save_animation((picture for _, picture in pictures.drawn()), path, shown if len(shown) > 1 else shown[0])


def save_animation(drawn: Iterator[Any], path: str | Path, duration_ms: int | list[int]) -> None:
    """Write pictures as an animated GIF.

    Parameters
    ----------
    drawn
        The pictures (PIL).
    path
        The file.
    duration_ms
        Duration of all pictures or of each, ms.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    first = next(drawn)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        first.save(file, format="GIF", save_all=True, append_images=drawn, duration=duration_ms, loop=0)


def write_tiff_pictures(pictures: Pictures, path: Path) -> None:
    """Write the pictures as the pages of an RGB TIFF file, which ImageJ and Fiji open with scale and frame interval.

    Parameters
    ----------
    pictures
        The pictures.
    path
        The file.

    Raises
    ------
    ParameterError
        The file would exceed the 4 GB of this format.
    OSError
        The file cannot be written.
    """
    import tifffile

    wide, tall = pictures.size
    shape = (int((pictures.schedule.counts > 0).sum()), tall, wide, 3)
    if np.prod(shape, dtype=float) > 4e9:
        raise ParameterError(f"{path.name} would exceed 4 GB: select frames, or write .png, .mp4 or .webm")
    # ImageJ's frame interval is the recorded one; "fps" is the speed at which it plays.
    times = {} if pictures.interval_s is None else {"finterval": pictures.interval_s, "tunit": "s"}
    with atomic_write(path) as temporary:
        tifffile.imwrite(
            temporary,
            (np.asarray(picture) for _, picture in pictures.drawn()),
            shape=shape,
            dtype=np.uint8,
            photometric="rgb",
            imagej=True,
            resolution=(pictures.px_per_nm, pictures.px_per_nm),
            metadata={"axes": "TYXS", "unit": "nm", "fps": float(pictures.schedule.rate), **times},
        )


def write_png_files(pictures: Pictures, path: Path, *, overwrite: bool) -> Path:
    """Write one picture to a PNG file, or several to the files NAME_0000.png ... of a folder NAME.

    Parameters
    ----------
    pictures
        The pictures.
    path
        The file, NAME.png; for several pictures the folder is its path without the ending.
    overwrite
        Whether a folder of such files is replaced.

    Returns
    -------
    Path
        The file or folder.

    Raises
    ------
    ParameterError
        The folder exists, and may not be replaced or contains other files.
    OSError
        A file cannot be written.
    """
    stream = pictures.drawn()
    if (pictures.schedule.counts > 0).sum() == 1:
        with atomic_write(path) as temporary:
            next(stream)[1].save(temporary, format="PNG")
            next(stream, None)
        return path
    folder = path.with_suffix("")
    if folder.exists():
        pattern = re.compile(rf"{re.escape(folder.name)}_\d{{4,}}\.png")
        others = not folder.is_dir() or any(not pattern.fullmatch(file.name) for file in folder.iterdir())
        if others or not overwrite:
            cure = "give another name" if others else "give another name, or --overwrite"
            raise ParameterError(f"{folder} exists, in which the pictures would be written: {cure}")
    with atomic_folder(folder) as temporary:
        for frame, picture in stream:
            picture.save(temporary / f"{folder.name}_{frame:04d}.png", format="PNG")
    return folder
