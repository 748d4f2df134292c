"""Read tags and uncompressed pixels of TIFF files strictly: a truncated file is an error.

Image libraries ignore missing pages, so that a truncated file would appear to have fewer channels.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
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

    def pixels(self, path: Path, lines: int | None = None) -> npt.NDArray[Any]:
        """Read the pixels as stored, without scaling.

        Parameters
        ----------
        path
            The file.
        lines
            Number of lines to read, from the one that is stored first; None means all.

        Returns
        -------
        numpy.ndarray
            (lines, width).

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
        needed = height * width * bits // 8
        there = sum(count for _, count in self._places())
        if there != needed:
            raise FileFormatError(f"{path}: the TIFF page has {there} bytes for {height} x {width} px")
        if lines is not None:
            height, needed = lines, lines * width * bits // 8
        data = b"".join(self._strips(path, needed))
        return np.frombuffer(data, f"{self.order}{kind}{bits // 8}").reshape(height, width)

    def lines_there(self, file_bytes: int) -> int:
        """Return the number of whole lines that a file has, from the one that is stored first.

        Parameters
        ----------
        file_bytes
            Size of the file.

        Returns
        -------
        int
            At most the height.
        """
        height, width = self.shape
        there = 0
        for offset, count in self._places():
            part = max(0, min(count, file_bytes - offset))
            there += part
            if part < count:
                break
        line_bytes = width * int(self.tags.get(_BITS, 8)) // 8
        return min(height, there // line_bytes) if line_bytes else 0

    @property
    def end(self) -> int:
        """The byte behind the last pixel."""
        return max((offset + count for offset, count in self._places()), default=0)

    def _numbers(self, tag: int) -> list[int]:
        """Return the whole numbers of a tag; none where it is missing or has other values."""
        values = np.atleast_1d(self.tags.get(tag, ()))
        return (
            [int(value) for value in values]
            if values.dtype.kind in "iu" and values.min(initial=0) >= 0
            else []
        )

    def _places(self) -> list[tuple[int, int]]:
        """Return the offset and length of every strip."""
        offsets, counts = (self._numbers(tag) for tag in (_OFFSETS, _COUNTS))
        return list(zip(offsets, counts, strict=False))

    def _strips(self, path: Path, needed: int) -> list[bytes]:
        """Return as many bytes of the strips as are needed."""
        strips = []
        with path.open("rb") as file:
            for offset, count in self._places():
                taken = min(count, needed)
                if not taken:  # a strip that is not needed may be behind the end of the file
                    continue
                file.seek(offset)
                strips.append(_take(file, taken, path))
                needed -= taken
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
        offsets, counts = (self._numbers(tag) for tag in (_OFFSETS, _COUNTS))
        if len(offsets) != len(counts):
            raise FileFormatError(
                f"{path}: the TIFF page has {len(offsets)} strips and {len(counts)} lengths"
            )
        if self.end > file_bytes:
            raise FileFormatError(
                f"{path}: the file is cut off: pixels end at byte {self.end}, the file has {file_bytes} bytes"
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


def pages_there(path: Path) -> tuple[list[TiffPage], str | None]:
    """Read the tags of the pages that a file has, without pixels.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    pages : list of TiffPage
        In the order of the file, up to the first one whose tags are missing; pixels may be missing of any.
    cut : str or None
        What is missing, or None if the file is whole.

    Raises
    ------
    FileFormatError
        The file is not a TIFF file, or its first page is missing.
    """
    file_bytes = path.stat().st_size
    pages: list[TiffPage] = []
    cut = None
    walk = _walk(path)
    while True:
        try:
            page = next(walk, None)
            if page is None:
                return pages, cut
            pages.append(page)
            page.check(file_bytes, path)
        except FileFormatError as error:
            if not pages:
                raise
            cut = cut or str(error).removeprefix(f"{path}: ")


def _walk(path: Path) -> Iterator[TiffPage]:
    """Yield the pages of a file, or raise FileFormatError where one is missing."""
    with path.open("rb") as file:
        head = file.read(4)
        if not is_tiff(head):
            raise FileFormatError(f"{path}: it is not a TIFF file")
        order = "<" if head.startswith(b"II") else ">"
        count_pages = 0
        (offset,) = struct.unpack(f"{order}I", _take(file, 4, path))
        seen: set[int] = set()
        while offset:
            count_pages += 1
            if count_pages > _MAX_PAGES or offset in seen:
                raise FileFormatError(f"{path}: the list of pages of the TIFF file is cyclic")
            seen.add(offset)
            file.seek(offset)
            (count,) = struct.unpack(f"{order}H", _take(file, 2, path))
            entries = _take(file, 12 * count, path)
            (offset,) = struct.unpack(f"{order}I", _take(file, 4, path))
            yield TiffPage(
                dict(_tag(file, entries[12 * i : 12 * i + 12], order, path) for i in range(count)), order
            )


def _tag(file: BinaryIO, entry: bytes, order: str, path: Path) -> tuple[int, Any]:
    """Return a tag's code and value; None for a type that is not read."""
    code, kind, count = struct.unpack(f"{order}HHI", entry[:8])
    letter = _LETTERS.get(kind)
    if letter is None:
        return code, None
    # A layout of many letters is a list in memory.
    if count > os.fstat(file.fileno()).st_size:
        raise FileFormatError(f"{path}: the file is cut off: the TIFF tag {code} has {count} values")
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
    # Memory is not taken before the file is known to have as many bytes.
    if count > os.fstat(file.fileno()).st_size - file.tell():
        raise FileFormatError(f"{path}: the file is cut off: the TIFF file ends within its tags or pixels")
    return file.read(count)
