"""Read Gwyddion files (`.gwy`); each image is a channel of one frame."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playNano.errors import ChannelError, FileFormatError
from playNano.io.formats.frames import Calibration, RawImage, numbered
from playNano.io.formats.incomplete import cut_image
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

_MAGIC = b"GWYP"
_NUMBERS = {"b": "<?", "c": "<b", "i": "<i", "q": "<q", "d": "<d"}
_ITEM_BYTES = {"C": 1, "I": 4, "Q": 8, "D": 8}
_HEIGHTS = ("Topography", "Height", "Height Sensor", "ZSensor", "Z")
_ALIASES = {"height_trace": _HEIGHTS, "height": _HEIGHTS}


@dataclass(frozen=True)
class Numbers:
    """Position of a numeric array in the file; the array is read only when needed.

    Parameters
    ----------
    first_byte
        Offset of the array.
    count
        Number of elements.
    kind
        Gwyddion's type code: "D" is double.
    """

    first_byte: int
    count: int
    kind: str


def open_gwy(path: str | Path, channel: str | None = None) -> Movie:
    """Read one image of a `.gwy` file of Gwyddion.

    Parameters
    ----------
    path
        The file.
    channel
        The image's title. None means the height.

    Returns
    -------
    Movie
        One frame, lengths in nm. The file contains no scan timing or direction. In a file that is cut off, the lines
        that are missing are NaN.

    Raises
    ------
    FileFormatError
        The file is not a Gwyddion file, or is damaged.
    ChannelError
        The file does not contain the image.
    """
    path = Path(path)
    top, cut = _container(path)
    keys = sorted((int(match[1]), key) for key in top if (match := re.fullmatch(r"/(\d+)/data", key)))
    fields = [(number, top[key]) for number, key in keys if isinstance(top[key], dict)]
    names = numbered(
        [str(top.get(f"/{number}/data/title", f"data {number}")).strip() for number, _ in fields]
    )
    try:
        name = pick_channel(path, channel, names, _ALIASES)
    except ChannelError as error:
        if cut is None:
            raise
        raise FileFormatError(f"{path}: {cut}; no image {channel!r} is in the rest") from error
    number, field = fields[names.index(name)]
    where = f"{path}: image {name!r}"
    data, width, height = field.get("data"), field.get("xres"), field.get("yres")
    if not isinstance(data, Numbers) or data.kind != "D" or not width or data.count != width * height:
        raise FileFormatError(f"{where} has no numbers for {height} x {width} px")
    if cut and "si_unit_z" not in field:
        raise FileFormatError(f"{where} has lost its unit: {cut}")
    unit_xy, unit_z = (_unit(field.get(key)) for key in ("si_unit_xy", "si_unit_z"))
    y_nm, x_nm = (length_nm(field.get(key, 0.0), unit_xy, path, key) for key in ("yreal", "xreal"))
    factor, unit = base_unit(unit_z)
    lines, missing = cut_image(path, name, data.first_byte, (height, width), 8, 0)
    meta = top.get(f"/{number}/meta", {})
    return Movie(
        path=path,
        format="gwy",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=unit,
        read=RawImage(
            path, data.first_byte, "<f8", (height, width), Calibration(factor, 0.0, unit), lines=(0, lines)
        ),
        frame_metadata=[{}],
        header={
            "file_channel": name,
            "start_time": None,
            "meta": {key: value for key, value in meta.items() if isinstance(value, str | int | float)},
        },
        incomplete=missing or (f"{cut}; image {name} is whole" if cut else None),
    )


def sniff_gwy(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not a Gwyddion file, or None if it may be.

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
    return None if head.startswith(_MAGIC) else "it does not begin as Gwyddion's files do"


def _unit(value: Any) -> str:
    # Gwyddion omits the unit if it is the default one.
    return str(value.get("unitstr", "")) if isinstance(value, dict) else ""


def _container(path: Path) -> tuple[dict[str, Any], str | None]:
    """Return the components of the file by name, and why there are no more if it is cut off or damaged."""
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise FileFormatError(f"{path}: it does not begin as Gwyddion's files do")
    parts: dict[str, Any] = {}
    try:
        _object(data, len(_MAGIC), parts)
    except (struct.error, ValueError, IndexError) as error:
        text = f"the Gwyddion file is cut off or damaged: {error}"
        if not parts:
            raise FileFormatError(f"{path}: {text}") from error
        return parts, text
    return parts, None


def _object(data: bytes, at: int, parts: dict[str, Any]) -> int:
    """Read an object, store its components by name up to where the data end, and return the offset after it."""
    _, at = _text(data, at)
    size: int = struct.unpack_from("<I", data, at)[0]
    at += 4
    end = at + size
    while at < end:
        name, at = _text(data, at)
        at = _value(data, at, parts, name)
    return at


def _value(data: bytes, at: int, parts: dict[str, Any], name: str) -> int:
    """Read a value of any type, store it by its name, and return the offset after it."""
    kind = chr(data[at])
    at += 1
    if kind in _NUMBERS:
        (parts[name],) = struct.unpack_from(_NUMBERS[kind], data, at)
        return at + struct.calcsize(_NUMBERS[kind])
    if kind == "s":
        parts[name], at = _text(data, at)
        return at
    if kind == "o":
        inner: dict[str, Any] = {}
        parts[name] = inner
        return _object(data, at, inner)
    count: int = struct.unpack_from("<I", data, at)[0]
    at += 4
    if kind in _ITEM_BYTES:
        end = at + count * _ITEM_BYTES[kind]
        parts[name] = Numbers(at, count, kind)
        if end > len(data):
            raise ValueError(f"an array ends at byte {end}, the file has {len(data)} bytes")
        return end
    if kind not in "SO":
        raise ValueError(f"there is no type {kind!r}")
    values: list[Any] = []
    for _ in range(count):
        if kind == "S":
            value, at = _text(data, at)
            values.append(value)
        else:
            values.append({})
            at = _object(data, at, values[-1])
    parts[name] = values
    return at


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    try:
        return data[at:end].decode("utf-8"), end + 1
    except UnicodeDecodeError:
        # Older programs wrote units such as the micrometre in Latin-1, which has a letter for every byte.
        return data[at:end].decode("latin-1"), end + 1
