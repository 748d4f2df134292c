"""Read `.jpk` and `.jpk-qi-image` images of JPK / Bruker AFMs (TIFF with private tags).

Every page except the first (a thumbnail) is a channel. A page lists calibration slots of 48 tags each; the
scaling of every slot applies to the stored numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError
from playNano.io.formats.frames import Calibration, check_range, check_scaling, errors_as_reasons, numbered
from playNano.io.formats.incomplete import missing_lines
from playNano.io.formats.tiff import TiffPage, is_tiff, pages_there
from playNano.io.metadata import base_unit, iso_from_ms, length_nm, pick_channel
from playNano.io.movie import Movie

# Tags of the first page: settings, time and position of the measurement.
_SOFTWARE, _START, _COMMENT, _END, _ID, _USER = 0x8000, 0x8003, 0x8004, 0x8006, 0x8008, 0x8009
_ENVIRONMENT, _U_LENGTH, _V_LENGTH, _THETA, _REFLECT = 0x8017, 0x8042, 0x8043, 0x8044, 0x8045
_SCAN_RATE, _MOTION = 0x8049, 0x804B
# Tags of the page of a channel; those of a slot are relative to its first tag.
_CHANNEL, _RETRACE, _SLOTS, _DEFAULT, _FIRST_SLOT, _SLOT_TAGS = 0x8050, 0x8051, 0x8080, 0x8081, 0x8090, 48
_UNIT, _SCALING, _MULTIPLIER, _OFFSET = 18, 19, 20, 21

# "topDown" scans the line that is stored first before the others, wherever the picture has that line.
_FIRST_STORED = {"topdown": "first", "bottomup": "last"}


@dataclass(frozen=True)
class JpkImage:
    """Decode the frame of a `.jpk` file; keeps no file open, and can be pickled.

    Parameters
    ----------
    path
        The file.
    page
        Page of the channel.
    scaling
        Scaling from stored numbers to values.
    flip
        Whether the line stored first is the bottom one of the picture.
    lines
        Lines that the file has, from the one that is stored first; the others are NaN.
    """

    path: Path
    page: TiffPage
    scaling: Calibration
    flip: bool
    lines: int

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop) of the single frame."""
        if check_range(start, stop, 1, self.path) == 0:
            return np.empty((0, *self.page.shape), dtype=np.float32)
        values = self.page.pixels(self.path, self.lines).astype(np.float64)
        values *= self.scaling.slope
        values += self.scaling.intercept
        if self.lines < self.page.shape[0]:
            values = np.pad(values, ((0, self.page.shape[0] - self.lines), (0, 0)), constant_values=np.nan)
        image = values[::-1] if self.flip else values
        return np.ascontiguousarray(image, dtype=np.float32)[np.newaxis]


def open_jpk(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.jpk` and `.jpk-qi-image` images of JPK/Bruker microscopes.

    Parameters
    ----------
    path
        The file; a folder of such files is a movie (see `playNano.io.formats.folder`).
    channel
        Name such as "height_trace" or "measuredHeight_retrace"; without a suffix the trace is meant. None means
        the height.

    Returns
    -------
    Movie
        One frame with the default calibration of the file, lengths in nm. In a file that is cut off, the lines that
        are missing are NaN.

    Raises
    ------
    FileFormatError
        The file is not such an image, or contains no line of it.
    ChannelError
        The file does not contain the channel.
    """
    path = Path(path)
    every, cut = pages_there(path)
    first = every[0].tags if every else {}
    pages = [page for page in every if page.tags.get(_CHANNEL, "thumbnail") != "thumbnail"]
    ways = ["retrace" if page.tags.get(_RETRACE) else "trace" for page in pages]
    names = numbered([f"{page.tags[_CHANNEL]}_{way}" for page, way in zip(pages, ways, strict=True)])
    name = _picked(path, channel, names, cut)
    page = pages[names.index(name)]
    height, width = page.shape
    if height < 1 or width < 1:
        raise FileFormatError(f"{path}: channel {name} has {height} x {width} px")
    lines = page.lines_there(path.stat().st_size) if cut else height
    missing = missing_lines(path, name, lines, height)
    y_nm, x_nm = (
        length_nm(_need(first, tag, path), "m", path, f"its grid ({tag:#x})")
        for tag in (_V_LENGTH, _U_LENGTH)
    )
    scaling = _scaling(page.tags, path, name)
    flip = not first.get(_REFLECT, 0)
    start, end = (_moment(first.get(tag)) for tag in (_START, _END))
    duration_s = (end - start).total_seconds() if start and end and end > start else None
    return Movie(
        path=path,
        format="jpk",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm / height, x_nm / width),
        unit=scaling.unit,
        read=JpkImage(path, page, scaling, flip, lines),
        frame_metadata=[{"timestamp": 0.0} | ({"duration_s": duration_s} if duration_s else {})],
        scan=_scan(first, height, duration_s, ways[names.index(name)], flip),
        header={
            "file_channel": name,
            "start_time": _start_time(first, start),
            "first_stored_line": "bottom" if flip else "top",
            "software": first.get(_SOFTWARE),
            "comment": str(first.get(_COMMENT, "")).replace("<empty>", ""),
            "user_name": first.get(_USER),
            "scan_rate_hz": first.get(_SCAN_RATE),
            "motion": first.get(_MOTION),
            "scan_angle_rad": first.get(_THETA),
        },
        incomplete=missing or (f"{cut}; channel {name} is whole" if cut else None),
    )


@errors_as_reasons
def sniff_jpk(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not a `.jpk` image, or None if it may be.

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
    if not is_tiff(head):
        return "it is not a TIFF file"
    has = any(_CHANNEL in page.tags for page in pages_there(path)[0])
    return None if has else "the TIFF file has no page with a JPK channel"


def _picked(path: Path, channel: str | None, names: list[str], cut: str | None) -> str:
    """Return the channel, or raise FileFormatError if it may be in the part of the file that is lost."""
    try:
        return pick_channel(path, channel, names)
    except ChannelError as error:
        if cut is None:
            raise
        raise FileFormatError(
            f"{path}: {cut}; of its channels {', '.join(names) or 'none'} can be read"
        ) from error


def _need(tags: dict[int, Any], tag: int, path: Path) -> Any:
    if tag not in tags:
        raise FileFormatError(f"{path}: the JPK file has no tag {tag:#x}")
    return tags[tag]


def _scaling(tags: dict[int, Any], path: Path, channel: str) -> Calibration:
    """Return the scaling of a channel's default calibration slot."""
    default = _need(tags, _DEFAULT, path)
    # A slot has a tag at least, so that a damaged number of slots ends here.
    for slot in range(min(int(_need(tags, _SLOTS, path)), len(tags))):
        first = _FIRST_SLOT + _SLOT_TAGS * slot
        if tags.get(first) == default:
            kind = tags.get(first + _SCALING)
            if kind == "NullScaling":
                return Calibration(1.0, 0.0, "")
            if kind != "LinearScaling":
                raise FileFormatError(f"{path}: channel {channel} has a {kind}; only linear ones can be read")
            factor, unit = base_unit(str(tags.get(first + _UNIT, "")))
            multiplier, offset = (float(_need(tags, first + tag, path)) for tag in (_MULTIPLIER, _OFFSET))
            check_scaling(multiplier, offset, f"{path}: channel {channel}")
            return Calibration(multiplier * factor, offset * factor, unit)
    raise FileFormatError(f"{path}: channel {channel} has no calibration slot {default!r}, its default one")


def _moment(text: Any) -> datetime | None:
    """Parse a time such as "2023-02-16 12:08:46.436 GMT", ignoring the time zone."""
    match = re.match(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)", str(text))
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}") if match else None
    except ValueError:
        return None


def _start_time(tags: dict[int, Any], start: datetime | None) -> str | None:
    # In newer files the identifier is the start in ms since 1970, independent of time zones.
    identity = str(tags.get(_ID, ""))
    if start is not None and identity.isdecimal():
        moment = datetime.fromtimestamp(int(identity) / 1000, tz=UTC).replace(tzinfo=None)
        if abs((moment - start).total_seconds()) < 24 * 3600:
            return iso_from_ms(int(identity))
    return start.isoformat(timespec="milliseconds") if start else None


def _scan(tags: dict[int, Any], lines: int, duration_s: float | None, way: str, flip: bool) -> ScanGeometry:
    """Return timing of the scan, and its direction in the picture."""
    rate_hz = float(tags.get(_SCAN_RATE, 0.0))
    # Interlaced: trace and retrace each record every other line, so that one scan period yields two lines; with
    # the pauses at their ends they share the time of the frame.
    interlaced = re.search(r"yaxis\.interlace : true", str(tags.get(_ENVIRONMENT, ""))) is not None
    line_time_s = 1 / (rate_hz * (2 if interlaced else 1)) if rate_hz > 0 else None
    if interlaced and duration_s:
        line_time_s = duration_s / lines
    direction: Literal["down", "up"] | None = None
    first = _FIRST_STORED.get(str(tags.get(_MOTION)).casefold())
    if first is not None:
        direction = "up" if (first == "first") == flip else "down"
    return ScanGeometry(
        lines=lines,
        line_time_s=line_time_s,
        frame_time_s=duration_s,
        direction=direction,
        trace="retrace" if way == "retrace" else "trace",
    )
