"""Read Bruker NanoScope images: `.spm` and numbered files such as `movie.102`, one frame per file."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Literal

from playNano.core.scan import ScanGeometry
from playNano.errors import FileFormatError
from playNano.io.formats.frames import Calibration, RawImage, check_bytes, errors_as_reasons, numbered
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

_MAGIC = b"\\*File list"
_END = b"\\*File list end"
_MAX_HEADER_BYTES = 2**24
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
        One frame, lengths in nm.

    Raises
    ------
    FileFormatError
        The file is not such an image, or is truncated.
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
    width, height = (int(_number(image, key, path)) for key in ("Samps/line", "Number of lines"))
    if width < 1 or height < 1:
        raise FileFormatError(f"{path}: channel {name} has {height} x {width} px")
    for title, section in zip(names, images, strict=True):
        check_bytes(path, sum(_extent(section, path)), f"channel {title}")
    first_byte, dtype = _location(image, height * width, name, path)
    scaling = _scaling(
        image, {key: value for _, part in sections for key, value in part.items()}, dtype, path
    )
    y_nm, x_nm = _size_nm(image, scan, path)
    rate_hz = float(scan.get("Scan Rate", "0") or 0)
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
        read=RawImage(path, first_byte, dtype, (height, width), scaling, flip_y=True),
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=1 / rate_hz if rate_hz > 0 else None,
            frame_time_s=frame_time_s,
            direction=_DIRECTIONS.get(
                image.get("Frame direction", scan.get("Capture direction", "")).casefold()
            ),
            trace=_WAYS.get(image.get("Line Direction", "").casefold()),
        ),
        header={
            "file_channel": name,
            "start_time": start.isoformat() if start else None,
            # The date has a resolution of 1 s.
            "start_time_step_s": 1.0,
            "software": sections[0][1].get("Version"),
            "comment": image.get("Note", ""),
            "scan_rate_hz": rate_hz or None,
            "microscope": dict(sections).get("Equipment list", {}).get("Description"),
        },
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
    if not head.startswith(_MAGIC):
        return "it does not begin with the list of a NanoScope file"
    sections = _sections(path)
    if not any(name == _IMAGE_SECTION for name, _ in sections):
        return "the NanoScope file has no image"
    return None


def _sections(path: Path) -> list[tuple[str, Section]]:
    """Return the sections of the header in order, each with its entries."""
    with path.open("rb") as file:
        head = file.read(_MAX_HEADER_BYTES)
    end = head.find(_END)
    if not head.startswith(_MAGIC) or end < 0:
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
    match = re.search(r'"(.*)"', image.get("@Image Data", ""))
    return match[1] if match else None


def _names(images: list[Section]) -> list[str]:
    titles = [str(_title(image)) for image in images]
    names = [
        title if titles.count(title) == 1 else f"{title}_{image.get('Line Direction', 'Trace').casefold()}"
        for title, image in zip(titles, images, strict=True)
    ]
    return numbered(names)


def _number(section: Section, key: str, path: Path) -> float:
    try:
        return float(section[key])
    except (KeyError, ValueError) as error:
        raise FileFormatError(f"{path}: the NanoScope header has no readable {key!r} ({error})") from error


def _extent(image: Section, path: Path) -> tuple[int, int]:
    """Return the first byte and the number of bytes of a channel."""
    return int(_number(image, "Data offset", path)), int(_number(image, "Data length", path))


def _location(image: Section, pixels: int, channel: str, path: Path) -> tuple[int, str]:
    """Return the first byte of a channel and the type of its pixels."""
    offset, length = _extent(image, path)
    # "Bytes/pixel" is 2 in some files with 4 bytes per pixel.
    if length not in (2 * pixels, 4 * pixels):
        raise FileFormatError(
            f"{path}: channel {channel} has {length} bytes for {pixels} pixels; 2 or 4 each are known"
        )
    return offset, f"<i{length // pixels}"


def _scaling(image: Section, everything: Section, dtype: str, path: Path) -> Calibration:
    """Return the scaling from the "hard" range of the A/D converter and the corresponding sensitivity."""
    text = image.get("@Z scale", "")
    match = re.match(r"V (?:\[(?P<sens>.*?)\] )?\(\S+ .*?/LSB\)\s+(?P<range>\S+)\s*(?P<unit>\S*)", text)
    if match is None:
        raise FileFormatError(f"{path}: channel {_title(image)} has no readable Z scale: {text!r}")
    slope, unit = float(match["range"]) / 2.0 ** (8 * int(dtype[-1])), match["unit"]
    sensitivity = everything.get(f"@{match['sens']}", "") if match["sens"] else ""
    scale = re.match(r"V\s+(\S+)\s*(?:(\S+)/(\S+))?", sensitivity)
    if scale and scale[2]:
        # The sensitivity may be per V and the range in mV.
        slope *= float(scale[1]) * _ratio(unit, scale[3])
        unit = scale[2]
    elif scale:
        slope *= float(scale[1])
    factor, unit = base_unit(unit)
    return Calibration(slope * factor, 0.0, unit)


def _ratio(unit: str, other: str) -> float:
    if unit == other:
        return 1.0
    prefixes = {"m": 1e-3, "u": 1e-6, "\u00b5": 1e-6, "n": 1e-9, "k": 1e3}
    return prefixes.get(unit[:1], 1.0) if unit[1:] == other else 1.0


def _size_nm(image: Section, scan: Section, path: Path) -> tuple[float, float]:
    """Return height and width of the image, nm."""
    text = image.get("Scan Size") or scan.get("Scan Size", "")
    match = re.match(r"(\S+)(?:\s+([\d.eE+-]+))?\s+(\S+)$", text)
    if match is None:
        raise FileFormatError(f"{path}: the NanoScope header has no readable 'Scan Size': {text!r}")
    try:
        x_nm = length_nm(float(match[1]), match[3], path, "Scan Size")
        if match[2]:
            return length_nm(float(match[2]), match[3], path, "Scan Size"), x_nm
        wide, high = (float(part) for part in image.get("Aspect Ratio", "1:1").split(":"))
        return x_nm * high / wide, x_nm
    except ValueError as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path}: the NanoScope header's 'Scan Size' is {text!r}") from error


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
