"""A page of frames sampled from a movie, with what was detected on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playNano.core.stack_text import channel_read
from playNano.core.value_units import value_label
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.images import MAX_NUMBERS, draw_detections, draw_heights, draw_numbers
from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_COLUMNS = 4


def draw_frames(movie: AnalysedMovie, n_columns: int = N_COLUMNS) -> Figure:
    """Draw the sampled frames of a movie with the outlines and labels of the detections.

    Parameters
    ----------
    movie
        The movie with its detections.
    n_columns
        Number of frames beside each other.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per sampled frame (`AnalysedMovie.sampled`), then a colour bar.
    """
    frames = [int(i) for i in movie.sampled]
    py, px = movie.stack.pixel_size_yx_nm
    aspect = movie.stack.height * py / (movie.stack.width * px)
    gap, title, heading = 0.06, 0.2, 0.28
    width = (PAGE_WIDTH_IN - gap) / n_columns - gap
    height = width * min(max(aspect, 0.25), 1.4)
    n_rows = -(-len(frames) // n_columns)
    narrow = n_columns < N_COLUMNS  # the legend is below the colour bar then, not beside it
    tall = heading + n_rows * (height + title) + (0.95 if narrow else 0.55)
    with figure_style():
        figure = new_figure(PAGE_WIDTH_IN, tall)
        figure.text(gap / PAGE_WIDTH_IN, 1 - 0.14 / tall, _heading(movie), va="center", weight="bold")
        for number, frame in enumerate(frames):
            row, column = divmod(number, n_columns)
            left, top = gap + column * (width + gap), heading + title + row * (height + title)
            axes = add_axes(figure, left, top, width, height)
            is_first = number == 0
            shown = draw_heights(
                axes, movie.stack, movie.pixels(frame), movie.limits, movie.options.cmap, is_first
            )
            _mark(axes, movie, frame)
        bar = add_axes(figure, gap + 0.1, tall - (0.88 if narrow else 0.48), 0.48 * PAGE_WIDTH_IN, 0.08)
        figure.colorbar(shown, cax=bar, orientation="horizontal", label=value_label(movie.stack))
        if movie.detections is not None:
            left = 2 * gap / PAGE_WIDTH_IN + (0.0 if narrow else 0.5)
            low = 0.22 if narrow else 0.44
            figure.text(left, low / tall, _legend(movie), va="center", fontsize=6.5)
    return figure


def _mark(axes: Any, movie: AnalysedMovie, frame: int) -> None:
    """Draw the detections of a frame and their labels, and write its time and their number above it."""
    axes.set_xticks([])
    axes.set_yticks([])
    rows = movie.detections_in(frame)
    draw_detections(axes, movie, frame, linewidth=0.5)
    draw_numbers(axes, rows)
    axes.set_title(movie.when(frame) + ("" if rows is None else f": {len(rows)}"), loc="left", fontsize=7)


def _heading(movie: AnalysedMovie) -> str:
    stack, n_shown = movie.stack, len(movie.sampled)
    lost = int((~movie.observed).sum())
    left_out = f", without {lost} that {'are' if lost > 1 else 'is'} not usable" if lost else ""
    return f"{stack.file_path.name}, {channel_read(stack)}: {n_shown} of {stack.n_frames} frames{left_out}"


def _legend(movie: AnalysedMovie) -> str:
    """Return what the marks mean."""
    rows = movie.detections
    if movie.labels is not None:
        marks = "lines: outlines of regions"
    elif rows is not None and "radius_nm" in rows:
        marks = "circles: fitted radius"
    else:
        marks = "crosses: positions"
    labels = f"small numbers: label in features.csv (up to {MAX_NUMBERS} a frame)"
    return f"{marks}\n{labels}\nafter the colon: number of detections in the frame"
