"""What every reader does with frames and names of channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playNano.errors import ParameterError


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
            f"{path}: frames {start} to {stop} were asked for; the movie has 0 to {n_frames}"
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
