"""What every reader's movie is checked for, and how every failure of a reader becomes one clear line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.core.stack import Stack
from playNano.errors import FileFormatError, PlayNanoError
from playNano.io.formats.header_values import moment_of
from playNano.io.movie import Movie

_MAX_CAUSE, _MAX_LINE = 300, 5000
# Deflate, the best of the common filters, packs at most about a thousand bytes into one.
_MAX_PACKING = 1100
# The codecs of zarr stores pack more; the size of a store is summed up for large movies only.
_MANY_PIXELS, _MAX_STORE_PACKING = 10**7, 100_000


@contextmanager
def damage_as_errors(path: Path, name: str) -> Iterator[None]:
    """Turn what a damaged file raises within the block into an error of one line that names the file.

    Parameters
    ----------
    path
        The file.
    name
        Name of its format, for the message.

    Raises
    ------
    FileFormatError
        In the place of every exception that is not one of playNano; a missing file and a missing permission stay
        what they are.
    """
    try:
        # A number beyond what its type holds becomes infinite, a signalling NaN a quiet one.
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except PlayNanoError as error:
        _as_one_line(error, path)
        raise
    except (FileNotFoundError, PermissionError) as error:
        if error.filename is None or Path(error.filename) == path or path in Path(error.filename).parents:
            raise
        raise FileFormatError(
            f"{path}: the file is damaged or not of the format {name}: {_cause(error)}"
        ) from error
    except MemoryError as error:
        raise FileFormatError(
            f"{path}: there is not enough memory for what the file states: {_cause(error)}"
        ) from error
    except Warning:
        raise
    except Exception as error:
        raise FileFormatError(
            f"{path}: the file is damaged or not of the format {name}: {_cause(error)}"
        ) from error


@dataclass(frozen=True)
class CheckedFrames:
    """Decode frames, with every failure as an error that names the file; can be pickled.

    Parameters
    ----------
    read
        ``read(start, stop)`` of the reader's movie.
    path
        The file.
    format
        Name of its format.
    shape
        (height, width).
    """

    read: Callable[[int, int], npt.NDArray[Any]]
    path: Path
    format: str
    shape: tuple[int, int]

    def __call__(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Decode frames [start, stop)."""
        with damage_as_errors(self.path, self.format):
            values = self.read(start, stop)
        if values.shape != (stop - start, *self.shape):
            raise FileFormatError(
                f"{self.path}: frames {start} to {stop} have the shape {values.shape}; "
                f"{(stop - start, *self.shape)} was announced"
            )
        return values


def checked(movie: Movie, path: Path) -> Movie:
    """Return a reader's movie with checked metadata, and with functions that raise clear errors only.

    Parameters
    ----------
    movie
        What the reader returned.
    path
        The file.

    Returns
    -------
    Movie
        Times of the scan that no scan can have are left out, with a warning.

    Raises
    ------
    FileFormatError
        Size of the movie, pixel size or times are not what a movie has, or the file cannot hold as many pixels.
    """
    _check_shape(movie, path)
    sizes = movie.pixel_size_nm
    if len(sizes) != 2 or not all(_is_span(size) for size in sizes):
        raise FileFormatError(f"{path}: the size of a pixel is {sizes} nm (y, x), which no image has")
    frames = movie.frame_metadata
    if not isinstance(frames, Sequence) or not all(isinstance(frame, dict) for frame in frames):
        raise FileFormatError(f"{path}: the metadata of the frames are not one entry per frame")
    if len(frames) != movie.shape[0]:
        raise FileFormatError(
            f"{path}: the file has metadata of {len(frames)} frames and {movie.shape[0]} frames"
        )
    for i, frame in enumerate(frames):
        _check_time(frame.get("timestamp"), i, path)
    if not isinstance(movie.header, dict):
        raise FileFormatError(f"{path}: the header of the movie is damaged")
    scan, lost = _plausible(movie.scan, path)
    load = movie.load
    return replace(
        movie,
        read=CheckedFrames(movie.read, path, movie.format, movie.shape[1:]),
        scan=scan,
        warnings=(*movie.warnings, *lost),
        load=None if load is None else partial(_load, load, path, movie.format),
    )


def pixel_doubt(pixels: Any) -> str | None:
    """Return why the pixels of a movie are no measurement, or None where they may be one.

    Parameters
    ----------
    pixels
        (n_frames, height, width); those that are still in the file (Dask) are not read.

    Returns
    -------
    str or None
        For a movie without any number, and for infinite pixels.
    """
    if not isinstance(pixels, np.ndarray) or pixels.dtype.kind != "f":
        return None
    # A few pixels decide it for nearly all frames.
    if not any(np.isfinite(frame[::16, ::16]).any() or np.isfinite(frame).any() for frame in pixels):
        return "no pixel of the movie is a number; the file is damaged, or nothing was measured"
    infinite = [i for i, frame in enumerate(pixels) if np.isinf(frame).any()]
    if not infinite:
        return None
    return (
        f"{len(infinite)} of {len(pixels)} frames have infinite pixels, the first one is frame {infinite[0]}; the file "
        "is damaged or its calibration wrong"
    )


def _load(load: Callable[[bool], Stack], path: Path, name: str, lazy: bool) -> Stack:
    """Restore a complete stack."""
    with damage_as_errors(path, name):
        return load(lazy)


def _check_shape(movie: Movie, path: Path) -> None:
    """Raise FileFormatError where a movie has no shape, or more pixels than the file can hold."""
    if len(movie.shape) != 3 or not all(isinstance(n, int) and n > 0 for n in movie.shape):
        raise FileFormatError(f"{path}: the movie has the shape {movie.shape} (frames, y, x)")
    pixels = math.prod(movie.shape)
    if path.is_file():
        there, packing = path.stat().st_size, _MAX_PACKING
    elif pixels > _MANY_PIXELS:
        there, packing = sum(file.stat().st_size for file in path.rglob("*")), _MAX_STORE_PACKING
    else:
        return
    if pixels > packing * there:
        raise FileFormatError(
            f"{path}: {' x '.join(map(str, movie.shape))} pixels are stated, which {there} bytes cannot hold"
        )


def _is_span(value: Any) -> bool:
    """Return whether a value is a finite, positive number."""
    return (
        isinstance(value, int | float | np.number)
        and not isinstance(value, bool)
        and bool(0 < value < math.inf)
    )


def _check_time(time: Any, frame: int, path: Path) -> None:
    """Raise FileFormatError unless a frame's time is missing (or NaN), a finite number or ISO 8601 text."""
    if time is None or (isinstance(time, str) and moment_of(time) is not None):
        return
    if isinstance(time, bool) or not isinstance(time, int | float | np.number) or np.isinf(time):
        raise FileFormatError(f"{path}: the time of frame {frame} is {time!r:.40}")


def _plausible(scan: ScanGeometry | None, path: Path) -> tuple[ScanGeometry | None, tuple[str, ...]]:
    """Return a scan without times that no scan has, and a warning for each of them."""
    if scan is None:
        return None, ()
    if scan.direction not in (None, "up", "down") or scan.trace not in (None, "trace", "retrace"):
        raise FileFormatError(f"{path}: the direction of the scan is {scan.direction!r}, {scan.trace!r}")
    if not isinstance(scan.lines, int) or scan.lines < 1:
        raise FileFormatError(f"{path}: the scan has {scan.lines!r} lines")
    lost = {
        name: value
        for name in ("line_time_s", "frame_time_s")
        if (value := getattr(scan, name)) is not None and not _is_span(value)
    }
    texts = tuple(
        f"{path}: the file's {name.removesuffix('_s').replace('_', ' ')} is {value!s:.40} s, which no scan has; it is "
        "not used"
        for name, value in lost.items()
    )
    return replace(
        scan,
        line_time_s=None if "line_time_s" in lost else scan.line_time_s,
        frame_time_s=None if "frame_time_s" in lost else scan.frame_time_s,
    ), texts


def _as_one_line(error: PlayNanoError, path: Path) -> None:
    """Let the message of an error be one line that names the file."""
    text = str(error)
    line = one_line(text, _MAX_LINE)
    if str(path) not in line and path.name not in line:
        line = f"{path}: {line}"
    if line != text:
        error.args = (line,)


def _cause(error: BaseException) -> str:
    """Return kind and message of an exception, in one line."""
    return (
        f"{type(error).__name__}: {one_line(str(error), _MAX_CAUSE)}" if str(error) else type(error).__name__
    )


def one_line(text: str, length: int = _MAX_LINE) -> str:
    r"""Return a message in one line.

    Parameters
    ----------
    text
        The message; it may contain text of a damaged file.
    length
        Longest line, in characters; the rest is left out.

    Returns
    -------
    str
        With a blank for line breaks, and "?" for what cannot be printed.

    Examples
    --------
    >>> one_line("two\nlines")
    'two lines'
    """
    line = text
    if not text.isprintable():
        line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return line if len(line) <= length else f"{line[: length - 3]}..."
