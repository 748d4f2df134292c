"""Layers of napari for results: label images, detections and tracks, in nm and s."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.lazy import FrameArray, is_lazy
from playNano.io.export.render import OUTLINE_COLOUR
from playNano.plots.analysed import AnalysedMovie
from playNano.viewer.layers import Layer, movie_layers, placing
from playNano.viewer.movie import ViewedMovie

if TYPE_CHECKING:
    import pandas as pd

COLOUR = "colour of the track"
"""Feature by which tracks are coloured unless another one is selected."""


RESULTS = "playNano_results"
"""Key of the metadata of a layer of detections or tracks under which its `Results` are."""

WINDOW = "playNano_tracks"
"""Key of the metadata of a layer of tracks under which all its rows are, if the layer has only those near a frame."""

MAX_TRACK_POINTS = 5000
"""Number of rows of tracks up to which napari draws them all."""

TAIL, AHEAD = 20, 5
"""Frames before and after the shown one, of which tracks are drawn."""

CONTOUR = "playNano_contour"
"""Key of the metadata of a layer of labels: width of the outlines, px."""

WITHOUT_TRACK = 1
"""Number of the pixels of detections without a track in label images; those of track `i` have `i + 2`."""


@dataclass(frozen=True)
class Results:
    """What was detected and tracked in a movie.

    Parameters
    ----------
    movie
        The movie; None for a stack that was analysed in the viewer.
    analysed
        The movie with its tables.
    record
        Record of the analysis.
    folder
        Folder of the results; None where there is none.
    """

    movie: ViewedMovie | None
    analysed: AnalysedMovie
    record: Any
    folder: Path | None = None

    def stack(self) -> AFMImageStack:
        """Return the processed movie, lazy where it was not processed in memory."""
        return self.analysed.stack if self.movie is None else self.movie.processed_stack()


def results_in(viewer: Any) -> Results | None:
    """Return the results that were added to a viewer last.

    Parameters
    ----------
    viewer
        The viewer.
    """
    found = [layer.metadata[RESULTS] for layer in viewer.layers if RESULTS in layer.metadata]
    return found[-1] if found else None


def result_layers(movie: ViewedMovie) -> list[Layer]:
    """Return the layers of a movie with its results: pixels, outlines, detections, tracks.

    Parameters
    ----------
    movie
        A movie with a record.
    """
    analysed = movie.analysed
    if analysed is None:
        return movie_layers(movie)
    return [*movie_layers(movie), *detected_layers(Results(movie, analysed, movie.record, movie.results))]


def detected_layers(results: Results) -> list[Layer]:
    """Return the layers of what was detected and tracked.

    Parameters
    ----------
    results
        Tables and record.
    """
    analysed, layers = results.analysed, []
    stack = analysed.stack
    if analysed.labels is not None:
        layers.append(labels_layer(stack, analysed.labels, analysed.tracks))
    if analysed.detections is not None:
        layers.append(points_layer(stack, analysed.detections))
    if analysed.tracks is not None and analysed.tracks["track_id"].duplicated().any():
        layers.append(tracks_layer(stack, with_confidence(analysed.tracks, results.record)))
    for _, arguments, _ in layers:
        arguments["metadata"] = {**arguments.get("metadata", {}), RESULTS: results}
    return layers


def labels_layer(stack: AFMImageStack, labels: Any, tracks: pd.DataFrame | None) -> Layer:
    """Return the layer of the outlines of detections, coloured by track.

    Parameters
    ----------
    stack
        The movie.
    labels
        Label images, (n_frames, height, width), numbered anew in each frame.
    tracks
        Table of tracks; None without one.
    """
    arguments = {"name": "outlines", "opacity": 0.9, "metadata": {CONTOUR: 1}, **placing(stack)}
    return by_track(labels, tracks), arguments, "labels"


def by_track(labels: Any, tracks: pd.DataFrame | None) -> FrameArray:
    """Return label images whose numbers are those of tracks, computed when they are read.

    Parameters
    ----------
    labels
        Label images, (n_frames, height, width), numbered anew in each frame; 0 is background.
    tracks
        Table with ``frame, label, track_id``; None without tracks.

    Returns
    -------
    FrameArray
        int32; 0 for background, 1 for detections without a track, ``track_id + 2``.

    Examples
    --------
    >>> import pandas as pd
    >>> labels = np.array([[[0, 1, 2]], [[0, 1, 2]]])
    >>> tracks = pd.DataFrame({"frame": [0, 1], "label": [2, 1], "track_id": [7, 7]})
    >>> np.asarray(by_track(labels, tracks)).tolist()
    [[[0, 1, 9]], [[0, 9, 1]]]
    """
    usable = tracks is not None and "label" in tracks.columns
    groups = dict(tuple(tracks.groupby("frame"))) if tracks is not None and usable else {}
    source = FrameArray.of(labels) if is_lazy(labels) else labels

    def read(start: int, stop: int) -> npt.NDArray[np.int32]:
        frames = np.asarray(source[start:stop])
        if not usable:
            return frames.astype(np.int32)
        return np.stack([_renumbered(image, groups.get(start + k)) for k, image in enumerate(frames)])

    return FrameArray(read, labels.shape, np.int32)


def _renumbered(labels: npt.NDArray[Any], tracks: pd.DataFrame | None) -> npt.NDArray[np.int32]:
    numbers = np.full(int(labels.max(initial=0)) + 1, WITHOUT_TRACK, np.int32)
    numbers[0] = 0
    if tracks is not None:
        own = tracks["label"].to_numpy(np.int64)
        inside = (own > 0) & (own < len(numbers))
        numbers[own[inside]] = tracks["track_id"].to_numpy(np.int64)[inside] + 2
    return np.asarray(numbers[labels])


def places(stack: AFMImageStack, table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return (frame, row, column) of the rows of a table, px of the frames as they are.

    Parameters
    ----------
    stack
        The movie.
    table
        Table with ``frame, y_nm, x_nm``, as `playNano.core.frame_shifts.in_shifted_frames` returns it.
    """
    (top, left), (py, px) = stack.origin_nm, stack.pixel_size_yx_nm
    rows = (table["y_nm"].to_numpy(np.float64) - top) / py
    columns = (table["x_nm"].to_numpy(np.float64) - left) / px
    return np.column_stack([table["frame"].to_numpy(np.float64), rows, columns])


def point_style() -> dict[str, Any]:
    """Return arguments of a layer of points: rings that hide nothing of the particles."""
    return {
        "size": 5.0,
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": OUTLINE_COLOUR,
        "border_width": 0.15,
    }


def points_layer(stack: AFMImageStack, detections: pd.DataFrame, name: str = "detections") -> Layer:
    """Return the layer of detections, with the columns of their table as features.

    Parameters
    ----------
    stack
        The movie.
    detections
        Their table.
    name
        Name of the layer.
    """
    arguments = {
        "name": name,
        "features": detections.reset_index(drop=True),
        **point_style(),
        **placing(stack),
    }
    return places(stack, detections), arguments, "points"


def with_confidence(tracks: pd.DataFrame, record: Any) -> pd.DataFrame:
    """Return a table of tracks with the confidence of the link that leads to each detection.

    Parameters
    ----------
    tracks
        Table of tracks with ``track_id, frame``.
    record
        The record, with the table of links.

    Returns
    -------
    pandas.DataFrame
        With the column ``confidence``: of the link to the detection, for the first detection of a track of the link
        from it; NaN for single detections.
    """
    from playNano.core.provenance import outputs_of_kind

    found = [one["links"] for one in outputs_of_kind(record, "tracking").values() if "links" in one]
    if not found or not {"track_id", "frame_to", "confidence"} <= {*found[-1].columns}:
        return tracks
    links = found[-1]
    ends = {
        **dict(
            zip(zip(links["track_id"], links["frame_from"], strict=True), links["confidence"], strict=True)
        ),
        **dict(zip(zip(links["track_id"], links["frame_to"], strict=True), links["confidence"], strict=True)),
    }
    keys = zip(tracks["track_id"], tracks["frame"], strict=True)
    return tracks.assign(confidence=np.array([ends.get(key, np.nan) for key in keys], dtype=np.float64))


@dataclass(frozen=True)
class TrackData:
    """All rows of a layer of tracks.

    Parameters
    ----------
    data
        (track, frame, row, column), px, sorted by track and frame.
    features
        Columns of these rows.
    """

    data: npt.NDArray[np.float64]
    features: pd.DataFrame


def in_window(tracks: TrackData, frame: int) -> TrackData:
    """Return the rows of tracks near a frame: all where there are few.

    Parameters
    ----------
    tracks
        All rows.
    frame
        Number of the frame.

    Examples
    --------
    >>> import pandas as pd
    >>> data = np.array([[0, t, 0, 0] for t in range(20_000)], dtype=float)
    >>> rows = in_window(TrackData(data, pd.DataFrame({"a": data[:, 1]})), 500)
    >>> rows.data[[0, -1], 1], len(rows.features)
    (array([480., 505.]), 26)
    """
    if len(tracks.data) <= MAX_TRACK_POINTS:
        return tracks
    near = (tracks.data[:, 1] >= frame - TAIL) & (tracks.data[:, 1] <= frame + AHEAD)
    return TrackData(tracks.data[near], tracks.features[near].reset_index(drop=True))


def track_data(stack: AFMImageStack, tracks: pd.DataFrame) -> TrackData:
    """Return the rows of tracks of more than one detection, with all numeric columns.

    Parameters
    ----------
    stack
        The movie.
    tracks
        Their table.
    """
    table = tracks.sort_values(["track_id", "frame"], kind="stable")
    table = table[table.groupby("track_id")["frame"].transform("size") > 1].reset_index(drop=True)
    data = np.column_stack([table["track_id"].to_numpy(np.float64), places(stack, table)])
    numeric = table.select_dtypes(["number", "bool"]).drop(columns=["track_id"]).astype(np.float64)
    # Neighbouring numbers are given colours far from each other.
    colour = table["track_id"].to_numpy(np.float64) * 0.6180339887 % 1.0
    return TrackData(data, numeric.assign(**{COLOUR: colour}))


def tracks_layer(stack: AFMImageStack, tracks: pd.DataFrame, name: str = "tracks") -> Layer:
    """Return the layer of tracks, coloured by track, which may be coloured by any numeric column.

    Of many tracks the layer has those near the first frame; `playNano.viewer.track_window` keeps it filled.

    Parameters
    ----------
    stack
        The movie.
    tracks
        Their table; tracks of one detection are left out.
    name
        Name of the layer.
    """
    rows = track_data(stack, tracks)
    first = int(rows.data[:, 1].min()) if len(rows.data) else 0
    shown = in_window(rows, first)
    arguments = {
        "name": name,
        "features": shown.features,
        "color_by": COLOUR,
        "tail_length": TAIL,
        "tail_width": 2,
        "colormap": "hsv",
        "blending": "translucent",
        "metadata": {WINDOW: rows} if len(rows.data) > MAX_TRACK_POINTS else {},
        **placing(stack),
    }
    return shown.data, arguments, "tracks"
