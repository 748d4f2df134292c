"""Helpers of all readers: plain images, ranges of frames, names of channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from playNano.errors import FileFormatError, ParameterError


@dataclass(frozen=True)
class Calibration:
    """A linear scaling: value = slope * raw + intercept.

    Parameters
    ----------
    slope
        Unit of the value for one raw count.
    intercept
        Value of raw 0.
    unit
        "nm", "deg", "V" ...
    """

    slope: float
    intercept: float
    unit: str


@dataclass(frozen=True)
class RawImage:
    """Decodes one frame that a file has as plain numbers; holds no open file, and can be pickled.

    Parameters
    ----------
    path
        The file.
    first_byte
        Where the frame begins.
    dtype
        How a pixel is stored.
    shape
        (height, width).
    scaling
        From stored numbers to values.
    flip_y
        Whether the lowest line is stored first.
    flip_x
        Whether the rightmost pixel of a line is stored first.
    """

    path: Path
    first_byte: int
    dtype: str
    shape: tuple[int, int]
    scaling: Calibration
    flip_y: bool = False
    flip_x: bool = False

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop); there is one."""
        count = check_range(start, stop, 1, self.path) * self.shape[0] * self.shape[1]
        raw = np.fromfile(self.path, self.dtype, count=count, offset=self.first_byte).astype(np.float64)
        raw *= self.scaling.slope
        raw += self.scaling.intercept
        image = raw.astype(np.float32).reshape(-1, *self.shape)
        turned = image[:, :: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(turned)


def check_bytes(path: Path, end: int, what: str) -> None:
    """Raise FileFormatError where a file ends before a part of it does.

    Parameters
    ----------
    path
        The file.
    end
        The byte behind the part.
    what
        What the part is, for the message.
    """
    there = path.stat().st_size
    if there < end:
        raise FileFormatError(
            f"{path}: the file is cut off: {what} ends at byte {end}, {there} bytes are there"
        )


def check_range(start: int, stop: int, n_frames: int, path: Path) -> int:
    """Return how many frames there are in [start, stop).

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
        The range does not lie within the movie.

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
    """Return names that differ: a second "a" becomes "a 2".

    Parameters
    ----------
    names
        Names, some perhaps more than once.

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
