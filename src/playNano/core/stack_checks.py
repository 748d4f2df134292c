"""Validate the pixels, pixel size and metadata of a stack."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playNano._options import pixel_pair
from playNano.core.edits import selected_frames
from playNano.core.geometry import MovieGeometry
from playNano.core.lazy import is_lazy, whole_frames
from playNano.core.scan import ScanGeometry
from playNano.core.source import part_of_source
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


def checked_replacement(data: Any, geometry: MovieGeometry) -> Any:
    """Return pixels that may take the place of a stack's pixels.

    Parameters
    ----------
    data
        A numpy or Dask array (n_frames, height, width) of real numbers.
    geometry
        Frames, size, calibration and scan of the stack, which stay.

    Returns
    -------
    ndarray or dask.array.Array
        The input, or the same array with other chunks.

    Raises
    ------
    StackError
        If it makes no movie, or has another shape.
    """
    pixels = checked_pixels(data)
    if len(pixels) != geometry.n_frames:
        raise StackError(
            f"{len(pixels)} frames cannot take the place of {geometry.n_frames}: times and metadata would belong to "
            "other frames; use a step that keeps them together (select_frames, drop_frames), or a slice, stack[20:60]"
        )
    if pixels.shape[1:] != geometry.shape:
        (old_rows, old_columns), (rows, columns) = geometry.shape, pixels.shape[1:]
        raise StackError(
            f"frames of {rows} x {columns} px cannot take the place of {old_rows} x {old_columns}: pixel size, times "
            "of the lines and places would be wrong; use a step that changes them too (crop, bin_pixels, "
            "resample_square, rotate, flip)"
        )
    return pixels


def part_of_provenance(provenance: Mapping[str, Any], index: slice, n_frames: int) -> dict[str, Any]:
    """Return the provenance of a part of a movie's frames, without that of an analysis.

    Parameters
    ----------
    provenance
        That of the whole movie.
    index
        Range of frames.
    n_frames
        Number of frames of the whole movie.

    Returns
    -------
    dict
        Copies of ``environment, processing, warnings, source``.
    """
    start, _, step = index.indices(n_frames)
    processing = part_of_processing(provenance["processing"], start, step)
    selection = selected_frames(processing["steps"], provenance.get("source"), index, n_frames)
    processing["steps"] += [] if selection is None else [selection]
    return {
        "environment": dict(provenance["environment"]),
        "processing": processing,
        "warnings": [*provenance["warnings"]],
        "source": part_of_source(provenance.get("source"), index, n_frames),
    }


def part_of_processing(record: Mapping[str, Any], start: int, step: int) -> dict[str, Any]:
    """Return the record of processing for a part of a movie's frames.

    Parameters
    ----------
    record
        ``steps`` and ``keys_by_name`` of the whole movie.
    start
        First frame of the part.
    step
        Distance of its frames.

    Returns
    -------
    dict
        A copy; scan geometries are those of the part.
    """
    steps = [dict(entry) for entry in record["steps"]]
    for entry in steps:
        if entry.get("scan_before"):
            entry["scan_before"] = ScanGeometry(**entry["scan_before"]).for_frames(start, step).to_dict()
    return {
        "steps": steps,
        "keys_by_name": {key: list(value) for key, value in record["keys_by_name"].items()},
    }


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


def frame_position(index: Any, n_frames: int, name: str) -> int:
    """Return the number of a frame; negative indices count from the end.

    Parameters
    ----------
    index
        Index of the frame, an integer.
    n_frames
        Number of frames.
    name
        Name of the movie, for the message.

    Returns
    -------
    int
        0 to `n_frames` - 1.

    Raises
    ------
    IndexError
        If there is no such frame.
    """
    position: int = index.__index__()
    if position < 0:
        position += n_frames
    if not 0 <= position < n_frames:
        raise IndexError(f"frame {index} does not exist: {name} has {n_frames} frames")
    return position
