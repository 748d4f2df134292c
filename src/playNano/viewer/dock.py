"""What all docks share: a viewer, one thread for their work, and an orderly end."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QApplication, QDockWidget, QLabel, QWidget

from playNano.viewer.worker import Worker


class Dock(QWidget):
    """A widget with a viewer, a `Worker` and a line for messages.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.worker = worker = Worker()
        # A window that closes sends no event to the widgets in its docks.
        self.destroyed.connect(lambda *_: worker.close())
        QApplication.instance().aboutToQuit.connect(worker.close)
        self.status = QLabel()
        self.status.setWordWrap(True)

    def raise_dock(self) -> None:
        """Show this dock above those that share its place."""
        parent = self.parent()
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parent()
        if parent is not None:
            parent.raise_()

    def shut_down(self) -> None:
        """Stop, and wait for the thread; the viewer remains."""
        self.worker.close()

    def closeEvent(self, event: Any) -> None:
        """Stop all work before the dock goes.

        Parameters
        ----------
        event
            The event of Qt.
        """
        self.shut_down()
        super().closeEvent(event)
