"""Read `.ibw` images of Asylum Research AFMs (Igor binary waves, version 5)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np

from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError
from playNano.io.formats.frames import Calibration, RawImage, errors_as_reasons, numbered
from playNano.io.formats.incomplete import cut_image
from playNano.io.metadata import base_unit, length_nm, pick_channel
from playNano.io.movie import Movie

# Both headers in byte order; in a big-endian file all numbers are byte-swapped.
_HEADER = np.dtype(
    [
        ("version", "<i2"),
        ("checksum", "<u2"),
        ("wave_bytes", "<i4"),
        ("formula_bytes", "<i4"),
        ("note_bytes", "<i4"),
        ("data_unit_bytes", "<i4"),
        ("dimension_unit_bytes", "<i4", (4,)),
        ("dimension_label_bytes", "<i4", (4,)),
        ("index_bytes", "<i4"),
        ("options", "<i4", (2,)),
        ("next", "V4"),
        ("created", "<u4"),
        ("modified", "<u4"),
        ("n_points", "<i4"),
        ("type", "<i2"),
        ("locked", "V8"),
        ("wave_version", "<i2"),
        ("name", "S32"),
        ("folder", "V8"),
        ("dimensions", "<i4", (4,)),
        ("step", "<f8", (4,)),
        ("origin", "<f8", (4,)),
        ("data_unit", "S4"),
        ("dimension_unit", "S4", (4,)),
        ("rest", "V152"),
    ]
)
_TEXT_SIZES = (
    "formula_bytes",
    "note_bytes",
    "data_unit_bytes",
    "dimension_unit_bytes",
    "dimension_label_bytes",
    "index_bytes",
)
_BIN_HEADER_BYTES, _WAVE_HEADER_BYTES = 64, 320
_TYPES = {2: "f4", 4: "f8", 8: "i1", 16: "i2", 32: "i4", 72: "u1", 80: "u2", 96: "u4"}
_LABEL_BYTES = 32
_DIRECTIONS: dict[str, Literal["down", "up"]] = {"1": "down", "0": "up"}
# What a channel's name begins with, and its unit where the note does not tell; of others it is V.
_UNITS = {
    "height": "m",
    "zsensor": "m",
    "deflection": "m",
    "amplitude": "m",
    "phase": "deg",
    "current": "A",
    "frequency": "Hz",
    "potential": "V",
    "dissipation": "W",
}
_UNNAMED = "layer "
_ALIASES = {
    "height_trace": ("HeightTrace", "ZSensorTrace", "Height", "ZSensor", "HeightRetrace", "ZSensorRetrace"),
    "height": ("HeightTrace", "ZSensorTrace", "HeightRetrace", "ZSensorRetrace"),
}


def open_ibw(path: str | Path, channel: str | None = None) -> Movie:
    """Read `.ibw` images of Asylum Research microscopes.

    Parameters
    ----------
    path
        The file.
    channel
        Name such as "HeightTrace" or "height_trace". None means the height.

    Returns
    -------
    Movie
        One frame, lengths in nm. A file that is cut off lacks the text behind the pixels, with the names of the
        channels and the scan: its channels are then "layer 0" ..., its size is that of the wave.

    Raises
    ------
    FileFormatError
        The file is not an image of this kind, or contains no line of it.
    ChannelError
        The file does not contain the channel.
    """
    path = Path(path)
    header, order = _header(path)
    width, height, count = (int(size) for size in header["dimensions"][:3])
    count = max(count, 1)
    dtype = np.dtype(f"{order}{_TYPES[int(header['type'])]}")
    first_byte = _BIN_HEADER_BYTES + _WAVE_HEADER_BYTES
    layer_bytes = width * height * dtype.itemsize
    end = max(first_byte + count * layer_bytes, _end_of_texts(header))
    there = path.stat().st_size
    if there >= end:
        note, names = _texts(path, header, count)
    else:
        note, names = {}, [f"{_UNNAMED}{i}" for i in range(min(count, 1 + there // layer_bytes))]
    name = _picked(path, channel, names, there >= end)
    start = first_byte + names.index(name) * layer_bytes
    lines, missing = cut_image(path, name, start, (height, width), dtype.itemsize, end)
    factor, unit = base_unit(_unit(name, note, header["data_unit"].item().decode("latin-1")))
    y_nm, x_nm = _pixel_size_nm(header, note, (height, width), path)
    rate_hz = _number(note, "ScanRate")
    return Movie(
        path=path,
        format="ibw",
        channel=channel or name,
        channels=tuple(names),
        shape=(1, height, width),
        pixel_size_nm=(y_nm, x_nm),
        unit=unit,
        # The bottom line of the image is stored first.
        read=RawImage(
            path,
            start,
            dtype.str,
            (height, width),
            Calibration(factor, 0.0, unit),
            flip_y=True,
            lines=(0, lines),
        ),
        frame_metadata=[{"timestamp": 0.0}],
        scan=ScanGeometry(
            lines=height,
            line_time_s=1 / rate_hz if rate_hz else None,
            frame_time_s=height / rate_hz if rate_hz else None,
            direction=_DIRECTIONS.get(note.get("ScanDown", "")),
            trace="retrace" if name.endswith("Retrace") else "trace" if name.endswith("Trace") else None,
        ),
        header={
            "file_channel": name,
            "start_time": _start_time(note),
            "start_time_step_s": 1.0,
            "scan_rate_hz": rate_hz,
            "instrument": note.get("MicroscopeModel"),
            "software": note.get("Version"),
            "note": note,
        },
        incomplete=missing,
    )


@errors_as_reasons
def sniff_ibw(path: Path, head: bytes) -> str | None:
    """Return the reason why a file is not an Igor wave with an image, or None if it may be.

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
    if head[:2] not in (b"\5\0", b"\0\5"):
        return "it is not an Igor wave of version 5"
    _header(path)
    return None


def _header(path: Path) -> tuple[np.void, Literal["<", ">"]]:
    """Return the header of the wave and its byte order, or raise if it is not an image."""
    with path.open("rb") as file:
        data = file.read(_HEADER.itemsize)
    if len(data) < _HEADER.itemsize or data[:2] not in (b"\5\0", b"\0\5"):
        raise FileFormatError(f"{path}: it is not an Igor wave of version 5, or is cut off within its header")
    order: Literal["<", ">"] = "<" if data[0] else ">"
    header = np.frombuffer(data, _HEADER.newbyteorder(order))[0]
    sizes = header["dimensions"].tolist()
    pixel_bytes = np.dtype(_TYPES.get(int(header["type"]), "V1")).itemsize
    if int(header["type"]) not in _TYPES or min(sizes[:2]) < 1 or min(sizes) < 0 or sizes[3] > 0:
        raise FileFormatError(
            f"{path}: the Igor wave of type {header['type']} and size {sizes} is not an image"
        )
    if min(size for name in _TEXT_SIZES for size in np.atleast_1d(header[name]).tolist()) < 0:
        raise FileFormatError(f"{path}: a text of the Igor wave has a negative length")
    if header["wave_bytes"] != _WAVE_HEADER_BYTES + pixel_bytes * int(
        np.prod([max(size, 1) for size in sizes])
    ):
        raise FileFormatError(f"{path}: the length of the Igor wave does not match its size {sizes}")
    return header, order


def _picked(path: Path, channel: str | None, names: list[str], whole: bool) -> str:
    """Return the channel, or raise FileFormatError if its name is in the part of the file that is lost."""
    try:
        return pick_channel(path, channel, names, _ALIASES)
    except ChannelError as error:
        if whole:
            raise
        raise FileFormatError(
            f"{path}: the file is cut off: the names of its channels are lost; one of {', '.join(names)} can be "
            "read as channel"
        ) from error


def _end_of_texts(header: np.void) -> int:
    """Return the offset after note, units and labels, which follow the pixels."""
    sizes = ("wave_bytes", "formula_bytes", "note_bytes", "data_unit_bytes")
    texts = sum(int(header[name]) for name in sizes)
    return (
        _BIN_HEADER_BYTES
        + texts
        + int(header["dimension_unit_bytes"].sum())
        + int(header["dimension_label_bytes"].sum())
    )


def _texts(path: Path, header: np.void, count: int) -> tuple[dict[str, str], list[str]]:
    """Return the note as a dict, and the names of the channels."""
    labels = header["dimension_label_bytes"].tolist()
    with path.open("rb") as file:
        file.seek(_BIN_HEADER_BYTES + int(header["wave_bytes"]) + int(header["formula_bytes"]))
        note = file.read(int(header["note_bytes"])).decode("latin-1")
        file.seek(
            int(header["data_unit_bytes"]) + int(header["dimension_unit_bytes"].sum()) + sum(labels[:2]), 1
        )
        # The label of the whole dimension precedes those of its elements.
        data = file.read(labels[2])[_LABEL_BYTES:]
    labels_read = [
        data[i : i + _LABEL_BYTES].split(b"\0")[0].decode("latin-1")
        for i in range(0, len(data), _LABEL_BYTES)
    ]
    names = [
        labels_read[i] if i < len(labels_read) and labels_read[i] else f"{_UNNAMED}{i}" for i in range(count)
    ]
    entries = (line.partition(":") for line in re.split(r"[\r\n]+", note) if ":" in line)
    return {key.strip(): value.strip() for key, _, value in entries}, numbered(names)


def _number(note: dict[str, str], key: str) -> float | None:
    try:
        value = float(note[key])
    except (KeyError, ValueError):
        return None
    return value if np.isfinite(value) and value > 0 else None


def _pixel_size_nm(
    header: np.void, note: dict[str, str], shape: tuple[int, int], path: Path
) -> tuple[float, float]:
    """Return the pixel size (y, x), nm, from the scan size in the note or the scaling of the wave."""
    sizes = [_number(note, "SlowScanSize"), _number(note, "FastScanSize")]
    points = [_number(note, "ScanLines"), _number(note, "ScanPoints")]
    if all(sizes):
        y_nm, x_nm = (
            length_nm(float(size or 0), "m", path, "scan size") / (point or pixels)
            for size, point, pixels in zip(sizes, points, shape, strict=True)
        )
        return y_nm, x_nm
    units = [unit.decode("latin-1") for unit in header["dimension_unit"].tolist()]
    y_nm, x_nm = (
        length_nm(float(header["step"][axis]), units[axis], path, "the step from pixel to pixel")
        for axis in (1, 0)
    )
    return y_nm, x_nm


def _unit(name: str, note: dict[str, str], wave_unit: str) -> str:
    """Return the unit of a channel: by its key in the note, else by its name; the wave has one for all channels."""
    if name.startswith(_UNNAMED):
        return wave_unit
    channel = re.sub(r"(Retrace|Trace)?( \d+)?$", "", name)
    for key in (channel, channel.removeprefix("Nap")):
        if note.get(f"{key}Unit"):
            return note[f"{key}Unit"]
    plain = channel.removeprefix("Nap").casefold().replace(" ", "")
    return next((unit for start, unit in _UNITS.items() if plain.startswith(start)), "V")


def _start_time(note: dict[str, str]) -> str | None:
    date = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", note.get("Date", ""))
    time = re.fullmatch(r"(\d{1,2}):(\d\d):(\d\d)(?: ([AP])M)?", note.get("Time", ""))
    if date is None or time is None:
        return None
    hour = int(time[1]) % 12 + (12 if time[4] == "P" else 0) if time[4] else int(time[1])
    return f"{date[0]}T{hour:02d}:{time[2]}:{time[3]}"
