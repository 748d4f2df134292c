"""Layers of the tracks that are edited: the detections of the frame that is shown, and the tracks around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from playNano.analysis.curation.model import CurationModel
from playNano.viewer.layers import placing
from playNano.viewer.results import AHEAD, COLOUR, TAIL, Results, TrackData
from playNano.viewer.track_window import fill

POINTS, TRACKS, PICKED = "curate", "curate tracks", "picked"
"""Names of the layers."""
LOOSE, TRACKED, FIRST, LAST = "#9e9e9e", "#00e5ff", "#f0e442", "#e69f00"
"""Colours of detections: without a track, with one, picked first, picked last."""


class CurateLayers:
    """Shows a model in a viewer; it is filled anew after every edit and for every frame.

    Parameters
    ----------
    viewer
        The viewer.
    results
        The results that are edited; their own layers of detections and tracks are hidden.
    model
        The tracks.
    """

    def __init__(self, viewer: Any, results: Results, model: CurationModel) -> None:
        """Add the layers, and hide those of the results."""
        self._viewer, self._model, self._stack = viewer, model, results.analysed.stack
        self._picked: list[int] = []
        for name in ("detections", "tracks", "preview detections", "outlines", POINTS, TRACKS, PICKED):
            if name in viewer.layers:
                if name in (POINTS, TRACKS, PICKED):
                    viewer.layers.remove(name)
                else:
                    viewer.layers[name].visible = False
        place = placing(self._stack)
        flat = {key: value[1:] for key, value in place.items()}
        self.tracks: Any = None
        rows = self._track_rows()
        if len(rows.data):
            self.tracks = viewer.add_tracks(
                rows.data, name=TRACKS, features=rows.features, color_by=COLOUR, colormap="hsv",
                tail_length=TAIL, tail_width=2, blending="translucent", **place,
            )  # fmt: skip
        style = {"size": 6.0, "symbol": "disc", "face_color": "transparent", "border_width": 0.2}
        self.picks = viewer.add_points(
            np.empty((0, 2)), ndim=2, name=PICKED, **{**style, "size": 11.0, "border_width": 0.12}, **flat
        )
        self.points = viewer.add_points(np.empty((0, 2)), ndim=2, name=POINTS, **style, **flat)
        self.points.mode = "pan_zoom"
        viewer.layers.selection.active = self.points
        viewer.dims.events.current_step.connect(self._moved)
        self.refresh([])

    def placed(self) -> Any:
        """Return the layer in whose pixels places are, with the frame; None if it was removed."""
        from playNano.viewer.layers import KEY

        found = [layer for layer in self._viewer.layers if KEY in layer.metadata and layer.ndim == 3]
        return found[-1] if found and POINTS in self._viewer.layers else None

    def cursor(self) -> tuple[int, float, float]:
        """Return the frame that is shown, and the place of the cursor in it, px."""
        place = np.asarray(self.points.world_to_data(self._viewer.cursor.position[-2:]), dtype=np.float64)
        return self._frame(), float(place[-2]), float(place[-1])

    def go_to(self, row: int) -> None:
        """Show the frame of a detection, with it in the centre.

        Parameters
        ----------
        row
            Its row.
        """
        model = self._model
        self._viewer.dims.set_current_step(0, int(model.frame[row]))
        centre = self.points.data_to_world((model.y[row], model.x[row]))
        self._viewer.scene.camera.center = (0.0, *(float(one) for one in centre[-2:]))

    def refresh(self, picked: list[int]) -> None:
        """Show the model as it is.

        Parameters
        ----------
        picked
            Rows that are picked.
        """
        self._picked = list(picked)
        self._show_points()
        if self.tracks is not None and self.tracks in self._viewer.layers:
            fill(self.tracks, self._track_rows())

    def close(self) -> None:
        """Leave the layers as they are from now on."""
        self._viewer.dims.events.current_step.disconnect(self._moved)

    def _moved(self, event: Any = None) -> None:
        self.refresh(self._picked)

    def _frame(self) -> int:
        return int(self._viewer.dims.current_step[0])

    def _show_points(self) -> None:
        model = self._model
        rows = np.flatnonzero((model.frame == self._frame()) & ~model.deleted)
        self._set(self.points, rows, [TRACKED if model.tracked[row] else LOOSE for row in rows])
        picked = np.array(self._picked, dtype=np.int64)
        self._set(self.picks, picked, [FIRST, LAST][-len(picked) :] if len(picked) else [])

    def _set(self, layer: Any, rows: npt.NDArray[Any], colours: list[str]) -> None:
        model = self._model
        if layer not in self._viewer.layers:
            return
        layer.selected_data = set()
        layer.data = np.column_stack([model.y[rows], model.x[rows]])
        if len(rows):
            layer.border_color = colours

    def _track_rows(self) -> TrackData:
        """Return the rows of tracks around the frame that is shown."""
        frame, table = self._frame(), self._model.tracks()
        table = table[(table["frame"] >= frame - TAIL) & (table["frame"] <= frame + AHEAD)]
        data = table[["track_id", "frame", "y", "x"]].to_numpy(np.float64)
        return TrackData(data, pd.DataFrame({COLOUR: data[:, 0] * 0.6180339887 % 1.0}))
