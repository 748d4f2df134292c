"""Apply a sequence of frame-wise steps to one block of frames while it is in the processor's cache."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.errors import PlayNanoError, StepError
from playNano.processing.frame_functions import FrameError
from playNano.processing.steps import Pixels, Step, all_finite, as_float_block

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class BoundStep:
    """A step of a sequence with the parameter values in effect.

    Parameters
    ----------
    index
        Its number in the record, from 1.
    step
        The step; None clears the mask.
    params
        Parameter name -> value in effect.
    """

    index: int
    step: Step | None
    params: dict[str, Any]


@dataclass
class BlockReport:
    """Report of a sequence on one block: skipped frames and durations.

    Parameters
    ----------
    skipped
        Position of the step in the sequence -> frames of the movie that it left unchanged.
    seconds
        Position of the step in the sequence -> duration, s.
    per_frame
        Position of the step in the sequence -> quantities of the inner frames, by name.
    """

    skipped: dict[int, list[int]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    per_frame: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class StepSequence:
    """A sequence of frame-wise steps, callable with a block of frames.

    The results do not depend on the division of a movie into blocks, and the sequence can be pickled.

    Parameters
    ----------
    source
        Name of the movie, for messages.
    steps
        Filters, masks and `clear_mask` steps, in order.
    """

    source: str
    steps: tuple[BoundStep, ...]

    def dtype(self, given: npt.DTypeLike) -> np.dtype[Any]:
        """Return the dtype of the resulting pixels for the dtype of the given ones.

        Parameters
        ----------
        given
            Dtype of the input pixels.
        """
        filters = any(bound.step is not None and bound.step.kind == "filter" for bound in self.steps)
        return as_float_block(np.empty((1, 1, 1), given))[0].dtype if filters else np.dtype(given)

    def mask_after(self, mask_before: bool) -> bool:
        """Return whether a mask is in force after the sequence.

        Parameters
        ----------
        mask_before
            Whether a mask is in force before it.
        """
        in_force = mask_before
        for bound in self.steps:
            if bound.step is None:
                in_force = False
            elif bound.step.kind == "mask":
                in_force = True
        return in_force

    @property
    def overlap(self) -> int:
        """Number of frames on either side of a block on which its results depend."""
        steps = ((bound.step, bound.params) for bound in self.steps if bound.step is not None)
        return sum(step.neighbours(params) for step, params in steps if step.neighbours is not None)

    def __call__(
        self, start: int, block: Pixels, mask: Mask | None = None, inner: slice = slice(None)
    ) -> tuple[BlockReport, Pixels, Mask | None]:
        """Run the steps on a block.

        Parameters
        ----------
        start
            Number of the block's first frame in the movie, for messages and the report.
        block
            Pixels, (n, height, width), n > 0.
        mask
            Mask in force before the first step, of the block's shape.
        inner
            Frames of the block whose results are returned; the others, `overlap` on either side or fewer at the
            ends of the movie, are needed by steps that use neighbouring frames.

        Returns
        -------
        report : BlockReport
            Skipped frames (only inner ones) and durations.
        pixels : numpy.ndarray
            The inner frames after the last filter.
        mask : numpy.ndarray of bool or None
            The mask in force at the end, inner frames; None if there is none.

        Raises
        ------
        StepError
            If a step fails; the message names step and frame.
        """
        pixels, report = block, BlockReport()
        inner_frames = range(start, start + len(block))[inner]
        dtype = as_float_block(block[:1])[0].dtype
        for position, bound in enumerate(self.steps):
            began = time.perf_counter()
            if bound.step is None:
                mask = None
                continue
            used = mask if bound.step.uses_mask else None
            result, per_frame = self._apply(bound, bound.step, pixels, used, start)
            if per_frame:
                report.per_frame[position] = {name: values[inner] for name, values in per_frame.items()}
            needed = bound.step.min_pixels(bound.params) if bound.step.min_pixels else 0
            too_few = _frames_with_too_few_pixels(pixels, used, needed)
            skipped = [frame for frame in (start + too_few).tolist() if frame in inner_frames]
            if skipped:
                report.skipped[position] = skipped
            if bound.step.kind == "mask":
                marked = result.astype(np.bool_, copy=False)
                mask = marked if mask is None else mask | marked
            else:
                pixels = result.astype(dtype, copy=False)
            report.seconds[position] = time.perf_counter() - began
        return report, pixels[inner], None if mask is None else mask[inner]

    def _apply(
        self, bound: BoundStep, step: Step, pixels: Pixels, mask: Mask | None, start: int
    ) -> tuple[Pixels, dict[str, Any]]:
        """Apply one step to a block, and return its pixels and the quantities per frame that it reports.

        An error becomes a StepError that names movie, step and frame.
        """
        where = f"{self.source}, step {bound.index} ({step.name})"
        params = bound.params if mask is None else {**bound.params, "mask": mask}
        per_frame: dict[str, Any] = {}
        try:
            if step.direct is not None:
                result = step.direct(as_float_block(pixels)[0], **params)
                if step.survey is not None:
                    result, per_frame = result
            else:
                result = np.asarray(step.function(pixels, **params))
        except FrameError as failure:
            raise StepError(f"{where} failed on frame {start + failure.index}: {failure}") from failure
        except PlayNanoError:
            raise
        except Exception as error:
            raise StepError(
                f"{where} failed on frames {start} to {start + len(pixels) - 1}: {type(error).__name__}: {error}"
            ) from error
        if result.shape != pixels.shape:
            raise StepError(f"{where} returned shape {result.shape} for frames of shape {pixels.shape}")
        return result, per_frame


@dataclass(frozen=True)
class FinalPixels:
    """Function for `map_frames` that returns the pixels after a sequence.

    Parameters
    ----------
    sequence
        The steps.
    """

    sequence: StepSequence

    def __call__(
        self, start: int, block: Pixels, mask: Mask | None = None, inner: slice = slice(None)
    ) -> tuple[BlockReport, Pixels]:
        """Return report and pixels of a block; the parameters are those of `StepSequence`."""
        report, pixels, _ = self.sequence(start, block, mask, inner)
        return report, pixels


@dataclass(frozen=True)
class FinalMask:
    """Function for `map_frames` that returns the mask in force after a sequence.

    Parameters
    ----------
    sequence
        The steps.
    """

    sequence: StepSequence

    def __call__(
        self, start: int, block: Pixels, mask: Mask | None = None, inner: slice = slice(None)
    ) -> tuple[BlockReport, Mask]:
        """Return report and mask of a block; the parameters are those of `StepSequence`."""
        report, pixels, mask = self.sequence(start, block, mask, inner)
        return report, np.zeros(pixels.shape, np.bool_) if mask is None else mask


def _frames_with_too_few_pixels(block: Pixels, mask: Mask | None, needed: int) -> npt.NDArray[np.int64]:
    """Return the indices of frames with fewer finite, unmasked pixels than a step needs."""
    if not needed:
        return np.empty(0, dtype=np.int64)
    if mask is None and (block.dtype.kind != "f" or all_finite(as_float_block(block)[0])):
        return np.arange(len(block) if block[0].size < needed else 0)
    usable = np.isfinite(block) if mask is None else np.isfinite(block) & ~mask
    return np.flatnonzero(usable.sum(axis=(1, 2)) < needed)
