"""``playnano info``: show the contents of a file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import typer

from playNano.cli.console import out
from playNano.cli.job import Options
from playNano.errors import PlayNanoWarning
from playNano.io.loader import open_movie
from playNano.io.summary import movie_summary


def show_info(file: Path, channel: str | None, options: Options, *, as_json: bool = False) -> None:
    """Print the contents of a file; its frames are checked block by block.

    Parameters
    ----------
    file
        The movie.
    channel
        The channel that is shown; None means the height.
    options
        Options for reading: `pixel_size_nm`, `allow_incomplete`.
    as_json
        Whether one JSON object is printed, with the keys of `playNano.io.summary.movie_summary`.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PlayNanoWarning)
        summary = movie_summary(open_movie(file, channel, **options.reading()))
    for warning in caught:
        # Without --json those of the movie are printed with the rest.
        if as_json or str(warning.message) not in summary["warnings"]:
            warnings.warn(warning.message, stacklevel=2)
    if as_json:
        typer.echo(json.dumps(summary, indent=1, allow_nan=False))
        return
    for name, value in describe(summary):
        out.print(f"{name:<14} {value}", markup=False, emoji=False)


def describe(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the properties of a movie as text, (name, value).

    Parameters
    ----------
    summary
        From `playNano.io.summary.movie_summary`.

    Returns
    -------
    list of (str, str)
        Name and value, in the order in which they are printed.
    """
    s = summary
    y, x = s["pixel_size_y_nm"], s["pixel_size_x_nm"]
    pixel = f"{x:.6g} nm" if s["square_pixels"] else f"{y:.6g} nm (y) x {x:.6g} nm (x), not square"
    trace = s["scan"]["trace"]
    first = s["first_frame"]
    return [
        ("file", f"{s['file']} ({s['format']})"),
        ("made by", _made_by(s)),
        ("channels", ", ".join(s["channels"])),
        ("shown", f"{s['channel']} ({s['unit'] or 'unit not known'}{f', {trace}' if trace else ''})"),
        ("frames", f"{s['frames']} of {s['height_px']} x {s['width_px']} px (y, x)"),
        ("pixel", pixel),
        ("field", f"{s['field_y_nm']:.6g} nm (y) x {s['field_x_nm']:.6g} nm (x)"),
        *_timing(s["times"]),
        *_scan(s),
        (
            "first frame",
            "no finite pixel"
            if first["mean"] is None
            else " ".join(f"{first['minimum']:.6g} to {first['maximum']:.6g} {s['unit']}".split())
            + f", mean {first['mean']:.6g}",
        ),
        ("checked", _checked(s["check"], s["frames"])),
        *_listed("unusual", s["unusual"]),
        *_listed("warnings", s["warnings"]),
    ]


def _made_by(summary: dict[str, Any]) -> str:
    """Return vendor, instrument, software and version of the file."""
    named = (("instrument", "instrument"), ("software", "software"), ("file version", "file_version"))
    more = [f"{title} {summary[key]}" for title, key in named if summary[key]]
    return "; ".join([summary["vendor"] or "vendor not known", *more])


def _timing(times: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the lines on the times of the frames."""
    if not times["known"]:
        return [("time", times["problem"] or "not in the file")]
    rows = [("begun", times["start"])] if times["start"] else []
    if times["interval_s"] is not None:
        rows.append(("time", f"{times['duration_s']:.6g} s from the first frame to the last"))
    if times["interval_s"] is not None:
        low, high = times["interval_min_s"], times["interval_max_s"]
        spread = "" if high - low < 1e-6 else f" ({low:.6g} to {high:.6g})"
        origin = f", from: {times['from']}" if times["from"] else ""
        rows.append(("interval", f"{times['interval_s']:.6g} s per frame{spread}{origin}"))
    return rows


def _scan(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the lines on the scan and on the order of the lines."""
    scan = summary["scan"]
    parts = []
    if scan["line_rate_hz"] is not None:
        parts.append(f"{scan['line_rate_hz']:.6g} lines/s ({1000 * scan['line_time_s']:.4g} ms a line)")
    if scan["frame_time_s"] is not None:
        parts.append(f"{scan['frame_time_s']:.6g} s a frame")
    if scan["direction"] is None:
        parts.append("direction not known")
    else:
        known = f"{scan['direction_from']}: {scan['direction_tag']}" if scan["direction_tag"] else "source"
        turns = ", every second frame the other way" if scan["alternating"] else ""
        parts.append(f"scanned {scan['direction']}{turns} (from the {known})")
    first = summary["first_stored_line"]
    stored = f"the {first} line is stored first" if first else "order in the file not known"
    return [("scan", ", ".join(parts)), ("rows", f"row 0 is the top line; {stored}")]


def _checked(check: dict[str, Any], n_frames: int) -> str:
    """Return how many frames were checked, and how many of them are blank or torn."""
    bad = len({*check["blank"], *check["torn"], *check["partly_torn"]})
    if n_frames == 1:
        return "the frame is blank or torn" if bad else "the frame is neither blank nor torn"
    part = "all" if check["all_frames"] else f"{check['checked_frames']} sampled of"
    return f"{part} {n_frames} frames; {bad or 'none'} of them blank or torn"


def _listed(name: str, lines: list[str]) -> list[tuple[str, str]]:
    return [(name if i == 0 else "", line) for i, line in enumerate(lines)]
