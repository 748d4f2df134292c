"""Tracks of long movies: only those near the frame that is shown are drawn, since napari redraws all of them."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer

from playNano.viewer.results import WINDOW, TrackData, in_window

DEBOUNCE_MS = 150


class TrackWindow(QObject):
    """Keeps a layer of tracks filled with the part near the frame that is shown.

    Parameters
    ----------
    viewer
        The viewer.
    layer
        Its layer of tracks, with all data under `WINDOW` in its metadata.
    """

    def __init__(self, viewer: Any, layer: Any) -> None:
        super().__init__()
        self._viewer, self._layer = viewer, layer
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self.update)
        viewer.dims.events.current_step.connect(self._moved)
        viewer.layers.events.removed.connect(self._removed)

    def _moved(self, event: Any = None) -> None:
        self._timer.start()

    def _removed(self, event: Any) -> None:
        if event.value is self._layer:
            self.close()

    def close(self) -> None:
        """Leave the layer as it is from now on."""
        self._timer.stop()
        self._viewer.dims.events.current_step.disconnect(self._moved)
        self._viewer.layers.events.removed.disconnect(self._removed)

    def update(self) -> None:
        """Fill the layer for the frame that is shown."""
        tracks: TrackData = self._layer.metadata[WINDOW]
        fill(self._layer, in_window(tracks, int(self._viewer.dims.current_step[0])))


def fill(layer: Any, tracks: TrackData) -> None:
    """Replace the data of a layer of tracks; the feature by which it is coloured remains.

    Parameters
    ----------
    layer
        The layer.
    tracks
        Its new data.
    """
    if not len(tracks.data):
        layer.visible = False  # napari has no empty tracks
        return
    colour = layer.color_by
    layer.color_by = "track_id"
    layer.data = tracks.data
    layer.features = tracks.features
    layer.color_by = colour if colour in layer.features else "track_id"
