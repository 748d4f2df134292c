"""Checks that every reader makes before it decodes frames."""

from __future__ import annotations

from pathlib import Path

from playNano.errors import ParameterError


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
