"""Dot plots of a study: a dot a movie, by condition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from playNano.report.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, pixel, scale, ticks
from playNano.report.words import number

COLOURS = ("#0072b2", "#b5651d", "#00735a", "#8c3b7a", "#4b4bb5", "#a33b3b")


@dataclass(frozen=True)
class Dot:
    """A movie in a dot plot.

    Parameters
    ----------
    name, condition
        Movie and condition.
    value, low, high
        Its value and interval; None or NaN where there is none.
    """

    name: str
    condition: str
    value: Any
    low: Any = None
    high: Any = None

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return _finite(self.value)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def dots(movies: Sequence[Dot], label: str) -> Markup:
    """Return a dot plot.

    Parameters
    ----------
    movies
        Movies with a value.
    label
        Quantity and unit.

    Examples
    --------
    >>> "2 movies" in dots([Dot("a", "", 1.0, 0.5, 2.0), Dot("b", "", 2.0)], "D")
    True
    """
    ends = [float(end) for movie in movies for end in (movie.value, movie.low, movie.high) if _finite(end)]
    values = [float(movie.value) for movie in movies]
    # A wide interval of one movie must not flatten all others.
    span = max(values) - min(values) or abs(max(values)) or 1.0
    low, high = max(min(ends), min(values) - 2 * span), min(max(ends), max(values) + 2 * span)
    margin = 0.06 * (high - low) or 0.5
    low, high = low - margin, high + margin
    y = scale(low, high, HEIGHT - BOTTOM, TOP)
    conditions = list(dict.fromkeys(movie.condition for movie in movies))
    wide = (WIDTH - LEFT - RIGHT) / len(conditions)
    parts = [
        Markup('<path class="axis" d="M{} {}V{}H{}"/>').format(LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT)
    ]
    for value in ticks(low, high, 5):
        parts.append(
            Markup(
                '<line class="axis" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/><text x="{3}" y="{4}" class="end">{5}</text>'
            ).format(LEFT - 4, LEFT, pixel(y(value)), LEFT - 7, pixel(y(value) + 4), f"{value:.6g}")
        )
    for k, condition in enumerate(conditions):
        own = [movie for movie in movies if movie.condition == condition]
        colour = COLOURS[k % len(COLOURS)]
        for j, movie in enumerate(own):
            x = pixel(LEFT + wide * (k + (j + 1) / (len(own) + 1)))
            parts.append(_dot(movie, x, y, (low, high), colour))
        name = condition or f"{len(own)} movies"
        parts.append(
            Markup('<text x="{}" y="{}" class="mid">{}</text>').format(
                pixel(LEFT + wide * (k + 0.5)), HEIGHT - BOTTOM + 18, name
            )
        )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        Markup('<text transform="translate(11 {}) rotate(-90)" class="mid">{}</text>').format(middle, label)
    )
    words = f"{label} of {len(movies)} movies: " + ", ".join(
        f"{m.name} {number(float(m.value))}" for m in movies
    )
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, words, Markup("").join(parts)
    )


def _dot(movie: Dot, x: str, y: Any, limits: tuple[float, float], colour: str) -> Markup:
    """Return a dot with its interval, and its name as a tooltip."""
    words = f"{movie.name}: {number(float(movie.value))}"
    bar = Markup("")
    if _finite(movie.low) and _finite(movie.high):
        words += f" ({number(float(movie.low))} to {number(float(movie.high))})"
        top, bottom = (y(min(max(float(end), limits[0]), limits[1])) for end in (movie.high, movie.low))
        bar = Markup('<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" stroke="{3}" stroke-width="1.5"/>').format(
            x, pixel(top), pixel(bottom), colour
        )
    dot = Markup('<circle cx="{}" cy="{}" r="4.5" fill="{}"/>').format(
        x, pixel(y(float(movie.value))), colour
    )
    return Markup("<g><title>{}</title>{}{}</g>").format(words, bar, dot)
