"""The return type of every reader: an open movie with its metadata, whose pixels are not decoded yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.core.stack import Stack


@dataclass(frozen=True)
class Movie:
    """One channel of a file; pixels are decoded only when `read` is called.

    Parameters
    ----------
    path
        The file.
    format
        Short name of the format, as in "asd".
    channel
        Name of the channel as given by the caller, or as in the file if the caller gave none. Files of a complete
        stack (bundle, npz, OME-Zarr) keep the name of the stack.
    channels
        Names of all channels of the file.
    shape
        (n_frames, height, width).
    pixel_size_nm
        (y, x), nm.
    unit
        Unit of the pixel values: "nm", "deg", "V" ...
    read
        ``read(start, stop)`` decodes frames [start, stop) to a new float32 array (n, height, width),
        row 0 is the top line of the image as displayed by the vendor's software.
    frame_metadata
        One dict per frame; "timestamp" is the start of the frame in s, 0 for the first.
    scan
        Scan timing and direction, or None.
    header
        Further metadata of the file, as plain values.
    warnings
        What makes the movie doubtful, one text each: cause and consequence. Loading the movie issues them, and its
        record holds them.
    incomplete
        What is missing of a recording that broke off or of a file that is cut off, with counts; None if it is whole.
        Pixels that do not exist are NaN. The movie is refused unless the caller allows it to be incomplete.
    load
        For files that contain a complete stack, results included: ``load(lazy)`` restores it, with frames as
        Dask arrays if `lazy` is true.
    """

    path: Path
    format: str
    channel: str
    channels: tuple[str, ...]
    shape: tuple[int, int, int]
    pixel_size_nm: tuple[float, float]
    unit: str
    read: Callable[[int, int], npt.NDArray[np.float32]]
    frame_metadata: list[dict[str, Any]] = field(default_factory=list)
    scan: ScanGeometry | None = None
    header: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    incomplete: str | None = None
    load: Callable[[bool], Stack] | None = None


def new_stack(*args: Any, **kwargs: Any) -> Stack:
    """Create a stack of the public class `playNano.AFMImageStack`, with the arguments of `Stack`.

    The public class adds loading and processing to `Stack` and is in a higher layer than the readers that call this
    function; it is therefore looked up by its public name when it is needed.

    Parameters
    ----------
    *args, **kwargs
        The arguments of `Stack`.

    Returns
    -------
    AFMImageStack
        The stack.

    Examples
    --------
    >>> type(new_stack(np.zeros((3, 4, 5)), 2.0, "height_trace", "movie.asd")).__name__
    'AFMImageStack'
    """
    public_class: type[Stack] = import_module("playNano").AFMImageStack
    return public_class(*args, **kwargs)
