"""Average over time: less noise, at the price of motion that is smeared or lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field

from playNano._options import Unit
from playNano.processing.steps import Pixels, step


def _odd(window: int) -> int:
    if window % 2 == 0:
        raise ValueError("must be odd, so that the window has a middle frame")
    return window


Window = Annotated[int, Field(ge=1, le=999), AfterValidator(_odd), Unit("frames")]


def _half(params: Mapping[str, Any]) -> int:
    return int(params["window"]) // 2


@step("filter", "1.0", neighbours=_half)
def temporal_median(data: Pixels, *, window: Window = 3) -> Pixels:
    """Replace each pixel by its median over neighbouring frames; what shows in few of them vanishes.

    Parameters
    ----------
    data
        Heights, (n, height, width), in the order of time; a single frame stays as it is.
    window
        Frames that the median spans, the frame in the middle: odd, 1 changes nothing. Near the ends of the
        movie the window ends with the movie.

    Returns
    -------
    numpy.ndarray
        The filtered frames. NaN stays NaN, and is left out of its neighbours' medians.

    Examples
    --------
    >>> movie = np.zeros((5, 1, 1)); movie[2] = 9.0
    >>> temporal_median(movie, window=3).ravel().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    """
    from playNano.processing.video._temporal_kernels import medians

    return _over_time(medians, data, window)


@step("filter", "1.0", neighbours=_half)
def temporal_mean(data: Pixels, *, window: Window = 3) -> Pixels:
    """Replace each pixel by its mean over neighbouring frames.

    Parameters
    ----------
    data
        Heights, (n, height, width), in the order of time; a single frame stays as it is.
    window
        Frames that the mean spans, the frame in the middle: odd, 1 changes nothing. Near the ends of the
        movie the window ends with the movie.

    Returns
    -------
    numpy.ndarray
        The averaged frames. NaN stays NaN, and is left out of its neighbours' means.

    Examples
    --------
    >>> movie = np.zeros((5, 1, 1)); movie[2] = 9.0
    >>> temporal_mean(movie, window=3).ravel().tolist()
    [0.0, 3.0, 3.0, 3.0, 0.0]
    """
    from playNano.processing.video._temporal_kernels import means

    return _over_time(means, data, window)


def _over_time(kernel: Any, data: Pixels, window: int) -> Pixels:
    out = np.empty_like(data)
    kernel(data.reshape(len(data), -1), window // 2, out.reshape(len(data), -1))
    return out
