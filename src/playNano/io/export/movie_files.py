"""Write a stack as `.asd`, `.gif` or a video, with what these formats need taken from the stack."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from playNano._options import Unit
from playNano.core.stack import Stack
from playNano.errors import ParameterError
from playNano.io.export.asd import write_asd
from playNano.io.export.gif import write_gif
from playNano.io.export.movie import MovieOptions, write_movie
from playNano.io.export.numpy_files import frames_in_order
from playNano.io.export.render import COLOUR_MAP, PictureOptions
from playNano.io.formats.asd_header import AD_RANGES

_BITS = 12
_VOLTS = 5.0
# Fraction of the converter's range that the values cover.
_FILLED = 0.95
# A code that no instrument writes, so that readers do not assume an upward scan.
_NOT_UP = -1


def export_asd(
    stack: Stack, path: str | Path, *, frame_time_s: Annotated[float, Field(gt=0), Unit("s")] | None = None
) -> Path:
    """Write a stack as an `.asd` file, whose values are rounded to 4096 steps of their range.

    A movie that was read from an `.asd` file keeps the steps of its converter where its values fit into them.

    Parameters
    ----------
    stack
        The movie: heights in nm or phases in degrees.
    path
        The file; its folder is created if necessary. An existing file is replaced.
    frame_time_s
        Time of a frame, s; None takes the median interval of the frames, or the frame time of the scan.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        The unit is neither nm nor deg, a pixel is not finite, the frame time is not known, or the image does not have
        a size of whole nm.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    channel = {"nm": "TP", "deg": "PH"}.get(stack.unit)
    if channel is None:
        raise ParameterError(
            f"{path}: .asd files contain heights in nm or phases in deg; the unit of this movie is {stack.unit!r}"
        )
    low, high = _limits(stack, path)
    converter = None if _processed(stack) else _converter(stack.metadata, channel, low, high)
    if converter is None:
        # Rounded up to 0.1 nm/V or degree/V, like the calibrations of instruments.
        factor = max(math.ceil(10 * max(abs(low), abs(high)) / _VOLTS / _FILLED), 1) / 10
        converter = {"ad_range": 0x40000, "ad_bits": _BITS, **_factors(channel, factor)}
    up = stack.scan is not None and stack.scan.direction == "up" and not stack.scan.alternating
    write_asd(
        path,
        stack.data,
        pixel_size_nm=stack.pixel_size_yx_nm,
        frame_time_s=_frame_time_s(stack, path) if frame_time_s is None else frame_time_s,
        channel=channel,
        comment=str(stack.metadata.get("comment", "")),
        user_name=str(stack.metadata.get("user_name", "")),
        start=_start(stack.metadata),
        scan_direction=None if up else _NOT_UP,
        **converter,
    )
    return Path(path)


def export_gif(
    stack: Stack,
    path: str | Path,
    *,
    width_px: Annotated[int, Field(ge=16), Unit("px")] = 400,
    frame_ms: Annotated[int, Field(ge=10), Unit("ms")] = 100,
) -> Path:
    """Write a stack as an animated GIF with scale bar and time stamp.

    Parameters
    ----------
    stack
        The movie, as a rule a levelled one.
    path
        The file; its folder is created if necessary. An existing file is replaced.
    width_px
        Longer edge of the picture, px.
    frame_ms
        Duration of each frame, ms.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    write_gif(stack, path, width_px=width_px, frame_ms=frame_ms)
    return Path(path)


def export_video(
    stack: Stack,
    path: str | Path,
    *,
    fps: Annotated[float, Field(ge=0.1, le=240)] | None = None,
    speed: Annotated[float, Field(gt=0)] | None = None,
    scale: Annotated[int, Field(ge=1, le=64), Unit("px")] | None = None,
    cmap: str = COLOUR_MAP,
    stamp: bool = True,
    colour_bar: bool = True,
) -> Path:
    """Write a stack as an mp4 or webm video with scale bar, time stamp and colour bar.

    Parameters
    ----------
    stack
        The movie, as a rule a levelled one.
    path
        The file, .mp4 or .webm; its folder is created if necessary. An existing file is replaced.
    fps
        Pictures per second. Without `speed` each frame is one picture; None for 10.
    speed
        Speed of play, 1 for real time; None for equal durations.
    scale
        Picture pixels along the shorter edge of a pixel; None for the smallest with which the longer edge has 512 px.
    cmap
        Name of a colour map of the heights.
    stamp
        Whether there are a time stamp and a scale bar.
    colour_bar
        Whether there is a colour bar.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        The package imageio-ffmpeg is not installed, or a speed is given and the times are not known.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    options = MovieOptions(fps=fps, speed=speed, scale=scale, stamp=stamp, colour_bar=colour_bar)
    return write_movie(stack, path, pictures=PictureOptions(cmap=cmap), options=options).path


def _limits(stack: Stack, path: str | Path) -> tuple[float, float]:
    """Return minimum and maximum of a movie, or raise where a pixel is not finite."""
    low, high, frame = math.inf, -math.inf, 0
    for block in frames_in_order(stack.data):
        finite = np.isfinite(block).all(axis=(1, 2))
        if not finite.all():
            raise ParameterError(
                f"{path}: .asd files cannot hold pixels that are NaN or infinite, as in frame {frame + finite.argmin()}"
            )
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        frame += len(block)
    return low, high


def _processed(stack: Stack) -> bool:
    """Return whether the values are no longer those of the converter."""
    return bool(stack.provenance["processing"]["steps"] or stack.metadata.get("processing"))


def _factors(channel: str, factor: float) -> dict[str, float]:
    """Return the fields of the header from which the factor (nm/V or degree/V) of a channel is made."""
    if channel == "PH":
        return {"phase_sensitivity": factor}
    return {"z_piezo_extension": factor, "z_piezo_gain": 1.0}


def _converter(header: Mapping[str, Any], channel: str, low: float, high: float) -> dict[str, Any] | None:
    """Return range, bits and factor of the converter with which an `.asd` movie was recorded, if its values fit."""
    names = ("phase_sensitivity",) if channel == "PH" else ("z_piezo_extension", "z_piezo_gain")
    fields: dict[str, Any] = {name: header.get(name) for name in ("ad_range", "ad_bits", *names)}
    if header.get("format") != "asd" or None in fields.values() or fields["ad_range"] not in AD_RANGES:
        return None
    volts, bipolar = AD_RANGES[fields["ad_range"]]
    factor = float(np.prod([fields[name] for name in names]))
    if not factor > 0:
        return None
    step = (2 if bipolar else 1) * volts / 2 ** fields["ad_bits"]
    signed = -1 if channel == "PH" else 1
    # Level 0 is +volts (bipolar) or 0 V; the last level is one step short of the other end.
    ends = sorted(signed * factor * end for end in ((volts if bipolar else 0.0), -volts + step))
    return fields if ends[0] - factor * step / 2 <= low and high <= ends[1] + factor * step / 2 else None


def _frame_time_s(stack: Stack, path: str | Path) -> float:
    """Return the time of a frame, s."""
    if stack.has_times and stack.n_frames > 1:
        interval = float(np.nanmedian(np.diff(stack.get_frame_times())))
        if interval > 0:
            return interval
    if stack.scan is not None and stack.scan.frame_time_s:
        return stack.scan.frame_time_s
    raise ParameterError(
        f"{path}: .asd files contain the time of a frame, which is not known; give frame_time_s"
    )


def _start(header: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(header.get("start_time")))
    except ValueError:
        return None
