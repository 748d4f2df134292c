"""Histograms and strips as plain SVG: no script, sharp in print, and every text escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from playNano.report.words import number

WIDTH, HEIGHT = 440, 220
LEFT, RIGHT, TOP, BOTTOM = 60, 10, 10, 40

MIN_SPAN = 1e-6
"""Range of values, as a share of the largest, below which all are taken as equal."""

MAX_BINS = 60
"""Maximum number of bins of a histogram."""


def histogram(
    values: npt.ArrayLike,
    label: str,
    what: str,
    clip: tuple[float, float] = (0.0, 100.0),
    limits: tuple[float, float] | None = None,
) -> Markup | None:
    """Return a histogram of numbers; None without any.

    Parameters
    ----------
    values
        The numbers; non-finite ones are left out.
    label
        What is on the x axis, with its unit.
    what
        What is counted: "detections".
    clip
        Percentiles at the ends of the axis; values beyond are in the outermost bins.
    limits
        Ends of the axis instead.

    Examples
    --------
    >>> "120 heights" in histogram(np.arange(120), "height (nm)", "heights")
    True
    """
    given = np.asarray(values, np.float64)
    given = given[np.isfinite(given)]
    if not given.size:
        return None
    low, high = (float(end) for end in (np.percentile(given, clip) if limits is None else limits))
    if high - low <= MIN_SPAN * max(abs(low), abs(high)):
        margin = 0.5 * abs(low) or 0.5
        low, high = low - margin, high + margin
    width = 2 * float(np.subtract(*np.percentile(given, (75, 25)))) / given.size ** (1 / 3)
    bins = int(np.clip((high - low) / width if width > 0 else 10, 8, MAX_BINS))
    counts, edges = np.histogram(np.clip(given, low, high), bins, (low, high))
    x = scale(low, high, LEFT, WIDTH - RIGHT)
    top = int(counts.max())
    y = scale(0, top * 1.05, HEIGHT - BOTTOM, TOP)
    bars = Markup("").join(
        Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"/>').format(
            pixel(x(left)), pixel(y(count)), pixel(max(x(right) - x(left) - 0.6, 0.4)), pixel(y(0) - y(count))
        )
        for count, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        if count
    )
    middle = float(np.median(given))
    line = Markup('<line class="median" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
        pixel(x(min(max(middle, low), high))), TOP, HEIGHT - BOTTOM
    )
    words = f"Histogram of {given.size} {what}: {label}, median {number(middle)}, " + (
        f"middle half {number(float(np.percentile(given, 25)))} to {number(float(np.percentile(given, 75)))}"
    )
    return _figure(words, bars + line + _axes((low, high), (0, top * 1.05), label, what))


def _figure(words: str, content: Markup) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, words, content
    )


def _axes(x_range: tuple[float, float], y_range: tuple[float, float], x_label: str, y_label: str) -> Markup:
    """Return axes with ticks and labels."""
    x, y = scale(*x_range, LEFT, WIDTH - RIGHT), scale(*y_range, HEIGHT - BOTTOM, TOP)
    base = HEIGHT - BOTTOM
    parts = [Markup('<path class="axis" d="M{} {}V{}H{}"/>').format(LEFT, TOP, base, WIDTH - RIGHT)]
    for value in ticks(*x_range, 6):
        parts.append(
            Markup(
                '<line class="axis" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/><text x="{0}" y="{3}" class="mid">{4}</text>'
            ).format(pixel(x(value)), base, base + 4, base + 16, f"{value:.6g}")
        )
    for value in ticks(*y_range, 4):
        if value == int(value):
            parts.append(
                Markup(
                    '<line class="axis" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
                    '<text x="{3}" y="{4}" class="end">{5}</text>'
                ).format(LEFT - 4, LEFT, pixel(y(value)), LEFT - 7, pixel(y(value) + 4), f"{value:.6g}")
            )
    parts.append(
        Markup('<text x="{}" y="{}" class="mid">{}</text>').format(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, x_label
        )
    )
    parts.append(
        Markup('<text transform="translate(11 {}) rotate(-90)" class="mid">{}</text>').format(
            (TOP + base) / 2, y_label
        )
    )
    return Markup("").join(parts)


def scale(low: float, high: float, start: float, stop: float) -> Any:
    """Return a function from values to places.

    Parameters
    ----------
    low, high
        Values at the ends of an axis.
    start, stop
        Places of the ends, px.
    """
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (stop - start)


def pixel(value: float) -> str:
    """Return a place as text, to a tenth of a pixel.

    Parameters
    ----------
    value
        The place, px.
    """
    return f"{value:.1f}".removesuffix(".0")


def ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers within a range.

    Parameters
    ----------
    low, high
        The range, low < high.
    about
        Number of ticks that are desired.

    Examples
    --------
    >>> ticks(0.1, 1.04, 5)
    [0.2, 0.4, 0.6, 0.8, 1.0]
    """
    raw = (high - low) / max(about, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


ROW, STRIP_LEFT, STRIP_WIDTH = 14, 90, 1000
"""Height of a row of the strip, and place of its frames, px."""


def quality_strip(usable: Sequence[bool], flags: Mapping[str, Sequence[bool]]) -> Markup:
    """Return a strip with a column a frame: usable or not, and a row a flag.

    Parameters
    ----------
    usable
        Whether each frame was used, (n,).
    flags
        Flag -> whether each frame has it.

    Examples
    --------
    >>> "1 of 3 frames" in quality_strip([True, False, True], {})
    True
    """
    n = len(usable)
    rows = [("used", "used", [bool(u) for u in usable]), ("not used", "unused", [not u for u in usable])]
    rows += [(name.replace("_", " "), "flag", [bool(f) for f in values]) for name, values in flags.items()]
    parts = []
    for row, (name, kind, values) in enumerate(rows):
        at = 0 if row < 2 else row - 1
        if row != 1:
            parts.append(
                Markup('<text x="{}" y="{}" class="end">{}</text>').format(
                    STRIP_LEFT - 8, at * ROW + 11, name
                )
            )
        for start, stop in runs(values):
            parts.append(
                Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                    kind,
                    pixel(STRIP_LEFT + start / n * STRIP_WIDTH),
                    at * ROW + 1,
                    pixel(max((stop - start) / n * STRIP_WIDTH, 1)),
                    ROW - 3,
                )
            )
    height = (len(rows) - 1) * ROW
    for value in ticks(0, max(n - 1, 1), 10):
        if value == int(value):
            x = pixel(STRIP_LEFT + (value + 0.5) / n * STRIP_WIDTH)
            parts.append(
                Markup('<text x="{}" y="{}" class="mid">{}</text>').format(x, height + 14, int(value))
            )
    bad = n - sum(map(bool, usable))
    words = f"Quality of frames: {bad} of {n} frames were not used"
    line = Markup('<line id="strip-at" class="at" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(
        STRIP_LEFT, height
    )
    return Markup(
        '<svg id="strip" viewBox="0 0 {} {}" data-left="{}" data-width="{}" data-n="{}" role="img" '
        'aria-label="{}">{}{}</svg>'
    ).format(
        STRIP_LEFT + STRIP_WIDTH + 10,
        height + 20,
        STRIP_LEFT,
        STRIP_WIDTH,
        n,
        words,
        Markup("").join(parts),
        line,
    )


def runs(values: Sequence[bool]) -> list[tuple[int, int]]:
    """Return start and stop of each run of True.

    Parameters
    ----------
    values
        (n,).

    Examples
    --------
    >>> runs([True, True, False, True])
    [(0, 2), (3, 4)]
    """
    steps = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(values, np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in zip(steps[::2], steps[1::2], strict=True)]
