"""Check the frames of an open movie quickly: blank, torn, saturated, constant, incomplete and repeated ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms.quality.figures import frame_figures
from playNano.algorithms.quality.quality import judge_frames
from playNano.core.blocks import frame_blocks
from playNano.io.movie import Movie

if TYPE_CHECKING:
    import pandas as pd

CHECK_PIXELS = 32 * 2**20
"""Number of pixels of a movie up to which every frame is checked; of a larger one, frames are sampled."""

_MIN_SATURATED = 16
"""Pixels at the minimum or maximum of the movie from which a frame is saturated."""

_RUN = 8
"""Consecutive frames in a sample: a repeat of a frame shows only next to it."""


@dataclass
class FrameCheck:
    """Frames that are of no use or doubtful, by 0-based number.

    Parameters
    ----------
    n_frames
        Frames of the movie.
    checked
        Numbers of the frames that were checked.
    blank, torn, partly_torn, saturated
        As in `playNano.algorithms.quality.quality.frame_quality`; frames that were not scanned completely are not torn,
        and saturated ones have at least 16 pixels at the minimum or maximum of the movie.
    constant
        Frames in which all pixels have one value.
    repeated
        Frames that are equal to the frame before, pixel by pixel.
    lines_with_values
        Frame -> number of its lines with a finite pixel, for frames in which some line has none.
    not_finite
        Frame -> number of pixels that are NaN or infinite in lines that have values.

    Examples
    --------
    >>> FrameCheck(4, [0, 1, 2, 3], blank=[0, 1]).unusable
    [0, 1]
    """

    n_frames: int
    checked: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    torn: list[int] = field(default_factory=list)
    partly_torn: list[int] = field(default_factory=list)
    saturated: list[int] = field(default_factory=list)
    constant: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    lines_with_values: dict[int, int] = field(default_factory=dict)
    not_finite: dict[int, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every frame was checked."""
        return len(self.checked) == self.n_frames

    @property
    def unusable(self) -> list[int]:
        """Frames that are blank, torn or partly torn."""
        return sorted({*self.blank, *self.torn, *self.partly_torn})


def check_frames(movie: Movie, max_pixels: int = CHECK_PIXELS) -> FrameCheck:
    """Check the frames of a movie block by block.

    Parameters
    ----------
    movie
        The open movie.
    max_pixels
        Number of pixels up to which all frames are decoded, > 0; of a larger movie groups of 8 consecutive frames are
        taken at equal distances.

    Returns
    -------
    FrameCheck
        The frames that are unusual; blank, torn and saturated ones are judged by the other checked frames.

    Raises
    ------
    FileFormatError
        A frame cannot be decoded.
    """
    n_frames, height, width = movie.shape
    result = FrameCheck(n_frames)
    figures = []
    for first, last in _sampled(n_frames, max(1, max_pixels // max(1, height * width))):
        before: npt.NDArray[np.float32] | None = None
        for block in frame_blocks((last - first, height, width)):
            start = first + block.start
            pixels = movie.read(start, first + block.stop)
            figures.append(frame_figures(pixels))
            for frame, image in enumerate(pixels, start=start):
                _check_frame(result, frame, image, before)
                before = image
    if figures:
        _judge(result, judge_frames(np.concatenate(figures)).table, height * width)
    return result


def _judge(result: FrameCheck, table: pd.DataFrame, n_pixels: int) -> None:
    """Add the frames that are flagged; lines that were not scanned make no frame torn."""
    checked = np.array(result.checked)
    # In a small image a few pixels at the maximum are a large fraction.
    enough = table["saturated_fraction"].to_numpy() * n_pixels >= _MIN_SATURATED
    whole = ~np.isin(checked, list(result.lines_with_values))
    for name, also in (("blank", True), ("torn", whole), ("partly_torn", whole), ("saturated", enough)):
        setattr(result, name, checked[table[name].to_numpy() & also].tolist())


def _sampled(n_frames: int, limit: int) -> list[tuple[int, int]]:
    """Return (start, stop) of the frames to check: all, or at most `limit` (8 if that is less) in spread groups."""
    if n_frames <= limit:
        return [(0, n_frames)] if n_frames else []
    run = min(_RUN, n_frames)
    groups = max(1, limit // run)
    starts = np.unique(np.linspace(0, n_frames - run, groups).astype(int)).tolist()
    return [(start, start + run) for start in starts]


def _check_frame(
    result: FrameCheck, frame: int, image: npt.NDArray[np.float32], before: npt.NDArray[np.float32] | None
) -> None:
    """Add what is unusual in one frame to the result."""
    result.checked.append(frame)
    finite = np.isfinite(image)
    lines = finite.any(axis=1)
    if not lines.all():
        result.lines_with_values[frame] = int(lines.sum())
    if lost := int((~finite[lines]).sum()):
        result.not_finite[frame] = lost
    values = image[finite]
    if values.size and values.min() == values.max():
        result.constant.append(frame)
    elif before is not None and np.array_equal(image, before, equal_nan=True):
        result.repeated.append(frame)


def frame_ranges(frames: Iterable[int]) -> str:
    """Return frame numbers as text, runs of consecutive ones as a range.

    Parameters
    ----------
    frames
        0-based numbers, sorted.

    Returns
    -------
    str
        As in the example.

    Examples
    --------
    >>> frame_ranges([0, 1, 2, 5, 7, 8])
    '0-2, 5, 7-8'
    """
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1][1:] = [frame]
        else:
            runs.append([frame])
    return ", ".join("-".join(map(str, run)) for run in runs)
