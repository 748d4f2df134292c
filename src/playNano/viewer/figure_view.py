"""Figures of Matplotlib in docks."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QDialog, QLabel, QSizePolicy, QVBoxLayout


class FigureView(QLabel):
    """Shows a figure as wide as the dock allows, and in its own size after a double click.

    Parameters
    ----------
    width_in
        Width of the left part of the figure that is shown in the dock, inches; None for all of it.
    """

    def __init__(self, width_in: float | None = None) -> None:
        super().__init__()
        self._width_in = width_in
        self._whole: QPixmap | None = None
        self.setToolTip("double click: in full size")
        self.figure: Any = None
        self._picture: QPixmap | None = None
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setVisible(False)

    def show_figure(self, figure: Any) -> None:
        """Show a figure.

        Parameters
        ----------
        figure
            A figure of Matplotlib; None shows nothing.
        """
        self.figure = figure
        self.setVisible(figure is not None)
        if figure is None:
            return
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        width, height = canvas.get_width_height()
        image = QImage(bytes(canvas.buffer_rgba()), width, height, QImage.Format.Format_RGBA8888)
        self._whole = QPixmap.fromImage(image)
        shown = width if self._width_in is None else min(width, round(self._width_in * figure.dpi))
        self._picture = self._whole.copy(0, 0, shown, height)
        self._fit()

    def resizeEvent(self, event: Any) -> None:
        """Fit the picture into the new width.

        Parameters
        ----------
        event
            The event of Qt.
        """
        super().resizeEvent(event)
        self._fit()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Show the whole figure in a window of its own.

        Parameters
        ----------
        event
            The event of Qt.
        """
        if self._whole is None:
            return
        window = QDialog(self)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picture = QLabel()
        picture.setPixmap(self._whole)
        QVBoxLayout(window).addWidget(picture)
        window.show()

    def _fit(self) -> None:
        if self._picture is None:
            return
        width = max(50, min(self.width(), self._picture.width()))
        scaled = self._picture.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        self.setPixmap(scaled)
        self.setFixedHeight(scaled.height())
