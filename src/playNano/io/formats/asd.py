"""Read `.asd` movies of high-speed AFMs of the Kanazawa (RIBM) design."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.scan import ScanGeometry
from playNano.io.formats.asd_header import AD_RANGES, FRAME_FIELDS, AsdHeader, read_header
from playNano.io.formats.frames import check_range, check_scaling, errors_as_reasons
from playNano.io.metadata import frame_dicts, pick_channel
from playNano.io.movie import Movie

_ALIASES = {
    "height_trace": ("TP",),
    "height": ("TP",),
    "topography": ("TP",),
    "error_trace": ("ER",),
    "error": ("ER",),
    "phase_trace": ("PH",),
    "phase": ("PH",),
}
# Numbers of the header's scan direction for which real movies show that the line stored first, the bottom
# one of the picture, is scanned first: the surface drifts in z without a jump from the line stored last to
# the first line of the next frame (0.7 levels rms, against 16 the other way round), and torn frames begin
# and end accordingly.
_SCANS_UP = {0: (10,), 1: (1,), 2: (1,)}


@dataclass(frozen=True)
class AsdFrames:
    """Decode frames of one channel; keeps no file open, and can be pickled.

    Parameters
    ----------
    path
        The file.
    first_byte
        Offset of the first frame of the channel.
    shape
        (n_frames, height, width).
    frame_header_bytes
        Bytes before each frame's pixels.
    bits
        Resolution of the A/D converter, bits.
    slope
        Change of the pixel value per level.
    intercept
        Pixel value of level 0.
    """

    path: Path
    first_byte: int
    shape: tuple[int, int, int]
    frame_header_bytes: int
    bits: int
    slope: float
    intercept: float

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Decode frames [start, stop)."""
        n_frames, height, width = self.shape
        values = np.empty((check_range(start, stop, n_frames, self.path), height, width), dtype=np.float32)
        if start == stop:
            return values
        # With 16 bits all bits belong to the level; with fewer bits the sign bit is never set.
        level = "<u2" if self.bits == 16 else "<i2"
        levels = self._map([("header", f"V{self.frame_header_bytes}"), ("levels", level, (height, width))])[
            "levels"
        ]
        line = np.empty((height, width))
        for i in range(start, stop):
            np.multiply(levels[i], self.slope, out=line)
            line += self.intercept
            # The bottom line of the picture is stored first.
            values[i - start] = line[::-1]
        return values

    def frame_headers(self) -> dict[str, npt.NDArray[Any]]:
        """Return the headers of the frames as columns, one value per frame."""
        known = np.dtype(FRAME_FIELDS)
        n_frames, height, width = self.shape
        if self.frame_header_bytes < known.itemsize:
            return {}
        step = self.frame_header_bytes + 2 * height * width
        # Through a memory map, every header would load the pixels around it.
        with self.path.open("rb", buffering=0) as file:
            headers = []
            for i in range(n_frames):
                file.seek(self.first_byte + i * step)
                headers.append(file.read(known.itemsize))
        frames = np.frombuffer(b"".join(headers), known)
        columns = {name: frames[name].copy() for name in known.names or ()}
        columns["is_stimulated"] = columns["is_stimulated"] != 0
        columns["frame_number"] = columns.pop("number")
        return columns

    def _map(self, fields: list[Any]) -> npt.NDArray[Any]:
        # The file is mapped again for every call, so that it is not locked (Windows) between calls.
        return np.memmap(self.path, np.dtype(fields), mode="r", offset=self.first_byte, shape=self.shape[:1])


def open_asd(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.asd` movies of high-speed microscopes of the Kanazawa/RIBM design.

    Parameters
    ----------
    path
        The file; header versions 0, 1 and 2.
    channel
        "TP" (height), "ER" (error) or "PH" (phase), or a name such as "height_trace", case-insensitive.
        None means the height, or the first channel if there is no height.

    Returns
    -------
    Movie
        Heights and errors in nm, phases in degrees; volts if the file contains no sensitivity for them. Of a
        recording that is cut off, the frames that are whole.

    Raises
    ------
    FileFormatError
        The file is not an `.asd` movie, or contains no whole frame of the channel.
    ChannelError
        The file does not contain the channel.
    """
    path = Path(path)
    header = read_header(path)
    name = pick_channel(path, channel, header.channels, _ALIASES)
    extent = header.extent(path.stat().st_size, name, path)
    fields = header.fields
    slope, intercept, unit = _calibration(header, name)
    check_scaling(slope, intercept, f"{path}: channel {name}")
    shape = (extent.n_frames, int(fields["y_pixels"]), int(fields["x_pixels"]))
    frames = AsdFrames(
        path, extent.first_byte, shape, fields["frame_header_bytes"], fields["ad_bits"], slope, intercept
    )
    frame_time_s = fields["frame_time_ms"] / 1000
    timed = bool(np.isfinite(frame_time_s)) and frame_time_s > 0
    return Movie(
        path=path,
        format="asd",
        channel=channel or name,
        channels=header.channels,
        shape=shape,
        pixel_size_nm=(fields["y_range_nm"] / shape[1], fields["x_range_nm"] / shape[2]),
        unit=unit,
        read=frames,
        frame_metadata=frame_dicts(
            shape[0], np.arange(shape[0]) * frame_time_s if timed else None, frames.frame_headers()
        ),
        scan=_scan(header, shape[1], frame_time_s if timed else None),
        header={
            **header.as_plain(),
            "file_channel": name,
            "start_time": header.start_time,
            "instrument": f"AFM {header.fields['afm_id']}",
            "file_version": str(header.fields["version"]),
        },
        warnings=(f"{path.name}: {extent.doubt}",) if extent.doubt else (),
        incomplete=extent.missing,
    )


@errors_as_reasons
def sniff_asd(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not an `.asd` movie, or None if it may be.

    Parameters
    ----------
    path
        The file.
    head
        Its first bytes (not used: the complete header is read).

    Returns
    -------
    str or None
        The reason.
    """
    read_header(path)
    return None


def _calibration(header: AsdHeader, channel: str) -> tuple[float, float, str]:
    """Return slope and intercept of value = slope * level + intercept, and the unit of the value."""
    fields = header.fields
    volts, bipolar = AD_RANGES[fields["ad_range"]]
    levels = 2.0 ** fields["ad_bits"]
    slope, intercept = (-2 * volts / levels, volts) if bipolar else (-volts / levels, 0.0)
    factors = {
        "TP": (fields["z_piezo_extension"] * fields["z_piezo_gain"], "nm"),
        "ER": (-fields["scanner_sensitivity"], "nm"),
        "PH": (-fields["phase_sensitivity"], "deg"),
    }
    factor, unit = factors[channel]
    # In some files a sensitivity is 0, which would set the whole channel to zero.
    return (slope * factor, intercept * factor, unit) if factor else (slope, intercept, "V")


def _scan(header: AsdHeader, lines: int, frame_time_s: float | None) -> ScanGeometry:
    up = header.fields["scan_direction"] in _SCANS_UP[header.fields["version"]]
    return ScanGeometry(
        lines=lines,
        line_time_s=None if frame_time_s is None else frame_time_s / lines,
        frame_time_s=frame_time_s,
        direction="up" if up else None,
    )
