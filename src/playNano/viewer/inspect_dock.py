"""Dock "Inspect": the row and the trace of a particle, the profile and the kymograph along a line."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from playNano.errors import ParameterError
from playNano.measurement import kymograph
from playNano.plots.measurement.kymograph import draw_kymograph
from playNano.viewer.clicks import Clicks
from playNano.viewer.dock import Dock
from playNano.viewer.figure_view import FigureView
from playNano.viewer.layers import movie_in, placing
from playNano.viewer.particles import draw_profile, draw_trace, particle_at, profile, trace_column, track_of
from playNano.viewer.preview import one_frame
from playNano.viewer.results import RESULTS, results_in
from playNano.viewer.slots import guarded
from playNano.viewer.worker import Cancelled

LINES = "lines to measure along"
JOB = "kymograph"
KYMOGRAPH_IN = 4.6
"""Width of the part of the figure that has the kymograph; the mean profile is beside it, inches."""


class InspectDock(Dock):
    """Looks at single particles and lines of a movie.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        """Build the dock."""
        super().__init__(napari_viewer)
        self.worker.finished.connect(self._finished)
        self.row: Any = None
        """Row of the particle that is shown."""
        self.outputs: Any = None
        """Outputs of the latest kymograph."""
        self._build()
        self.clicks = Clicks(napari_viewer, self._results_layer, self.select)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(120)
        self._timer.timeout.connect(self._frame_changed)
        napari_viewer.dims.events.current_step.connect(self._moved)

    def _build(self) -> None:
        """Make the widgets."""
        self.status.setText("Click a particle, or draw a line")
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["column", "value"])
        self.table.verticalHeader().setVisible(False)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.trace, self.profile = FigureView(), FigureView()
        self.kymograph = FigureView(KYMOGRAPH_IN)
        buttons = QHBoxLayout()
        for text, slot in (
            ("Draw a line", self.draw_line),
            ("Profile", self.show_profile),
            ("Kymograph", self.show_kymograph),
        ):
            button = QPushButton(text)
            button.clicked.connect(slot)
            buttons.addWidget(button)
        figures, inside = QWidget(), QVBoxLayout()
        for view in (self.trace, self.profile, self.kymograph):
            inside.addWidget(view)
        inside.addStretch()
        figures.setLayout(inside)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(figures)
        layout = QVBoxLayout(self)
        layout.addWidget(self.status)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)
        layout.addWidget(scroll, 4)

    def _results_layer(self) -> Any:
        """Return the layer of the results that were added last; None while a line is drawn."""
        active = self.viewer.layers.selection.active
        if active is not None and active.name == LINES and active.mode not in ("pan_zoom", "select"):
            return None
        found = [layer for layer in self.viewer.layers if RESULTS in layer.metadata and layer.ndim == 3]
        return found[-1] if found else None

    @guarded
    def select(self, frame: int, y: float, x: float) -> None:
        """Show the particle at a place.

        Parameters
        ----------
        frame
            Number of the frame.
        y, x
            The place, px.
        """
        results = results_in(self.viewer)
        self.row = None if results is None else particle_at(results, frame, y, x)
        if self.row is None:
            self.status.setText(
                "there is no detection here" if results else "open a result folder, or run a pipeline"
            )
            self.table.setRowCount(0)
            self.trace.show_figure(None)
            return
        self.table.setRowCount(len(self.row))
        for k, (name, value) in enumerate(self.row.items()):
            self.table.setItem(k, 0, QTableWidgetItem(str(name)))
            self.table.setItem(k, 1, QTableWidgetItem(_shown(value)))
        self._draw_trace(frame)

    def _draw_trace(self, frame: int) -> None:
        results = results_in(self.viewer)
        track = None if results is None or self.row is None else track_of(results, self.row)
        column = None if track is None else trace_column(track)
        if results is None or track is None or column is None:
            self.status.setText("a detection without a track")
            self.trace.show_figure(None)
            return
        self.status.setText(f"track {int(track['track_id'].iloc[0])} in frame {int(self.row['frame'])}")
        timed = results.analysed.stack.has_times
        self.trace.show_figure(draw_trace(track, column, frame, timed=timed))

    def _moved(self, event: Any = None) -> None:
        self._timer.start()

    @guarded
    def _frame_changed(self) -> None:
        """Mark the new frame in the trace, and draw its profile."""
        if self.trace.figure is not None and self.row is not None:
            self._draw_trace(self._frame())
        if self.profile.figure is not None and LINES in self.viewer.layers:
            self.show_profile()

    def _frame(self) -> int:
        return int(self.viewer.dims.current_step[0])

    # Lines

    @guarded
    def draw_line(self, *_: Any) -> None:
        """Add a layer for lines, in which the next clicks are its vertices; Escape or a double click ends it."""
        movie = movie_in(self.viewer)
        if movie is None:
            raise ParameterError("open a movie first")
        if LINES not in self.viewer.layers:
            place = {key: value[1:] for key, value in placing(movie.processed.stack).items()}
            self.viewer.add_shapes(
                ndim=2, name=LINES, edge_color="#56b4e9", face_color="transparent", edge_width=1.0, **place
            )
        layer = self.viewer.layers[LINES]
        self.viewer.layers.selection.active = layer
        layer.mode = "add_polyline"
        self.status.setText("click the vertices of the line; a double click ends it")

    def line_nm(self) -> list[tuple[float, float]]:
        """Return the vertices (y, x) of the line that was drawn last, nm.

        Raises
        ------
        ParameterError
            There is no line.
        """
        if LINES not in self.viewer.layers or not len(self.viewer.layers[LINES].data):
            raise ParameterError("draw a line first")
        layer = self.viewer.layers[LINES]
        vertices = [layer.data_to_world(vertex) for vertex in layer.data[-1]]
        return [(float(y), float(x)) for y, x in (vertex[-2:] for vertex in vertices)]

    def _shown_frames(self) -> Any:
        movie = movie_in(self.viewer)
        if movie is None:
            raise ParameterError("open a movie first")
        return movie

    @guarded
    def show_profile(self, *_: Any) -> None:
        """Draw the heights along the line in the frame that is shown, of the processed movie."""
        line, movie, frame = self.line_nm(), self._shown_frames(), self._frame()
        stack = one_frame(movie.processed.stack, np.asarray(movie.processed.pixels[frame : frame + 1]), frame)
        self.profile.show_figure(draw_profile(*profile(stack, line), frame, stack.unit))
        self.status.setText(f"profile along {len(line)} vertices, of the processed movie")

    @guarded
    def show_kymograph(self, *_: Any) -> None:
        """Measure the heights along the line in all frames, in the background."""
        if JOB in self.worker.running:
            return
        line, movie = self.line_nm(), self._shown_frames()
        self.status.setText("reading all frames")
        self.worker.start(JOB, lambda: kymograph(movie.processed_stack(), line_nm=line))

    def _finished(self, name: str, result: Any) -> None:
        if isinstance(result, Cancelled):
            return
        if isinstance(result, BaseException):
            self.status.setText(f"{type(result).__name__}: {result}")
            return
        self.outputs = result
        figure = draw_kymograph(result).get("kymograph")
        self.kymograph.show_figure(figure)
        said = result["summary"]["messages"]
        self.status.setText("\n".join([] if figure is None else said) or "kymograph of the processed movie")

    def shut_down(self) -> None:
        """Stop, and wait for the thread; the viewer remains."""
        self._timer.stop()
        self.clicks.close()
        self.viewer.dims.events.current_step.disconnect(self._moved)
        super().shut_down()


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
