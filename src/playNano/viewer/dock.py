"""What all docks share: a viewer, one thread for their work, and an orderly end."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QLabel, QWidget

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
        self.worker = Worker()
        self.status = QLabel()
        self.status.setWordWrap(True)

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
