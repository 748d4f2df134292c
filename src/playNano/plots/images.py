"""Images in figures: heights with scale and colour bar, outlines of detections, tracks, clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.core.stack import Stack
from playNano.core.value_units import value_label
from playNano.io.export.colour_maps import colour_map
from playNano.io.export.render import (
    COLOUR_MAP,
    MISSING_COLOUR,
    OUTLINE_COLOUR,
    ScaleBar,
    track_colour,
)
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.outlines import outline
from playNano.plots.style import add_axes, plural

if TYPE_CHECKING:
    import pandas as pd

MAX_TRACKS = 50
"""Number of tracks that can be distinguished in one image; of more, the longest are drawn."""

_MAX_NM = 5000.0
"""Size of an image from which its axes are in µm."""

MAX_NUMBERS = 40
"""Number of detections in a frame up to which their labels are written beside them."""


def draw_heights(
    axes: Any,
    stack: Stack,
    image: npt.NDArray[Any],
    limits: tuple[float, float],
    cmap: str = COLOUR_MAP,
    scale_bar: bool = True,
) -> Any:
    """Draw a height image, with a scale bar, and return it for a colour bar.

    Parameters
    ----------
    axes
        Matplotlib axes; their coordinates are nm from the centre of pixel (0, 0).
    stack
        The movie, for the pixel size.
    image
        Heights, (height, width); pixels without one have a colour of their own.
    limits
        Heights at the ends of the colour map.
    cmap
        Name of a Matplotlib colour map.
    scale_bar
        Whether there is a scale bar.

    Returns
    -------
    matplotlib.image.AxesImage
        The image.
    """
    py, px = stack.pixel_size_yx_nm
    rows, columns = image.shape
    y0, x0 = stack.origin_nm
    extent = (x0 - 0.5 * px, x0 + (columns - 0.5) * px, y0 + (rows - 0.5) * py, y0 - 0.5 * py)
    colours = colour_map(cmap).with_extremes(bad=MISSING_COLOUR)
    low, high = limits
    # Small images keep their pixels, large ones are averaged.
    scaling = "nearest" if columns < 300 else "antialiased"
    shown = axes.imshow(
        image, cmap=colours, vmin=low, vmax=high, extent=extent, aspect="equal", interpolation=scaling
    )
    if scale_bar:
        draw_scale_bar(axes, columns * px, rows * py)
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])
    return shown


def label_axes(axes: Any, *, x: bool = True, y: bool = True) -> None:
    """Label the axes of an image, in nm, or in µm where the numbers would be long.

    Parameters
    ----------
    axes
        Axes of an image, in nm.
    x, y
        Whether the axis has numbers and a label.
    """
    length = max(abs(high - low) for low, high in (axes.get_xlim(), axes.get_ylim()))
    unit, factor = ("µm", 1000) if length > _MAX_NM else ("nm", 1)
    for shown, axis, name in ((x, axes.xaxis, "x"), (y, axes.yaxis, "y")):
        if not shown:
            axes.tick_params(axis=name, **{"labelbottom" if name == "x" else "labelleft": False})
            continue
        axis.set_label_text(f"{name} ({unit})")
        if factor > 1:
            axis.set_major_formatter(lambda value, _: f"{value / factor:g}")


def draw_scale_bar(axes: Any, width_nm: float, height_nm: float) -> None:
    """Draw a white scale bar with a black edge, readable on any image, in the lower left corner.

    Parameters
    ----------
    axes
        Axes of an image in nm, with y downwards.
    width_nm, height_nm
        Size of the image.
    """
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    bar = ScaleBar.for_width(width_nm)
    x, y = min(axes.get_xlim()) + 0.04 * width_nm, min(axes.get_ylim()) + 0.955 * height_nm
    thickness = 0.018 * min(height_nm, width_nm)
    axes.add_patch(
        Rectangle(
            (x, y - thickness),
            bar.length_nm,
            thickness,
            facecolor="white",
            edgecolor="black",
            linewidth=0.7,
            label="scale bar",
            zorder=5,
        )
    )
    axes.annotate(
        bar.text,
        (x, y - thickness),
        xytext=(0, 1.5),
        textcoords="offset points",
        ha="left",  # a label that is wider than the bar must not begin outside the image
        va="bottom",
        color="white",
        path_effects=[withStroke(linewidth=1.4, foreground="black")],
        zorder=5,
    )


def draw_colour_bar(figure: Any, axes: Any, shown: Any, stack: Stack) -> None:
    """Draw a colour bar at the right of an image, with the unit of the channel.

    Parameters
    ----------
    figure
        The figure.
    axes
        The axes of the image.
    shown
        The image, as returned by `draw_heights`.
    stack
        The movie, for the unit.
    """
    wide, tall = figure.get_size_inches()
    # The box of the image itself, which keeps its aspect ratio inside the axes.
    axes.apply_aspect()
    box = axes.get_position()
    bar = add_axes(
        figure, box.x1 * wide + 0.05, (1 - box.y1) * tall, 0.08, max(0.3, (box.y1 - box.y0) * tall)
    )
    figure.colorbar(shown, cax=bar, label=value_label(stack))


def draw_detections(axes: Any, movie: AnalysedMovie, frame: int, *, linewidth: float = 0.7) -> None:
    """Draw the outlines of the regions of a frame, circles of the radius of blobs, or marks of peaks.

    Parameters
    ----------
    axes
        Axes of the image, in nm.
    movie
        The movie with its detections.
    frame
        Number of the frame.
    linewidth
        Width of the lines, points.
    """
    labels, rows = movie.label_image(frame), movie.detections_in(frame)
    if labels is not None:
        y, x = outline(labels)
        (py, px), (y0, x0) = movie.stack.pixel_size_yx_nm, movie.stack.origin_nm
        axes.plot(x0 + x * px, y0 + y * py, color=OUTLINE_COLOUR, linewidth=linewidth, label="outlines")
        return
    positions = None if rows is None else positions_nm(rows)
    if rows is None or positions is None:
        return
    y, x = positions
    if "radius_nm" in rows:
        from matplotlib.collections import EllipseCollection

        size = 2 * rows["radius_nm"].to_numpy()
        circles = EllipseCollection(
            size,
            size,
            np.zeros(len(size)),
            units="xy",
            offsets=np.column_stack([x, y]),
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors=OUTLINE_COLOUR,
            linewidths=linewidth,
            label="radius",
        )
        axes.add_collection(circles, autolim=False)
    else:
        axes.scatter(x, y, s=12, marker="+", color=OUTLINE_COLOUR, linewidths=linewidth, label="positions")


def draw_numbers(axes: Any, rows: pd.DataFrame | None) -> None:
    """Write the label of each detection of a frame beside it, if they are few enough to be read.

    Parameters
    ----------
    axes
        Axes of the image, in nm.
    rows
        The detections of a frame.
    """
    from matplotlib.patheffects import withStroke

    positions = None if rows is None else positions_nm(rows)
    if rows is None or positions is None or "label" not in rows or len(rows) > MAX_NUMBERS:
        return
    outlined = [withStroke(linewidth=1.0, foreground="black")]
    for y, x, label in zip(*positions, rows["label"], strict=True):
        axes.annotate(
            str(label),
            (x, y),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=5,
            color="white",
            path_effects=outlined,
            clip_on=True,
        )


def longest_tracks(tracks: pd.DataFrame) -> tuple[list[tuple[Any, npt.NDArray[np.float64]]], int]:
    """Return the longest tracks of two points or more, at most `MAX_TRACKS`, and the number of all tracks.

    Parameters
    ----------
    tracks
        One row per detection: ``track_id, frame, y_nm, x_nm``.

    Returns
    -------
    list, int
        (number of the track, positions (x, y) in nm, (n, 2)) in the order of length; and the number of all tracks.
    """
    lengths = tracks.groupby("track_id").size()
    several = lengths[lengths > 1].sort_values(ascending=False, kind="stable")
    if len(several) > MAX_TRACKS:
        # Of tracks of equal length an even selection: the numbers of tracks go from the top of the image to its bottom.
        longer = several[several > several.iloc[MAX_TRACKS]]
        equal = several[several == several.iloc[MAX_TRACKS]]
        places = np.linspace(0, len(equal) - 1, MAX_TRACKS - len(longer)).round().astype(int)
        several = lengths[[*longer.index, *equal.index[places]]]
    kept = several.index
    rows = tracks[tracks["track_id"].isin(kept)].sort_values("frame", kind="stable")
    paths = {track: own[["x_nm", "y_nm"]].to_numpy(np.float64) for track, own in rows.groupby("track_id")}
    return [(track, paths[track]) for track in kept], len(lengths)


def draw_tracks(axes: Any, tracks: pd.DataFrame) -> str:
    """Draw the longest tracks, each in a colour, and return in words which are drawn.

    Parameters
    ----------
    axes
        Axes of an image, in nm.
    tracks
        One row per detection.
    """
    from matplotlib.collections import LineCollection

    if positions_nm(tracks) is None:
        return f"{tracks['track_id'].nunique()} tracks, without positions in nm"
    paths, total = longest_tracks(tracks)
    lines = LineCollection(
        [path for _, path in paths],
        colors=[track_colour(track) for track, _ in paths],
        linewidths=0.6,
        label="tracks",
    )
    axes.add_collection(lines, autolim=False)
    if len(paths) == total:
        return plural(total, "track")
    if len(paths) < MAX_TRACKS:
        return f"{plural(len(paths), 'track')}; {total - len(paths)} of one frame not drawn"
    return f"{len(paths)} longest of {total} tracks"


def draw_cluster_centres(axes: Any, clusters: pd.DataFrame) -> int:
    """Draw a cross at the mean position of each cluster, and return their number.

    Parameters
    ----------
    axes
        Axes of an image, in nm.
    clusters
        One row per member: ``cluster_id``, negative outside of clusters.
    """
    positions = positions_nm(clusters)
    if positions is None:
        return 0
    numbers = clusters["cluster_id"].to_numpy()
    drawn = np.unique(numbers[numbers >= 0])
    for number in drawn:
        own = numbers == number
        y, x = positions[0][own].mean(), positions[1][own].mean()
        axes.plot(x, y, marker="+", markersize=6, markeredgewidth=1.2, color=track_colour(int(number)))
    return len(drawn)


def positions_nm(table: pd.DataFrame) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Return the positions (y, x) of a table, nm; None if it has none.

    Parameters
    ----------
    table
        Any table.
    """
    if not {"y_nm", "x_nm"} <= set(table.columns):
        return None
    return table["y_nm"].to_numpy(), table["x_nm"].to_numpy()
