"""Layers of napari for movies: pixels in nm and s, read frame by frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.io.export.render import height_limits
from playNano.viewer.colours import colour_map_of
from playNano.viewer.movie import Frames, ViewedMovie

Layer = tuple[Any, dict[str, Any], str]
"""Data, arguments and type of a layer, as readers of napari return it."""

KEY = "playNano"
"""Key of the metadata of a layer under which its `ViewedMovie` is."""


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


def movie_in(viewer: Any) -> ViewedMovie | None:
    """Return the movie of the selected layer of a viewer, or else of the last layer that has one.

    Parameters
    ----------
    viewer
        The viewer.
    """
    active = viewer.layers.selection.active
    for layer in [active, *reversed(viewer.layers)]:
        if layer is not None and KEY in layer.metadata:
            movie: ViewedMovie = layer.metadata[KEY]
            return movie
    return None
