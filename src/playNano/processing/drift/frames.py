"""Read the frames of a movie one after the other, and judge which of them show the surface."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.quality.figures import figure_type, frame_figures
from playNano.algorithms.quality.quality import judge_frames
from playNano.core.executor import map_frames
from playNano.core.lazy import computed

BLOCK_FRAMES = 16
"""Frames that are read at once."""


def usable_frames(data: Any, shape: tuple[int, int], what: str) -> npt.NDArray[np.bool_]:
    """Return whether quality control calls each frame usable, (n_frames,).

    Parameters
    ----------
    data
        Pixels, (n_frames, height, width): a numpy or Dask array; a lazy one is read once.
    shape
        Rows and columns of a frame.
    what
        Name of the step, for the progress display.
    """
    parts = map_frames(_figures, data, what=what)
    figures = np.concatenate([np.empty(0, figure_type(shape[0])), *parts])
    return np.asarray(judge_frames(figures, None).table["usable"].to_numpy(np.bool_))


def _figures(start: int, block: object) -> object:
    """Return the quality figures of a block of frames."""
    return frame_figures(np.asarray(block))


def each_frame(data: Any) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the frames of a movie; of a lazy one, only a few are in memory.

    Parameters
    ----------
    data
        Pixels, (n_frames, height, width).
    """
    for start in range(0, len(data), BLOCK_FRAMES):
        yield from np.asarray(computed(data[start : start + BLOCK_FRAMES]), dtype=np.float32)
