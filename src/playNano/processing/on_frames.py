"""Frame-wise steps applied to single frames when these are read, to look at a movie without processing all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.lazy import FrameArray
from playNano.core.provenance import utc_now
from playNano.core.stack import Stack
from playNano.processing.run import ALONE, Members, PlannedStep, Run, groups_of
from playNano.processing.sequence import StepSequence

Read = Callable[[int, int], tuple[npt.NDArray[Any], "npt.NDArray[np.bool_] | None"]]
"""Returns pixels and mask in force of frames [start, stop)."""


def is_frame_wise(steps: Sequence[PlannedStep]) -> bool:
    """Return whether steps process frame by frame, so that `frames_after` can apply them.

    Parameters
    ----------
    steps
        Steps as a pipeline plans them.
    """
    return all(step.kind not in ALONE for step in steps)


def frames_after(
    stack: Stack, frames: Any, steps: Sequence[PlannedStep], surveys: dict[str, Any] | None = None
) -> FrameArray:
    """Return the pixels after frame-wise steps, computed frame by frame when they are read.

    They equal those of a pipeline. What a step shares among all frames is estimated now, from a sample of them.

    Parameters
    ----------
    stack
        The movie; its pixels are not used.
    frames
        The pixels before the steps, (n_frames, height, width): numpy, or an array whose frames are read one by one.
    steps
        Steps as a pipeline plans them for the movie; see `is_frame_wise`.
    surveys
        Receives what steps share among all frames, and gives it back for the same steps on the same movie; None for no
        memory of that.

    Examples
    --------
    >>> from playNano.processing.pipeline import ProcessingPipeline
    >>> stack = Stack(np.arange(8.0).reshape(2, 2, 2), 1.0, "height", "movie.npy")
    >>> steps = ProcessingPipeline().add_filter("zero_mean").steps_for(stack)
    >>> frames_after(stack, stack.data, steps)[1].tolist()
    [[-1.5, -0.5], [0.5, 1.5]]
    """
    run = _UnreadRun(stack.file_path.name, 0, given=stack.geometry)
    run.geometry = stack.geometry
    read: Read = partial(_unmasked, frames)
    dtype: np.dtype[Any] = np.dtype(frames.dtype)
    known = {} if surveys is None else surveys
    for members in groups_of(steps):
        position = members[0][0]
        key = repr([(step.name, step.params) for step in steps[: position + 1]])
        if key in known:
            run.surveys[position] = known[key]
        before = FrameArray(_pixels_of(read), frames.shape, dtype)
        sequence = run.begin(members, before)
        dtype = sequence.dtype(dtype)
        if position in run.surveys:
            known[key] = run.surveys[position]
        read = partial(_applied, sequence, read, len(frames))
    return FrameArray(_pixels_of(read), frames.shape, dtype)


class _UnreadRun(Run):
    """A run that makes the block functions of frame-wise steps, and applies them to no frames but those of surveys."""

    def begin(self, members: Members, frames: Any) -> StepSequence:
        """Return the block function of steps for the frames before them, and go on to the geometry after them."""
        sequence = self._sequence(members, frames)
        self._record(members, [], utc_now(), 0.0)
        return sequence


def _unmasked(frames: Any, start: int, stop: int) -> tuple[npt.NDArray[Any], None]:
    return np.asarray(frames[start:stop]), None


def _applied(
    sequence: StepSequence, read: Read, n_frames: int, start: int, stop: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """Apply a sequence to frames [start, stop), with the neighbouring frames that it needs."""
    low, high = max(0, start - sequence.overlap), min(n_frames, stop + sequence.overlap)
    pixels, mask = read(low, high)
    _, pixels, mask = sequence(low, pixels, mask, slice(start - low, stop - low))
    return pixels, mask


def _pixels_of(read: Read) -> Callable[[int, int], npt.NDArray[Any]]:
    def pixels(start: int, stop: int) -> npt.NDArray[Any]:
        return read(start, stop)[0]

    return pixels
