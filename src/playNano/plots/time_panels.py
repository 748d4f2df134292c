"""Panels against time in figures: numbers of detections and tracks, quality of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.plots.analysed import AnalysedMovie

_KINDS = (("usable", "#d9e6ef"), ("flagged, used", "#e69f00"), ("not used", "#7a0019"))
"""Kinds of frames in the strip of quality, and their colours."""


def draw_counts(axes: Any, movie: AnalysedMovie) -> None:
    """Draw the numbers of detections and of tracks against time, without frames that were not analysed.

    Parameters
    ----------
    axes
        Matplotlib axes.
    movie
        The movie with its detections and tracks.
    """
    from matplotlib.ticker import MaxNLocator

    times, label = movie.time_axis()
    edges = frame_edges(times)
    lost = ~movie.observed
    shade_lost(axes, times, lost)
    if movie.counts is not None:
        counts = movie.counts.astype(np.float64)
        counts[lost] = np.nan
        axes.stairs(counts, edges, baseline=None, color="#0072b2", linewidth=0.9, label="detections")
    if movie.tracks is not None and len(movie.tracks):
        spans = movie.tracks.groupby("track_id")["frame"].agg(["min", "max"])
        alive = np.zeros(movie.stack.n_frames + 1)
        np.add.at(alive, spans["min"].to_numpy(), 1)
        np.add.at(alive, spans["max"].to_numpy() + 1, -1)
        line = {"color": "#d55e00", "linestyle": "--", "linewidth": 0.9, "label": "tracks"}
        axes.stairs(np.cumsum(alive)[:-1], edges, baseline=None, **line)
    axes.set_xlabel(label)
    axes.set_ylabel("number in frame")
    axes.set_ylim(0, max(1.0, 1.1 * axes.dataLim.y1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.grid(alpha=0.25, linewidth=0.5)
    if len(times) > 1:
        axes.set_xlim(edges[[0, -1]])


def draw_quality(axes: Any, movie: AnalysedMovie) -> None:
    """Draw a strip with the quality of each frame: used, flagged but used, not used.

    Parameters
    ----------
    axes
        Low axes that share the time axis of `draw_counts`.
    movie
        A movie with the table of a quality step.
    """
    from matplotlib.colors import ListedColormap

    assert movie.quality is not None
    usable = movie.quality["usable"].to_numpy(np.bool_)
    flagged = usable & (movie.quality["reason"].fillna("").to_numpy() != "")
    kind = np.where(~usable, 2, np.where(flagged, 1, 0))
    edges = frame_edges(movie.time_axis()[0])
    axes.pcolormesh(
        edges,
        [0, 1],
        kind[None],
        cmap=ListedColormap([colour for _, colour in _KINDS]),
        vmin=0,
        vmax=2,
        rasterized=True,
    )
    axes.set_yticks([])
    axes.set_ylabel("quality", rotation=0, ha="right", va="center")
    for number, (name, colour) in enumerate(_KINDS):
        text = f"{name}: {np.count_nonzero(kind == number)}"
        axes.plot([], [], "s", color=colour, markersize=4, label=text)


def shade_lost(axes: Any, times: npt.NDArray[np.float64], lost: npt.NDArray[np.bool_]) -> None:
    """Shade the times of unusable frames in a plot over time.

    Parameters
    ----------
    axes
        Matplotlib axes with time along x.
    times
        Time of each frame, s, (n_frames,).
    lost
        Which frames to shade, (n_frames,).
    """
    edges = frame_edges(times)
    ends = np.diff(np.concatenate([[False], lost, [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(ends == 1), np.flatnonzero(ends == -1)
    for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        # One entry in a legend for all.
        name = "not usable" if number == 0 else None
        axes.axvspan(edges[start], edges[stop], color="0.85", linewidth=0, label=name, zorder=0)


def frame_edges(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the limits of frames in time: between frames, before the first and after the last.

    Parameters
    ----------
    times
        Time of each frame, (n_frames,).

    Returns
    -------
    numpy.ndarray
        (n_frames + 1,), for one frame half a unit on either side.
    """
    if len(times) < 2:
        return np.array([t + half for t in times[:1] for half in (-0.5, 0.5)])
    centre = (times[1:] + times[:-1]) / 2
    return np.concatenate([[2 * times[0] - centre[0]], centre, [2 * times[-1] - centre[-1]]])
