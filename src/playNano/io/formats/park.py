"""Reader for `.tiff` images of Park Systems (PSIA) microscopes: a TIFF file with the measurement in tags of its own.

The picture that image viewers show is only a thumbnail. Tested on files made after the published layout, of 16 and 32
bits and float32, which Gwyddion reads to the same values; no real file was at hand.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration, RawImage, check_bytes, errors_as_reasons
from playNano.io.formats.header_values import finite, height_aliases, positive
from playNano.io.formats.incomplete import cut_image
from playNano.io.formats.tiff import is_tiff
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

_MAGIC, _MAGIC_NUMBER = 50432, 0x0E031301
_VERSION, _DATA, _HEADER = 50433, 50434, 50435
_VERSIONS = {0x01000001: 1, 0x01000002: 2}
_MAX_HEADER_BYTES = 1 << 16
_DTYPES = ("<i2", "<i4", "<f4")
_KINDS = ("image", "profile", "spectroscopy")
_ALIASES = height_aliases(("Topography", "Height", "Z Height", "ZHeight"))
_TAG = struct.Struct("<HHI4s")
_STRIPS, _STRIP_BYTES = 273, 279
# Bytes of a value by its TIFF type.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# The header up to what both versions have; text is UTF-16.
_BOTH = np.dtype(
    {
        "names": [
            "kind",
            "source",
            "mode",
            "flattened",
            "width",
            "height",
            "angle",
            "forward",
            "up",
            "swapped",
            "x_size_um",
            "y_size_um",
            "rate_hz",
            "gain",
            "z_scale",
            "z_offset",
            "z_unit",
            "compressed",
            "logarithmic",
            "squared",
        ],
        "formats": ["<u4", "V64", "V16", "<u4", "<u4", "<u4", "<f8", "<u4", "<u4", "<u4"]
        + ["<f8"] * 6
        + ["V16", "<u4", "<u4", "<u4"],
        "offsets": [
            0,
            4,
            68,
            92,
            100,
            104,
            108,
            128,
            132,
            136,
            140,
            148,
            172,
            220,
            228,
            236,
            244,
            272,
            276,
            280,
        ],
        "itemsize": 284,
    }
)
_TYPE_BYTE = 348


@dataclass(frozen=True)
class ParkHeader:
    """What a Park file states, and where its numbers are.

    Parameters
    ----------
    fields
        The header of the file.
    dtype
        How a number is stored.
    first_byte
        Where the numbers begin.
    n_bytes
        Their length.
    end
        Where the last part of the file ends.
    """

    fields: np.void
    dtype: str
    first_byte: int
    n_bytes: int
    end: int

    def text(self, name: str) -> str:
        """Return a text of the header.

        Parameters
        ----------
        name
            Name of the field.

        Returns
        -------
        str
            Up to its end mark.
        """
        text = bytes(self.fields[name].tobytes()).decode("utf-16-le", errors="replace")
        return text.split("\0")[0].strip()


def open_park(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.tiff` images of Park Systems microscopes.

    Parameters
    ----------
    path
        The file; a folder of such files is a movie, ordered by name, for the files do not state their time.
    channel
        As in "Topography"; the file has one. None means this one.

    Returns
    -------
    Movie
        One frame, lengths in nm. The line rate is taken as lines a second. In a file that is cut off, the lines that
        are missing are NaN.

    Raises
    ------
    FileFormatError
        The file is no such image, or contains no line of it.
    ChannelError
        The file has another channel.
    """
    path = Path(path)
    header = _header(path)
    fields, height, width = header.fields, int(header.fields["height"]), int(header.fields["width"])
    item_bytes = np.dtype(header.dtype).itemsize
    needed = height * width * item_bytes
    if height < 1 or width < 1 or header.n_bytes < needed:
        raise FileFormatError(
            f"{path}: the image of {height} x {width} px has {header.n_bytes} of {needed} bytes"
        )
    for name in ("compressed", "logarithmic", "squared", "swapped"):
        if fields[name]:
            what = "has x and y swapped" if name == "swapped" else f"is {name}"
            raise FileFormatError(f"{path}: the image {what}; such images cannot be read")
    trace: Literal["trace", "retrace"] = "trace" if fields["forward"] else "retrace"
    names = [f"{header.text('source') or 'channel'}_{trace}"]
    name = pick_channel(path, channel, names, _ALIASES)
    lines, missing = cut_image(path, name, header.first_byte, (height, width), item_bytes, header.end)
    y_nm, x_nm = (
        length_nm(finite(fields[key], path, key), "um", path, "the size of the image")
        for key in ("y_size_um", "x_size_um")
    )
    factor, unit = base_unit(header.text("z_unit"))
    gain, z_scale, z_offset = (finite(fields[key], path, key) for key in ("gain", "z_scale", "z_offset"))
    rate_hz = positive(fields["rate_hz"])
    return Movie(
        path=path,
        format="park",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=unit,
        # The lowest line of the image is stored first.
        read=RawImage(
            path,
            header.first_byte,
            header.dtype,
            (height, width),
            Calibration(gain * (z_scale or 1.0) * factor, gain * z_offset * factor, unit),
            flip_y=True,
            lines=(0, lines),
        ),
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=1 / rate_hz if rate_hz else None,
            frame_time_s=height / rate_hz if rate_hz else None,
            direction="up" if fields["up"] else "down",
            trace=trace,
        ),
        header={
            "file_channel": name,
            "start_time": None,
            "scan_rate_hz": rate_hz,
            "scan_angle": float(fields["angle"]),
            "head_mode": header.text("mode"),
            "flattened": bool(fields["flattened"]),
        },
        incomplete=missing,
    )


@errors_as_reasons
def sniff_park(path: Path, head: bytes) -> str | None:
    """Return why a file is no Park Systems image, or None where it may be.

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
    if not is_tiff(head):
        return "it is not a TIFF file"
    _header(path)
    return None


def _header(path: Path) -> ParkHeader:
    """Read tags and header, or raise FileFormatError where the file is no image of this kind."""
    with path.open("rb") as file:
        tags = _tags(file, path)
        number = struct.unpack("<I", tags.get(_MAGIC, (0, 0, b"\0\0\0\0"))[2])[0]
        if number != _MAGIC_NUMBER:
            raise FileFormatError(f"{path}: the TIFF file has no Park measurement (tag {_MAGIC})")
        version = _VERSIONS.get(struct.unpack("<I", tags[_VERSION][2])[0]) if _VERSION in tags else None
        if version is None or _DATA not in tags or _HEADER not in tags:
            raise FileFormatError(f"{path}: the Park file has no data, no header, or an unknown version")
        start, length = _place(tags[_HEADER], path, "the Park header")
        file.seek(start)
        data = file.read(min(length, _MAX_HEADER_BYTES))
        end = _end(file, tags)
    if len(data) < (_BOTH.itemsize if version == 1 else _TYPE_BYTE + 4):
        raise FileFormatError(f"{path}: the Park header has {len(data)} bytes, too few for version {version}")
    fields = np.frombuffer(data, _BOTH, count=1)[0]
    kind = int(fields["kind"])
    if kind:
        what = _KINDS[kind] if kind < len(_KINDS) else f"of kind {kind}"
        raise FileFormatError(f"{path}: the Park measurement is {what}, no image")
    number = struct.unpack_from("<I", data, _TYPE_BYTE)[0] if version == 2 else 0
    if number >= len(_DTYPES):
        raise FileFormatError(f"{path}: the numbers of the Park file are of the unknown type {number}")
    first_byte, n_bytes = _place(tags[_DATA], path, "the image", whole=False)
    return ParkHeader(fields, _DTYPES[number], first_byte, n_bytes, max(end, first_byte + n_bytes))


def _tags(file: BinaryIO, path: Path) -> dict[int, tuple[int, int, Any]]:
    """Return type, count and the four bytes of value or position of every tag of the first page."""
    head = file.read(8)
    if not head.startswith(b"II*\0") or len(head) < 8:
        raise FileFormatError(f"{path}: it is not a TIFF file in little-endian order, or is cut off")
    file.seek(struct.unpack("<I", head[4:])[0])
    count = int.from_bytes(file.read(2), "little")
    data = file.read(_TAG.size * count)
    # The position of the next page, of four bytes, comes after the tags.
    if not count or len(data) < _TAG.size * count or len(file.read(4)) < 4:
        raise FileFormatError(f"{path}: the file is cut off: the TIFF file ends within its tags")
    tags = {code: (kind, length, value) for code, kind, length, value in _TAG.iter_unpack(data)}
    for code, (kind, length, value) in tags.items():
        size = _TYPE_BYTES.get(kind, 0) * length
        if size > 4 and code != _DATA:
            check_bytes(path, struct.unpack("<I", value)[0] + size, f"the tag {code}")
    return tags


def _end(file: BinaryIO, tags: dict[int, tuple[int, int, Any]]) -> int:
    """Return where the thumbnail ends: it shows how long the file is, wherever its other parts are."""
    strips, lengths = (
        _integers(file, tags[code]) if code in tags else [] for code in (_STRIPS, _STRIP_BYTES)
    )
    return max((start + length for start, length in zip(strips, lengths, strict=False)), default=0)


def _integers(file: BinaryIO, tag: tuple[int, int, Any]) -> list[int]:
    """Return the unsigned integers of a tag; the file is known to hold them."""
    kind, length, value = tag
    size = {3: 2, 4: 4}.get(kind)
    if size is None:
        return []
    if size * length > 4:
        file.seek(struct.unpack("<I", value)[0])
        value = file.read(size * length)
    return [int(number) for number in np.frombuffer(value, f"<u{size}", count=length)]


def _place(tag: tuple[int, int, Any], path: Path, what: str, *, whole: bool = True) -> tuple[int, int]:
    """Return where the bytes of a tag begin, and how many there are; the file has the whole of them."""
    kind, length, value = tag
    if kind not in (1, 2, 6, 7) or length <= 4:
        raise FileFormatError(
            f"{path}: {what} is stored as {length} values of TIFF type {kind}, not as bytes"
        )
    (start,) = struct.unpack("<I", value)
    if whole:
        check_bytes(path, start + length, what)
    return start, length
