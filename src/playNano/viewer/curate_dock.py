"""Dock "Curate": edit tracks by hand, with undo, the doubtful links first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
)

from playNano.analysis.curation.apply import apply_edits
from playNano.analysis.curation.edits import read_edits, write_edits
from playNano.analysis.curation.model import CurationModel
from playNano.analysis.curation.source import model_of
from playNano.analysis.record_use import movie_of, plan_of
from playNano.cli.job import Options
from playNano.errors import MissingInputError, ParameterError
from playNano.viewer.clicks import Clicks
from playNano.viewer.curate_layers import CurateLayers
from playNano.viewer.dock import Dock
from playNano.viewer.results import Results, results_in
from playNano.viewer.run_panel import run_of
from playNano.viewer.slots import guarded
from playNano.viewer.worker import Cancelled

WITHIN_PX = 8.0
"""Distance from a click within which a detection is picked, px."""
JOB = "curated run"


class CurateDock(Dock):
    """Edits the tracks of the results that are shown.

    The keys work while the layer of the detections is selected. The rules are in
    `playNano.analysis.curation.model.CurationModel`; this dock only shows them.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        """Build the dock."""
        super().__init__(napari_viewer)
        self.worker.finished.connect(self._finished)
        self.results: Results | None = None
        self.model: CurationModel | None = None
        self.layers: CurateLayers | None = None
        self.picked: list[int] = []
        """Rows of the detections that were clicked last, at most two."""
        self._doubt: tuple[int, int] | None = None
        self.actions: dict[str, tuple[str, Callable[[], None]]] = {
            "A": ("Add edge", self._join),
            "B": ("Break edge", self._break),
            "S": ("Swap", self._swap),
            "D": ("Delete", self._delete),
            "I": ("Insert", self._insert),
            "C": ("Confirm edge", self._confirm),
            "N": ("Next doubtful", self._next),
            "F": ("Frame unusable", self._unusable),
            "Z": ("Undo", self._undo),
            "R": ("Redo", self._redo),
        }
        self.buttons: dict[str, QPushButton] = {}
        self._build()
        self.clicks = Clicks(napari_viewer, self._placed, self.pick)
        self.clicks.enabled = False

    def _build(self) -> None:
        """Make the widgets."""
        self.status.setText("Open a result folder, or run a pipeline; then start")
        self.start_button = QPushButton("Start on the results that are shown")
        self.start_button.clicked.connect(self.start)
        self.author = QLineEdit()
        self.author.setPlaceholderText("your name, for the record")
        grid = QGridLayout()
        for k, (key, (text, _)) in enumerate(self.actions.items()):
            button = QPushButton(f"{text}  ({key})")
            button.clicked.connect(lambda *_, key=key: self.do(key))
            button.setEnabled(False)
            self.buttons[key] = button
            grid.addWidget(button, k // 2, k % 2)
        self.log = QListWidget()
        files = QHBoxLayout()
        for text, slot in (
            ("Save edits...", self._save_edits),
            ("Load edits...", self._load_edits),
            ("Save results...", self._save_results),
        ):
            button = QPushButton(text)
            button.clicked.connect(slot)
            files.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.start_button)
        layout.addWidget(self.author)
        layout.addLayout(grid)
        layout.addWidget(self.status)
        layout.addWidget(QLabel("Edits"))
        layout.addWidget(self.log, 1)
        layout.addLayout(files)

    @guarded
    def start(self, *_: Any) -> None:
        """Start on the results that were added to the viewer last."""
        results = results_in(self.viewer)
        if results is None:
            raise MissingInputError(
                "there are no results in the viewer: open a result folder, or run a pipeline"
            )
        self.model = model_of(results.record, results.analysed.stack, author=self.author.text())
        self.results, self.picked, self._doubt = results, [], None
        if self.layers is not None:
            self.layers.close()
        self.layers = CurateLayers(self.viewer, results, self.model)
        for key in self.actions:
            self.buttons[key].setEnabled(True)
            self.layers.points.bind_key(key, lambda layer, key=key: self.do(key), overwrite=True)
        self.clicks.enabled = True
        self._refresh("click a detection; N goes to the most doubtful link")

    def _placed(self) -> Any:
        return None if self.layers is None else self.layers.placed()

    def pick(self, frame: int, y: float, x: float) -> None:
        """Pick the detection at a place; the last two are kept.

        Parameters
        ----------
        frame
            Number of the frame.
        y, x
            The place, px.
        """
        if self.model is None:
            return
        row = self.model.nearest(frame, y, x, within_px=WITHIN_PX)
        self.picked = [] if row is None else [*(one for one in self.picked if one != row), row][-2:]
        self._refresh("no detection here" if row is None else self._words())

    def do(self, key: str) -> None:
        """Do what a key stands for.

        Parameters
        ----------
        key
            One of `actions`.
        """
        if self.model is None:
            return
        self.model.author = self.author.text()
        try:
            self.actions[key][1]()
        except ParameterError as error:
            self.status.setText(str(error))

    # Actions

    def _model(self) -> CurationModel:
        if self.model is None:
            raise ParameterError("start first")
        return self.model

    def _pair(self) -> tuple[int, int]:
        if len(self.picked) < 2:
            raise ParameterError("pick two detections first, in different frames")
        a, b = sorted(self.picked, key=lambda row: int(self._model().frame[row]))
        return a, b

    def _one(self) -> int:
        if not self.picked:
            raise ParameterError("pick a detection first")
        return self.picked[-1]

    def _link(self) -> tuple[int, int | None]:
        """Return the link between the picked detections, or that which leaves the picked one."""
        return self._pair() if len(self.picked) == 2 else (self._one(), None)

    def _join(self) -> None:
        self._model().join(*self._pair())
        self._refresh("added the edge")

    def _break(self) -> None:
        self._model().cut(*self._link())
        self._refresh("broke the edge")

    def _swap(self) -> None:
        self._model().swap(*self._pair())
        self._refresh("swapped what comes after the two")

    def _confirm(self) -> None:
        self._model().confirm(*self._link())
        self._refresh("confirmed the edge")

    def _delete(self) -> None:
        self._model().delete(self._one())
        self.picked = self.picked[:-1]
        self._refresh("deleted the detection")

    def _insert(self) -> None:
        if self.layers is None:
            return
        frame, y, x = self.layers.cursor()
        self._model().add(frame, y, x)
        self.picked = [*self.picked, self._model().n_rows - 1][-2:]
        self._refresh("inserted a detection at the cursor; A joins it to the other one that is picked")

    def _unusable(self) -> None:
        self._model().mark_unusable(int(self.viewer.dims.current_step[0]))
        self.picked = []
        self._refresh("marked the frame as unusable")

    def _undo(self) -> None:
        done = self._model().undo()
        self.picked = [row for row in self.picked if row < self._model().n_rows]
        self._refresh("undone" if done else "there is nothing to undo")

    def _redo(self) -> None:
        self._refresh("done again" if self._model().redo() else "there is nothing to do again")

    def _next(self) -> None:
        model = self._model()
        self._doubt = model.next_doubtful(after=self._doubt)
        if self._doubt is None:
            self._refresh("there is no further doubtful link")
            return
        a, b = self._doubt
        self.picked = [a, b]
        if self.layers is not None:
            self.layers.go_to(a)
        self._refresh(f"link with confidence {model.confidence[b]:.2f}: {self._words()}")

    def _words(self) -> str:
        """Return what is picked."""
        model, ids = self._model(), self._model().track_ids()
        parts = [
            f"frame {model.frame[row]}, {'no track' if ids[row] < 0 else f'track {ids[row]}'}"
            for row in self.picked
        ]
        return " and ".join(parts)

    def _refresh(self, text: str) -> None:
        """Show the model and what is picked."""
        model = self._model()
        if self.layers is not None:
            self.layers.refresh(self.picked)
        edited = {kind: n for kind, n in model.n_edited.items() if n and kind != "links"}
        counts = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in edited.items())
        self.status.setText(f"{text}\n{len(model.edits)} edits{f': {counts}' if counts else ''}")
        self.buttons["Z"].setEnabled(model.can_undo)
        self.buttons["R"].setEnabled(model.can_redo)
        self.log.clear()
        for edit in model.edits:
            to = "" if edit.to is None else f" to frame {edit.to.frame}"
            self.log.addItem(f"{edit.kind}, frame {edit.place.frame}{to}")
        self.log.scrollToBottom()

    # Files

    @guarded
    def _save_edits(self, *_: Any) -> None:
        name, _kind = QFileDialog.getSaveFileName(self, "Save the edits", "edits.csv", "Tables (*.csv)")
        if name:
            write_edits(name, self._model().edits)
            self.status.setText(f"saved {name}")

    @guarded
    def _load_edits(self, *_: Any) -> None:
        name, _kind = QFileDialog.getOpenFileName(self, "Load edits", "", "Tables (*.csv)")
        if name:
            self.apply(Path(name))

    def apply(self, path: Path) -> None:
        """Make the edits of a file, each found by its frame and place.

        Parameters
        ----------
        path
            The file.
        """
        outcome = apply_edits(self._model(), read_edits(path))
        counts = ", ".join(f"{n} {status}" for status, n in outcome["status"].value_counts().items())
        whys = [why for why in outcome["why"] if why]
        self._refresh("\n".join([counts or "no edits in the file", *whys[:3]]))

    @guarded
    def _save_results(self, *_: Any) -> None:
        self._model()
        name = QFileDialog.getExistingDirectory(self, "New folder for the curated results")
        if name:
            self.save_results(Path(name))

    def save_results(self, folder: Path) -> None:
        """Run the pipeline of the record again, with the edits after the tracking, into a folder.

        Parameters
        ----------
        folder
            Folder for the results.

        Raises
        ------
        PlayNanoError
            The movie of the record does not exist any more, or is another one.
        """
        results, model = self.results, self._model()
        if results is None or results.folder is None:
            raise ParameterError("the results are not of a folder")
        file = movie_of(results.record, results.folder / "record.json")
        plan = plan_of(results.record).curated(model.edits)
        self.status.setText("running the pipeline with the edits")
        self.worker.start(JOB, run_of(file, plan, folder, Options(movie="none")))

    def _finished(self, name: str, result: Any) -> None:
        if isinstance(result, Cancelled):
            return
        if isinstance(result, BaseException):
            self.status.setText(f"{type(result).__name__}: {result}")
            return
        (_, _, target), _ = result
        self.status.setText(f"curated results in {target}")

    def shut_down(self) -> None:
        """Stop, and wait for the thread; the viewer remains."""
        self.clicks.close()
        if self.layers is not None:
            self.layers.close()
        super().shut_down()
