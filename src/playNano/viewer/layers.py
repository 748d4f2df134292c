"""Layers of napari for movies and results: pixels, label images, detections and tracks, in nm and s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.lazy import FrameArray, is_lazy
from playNano.io.export.colour_maps import COLOUR_MAPS
from playNano.io.export.render import COLOUR_MAP, OUTLINE_COLOUR, height_limits
from playNano.viewer.movie import Frames, ViewedMovie

if TYPE_CHECKING:
    import pandas as pd

COLOUR = "colour of the track"
"""Feature by which tracks are coloured unless another one is selected."""

Layer = tuple[Any, dict[str, Any], str]
"""Data, arguments and type of a layer, as readers of napari return it."""

KEY = "playNano"
"""Key of the metadata of a layer under which its `ViewedMovie` is."""

CONTOUR = "playNano_contour"
"""Key of the metadata of a layer of labels: width of the outlines, px."""

WITHOUT_TRACK = 1
"""Number of the pixels of detections without a track in label images; those of track `i` have `i + 2`."""


def register_colour_maps() -> None:
    """Add playNano's colour maps of heights to those that napari lists."""
    from napari.utils.colormaps import AVAILABLE_COLORMAPS, Colormap

    from playNano.io.export.colour_maps import colours_of

    for name in COLOUR_MAPS:
        if name not in AVAILABLE_COLORMAPS:
            AVAILABLE_COLORMAPS[name] = Colormap(colours_of(name), name=name, display_name=name)


def colour_map_of(name: str = COLOUR_MAP) -> Any:
    """Return a colour map of heights as napari takes it.

    Parameters
    ----------
    name
        Name of a colour map of playNano or Matplotlib.
    """
    from napari.utils.colormaps import AVAILABLE_COLORMAPS, Colormap

    from playNano.io.export.colour_maps import colour_map

    register_colour_maps()
    if name not in AVAILABLE_COLORMAPS:
        AVAILABLE_COLORMAPS[name] = Colormap(
            colour_map(name)(np.linspace(0, 1, 256)), name=name, display_name=name
        )
    return AVAILABLE_COLORMAPS[name]


def frame_interval(stack: AFMImageStack) -> float | None:
    """Return the step of the time axis, s: the median interval between frames; None where no times are known.

    Parameters
    ----------
    stack
        The movie.
    """
    if not stack.has_times or stack.n_frames < 2:
        return None
    steps = np.diff(np.asarray(stack.get_frame_times(), dtype=np.float64))
    steps = steps[np.isfinite(steps) & (steps > 0)]
    return float(np.median(steps)) if steps.size else None


def placing(stack: AFMImageStack) -> dict[str, Any]:
    """Return scale, origin, units and names of the axes of a layer with the axes (t, y, x).

    The time axis counts frames where the movie has no times.

    Parameters
    ----------
    stack
        The movie.
    """
    interval = frame_interval(stack)
    return {
        "scale": (interval or 1.0, *stack.pixel_size_yx_nm),
        "translate": (0.0, *stack.origin_nm),
        "units": ("pixel" if interval is None else "s", "nm", "nm"),
        "axis_labels": ("t", "y", "x"),
    }


def image_layer(movie: ViewedMovie, frames: Frames, name: str, **more: Any) -> Layer:
    """Return the layer of the pixels of a movie; the range of its colours is that of the first frame.

    Parameters
    ----------
    movie
        The movie.
    frames
        Its pixels.
    name
        Name of the layer.
    **more
        Further arguments of the layer.
    """
    stack = frames.stack
    times = np.asarray(stack.get_frame_times(), dtype=np.float64) if stack.has_times else None
    arguments = {
        "name": name,
        "colormap": colour_map_of(),
        "contrast_limits": height_limits(np.asarray(frames.pixels[:1])),
        "rgb": False,
        "metadata": {KEY: movie, "frame_times_s": times},
        **placing(stack),
        **more,
    }
    return frames.pixels, arguments, "image"


def movie_layers(movie: ViewedMovie) -> list[Layer]:
    """Return the layers of a movie: the pixels as recorded, hidden, and as processed.

    Parameters
    ----------
    movie
        The movie.
    """
    name, raw, processed = movie.path.name, movie.raw, movie.processed
    label = f"{name} {raw.stack.channel}"
    shown = image_layer(movie, processed, f"{label} processed" if movie.record else f"{label} levelled")
    return [image_layer(movie, raw, f"{label} as recorded", visible=False), shown]


def result_layers(movie: ViewedMovie) -> list[Layer]:
    """Return the layers of a movie with its results: pixels, outlines, detections, tracks.

    Parameters
    ----------
    movie
        A movie with a record.
    """
    analysed = movie.analysed
    layers = movie_layers(movie)
    if analysed is None:
        return layers
    stack = analysed.stack
    if analysed.labels is not None:
        layers.append(labels_layer(stack, analysed.labels, analysed.tracks))
    if analysed.detections is not None:
        layers.append(points_layer(stack, analysed.detections))
    if analysed.tracks is not None and len(analysed.tracks):
        layers.append(tracks_layer(stack, with_confidence(analysed.tracks, movie.record)))
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
        Table with ``frame, y_nm, x_nm``.
    """
    (top, left), (py, px) = stack.origin_nm, stack.pixel_size_yx_nm
    rows = (table["y_nm"].to_numpy(np.float64) - top) / py
    columns = (table["x_nm"].to_numpy(np.float64) - left) / px
    return np.column_stack([table["frame"].to_numpy(np.float64), rows, columns])


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
        "size": 5.0,
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": OUTLINE_COLOUR,
        "border_width": 0.15,
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


def tracks_layer(stack: AFMImageStack, tracks: pd.DataFrame, name: str = "tracks") -> Layer:
    """Return the layer of tracks, coloured by track, which may be coloured by any numeric column.

    Parameters
    ----------
    stack
        The movie.
    tracks
        Their table; tracks of one detection are left out.
    name
        Name of the layer.
    """
    table = tracks.sort_values(["track_id", "frame"], kind="stable")
    table = table[table.groupby("track_id")["frame"].transform("size") > 1].reset_index(drop=True)
    data = np.column_stack([table["track_id"].to_numpy(np.float64), places(stack, table)])
    numeric = table.select_dtypes(["number", "bool"]).drop(columns=["track_id"]).astype(np.float64)
    # Neighbouring numbers are given colours far from each other.
    colour = table["track_id"].to_numpy(np.float64) * 0.6180339887 % 1.0
    arguments = {
        "name": name,
        "features": numeric.assign(**{COLOUR: colour}),
        "color_by": COLOUR,
        "tail_length": 20,
        "tail_width": 2,
        "colormap": "hsv",
        "blending": "translucent",
        **placing(stack),
    }
    return data, arguments, "tracks"
