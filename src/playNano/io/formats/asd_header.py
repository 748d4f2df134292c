"""Parse the header of an `.asd` file: the fields of versions 0, 1 and 2, in byte order.

The layout is based on public descriptions and was verified byte by byte on real files of versions 0 and 1.
Numbers are little endian and packed without padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from playNano.errors import FileFormatError

CHANNELS = ("TP", "ER", "PH")

# Code: (volts, bipolar). Unipolar converters count from 0 V, bipolar ones from -volts to +volts.
AD_RANGES: dict[int, tuple[float, bool]] = {
    0x1: (1.0, False),
    0x2: (2.5, False),
    0x3: (9.99, False),
    0x4: (5.0, False),
    0x10000: (1.0, True),
    0x20000: (2.5, True),
    0x40000: (5.0, True),
}

_DATE_V0 = [("year", "<i2"), *((name, "u1") for name in ("month", "day", "hour", "minute", "second"))]
_DATE = [(name, "<i4") for name in ("year", "month", "day", "hour", "minute", "second")]

FIXED_V0 = np.dtype(
    [
        ("version", "<i4"),
        ("channel_1", "S2"),
        ("channel_2", "S2"),
        ("header_bytes", "<i4"),
        ("frame_header_bytes", "<i4"),
        ("user_name_bytes", "<i4"),
        ("comment_offset_bytes", "<i4"),
        ("comment_bytes", "<i4"),
        ("x_pixels", "<i2"),
        ("y_pixels", "<i2"),
        ("x_range_nm", "<i2"),
        ("y_range_nm", "<i2"),
        ("frame_time_ms", "<f4"),
        ("z_piezo_extension", "<f4"),
        ("z_piezo_gain", "<f4"),
        ("ad_range", "<u4"),
        ("ad_bits", "<i4"),
        ("is_averaged", "u1"),
        ("averaging_window", "<i4"),
        ("legacy", "<i2"),
        *_DATE_V0,
        ("rounding_degree", "u1"),
        ("x_max_range_nm", "<f4"),
        ("y_max_range_nm", "<f4"),
        ("booked", "V12"),
        ("initial_frames", "<i4"),
        ("n_frames", "<i4"),
        ("afm_id", "<i4"),
        ("file_id", "<i2"),
    ]
)
# After the user name.
TAIL_V0 = np.dtype([("scanner_sensitivity", "<f4"), ("phase_sensitivity", "<f4"), ("scan_direction", "<i4")])

FIXED_V1 = np.dtype(
    [
        ("version", "<i4"),
        ("header_bytes", "<i4"),
        ("frame_header_bytes", "<i4"),
        ("text_encoding", "<i4"),
        ("user_name_bytes", "<i4"),
        ("comment_bytes", "<i4"),
        ("channel_1", "S4"),
        ("channel_2", "S4"),
        ("initial_frames", "<i4"),
        ("n_frames", "<i4"),
        ("scan_direction", "<i4"),
        ("file_id", "<i4"),
        ("x_pixels", "<i4"),
        ("y_pixels", "<i4"),
        ("x_range_nm", "<i4"),
        ("y_range_nm", "<i4"),
        ("is_averaged", "u1"),
        ("averaging_window", "<i4"),
        *_DATE,
        ("x_rounding_degree", "<i4"),
        ("y_rounding_degree", "<i4"),
        ("frame_time_ms", "<f4"),
        ("scanner_sensitivity", "<f4"),
        ("phase_sensitivity", "<f4"),
        ("offset", "<i4"),
        ("booked", "V12"),
        ("afm_id", "<i4"),
        ("ad_range", "<u4"),
        ("ad_bits", "<i4"),
        ("x_max_range_nm", "<f4"),
        ("y_max_range_nm", "<f4"),
        ("x_piezo_extension", "<f4"),
        ("y_piezo_extension", "<f4"),
        ("z_piezo_extension", "<f4"),
        ("z_piezo_gain", "<f4"),
    ]
)
# Version 2 has this after the comment, then one (x, y) pair of i4 for each anchor point.
EXTRA_V2 = np.dtype(
    [
        ("number_of_frames", "<i4"),
        ("x_feed_forward", "<i4"),
        ("x_feed_forward_value", "<f8"),
        ("max_colour", "<i4"),
        ("min_colour", "<i4"),
        ("red_anchors", "<i4"),
        ("green_anchors", "<i4"),
        ("blue_anchors", "<i4"),
    ]
)
FRAME_FIELDS = [
    ("number", "<u4"),
    ("max_level", "<u2"),
    ("min_level", "<u2"),
    ("x_offset", "<i2"),
    ("y_offset", "<i2"),
    ("x_tilt", "<f4"),
    ("y_tilt", "<f4"),
    ("is_stimulated", "u1"),
]
_NOT_FOR_READERS = (
    "booked",
    "legacy",
    "header_bytes",
    "user_name_bytes",
    "comment_bytes",
    "comment_offset_bytes",
)


@dataclass(frozen=True)
class Extent:
    """Where the frames of a channel are.

    Parameters
    ----------
    first_byte
        Where the header of its first frame begins.
    n_frames
        How many frames there are.
    doubt
        What is unusual, or None.
    missing
        What is missing of the frames that the header states, or None.
    """

    first_byte: int
    n_frames: int
    doubt: str | None = None
    missing: str | None = None


@dataclass(frozen=True)
class AsdHeader:
    """The header of an `.asd` file, which precedes the frames.

    Parameters
    ----------
    fields
        All numbers of the header by name, as plain values; `user_name` and `comment` as text.
    channels
        The channels in the order in which they are stored: "TP", "ER", "PH".
    starts
        Possible offsets of the first frame, bytes, the most likely first; the file size determines which applies.
    """

    fields: dict[str, Any]
    channels: tuple[str, ...]
    starts: tuple[int, ...]

    @property
    def n_frames(self) -> int:
        """Number of frames of one channel."""
        return int(self.fields["n_frames"])

    @property
    def frame_bytes(self) -> int:
        """Size of one frame with its header, bytes."""
        pixels = int(self.fields["x_pixels"]) * int(self.fields["y_pixels"])
        return int(self.fields["frame_header_bytes"]) + 2 * pixels

    @property
    def start_time(self) -> str | None:
        """Start of the recording (ISO 8601, clock of the microscope), or None if the date is not valid."""
        parts = (int(self.fields[name]) for name in ("year", "month", "day", "hour", "minute", "second"))
        try:
            return datetime(*parts).isoformat()  # type: ignore[arg-type]
        except ValueError:
            return None

    def as_plain(self) -> dict[str, Any]:
        """Return the fields that are of interest outside the reader, as plain values."""
        return {name: value for name, value in self.fields.items() if name not in _NOT_FOR_READERS}

    def extent(self, file_bytes: int, channel: str, path: Path) -> Extent:
        """Return where the frames of a channel are.

        Parameters
        ----------
        file_bytes
            Size of the file.
        channel
            One of `channels`, which are stored one after the other.
        path
            The file, for messages.

        Returns
        -------
        Extent
            First byte and number of the frames that are whole, and a text where it is not the number in the header.

        Raises
        ------
        FileFormatError
            The file has no whole frame of the channel.
        """
        needed = self.n_frames * len(self.channels) * self.frame_bytes
        # Only the most likely offset may leave surplus bytes: a truncated file could match a smaller offset.
        start = next((start for start in self.starts if start + needed == file_bytes), self.starts[0])
        first = start + self.channels.index(channel) * self.n_frames * self.frame_bytes
        over = (file_bytes - start - needed) // self.frame_bytes
        if start + needed <= file_bytes:
            return Extent(first, self.n_frames, doubt=self._frames_over(over) if over else None)
        there = min(self.n_frames, max(0, file_bytes - first) // self.frame_bytes)
        text = (
            f"the file is cut off: {there} of {self.n_frames} frames of channel {channel} are whole; "
            f"{self._sizes(start, file_bytes)}"
        )
        if there == 0:
            raise FileFormatError(f"{path}: {text}")
        return Extent(first, there, missing=text)

    def _frames_over(self, over: int) -> str:
        frames = "1 more whole frame follows" if over == 1 else f"{over} more whole frames follow"
        counted = f"{self.n_frames} a channel, the number in its header"
        return f"{frames} behind the last one; only {counted}, are read"

    def _sizes(self, start: int, file_bytes: int) -> str:
        frames = self.n_frames * len(self.channels)
        size = f"{self.fields['y_pixels']} x {self.fields['x_pixels']} px"
        return (
            f"its header states {self.n_frames} frames of {size} in {len(self.channels)} channel(s) "
            f"({', '.join(self.channels)}), {start + frames * self.frame_bytes} bytes in all; it has {file_bytes}"
        )


def read_header(path: Path) -> AsdHeader:
    """Read the header of an `.asd` file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    AsdHeader
        The complete header; no frame is read.

    Raises
    ------
    FileFormatError
        The bytes are not such a header; the message names the invalid field.
    """
    with path.open("rb") as file:
        version = int.from_bytes(_take(file, 4, path), "little")
        if version not in (0, 1, 2):
            raise FileFormatError(f"{path}: header version {version} is not one of 0, 1, 2")
        file.seek(0)
        fields = _record(file, FIXED_V0 if version == 0 else FIXED_V1, path)
        _check(fields, path)
        name = _take(file, fields["user_name_bytes"], path)
        starts: tuple[int, ...]
        if version == 0:
            fields |= _record(file, TAIL_V0, path)
            _take(file, fields["comment_offset_bytes"], path)
        comment = _take(file, fields["comment_bytes"], path)
        if version == 0:
            # The header length in the file does not include the offset to the comment.
            starts = (
                fields["header_bytes"] + fields["comment_offset_bytes"] + fields["comment_bytes"],
                file.tell(),
            )
        elif version == 1:
            starts = (fields["header_bytes"], file.tell())
        else:
            starts = _skip_extra(file, fields, path)
    fields["user_name"] = _text(name, fields)
    fields["comment"] = _text(comment, fields)
    channels = tuple(name for name in (fields["channel_1"], fields["channel_2"]) if name)
    return AsdHeader(fields, channels, tuple(dict.fromkeys(starts)))


def _skip_extra(file: BinaryIO, fields: dict[str, Any], path: Path) -> tuple[int, ...]:
    """Read the fields that version 2 adds, and return the possible offsets of the frames."""
    before = file.tell()
    try:
        extra = _record(file, EXTRA_V2, path)
    except FileFormatError:
        return (fields["header_bytes"], before)
    anchors = [extra[f"{colour}_anchors"] for colour in ("red", "green", "blue")]
    if any(not 0 <= count <= 65536 for count in anchors):
        return (fields["header_bytes"], before)
    fields |= extra
    return (file.tell() + 8 * sum(anchors), fields["header_bytes"], before)


def _take(file: BinaryIO, count: int, path: Path) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise FileFormatError(f"{path}: the file ends within its header, after {file.tell()} bytes")
    return data


def _record(file: BinaryIO, dtype: np.dtype[Any], path: Path) -> dict[str, Any]:
    values = np.frombuffer(_take(file, dtype.itemsize, path), dtype)[0]
    plain = {name: values[name].item() for name in dtype.names or ()}
    return {
        name: value.decode("latin-1").rstrip("\0") if name.startswith("channel_") else value
        for name, value in plain.items()
    }


def _check(fields: dict[str, Any], path: Path) -> None:
    """Reject implausible values: the format has no signature by which to recognise it."""
    first, second = fields["channel_1"], fields["channel_2"]
    if first not in CHANNELS or (second and second not in CHANNELS):
        raise FileFormatError(f"{path}: channels {first!r}, {second!r} are not among {', '.join(CHANNELS)}")
    limits = {
        "x_pixels": (1, 65536),
        "y_pixels": (1, 65536),
        "x_range_nm": (1, 10**9),
        "y_range_nm": (1, 10**9),
        "n_frames": (1, 10**9),
        "frame_header_bytes": (0, 65536),
        "header_bytes": (1, 10**8),
        "user_name_bytes": (0, 10**6),
        "comment_bytes": (0, 10**8),
        "comment_offset_bytes": (0, 10**8),
        "ad_bits": (1, 16),
    }
    for name, (low, high) in limits.items():
        if not low <= fields.get(name, low) <= high:
            raise FileFormatError(
                f"{path}: the header's {name} is {fields[name]}; it must be {low} to {high}"
            )
    if fields["ad_range"] not in AD_RANGES:
        known = ", ".join(hex(code) for code in AD_RANGES)
        raise FileFormatError(f"{path}: the header's ad_range {fields['ad_range']:#x} is not one of {known}")


def _text(data: bytes, fields: dict[str, Any]) -> str:
    """Decode text of uncertain encoding; undecodable bytes are replaced."""
    # Version 0 specifies no encoding; known files use two bytes per character, big endian.
    if fields["version"] == 0 and len(data) % 2 == 0 and 0 in data[::2]:
        return data.decode("utf-16-be", errors="replace").replace("\0", "").strip()
    # Text that is not in the encoding that the header names is Japanese, as the instruments' computers are.
    for encoding in (f"cp{fields.get('text_encoding') or 65001}", "utf-8", "cp932"):
        try:
            return data.decode(encoding).replace("\0", "").strip()
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("utf-8", errors="replace").replace("\0", "").strip()
