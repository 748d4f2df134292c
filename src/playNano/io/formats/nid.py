"""Reader for `.nid`: images of Nanosurf easyScan and C3000 microscopes.

Tested on two real files (easyScan 2, all four channels of each) and on files made after the published layout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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

_END = b"\n#!"
_ALIASES = height_aliases(("Z-Axis", "Topography", "Z-Axis Sensor"))
_DIRECTIONS: dict[str, Literal["down", "up"]] = {"up": "up", "down": "down"}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6, "min": 60.0}
Sections = dict[str, dict[str, str]]


@dataclass(frozen=True)
class NidPart:
    """One channel of a `.nid` file: its part of the header, and where its numbers are.

    Parameters
    ----------
    name
        As a caller selects it; None for curves and spectra, which are no images.
    entries
        Its section of the header.
    first_byte
        Where its numbers begin.
    shape
        (height, width).
    bits
        Bits of a number: 8, 16 or 32.
    """

    name: str | None
    entries: dict[str, str]
    first_byte: int
    shape: tuple[int, int]
    bits: int


def open_nid(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.nid` images of Nanosurf easyScan and C3000 microscopes.

    Parameters
    ----------
    path
        The file; a folder of such files is a movie.
    channel
        As in "Topography_trace", "Z-Axis_retrace"; without an ending the trace is meant. None means the height.

    Returns
    -------
    Movie
        One frame, lengths in nm. Lines of an interrupted scan that are those of an earlier one are NaN, as are the
        missing lines of a file that is cut off.

    Raises
    ------
    FileFormatError
        The file is no such image, or contains no line of it.
    ChannelError
        The file does not have the channel.
    """
    path = Path(path)
    sections, first_byte = _sections(path)
    parts = _parts(sections, first_byte, path)
    names = numbered([part.name for part in parts if part.name is not None])
    name = pick_channel(path, channel, names, _ALIASES)
    part = [part for part in parts if part.name is not None][names.index(name)]
    height, width = part.shape
    y_nm, x_nm = (
        length_nm(
            finite(part.entries.get(f"Dim{axis}Range"), path, f"Dim{axis}Range"),
            part.entries.get(f"Dim{axis}Unit", ""),
            path,
            f"Dim{axis}Range",
        )
        for axis in (1, 0)
    )
    scaling = _scaling(part, path)
    about = sections.get("DataSet\\DataSetInfos\\Scan") or sections.get("DataSet-Info", {})
    line_time_s = _seconds(about.get("Time/Line", ""))
    direction = _DIRECTIONS.get(about.get("Scan direction", "").casefold())
    last = parts[-1]
    end = last.first_byte + last.shape[0] * last.shape[1] * last.bits // 8
    there, missing = cut_image(path, name, part.first_byte, part.shape, part.bits // 8, end)
    first_line, end_line = _scanned_lines(part, direction)
    return Movie(
        path=path,
        format="nid",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=scaling.unit,
        # The lowest line of the image is stored first, whatever the direction of the scan.
        read=RawImage(
            path,
            part.first_byte,
            f"<i{part.bits // 8}",
            part.shape,
            scaling,
            flip_y=True,
            lines=(min(first_line, there), min(end_line, there)),
        ),
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=line_time_s,
            frame_time_s=height * line_time_s if line_time_s else None,
            direction=direction,
            trace="retrace" if "_retrace" in name else "trace",
        ),
        header={
            "file_channel": name,
            "start_time": iso_start(about.get("Date", ""), about.get("Time", ""), ["%d-%m-%Y %H:%M:%S"]),
            "start_time_step_s": 1.0,
            "last_line": part.entries.get("CurLine"),
            "note": about,
        },
        warnings=_interrupted(f"{path.name}: channel {name}", end_line - first_line, height),
        incomplete=missing,
    )


@errors_as_reasons
def sniff_nid(path: Path, head: bytes) -> str | None:
    """Return why a file is no Nanosurf image, or None where it may be.

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
    if b"[DataSet" not in head:
        return "its header does not begin with a section [DataSet]"
    _sections(path)
    return None


def _sections(path: Path) -> tuple[Sections, int]:
    """Return the sections of the header, and the byte at which the numbers begin."""
    text, first_byte = text_header(path, _END)
    sections: Sections = {}
    entries: dict[str, str] = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"\[(.*)\]\s*", line):
            entries = sections.setdefault(match[1], {})
        elif "=" in line:
            key, _, value = line.partition("=")
            entries[key.strip()] = value.strip()
    if "DataSet" not in sections:
        raise FileFormatError(f"{path}: the header has no section [DataSet]")
    return sections, first_byte


def _parts(sections: Sections, first_byte: int, path: Path) -> list[NidPart]:
    """Return every channel in the order in which the numbers are stored."""
    listed = sections["DataSet"]
    keys = sorted(
        (int(match[1]), int(match[2]), key)
        for key in listed
        if (match := re.fullmatch(r"Gr(\d{1,6})-Ch(\d{1,6})", key))
    )
    parts = []
    for _, _, key in keys:
        section = listed[key]
        entries = sections.get(section)
        if entries is None:
            raise FileFormatError(f"{path}: the header lists the channel {section!r} and has no such section")
        shape = (
            whole(entries.get("Lines"), path, f"Lines of {section}"),
            whole(entries.get("Points"), path, f"Points of {section}"),
        )
        bits = entries.get("SaveBits")
        kind = (entries.get("SaveMode"), entries.get("SaveSign"), entries.get("SaveOrder"))
        if bits not in ("8", "16", "32") or kind != ("Binary", "Signed", "Intel"):
            raise FileFormatError(
                f"{path}: the numbers of {section} are stored as {kind} with {bits} bits; only signed binary "
                "ones of 8, 16 or 32 bits in Intel order can be read"
            )
        parts.append(NidPart(_name(entries), entries, first_byte, shape, int(bits)))
        first_byte += shape[0] * shape[1] * int(bits) // 8
    return parts


def _scanned_lines(part: NidPart, direction: str | None) -> tuple[int, int]:
    """Return the stored lines [first, last) that were scanned; the others of the image are of an earlier scan.

    CurLine is the line that was scanned last, counted from the bottom: 0 in a whole image that was scanned down.
    """
    height = part.shape[0]
    text = part.entries.get("CurLine", "")
    if direction is None or not text.isdecimal() or int(text) >= height:
        return 0, height
    return (0, int(text) + 1) if direction == "up" else (int(text), height)


def _interrupted(where: str, lines: int, planned: int) -> tuple[str, ...]:
    if lines == planned:
        return ()
    scanned = f"{lines} of {planned} lines were scanned"
    return (f"{where}: the scan was interrupted, {scanned}; the others, of an earlier scan, are NaN",)


def _name(entries: dict[str, str]) -> str | None:
    """Return the name of an image; None for curves and spectra."""
    match = re.fullmatch(r"(2nd )?scan (forward|backward)", entries.get("Frame", "").casefold())
    if match is None:
        return None
    second = " 2nd" if match[1] else ""
    way = "trace" if match[2] == "forward" else "retrace"
    return f"{entries.get('Dim2Name', 'channel')}{second}_{way}"


def _scaling(part: NidPart, path: Path) -> Calibration:
    """Return the scaling of a channel: the numbers from lowest to highest span the range."""
    factor, unit = base_unit(part.entries.get("Dim2Unit", ""))
    value_range = finite(part.entries.get("Dim2Range"), path, "Dim2Range")
    minimum = finite(part.entries.get("Dim2Min"), path, "Dim2Min")
    if value_range == 0:
        raise FileFormatError(f"{path}: Dim2Range of the channel {part.name} is 0")
    return Calibration(value_range / 2**part.bits * factor, (value_range / 2 + minimum) * factor, unit)


def _seconds(text: str) -> float | None:
    match = re.fullmatch(r"\s*([-+.\deE]+?)\s*(\D{1,3}?)\s*", text)
    if match is None or match[2] not in _SECONDS:
        return None
    value = positive(match[1])
    return None if value is None else value * _SECONDS[match[2]]
