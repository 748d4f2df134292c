"""When each frame began, from what files and users write as its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.errors import StackError


@dataclass(frozen=True)
class FrameClock:
    """The start times of a movie's frames.

    Parameters
    ----------
    times
        Start of each frame, s, NaN where it is not known; the frames' indices where `known` is false.
    known
        Whether `times` are seconds.
    problem
        What is wrong with the times as given, in words, or None.
    """

    times: npt.NDArray[np.float64]
    known: bool
    problem: str | None = None


def frame_clock(entries: Sequence[Mapping[str, Any]], *, backwards: bool = False) -> FrameClock:
    """Return the start times of frames from their metadata.

    Parameters
    ----------
    entries
        One mapping a frame. ``"timestamp"`` is the start of the frame: a number, s; the text of a number; or an
        ISO 8601 text, counted from the first frame that has one. Without it, or with None or NaN, the time of the
        frame is not known. ``"frame_number"`` is the number of a frame in the movie from which others were dropped.
    backwards
        Whether the frames stand in reverse order on purpose, so that times must decrease.

    Returns
    -------
    FrameClock
        Seconds; the index of each frame where no time is known, or where times stand still or run backwards.

    Raises
    ------
    StackError
        A time is neither a number nor an ISO 8601 text, or some frames have the one and some the other.

    Examples
    --------
    >>> frame_clock([{"timestamp": "2024-05-01T12:00:00"}, {}, {"timestamp": "2024-05-01T12:00:01.5"}]).times
    array([0. , nan, 1.5])
    >>> frame_clock([{"timestamp": 3.0}, {"timestamp": 3.0}]).times
    array([0., 1.])
    """
    index = np.array([entry.get("frame_number", k) for k, entry in enumerate(entries)], dtype=np.float64)
    given = [_parsed(entry.get("timestamp"), frame) for frame, entry in enumerate(entries)]
    moments = [value for value in given if isinstance(value, datetime)]
    if moments and any(isinstance(value, float) and not np.isnan(value) for value in given):
        raise StackError("the timestamps of some frames are dates and those of others seconds: give one kind")
    times = np.array(
        [(v - moments[0]).total_seconds() if isinstance(v, datetime) else v for v in given], dtype=np.float64
    )
    known = np.flatnonzero(~np.isnan(times))
    if not known.size:
        return FrameClock(index, known=False)
    steps = np.diff(times[known])
    back = np.flatnonzero((-steps if backwards else steps) <= 0)
    if back.size:
        first, second = known[back[0]], known[back[0] + 1]
        return FrameClock(
            index,
            known=False,
            problem=f"the times of the frames do not increase (frame {first} begins at {times[first]:.6g} s, "
            f"frame {second} at {times[second]:.6g} s): frames are counted by their index instead of seconds",
        )
    lost = len(times) - len(known)
    problem = f"{lost} of {len(times)} frames have no time; times in them are NaN" if lost else None
    return FrameClock(times, known=True, problem=problem)


def _parsed(value: Any, frame: int) -> float | datetime:
    """Return a timestamp as seconds (NaN where there is none) or as a moment."""
    if value is None:
        return float("nan")
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError as error:
            raise StackError(
                f"frame {frame}: the timestamp {value!r} is neither a number of seconds nor an ISO 8601 text"
            ) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if np.isinf(seconds):
        raise StackError(f"frame {frame}: the timestamp is {value!r}; it must be finite")
    return seconds


def time_summary(clock: FrameClock, line_rate_hz: float | None, direction: str | None) -> str:
    """Return times and scan in words, on one line.

    Parameters
    ----------
    clock
        The frames' times.
    line_rate_hz
        Lines a second, or None.
    direction
        Direction of the scan, or None.

    Returns
    -------
    str
        As in the example.

    Examples
    --------
    >>> time_summary(FrameClock(np.array([0.0, 0.5]), True), 200.0, "up")
    '1 s, 0.5 s a frame, 200 lines/s, scanned up'
    """
    known = np.flatnonzero(~np.isnan(clock.times))
    if not clock.known or not known.size:
        return "frame times not known"
    times = clock.times[known]
    if len(times) < 2:
        return f"one frame at {times[0]:.4g} s"
    interval = (times[-1] - times[0]) / (known[-1] - known[0])
    text = f"{times[-1] - times[0] + interval:.4g} s, {interval:.4g} s a frame"
    if line_rate_hz is not None:
        text += f", {line_rate_hz:.4g} lines/s"
    return text if direction is None else f"{text}, scanned {direction}"
