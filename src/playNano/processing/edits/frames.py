"""Edits that keep or drop frames; the times of the others stay, so that a dropped frame is a gap in time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field

from playNano._options import Unit
from playNano.errors import ParameterError
from playNano.processing.drift.frames import usable_frames
from playNano.processing.edit_step import Edit, Movie, edit

_PART = r"(-?\d+|-?\d*:-?\d*(:\d+)?)"


def _check_text(frames: object) -> object:
    if isinstance(frames, str) and not re.fullmatch(rf"{_PART}(,{_PART})*", frames.replace(" ", "")):
        raise ValueError('must be numbers or ranges of frames, such as "20:60" or "3,7,20:25"')
    return frames


FrameSet: TypeAlias = Annotated[str | int | Sequence[int], AfterValidator(_check_text)]
"""Frames as text ("20:60", "0:100:2", "3,7,20:25") or as numbers; negative numbers count from the end."""


@edit("1.0")
def select_frames(
    movie: Movie, *, frames: FrameSet | None = None, keep_indices: Sequence[int] | None = None
) -> Edit:
    """Keep some frames, with their times.

    Parameters
    ----------
    movie
        The movie.
    frames
        Frames to keep, from 0: ``"20:60"`` (60 excluded), ``"0:100:2"``, ``"3,7,20:25"``, or a list of numbers.
    keep_indices
        The same as a list of numbers; give one of both.

    Returns
    -------
    Edit
        The plan.

    Raises
    ------
    ParameterError
        There is no such frame, or none is left.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> entries = tuple({"timestamp": 0.5 * n} for n in range(10))
    >>> movie = Movie(np.zeros((10, 2, 2)), MovieGeometry(entries, (2, 2), (1.0, 1.0)))
    >>> select_frames(movie, frames="2:8:3").geometry.frame_metadata
    ({'timestamp': 1.0}, {'timestamp': 2.5})
    """
    given = _one_of(frames, "frames", keep_indices, "keep_indices")
    return _keeping(movie, frame_numbers(given, movie.geometry.n_frames))


@edit("1.0")
def drop_frames(
    movie: Movie, *, frames: FrameSet | None = None, indices_to_drop: Sequence[int] | None = None
) -> Edit:
    """Drop some frames; the others keep their times.

    Parameters
    ----------
    movie
        The movie.
    frames
        Frames to drop, from 0: ``"20:60"`` (60 excluded), ``"3,7"``, or a list of numbers.
    indices_to_drop
        The same as a list of numbers; give one of both.

    Returns
    -------
    Edit
        The plan.

    Raises
    ------
    ParameterError
        There is no such frame, or none is left.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.zeros((4, 2, 2)), MovieGeometry(({},) * 4, (2, 2), (1.0, 1.0)))
    >>> drop_frames(movie, frames=[-1, 0]).frames
    (1, 2)
    """
    given = _one_of(frames, "frames", indices_to_drop, "indices_to_drop")
    return _without(movie, frame_numbers(given, movie.geometry.n_frames))


@edit("1.0")
def drop_frame_range(
    movie: Movie,
    *,
    start: Annotated[int, Field(ge=0), Unit("frames")],
    end: Annotated[int, Field(ge=1), Unit("frames")],
) -> Edit:
    """Drop a range of frames; the others keep their times.

    Parameters
    ----------
    movie
        The movie.
    start
        First frame that is dropped, from 0.
    end
        First frame after them that is kept.

    Returns
    -------
    Edit
        The plan.

    Raises
    ------
    ParameterError
        The range is empty or goes beyond the movie, or no frame is left.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.zeros((5, 2, 2)), MovieGeometry(({},) * 5, (2, 2), (1.0, 1.0)))
    >>> drop_frame_range(movie, start=1, end=4).frames
    (0, 4)
    """
    if not start < end <= movie.geometry.n_frames:
        raise ParameterError(f"frames {start} to {end} are no range of {movie.geometry.n_frames} frames")
    return _without(movie, range(start, end))


@edit("1.0")
def drop_final_frames(
    movie: Movie, *, n_frames_to_drop: Annotated[int, Field(ge=0), Unit("frames")] = 1
) -> Edit:
    """Drop the last frames.

    Parameters
    ----------
    movie
        The movie.
    n_frames_to_drop
        Their number.

    Returns
    -------
    Edit
        The plan.

    Raises
    ------
    ParameterError
        No frame is left.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> movie = Movie(np.zeros((5, 2, 2)), MovieGeometry(({},) * 5, (2, 2), (1.0, 1.0)))
    >>> drop_final_frames(movie, n_frames_to_drop=2).frames
    (0, 1, 2)
    """
    n = movie.geometry.n_frames
    return _without(movie, range(max(n - n_frames_to_drop, 0), n))


@edit("1.0")
def drop_flagged(movie: Movie) -> Edit:
    """Drop the frames that quality control calls unusable: torn, blank, out of contact, repeated, scrambled.

    The frames are judged as they are at this step, by the limits of `frame_quality`; to judge raw frames put the step
    first. Without this step such frames stay in the movie, and are left out by detection and tracking.

    Parameters
    ----------
    movie
        The movie; a lazy one is read once.

    Returns
    -------
    Edit
        The plan; its details have the number of dropped frames and the flags of each.

    Raises
    ------
    ParameterError
        No frame is left.

    Examples
    --------
    >>> from playNano.core.geometry import MovieGeometry
    >>> data = np.random.default_rng(0).normal(size=(5, 16, 16)); data[3] = 7.0
    >>> drop_flagged(Movie(data, MovieGeometry(({},) * 5, (16, 16), (1.0, 1.0)))).frames
    (0, 1, 2, 4)
    """
    usable = usable_frames(movie.data, movie.geometry.shape, "drop_flagged")
    lost = np.flatnonzero(~usable).tolist()
    planned = _without(movie, lost)
    return Edit(planned.geometry, planned.frames, details={"dropped": lost})


def frame_numbers(frames: FrameSet, n_frames: int) -> list[int]:
    """Return frames as increasing numbers without repeats.

    Parameters
    ----------
    frames
        As checked text or as numbers; see `FrameSet`.
    n_frames
        Frames of the movie.

    Raises
    ------
    ParameterError
        There is no such frame.

    Examples
    --------
    >>> frame_numbers("3,7:10,-1", 20)
    [3, 7, 8, 9, 19]
    """
    if not isinstance(frames, str):
        given = [frames] if isinstance(frames, int) else list(frames)
        return sorted({_number(int(number), n_frames) for number in given})
    numbers: set[int] = set()
    for part in frames.replace(" ", "").split(","):
        ends = [int(end) if end else None for end in part.split(":")]
        if len(ends) == 1 and ends[0] is not None:
            numbers.add(_number(ends[0], n_frames))
            continue
        for end in ends[:2]:
            if end is not None and not -n_frames <= end <= n_frames:
                raise ParameterError(f"frames {part}: the movie has {n_frames} frames, 0 to {n_frames - 1}")
        numbers.update(range(n_frames)[slice(*ends)])
    return sorted(numbers)


def _number(number: int, n_frames: int) -> int:
    """Return a frame's number from 0."""
    if not -n_frames <= number < n_frames:
        raise ParameterError(
            f"there is no frame {number}: the movie has {n_frames} frames, 0 to {n_frames - 1}"
        )
    return number % n_frames


def _one_of(first: FrameSet | None, name: str, second: Sequence[int] | None, other: str) -> FrameSet:
    """Return the one of two parameters that is given."""
    given = [value for value in (first, second) if value is not None]
    if len(given) != 1:
        raise ParameterError(f"give {name} or {other}, one of both")
    return given[0]


def _without(movie: Movie, dropped: Iterable[int]) -> Edit:
    """Plan to keep all frames except some."""
    lost = set(dropped)
    return _keeping(movie, [frame for frame in range(movie.geometry.n_frames) if frame not in lost])


def _keeping(movie: Movie, kept: Sequence[int]) -> Edit:
    """Plan to keep some frames."""
    if not kept:
        raise ParameterError(f"no frame is left of {movie.geometry.n_frames}")
    return Edit(movie.geometry.selected(kept), frames=tuple(kept))
