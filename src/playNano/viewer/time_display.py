"""What is shown beside the layers: the first frame first, the time of each frame, label images as outlines."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from playNano.viewer.layers import KEY
from playNano.viewer.results import CONTOUR, WINDOW
from playNano.viewer.track_window import TrackWindow

_attached: WeakValueDictionary[int, Any] = WeakValueDictionary()
"""Viewers that show times already, by their id."""


def show_times(viewer: Any = None) -> None:
    """Show the time of each frame in the corner of a viewer, and of the first movie the first frame first.

    The slider of napari has steps of one length; the text has the real time also where intervals differ.

    Parameters
    ----------
    viewer
        The viewer; None for that which is in use, if any.
    """
    import napari

    viewer = viewer or napari.current_viewer()
    if viewer is None:
        return
    if not len(viewer.layers):

        def first_frame(event: Any) -> None:
            viewer.layers.events.inserted.disconnect(first_frame)
            viewer.dims.set_current_step(0, 0)

        # napari goes to the central frame when a layer is added to an empty viewer; this is called after it.
        viewer.layers.events.inserted.connect(first_frame, position="last")
    if id(viewer) in _attached:
        return
    _attached[id(viewer)] = viewer

    def added(event: Any) -> None:
        layer = event.value
        if layer.metadata.get(CONTOUR):
            layer.contour = layer.metadata[CONTOUR]  # not an argument of the layer
        if WINDOW in layer.metadata:
            windows.append(TrackWindow(viewer, layer))
        update()

    def update(event: Any = None) -> None:
        viewer.canvas.overlays.text.text = time_text(viewer)

    windows: list[TrackWindow] = []
    viewer.canvas.overlays.text.visible = True
    viewer.dims.events.current_step.connect(update)
    viewer.layers.events.inserted.connect(added, position="last")
    update()


def time_text(viewer: Any) -> str:
    """Return number and time of the frame that a viewer shows; nothing without a movie.

    Parameters
    ----------
    viewer
        The viewer.
    """
    movies = [layer for layer in viewer.layers if KEY in layer.metadata]
    if not movies:
        return ""
    frame, times = int(viewer.dims.current_step[0]), movies[-1].metadata["frame_times_s"]
    known = times is not None and frame < len(times) and np.isfinite(times[frame])
    return f"frame {frame}, {times[frame]:.3f} s" if known else f"frame {frame}"
