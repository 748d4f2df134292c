"""Write `.asd` movies, for tests of readers and for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano._options import pixel_pair
from playNano.core.files import atomic_write
from playNano.core.lazy import is_lazy
from playNano.errors import ParameterError
from playNano.io.export.numpy_files import frames_in_order
from playNano.io.formats.asd_header import (
    AD_RANGES,
    CHANNELS,
    EXTRA_V2,
    FIXED_V0,
    FIXED_V1,
    FRAME_FIELDS,
    TAIL_V0,
)

_FRAME_HEADER_BYTES = 32
_SCAN_DIRECTION = {0: 10, 1: 1, 2: 1}


def write_asd(
    path: str | Path,
    data: Any,
    *,
    pixel_size_nm: float | Sequence[float],
    frame_time_s: float,
    channel: str = "TP",
    second: Any = None,
    second_channel: str = "PH",
    version: int = 1,
    ad_range: int = 0x40000,
    ad_bits: int = 12,
    z_piezo_extension: float = 20.0,
    z_piezo_gain: float = 2.0,
    scanner_sensitivity: float = 1.0,
    phase_sensitivity: float = 1.0,
    user_name: str = "",
    comment: str = "",
    comment_offset: int = 0,
    anchors: Sequence[int] = (0, 0, 0),
    start: datetime | None = None,
    scan_direction: int | None = None,
) -> None:
    """Write a movie as an `.asd` file, atomically.

    Values are rounded to the levels of the A/D converter: 12 bits, +-5 V and 40 nm/V give levels of 0.098 nm.

    Parameters
    ----------
    path
        The file; its folder is created if necessary. An existing file is replaced.
    data
        A numpy or Dask array (frames, y, x), row 0 the top line: nm for "TP" and "ER", degrees for "PH". The file has
        the bottom line first, so that the reader gives back the rows as they are here.
    pixel_size_nm
        A number or (y, x), nm. The format stores the size of the image in whole nm, so that height times y and
        width times x must be whole.
    frame_time_s
        Time of a frame, s.
    channel
        "TP", "ER" or "PH".
    second
        Values of a second channel, shaped as `data`; None writes one channel.
    second_channel
        Name of the second channel.
    version
        Header version: 0, 1 or 2.
    ad_range
        Code of the input range of the A/D converter, a key of `AD_RANGES`; bipolar 5 V by default.
    ad_bits
        Resolution of the A/D converter, bits, 1 to 16.
    z_piezo_extension
        nm/V.
    z_piezo_gain
        Gain of the piezo driver.
    scanner_sensitivity
        nm/V, for "ER".
    phase_sensitivity
        Degrees/V, for "PH".
    user_name
        Name in the header.
    comment
        Comment in the header.
    comment_offset
        Bytes between header and comment (version 0 only).
    anchors
        Red, green and blue anchor points of the colour map (version 2 only).
    start
        Start of the recording; by default in the year 2000.
    scan_direction
        The header's code of the scan; None for one that goes up: the bottom line is scanned first.

    Raises
    ------
    ParameterError
        A value is outside the range of the converter, or a parameter is not valid for the format.
    """
    path = Path(path)
    movies = [_checked(data, "data")] + ([] if second is None else [_checked(second, "second")])
    names = [channel] + ([] if second is None else [second_channel])
    if len({movie.shape for movie in movies}) > 1:
        raise ParameterError(f"second has the shape {movies[1].shape}, data has {movies[0].shape}")
    factors = {
        "TP": z_piezo_extension * z_piezo_gain,
        "ER": -scanner_sensitivity,
        "PH": -phase_sensitivity,
    }
    for name, value, known in (
        ("version", version, (0, 1, 2)),
        ("ad_range", ad_range, tuple(AD_RANGES)),
        ("ad_bits", ad_bits, range(1, 17)),
        *(("channel", name, CHANNELS) for name in names),
    ):
        if value not in known:
            raise ParameterError(f"{name} is {value!r}; it must be one of {known}")
    if not frame_time_s > 0:
        raise ParameterError(f"frame_time_s is {frame_time_s}; it must be positive")
    moment = start or datetime(2000, 1, 1)
    fields: dict[str, Any] = {
        **_geometry(movies[0].shape, pixel_size_nm),
        **{f"channel_{i + 1}": name.encode() for i, name in enumerate(names)},
        **{name: getattr(moment, name) for name in ("year", "month", "day", "hour", "minute", "second")},
        "version": version,
        "ad_range": ad_range,
        "ad_bits": ad_bits,
        "frame_time_ms": 1000 * frame_time_s,
        "z_piezo_extension": z_piezo_extension,
        "z_piezo_gain": z_piezo_gain,
        "scanner_sensitivity": scanner_sensitivity,
        "phase_sensitivity": phase_sensitivity,
        "scan_direction": _SCAN_DIRECTION[version] if scan_direction is None else scan_direction,
        "frame_header_bytes": _FRAME_HEADER_BYTES,
        "text_encoding": 65001,
        "number_of_frames": len(movies[0]),
        **dict(zip(("red_anchors", "green_anchors", "blue_anchors"), anchors, strict=True)),
    }
    header = _header(fields, user_name, comment, comment_offset)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(header)
        for movie, name in zip(movies, names, strict=True):
            number = 1
            for block in frames_in_order(movie):
                levels = _levels(block.astype(np.float64), factors[name], ad_range, ad_bits, name)
                file.write(_frames(levels, number).tobytes())
                number += len(block)


def _checked(values: Any, name: str) -> Any:
    movie = values if is_lazy(values) else np.asarray(values)
    if movie.ndim != 3 or 0 in movie.shape:
        raise ParameterError(f"{name} has the shape {movie.shape}; it must be (frames, y, x)")
    return movie


def _geometry(shape: tuple[int, ...], pixel_size_nm: float | Sequence[float]) -> dict[str, int]:
    """Return the header fields for number, size and extent of the frames."""
    size_y, size_x = pixel_pair(pixel_size_nm)
    ranges = np.array([shape[1] * size_y, shape[2] * size_x])
    whole = np.rint(ranges)
    if not np.allclose(ranges, whole, rtol=1e-9, atol=0) or (whole < 1).any():
        raise ParameterError(
            f"pixel_size_nm {pixel_size_nm} makes an image of {ranges[0]} x {ranges[1]} nm; "
            "the format stores whole nm"
        )
    return {
        "n_frames": shape[0],
        "initial_frames": shape[0],
        "y_pixels": shape[1],
        "x_pixels": shape[2],
        "y_range_nm": int(whole[0]),
        "x_range_nm": int(whole[1]),
    }


def _levels(
    values: npt.NDArray[np.float64], factor: float, ad_range: int, ad_bits: int, name: str
) -> npt.NDArray[np.uint16]:
    """Convert values to levels of the A/D converter, or raise if they are outside its range."""
    volts, bipolar = AD_RANGES[ad_range]
    count = 2**ad_bits
    volts_out = values / factor
    levels = np.rint((volts - volts_out) * count / (2 * volts) if bipolar else -volts_out * count / volts)
    # Half a level beyond the ends is rounded; values further outside are an error.
    if not ((levels >= 0) & (levels <= count - 1)).all():
        ends = sorted(
            factor * ((volts - 2 * volts * level / count) if bipolar else (-volts * level / count))
            for level in (0, count - 1)
        )
        raise ParameterError(
            f"channel {name} has values from {values.min()} to {values.max()}; with ad_range {ad_range:#x} "
            f"the file can hold {ends[0]:.6g} to {ends[1]:.6g}"
        )
    encoded: npt.NDArray[np.uint16] = levels.astype(np.uint16)
    return encoded


def _frames(levels: npt.NDArray[np.uint16], first_number: int) -> npt.NDArray[Any]:
    n_frames, height, width = levels.shape
    rest = _FRAME_HEADER_BYTES - np.dtype(FRAME_FIELDS).itemsize
    frames = np.zeros(
        n_frames, dtype=[*FRAME_FIELDS, ("rest", f"V{rest}"), ("levels", "<u2", (height, width))]
    )
    frames["number"] = np.arange(first_number, first_number + n_frames)
    frames["max_level"] = levels.max(axis=(1, 2))
    frames["min_level"] = levels.min(axis=(1, 2))
    frames["levels"] = levels[:, ::-1]
    return frames


def _header(fields: dict[str, Any], user_name: str, comment: str, comment_offset: int) -> bytes:
    """Return the bytes of the header, text included."""
    version = fields["version"]
    encoding = "utf-16-be" if version == 0 else "utf-8"
    name, remark = user_name.encode(encoding), comment.encode(encoding)
    fields |= {
        "user_name_bytes": len(name),
        "comment_bytes": len(remark),
        "comment_offset_bytes": comment_offset,
    }
    if version == 0:
        fields["header_bytes"] = FIXED_V0.itemsize + len(name) + TAIL_V0.itemsize
        return _pack(FIXED_V0, fields) + name + _pack(TAIL_V0, fields) + bytes(comment_offset) + remark
    behind = b""
    if version == 2:
        points = sum(fields[f"{colour}_anchors"] for colour in ("red", "green", "blue"))
        behind = _pack(EXTRA_V2, fields) + np.arange(2 * points, dtype="<i4").tobytes()
    fields["header_bytes"] = FIXED_V1.itemsize + len(name) + len(remark) + len(behind)
    return _pack(FIXED_V1, fields) + name + remark + behind


def _pack(dtype: np.dtype[Any], fields: dict[str, Any]) -> bytes:
    record = np.zeros((), dtype=dtype)
    for field in dtype.names or ():
        if field in fields:
            base = dtype[field].base
            if base.kind in "iu":  # numpy before 2 would keep the lower bits
                limits = np.iinfo(base)
                if np.min(fields[field]) < limits.min or np.max(fields[field]) > limits.max:
                    raise ParameterError(f"{field} is {fields[field]}, which the header cannot hold")
            record[field] = fields[field]
    return record.tobytes()
