"""Overview figure: a frame as recorded, levelled, with what was segmented, and the tracks; numbers against time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.afm_stack import AFMImageStack
from playNano.core.stack_text import channel_read
from playNano.io.export.render import PictureOptions, height_limits
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.images import (
    draw_cluster_centres,
    draw_colour_bar,
    draw_detections,
    draw_heights,
    draw_tracks,
    label_axes,
)
from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure, plural, save_figure
from playNano.plots.time_panels import draw_counts, draw_quality

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREY = "gray"
"""Colour map behind outlines and tracks, whose colours it does not contain."""

_HEADING, _LEFT, _GAP, _TITLE, _AXIS = 0.26, 0.45, 0.78, 0.22, 0.36
"""Spaces for the heading, the y axis, for a colour bar, for a title and for the x axis, inches."""

_LEGEND = 1.25
"""Width of the legend beside the panel of numbers, inches."""

Panel = Callable[[Any, AnalysedMovie, int], tuple[Any, str]]
"""Draws an image into axes, and returns it with the title."""


def draw_overview(
    stack: AFMImageStack, record: Any, frame: int | None = None, options: PictureOptions | None = None
) -> Figure:
    """Draw a frame as recorded, levelled, with outlines, with tracks; and numbers and quality against time.

    Parameters
    ----------
    stack
        The levelled movie.
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack; the last detection, tracking and
        clustering are shown.
    frame
        Index of the frame to show; if None, the one of ten sampled frames that is most typical.
    options
        Colour map and height range; None for the defaults.

    Returns
    -------
    matplotlib.figure.Figure
        The figure. It has only the panels for which there is something to show: a single image has none against
        time.

    See Also
    --------
    write_overview : Save the figure to a file.

    Examples
    --------
    >>> import numpy as np
    >>> from playNano import AFMImageStack, AnalysisPipeline
    >>> movie = np.random.default_rng(0).normal(0, 0.1, (3, 48, 48))
    >>> movie[:, 20:30, 22:32] += 3
    >>> stack = AFMImageStack(movie, 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("feature_detection").run(stack)
    >>> len(draw_overview(stack, record).axes) > 2
    True
    """
    return overview_of(AnalysedMovie.of(stack, record, options), frame)


def overview_of(movie: AnalysedMovie, frame: int | None = None) -> Figure:
    """Draw the figure of `draw_overview` for a movie whose frames may have been read already.

    Parameters
    ----------
    movie
        The movie with its detections and tracks.
    frame
        Index of the frame to show; if None, a typical one.
    """
    shown = movie.typical_frame if frame is None else frame
    panels = _panels(movie, shown)
    n_columns = len(panels) if len(panels) in (1, 3) else 2
    n_rows = -(-len(panels) // n_columns)
    width = min(2.7, (PAGE_WIDTH_IN - _LEFT - 0.05) / n_columns - _GAP)
    py, px = movie.stack.pixel_size_yx_nm
    aspect = movie.stack.height * py / (movie.stack.width * px)
    height = width * min(max(aspect, 0.25), 1.3)
    over_time = movie.stack.n_frames > 1
    top = _HEADING + n_rows * (height + _TITLE) + _AXIS
    strip = 0.17 if movie.quality is not None and over_time else 0.0
    tall = top + (0.1 + 1.05 + strip + 0.4 if over_time else 0.0)
    wide = PAGE_WIDTH_IN if n_columns > 1 or over_time else _LEFT + width + _GAP
    with figure_style():
        figure = new_figure(wide, tall)
        figure.text(0.06 / wide, 1 - 0.14 / tall, _heading(movie, shown), va="center", weight="bold")
        for number, panel in enumerate(panels):
            row, column = divmod(number, n_columns)
            left = _LEFT + column * (width + _GAP)
            above = _HEADING + _TITLE + row * (height + _TITLE)
            axes = add_axes(figure, left, above, width, height)
            image, title = panel(axes, movie, shown)
            _label_image(axes, title, number, len(panels), n_columns)
            draw_colour_bar(figure, axes, image, movie.stack)
        if over_time:
            _draw_time(figure, movie, shown, top + 0.1, strip)
    return figure


def write_overview(
    stack: AFMImageStack,
    record: Any,
    path: str | Path,
    frame: int | None = None,
    options: PictureOptions | None = None,
) -> None:
    """Write the figure of `draw_overview` to a file.

    Parameters
    ----------
    stack
        The levelled movie.
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack; the last detection, tracking and
        clustering are shown.
    path
        The file: .png, .pdf or .svg; its folder is created if needed.
    frame
        Index of the frame to show; if None, the one of ten sampled frames that is most typical.
    options
        Colour map and height range; None for the defaults.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from playNano import AFMImageStack, AnalysisPipeline
    >>> movie = np.random.default_rng(0).normal(0, 0.1, (3, 48, 48))
    >>> movie[:, 20:30, 22:32] += 3
    >>> stack = AFMImageStack(movie, 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("feature_detection").run(stack)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_overview(stack, record, f"{folder}/overview.png")
    ...     (Path(folder) / "overview.png").exists()
    True
    """
    save_figure(draw_overview(stack, record, frame, options), path)


def _panels(movie: AnalysedMovie, frame: int) -> list[Panel]:
    """Return the image panels for which there is something to show."""
    panels: list[Panel] = [] if movie.raw_pixels(frame) is None else [_raw]
    panels.append(_levelled)
    if movie.detections is not None:
        panels.append(_outlined)
    has_tracks = movie.tracks is not None and movie.stack.n_frames > 1
    if has_tracks or movie.clusters is not None:
        panels.append(_tracked)
    return panels


def _raw(axes: Any, movie: AnalysedMovie, frame: int) -> tuple[Any, str]:
    image = movie.raw_pixels(frame)
    assert image is not None
    return draw_heights(
        axes, movie.stack, image, height_limits(image[None]), movie.options.cmap
    ), "as recorded"


def _levelled(axes: Any, movie: AnalysedMovie, frame: int) -> tuple[Any, str]:
    shown = draw_heights(axes, movie.stack, movie.pixels(frame), movie.limits, movie.options.cmap)
    return shown, "after processing" if movie.raw_pixels(frame) is not None else "image analysed"


def _outlined(axes: Any, movie: AnalysedMovie, frame: int) -> tuple[Any, str]:
    shown = draw_heights(axes, movie.stack, movie.pixels(frame), movie.limits, GREY)
    draw_detections(axes, movie, frame)
    rows = movie.detections_in(frame)
    number = 0 if rows is None else len(rows)
    if movie.label_image(frame) is not None:
        return shown, f"outlines of {plural(number, 'region')}"
    kind = "circles of the fitted radius" if rows is not None and "radius_nm" in rows else "positions"
    return shown, f"{plural(number, 'detection')}: {kind}"


def _tracked(axes: Any, movie: AnalysedMovie, frame: int) -> tuple[Any, str]:
    shown = draw_heights(axes, movie.stack, movie.pixels(frame), movie.limits, GREY)
    title = []
    if movie.tracks is not None and movie.stack.n_frames > 1:
        title.append(draw_tracks(axes, movie.tracks))
    if movie.clusters is not None:
        title.append(f"+ {plural(draw_cluster_centres(axes, movie.clusters), 'cluster centre')}")
    return shown, "; ".join(title)


def _heading(movie: AnalysedMovie, frame: int) -> str:
    stack = movie.stack
    name = stack.file_path.name
    name = name if len(name) <= 50 else f"{name[:24]} ... {name[-20:]}"
    if stack.n_frames == 1:
        return f"{name}, {channel_read(stack)}"
    return f"{name}, {channel_read(stack)}: {movie.when(frame)}; {stack.n_frames} frames"


def _label_image(axes: Any, title: str, number: int, n_panels: int, n_columns: int) -> None:
    """Write title and axis labels of an image; only the outer images have numbers at their axes."""
    axes.set_title(f"{'abcd'[number]}  {title}" if n_panels > 1 else title, loc="left")
    label_axes(axes, x=number + n_columns >= n_panels, y=number % n_columns == 0)


def _draw_time(figure: Figure, movie: AnalysedMovie, frame: int, top: float, strip: float) -> None:
    """Draw numbers against time with the frame marked, the strip of quality, and their legends beside them."""
    width = PAGE_WIDTH_IN - _LEFT - _LEGEND
    axes = add_axes(figure, _LEFT, top, width, 1.05)
    draw_counts(axes, movie)
    axes.axvline(movie.time_axis()[0][frame], color="0.4", linewidth=0.8, linestyle=":", label="frame shown")
    beside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.04), "frameon": False, "borderaxespad": 0.0}
    axes.legend(**beside)
    if not strip:
        return
    below = add_axes(figure, _LEFT, top + 1.05 + 0.04, width, strip - 0.04)
    draw_quality(below, movie)
    below.set_xlim(axes.get_xlim())
    below.set_xlabel(axes.get_xlabel())
    axes.set_xlabel("")
    axes.tick_params(labelbottom=False)
    # Above the strip, where the legend of the numbers leaves free space.
    below.legend(**{**beside, "loc": "lower left", "bbox_to_anchor": (1.01, -0.5)})
