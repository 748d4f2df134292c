"""Temporal filters: they reduce noise, but blur or remove moving objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field

from playNano._options import Unit
from playNano.algorithms._common.medians import median_of_usable
from playNano.processing.steps import Pixels, step

Mask = npt.NDArray[np.bool_]


def _check_centre(window: int) -> int:
    if window % 2 == 0:
        raise ValueError("must be odd, so that the window has a central frame")
    return window


Window = Annotated[int, Field(ge=1, le=999), AfterValidator(_check_centre), Unit("frames")]


def _half(params: Mapping[str, Any]) -> int:
    return int(params["window"]) // 2


@step("filter", "1.0", neighbours=_half)
def temporal_median(data: Pixels, *, window: Window = 3) -> Pixels:
    """Replace each pixel by its median over neighbouring frames; features present in few of them are removed.

    Parameters
    ----------
    data
        Heights, (n, height, width), in temporal order; a single frame is returned unchanged.
    window
        Number of frames in the window, centred on the frame: odd, 1 changes nothing. At the ends of the
        movie the window is truncated.

    Returns
    -------
    numpy.ndarray
        The filtered frames. NaN stays NaN, and is excluded from the medians of its neighbours.

    Examples
    --------
    >>> movie = np.zeros((5, 1, 1)); movie[2] = 9.0
    >>> temporal_median(movie, window=3).ravel().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    """
    return _over_time(_median, data, window)


@step("filter", "1.0", neighbours=_half)
def temporal_mean(data: Pixels, *, window: Window = 3) -> Pixels:
    """Replace each pixel by its mean over neighbouring frames.

    Parameters
    ----------
    data
        Heights, (n, height, width), in temporal order; a single frame is returned unchanged.
    window
        Number of frames in the window, centred on the frame: odd, 1 changes nothing. At the ends of the
        movie the window is truncated.

    Returns
    -------
    numpy.ndarray
        The averaged frames. NaN stays NaN, and is excluded from the means of its neighbours.

    Examples
    --------
    >>> movie = np.zeros((5, 1, 1)); movie[2] = 9.0
    >>> temporal_mean(movie, window=3).ravel().tolist()
    [0.0, 3.0, 3.0, 3.0, 0.0]
    """
    return _over_time(_mean, data, window)


def _over_time(average: Callable[[Pixels, Mask], Pixels], data: Pixels, window: int) -> Pixels:
    """Return the average over the temporal window of each frame; NaN stays NaN and is excluded."""
    out = np.empty_like(data)
    half = window // 2
    usable = ~np.isnan(data)
    for t in range(len(data)):
        frames = slice(max(0, t - half), t + half + 1)
        out[t] = np.where(usable[t], average(data[frames], usable[frames]), data[t])
    return out


def _median(frames: Pixels, usable: Mask) -> Pixels:
    """Return the median over the frames, pixel by pixel."""
    return median_of_usable(frames, usable, axis=0)


def _mean(frames: Pixels, usable: Mask) -> Pixels:
    """Return the mean over the frames, pixel by pixel, summed in float64."""
    total = np.sum(frames, axis=0, dtype=np.float64, where=usable)
    return np.asarray(total / np.maximum(np.count_nonzero(usable, axis=0), 1))
