"""Figures of one kind each for a paper: a frame, tracks over a frame, heights of the detections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playNano.core.value_units import value_label
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.images import draw_colour_bar, draw_detections, draw_heights, draw_tracks, label_axes
from playNano.plots.style import COLUMN_WIDTH_IN, add_axes, figure_style, new_figure, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA, MEDIAN = "#0072b2", "#d55e00"
MIN_BINS, MAX_BINS = 8, 60
_LEFT, _TOP, _RIGHT, _BOTTOM = 0.45, 0.24, 0.62, 0.38


def draw_frame(movie: AnalysedMovie, frame: int | None = None, *, outlines: bool = False) -> Figure:
    """Draw a frame after processing, with scale and colour bar.

    Parameters
    ----------
    movie
        The movie with its detections.
    frame
        Index of the frame; None for a typical one.
    outlines
        Whether the detections are outlined.
    """
    return _image(movie, frame, outlines=outlines, tracks=False)


def draw_tracks_figure(movie: AnalysedMovie, frame: int | None = None) -> Figure:
    """Draw the tracks over a frame.

    Parameters
    ----------
    movie
        The movie with its tracks.
    frame
        Index of the frame; None for a typical one.
    """
    return _image(movie, frame, outlines=False, tracks=True)


def _image(movie: AnalysedMovie, frame: int | None, *, outlines: bool, tracks: bool) -> Figure:
    """Draw a frame with what is wanted on it."""
    shown = movie.typical_frame if frame is None else frame
    py, px = movie.stack.pixel_size_yx_nm
    width = COLUMN_WIDTH_IN - _LEFT - _RIGHT
    height = width * min(max(movie.stack.height * py / (movie.stack.width * px), 0.2), 2.0)
    with figure_style():
        figure = new_figure(COLUMN_WIDTH_IN, _TOP + height + _BOTTOM)
        axes = add_axes(figure, _LEFT, _TOP, width, height)
        # Colours of tracks are not in a map of greys; another map counts where it is wanted.
        cmap = "gray" if tracks and movie.options.cmap == "afmhot" else movie.options.cmap
        image = draw_heights(axes, movie.stack, movie.pixels(shown), movie.limits, cmap)
        title = movie.when(shown)
        if outlines:
            draw_detections(axes, movie, shown)
        if tracks and movie.tracks is not None:
            title = f"{draw_tracks(axes, movie.tracks)} over {title}"
        axes.set_title(title, loc="left")
        label_axes(axes)
        draw_colour_bar(figure, axes, image, movie.stack)
    return figure


def height_column(movie: AnalysedMovie) -> str | None:
    """Return the column with the heights of the detections; None if there is none.

    Parameters
    ----------
    movie
        The movie with its detections.
    """
    name = f"height_{movie.stack.value_suffix}"
    return name if movie.detections is not None and name in movie.detections else None


def draw_detected_heights(movie: AnalysedMovie) -> Figure | None:
    """Draw a histogram of the heights of all detections, with their median and quartiles.

    Parameters
    ----------
    movie
        The movie with its detections.

    Returns
    -------
    Figure or None
        None if there are fewer than two heights.
    """
    column = height_column(movie)
    if column is None or movie.detections is None:
        return None
    values = movie.detections[column].to_numpy(np.float64)
    known = values[np.isfinite(values)]
    if known.size < 2:
        return None
    low, mid, high = np.quantile(known, [0.25, 0.5, 0.75])
    n_bins = int(np.clip(len(np.histogram_bin_edges(known, "fd")) - 1, MIN_BINS, MAX_BINS))
    n_frames = movie.detections["frame"].nunique()
    with figure_style():
        figure = new_figure(COLUMN_WIDTH_IN, 2.3)
        axes = add_axes(figure, 0.5, 0.24, COLUMN_WIDTH_IN - 0.62, 1.68)
        axes.hist(known, n_bins, color=DATA, alpha=0.6, linewidth=0)
        axes.axvline(mid, color=MEDIAN, label=f"median {mid:.3g} (quartiles {low:.3g}, {high:.3g})")
        axes.axvspan(low, high, color=MEDIAN, alpha=0.15, linewidth=0)
        axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
        axes.set_xlabel(f"{value_label(movie.stack)} of the detections")
        axes.set_ylabel("detections")
        lost = len(values) - known.size
        text = f"{plural(known.size, 'detection')} in {plural(n_frames, 'frame')}"
        axes.set_title(text + (f"; {lost} without a height" if lost else ""), loc="left")
        axes.legend(frameon=False, loc="upper right")
    return figure
