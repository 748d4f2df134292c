"""Read tags and uncompressed pixels of TIFF files strictly: a truncated file is an error.

Image libraries ignore missing pages, so that a truncated file would appear to have fewer channels.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from playNano.errors import FileFormatError

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _OFFSETS, _SAMPLES, _COUNTS, _KIND = (
    256,
    257,
    258,
    259,
    273,
    277,
    279,
    339,
)
# TIFF type: format character of `struct`. Rationals are not read.
_LETTERS = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "s", 8: "h", 9: "i", 11: "f", 12: "d"}
_MAX_PAGES = 4096


@dataclass(frozen=True)
class TiffPage:
    """One page of a TIFF file: its tags, with the position of its pixels.

    Parameters
    ----------
    tags
        Tag number -> value: text, a number, or a tuple of numbers.
    order
        "<" for little endian, ">" for big endian.
    """

    tags: dict[int, Any]
    order: str

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), px."""
        return int(self.tags.get(_HEIGHT, 0)), int(self.tags.get(_WIDTH, 0))

    def pixels(self, path: Path) -> npt.NDArray[Any]:
        """Read the pixels as stored, without scaling.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        numpy.ndarray
            (height, width).

        Raises
        ------
        FileFormatError
            The pixels are compressed, in colour, or incomplete.
        """
        kind = {1: "u", 2: "i", 3: "f"}.get(self.tags.get(_KIND, 1))
        bits = self.tags.get(_BITS)
        if kind is None or bits not in (8, 16, 32, 64) or self.tags.get(_COMPRESSION, 1) != 1:
            raise FileFormatError(f"{path}: the pixels of the TIFF page are compressed or of an unknown type")
        if self.tags.get(_SAMPLES, 1) != 1:
            raise FileFormatError(f"{path}: the TIFF page is in colour")
        height, width = self.shape
        data = b"".join(self._strips(path))
        if len(data) != height * width * bits // 8:
            raise FileFormatError(f"{path}: the TIFF page has {len(data)} bytes for {height} x {width} px")
        return np.frombuffer(data, f"{self.order}{kind}{bits // 8}").reshape(height, width)

    def _strips(self, path: Path) -> list[bytes]:
        offsets, counts = (np.atleast_1d(self.tags.get(tag, ())).tolist() for tag in (_OFFSETS, _COUNTS))
        strips = []
        with path.open("rb") as file:
            for offset, count in zip(offsets, counts, strict=True):
                file.seek(offset)
                strips.append(_take(file, count, path))
        return strips

    def check(self, file_bytes: int, path: Path) -> None:
        """Raise FileFormatError if the file is truncated within the pixels of the page.

        Parameters
        ----------
        file_bytes
            Size of the file.
        path
            The file, for the message.
        """
        offsets, counts = (np.atleast_1d(self.tags.get(tag, ())).tolist() for tag in (_OFFSETS, _COUNTS))
        if len(offsets) != len(counts):
            raise FileFormatError(
                f"{path}: the TIFF page has {len(offsets)} strips and {len(counts)} lengths"
            )
        end = max((offset + count for offset, count in zip(offsets, counts, strict=True)), default=0)
        if end > file_bytes:
            raise FileFormatError(
                f"{path}: the file is cut off: pixels end at byte {end}, the file has {file_bytes} bytes"
            )


def is_tiff(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a TIFF file.

    Parameters
    ----------
    head
        The first bytes of a file.

    Returns
    -------
    bool
        True for either byte order.
    """
    return head[:4] in (b"II*\0", b"MM\0*")


def read_pages(path: Path) -> list[TiffPage]:
    """Read the tags of every page, without pixels.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    list of TiffPage
        In the order of the file.

    Raises
    ------
    FileFormatError
        The file is not a TIFF file, or is truncated: tags or pixels are missing.
    """
    file_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        if not is_tiff(head):
            raise FileFormatError(f"{path}: it is not a TIFF file")
        order = "<" if head.startswith(b"II") else ">"
        pages: list[TiffPage] = []
        (offset,) = struct.unpack(f"{order}I", _take(file, 4, path))
        while offset:
            if len(pages) >= _MAX_PAGES:
                raise FileFormatError(f"{path}: the list of pages of the TIFF file is cyclic")
            file.seek(offset)
            (count,) = struct.unpack(f"{order}H", _take(file, 2, path))
            entries = _take(file, 12 * count, path)
            (offset,) = struct.unpack(f"{order}I", _take(file, 4, path))
            page = TiffPage(
                dict(_tag(file, entries[12 * i : 12 * i + 12], order, path) for i in range(count)), order
            )
            page.check(file_bytes, path)
            pages.append(page)
    return pages


def _tag(file: BinaryIO, entry: bytes, order: str, path: Path) -> tuple[int, Any]:
    """Return a tag's code and value; None for a type that is not read."""
    code, kind, count = struct.unpack(f"{order}HHI", entry[:8])
    letter = _LETTERS.get(kind)
    if letter is None:
        return code, None
    layout = f"{order}{count}{letter}"
    size = struct.calcsize(layout)
    data = entry[8:]
    if size > 4:
        file.seek(struct.unpack(f"{order}I", data)[0])
        data = _take(file, size, path)
    values = struct.unpack(layout, data[:size])
    if letter == "s":
        return code, values[0].split(b"\0")[0].decode("utf-8", errors="replace")
    return code, values[0] if count == 1 else values


def _take(file: BinaryIO, count: int, path: Path) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise FileFormatError(f"{path}: the file is cut off: the TIFF file ends within its tags or pixels")
    return data
