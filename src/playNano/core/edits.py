"""Notice changes of a movie outside its pipelines: edited pixels, and selected frames, become steps of the record."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

from playNano.core.frame_shifts import mapped_vectors
from playNano.core.lazy import is_lazy
from playNano.core.provenance import utc_now
from playNano.core.scan import ScanGeometry

CHANGED_PIXELS, SLICE = "changed_pixels", "slice"
"""Names of these steps in a record."""

OUTSIDE, FRAMES = "outside", "frames"
"""Their kinds."""

EDIT = "edit"
"""Kind of the steps that change frames, field of view, size or orientation of the pixels."""


@dataclass(frozen=True)
class PixelMark:
    """A fingerprint of the pixels of a movie, frame by frame; a lazy movie is not computed for it.

    A change of up to 32 neighbouring bits of a frame, such as one float32 pixel, is always noticed; any other change
    is missed with a probability of 2^-32.

    Parameters
    ----------
    dtype, shape
        Type of the pixels, and size of a frame.
    frames
        CRC-32 of each frame; None for a lazy movie.
    graph
        Name of the graph of a lazy movie, which is another one for other pixels; None for pixels in memory.

    Examples
    --------
    >>> pixels = np.zeros((3, 4, 4))
    >>> mark = PixelMark.of(pixels)
    >>> pixels[1, 2, 2] = 1
    >>> mark.changed_frames(PixelMark.of(pixels))
    [1]
    """

    dtype: str
    shape: tuple[int, ...]
    frames: tuple[int, ...] | None
    graph: str | None = None

    @classmethod
    def of(cls, pixels: Any) -> PixelMark:
        """Return the fingerprint of pixels.

        Parameters
        ----------
        pixels
            numpy or Dask array, (n_frames, height, width).

        Returns
        -------
        PixelMark
            Its fingerprint.
        """
        dtype, shape = str(pixels.dtype), tuple(pixels.shape[1:])
        if is_lazy(pixels):
            return cls(dtype, shape, None, f"{pixels.name} {len(pixels)}")
        return cls(dtype, shape, tuple(zlib.crc32(np.ascontiguousarray(frame).data) for frame in pixels))

    def part(self, index: slice, whole: Any, part: Any) -> PixelMark:
        """Return the fingerprint that a part of the frames had.

        Parameters
        ----------
        index
            Range of frames.
        whole, part
            Pixels of the whole movie and of the part, as they are now.

        Returns
        -------
        PixelMark
            That of the part when this one was made.
        """
        if self.frames is not None:
            return PixelMark(self.dtype, self.shape, self.frames[index])
        return PixelMark.of(part) if self == PixelMark.of(whole) else self

    def changed_frames(self, now: PixelMark) -> list[int]:
        """Return the numbers of the frames whose pixels are others than when this fingerprint was made.

        Parameters
        ----------
        now
            Fingerprint of the same frames.

        Returns
        -------
        list of int
            All frames where type or size of the pixels has changed; of a lazy movie, whose frames are not known, an
            empty list (compare the fingerprints).
        """
        if now.frames is None:
            return []
        if (self.dtype, self.shape) != (now.dtype, now.shape) or self.frames is None:
            return list(range(len(now.frames)))
        pairs = zip(self.frames, now.frames, strict=True)
        return [frame for frame, (before, after) in enumerate(pairs) if before != after]


def mark_pixels(stack: Any) -> None:
    """Take the fingerprint of the pixels of a stack, with which `note_changed_pixels` will compare.

    Parameters
    ----------
    stack
        The movie, a `Stack`.
    """
    stack.marks["data"] = PixelMark.of(stack.data)


def note_changed_pixels(stack: Any) -> None:
    """Add a step to the record of a stack if its pixels were changed since `mark_pixels`, and warn.

    Parameters
    ----------
    stack
        The movie, a `Stack`. Without an earlier fingerprint it is taken now.

    Warns
    -----
    PlayNanoWarning
        Which pixels were changed, and after which step.
    """
    before, now = stack.marks.get("data"), PixelMark.of(stack.data)
    stack.marks["data"] = now
    if before is None or before == now:
        return
    steps = stack.provenance["processing"]["steps"]
    frames = before.changed_frames(now)
    after = f"step {steps[-1]['index']} ({steps[-1]['name']})" if steps else "the movie was loaded"
    steps.append(_entry(steps, CHANGED_PIXELS, OUTSIDE, {"frames": frames}))
    stack.warn(
        f"the pixels{_of_frames(frames)} were changed outside the pipeline, after {after}: the record does not say "
        "how, so that a replay does not repeat it; a step of the pipeline, or of a plugin, would be repeated"
    )


def selected_frames(
    steps: Sequence[Mapping[str, Any]], source: Mapping[str, Any] | None, index: slice, n: int
) -> Any:
    """Return the entry of a record for a part of the frames, or None if it need not be a step.

    Frames that are selected before any step are described by ``input.frames`` of the record alone.

    Parameters
    ----------
    steps
        Steps of the record so far.
    source
        Description of the movie's file, as `playNano.core.source.describe_source` returns it, or None.
    index
        Range of frames.
    n
        Number of frames before.

    Returns
    -------
    dict or None
        The step, with ``params``: ``first, step, count``; and ``frames_before``: the frames of the file before it.
    """
    start, stop, step = index.indices(n)
    params = {"first": start, "step": step, "count": len(range(start, stop, step))}
    if len(steps) <= (source or {}).get("steps_before", 0) or params == {"first": 0, "step": 1, "count": n}:
        return None
    before = (source or {}).get("frames") or {"first": 0, "step": 1, "count": n, "of": n}
    return {**_entry(steps, SLICE, FRAMES, params), "frames_before": dict(before)}


def frame_range(first: int, step: int, count: int) -> slice:
    """Return the range of frames that a record describes.

    Parameters
    ----------
    first, step, count
        First frame, distance of the frames (negative for a movie in reverse order), and their number.

    Returns
    -------
    slice
        The range.

    Examples
    --------
    >>> list(range(10))[frame_range(3, -1, 4)]
    [3, 2, 1, 0]
    """
    stop = first + step * count
    return slice(first, stop if stop >= 0 else None, step)


def marks_of_part(whole: Any, part: Any, index: slice) -> dict[str, PixelMark]:
    """Return the fingerprints of a part of the frames of a stack.

    Parameters
    ----------
    whole, part
        Both stacks.
    index
        Range of frames.

    Returns
    -------
    dict
        As in ``stack.marks``: ``"data"`` for the pixels, ``"raw"`` for those before the first step.
    """
    pixels = {"data": (whole.data, part.data), "raw": (whole.processed.get("raw"), part.processed.get("raw"))}
    return {name: mark.part(index, *pixels[name]) for name, mark in whole.marks.items()}


def restore_raw_pixels(stack: Any) -> None:
    """Restore the pixels of a stack before its first step; remove snapshots, masks and steps.

    What was done to the movie outside a pipeline before, and all edits, remain, and in its record.

    Parameters
    ----------
    stack
        The movie, a `Stack`.
    """
    steps = stack.provenance["processing"]["steps"]
    if "raw" in stack.processed:
        stack.data = stack.processed["raw"]
        stack.marks = {"data": stack.marks["raw"]} if "raw" in stack.marks else {}
    for step in reversed(steps):
        if step.get("scan_before"):
            stack.scan = ScanGeometry(**step["scan_before"])
        if step.get("rows_reversed"):
            stack.frame_metadata = list(mapped_vectors(stack.frame_metadata, [[-1, 0], [0, 1]]))
    stack.processed, stack.masks = {}, {}
    first = list(takewhile(lambda step: step.get("kind") in (OUTSIDE, FRAMES, EDIT), steps))
    # Edits are done to the raw pixels too, wherever they stand among the steps.
    left = first + [step for step in steps[len(first) :] if step.get("kind") in (FRAMES, EDIT)]
    renumbered = [{**step, "index": number} for number, step in enumerate(left, start=1)]
    stack.provenance["processing"] = {"steps": renumbered, "keys_by_name": {}}


def _entry(steps: Sequence[Any], name: str, kind: str, params: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": len(steps) + 1,
        "name": name,
        "kind": kind,
        "params": params,
        "timestamp": utc_now(),
        "version": None,
    }


def _of_frames(frames: Sequence[int]) -> str:
    """Return the frames in words, for a message."""
    if not frames:
        return ""
    if len(frames) == 1:
        return f" of frame {frames[0]}"
    if len(frames) <= 5:
        return f" of the frames {', '.join(map(str, frames))}"
    return f" of {len(frames)} frames, from {frames[0]} to {frames[-1]},"
