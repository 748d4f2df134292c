"""Metadata of a stack that image formats of other programs have no place for, as plain values.

They are written beside the metadata that a format defines (OME-TIFF, OME-Zarr), so that our readers restore the
stack exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from playNano.core.scan import ScanGeometry
from playNano.core.serialize import json_safe
from playNano.core.stack import Stack
from playNano.errors import FileFormatError

OWN = "playNano"
"""Name under which these metadata are stored."""

_TIME = "timestamp"


@dataclass(frozen=True)
class OwnMetadata:
    """Metadata that playNano wrote to a file; see `own_metadata`.

    Parameters
    ----------
    channel
        Name of the channel.
    unit
        Unit of the pixel values.
    pixel_size_nm
        (y, x), nm, or None in files of earlier versions.
    frame_metadata
        One dict per frame.
    scan
        Scan timing and direction, or None.
    metadata
        Further metadata of the file.
    processing
        Processing steps that had been run.
    warnings
        What makes the movie doubtful.
    """

    channel: str
    unit: str
    pixel_size_nm: tuple[float, float] | None = None
    frame_metadata: list[dict[str, Any]] = field(default_factory=list)
    scan: ScanGeometry | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    processing: list[Any] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def header(self) -> dict[str, Any]:
        """The further metadata, with the processing steps, if any."""
        return {**self.metadata, **({"processing": self.processing} if self.processing else {})}


def own_metadata(stack: Stack) -> dict[str, Any]:
    """Return the metadata of a stack as values that strict JSON can represent.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    dict
        channel, unit, file_path, pixel_size_nm (y, x), frame_metadata, scan, metadata, processing (the list of
        steps) and warnings.
    """
    safe: dict[str, Any] = json_safe(
        {
            "channel": stack.channel,
            "unit": stack.unit,
            "file_path": str(stack.file_path),
            "pixel_size_nm": stack.pixel_size_yx_nm,
            "frame_metadata": stack.frame_metadata,
            "scan": None if stack.scan is None else stack.scan.to_dict(),
            "metadata": stack.metadata,
            "processing": stack.provenance["processing"]["steps"],
            "warnings": stack.provenance["warnings"],
        }
    )
    return safe


def read_own(value: Any, path: Path) -> OwnMetadata | None:
    """Return the metadata that playNano wrote to a file, with their types checked.

    Parameters
    ----------
    value
        What `own_metadata` returned; None, or empty, if another program wrote the file.
    path
        The file, for messages.

    Returns
    -------
    OwnMetadata or None
        A time of a frame that is not known is NaN again.

    Raises
    ------
    FileFormatError
        A value is missing or of another type.
    """
    from pydantic import TypeAdapter, ValidationError

    if not value:
        return None
    try:
        own = TypeAdapter(OwnMetadata).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "they"
        raise FileFormatError(f"{path}: playNano's metadata are damaged: {where}: {first['msg']}") from error
    for entry in own.frame_metadata:
        time = entry.get(_TIME, 0.0)
        if time is not None and not isinstance(time, float | int):
            raise FileFormatError(f"{path}: playNano's metadata are damaged: the time of a frame is {time!r}")
        if time is None:
            entry[_TIME] = math.nan
    return own


def frame_interval_s(stack: Stack) -> float | None:
    """Return the typical frame interval, s, or None if the times are not known.

    Parameters
    ----------
    stack
        The movie.

    Returns
    -------
    float or None
        The median of the intervals; the duration of a frame where frames have no times.
    """
    if stack.has_times and stack.n_frames > 1:
        interval = float(np.nanmedian(np.diff(stack.get_frame_times())))
        return interval if interval > 0 else None
    return None if stack.scan is None else stack.scan.frame_time_s
