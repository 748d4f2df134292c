"""Figures of measurements as images within the page."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.core.provenance import outputs_of_kind
from playNano.plots.measurement import CAPTIONS, measurement_figures
from playNano.plots.style import save_figure
from playNano.report.words import title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_SVG = 100_000
"""Number of bytes of a vector figure above which it is an image of pixels."""


def figures_of(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the figures of all measurements of a record.

    Parameters
    ----------
    record
        The record.

    Returns
    -------
    list of dict
        ``key``: the step; ``name``; ``caption``; ``source``: a data URI.
    """
    found = []
    for key, outputs in outputs_of_kind(record, "measurement").items():
        for stem, figure in measurement_figures(key.split("_", 2)[2], outputs).items():
            caption = CAPTIONS.get(stem, f"{title(stem)}.")
            found.append({"key": key, "name": stem, "caption": caption, "source": data_uri(figure)})
    return found


def data_uri(figure: Figure) -> str:
    """Return a figure as a data URI: SVG, or PNG where that has fewer bytes.

    Parameters
    ----------
    figure
        A Matplotlib figure.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.svg"
        save_figure(figure, path)
        content, kind = path.read_bytes(), "svg+xml"
        if len(content) > MAX_SVG:
            path = Path(folder) / "figure.png"
            save_figure(figure, path)
            content, kind = path.read_bytes(), "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
