"""Figures of clusters: positions over the mean image, and occupancy against time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.executor import map_frames
from playNano.core.provenance import outputs_of_kind
from playNano.core.stack_text import channel_read
from playNano.io.export.render import PictureOptions, height_limits, track_colour
from playNano.io.export.tables import file_name
from playNano.plots.images import draw_colour_bar, draw_heights, label_axes
from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure, plural, save_figure
from playNano.plots.time_panels import frame_edges, shade_lost

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MAX_POINTS = 50_000  # more points cannot be distinguished
_MAX_NUMBERS = 60  # more labels would overlap


def write_cluster_pictures(
    stack: AFMImageStack, record: Any, folder: str | Path, options: PictureOptions | None = None
) -> dict[str, Path]:
    """Draw the clusters of each clustering step over the mean image, and their occupancy against time.

    Parameters
    ----------
    stack
        The levelled movie.
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack.
    folder
        Folder for ``clusters.png``, created if needed. With several clustering steps, the names of the files of later
        ones end in ``_step_<n>``.
    options
        Height range and format; None for the defaults.

    Returns
    -------
    dict
        Name of the file -> its path; empty where nothing was clustered.

    Raises
    ------
    OSError
        If a file cannot be written; an existing file is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from playNano import AFMImageStack, AnalysisPipeline
    >>> movie = np.random.default_rng(0).normal(0, 0.1, (3, 48, 48))
    >>> movie[:, 20:30, 22:32] += 3
    >>> stack = AFMImageStack(movie, 1.0, "height", "movie.npy")
    >>> steps = "feature_detection;dbscan_clustering:eps_nm=5,eps_s=2,min_samples=2"
    >>> record = AnalysisPipeline().add_steps(steps).run(stack)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_cluster_pictures(stack, record, folder).values()]
    ['clusters.png']
    """
    options = options or PictureOptions()
    written: dict[str, Path] = {}
    for key, outputs in outputs_of_kind(record, "clustering").items():
        if "cluster_table" not in outputs:
            continue
        name = file_name("clusters", options.figure_format, key, written)
        written[name] = Path(folder) / name
        save_figure(_draw_clusters(stack, outputs, key.split("_", 2)[-1], options), written[name])
    return written


def draw_last_clusters(stack: AFMImageStack, record: Any, options: PictureOptions) -> Figure | None:
    """Draw the clusters of the last clustering step over the mean image, and their occupancy against time.

    Parameters
    ----------
    stack
        The levelled movie.
    record
        A record, or an analysed stack.
    options
        Height range.

    Returns
    -------
    Figure or None
        None where nothing was clustered.
    """
    steps = [
        (key, outputs)
        for key, outputs in outputs_of_kind(record, "clustering").items()
        if "cluster_table" in outputs
    ]
    if not steps:
        return None
    key, outputs = steps[-1]
    return _draw_clusters(stack, outputs, key.split("_", 2)[-1], options)


def mean_image(stack: AFMImageStack, observed: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the mean of the frames that show the surface.

    Parameters
    ----------
    stack
        The movie.
    observed
        Whether each frame shows the surface, (n_frames,).

    Returns
    -------
    numpy.ndarray
        (height, width) float64; NaN where no frame has a height.
    """
    parts = map_frames(_sums, stack.data, observed, what="clusters.png")
    total = np.sum([part[0] for part in parts], axis=0) if parts else np.zeros(stack.image_shape)
    count = np.sum([part[1] for part in parts], axis=0) if parts else np.zeros(stack.image_shape)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _sums(start: int, block: npt.NDArray[Any], observed: npt.NDArray[np.bool_]) -> Any:
    frames = block[observed].astype(np.float64)
    finite = np.isfinite(frames)
    return np.where(finite, frames, 0.0).sum(axis=0), finite.sum(axis=0)


def _draw_clusters(
    stack: AFMImageStack, outputs: Mapping[str, Any], module: str, options: PictureOptions
) -> Figure:
    """Draw the figure of one clustering step."""
    observed = np.asarray(outputs["observed"], dtype=np.bool_)
    clusters = outputs["cluster_table"]
    py, px = stack.pixel_size_yx_nm
    aspect = min(max(stack.height * py / (stack.width * px), 0.6), 1.3)
    tall = 2.7 * aspect + 0.75
    with figure_style():
        figure = new_figure(PAGE_WIDTH_IN, tall)
        left = add_axes(figure, 0.42, 0.4, 2.7, 2.7 * aspect)
        above = add_axes(figure, 4.25, 0.4, 2.75, 0.7)
        below = add_axes(figure, 4.25, 1.2, 2.75, 2.7 * aspect - 0.8)
        image = mean_image(stack, observed)
        shown = draw_heights(left, stack, image, options.z_range or height_limits(image[None]), "gray")
        label_axes(left)
        draw_colour_bar(figure, left, shown, stack)
        _draw_points(left, outputs["table"], clusters)
        left.set_title(f"{plural(len(clusters), 'cluster')} over the mean image", loc="left")
        heading = f"{stack.file_path.name}, {channel_read(stack)}: {module}"
        figure.text(0.06 / PAGE_WIDTH_IN, 1 - 0.13 / tall, heading, va="center", weight="bold")
        times = np.asarray(stack.get_frame_times(), dtype=np.float64)
        _draw_occupancy(below, outputs["occupancy_table"], times, len(clusters), ~observed)
        _draw_number(above, outputs["occupancy_table"], times, ~observed)
        above.set_xlim(below.get_xlim())
        below.set_xlabel("time (s)" if stack.has_times else "frame")
    return figure


def _draw_points(axes: Any, table: pd.DataFrame, clusters: pd.DataFrame) -> None:
    """Draw the points in the colours of their clusters, and the clusters' numbers."""
    if not {"y_nm", "x_nm"} <= set(table.columns) or not len(table):
        return
    shown = table.iloc[:: -(-len(table) // _MAX_POINTS)]
    numbers = shown["cluster_id"].to_numpy()
    colours = np.array([track_colour(number) if number >= 0 else "0.6" for number in numbers])
    size = float(np.clip(8_000 / len(shown), 1.5, 10))
    axes.scatter(shown["x_nm"], shown["y_nm"], s=size, c=colours, alpha=0.7, linewidths=0)
    if "y_nm" in clusters and len(clusters) <= _MAX_NUMBERS:
        for row in clusters.itertuples():
            box = {"boxstyle": "round,pad=0.15", "facecolor": "black", "alpha": 0.5, "linewidth": 0}
            axes.annotate(
                str(row.cluster_id),
                (row.x_nm, row.y_nm),
                xytext=(4, 4),
                textcoords="offset points",
                color=track_colour(row.cluster_id),
                fontsize=6,
                bbox=box,
            )


def _draw_occupancy(
    axes: Any, occupied: pd.DataFrame, times: npt.NDArray[np.float64], count: int, lost: npt.NDArray[np.bool_]
) -> None:
    """Draw one row per cluster, filled in the frames in which it has members."""
    from matplotlib.collections import PolyCollection
    from matplotlib.ticker import MaxNLocator

    shade_lost(axes, times, lost)
    if len(occupied):
        edges = frame_edges(times)
        numbers, frames = occupied["cluster_id"].to_numpy(), occupied["frame"].to_numpy()
        # Consecutive frames are drawn as one bar.
        breaks = np.flatnonzero((np.diff(numbers) != 0) | (np.diff(frames) != 1)) + 1
        first, last = np.append(0, breaks), np.append(breaks, len(frames)) - 1
        left, right, row = edges[frames[first]], edges[frames[last] + 1], numbers[first]
        corners = [(left, row - 0.4), (right, row - 0.4), (right, row + 0.4), (left, row + 0.4)]
        bars = np.stack([np.column_stack(corner) for corner in corners], axis=1)
        axes.add_collection(PolyCollection(list(bars), facecolors=[track_colour(number) for number in row]))
    axes.set_xlim(*((times[0], times[-1]) if len(times) > 1 else (None, None)))
    axes.set_ylim(max(count, 1) - 0.5, -0.5)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_ylabel("cluster")
    axes.set_facecolor("0.97")


def _draw_number(
    axes: Any, occupied: pd.DataFrame, times: npt.NDArray[np.float64], lost: npt.NDArray[np.bool_]
) -> None:
    """Draw the number of clusters with members against time."""
    shade_lost(axes, times, lost)
    number = np.bincount(occupied["frame"].to_numpy(), minlength=len(times)).astype(np.float64)
    number[lost] = np.nan
    axes.step(times, number, where="mid", color="#0072b2")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("occupied")
    axes.grid(alpha=0.25)
    axes.tick_params(labelbottom=False)
    axes.set_title("which clusters have members, against time", loc="left")
