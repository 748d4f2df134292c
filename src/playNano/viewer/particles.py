"""Particles of results: found by place, with their rows, traces and figures; without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.measurement import kymograph
from playNano.plots.style import add_axes, figure_style, new_figure
from playNano.viewer.results import Results, places

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

WITHIN_PX = 8.0
"""Distance from the place that is clicked within which a particle is found, px."""
WIDTH_IN = 3.9
"""Width of figures in a dock, inches."""


def particle_at(results: Results, frame: int, y: float, x: float) -> pd.Series[Any] | None:
    """Return the row of the tracked particle, or else of the detection, that is nearest to a place.

    Parameters
    ----------
    results
        Tables of detections and tracks.
    frame
        Number of the frame.
    y, x
        The place, px.

    Returns
    -------
    pandas.Series or None
        With ``track_id`` if the particle is tracked; None if there is none within `WITHIN_PX`.
    """
    analysed = results.analysed
    for table in (analysed.tracks, analysed.detections):
        if table is None:
            continue
        here = table[table["frame"] == frame]
        distance = np.hypot(*(places(analysed.stack, here)[:, 1:] - (y, x)).T)
        if len(here) and distance.min() <= WITHIN_PX:
            return here.iloc[int(distance.argmin())]
    return None


def track_of(results: Results, row: Any) -> pd.DataFrame | None:
    """Return the rows of the track of a particle by frame; None for a particle without a track.

    Parameters
    ----------
    results
        Tables of detections and tracks.
    row
        A row as `particle_at` returns it.
    """
    tracks = results.analysed.tracks
    if tracks is None or "track_id" not in row.index:
        return None
    track: pd.DataFrame = tracks[tracks["track_id"] == row["track_id"]].sort_values("frame")
    return track


def trace_column(table: pd.DataFrame) -> str | None:
    """Return the column that is drawn against time: the height above the background, or the highest value.

    Parameters
    ----------
    table
        Rows of a track.
    """
    names = [name for name in table.columns if name.startswith("height_") and not name.endswith("error_nm")]
    names += [name for name in ("max", "mean") if name in table.columns]
    return names[0] if names else None


def draw_trace(track: pd.DataFrame, column: str, frame: int, *, timed: bool) -> Figure:
    """Draw a quantity of one particle against time, with the frame that is shown.

    Parameters
    ----------
    track
        Rows of the track, by frame.
    column
        The quantity.
    frame
        Frame that is marked.
    timed
        Whether the times are known; else against the number of the frame.

    Returns
    -------
    matplotlib.figure.Figure
        A line breaks where the particle was not detected.
    """
    axis = "time_s" if timed and "time_s" in track else "frame"
    frames = track["frame"].to_numpy()
    at, values = track[axis].to_numpy(np.float64), track[column].to_numpy(np.float64)
    gaps = np.flatnonzero(np.diff(frames) > 1) + 1
    with figure_style():
        figure = new_figure(WIDTH_IN, 1.9)
        axes = add_axes(figure, 0.6, 0.2, WIDTH_IN - 0.75, 1.2)
        axes.plot(np.insert(at, gaps, np.nan), np.insert(values, gaps, np.nan), "-", color="#0072b2", lw=1)
        axes.plot(at, values, ".", color="#0072b2", ms=4)
        here = frames == frame
        axes.plot(at[here], values[here], "o", mfc="none", mec="#d55e00", ms=8)
        axes.set_xlabel("time (s)" if axis == "time_s" else "frame")
        name, _, unit = column.rpartition("_")
        axes.set_ylabel(f"{name} ({unit})" if name else column)
        axes.set_title(f"track {int(track['track_id'].iloc[0])}, {len(track)} detections", loc="left")
    return figure


def profile(stack: AFMImageStack, line_nm: Any) -> tuple[Any, Any]:
    """Return distance and height along a line in a movie of one frame.

    Parameters
    ----------
    stack
        The movie of one frame.
    line_nm
        Vertices (y, x), nm.

    Returns
    -------
    distance, height : numpy.ndarray
        nm, and the unit of the pixels; NaN outside the frame.

    Examples
    --------
    >>> slope = np.broadcast_to(np.arange(8.0), (1, 8, 8))
    >>> stack = AFMImageStack(slope, 2.0, "height", "movie.npy")
    >>> distance, height = profile(stack, [(4, 2), (4, 8)])
    >>> distance.tolist(), height.round(6).tolist()
    ([0.0, 2.0, 4.0, 6.0], [1.0, 2.0, 3.0, 4.0])
    """
    outputs = kymograph(stack, line_nm=line_nm, subtract_drift=False)
    return outputs["distance_nm"], outputs["kymograph"][0]


def draw_profile(distance: Any, height: Any, frame: int, unit: str) -> Figure:
    """Draw a profile along a line.

    Parameters
    ----------
    distance, height
        As `profile` returns them.
    frame
        Number of the frame.
    unit
        Unit of the heights.
    """
    with figure_style():
        figure = new_figure(WIDTH_IN, 1.9)
        axes = add_axes(figure, 0.6, 0.2, WIDTH_IN - 0.75, 1.2)
        axes.plot(distance, height, color="#0072b2")
        axes.set_xlabel("distance along the line (nm)")
        axes.set_ylabel(f"height ({unit})" if unit else "value")
        axes.set_title(f"profile in frame {frame}", loc="left")
    return figure
