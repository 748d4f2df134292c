"""Figures of Matplotlib in docks."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QImage, QPainter, QPixmap
from qtpy.QtWidgets import QDialog, QLabel, QSizePolicy, QVBoxLayout, QWidget


class FigureView(QWidget):
    """Shows a figure as wide as the dock allows, and in its own size after a double click.

    Parameters
    ----------
    width_in
        Width of the left part of the figure that is shown in the dock, inches; None for all of it.
    """

    def __init__(self, width_in: float | None = None) -> None:
        super().__init__()
        self._width_in = width_in
        self.figure: Any = None
        self._picture, self._whole = QPixmap(), QPixmap()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumWidth(100)
        self.setToolTip("double click: in full size")
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
        self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:
        """Return the height of the picture in a width, px.

        Parameters
        ----------
        width
            The width, px.
        """
        if self._picture.isNull():
            return 0
        return int(min(width, self._picture.width()) * self._picture.height() / self._picture.width())

    def sizeHint(self) -> Any:
        """Return the size of the picture."""
        return self._picture.size()

    def paintEvent(self, event: Any) -> None:
        """Draw the picture in the width that there is.

        Parameters
        ----------
        event
            The event of Qt.
        """
        if self._picture.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        width = min(self.width(), self._picture.width())
        painter.drawPixmap(QRect(0, 0, width, self.heightForWidth(width)), self._picture)
        painter.end()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Show the whole figure in a window of its own.

        Parameters
        ----------
        event
            The event of Qt.
        """
        if self._whole.isNull():
            return
        window = QDialog(self)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picture = QLabel()
        picture.setPixmap(self._whole)
        QVBoxLayout(window).addWidget(picture)
        window.show()
