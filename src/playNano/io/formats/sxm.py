"""Reader for `.sxm`: images of Nanonis controllers (SPECS).

Tested on files made after the published layout, which Gwyddion reads to the same values; no real file was at hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration, RawImage, errors_as_reasons, numbered
from playNano.io.formats.header_values import (
    finite,
    height_aliases,
    iso_start,
    positive,
    text_header,
    whole,
)
from playNano.io.formats.incomplete import cut_image
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

_END, _PIXEL_MARK = b":SCANIT_END:", b"\x1a\x04"
_ITEM_BYTES = 4
_ALIASES = height_aliases(("Z",))
_DIRECTIONS: dict[str, Literal["down", "up"]] = {"up": "up", "down": "down"}
_WAYS = {"both": ("trace", "retrace"), "forward": ("trace",), "backward": ("retrace",)}


@dataclass(frozen=True)
class SxmImage:
    """One image of an `.sxm` file.

    Parameters
    ----------
    name
        Name of the channel, without the way of the tip.
    unit
        As the file has it.
    way
        "trace" or "retrace".
    """

    name: str
    unit: str
    way: Literal["trace", "retrace"]


def open_sxm(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.sxm` images of Nanonis controllers.

    Parameters
    ----------
    path
        The file; a folder of such files is a movie.
    channel
        As in "Z_trace", "Current_retrace"; without an ending the trace is meant. None means the height.

    Returns
    -------
    Movie
        One frame, lengths in nm; lines that were not scanned are NaN.

    Raises
    ------
    FileFormatError
        The file is no such image, or contains no line of it.
    ChannelError
        The file does not have the channel.
    """
    path = Path(path)
    tags, first_byte = _header(path)
    numbers = _words(tags, "SCAN_PIXELS", 2, path)
    if tags.get("NANONIS_VERSION", "").strip() == "1":
        numbers = numbers[::-1]
    width, height = (whole(number, path, "SCAN_PIXELS") for number in numbers)
    x_nm, y_nm = (
        length_nm(finite(size, path, "SCAN_RANGE"), "m", path, "SCAN_RANGE")
        for size in _words(tags, "SCAN_RANGE", 2, path)
    )
    direction = _DIRECTIONS.get(tags.get("SCAN_DIR", "").strip().casefold())
    if direction is None:
        raise FileFormatError(f"{path}: SCAN_DIR is {tags.get('SCAN_DIR')!r}; it must be up or down")
    images = _images(tags, path)
    names = numbered([f"{image.name}_{image.way}" for image in images])
    name = pick_channel(path, channel, names, _ALIASES)
    index = names.index(name)
    factor, unit = base_unit(images[index].unit)
    line_time_s = _line_time_s(tags)
    image_bytes = height * width * _ITEM_BYTES
    end, start = first_byte + len(images) * image_bytes, first_byte + index * image_bytes
    lines, missing = cut_image(path, name, start, (height, width), _ITEM_BYTES, end)
    # The line that was scanned first is stored first; backward lines begin at the right.
    read = RawImage(
        path,
        start,
        ">f4",
        (height, width),
        Calibration(factor, 0.0, unit),
        flip_y=direction == "up",
        flip_x=images[index].way == "retrace",
        lines=(0, lines),
    )
    return Movie(
        path=path,
        format="sxm",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=unit,
        read=read,
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=line_time_s,
            frame_time_s=positive(tags.get("ACQ_TIME")) or (height * line_time_s if line_time_s else None),
            direction=direction,
            trace=images[index].way,
        ),
        header=_about(tags, name),
        warnings=() if missing else _interrupted(read, f"{path.name}: channel {name}"),
        incomplete=missing,
    )


@errors_as_reasons
def sniff_sxm(path: Path, head: bytes) -> str | None:
    """Return why a file is no Nanonis image, or None where it may be.

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
    if not head.lstrip().startswith(b":NANONIS_VERSION:"):
        return "it does not begin with :NANONIS_VERSION:"
    _header(path)
    return None


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Return the values of the header by tag, and the byte at which the pixels begin."""
    text, at = text_header(path, _END)
    with path.open("rb") as file:
        file.seek(at)
        gap = file.read(64)
    if gap.strip(b"\r\n")[:2] != _PIXEL_MARK:
        raise FileFormatError(f"{path}: the bytes 1A 04 do not come after the header")
    tags: dict[str, str] = {}
    tag = ""
    for line in text.splitlines():
        if match := re.fullmatch(r":([^:]+):\s*", line):
            tag = match[1]
            tags[tag] = ""
        elif tag:
            tags[tag] += line + "\n"
    return tags, at + gap.index(_PIXEL_MARK) + 2


def _interrupted(read: RawImage, where: str) -> tuple[str, ...]:
    """Return a warning if lines were not scanned, which are NaN; of a whole image only the last line is read."""
    height, width = read.shape
    last = read.first_byte + (height - 1) * width * _ITEM_BYTES
    if not np.isnan(np.fromfile(read.path, read.dtype, count=width, offset=last)).all():
        return ()
    lines = int((~np.isnan(read(0, 1)[0]).all(axis=1)).sum())
    return (f"{where}: the scan was interrupted, {lines} of {height} lines were scanned; the others are NaN",)


def _line_time_s(tags: dict[str, str]) -> float | None:
    """Return the time of a line, forward and backward, s; None if the file does not state it."""
    forward, backward = ([positive(time) for time in tags.get("SCAN_TIME", "").split()] + [None] * 2)[:2]
    return forward + backward if forward and backward else None


def _about(tags: dict[str, str], name: str) -> dict[str, Any]:
    """Return what else the header states."""
    layouts = ["%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S.%f"]
    return {
        "file_channel": name,
        "start_time": iso_start(tags.get("REC_DATE", ""), tags.get("REC_TIME", ""), layouts),
        "start_time_step_s": 1.0,
        "first_stored_line": "bottom" if tags["SCAN_DIR"].strip().casefold() == "up" else "top",
        "file_version": tags.get("NANONIS_VERSION", "").strip() or None,
        "comment": tags.get("COMMENT", "").strip(),
        "note": {key: value.strip() for key, value in tags.items() if key not in ("DATA_INFO", "COMMENT")},
    }


def _words(tags: dict[str, str], tag: str, count: int, path: Path) -> list[str]:
    words = tags.get(tag, "").split()
    if len(words) != count:
        raise FileFormatError(f"{path}: {tag} has {len(words)} values; {count} are needed")
    return words


def _images(tags: dict[str, str], path: Path) -> list[SxmImage]:
    """Return the images in the order in which they are stored."""
    # Slices that Nanonis generates have one image, whatever the table says.
    single = (
        tags.get("ACQ_TIME", "").strip() == "N/A" or "nan" in tags.get("SCAN_TIME", "").casefold().split()
    )
    images = []
    rows = [row for row in tags.get("DATA_INFO", "").splitlines() if row.strip()]
    for row in rows[1:]:
        cells = [cell.strip() for cell in (row.strip().split("\t") if "\t" in row.strip() else row.split())]
        ways = _WAYS.get(cells[3].casefold()) if len(cells) > 3 else None
        if ways is None:
            raise FileFormatError(f"{path}: DATA_INFO has a row that cannot be read: {row.strip()[:80]!r}")
        for way in ways[:1] if single else ways:
            images.append(SxmImage(cells[1], cells[2], "trace" if way == "trace" else "retrace"))
    if not images:
        raise FileFormatError(f"{path}: DATA_INFO lists no channel")
    return images
