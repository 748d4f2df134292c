"""Fit a figure to the width of a journal's column: text keeps its size, axes are stretched or put below each other."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MM = 25.4
MIN_WIDTH_MM, MAX_WIDTH_MM = 40.0, 600.0

_THIN_IN = 0.13
"""Width up to which axes are a colour bar, which keeps its width and its place beside an image, inches."""
_MIN_IN = 1.3
"""Width below which axes beside each other are put below each other, inches."""
_FIRM = 0.85
"""Factor down to which axes stay where they are, however narrow."""
_MAX_BLOCKS = 3
"""Number of axes in a row from which on they stay a grid."""
_TITLE, _PAD = 0.2, 0.05
"""Space for a title above axes, and around axes below each other, inches."""
_PAGE_IN = 9.4
"""Height of a page, inches."""
_LINE = 0.13
"""Height of a line of text, inches."""


@dataclass
class Box:
    """Axes of a figure, and where they are: distances from the upper left corner, inches.

    Parameters
    ----------
    axes
        The axes.
    left, top, right, bottom
        Edges.
    outer
        Edges of the axes with their labels and legends, and of their colour bars.
    bars
        Colour bars at its right side.
    """

    axes: Any
    left: float
    top: float
    right: float
    bottom: float
    outer: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    bars: list[Box] = field(default_factory=list)

    @property
    def width(self) -> float:
        """Width, inches."""
        return self.right - self.left

    def shares(self, other: Box) -> float:
        """Return the height that two boxes have in common, inches.

        Parameters
        ----------
        other
            The other box.
        """
        return min(self.bottom, other.bottom) - max(self.top, other.top)


@dataclass(frozen=True)
class Part:
    """A rectangle of a figure with the axes in it.

    Parameters
    ----------
    boxes
        The axes.
    left, top, right, bottom
        Edges, inches; labels and titles of the axes are inside.
    """

    boxes: list[Box]
    left: float
    top: float
    right: float
    bottom: float


def fit_width(figure: Figure, width_mm: float) -> Figure:
    """Change the width of a figure, in place; text and lines keep their size, images their shape.

    Axes beside each other that would become too narrow are put below each other, and long headings are wrapped.

    Parameters
    ----------
    figure
        A figure whose axes are all placed by numbers (without a layout engine).
    width_mm
        New width, 40 to 600 mm; 85 and 180 mm are one and two columns of most journals.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    ParameterError
        If the width is out of its range.

    Examples
    --------
    >>> from playNano.plots.style import add_axes, new_figure
    >>> figure = new_figure(7.0, 2.0)
    >>> for left in (0.5, 4.0):
    ...     axes = add_axes(figure, left, 0.2, 2.8, 1.4)
    >>> wide, tall = fit_width(figure, 85).get_size_inches()
    >>> round(float(wide) * 25.4), bool(tall > 3)  # one above the other
    (85, True)
    """
    if not MIN_WIDTH_MM <= width_mm <= MAX_WIDTH_MM:
        raise ParameterError(
            f"width_mm is {width_mm:g}; the width of a figure is {MIN_WIDTH_MM:g} to {MAX_WIDTH_MM:g} mm"
        )
    wide, tall = (float(edge) for edge in figure.get_size_inches())
    width = width_mm / MM
    if not figure.axes:
        figure.set_size_inches(width, tall)
        return figure
    boxes = _boxes(figure)
    first = min(box.top for box in boxes)
    extra = _wrap_texts(figure, width, tall, first) if width < wide else 0.0
    new: dict[int, tuple[float, float, float, float]] = {}
    height = extra + _place(Part(boxes, 0.0, 0.0, wide, tall), (0.0, extra, width), new)
    texts = [_moved_text(text, boxes, new, (wide, tall), (width, height), first) for text in figure.texts]
    figure.set_size_inches(width, height)
    for box in boxes:
        _set(box, new[id(box)], width, height)
    for text, place in zip(figure.texts, texts, strict=True):
        text.set_position(place)
    if width < wide:
        _wrap_titles(figure)
    return figure


def _boxes(figure: Figure) -> list[Box]:
    """Return the axes of a figure; colour bars with the axes at their left."""
    wide, tall = (float(edge) for edge in figure.get_size_inches())
    boxes: list[Box] = []
    bars: list[Box] = []
    for axes in figure.axes:
        axes.apply_aspect()
        place = axes.get_position()
        inner = place.x0 * wide, (1 - place.y1) * tall, place.x1 * wide, (1 - place.y0) * tall
        box = Box(axes, *inner, _outer(axes, inner, tall))
        (bars if box.width <= _THIN_IN else boxes).append(box)
    for bar in bars:
        hosts = [box for box in boxes if box.right <= bar.left and box.shares(bar) > 0]
        if not hosts:
            boxes.append(bar)
            continue
        host = max(hosts, key=lambda box: box.right)
        host.bars.append(bar)
        both = zip((min, min, max, max), host.outer, bar.outer, strict=True)
        host.outer = tuple(pick(a, b) for pick, a, b in both)  # type: ignore[assignment]
    return boxes


def _outer(
    axes: Any, inner: tuple[float, float, float, float], tall: float
) -> tuple[float, float, float, float]:
    """Return the edges of axes with their labels and legends; a title counts with its height only."""
    titles = [title for title in (axes._left_title, axes.title) if title.get_text()]
    for title in titles:
        title.set_in_layout(False)
    extent = axes.get_tightbbox()
    for title in titles:
        title.set_in_layout(True)
    dpi = axes.figure.dpi
    left, right = min(inner[0], extent.x0 / dpi), max(inner[2], extent.x1 / dpi)
    top, bottom = min(inner[1], tall - extent.y1 / dpi), max(inner[3], tall - extent.y0 / dpi)
    return left, min(top, inner[1] - _TITLE) if titles else top, right, bottom


def _place(part: Part, at: tuple[float, float, float], new: dict[int, Any]) -> float:
    """Place the axes of a part below a point with a given width; return the height that they take."""
    left, top, width = at
    across = [(box.left, box.right) for box in part.boxes]
    fixed = (part.right - part.left) - _covered(across)
    stretch = (width - fixed) / _covered(across)
    narrowest = min(box.width for box in part.boxes)
    labelled = any(box.left - box.outer[0] > _PAD for box in part.boxes)  # others are a grid of images
    if stretch < _FIRM and labelled and stretch * narrowest < _MIN_IN:
        parts = _bands(part)
        if len(parts) == 1:
            beside = _groups(part.boxes, "left", "right")
            parts = _blocks(part, beside) if 1 < len(beside) <= _MAX_BLOCKS else []
        if parts:
            total = 0.0
            for one in parts:
                total += _place(one, (left, top + total, width), new)
            return total
    stretch = max(stretch, 0.05)
    images = any(box.axes.get_aspect() != "auto" for box in part.boxes)
    if images:  # which are not made larger than a page
        stretch = min(stretch, max(1.0, _PAGE_IN / (part.bottom - part.top)))
    down = [(box.top, box.bottom) for box in part.boxes]
    tall = stretch if images else 1.0
    for box in part.boxes:
        x0, x1 = (left + _mapped(edge, part.left, across, stretch) for edge in (box.left, box.right))
        y0, y1 = (top + _mapped(edge, part.top, down, tall) for edge in (box.top, box.bottom))
        new[id(box)] = x0, y0, x1, y1
    return _mapped(part.bottom, part.top, down, tall)


def _bands(part: Part) -> list[Part]:
    """Return the parts of a part that lie above each other."""
    groups = _groups(part.boxes, "top", "bottom")
    cuts = [part.top]
    for above, below in pairwise(groups):
        end, begin = max(b.outer[3] for b in above), min(b.outer[1] for b in below)
        cuts.append((end + begin) / 2)
    cuts.append(part.bottom)
    return [Part(group, part.left, cuts[n], part.right, cuts[n + 1]) for n, group in enumerate(groups)]


def _blocks(part: Part, groups: Sequence[Sequence[Box]]) -> list[Part]:
    """Return parts for axes that lie beside each other, each with the same space at its left and right."""
    _label_as_first(groups)
    before = max(max(b.left - b.outer[0] for b in group) for group in groups) + _PAD
    after = max(max(b.outer[2] - b.right for b in group) for group in groups) + _PAD
    blocks = []
    for n, group in enumerate(groups):
        top = part.top if n == 0 else min(b.outer[1] for b in group) - _PAD
        bottom = max(b.outer[3] for b in group) + 2 * _PAD
        left, right = min(b.left for b in group) - before, max(b.right for b in group) + after
        blocks.append(Part(list(group), left, top, right, bottom))
    return blocks


def _label_as_first(groups: Sequence[Sequence[Box]]) -> None:
    """Give images the numbers and the label of their y axis that those at their left had for them."""
    first = groups[0][0].axes
    for box in (box for group in groups[1:] for box in group):
        if box.axes.get_aspect() != "auto" and first.get_ylabel() and not box.axes.get_ylabel():
            box.axes.tick_params(labelleft=True)
            box.axes.set_ylabel(first.get_ylabel())


def _groups(boxes: Sequence[Box], low: str, high: str) -> list[list[Box]]:
    """Return boxes in groups that do not overlap along an axis, in order."""
    groups: list[list[Box]] = []
    reached = -np.inf
    for box in sorted(boxes, key=lambda box: float(getattr(box, low))):
        if getattr(box, low) >= reached - 1e-6 and (groups == [] or reached < np.inf):
            groups.append([])
        groups[-1].append(box)
        reached = max(reached, getattr(box, high))
    return groups


def _intervals(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the union of intervals, as intervals that do not touch."""
    union: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if union and low <= union[-1][1]:
            union[-1] = union[-1][0], max(union[-1][1], high)
        else:
            union.append((low, high))
    return union


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    return sum(high - low for low, high in _intervals(spans))


def _mapped(value: float, start: float, spans: Sequence[tuple[float, float]], stretch: float) -> float:
    """Return the distance of a place from a start when intervals are stretched and what is between them is not."""
    inside = sum(max(0.0, min(value, high) - max(start, low)) for low, high in _intervals(spans))
    return (value - start) + (stretch - 1.0) * inside


def _set(box: Box, place: tuple[float, float, float, float], width: float, height: float) -> None:
    """Set the place of axes, and of the colour bars beside them."""
    x0, y0, x1, y1 = place
    box.axes.set_position((x0 / width, 1 - y1 / height, (x1 - x0) / width, (y1 - y0) / height))
    tall = (y1 - y0) / (box.bottom - box.top)
    for bar in box.bars:
        left, top = x1 + bar.left - box.right, y0 + (bar.top - box.top) * tall
        bar_height = max(0.3, (bar.bottom - bar.top) * tall)
        bar.axes.set_position(
            (left / width, 1 - (top + bar_height) / height, bar.width / width, bar_height / height)
        )


def _moved_text(
    text: Any,
    boxes: Sequence[Box],
    new: dict[int, tuple[float, float, float, float]],
    old: tuple[float, float],
    now: tuple[float, float],
    first: float,
) -> tuple[float, float]:
    """Return the new place of a text of the figure, as fractions: beside the axes that it belongs to."""
    x, y = text.get_position()
    left, top = x * old[0], (1 - y) * old[1]
    if top < first:  # a heading
        return left / now[0], 1 - top / now[1]
    if text.get_rotation() not in (0, 360):
        return left / now[0], y
    box = min(boxes, key=lambda b: _distance(b, left, top))
    x0, y0, x1, y1 = new[id(box)]
    at_x = x0 + left - box.left if left < box.right else x1 + left - box.right
    at_y = y1 + top - box.bottom if top > box.bottom else y0 + top - box.top
    return at_x / now[0], 1 - at_y / now[1]


def _distance(box: Box, x: float, y: float) -> float:
    across = max(box.left - x, 0.0, x - box.right)
    down = max(box.top - y, 0.0, y - box.bottom)
    return float(np.hypot(across, down))


def _wrap_texts(figure: Figure, width: float, tall: float, first: float) -> float:
    """Wrap headings that are wider than the figure; return the height that they need in addition, inches."""
    extra = 0.0
    for text in figure.texts:
        x, y = text.get_position()
        if (1 - y) * tall < first and text.get_rotation() == 0:
            lines = _wrap(text, width - x * float(figure.get_size_inches()[0]) - 0.05)
            extra = max(extra, (lines - 1) * _LINE)
            if lines > 1:
                text.set_verticalalignment("top")
                text.set_position((x, min(1.0, y + 0.07 / tall)))
    return extra


def _wrap_titles(figure: Figure) -> None:
    """Wrap titles of axes that end beyond the figure."""
    width = float(figure.get_size_inches()[0])
    for axes in figure.axes:
        left: Any = axes
        for title in (left._left_title, left.title):  # no public name for the title at the left
            if title.get_text():
                _wrap(title, width - axes.get_position().x0 * width - 0.03)


def _wrap(text: Any, available: float) -> int:
    """Wrap a text that is wider than the available width, inches; return its number of lines."""
    given: str = text.get_text()
    wide = text.get_window_extent().width / text.get_figure().dpi
    if wide <= available or not given:
        return given.count("\n") + 1
    lines = textwrap.wrap(given, max(8, int(len(given) * available / wide)))
    text.set_text("\n".join(lines))
    return len(lines)
