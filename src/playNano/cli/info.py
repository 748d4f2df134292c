"""``playnano info``: show the contents of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from playNano.cli.console import out
from playNano.io.loader import open_movie
from playNano.io.movie import Movie


def show_info(file: Path, channel: str | None, *, allow_incomplete: bool = False) -> None:
    """Print the contents of a file; only the first frame is decoded.

    Parameters
    ----------
    file
        The movie.
    channel
        The channel whose first frame is shown; None means the height.
    allow_incomplete
        Whether a recording that is cut off is shown, by its whole frames.
    """
    options = {"allow_incomplete": True} if allow_incomplete else {}
    for name, value in describe(open_movie(file, channel, **options)):
        out.print(f"{name:<16} {value}", markup=False)


def describe(movie: Movie) -> list[tuple[str, str]]:
    """Return the properties of a movie as text, (name, value).

    Parameters
    ----------
    movie
        The open movie; its first frame is decoded.

    Returns
    -------
    list of (str, str)
        Name and value, in the order in which they are printed.
    """
    n_frames, height, width = movie.shape
    y, x = movie.pixel_size_nm
    pixel = f"{x:.6g} nm" if y == x else f"{y:.6g} nm (y) x {x:.6g} nm (x)"
    return [
        ("file", f"{movie.path} ({movie.format})"),
        ("channels", ", ".join(movie.channels)),
        ("shown", f"{movie.header.get('file_channel') or movie.channel} ({movie.unit})"),
        ("frames", f"{n_frames} of {height} x {width} px"),
        ("pixel", pixel),
        ("field", f"{height * y:.6g} nm (y) x {width * x:.6g} nm (x)"),
        *_timing(movie),
        *_first_frame(movie),
    ]


def _timing(movie: Movie) -> list[tuple[str, str]]:
    """Return the properties on times, frame interval and scan rate."""
    times = [entry.get("timestamp") for entry in movie.frame_metadata]
    if not times or any(time is None for time in times):
        return [("time", "not in the file")]
    starts = np.array(times, dtype=np.float64)
    rows = [("time", f"{starts[-1] - starts[0]:.6g} s from the first frame to the last")]
    if len(starts) > 1:
        steps = np.diff(starts)
        spread = "" if np.ptp(steps) < 1e-6 else f" ({steps.min():.6g} to {steps.max():.6g})"
        rows.append(("interval", f"{np.median(steps):.6g} s per frame{spread}"))
    if movie.scan is not None and movie.scan.line_rate_hz is not None:
        direction = movie.scan.direction or "direction not known"
        rows.append(("scan", f"{movie.scan.line_rate_hz:.6g} lines/s, {direction}"))
    return rows


def _first_frame(movie: Movie) -> list[tuple[str, str]]:
    if not movie.shape[0]:
        return []
    frame = movie.read(0, 1)[0]
    finite = frame[np.isfinite(frame)]
    if not finite.size:
        return [("first frame", "no finite pixel")]
    return [
        ("first frame", f"{finite.min():.6g} to {finite.max():.6g} {movie.unit}, mean {finite.mean():.6g}")
    ]
