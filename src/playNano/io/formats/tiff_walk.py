"""The directories of TIFF and BigTIFF files, read strictly: whatever is cut off is an error.

Libraries that decode pixels pass over directories and strips that are missing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from playNano.errors import FileFormatError
from playNano.io.formats.frames import check_bytes

# Bytes of a value by its TIFF type.
_TYPE_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_UNSIGNED = {3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_PLACES = ((273, 279), (324, 325))
"""The tags of positions and lengths of strips and of tiles."""
_BASELINE = range(254, 340)
"""The tags that state how pixels are stored."""


@dataclass(frozen=True)
class _Layout:
    """How a file stores numbers: classic TIFF or BigTIFF, in either byte order."""

    order: str
    count: str
    offset: str
    first: int

    @property
    def tag(self) -> struct.Struct:
        return struct.Struct(f"{self.order}HH{self.offset}{struct.calcsize(self.offset)}s")


def is_any_tiff(head: bytes) -> bool:
    """Return whether the first bytes are those of a TIFF or BigTIFF file.

    Parameters
    ----------
    head
        The first bytes of a file.

    Returns
    -------
    bool
        Either byte order.
    """
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def check_pages(path: Path, max_pages: int | None = None) -> list[set[int]]:
    """Return the tags of every page of a TIFF file, or raise where a part of it is missing.

    Parameters
    ----------
    path
        The file.
    max_pages
        Number of pages to check; None for all.

    Returns
    -------
    list of set of int
        The numbers of the tags, page by page.

    Raises
    ------
    FileFormatError
        The file is no TIFF file, ends within its tags or pixels, or its pages go round in a circle.
    """
    pages: list[set[int]] = []
    # Without a buffer, as the pages lie far apart.
    with path.open("rb", buffering=0) as file:
        layout = _layout(file, path)
        file.seek(layout.first)
        offset = _number(file, layout.order + layout.offset, path)
        seen: set[int] = set()
        while offset and (max_pages is None or len(pages) < max_pages):
            if offset in seen:
                raise FileFormatError(f"{path}: the pages of the TIFF file go round in a circle")
            seen.add(offset)
            check_bytes(path, offset + 2, "a page of the TIFF file")
            file.seek(offset)
            count = _number(file, layout.order + layout.count, path)
            data = _take(file, count * layout.tag.size, path)
            offset = _number(file, layout.order + layout.offset, path)
            pages.append(_check_tags(file, data, layout, path))
    if not pages:
        raise FileFormatError(f"{path}: the TIFF file has no page")
    return pages


def _layout(file: BinaryIO, path: Path) -> _Layout:
    head = file.read(16)
    if not is_any_tiff(head):
        raise FileFormatError(f"{path}: it is not a TIFF file")
    order = "<" if head.startswith(b"II") else ">"
    return _Layout(order, "Q", "Q", 8) if b"+" in head[:4] else _Layout(order, "H", "I", 4)


def _check_tags(file: BinaryIO, data: bytes, layout: _Layout, path: Path) -> set[int]:
    """Return the tags of a page, or raise where the file ends before one of them or its pixels."""
    tags = {code: (kind, count, value) for code, kind, count, value in layout.tag.iter_unpack(data)}
    for code, (kind, count, value) in tags.items():
        if kind not in _TYPE_BYTES and code in _BASELINE:
            # Without its value the pixels would be taken for numbers of another kind.
            raise FileFormatError(f"{path}: the tag {code} is of the unknown type {kind}")
        size = _TYPE_BYTES.get(kind, 0) * count
        if size > len(value):
            start = struct.unpack(layout.order + layout.offset, value)[0]
            check_bytes(path, start + size, f"the tag {code}")
    for places in _PLACES:
        starts, lengths = (_integers(file, tags.get(code), layout) for code in places)
        if len(starts) != len(lengths):
            raise FileFormatError(
                f"{path}: a page has {len(starts)} parts and {len(lengths)} lengths of parts"
            )
        if len(starts):
            # Python's integers: a damaged number must not wrap.
            end = max(int(start) + int(length) for start, length in zip(starts, lengths, strict=True))
            check_bytes(path, end, "a page's pixels")
    return set(tags)


def _integers(file: BinaryIO, tag: tuple[int, int, bytes] | None, layout: _Layout) -> list[int]:
    """Return the unsigned integers of a tag; the file is known to hold them."""
    if tag is None or tag[0] not in _UNSIGNED:
        return []
    kind, count, value = tag
    if _TYPE_BYTES[kind] * count > len(value):
        file.seek(struct.unpack(layout.order + layout.offset, value)[0])
        value = file.read(_TYPE_BYTES[kind] * count)
    return [int(number) for number in np.frombuffer(value, layout.order + _UNSIGNED[kind], count=count)]


def _number(file: BinaryIO, layout: str, path: Path) -> int:
    (number,) = struct.unpack(layout, _take(file, struct.calcsize(layout), path))
    return int(number)


def _take(file: BinaryIO, count: int, path: Path) -> bytes:
    check_bytes(path, file.tell() + count, "a page of the TIFF file")
    return file.read(count)
