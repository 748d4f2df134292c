"""Overview figure: a frame with detections, tracks and clusters, and their numbers against time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.executor import map_frames
from playNano.core.files import atomic_write
from playNano.core.provenance import latest_table, outputs_of_kind
from playNano.io.export.render import draw_heights, shade_lost, track_colour

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw_overview(stack: AFMImageStack, record: Any, frame: int | None = None) -> Figure:
    """Draw a frame with detections, tracks and clusters, and the number of detections against time.

    Parameters
    ----------
    stack
        The levelled movie.
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack; the last detection, tracking and
        clustering are shown.
    frame
        Index of the frame to show; if None, one with the median number of detections and a typical spread of heights.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: the frame on the left, the numbers on the right.

    See Also
    --------
    write_overview : Save the figure as a PNG file.
    """
    from matplotlib.figure import Figure

    features = latest_table(record, "detection")
    tracks = latest_table(record, "tracking")
    clusters = latest_table(record, "clustering")
    shown = _typical_frame(features, stack.data) if frame is None else frame
    figure = Figure(figsize=(11, 5.6), layout="constrained", dpi=110)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_frame(left, stack, shown)
    _draw_tracks(left, tracks)
    _draw_detections(left, features, shown)
    lost = ~_observed(record, stack.n_frames)
    _draw_counts(right, stack, features, tracks, lost)
    right.axvline(stack.time_for_frame(shown), color="0.6", linewidth=0.8, linestyle=":")
    if clusters is not None:
        _draw_cluster_centres(left, clusters)
    return figure


def write_overview(
    stack: AFMImageStack,
    record: Any,
    path: str | Path,
    frame: int | None = None,
) -> None:
    """Write the figure of `draw_overview` to a PNG file.

    Parameters
    ----------
    stack
        The levelled movie.
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack; the last detection, tracking and
        clustering are shown.
    path
        The PNG file; its folder is created if needed.
    frame
        Index of the frame to show; if None, one with the median number of detections and a typical spread of heights.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    figure = draw_overview(stack, record, frame)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")


def _observed(record: Any, n_frames: int) -> npt.NDArray[np.bool_]:
    """Return whether the last detection was run on each frame, (n_frames,)."""
    detections = outputs_of_kind(record, "detection").values()
    flags = [outputs["observed"] for outputs in detections if "observed" in outputs]
    return np.asarray(flags[-1]) if flags else np.ones(n_frames, dtype=np.bool_)


def _typical_frame(features: pd.DataFrame | None, data: npt.NDArray[Any]) -> int:
    """Return the index of a frame with the median number of detections and a typical spread of heights."""
    n_frames = len(data)
    parts = map_frames(_spread, data, what="overview.png")
    spread = np.nan_to_num(np.concatenate(parts) if parts else np.empty(0), nan=np.inf)
    deviation = np.abs(spread - np.median(spread))
    if features is not None and len(features):
        counts = np.bincount(features["frame"].to_numpy(), minlength=n_frames)
        deviation[counts != np.sort(counts[counts > 0])[np.count_nonzero(counts) // 2]] = np.inf
    return int(np.argmin(deviation))


def _spread(start: int, block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the standard deviation of heights of each frame of a block."""
    return np.asarray(np.nanstd(block[:, ::4, ::4], axis=(1, 2)))


def _draw_frame(axes: Any, stack: AFMImageStack, frame: int) -> None:
    draw_heights(axes, stack, stack.get_frame(frame))
    known = stack.has_times and np.isfinite(stack.time_for_frame(frame))
    time = f", {stack.time_for_frame(frame):.2f} s" if known else ""
    axes.set_title(f"{stack.file_path.name}, {stack.channel}: frame {frame}{time}", fontsize=10)


def _positions_nm(table: pd.DataFrame) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Return the positions (y, x) of a table, nm; None if it has none."""
    if not {"y_nm", "x_nm"} <= set(table.columns):
        return None
    return table["y_nm"].to_numpy(), table["x_nm"].to_numpy()


def _draw_tracks(axes: Any, tracks: pd.DataFrame | None) -> None:
    """Draw each track of two points or more as a line in its colour."""
    if tracks is None or _positions_nm(tracks) is None:
        return
    for number, rows in tracks.groupby("track_id"):
        if len(rows) > 1:
            axes.plot(rows["x_nm"], rows["y_nm"], color=track_colour(number), linewidth=0.9, alpha=0.9)


def _draw_detections(axes: Any, features: pd.DataFrame | None, frame: int) -> None:
    """Draw a circle around each detection of a frame."""
    if features is None:
        return
    rows = features[features["frame"] == frame]
    positions = _positions_nm(rows)
    if positions is not None:
        style = {"s": 90, "facecolors": "none", "edgecolors": "#7fd6ff", "linewidths": 1.4}
        axes.scatter(positions[1], positions[0], label=f"{len(rows)} detections", **style)
        axes.legend(loc="upper right", fontsize=8, framealpha=0.6)


def _draw_cluster_centres(axes: Any, clusters: pd.DataFrame) -> None:
    """Draw a cross at the mean position of each cluster."""
    positions = _positions_nm(clusters)
    if positions is None:
        return
    numbers = clusters["cluster_id"].to_numpy()
    for number in np.unique(numbers[numbers >= 0]):
        own = numbers == number
        y, x = positions[0][own].mean(), positions[1][own].mean()
        axes.plot(x, y, marker="+", markersize=11, markeredgewidth=2, color=track_colour(int(number)))


def _draw_counts(
    axes: Any,
    stack: AFMImageStack,
    features: pd.DataFrame | None,
    tracks: pd.DataFrame | None,
    lost: npt.NDArray[np.bool_],
) -> None:
    """Draw the numbers of detections and of tracks against time, without lost frames."""
    times = np.asarray(stack.get_frame_times())
    shade_lost(axes, times, lost)
    if features is not None:
        counts = np.bincount(features["frame"].to_numpy(), minlength=stack.n_frames).astype(np.float64)
        counts[lost] = np.nan
        axes.step(times, counts, where="mid", color="#0072b2", label="detections")
    if tracks is not None and len(tracks):
        spans = tracks.groupby("track_id")["frame"].agg(["min", "max"])
        alive = np.zeros(stack.n_frames + 1)
        np.add.at(alive, spans["min"].to_numpy(), 1)
        np.add.at(alive, spans["max"].to_numpy() + 1, -1)
        axes.step(times, np.cumsum(alive)[:-1], where="mid", color="#d55e00", linestyle="--", label="tracks")
    axes.set_xlabel("time (s)" if stack.has_times else "frame")
    axes.set_ylabel("number in frame")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=9)
    axes.set_title("detections and tracks against time", fontsize=10)
