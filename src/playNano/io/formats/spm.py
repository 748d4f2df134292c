"""Read Bruker NanoScope images: `.spm` and numbered files such as `movie.102`, one frame per file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration, RawImage, errors_as_reasons, numbered
from playNano.io.formats.incomplete import cut_image
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

_MAGICS = (b"\\*File list", b"\\*EC File list")
_END = b"File list end"
# From this version on, pixels are stored in 4 bytes; their scale goes on following "Bytes/pixel".
_FOUR_BYTES_VERSION = 0x09200000
_MAX_HEADER_BYTES = 2**24
_PIECE_BYTES = 2**13
_IMAGE_SECTION = "Ciao image list"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HEIGHTS = ("Height Sensor", "Height", "ZSensor", "Z sensor", "Height Sensor_trace", "Height_trace")
_ALIASES = {
    "height_trace": _HEIGHTS,
    "height": _HEIGHTS,
    "height_retrace": ("Height Sensor_retrace", "ZSensor_retrace"),
    "phase_trace": ("Phase",),
    "amplitude_trace": ("Amplitude", "Amplitude Error"),
}
_DIRECTIONS: dict[str, Literal["down", "up"]] = {"down": "down", "up": "up"}
_WAYS: dict[str, Literal["trace", "retrace"]] = {"trace": "trace", "retrace": "retrace"}

Section = dict[str, str]


def open_spm(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.spm` and numbered (`.001`) images of Bruker NanoScope microscopes.

    Parameters
    ----------
    path
        The file; a folder of such files is a movie (see `playNano.io.formats.folder`).
    channel
        NanoScope's name, such as "Height Sensor", with the suffix "_trace" or "_retrace" if the file contains
        both. None means the height, from the height sensor if there is one.

    Returns
    -------
    Movie
        One frame, lengths in nm. An interrupted scan is an image of the lines that were scanned; in a file that is
        cut off, the lines that are missing are NaN.

    Raises
    ------
    FileFormatError
        The file is not such an image, or contains no line of it.
    ChannelError
        The file does not contain the channel.
    """
    path = Path(path)
    sections = _sections(path)
    images = [section for name, section in sections if name == _IMAGE_SECTION and _title(section)]
    names = _names(images)
    name = pick_channel(path, channel, names, _ALIASES)
    image = images[names.index(name)]
    scan = next((section for title, section in sections if title == "Ciao scan list"), {})
    layout = _layout(image, sections[0][1], name, path)
    width, height = layout.width, layout.height
    end = max(sum(_extent(section, path)) for section in images)
    item_bytes = int(layout.dtype[-1])
    lines, missing = cut_image(path, name, layout.first_byte, (height, width), item_bytes, end)
    everything = {key: value for _, part in sections for key, value in part.items()}
    scaling, lost = _scaling(image, everything, layout, path)
    y_nm, x_nm = _size_nm(image, scan, layout, path)
    rate_hz = float(_entry(scan, "Scan Rate", "0") or 0)
    frame_time_s = height / rate_hz if rate_hz > 0 else None
    start = _moment(sections[0][1].get("Date", ""))
    return Movie(
        path=path,
        format="spm",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=scaling.unit,
        # The bottom line of the image is stored first.
        read=RawImage(
            path, layout.first_byte, layout.dtype, (height, width), scaling, flip_y=True, lines=(0, lines)
        ),
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=1 / rate_hz if rate_hz > 0 else None,
            frame_time_s=frame_time_s,
            direction=_DIRECTIONS.get(
                (_entry(image, "Frame direction") or _entry(scan, "Capture direction")).casefold()
            ),
            trace=_WAYS.get(_entry(image, "Line Direction").casefold()),
        ),
        header={
            "file_channel": name,
            "start_time": start.isoformat() if start else None,
            # The date has a resolution of 1 s.
            "start_time_step_s": 1.0,
            "software": sections[0][1].get("Version"),
            "comment": image.get("Note", ""),
            "scan_rate_hz": rate_hz or None,
            "instrument": dict(sections).get("Equipment list", {}).get("Description"),
            "lines_planned": layout.planned_lines,
        },
        warnings=_doubts(layout, lost, f"{path.name}: channel {name}"),
        incomplete=missing,
    )


@errors_as_reasons
def sniff_spm(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not a NanoScope image, or None if it may be.

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
    if not head.startswith(_MAGICS):
        return "it does not begin with the list of a NanoScope file"
    sections = _sections(path)
    if not any(name == _IMAGE_SECTION for name, _ in sections):
        return "the NanoScope file has no image"
    return None


def _sections(path: Path) -> list[tuple[str, Section]]:
    """Return the sections of the header in order, each with its entries."""
    head, end = bytearray(), -1
    with path.open("rb", buffering=0) as file:
        # The pixels come after the header; they are not read.
        while end < 0 and len(head) < _MAX_HEADER_BYTES and (piece := file.read(_PIECE_BYTES)):
            searched = max(0, len(head) - len(_END))
            head += piece
            end = head.find(_END, searched)
    if not head.startswith(_MAGICS) or end < 0:
        raise FileFormatError(f"{path}: the header of the NanoScope file has no end; the file is cut off")
    sections: list[tuple[str, Section]] = []
    for line in head[:end].decode("latin-1").splitlines():
        if line.startswith("\\*"):
            sections.append((line[2:].strip(), {}))
            continue
        # A group number and a colon may precede the name: "@2:Z scale: V ...".
        match = re.match(r"\\((?:@(?:\d+:)?)?[^:]*?) ?:\s?(.*)", line)
        if match and sections:
            key = re.sub(r"^@\d+:", "@", match[1])
            sections[-1][1].setdefault(key, match[2].strip())
    return sections


def _title(image: Section) -> str | None:
    match = re.search(r'"(.*)"', _entry(image, "@Image Data"))
    return match[1] if match else None


def _names(images: list[Section]) -> list[str]:
    titles = [str(_title(image)) for image in images]
    names = [
        title
        if titles.count(title) == 1
        else f"{title}_{_entry(image, 'Line Direction', 'Trace').casefold()}"
        for title, image in zip(titles, images, strict=True)
    ]
    return numbered(names)


def _entry(section: Section, key: str, default: str = "") -> str:
    """Return an entry by its name, in the spelling of any version: "Scan Size" is "Scan size" in version 5."""
    if key in section:
        return section[key]
    return next((value for name, value in section.items() if name.casefold() == key.casefold()), default)


def _number(section: Section, key: str, path: Path) -> float:
    text = _entry(section, key)
    try:
        return float(text)
    except ValueError as error:
        raise FileFormatError(f"{path}: the NanoScope header has no readable {key!r} ({text!r})") from error


def _extent(image: Section, path: Path) -> tuple[int, int]:
    """Return the first byte and the number of bytes of a channel."""
    return int(_number(image, "Data offset", path)), int(_number(image, "Data length", path))


@dataclass(frozen=True)
class Layout:
    """How the pixels of a channel are stored.

    Parameters
    ----------
    first_byte
        Where they begin.
    dtype
        Type of a pixel.
    scale_bytes
        Bytes of a pixel that the scale refers to.
    width
        Pixels in a line.
    height
        Lines that are there.
    planned_lines
        Lines of the whole image, fewer of which an interrupted scan has.
    """

    first_byte: int
    dtype: str
    scale_bytes: int
    width: int
    height: int
    planned_lines: int


def _layout(image: Section, file_list: Section, channel: str, path: Path) -> Layout:
    """Return how the pixels of a channel are stored; an interrupted scan has fewer lines than it says."""
    width, planned = (int(_number(image, key, path)) for key in ("Samps/line", "Number of lines"))
    if width < 1 or planned < 1:
        raise FileFormatError(f"{path}: channel {channel} has {planned} x {width} px")
    offset, length = _extent(image, path)
    said = re.fullmatch(r"[24]", _entry(image, "Bytes/pixel"))
    version = re.match(r"0x[0-9a-fA-F]+", _entry(file_list, "Version"))
    later = version is not None and int(version[0], 16) >= _FOUR_BYTES_VERSION
    # Some files store another number of bytes than they say.
    likely = 4 if later or (said and said[0] == "4") else 2
    valid = re.fullmatch(r"\d+", _entry(image, "Valid data len Y"))
    for stored in (likely, 6 - likely):
        for lines in (planned, int(valid[0]) if valid else 0):
            if 0 < lines <= planned and length == stored * lines * width:
                return Layout(offset, f"<i{stored}", int(said[0]) if said else stored, width, lines, planned)
    raise FileFormatError(
        f"{path}: channel {channel} has {length} bytes for {planned * width} pixels; 2 or 4 each are known"
    )


def _scaling(
    image: Section, everything: Section, layout: Layout, path: Path
) -> tuple[Calibration, str | None]:
    """Return the scaling by the "hard" range and the sensitivity that goes with it, and what is missing of it."""
    text = _entry(image, "@Z scale")
    match = re.match(r"V (?:\[(?P<sens>.*?)\] )?\(\S+ .*?/LSB\)\s+(?P<range>\S+)\s*(?P<unit>\S*)", text)
    try:
        slope = float(match["range"] if match else "") / 2.0 ** (8 * layout.scale_bytes)
    except ValueError as error:
        raise FileFormatError(f"{path}: channel {_title(image)} has no readable Z scale: {text!r}") from error
    unit, name = (match["unit"], match["sens"]) if match else ("", None)
    lost = None
    sensitivity = _entry(everything, f"@{name}") if name else ""
    scale = re.match(r"V\s+([\d.eE+-]+)\s*(?:(\S+)/(\S+))?", sensitivity)
    if scale and scale[2]:
        # The sensitivity may be per V and the range in mV.
        slope *= float(scale[1]) * _ratio(unit, scale[3])
        unit = scale[2]
    elif scale:
        slope *= float(scale[1])
    elif name:
        lost = f"the header has no {name!r}, so that its values are in {unit or 'no unit'} as the converter gave them"
    factor, unit = base_unit(unit)
    return Calibration(slope * factor, 0.0, unit), lost


def _doubts(layout: Layout, lost: str | None, where: str) -> tuple[str, ...]:
    """Return the warnings of a channel."""
    texts = [f"{where}: {lost}"] if lost else []
    if layout.height < layout.planned_lines:
        texts.append(
            f"{where}: the scan was interrupted, {layout.height} of {layout.planned_lines} lines were scanned"
        )
    return tuple(texts)


def _ratio(unit: str, other: str) -> float:
    if unit == other:
        return 1.0
    prefixes = {"m": 1e-3, "u": 1e-6, "\u00b5": 1e-6, "n": 1e-9, "k": 1e3}
    return prefixes.get(unit[:1], 1.0) if unit[1:] == other else 1.0


def _size_nm(image: Section, scan: Section, layout: Layout, path: Path) -> tuple[float, float]:
    """Return height and width of the image as it is, which may have fewer lines than the scan was to have."""
    text = _entry(image, "Scan Size") or _entry(scan, "Scan Size")
    match = re.match(r"(\S+)(?:\s+([\d.eE+-]+))?\s+(\S+)$", text)
    if match is None:
        raise FileFormatError(f"{path}: the NanoScope header has no readable 'Scan Size': {text!r}")
    try:
        x_nm = length_nm(float(match[1]), match[3], path, "Scan Size")
        aspect = _aspect(_entry(image, "Aspect Ratio", "1:1"))
        y_nm = length_nm(float(match[2]), match[3], path, "Scan Size") if match[2] else x_nm / aspect
        planned = layout.planned_lines
        if match[2] and aspect != 1:
            # The second number is then that of a square image.
            square = _aspect(_entry(scan, "Aspect Ratio", "1:1")) == 1
            lines = _number(scan, "Lines", path) if square else float(layout.width)
            y_nm *= planned / lines
    except (ValueError, ZeroDivisionError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path}: the NanoScope header's 'Scan Size' is {text!r}") from error
    return y_nm * layout.height / planned, x_nm


def _aspect(text: str) -> float:
    """Return width : height of an aspect ratio, "2:1" or one number."""
    wide, _, high = text.partition(":")
    return float(wide) / float(high or 1)


def _moment(text: str) -> datetime | None:
    """Parse a date such as "01:59:45 PM Fri Apr 25 2014", independent of the locale."""
    match = re.match(r"(\d+):(\d+):(\d+) ([AP])M \w+ (\w{3}) (\d+) (\d+)", text)
    if match is None or match[5] not in _MONTHS:
        return None
    hour = int(match[1]) % 12 + (12 if match[4] == "P" else 0)
    try:
        return datetime(
            int(match[7]), _MONTHS.index(match[5]) + 1, int(match[6]), hour, int(match[2]), int(match[3])
        )
    except ValueError:
        return None
