"""Functions of one frame, as plugins provide them, called for all frames of a block."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.errors import StepError

Pixels = npt.NDArray[Any]


class FrameByFrame:
    """A block function that calls a plugin's function for each frame.

    Parameters
    ----------
    function
        Receives a frame (height, width) and parameters, and returns an array of the same shape.
    is_mask
        Whether the function returns a mask, which must be bool.

    Raises
    ------
    FrameError
        If the plugin fails, or returns another shape or dtype; it has the index of the frame within the block.
    """

    def __init__(self, function: Callable[..., Any], is_mask: bool = False) -> None:
        self.function = function
        self.is_mask = is_mask
        functools.update_wrapper(self, function)

    def __reduce__(self) -> Any:
        return FrameByFrame, (self.function, self.is_mask)

    def __call__(self, data: Pixels, **params: Any) -> Pixels:
        """Return the plugin's results for the frames of a block (n, height, width), or the mask of one frame."""
        if np.ndim(data) == 2:
            return np.asarray(self(np.asarray(data)[None], **params)[0])
        frames = []
        for index, frame in enumerate(data):
            try:
                # A copy: a plugin that works in place must not modify the movie.
                result = np.asarray(self.function(frame.copy(), **params))
            except Exception as error:
                raise FrameError(index, f"{type(error).__name__}: {error}") from error
            if result.shape != frame.shape:
                raise FrameError(index, f"it returned shape {result.shape} for a frame of {frame.shape}")
            if self.is_mask and result.dtype != np.bool_:
                raise FrameError(index, f"a mask must be bool, not {result.dtype}")
            frames.append(result)
        if frames:
            return np.stack(frames)
        return np.zeros(np.shape(data), np.bool_) if self.is_mask else data


def frame_by_frame(name: str, function: Callable[..., Any]) -> FrameByFrame:
    """Create a block function from a plugin's frame -> frame function; see `FrameByFrame`.

    Parameters
    ----------
    name
        Name of the plugin.
    function
        Receives a frame (height, width) and parameters.

    Returns
    -------
    FrameByFrame
        The block function.
    """
    return FrameByFrame(function)


class FrameError(StepError):
    """A step failed on one frame of a block; the pipeline adds its number in the movie."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index

    def __reduce__(self) -> Any:
        return FrameError, (self.index, str(self))
