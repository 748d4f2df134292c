"""Validate the pixels, pixel size and metadata of a stack."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playNano._options import pixel_pair
from playNano.core.lazy import is_lazy, whole_frames
from playNano.errors import ParameterError, StackError, StackTypeError


def checked_pixels(data: Any) -> Any:
    """Validate the pixels of a movie, and rechunk a lazy one into whole frames.

    Parameters
    ----------
    data
        A numpy or Dask array (n_frames, height, width) of real numbers.

    Returns
    -------
    ndarray or dask.array.Array
        The input, or the same array with other chunks.

    Raises
    ------
    StackTypeError
        If it is not an array of real numbers.
    StackError
        If its shape is not that of a movie.
    """
    if not isinstance(data, np.ndarray) and not is_lazy(data):
        raise StackTypeError(
            f"data must be a numpy array or a Dask array (n_frames, height, width), not {type(data).__name__}"
        )
    if data.dtype.kind not in "biuf":
        raise StackTypeError(f"data must hold real numbers, not {data.dtype}")
    if data.ndim != 3:
        hint = "; give one frame as data[None]" if data.ndim == 2 else ""
        raise StackError(f"data must have three axes (n_frames, height, width), not {data.ndim}{hint}")
    if 0 in data.shape[1:]:
        raise StackError(f"the frames have no pixels: the shape of data is {data.shape}")
    if not is_lazy(data):
        return data
    if any(math.isnan(length) for length in data.shape):
        raise StackError("a lazy movie must know its shape; call compute_chunk_sizes() on the Dask array")
    return whole_frames(data)


def checked_pixel_size(value: Any) -> tuple[float, float]:
    """Validate a pixel size, and return it as (y, x), nm.

    Parameters
    ----------
    value
        A number or (y, x), nm; positive.

    Returns
    -------
    tuple of float
        (y, x), nm.

    Raises
    ------
    StackTypeError
        If it does not consist of numbers.
    StackError
        If it is not positive, or more than two numbers.
    """
    try:
        return pixel_pair(value)
    except ParameterError as error:
        kind = StackError if error.__cause__ is None else StackTypeError
        raise kind(str(error)) from error


def checked_metadata(entries: Sequence[Mapping[str, Any]] | None, n_frames: int) -> list[dict[str, Any]]:
    """Validate frame metadata, and return one dict per frame.

    Parameters
    ----------
    entries
        Metadata of the first frames, or None.
    n_frames
        Number of frames.

    Returns
    -------
    list of dict
        Copies; empty ones for frames without an entry.

    Raises
    ------
    StackError
        If there are more entries than frames.
    """
    listed = [dict(entry) for entry in entries or ()]
    if len(listed) > n_frames:
        raise StackError(f"there are {len(listed)} frame metadata for {n_frames} frames")
    return listed + [{} for _ in range(n_frames - len(listed))]
