"""Helpers for readers: uncompressed images, ranges of frames, names of channels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from playNano.errors import FileFormatError, ParameterError

Sniff = Callable[[Path, bytes], "str | None"]


@dataclass(frozen=True)
class Calibration:
    """A linear scaling: value = slope * raw + intercept.

    Parameters
    ----------
    slope
        Change of the value per raw count.
    intercept
        Value of raw 0.
    unit
        "nm", "deg", "V" ...
    """

    slope: float
    intercept: float
    unit: str


def check_scaling(slope: float, intercept: float, where: str) -> None:
    """Refuse a scaling that would turn every pixel into NaN or infinity.

    Parameters
    ----------
    slope
        Change of the value per raw count.
    intercept
        Value of raw 0.
    where
        The file, and the channel, for the message.

    Raises
    ------
    FileFormatError
        One of them is not finite.
    """
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise FileFormatError(
            f"{where}: the calibration is value = {slope} * count + {intercept}, which is not finite; the header is "
            "damaged"
        )


@dataclass(frozen=True)
class RawImage:
    """Decode one frame that is stored as uncompressed numbers; keeps no file open, and can be pickled.

    Parameters
    ----------
    path
        The file.
    first_byte
        Offset of the frame.
    dtype
        Type of a stored pixel.
    shape
        (height, width).
    scaling
        Scaling from stored numbers to values.
    flip_y
        Whether the bottom line is stored first.
    flip_x
        Whether the rightmost pixel of a line is stored first.
    lines
        The stored lines [first, last) that belong to the image; the others are NaN. None means all.
    """

    path: Path
    first_byte: int
    dtype: str
    shape: tuple[int, int]
    scaling: Calibration
    flip_y: bool = False
    flip_x: bool = False
    lines: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse a scaling that is not finite."""
        check_scaling(self.scaling.slope, self.scaling.intercept, str(self.path))

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop) of the single frame."""
        height, width = self.shape
        first, last = self.lines or (0, height)
        count = check_range(start, stop, 1, self.path)
        offset = self.first_byte + first * width * np.dtype(self.dtype).itemsize
        # A pixel beyond what float32 holds becomes infinite, a signalling NaN a quiet one.
        with np.errstate(over="ignore", invalid="ignore"):
            stored = np.fromfile(self.path, self.dtype, count=count * (last - first) * width, offset=offset)
            raw = stored.astype(np.float64)
            raw *= self.scaling.slope
            raw += self.scaling.intercept
            lines = raw.astype(np.float32).reshape(count, last - first, width)
        if (first, last) != (0, height):
            lines = np.pad(lines, ((0, 0), (first, height - last), (0, 0)), constant_values=np.nan)
        turned = lines[:, :: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(turned)


def errors_as_reasons(sniff: Sniff) -> Sniff:
    """Decorate a function ``sniff(path, head)`` so that it returns the message of a FileFormatError as the reason.

    Parameters
    ----------
    sniff
        Returns the reason why a file is not of a format, or None if it may be.

    Returns
    -------
    callable
        The function, which does not raise FileFormatError.
    """

    @functools.wraps(sniff)
    def call(path: Path, head: bytes) -> str | None:
        try:
            return sniff(path, head)
        except FileFormatError as error:
            return str(error).removeprefix(f"{path}: ")

    return call


def check_bytes(path: Path, end: int, what: str) -> None:
    """Raise FileFormatError if a file is truncated within a part of it.

    Parameters
    ----------
    path
        The file.
    end
        Offset of the byte after the part.
    what
        Name of the part, for the message.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "movie.raw"
    ...     _ = path.write_bytes(bytes(10))
    ...     check_bytes(path, 10, "the image")  # all bytes are there
    """
    there = path.stat().st_size
    if there < end:
        raise FileFormatError(
            f"{path}: the file is cut off: {what} ends at byte {end}, the file has {there} bytes"
        )


def check_range(start: int, stop: int, n_frames: int, path: Path) -> int:
    """Validate a range of frames, and return the number of frames in it.

    Parameters
    ----------
    start
        First frame, 0-based.
    stop
        One past the last frame.
    n_frames
        Frames in the movie.
    path
        The file, for the message.

    Returns
    -------
    int
        stop - start.

    Raises
    ------
    ParameterError
        The range is not within the movie.

    Examples
    --------
    >>> check_range(2, 5, 10, Path("a.asd"))
    3
    """
    if not 0 <= start <= stop <= n_frames:
        raise ParameterError(
            f"{path}: frames {start} to {stop} were requested; the movie has 0 to {n_frames}"
        )
    return stop - start


def numbered(names: Sequence[str]) -> list[str]:
    """Make names unique: a second "a" becomes "a 2".

    Parameters
    ----------
    names
        Names, possibly with duplicates.

    Returns
    -------
    list of str
        One for each of `names`.

    Examples
    --------
    >>> numbered(["a", "b", "a"])
    ['a', 'b', 'a 2']
    """
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return unique
