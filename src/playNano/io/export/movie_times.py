"""How long each frame of a movie is shown: at a constant rate, or as fast as it happened."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.stack import Stack
from playNano.errors import ParameterError

MAX_RATE = 60.0
"""Largest number of pictures per second that is taken without being given."""

GIF_RATE = 50.0
"""Largest number of pictures per second that viewers of GIF files show."""

_USUAL_RATE = 10.0
_EQUAL = 0.01


@dataclass(frozen=True)
class Schedule:
    """How often each frame of a movie is repeated in a file of a constant rate.

    Parameters
    ----------
    counts
        Number of pictures of each frame, (n_frames,); 0 for a frame that is left out.
    rate
        Pictures per second.
    text
        The speed in words.
    problem
        What does not appear as recorded, in words; None if everything does.
    """

    counts: npt.NDArray[np.intp]
    rate: Fraction
    text: str
    problem: str | None = None

    @property
    def n_pictures(self) -> int:
        """Number of pictures in the file."""
        return int(self.counts.sum())

    @property
    def duration_s(self) -> float:
        """Duration, s."""
        return float(self.n_pictures / self.rate)

    def durations_ms(self) -> npt.NDArray[np.intp]:
        """Return for how long a GIF shows each frame, ms, in the multiples of 10 ms that it can hold."""
        ends = np.round(np.cumsum(self.counts) * 100 / float(self.rate)).astype(np.intp)
        return np.diff(ends, prepend=0) * 10


def schedule(
    stack: Stack, fps: float | None = None, speed: float | None = None, max_rate: float = MAX_RATE
) -> Schedule:
    """Return how long each frame is shown.

    Parameters
    ----------
    stack
        The movie.
    fps
        Pictures per second, > 0. Without `speed` each frame is one picture; None for 10.
    speed
        Speed of play: 1 for real time, 2 for twice as fast. Frames are shown for as long as they took, to the nearest
        picture, so that errors do not add up; a gap in time shows the frame before it. None for equal durations.
    max_rate
        Largest rate that is taken where `fps` is not given, pictures per second.

    Returns
    -------
    Schedule
        The number of pictures of each frame, and their rate.

    Raises
    ------
    ParameterError
        `speed` is given, and the times of frames are not known; or `fps` exceeds `max_rate` of a GIF.

    Examples
    --------
    >>> from playNano.core.stack import Stack
    >>> times = [{"timestamp": t} for t in (0.0, 0.5, 2.0)]
    >>> stack = Stack(np.zeros((3, 4, 4)), 1.0, "height_trace", "movie.npz", frame_metadata=times)
    >>> schedule(stack, fps=10, speed=1).counts
    array([ 5, 15, 10])
    """
    if speed is None:
        rate = Fraction(fps or _USUAL_RATE).limit_denominator(1000)
        text = f"{float(rate):g} frames/s{_times_real(stack, float(rate))}"
        return Schedule(np.ones(stack.n_frames, np.intp), rate, text)
    starts = _starts(stack) / speed
    intervals = np.diff(starts)
    rate = Fraction(fps).limit_denominator(1000) if fps else _rate(intervals, max_rate)
    edges = np.round(starts * float(rate)).astype(np.intp)
    counts = np.diff(edges)
    if not counts.any():
        counts[0] = 1
    left_out = int((counts == 0).sum())
    problem = (
        f"{left_out} of {len(counts)} frames are left out: at {speed:g} x real time they follow each other faster "
        f"than the {float(rate):g} pictures/s of the file"
        if left_out
        else None
    )
    kind = "real time" if speed == 1 else f"{speed:g} x real time"
    repeated = " with repeats" if (counts > 1).any() else ""
    text = f"{kind}, {float(rate):.4g} pictures/s{repeated}"
    return Schedule(counts, rate, text, problem)


def _starts(stack: Stack) -> npt.NDArray[np.float64]:
    """Return the time after the first frame at which each frame began, and at which the last one ended, s."""
    name = stack.file_path.name
    if not stack.has_times:
        raise ParameterError(
            f"{name}: the times of its frames are not known, nor its speed: give fps instead"
        )
    times = np.asarray(stack.get_frame_times(), dtype=np.float64)
    unknown = np.flatnonzero(~np.isfinite(times))
    if len(unknown):
        raise ParameterError(
            f"{name}: the time of frame {unknown[0]} is not known: give fps instead of a speed"
        )
    starts = np.abs(times - times[0])
    last = float(np.median(np.diff(starts))) if len(starts) > 1 else _frame_time(stack)
    return np.append(starts, starts[-1] + last)


def _frame_time(stack: Stack) -> float:
    """Return how long a single frame took, s."""
    return float((stack.scan.frame_time_s if stack.scan is not None else None) or 1.0)


def _rate(intervals: npt.NDArray[np.float64], max_rate: float) -> Fraction:
    """Return a rate at which frames can be shown on time, between 1 picture per second and the maximum."""
    median = float(np.median(intervals))
    equal = bool(np.all(np.abs(intervals - median) <= _EQUAL * median))
    if equal and 1 / median <= max_rate:
        return Fraction(math.ceil(median - 1e-9) / median).limit_denominator(10_000)
    return Fraction(30 if not equal and 1 / median <= 30 <= max_rate else max_rate)


def _times_real(stack: Stack, rate: float) -> str:
    """Return how much faster than recorded frames of equal duration are shown, in words."""
    times: Any = np.asarray(stack.get_frame_times())
    steps = np.abs(np.diff(times))
    if not stack.has_times or not np.isfinite(steps).any():
        return ""
    median = float(np.nanmedian(steps))
    unequal = bool(np.nanmax(np.abs(steps - median)) > _EQUAL * median)
    where = (
        " for the median frame; all frames are shown equally long though their times differ"
        if unequal
        else ""
    )
    return f", {median * rate:.3g} x real time{where}"
