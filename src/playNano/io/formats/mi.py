"""Reader for `.mi`: images of Agilent and Keysight microscopes (PicoView).

Tested on files made after the published layout, of 16 and 32 bits, which Gwyddion reads to the same values; no real
file was at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration, RawImage, check_range, errors_as_reasons, numbered
from playNano.io.formats.header_values import (
    MAX_HEADER_BYTES,
    decoded,
    finite,
    height_aliases,
    positive,
    whole,
)
from playNano.io.formats.incomplete import cut_image, missing_lines
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

_KEY_BYTES = 14
_ALIASES = height_aliases(("Topography", "Height"))
_WAYS: dict[str, Literal["trace", "retrace"]] = {"TRUE": "trace", "FALSE": "retrace"}
_DIRECTIONS: dict[str, Literal["down", "up"]] = {"TRUE": "up", "FALSE": "down"}
# What the last line of the header says: bytes of a number (0: text), and the number that is the buffer's range.
_KINDS = {"BINARY": (2, 2**15), "": (2, 2**15), "BINARY_32": (4, 2**31), "ASCII": (0, 2**15)}


@dataclass(frozen=True)
class MiHeader:
    """The header of an `.mi` file.

    Parameters
    ----------
    entries
        What holds for the whole image, by key.
    buffers
        The entries of each channel.
    kind
        How the numbers are stored: a key of the table of kinds.
    first_byte
        Where they begin.
    """

    entries: dict[str, str] = field(default_factory=dict)
    buffers: list[dict[str, str]] = field(default_factory=list)
    kind: str = ""
    first_byte: int = 0


@dataclass(frozen=True)
class MiText:
    """Decodes the one frame of a file whose numbers are text; holds no open file, and can be pickled.

    Parameters
    ----------
    path
        The file.
    first_byte
        Where the numbers of the first channel begin.
    index
        Number of the channel.
    shape
        (height, width).
    scaling
        From stored numbers to values.
    lines
        Lines that the file has, from the one that is stored first; the others are NaN.
    """

    path: Path
    first_byte: int
    index: int
    shape: tuple[int, int]
    scaling: Calibration
    lines: int

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop); there is one."""
        if check_range(start, stop, 1, self.path) == 0:
            return np.empty((0, *self.shape), dtype=np.float32)
        height, width = self.shape
        count = self.lines * width
        first, read = self.index * height * width, 0
        parts = []
        for words in _words(self.path, self.first_byte):
            parts.append(_numbers(words[max(0, first - read) : max(0, first + count - read)], self.path))
            read += len(words)
            if read >= first + count:
                break
        values = np.concatenate(parts) if parts else np.empty(0)
        if len(values) < count:
            raise FileFormatError(
                f"{self.path}: the file is cut off: a channel has {len(values)} of {count} numbers"
            )
        image = np.full((1, height, width), np.nan, dtype=np.float32)
        image.reshape(-1)[:count] = values * self.scaling.slope + self.scaling.intercept
        # The lowest line of the image is stored first.
        return np.ascontiguousarray(image[:, ::-1])


def open_mi(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.mi` images of Agilent and Keysight microscopes.

    Parameters
    ----------
    path
        The file; a folder of such files is a movie, ordered by name, for the files do not state their time.
    channel
        As in "Topography_trace", "Phase_retrace"; without an ending the trace is meant. None means the height.

    Returns
    -------
    Movie
        One frame, lengths in nm. In a file that is cut off, the lines that are missing are NaN.

    Raises
    ------
    FileFormatError
        The file is no such image, or contains no line of it.
    ChannelError
        The file does not have the channel.
    """
    path = Path(path)
    header = _header(path)
    entries = header.entries
    height, width = (whole(entries.get(key), path, key) for key in ("yPixels", "xPixels"))
    y_nm, x_nm = (
        length_nm(finite(entries.get(key), path, key), "m", path, key) for key in ("yLength", "xLength")
    )
    ways = [_WAYS.get(buffer.get("trace", "").upper()) for buffer in header.buffers]
    names = numbered(
        [
            buffer["bufferLabel"] + (f"_{way}" if way else "")
            for buffer, way in zip(header.buffers, ways, strict=True)
        ]
    )
    name = pick_channel(path, channel, names, _ALIASES)
    index = names.index(name)
    item_bytes, full = _KINDS[header.kind]
    factor, unit = base_unit(header.buffers[index].get("bufferUnit", ""))
    value_range = finite(header.buffers[index].get("bufferRange"), path, f"bufferRange of {name}")
    scaling = Calibration(value_range / full * factor, 0.0, unit)
    read: Callable[[int, int], npt.NDArray[np.float32]]
    if item_bytes:
        image_bytes = height * width * item_bytes
        start, end = (header.first_byte + n * image_bytes for n in (index, len(names)))
        lines, missing = cut_image(path, name, start, (height, width), item_bytes, end)
        read = RawImage(
            path, start, f"<i{item_bytes}", (height, width), scaling, flip_y=True, lines=(0, lines)
        )
    else:
        lines, missing = _cut_text(path, header, name, index, (height, width))
        read = MiText(path, header.first_byte, index, (height, width), scaling, lines)
    rate_hz = positive(entries.get("scanSpeed"))
    return Movie(
        path=path,
        format="mi",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=unit,
        read=read,
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=1 / rate_hz if rate_hz else None,
            frame_time_s=height / rate_hz if rate_hz else None,
            direction=_DIRECTIONS.get(entries.get("scanUp", "").upper()),
            trace=ways[index],
        ),
        header={"file_channel": name, "start_time": None, "scan_rate_hz": rate_hz, "note": entries},
        incomplete=missing,
    )


@errors_as_reasons
def sniff_mi(path: Path, head: bytes) -> str | None:
    """Return why a file is no Agilent image, or None where it may be.

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
    words = head[:64].split()
    if words[:2] != [b"fileType", b"Image"]:
        return "it does not begin with the line 'fileType      Image'"
    _header(path)
    return None


def _cut_text(
    path: Path, header: MiHeader, name: str, index: int, shape: tuple[int, int]
) -> tuple[int, str | None]:
    """Return how many lines of a channel a file of text has, and what is missing."""
    height, width = shape
    needed = height * width * len(header.buffers)
    count = sum(len(words) for words in _words(path, header.first_byte))
    if count < needed and not path.read_bytes()[-1:].isspace():
        count -= 1  # the last number is cut too
    lines = min(height, max(0, count - index * height * width) // width)
    missing = missing_lines(path, name, lines, height)
    if missing is None and count < needed:
        missing = f"the file is cut off: it has {count} of {needed} numbers; channel {name} is whole"
    return lines, missing


def _words(path: Path, first_byte: int) -> Iterator[list[bytes]]:
    """Yield the words of a text, about a megabyte at a time."""
    rest = b""
    with path.open("rb") as file:
        file.seek(first_byte)
        while chunk := file.read(1 << 20):
            words = (rest + chunk).split()
            rest = b"" if chunk[-1:].isspace() or not words else words.pop()
            yield words
    yield [rest] if rest else []


def _numbers(words: list[bytes], path: Path) -> npt.NDArray[np.float64]:
    try:
        return np.array(words, dtype=np.float64)
    except ValueError as error:
        raise FileFormatError(f"{path}: a pixel is no number: {error}") from error


def _header(path: Path) -> MiHeader:
    """Read the header, or raise FileFormatError where it has no end."""
    entries: dict[str, str] = {}
    buffers: list[dict[str, str]] = []
    current = entries
    with path.open("rb") as file:
        while file.tell() < MAX_HEADER_BYTES and (line := file.readline(MAX_HEADER_BYTES)).endswith(b"\n"):
            text = decoded(line)
            key, value = text[:_KEY_BYTES].strip(), text[_KEY_BYTES:].strip()
            if key == "data":
                if value not in _KINDS:
                    raise FileFormatError(
                        f"{path}: the numbers are stored as {value!r}, which cannot be read"
                    )
                if not buffers:
                    raise FileFormatError(f"{path}: the header has no bufferLabel, and so no channel")
                return MiHeader(entries, buffers, value, file.tell())
            if key == "bufferLabel":
                current = {}
                buffers.append(current)
            current[key] = value
    raise FileFormatError(f"{path}: the header is cut off: it has no line 'data'")
