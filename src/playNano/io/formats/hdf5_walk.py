"""The objects of HDF5 files, walked before they are used: what the HDF5 library cannot survive is an error.

The library takes an endless loop from a damaged heap of texts, allocates whatever length a damaged text states, and
opens other files that a link, an external storage or a virtual dataset names. The structures are those of the "HDF5
File Format Specification Version 3.0" (The HDF Group).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from playNano.errors import FileFormatError

if TYPE_CHECKING:
    import h5py

_DATASPACE, _DATATYPE, _EXTERNAL, _LAYOUT, _ATTRIBUTE, _CONTINUATION = 0x01, 0x03, 0x07, 0x08, 0x0C, 0x10
_COMPACT, _CONTIGUOUS, _VIRTUAL = 0, 1, 3
_VARIABLE_LENGTH = 9
_SHARED = 2
_MAX_MESSAGE_BYTES, _SMALL_HEAP_BYTES = 1 << 20, 1 << 16
# Deflate, the best of the common filters, packs at most about a thousand bytes into one. A small dataset may be unused.
_MAX_PACKING, _SMALL_BYTES = 1100, 32 << 20

_MAX_WALKED = 1000
_walked: set[tuple[Path, int, int]] = set()
"""Path, size and time of change of the files that were walked."""


def check_objects(file: h5py.File, path: Path) -> None:
    """Raise unless all objects of a file are in it, and its texts as long as they state.

    Parameters
    ----------
    file
        The open file.
    path
        Its path.

    Raises
    ------
    FileFormatError
        A link or a dataset refers to another file, or the texts of the file are damaged; the message names it.
    """
    state = path.stat()
    key = (path, state.st_size, state.st_mtime_ns)
    # A file is opened anew for every range of frames, and walked once.
    if key not in _walked:
        _walk(file, path)
        if len(_walked) >= _MAX_WALKED:
            _walked.clear()
        _walked.add(key)


def _walk(file: h5py.File, path: Path) -> None:
    """Check every link, and every object in the file."""
    from h5py import h5l, h5o

    links: list[tuple[bytes, int, int]] = []

    def visit(name: bytes, link: Any) -> None:
        links.append((name, link.type, link.u))

    with path.open("rb", buffering=0) as raw:
        objects = _Objects(raw, path, file.id.get_create_plist().get_sizes(), file.userblock_size)
        objects.check(int(h5o.get_info(file.id).addr), "/")
        file.id.links.visit(visit, info=True)
        for name, kind, address in links:
            shown = name.decode("utf-8", errors="replace")
            if kind == h5l.TYPE_EXTERNAL:
                raise FileFormatError(
                    f"{path}: the link {shown!r} leads to another file, which is not opened; copy its data into this "
                    "file"
                )
            if kind == h5l.TYPE_HARD:
                objects.check(int(address), shown)


class _Objects:
    """Headers and texts of the objects of a file."""

    def __init__(self, file: BinaryIO, path: Path, sizes: tuple[int, int], base: int) -> None:
        self._file, self._path, self._base = file, path, base
        letters = {2: "H", 4: "I", 8: "Q"}
        self._offset, self._length = (letters.get(size, "Q") for size in sizes)
        self._seen: set[int] = set()
        self._heaps: dict[int, dict[int, int]] = {}

    def check(self, at: int, name: str) -> None:
        """Check the object whose header is at an address."""
        if at in self._seen:
            return
        self._seen.add(at)
        kind, layout, space = b"", b"", b""
        for message, shared, data in self._messages(at):
            if message == _EXTERNAL:
                raise FileFormatError(
                    f"{self._path}: the dataset {name!r} is stored in another file, which is not opened"
                )
            if message == _DATATYPE and not shared:
                kind = data
            elif message == _DATASPACE:
                space = data
            elif message == _LAYOUT:
                layout = data
            elif message == _ATTRIBUTE and not shared:
                self._check_attribute(data, name)
        self._check_layout(kind, layout, name)
        if layout:
            self._check_size(kind, space, name)

    def _check_size(self, kind: bytes, space: bytes, name: str) -> None:
        """Check that the file can hold a dataset."""
        if len(space) < 4 or space[0] not in (1, 2):
            return
        first, width = 8 if space[0] == 1 else 4, struct.calcsize(f"<{self._length}")
        count = math.prod(self._number(self._length, space, first + width * i) for i in range(space[1]))
        stated, there = count * self._number("I", kind, 4), self._path.stat().st_size
        if stated > max(_SMALL_BYTES, _MAX_PACKING * there):
            raise FileFormatError(
                f"{self._path}: the dataset {name!r} has {stated} bytes, which the file of {there} bytes cannot hold"
            )

    def _take(self, at: int, count: int) -> bytes:
        self._file.seek(self._base + at)
        return self._file.read(count)

    def _number(self, letter: str, data: bytes, at: int) -> int:
        """Return a number; 0 where the data end before it."""
        size = struct.calcsize(f"<{letter}")
        return int.from_bytes(data[at : at + size], "little") if len(data) >= at + size else 0

    def _messages(self, at: int) -> Iterator[tuple[int, bool, bytes]]:
        """Yield kind, whether it is shared, and content of every message of an object's header."""
        head = self._take(at, 64)
        newer = head.startswith(b"OHDR")
        if newer:
            flags = head[5] if len(head) > 5 else 0
            first = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            blocks = [(at + first + width, int.from_bytes(head[first : first + width], "little"))]
            form = struct.Struct("<BHBH" if flags & 4 else "<BHB")
        else:
            blocks = [(at + 16, self._number("I", head, 8))]
            form = struct.Struct("<HHBxxx")
        done: set[int] = set()
        while blocks:
            start, count = blocks.pop(0)
            if start in done:
                raise FileFormatError(f"{self._path}: the header of an object goes round in a circle")
            done.add(start)
            data = self._take(start, min(count, _MAX_MESSAGE_BYTES))
            place = 0
            while place + form.size <= len(data):
                message, size, shared = form.unpack_from(data, place)[:3]
                place += form.size
                content = data[place : place + size]
                place += size
                if message == _CONTINUATION:
                    begin = self._number(self._offset, content, 0)
                    length = self._number(self._length, content, struct.calcsize(f"<{self._offset}"))
                    # A block of the newer form begins with its signature.
                    blocks.append((begin + 4, length - 8) if newer else (begin, length))
                yield message, bool(shared & _SHARED), content

    def _check_attribute(self, data: bytes, name: str) -> None:
        """Check the texts of an attribute."""
        if len(data) < 9 or data[0] not in (1, 2, 3):
            return
        sizes = struct.unpack_from("<HHH", data, 2)
        at = 9 if data[0] == 3 else 8
        parts = []
        for size in sizes:
            parts.append(data[at : at + size])
            at += (size + 7) // 8 * 8 if data[0] == 1 else size
        if data[0] > 1 and data[1] & 1:  # its type is stored elsewhere
            return
        title = parts[0].split(b"\0")[0].decode("utf-8", errors="replace")
        self._check_references(parts[1], data[at:], f"the attribute {title!r} of {name!r}")

    def _check_layout(self, kind: bytes, layout: bytes, name: str) -> None:
        """Check the texts of a dataset, and that it is not made of others."""
        if len(layout) < 2 or layout[0] not in (3, 4, 5):
            return
        if layout[1] == _VIRTUAL:
            raise FileFormatError(
                f"{self._path}: the dataset {name!r} is made of other datasets (virtual), which are not opened"
            )
        if layout[1] == _COMPACT:
            self._check_references(
                kind, layout[4 : 4 + self._number("H", layout, 2)], f"the dataset {name!r}"
            )
        elif layout[1] == _CONTIGUOUS and _is_variable(kind):
            at = self._number(self._offset, layout, 2)
            size = self._number(self._length, layout, 2 + struct.calcsize(f"<{self._offset}"))
            if size and at != 2 ** (8 * struct.calcsize(f"<{self._offset}")) - 1:
                data = self._take(at, min(size, self._path.stat().st_size))
                self._check_references(kind, data, f"the dataset {name!r}")

    def _check_references(self, kind: bytes, data: bytes, what: str) -> None:
        """Check where texts or lists of any length are said to be, and how long they are."""
        if not _is_variable(kind):
            return
        # A list (0) or a text (1); the library crashes on others.
        if kind[1] & 15 > 1 or (_is_variable(kind[8:]) and kind[9] & 15 > 1):
            raise FileFormatError(f"{self._path}: {what} is damaged: it is of an unknown type")
        item = max(1, self._number("I", kind, 12))
        form = struct.Struct(f"<I{self._offset}I")
        for length, at, index in form.iter_unpack(data[: len(data) // form.size * form.size]):
            if length == 0:
                continue
            there = self._heap(at, what).get(index, -1)
            if length * item > there:
                raise FileFormatError(
                    f"{self._path}: {what} is damaged: {length * item} bytes are stated, and "
                    f"{max(there, 0)} are stored"
                )

    def _heap(self, at: int, what: str) -> dict[int, int]:
        """Return the bytes of every object of a heap by its number."""
        if at not in self._heaps:
            data = self._take(at, 8 + struct.calcsize(f"<{self._length}"))
            size = self._number(self._length, data, 8)
            if not data.startswith(b"GCOL") or size > self._path.stat().st_size:
                raise FileFormatError(f"{self._path}: {what} is damaged: there is no heap at byte {at}")
            self._heaps[at] = self._heap_objects(at, size)
        return self._heaps[at]

    def _heap_objects(self, at: int, heap_bytes: int) -> dict[int, int]:
        """Return the bytes of the objects of a heap, or raise where they do not lead to its end."""
        sizes: dict[int, int] = {}
        # A larger heap has few texts, and long ones, which are not read.
        data = self._take(at, heap_bytes) if heap_bytes <= _SMALL_HEAP_BYTES else b""
        first = 8 + struct.calcsize(f"<{self._length}")
        place = (first + 7) // 8 * 8
        while place + 16 <= heap_bytes:
            head = data[place : place + 16] if data else self._take(at + place, 16)
            index, size = self._number("H", head, 0), self._number(self._length, head, 8)
            # The free space, number 0, counts its own head.
            step = size if index == 0 else 16 + (size + 7) // 8 * 8
            if step < 16 or place + step > heap_bytes:
                raise FileFormatError(
                    f"{self._path}: the heap of texts at byte {at} is damaged: its object {index} has {size} bytes"
                )
            sizes[index] = size
            place += step
        return sizes


def _is_variable(kind: bytes) -> bool:
    return len(kind) >= 16 and kind[0] & 15 == _VARIABLE_LENGTH
