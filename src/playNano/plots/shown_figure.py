"""A figure that shows itself in a notebook, whether or not pyplot has been imported there."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure of Matplotlib that keeps its style, and that a notebook shows as a picture.

    Parameters
    ----------
    style
        Settings of Matplotlib in effect when it is written: ticks are made at that time.
    **options
        Those of the figure.

    Examples
    --------
    >>> ShownFigure({"font.size": 7}, figsize=(1, 1))._repr_png_()[1:4]
    b'PNG'
    """

    def __init__(self, style: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.style: Any = dict(style)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the figure in its own style; see `matplotlib.figure.Figure.savefig`.

        Parameters
        ----------
        fname
            The file.
        **options
            Options of Matplotlib.
        """
        with matplotlib.rc_context(self.style):
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        """Return the figure as a PNG file."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()
