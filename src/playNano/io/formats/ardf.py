"""Reader for `.ARDF`: the images of Asylum Research files of this kind; force curves in them are left out.

Written from published descriptions of the layout and tested on made files only: no real file was at hand. Lines are
returned in the order of the file, the first one on top, which is not confirmed by a real image; for this reason the
direction of the scan is left open.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError
from playNano.io.formats.frames import check_bytes, check_range, errors_as_reasons, numbered
from playNano.io.formats.header_values import decoded, finite, iso_start, positive, whole
from playNano.io.formats.incomplete import missing_lines
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

_HEAD = struct.Struct("<II4sI")
_TABLE = struct.Struct("<II4sIQII")
_MAX_TEXT_BYTES = 4 << 20
_HEIGHTS = ("HeightTrace", "ZSensorTrace", "Height", "ZSensor", "HeightRetrace", "ZSensorRetrace")
_ALIASES = {"height_trace": _HEIGHTS, "height": _HEIGHTS}
# Values are in SI units; the unit goes by the title.
_UNITS = {
    "force": "N",
    "adhesion": "N",
    "young": "Pa",
    "voltage": "V",
    "phase": "deg",
    "current": "A",
    "frequency": "Hz",
}
_LENGTHS = ("height", "zsensor", "deflection", "amplitude", "indentation")


@dataclass(frozen=True)
class ArdfImage:
    """One image of an `.ARDF` file; decodes it, holds no open file, and can be pickled.

    Parameters
    ----------
    path
        The file.
    title
        Name of the channel.
    first_byte
        Where the first line's record begins.
    shape
        (height, width).
    factor
        What stored numbers are multiplied with.
    unit
        Unit of the values.
    lines
        Lines that the file has, from the first one; the others are NaN.
    """

    path: Path
    title: str
    first_byte: int
    shape: tuple[int, int]
    factor: float
    unit: str
    lines: int

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop); there is one."""
        height, width = self.shape
        record = np.dtype([("head", f"V{_HEAD.size}"), ("line", "<f4", (width,))])
        count = check_range(start, stop, 1, self.path)
        lines = np.fromfile(self.path, record, count=count * self.lines, offset=self.first_byte)["line"]
        image = np.full((count, height, width), np.nan, dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            image[:, : self.lines] = (lines.astype(np.float64) * self.factor).reshape(
                count, self.lines, width
            )
        return image


def open_ardf(path: str | Path, channel: str | None = None) -> Movie:
    """Read the images of Asylum Research `.ARDF` files.

    Parameters
    ----------
    path
        The file; a folder of such files is a movie.
    channel
        As in "HeightTrace" or "height_trace". None means the height.

    Returns
    -------
    Movie
        One frame, lengths in nm. In a file that is cut off, the lines that are missing are NaN.

    Raises
    ------
    FileFormatError
        The file is not such a file, has no image, or contains no line of it.
    ChannelError
        The file does not have the channel.
    """
    path = Path(path)
    with path.open("rb", buffering=0) as file:
        tables = _Tables(file, path)
        images = tables.images()
        note = tables.note()
    names = numbered([image.title for image in images])
    name = _picked(path, channel, names, tables.cut)
    image = images[names.index(name)]
    height, width = image.shape
    missing = missing_lines(path, name, image.lines, height)
    if missing is None and tables.cut:
        missing = f"{tables.cut}; channel {name} is whole"
    y_nm, x_nm = (
        length_nm(finite(note.get(key), path, key), "m", path, key)
        for key in ("SlowScanSize", "FastScanSize")
    )
    rate_hz = positive(note.get("ScanRate"))
    plain = name.casefold()
    return Movie(
        path=path,
        format="ardf",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=image.unit,
        read=image,
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=1 / rate_hz if rate_hz else None,
            frame_time_s=height / rate_hz if rate_hz else None,
            trace="retrace" if plain.endswith("retrace") else "trace" if plain.endswith("trace") else None,
        ),
        header={
            "file_channel": name,
            "start_time": iso_start(
                note.get("Date", ""), note.get("Time", ""), ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I:%M:%S %p"]
            ),
            "start_time_step_s": 1.0,
            "scan_rate_hz": rate_hz,
            "instrument": note.get("MicroscopeModel"),
            "software": note.get("Version"),
            "note": note,
        },
        incomplete=missing,
    )


@errors_as_reasons
def sniff_ardf(path: Path, head: bytes) -> str | None:
    """Return why a file is no `.ARDF` file, or None where it may be.

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
    if head[8:12] != b"ARDF":
        return "it does not have 'ARDF' at byte 8"

    with path.open("rb", buffering=0) as file:
        _Tables(file, path).entries(_HEAD.size, b"FTOC")
    return None


def _picked(path: Path, channel: str | None, names: list[str], cut: str | None) -> str:
    """Return the channel, or raise FileFormatError if it may be in the part of the file that is lost."""
    try:
        return pick_channel(path, channel, names, _ALIASES)
    except ChannelError as error:
        if cut is None:
            raise
        raise FileFormatError(f"{path}: {cut}; of its channels {', '.join(names)} can be read") from error


class _Tables:
    """The tables of an open file, which refer to one another by the addresses of their bytes."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self.cut: str | None = None
        """Why a part of an image could not be read."""

    def _read(self, at: int, count: int, what: str) -> bytes:
        check_bytes(self._path, at + count, what)
        self._file.seek(at)
        data = self._file.read(count)
        if len(data) < count:
            raise FileFormatError(f"{self._path}: the file is cut off within {what}")
        return data

    def head(self, at: int, kind: bytes, *, whole: bool = True) -> tuple[int, int, int]:
        """Return the bytes of a table, its number of entries and the bytes of one; the file has the whole of it."""
        what = f"the table {kind.decode()} at byte {at}"
        _, _, there, _, table_bytes, count, entry_bytes = _TABLE.unpack(self._read(at, _TABLE.size, what))
        if there != kind or entry_bytes < _HEAD.size or table_bytes != _TABLE.size + count * entry_bytes:
            raise FileFormatError(f"{self._path}: {what} is damaged or of another kind ({there!r})")
        if whole:
            check_bytes(self._path, at + table_bytes, what)
        return table_bytes, count, entry_bytes

    def entries(self, at: int, kind: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return kind and content of every entry of a table; one of kind 0 ends it."""
        _, count, entry_bytes = self.head(at, kind)
        return self._entries(at + _TABLE.size, count, entry_bytes)

    def _entries(self, at: int, count: int, entry_bytes: int) -> Iterator[tuple[bytes, bytes]]:
        for i in range(count):
            data = self._read(at + i * entry_bytes, min(entry_bytes, 64), "a table")
            kind = _HEAD.unpack(data[: _HEAD.size])[2]
            if kind == b"\0\0\0\0":
                return
            yield kind, data[_HEAD.size :]

    def _texts(self, at: int) -> list[int]:
        """Return the addresses of the texts that a table TTOC lists."""
        return [
            struct.unpack_from("<Q", content, 8)[0]
            for kind, content in self.entries(at, b"TTOC")
            if kind == b"TOFF" and len(content) >= 16
        ]

    def note(self) -> dict[str, str]:
        """Return the instrument's note: the first text of the file."""
        at = _HEAD.size + self.head(_HEAD.size, b"FTOC")[0]
        for address in self._texts(at):
            data = self._read(address, _HEAD.size + 8, "the note")
            (count,) = struct.unpack_from("<I", data, _HEAD.size + 4)
            if data[8:12] != b"TEXT" or count > _MAX_TEXT_BYTES:
                raise FileFormatError(f"{self._path}: the note at byte {address} is damaged")
            text = decoded(self._read(address + len(data), count, "the note"))
            lines = (line.partition(":") for line in re.split(r"[\r\n]+", text) if ":" in line)
            return {key.strip(): value.strip() for key, _, value in lines}
        raise FileFormatError(f"{self._path}: the file has no note, and so no size of the scan")

    def images(self) -> list[ArdfImage]:
        """Return the images in the order of the file's table."""
        addresses = [
            struct.unpack_from("<Q", content)[0]
            for kind, content in self.entries(_HEAD.size, b"FTOC")
            if kind == b"IMAG" and len(content) >= 8
        ]
        if not addresses:
            raise FileFormatError(f"{self._path}: the file has no image")
        images = []
        for address in addresses:
            try:
                images.append(self._image(address))
            except FileFormatError as error:
                self._lose(error)
        if not images:
            raise FileFormatError(f"{self._path}: {self.cut}")
        return images

    def _lose(self, error: FileFormatError) -> None:
        """Remember the first part that could not be read."""
        self.cut = self.cut or str(error).removeprefix(f"{self._path}: ")

    def _image(self, at: int) -> ArdfImage:
        """Return the image whose table IMAG is at an address."""
        at += self.head(at, b"IMAG")[0]
        try:
            for address in self._texts(at):
                size = _HEAD.unpack(self._read(address, _HEAD.size, "a note"))[1]
                check_bytes(self._path, address + size, "a note")
        except FileFormatError as error:
            self._lose(error)
        at += self.head(at, b"TTOC")[0]
        data = self._read(at, _HEAD.size + 136, "the definition of an image")
        _, size, kind, _ = _HEAD.unpack_from(data)
        if kind != b"IDEF" or size < len(data):
            raise FileFormatError(f"{self._path}: the definition of an image at byte {at} is damaged")
        points, lines = (
            whole(number, self._path, "IDEF") for number in struct.unpack_from("<II", data, _HEAD.size)
        )
        title = decoded(data[_HEAD.size + 104 :].split(b"\0")[0]).strip() or "channel"
        at += size
        table_bytes, count, entry_bytes = self.head(at, b"IBOX", whole=False)
        stored = (count, (entry_bytes - _HEAD.size) // 4)
        if stored != (lines, points):
            raise FileFormatError(
                f"{self._path}: the image {title!r} has {stored[0]} records of {stored[1]} numbers; {lines} lines of "
                f"{points} points are needed"
            )
        there = min(lines, max(0, self._path.stat().st_size - at - _TABLE.size) // entry_bytes)
        records = self._entries(at + _TABLE.size, there, entry_bytes)
        if sum(kind == b"IDAT" for kind, _ in records) != there:
            raise FileFormatError(f"{self._path}: lines of the image {title!r} are missing")
        try:
            if self._read(at + table_bytes, _HEAD.size, "the end of an image")[8:12] != b"GAMI":
                raise FileFormatError(f"{self._path}: the image {title!r} has no end")
        except FileFormatError as error:
            self._lose(error)
        factor, unit = base_unit(_unit(title))
        return ArdfImage(self._path, title, at + _TABLE.size, (lines, points), factor, unit, there)


def _unit(title: str) -> str:
    plain = title.casefold()
    for word, unit in _UNITS.items():
        if word in plain:
            return unit
    return "m" if any(word in plain for word in _LENGTHS) else ""
