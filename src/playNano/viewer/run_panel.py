"""Run the pipeline on the whole movie in the background, with progress and cancel, into a result folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.cli.job import Options, run_analysis
from playNano.errors import ParameterError, PlayNanoError
from playNano.plots.analysed import AnalysedMovie
from playNano.viewer.layers import Layer
from playNano.viewer.movie import ViewedMovie
from playNano.viewer.results import Results, detected_layers
from playNano.viewer.slots import guarded
from playNano.viewer.worker import Cancelled, Worker

JOB = "run"


class HasPlan(Protocol):
    """What the panel needs of its dock."""

    def plan(self) -> Plan:
        """Return the plan as it is now."""


class RunPanel(QGroupBox):
    """Buttons and progress of the run of a pipeline.

    The results are those of ``playnano analyze`` with the same pipeline: the same function writes them.

    Parameters
    ----------
    viewer
        The viewer, which receives the layers of the results.
    worker
        The thread for the work.
    dock
        The dock with the plan.
    """

    def __init__(self, viewer: Any, worker: Worker, dock: HasPlan) -> None:
        """Make the widgets."""
        super().__init__("Run on the whole movie")
        self._viewer, self._worker, self._dock = viewer, worker, dock
        self._movie: ViewedMovie | None = None
        self.record: Any = None
        """Record of the latest run."""
        self.folder, self.existing, self.movie_kind = QLineEdit(), QComboBox(), QComboBox()
        self.folder.setPlaceholderText("folder for the results")
        for text, value in (("refuse", "refuse"), ("overwrite", "overwrite"), ("new number", "new")):
            self.existing.addItem(f"if it has results: {text}", value)
        for text, value in (("no movie.gif", "none"), ("movie.gif", "gif")):
            self.movie_kind.addItem(text, value)
        browse = QPushButton("...")
        browse.setMaximumWidth(32)
        browse.clicked.connect(self._browse)
        self.run_button, self.cancel_button = QPushButton("Run"), QPushButton("Cancel")
        self.run_button.clicked.connect(self.start)
        self.cancel_button.clicked.connect(self.cancel)
        self.cancel_button.setEnabled(False)
        self.bar, self.status = QProgressBar(), QLabel()
        self.bar.setVisible(False)
        self.status.setWordWrap(True)
        layout = QVBoxLayout(self)
        for widgets in (
            (self.folder, browse),
            (self.existing, self.movie_kind),
            (self.run_button, self.cancel_button),
        ):
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget)
            layout.addLayout(row)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        worker.finished.connect(self._finished)
        worker.progress.connect(self._progress)

    def set_movie(self, movie: ViewedMovie | None) -> None:
        """Run on another movie.

        Parameters
        ----------
        movie
            The movie; None for none.
        """
        self._movie = movie
        self.run_button.setEnabled(movie is not None and JOB not in self._worker.running)
        if movie is not None and not self.folder.text():
            self.folder.setText(str(movie.path.with_name(f"{movie.path.stem}_results")))

    @guarded
    def start(self, *_: Any) -> None:
        """Start the run."""
        movie, folder = self._movie, self.folder.text().strip()
        if movie is None or JOB in self._worker.running:
            return
        if not folder:
            raise ParameterError("give a folder for the results")
        plan = self._dock.plan()
        plan.bind()
        if not plan.analysis and plan.objects is None:
            raise ParameterError("nothing to analyse: add a module, or select an automatic analysis")
        options = replace(
            movie.run_options(), existing=self.existing.currentData(), movie=self.movie_kind.currentData()
        )
        self.run_button.setEnabled(False)
        self.cancel_button.setEnabled(True)
        self.bar.setRange(0, 0)
        self.bar.setVisible(True)
        self.status.setText("running")
        self._worker.start(JOB, run_of(movie.path, plan, Path(folder), options))

    @guarded
    def cancel(self, *_: Any) -> None:
        """Cancel the run at the end of the block of frames that is being worked on."""
        if JOB in self._worker.running:
            self.status.setText("cancelling")
            self._worker.cancel()

    @guarded
    def _browse(self, *_: Any) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder for the results", self.folder.text())
        if name:
            self.folder.setText(name)

    def _progress(self, what: str, done: int, total: int) -> None:
        if JOB in self._worker.running:
            self.bar.setRange(0, total)
            self.bar.setValue(done)
            self.bar.setFormat(f"{what}: %v of %m frames")

    def _finished(self, name: str, result: Any) -> None:
        """Show the results, or why there are none."""
        if name != JOB:
            return
        self.run_button.setEnabled(self._movie is not None)
        self.cancel_button.setEnabled(False)
        self.bar.setVisible(False)
        if isinstance(result, Cancelled):
            self.status.setText("cancelled: nothing was written")
        elif isinstance(result, PlayNanoError | OSError):
            self.status.setText(str(result))
        elif isinstance(result, BaseException):
            self.status.setText(f"{type(result).__name__}: {result}")
        else:
            (_, record, target), layers = result
            self.record = record
            self.status.setText(f"{_summary(record)}\nresults in {target}")
            self._add(list(layers))

    def _add(self, layers: Sequence[Layer]) -> None:
        """Add layers one by one, so that the window does not stand still for long."""
        if not layers:
            return
        (data, arguments, kind), *rest = layers
        if arguments["name"] in self._viewer.layers:
            self._viewer.layers.remove(arguments["name"])
        getattr(self._viewer, f"add_{kind}")(data, **arguments)
        QTimer.singleShot(0, lambda: self._add(rest))


def run_of(
    file: Path, plan: Plan, folder: Path, options: Options
) -> Callable[[], tuple[tuple[AFMImageStack, dict[str, Any], Path], list[Layer]]]:
    """Return a job that runs a plan on a movie and writes a result folder, as ``playnano analyze`` does.

    Parameters
    ----------
    file
        The movie.
    plan
        Steps and modules.
    folder
        Folder for the results.
    options
        Options for reading the movie, and for the files to write.
    """

    def job() -> tuple[tuple[AFMImageStack, dict[str, Any], Path], list[Layer]]:
        """Run, and prepare the layers."""
        stack, record, target = run_analysis(file, plan, folder, options)
        return (stack, record, target), detected_layers(
            Results(None, AnalysedMovie.of(stack, record), record, target)
        )

    return job


def _summary(record: Any) -> str:
    lines = []
    for key, outputs in record["analysis"].items():
        table = outputs.get("table")
        counted = "" if table is None else f": {len(table)} rows"
        if table is not None and "track_id" in table:
            counted = f": {table['track_id'].nunique()} tracks"
        lines.append(f"{key.partition('_')[2]}{counted}")
    return "\n".join(lines)
