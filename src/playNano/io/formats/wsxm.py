"""Read WSxM images: `.stp` and `.top`, one frame per file."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration, RawImage
from playNano.io.formats.incomplete import cut_image
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

_MAGIC = re.compile(rb"WSxM file copyright [^\r\n]*\r?\nSxM Image file\r?\n")
_END = re.compile(rb"\[Header end\]\r?\n")
_MAX_HEADER_BYTES = 2**20
_TYPES = {"short": "<i2", "integer": "<i2", "float": "<f4", "double": "<f8"}
_DIRECTIONS: dict[str, Literal["down", "up"]] = {"Up": "up", "Down": "down"}
_HEIGHTS = {"height_trace": ("Topography", "Topo"), "height": ("Topography", "Topo")}


def open_wsxm(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.stp` and `.top` images of WSxM.

    Parameters
    ----------
    path
        The file.
    channel
        The channel of the file, such as "Topography"; names for the height also select it.

    Returns
    -------
    Movie
        One frame, lengths in nm. In a file that is cut off, the lines that are missing are NaN.

    Raises
    ------
    FileFormatError
        The file is not such an image, or contains no line of it, or lines are missing that its scale is made of.
    ChannelError
        The file contains another channel.
    """
    path = Path(path)
    fields, first_byte = _header(path)
    name = fields.get("Acquisition channel", "Topography")
    pick_channel(path, channel, (name,), _HEIGHTS)
    height, width = (int(_quantity(fields, key, path)[0]) for key in ("Number of rows", "Number of columns"))
    dtype = _TYPES.get(fields.get("Image Data Type", "short"))
    if dtype is None or height < 1 or width < 1:
        kind = fields.get("Image Data Type")
        raise FileFormatError(f"{path}: {height} x {width} px of type {kind!r} cannot be read")
    item_bytes = np.dtype(dtype).itemsize
    end = first_byte + height * width * item_bytes
    lines, missing = cut_image(path, name, first_byte, (height, width), item_bytes, end)
    scaling = _scaling(fields, dtype, path, (first_byte, height * width))
    y_nm, x_nm = (
        length_nm(*_quantity(fields, key, path), path, key) for key in ("Y Amplitude", "X Amplitude")
    )
    rate_hz = _quantity(fields, "X-Frequency", path)[0] if "X-Frequency" in fields else 0.0
    return Movie(
        path=path,
        format="wsxm",
        channel=channel or name,
        channels=(name,),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=scaling.unit,
        # WSxM stores the image starting at the bottom right corner.
        read=RawImage(
            path, first_byte, dtype, (height, width), scaling, flip_y=True, flip_x=True, lines=(0, lines)
        ),
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=1 / rate_hz if rate_hz > 0 else None,
            frame_time_s=height / rate_hz if rate_hz > 0 else None,
            direction=_DIRECTIONS.get(fields.get("Y scanning direction", "")),
        ),
        header={
            "file_channel": name,
            "start_time": _start_time(fields.get("Acquisition time", "")),
            "scan_rate_hz": rate_hz or None,
            "comment": fields.get("Comments", ""),
        },
        incomplete=missing,
    )


def sniff_wsxm(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not a WSxM image, or None if it may be.

    Parameters
    ----------
    path
        The file.
    head
        Its first bytes.

    Returns
    -------
    str or None
        The reason.
    """
    return None if _MAGIC.match(head) else "it does not begin as WSxM's images do"


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Return the entries of the header, and the offset of the image."""
    with path.open("rb") as file:
        head = file.read(_MAX_HEADER_BYTES)
    # The length in the header is wrong in some files; the end mark is reliable.
    end = _END.search(head)
    if not _MAGIC.match(head) or end is None:
        raise FileFormatError(f"{path}: it is not a WSxM image, or is cut off within its header")
    entries = (line.partition(":") for line in head[: end.start()].decode("latin-1").splitlines())
    fields: dict[str, str] = {}
    for key, _, value in entries:
        fields.setdefault(key.strip(), value.strip())
    return fields, end.end()


def _quantity(fields: dict[str, str], key: str, path: Path) -> tuple[float, str]:
    match = re.match(r"([-+.\deE]+)\s*(.*)", fields.get(key, ""))
    try:
        return float(match[1]), match[2]  # type: ignore[index]
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: the WSxM header has no readable {key!r}") from error


def _scaling(fields: dict[str, str], dtype: str, path: Path, first_and_count: tuple[int, int]) -> Calibration:
    """Return the scaling: integers span the Z amplitude between the header's minimum and maximum."""
    amplitude, unit = _quantity(fields, "Z Amplitude", path)
    factor, unit = base_unit(unit)
    if dtype != "<i2":
        return Calibration(factor, 0.0, unit)
    if "Maximum" in fields and "Minimum" in fields:
        span = _quantity(fields, "Maximum", path)[0] - _quantity(fields, "Minimum", path)[0]
    else:
        first_byte, count = first_and_count
        levels = np.fromfile(path, dtype, count=count, offset=first_byte).astype(np.float64)
        if len(levels) < count:
            raise FileFormatError(
                f"{path}: the file is cut off, and the scale of its values is that of the whole image"
            )
        span = float(np.ptp(levels))
    return Calibration(amplitude / span * factor if span > 0 else 0.0, 0.0, unit)


def _start_time(text: str) -> str | None:
    match = re.match(r"(\d+)/(\d+)/(\d{4}), (\d+):(\d+):(\d+)(?:\.(\d+))?", text)
    if match is None:
        return None
    day, month, year, hour, minute, second = (int(part) for part in match.groups()[:6])
    microsecond = int((match[7] or "0").ljust(6, "0")[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, microsecond)
    except ValueError:
        return None
    return moment.isoformat(timespec="milliseconds")
