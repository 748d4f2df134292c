"""Summarise an open movie as plain values: contents, calibration, times, scan, and what is unusual."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.core.clock import frame_clock
from playNano.core.serialize import json_safe
from playNano.errors import StackError
from playNano.io.formats.facts import FormatFacts, first_stored_line, format_facts
from playNano.io.frame_check import CHECK_PIXELS, FrameCheck, check_frames, frame_ranges
from playNano.io.movie import Movie

_REGULAR = 0.01
"""Fraction of the median interval by which intervals may differ in a regular movie."""


def movie_summary(movie: Movie, max_pixels: int = CHECK_PIXELS) -> dict[str, Any]:
    """Summarise an open movie; its frames are checked block by block.

    Parameters
    ----------
    movie
        The open movie.
    max_pixels
        Number of pixels up to which every frame is checked; frames of a larger movie are sampled.

    Returns
    -------
    dict
        Plain values for JSON; None where something is not known.

        ``file, format, vendor, instrument, software, file_version`` : str
            The file and what made it.
        ``channels`` : list of str; ``channel, unit`` : str
            All channels; the channel shown and the unit of its values.
        ``frames, height_px, width_px`` : int
            Size of the movie.
        ``pixel_size_y_nm, pixel_size_x_nm, field_y_nm, field_x_nm`` : float; ``square_pixels`` : bool
            Size of a pixel and of the image, nm.
        ``first_stored_line`` : str
            Line of the picture that the file stores first, "top" or "bottom".
        ``scan`` : dict
            ``direction`` ("up", "down"), ``direction_from`` ("file", "source", "unknown"), ``direction_tag`` (str: what
            states it), ``alternating`` (bool), ``trace`` ("trace", "retrace"), ``line_time_s``, ``line_rate_hz``,
            ``frame_time_s``.
        ``times`` : dict
            ``known`` (bool), ``from`` (str), ``start`` (str, ISO 8601), ``duration_s`` (first frame to last),
            ``interval_s`` (median), ``interval_min_s``, ``interval_max_s``, ``regular`` (bool).
        ``first_frame`` : dict
            ``minimum``, ``maximum``, ``mean`` of its finite pixels, in `unit`.
        ``check`` : dict
            ``checked_frames`` (int), ``all_frames`` (bool), and lists of frame numbers (from 0): ``blank``, ``torn``,
            ``partly_torn``, ``saturated``, ``constant``, ``repeated``; ``incomplete`` (list of dict: ``frame``,
            ``lines_with_values``); ``not_finite`` (list of dict: ``frame``, ``pixels``).
        ``unusual, warnings`` : list of str
            What is unusual in the movie, in words; warnings of the reader.
        ``metadata`` : dict
            All other fields of the header.

    Raises
    ------
    FileFormatError
        A frame cannot be decoded.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from playNano.io.loader import open_movie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/movie.npy", np.zeros((3, 8, 10), np.float32))
    ...     summary = movie_summary(open_movie(f"{folder}/movie.npy", pixel_size_nm=2.0))
    >>> summary["format"]
    'npy'
    """
    n_frames, height, width = movie.shape
    y, x = movie.pixel_size_nm
    facts = format_facts(movie.format)
    check = check_frames(movie, max_pixels)
    times = _times(movie, facts)
    return {
        "file": str(movie.path),
        "format": movie.format,
        "vendor": _vendor(movie, facts),
        "instrument": _text(movie.header.get("instrument")),
        "software": _text(movie.header.get("software")),
        "file_version": _text(movie.header.get("file_version")),
        "channels": list(movie.channels),
        "channel": str(movie.header.get("file_channel") or movie.channel),
        "unit": movie.unit,
        "frames": n_frames,
        "height_px": height,
        "width_px": width,
        "pixel_size_y_nm": y,
        "pixel_size_x_nm": x,
        "square_pixels": y == x,
        "field_y_nm": height * y,
        "field_x_nm": width * x,
        "first_stored_line": first_stored_line(movie.format, movie.header),
        "scan": _scan(movie, facts),
        "times": times,
        "first_frame": _first_frame(movie),
        "check": _check(check),
        "unusual": _unusual(movie, check, times),
        "warnings": list(movie.warnings),
        "metadata": json_safe(movie.header),
    }


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _source(movie: Movie) -> FormatFacts | None:
    """Return the facts on the format that a file of playNano was made from."""
    return format_facts(str(movie.header.get("format", "")))


def _vendor(movie: Movie, facts: FormatFacts | None) -> str | None:
    if facts is None or not facts.own:
        return None if facts is None else facts.vendor
    source = _source(movie)
    return facts.vendor if source is None else f"{source.vendor}; written by playNano"


def _scan(movie: Movie, facts: FormatFacts | None) -> dict[str, Any]:
    """Return timing and direction of the scan, and how the direction is known."""
    scan = movie.scan
    direction = scan.direction if scan else None
    tag, known_by = None, "unknown"
    if direction is not None:
        own = facts is not None and facts.own
        source = _source(movie) if own else facts
        known_by = "source" if own else "file"
        tag = source.direction if source else None
    return {
        "direction": direction,
        "direction_from": known_by,
        "direction_tag": tag,
        "alternating": bool(scan and scan.alternating),
        "trace": scan.trace if scan else None,
        "line_time_s": scan.line_time_s if scan else None,
        "line_rate_hz": scan.line_rate_hz if scan else None,
        "frame_time_s": scan.frame_time_s if scan else None,
    }


def _times(movie: Movie, facts: FormatFacts | None) -> dict[str, Any]:
    """Return start, intervals and origin of the times of the frames."""
    try:
        clock = frame_clock(movie.frame_metadata)
        starts, known, problem = clock.times, clock.known, clock.problem
    except StackError as error:
        starts, known, problem = np.empty(0), False, str(error)
    steps = np.diff(starts) if known else np.empty(0)
    steps = steps[np.isfinite(steps)]
    typical = float(np.median(steps)) if steps.size else None
    origin = None
    if known:
        source = _source(movie) if facts is not None and facts.own else facts
        origin = source.times if source else None
    seen = starts[np.isfinite(starts)] if known else np.empty(0)
    return {
        "known": known,
        "from": origin,
        "start": _text(movie.header.get("start_time")),
        "duration_s": float(seen[-1] - seen[0]) if seen.size else None,
        "interval_s": typical,
        "interval_min_s": float(steps.min()) if steps.size else None,
        "interval_max_s": float(steps.max()) if steps.size else None,
        "regular": bool(np.ptp(steps) <= _REGULAR * typical) if typical else None,
        "problem": problem,
    }


def _first_frame(movie: Movie) -> dict[str, float | None]:
    frame = movie.read(0, min(1, movie.shape[0]))
    finite = frame[np.isfinite(frame)].astype(np.float64)
    if not finite.size:
        return {"minimum": None, "maximum": None, "mean": None}
    return {"minimum": float(finite.min()), "maximum": float(finite.max()), "mean": float(finite.mean())}


def _check(check: FrameCheck) -> dict[str, Any]:
    """Return the check of the frames as plain values."""
    return {
        "checked_frames": len(check.checked),
        "all_frames": check.is_complete,
        "blank": check.blank,
        "torn": check.torn,
        "partly_torn": check.partly_torn,
        "saturated": check.saturated,
        "constant": check.constant,
        "repeated": check.repeated,
        "incomplete": [
            {"frame": frame, "lines_with_values": lines} for frame, lines in check.lines_with_values.items()
        ],
        "not_finite": [{"frame": frame, "pixels": count} for frame, count in check.not_finite.items()],
    }


def _unusual(movie: Movie, check: FrameCheck, times: dict[str, Any]) -> list[str]:
    """Return what is unusual in a movie, in words."""
    height = movie.shape[1]
    y, x = movie.pixel_size_nm
    lines = []
    if y != x:
        lines.append(f"pixels are not square: {y:.6g} nm (y) x {x:.6g} nm (x)")
    for frames, what in (
        (check.saturated, "saturated"),
        (
            [frame for frame in check.constant if frame not in check.blank],
            "constant: all pixels have one value",
        ),
        (check.blank, "blank"),
        (check.torn, "torn"),
        (check.partly_torn, "partly torn"),
        (check.repeated, "an exact repeat of the frame before"),
    ):
        lines += _frames_text(frames, what)
    by_count: dict[int, list[int]] = {}
    for frame, count in check.lines_with_values.items():
        by_count.setdefault(count, []).append(frame)
    for count, frames in by_count.items():
        text = f"{count} of {height} lines were scanned; the others are NaN"
        lines.append(text if movie.shape[0] == 1 else f"frame {frame_ranges(frames)}: {text}")
    for frame, count in list(check.not_finite.items())[:5]:
        lines.append(f"frame {frame}: {count} pixels are not finite")
    if times["problem"]:
        lines.append(times["problem"])
    elif times["regular"] is False:
        lines.append(
            f"frame intervals are irregular: {times['interval_min_s']:.6g} to {times['interval_max_s']:.6g} s"
        )
    if movie.shape[0] > 1 and not times["known"] and not times["problem"]:
        lines.append("the times of the frames are not known")
    if movie.unit != "nm":
        lines.append(f"the values are not heights in nm: their unit is {movie.unit or 'not known'}")
    return lines


def _frames_text(frames: list[int], what: str) -> list[str]:
    """Return one line on frames of a kind; a run at the beginning of the movie is counted."""
    if not frames:
        return []
    if len(frames) == 1:
        return [f"frame {frames[0]} is {what}"]
    first = next((i for i, frame in enumerate(frames) if frame != i), len(frames))
    if first == len(frames):
        return [f"the first {first} frames are {what}"]
    return [f"{len(frames)} frames are {what}: {frame_ranges(frames)}"]
