"""Frame-wise steps in a row, over a block of frames, while it is in the processor's cache."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.errors import PlayNanoError, StepError
from playNano.processing.steps import FrameError, Pixels, Step, all_finite, as_float_block

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Link:
    """One step of a chain: its number in the record, and the values in effect; no step clears the mask."""

    index: int
    step: Step | None
    params: dict[str, Any]


@dataclass
class Notes:
    """What is noted of a block: by a link's place, the frames left as they were, and seconds."""

    skipped: dict[int, list[int]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Chain:
    """Frame-wise steps in a row.

    Its results do not depend on how a movie is cut into blocks, and it can be sent to another process.

    Parameters
    ----------
    source
        Name of the movie, for messages.
    links
        Filters, masks and the clearing of masks.
    """

    source: str
    links: tuple[Link, ...]

    def dtype(self, given: npt.DTypeLike) -> np.dtype[Any]:
        """Return the type of the pixels that come out for those that go in."""
        filters = any(link.step is not None and link.step.kind == "filter" for link in self.links)
        return as_float_block(np.empty((1, 1, 1), given))[0].dtype if filters else np.dtype(given)

    def in_force(self, before: bool) -> bool:
        """Return whether a mask is in force after the chain, given whether one was before it."""
        for link in self.links:
            if link.step is None:
                before = False
            elif link.step.kind == "mask":
                before = True
        return before

    @property
    def reach(self) -> int:
        """Frames on either side of a block that its results depend on."""
        steps = ((link.step, link.params) for link in self.links if link.step is not None)
        return sum(step.neighbours(params) for step, params in steps if step.neighbours is not None)

    def __call__(
        self, start: int, block: Pixels, mask: Mask | None = None, inner: slice = slice(None)
    ) -> tuple[Notes, Pixels, Mask | None]:
        """Run the steps.

        Parameters
        ----------
        start
            Number of the block's first frame in the movie, for messages and notes.
        block
            (n, height, width), n > 0.
        mask
            In force before the first step, of the block's shape.
        inner
            The frames of the block that are wanted; the others, `reach` on either side or up to the movie's
            ends, are there for the steps that look at neighbours.

        Returns
        -------
        tuple
            Of the wanted frames: notes; the pixels after the last filter; the mask in force at the end.

        Raises
        ------
        StepError
            If a step fails; the message names step and frame.
        """
        pixels, notes = block, Notes()
        wanted = range(start, start + len(block))[inner]
        dtype = as_float_block(block[:1])[0].dtype
        for place, link in enumerate(self.links):
            began = time.perf_counter()
            if link.step is None:
                mask = None
                continue
            used = mask if link.step.uses_mask else None
            result = self._call(link, link.step, pixels, used, start)
            few = _too_few(pixels, used, link.step.min_pixels(link.params) if link.step.min_pixels else 0)
            skipped = [frame for frame in (start + few).tolist() if frame in wanted]
            if skipped:
                notes.skipped[place] = skipped
            if link.step.kind == "mask":
                marked = result.astype(np.bool_, copy=False)
                mask = marked if mask is None else mask | marked
            else:
                pixels = result.astype(dtype, copy=False)
            notes.seconds[place] = time.perf_counter() - began
        return notes, pixels[inner], None if mask is None else mask[inner]

    def _call(self, link: Link, step: Step, pixels: Pixels, mask: Mask | None, start: int) -> Pixels:
        at = f"{self.source}, step {link.index} ({step.name})"
        params = link.params if mask is None else {**link.params, "mask": mask}
        try:
            if step.direct is not None:
                result = step.direct(as_float_block(pixels)[0], **params)
            else:
                result = np.asarray(step.function(pixels, **params))
        except FrameError as failure:
            raise StepError(f"{at} failed on frame {start + failure.index}: {failure}") from failure
        except PlayNanoError:
            raise
        except Exception as error:
            raise StepError(
                f"{at} failed on frames {start} to {start + len(pixels) - 1}: {type(error).__name__}: {error}"
            ) from error
        if result.shape != pixels.shape:
            raise StepError(f"{at} returned shape {result.shape} for frames of shape {pixels.shape}")
        return result


@dataclass(frozen=True)
class FinalPixels:
    """A chain as a function for `map_frames`: the notes, and the pixels."""

    chain: Chain

    def __call__(
        self, start: int, block: Pixels, mask: Mask | None = None, inner: slice = slice(None)
    ) -> tuple[Notes, Pixels]:
        """Return notes and pixels of a block."""
        notes, pixels, _ = self.chain(start, block, mask, inner)
        return notes, pixels


@dataclass(frozen=True)
class FinalMask:
    """A chain as a function for `map_frames`: the notes, and the mask in force at its end."""

    chain: Chain

    def __call__(
        self, start: int, block: Pixels, mask: Mask | None = None, inner: slice = slice(None)
    ) -> tuple[Notes, Mask]:
        """Return notes and mask of a block."""
        notes, pixels, mask = self.chain(start, block, mask, inner)
        return notes, np.zeros(pixels.shape, np.bool_) if mask is None else mask


def _too_few(part: Pixels, mask: Mask | None, needed: int) -> npt.NDArray[np.int64]:
    """Return the frames of a block with fewer usable pixels than a step needs."""
    if not needed:
        return np.empty(0, dtype=np.int64)
    if mask is None and (part.dtype.kind != "f" or all_finite(as_float_block(part)[0])):
        return np.arange(len(part) if part[0].size < needed else 0)
    usable = np.isfinite(part) if mask is None else np.isfinite(part) & ~mask
    return np.flatnonzero(usable.sum(axis=(1, 2)) < needed)
