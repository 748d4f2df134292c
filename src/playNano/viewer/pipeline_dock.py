"""Dock "Pipeline": build a pipeline with a live preview, run it, and save it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QMenu,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from playNano.analysis.defaults import Objects
from playNano.analysis.pipeline import module_registry
from playNano.analysis.plan import Plan
from playNano.cli.modules import TITLES, list_entries
from playNano.processing.pipeline import CLEAR
from playNano.viewer.dock import Dock
from playNano.viewer.forms import Declared, ParameterForm
from playNano.viewer.layers import movie_in, movie_layers
from playNano.viewer.live_preview import LivePreview
from playNano.viewer.movie import ViewedMovie
from playNano.viewer.pipeline_model import Entry, PipelineModel, has_form
from playNano.viewer.run_panel import RunPanel
from playNano.viewer.show import add_layers
from playNano.viewer.slots import guarded

LISTED = "modules as listed"
"""Entry of the list of analyses that stands for the modules of the pipeline itself."""


class PipelineDock(Dock):
    """Steps and modules with their forms, a live preview of the frame that is shown, and the run.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        """Build the dock."""
        super().__init__(napari_viewer)
        self.movie: ViewedMovie | None = None
        self.model = PipelineModel.of_plan(Plan.default())
        self.form: ParameterForm | None = None
        self.preview = LivePreview(napari_viewer, self.worker, lambda: self.model.plan())
        self.run_panel = RunPanel(napari_viewer, self.worker, self)
        self._build()
        self.preview.status.connect(self.status.setText)
        self.worker.compiling.connect(self._compiling)
        napari_viewer.layers.events.inserted.connect(self._layers_changed)
        napari_viewer.layers.events.removed.connect(self._layers_changed)
        self._layers_changed()
        self._show_entries(0)
        self.preview.set_enabled(self.live.isChecked())

    def _build(self) -> None:
        """Make the widgets."""
        self.file_label, self.channel = QLabel(), QComboBox()
        self.channel.activated.connect(self._select_channel)
        self.analysis = QComboBox()
        self.analysis.addItem(LISTED, None)
        for objects in get_args(Objects):
            self.analysis.addItem(f"automatic: {objects}", objects)
        self.analysis.activated.connect(self._select_analysis)
        self.entries = QListWidget()
        self.entries.setMaximumHeight(130)
        self.entries.currentRowChanged.connect(self._select_entry)
        add = QPushButton("Add")
        add.setMenu(self._menu())
        buttons = QVBoxLayout()
        buttons.addWidget(add)
        for text, slot in (("Remove", self._remove), ("Up", self._up), ("Down", self._down)):
            button = QPushButton(text)
            button.clicked.connect(slot)
            buttons.addWidget(button)
        self.scroll = QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.live = QCheckBox("Live preview of this frame")
        self.live.setChecked(True)
        self.live.toggled.connect(self.preview.set_enabled)
        steps = QHBoxLayout()
        steps.addWidget(self.entries, 1)
        steps.addLayout(buttons)
        files = QHBoxLayout()
        for text, slot in (
            ("Open pipeline...", self._open_clicked),
            ("Save pipeline...", self._save_clicked),
        ):
            button = QPushButton(text)
            button.clicked.connect(slot)
            files.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(_row(self.file_label, self.channel))
        layout.addLayout(_row(QLabel("Analysis"), self.analysis))
        layout.addLayout(steps)
        layout.addWidget(self.scroll, 1)
        layout.addWidget(self.live)
        layout.addWidget(self.status)
        layout.addLayout(files)
        layout.addWidget(self.run_panel)

    def _menu(self) -> QMenu:
        """Return the menu of all steps and modules, by kind."""
        menu, menus = QMenu(self), {}
        for kind, title in TITLES.items():
            if kind not in ("reader", "exporter"):
                menus[kind] = menu.addMenu(title)
                menus[kind].setToolTipsVisible(True)
        for entry in list_entries()[0]:
            if entry.kind in menus:
                action = menus[entry.kind].addAction(entry.name)
                action.setToolTip(entry.summary)
                analysis = entry.name in module_registry().usable() and entry.kind not in KINDS_OF_STEPS
                action.triggered.connect(
                    lambda *_, name=entry.name, analysis=analysis: self.add(name, analysis=analysis)
                )
        clear = menus["mask"].addAction(CLEAR)
        clear.triggered.connect(lambda *_: self.add(CLEAR, analysis=False))
        return menu

    # The movie

    def _layers_changed(self, event: Any = None) -> None:
        """Take the movie of the layers, where it is another one."""
        movie = movie_in(self.viewer)
        if movie is self.movie:
            return
        self.movie = movie
        self.channel.clear()
        if movie is None:
            self.file_label.setText("Drag a movie or a result folder into the window")
        else:
            self.file_label.setText(movie.path.name)
            self.file_label.setToolTip(str(movie.path))
            self.channel.addItems(list(movie.channels))
            self.channel.setCurrentText(movie.raw.stack.channel)
        self.channel.setVisible(movie is not None)
        self.run_panel.set_movie(movie)
        self.preview.set_movie(None if movie is None else movie.raw)

    @guarded
    def _select_channel(self, index: int) -> None:
        name = self.channel.itemText(index)
        if self.movie is not None and name != self.movie.raw.stack.channel:
            add_layers(self.viewer, movie_layers(self.movie.with_channel(name)))

    # The pipeline

    def set_model(self, model: PipelineModel) -> None:
        """Replace the pipeline.

        Parameters
        ----------
        model
            The pipeline.
        """
        self.model = model
        self._show_entries(0)
        self.preview.request(new_range=True)

    def add(self, name: str, *, analysis: bool) -> None:
        """Add a step or a module, and show its form.

        Parameters
        ----------
        name
            Its name.
        analysis
            Whether it is an analysis module.
        """
        if analysis:
            self.model.objects = None
        self._changed(self.model.add(name, analysis=analysis))

    def _changed(self, row: int) -> None:
        self._show_entries(row)
        self.preview.request(new_range=True)

    def _remove(self) -> None:
        row = self.entries.currentRow()
        if 0 <= row < len(self.model.entries):
            del self.model.entries[row]
            self._changed(min(row, len(self.model.entries) - 1))

    def _up(self) -> None:
        self._changed(self.model.move(self.entries.currentRow(), -1))

    def _down(self) -> None:
        self._changed(self.model.move(self.entries.currentRow(), 1))

    def _select_analysis(self, index: int) -> None:
        self.model.objects = self.analysis.itemData(index)
        self._changed(self.entries.currentRow())

    def _show_entries(self, row: int) -> None:
        """List the steps and modules, and select one."""
        self.analysis.setCurrentIndex(max(0, self.analysis.findData(self.model.objects)))
        self.entries.blockSignals(True)
        self.entries.clear()
        for number, entry in enumerate(self.model.entries, start=1):
            left_out = entry.analysis and self.model.objects is not None
            self.entries.addItem(
                f"{number}  {entry.name}{'  (not run: analysis is automatic)' if left_out else ''}"
            )
        self.entries.blockSignals(False)
        self.entries.setCurrentRow(row if 0 <= row < len(self.model.entries) else -1)
        self._select_entry(self.entries.currentRow())

    def _select_entry(self, row: int) -> None:
        """Show the form of a step or module."""
        self.form = None
        if not 0 <= row < len(self.model.entries):
            self.scroll.setWidget(QLabel("Add a step, or select one"))
            return
        entry = self.model.entries[row]
        if not has_form(entry):
            self.scroll.setWidget(QLabel("Later steps use all pixels"))
            return
        form = ParameterForm(Declared(entry.name, entry.analysis), entry.given)
        form.changed.connect(lambda: self._edited(entry, form))
        self.form = form
        self.scroll.setWidget(form)

    def _edited(self, entry: Entry, form: ParameterForm) -> None:
        entry.given = form.values()
        if form.error:
            self.status.setText(form.error)
        else:
            self.preview.request(new_range=not entry.analysis)

    def _compiling(self, kernel: str) -> None:
        self.status.setText("compiling, once: later sessions load the result")

    # Files

    @guarded
    def _open_clicked(self, *_: Any) -> None:
        name, _kind = QFileDialog.getOpenFileName(self, "Open a pipeline", "", "Pipelines (*.yaml *.yml)")
        if name:
            self.set_model(PipelineModel.of_plan(Plan.from_options(None, None, Path(name))))

    @guarded
    def _save_clicked(self, *_: Any) -> None:
        name, _kind = QFileDialog.getSaveFileName(
            self, "Save the pipeline", "pipeline.yaml", "Pipelines (*.yaml)"
        )
        if name:
            self.model.save(Path(name))
            self.status.setText(f"saved {name}")

    def plan(self) -> Plan:
        """Return the plan as it is now, for the movie that is shown."""
        given = {} if self.movie is None else self.movie.plan.input
        return replace(self.model.plan(), input=dict(given))

    def shut_down(self) -> None:
        """Stop the preview and the run, and wait for the thread; the viewer remains."""
        self.preview.close()
        self.viewer.layers.events.inserted.disconnect(self._layers_changed)
        self.viewer.layers.events.removed.disconnect(self._layers_changed)
        super().shut_down()


KINDS_OF_STEPS = ("filter", "mask", "video", "edit")


def _row(*widgets: QWidget) -> QHBoxLayout:
    layout = QHBoxLayout()
    for widget in widgets:
        layout.addWidget(widget)
    layout.setStretch(len(widgets) - 1, 1)
    return layout
