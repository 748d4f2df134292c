"""Steps that replace pixels without a value, and the step that inverts heights."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from playNano._options import HeightUnit
from playNano.algorithms._common.medians import median_of_usable
from playNano.errors import ParameterError
from playNano.processing.steps import Pixels, step

Filling = Literal["zero", "mean", "median", "global_mean", "constant"]


def _filled(data: Pixels, mode: Filling, value: float | None) -> Pixels:
    """Replace NaN frame by frame."""
    if (mode == "constant") != (value is not None):
        raise ParameterError('value is given with mode="constant", and only then')
    out = data.copy()
    for frame in out:
        known = ~np.isnan(frame)
        if known.all():
            continue
        if mode in ("mean", "median") and known.any():
            if mode == "mean":
                level = float(frame[known].mean(dtype=np.float64))
            else:
                level = float(median_of_usable(frame.ravel()[None], known.ravel()[None], axis=1)[0])
        else:
            level = 0.0 if value is None else value
        frame[~known] = level
    return out


@step("filter", "1.0")
def fill_nan(
    data: Pixels,
    *,
    mode: Literal["zero", "mean", "median", "constant"] = "median",
    value: Annotated[float | None, HeightUnit()] = None,
) -> Pixels:
    """Replace pixels without a value (NaN) by a number, frame by frame.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).
    mode
        "zero", the "mean" or "median" of the frame's other pixels (zero if there are none), or a "constant".
    value
        The constant.

    Returns
    -------
    numpy.ndarray
        The frames without NaN. Filled pixels are no measurements: use it for display and export, not before heights
        are measured.

    Raises
    ------
    ParameterError
        `value` is missing or not used.

    Examples
    --------
    >>> fill_nan(np.array([[1.0, np.nan], [3, 5]])).tolist()
    [[1.0, 3.0], [3.0, 5.0]]
    """
    return _filled(data, mode, value)


@step("video", "1.0")
def replace_nan(
    data: Pixels,
    *,
    mode: Filling = "zero",
    value: Annotated[float | None, HeightUnit()] = None,
) -> Pixels:
    """Replace pixels without a value (NaN) by a number, of the frame or of the whole movie.

    Parameters
    ----------
    data
        Heights, (n, height, width).
    mode
        "zero", the "mean" or "median" of the frame's other pixels (zero if there are none), the mean of all frames
        ("global_mean"), or a "constant".
    value
        The constant.

    Returns
    -------
    numpy.ndarray
        The frames without NaN. Filled pixels are no measurements.

    Raises
    ------
    ParameterError
        `value` is missing or not used.

    See Also
    --------
    fill_nan : Frame by frame, also for movies larger than memory.

    Examples
    --------
    >>> movie = np.array([[[1.0, np.nan]], [[3, 5]]])
    >>> replace_nan(movie, mode="global_mean").tolist()
    [[[1.0, 3.0]], [[3.0, 5.0]]]
    """
    if mode != "global_mean":
        return _filled(data, mode, value)
    if value is not None:
        raise ParameterError('value is given with mode="constant", and only then')
    unknown = np.isnan(data)
    level = np.mean(data, dtype=np.float64, where=~unknown) if not unknown.all() else 0.0
    return np.where(unknown, data.dtype.type(level), data)


@step("filter", "1.0")
def invert(data: Pixels) -> Pixels:
    """Change the sign of all heights, so that pits become bumps.

    Parameters
    ----------
    data
        Heights, (height, width) or (n, height, width).

    Returns
    -------
    numpy.ndarray
        The inverted frames. To detect pits use ``polarity="down"`` of the detection instead, which keeps their depths
        negative.

    Examples
    --------
    >>> invert(np.array([[1.0, -2.0]])).tolist()
    [[-1.0, 2.0]]
    """
    return np.negative(data)
