"""Figure of the drift of a movie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.core.files import atomic_write
from playNano.core.provenance import last_step
from playNano.io.export.tables import movie_drift, write_csv
from playNano.plots.style import add_axes, figure_style, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VERDICTS = {
    "not separable": "drift and common motion cannot be separated",
    "uncertain direction": "one direction is uncertain",
    "modulo lattice": "known only modulo lattice vectors",
}


def draw_drift(source: Any) -> Figure | None:
    """Draw the drift of a movie against time, its path, and the score of each frame.

    Parameters
    ----------
    source
        A record, or a stack, whose last step ``align_drift`` is shown.

    Returns
    -------
    Figure or None
        None if there is no such step.
    """
    table, step = movie_drift(source), last_step(source, "align_drift")
    if table is None or step is None:
        return None
    entry: Mapping[str, Any] = step["drift"]
    timed = bool(np.isfinite(table["time_s"]).all())
    clock, label = (table["time_s"], "time (s)") if timed else (table["frame"], "frame")
    missing = np.isin(table["frame"], entry.get("frames_interpolated", []))
    with figure_style():
        figure = new_figure(7.0, 2.6)
        axes = add_axes(figure, 0.6, 0.35, 2.6, 1.15)
        for name, colour in (("y", "C0"), ("x", "C1")):
            axes.plot(clock, table[f"{name}_nm"], color=colour, label=name, linewidth=1)
            axes.plot(
                clock[missing],
                table[f"{name}_nm"][missing],
                "o",
                color=colour,
                fillstyle="none",
                markersize=3,
            )
        axes.set_ylabel("drift (nm)")
        axes.legend(loc="best", frameon=False)
        axes.tick_params(labelbottom=False)
        below = add_axes(figure, 0.6, 1.6, 2.6, 0.55)
        below.plot(clock, table["score"], color="0.3", linewidth=1)
        below.set_ylim(min(0.0, float(np.nanmin([0.0, *table["score"]]))), 1)
        below.set(xlabel=label, ylabel="score", xlim=axes.get_xlim())
        path = add_axes(figure, 4.2, 0.35, 1.8, 1.8)
        path.plot(table["x_nm"], table["y_nm"], color="0.6", linewidth=0.6)
        shown = path.scatter(table["x_nm"], table["y_nm"], c=clock, s=6)
        path.set_aspect("equal", adjustable="datalim")
        path.invert_yaxis()
        path.set(xlabel="x (nm)", ylabel="y (nm)")
        figure.colorbar(shown, cax=add_axes(figure, 6.15, 0.35, 0.08, 1.8), label=label)
        title = f"drift from {entry['method']}, n = {len(table)} frames"
        if entry["verdict"] in VERDICTS:
            title += f": {VERDICTS[entry['verdict']]}"
        figure.text(0.6 / 7.0, 0.97, title, va="top")
    return figure


def write_drift(source: Any, folder: Path, ending: str = "png") -> list[Path]:
    """Write the drift of a movie as ``drift.csv`` and as a figure; nothing if it was not estimated.

    Parameters
    ----------
    source
        A record, or a stack.
    folder
        An existing folder.
    ending
        Format of the figure: png, svg or pdf.

    Returns
    -------
    list of Path
        The files.
    """
    table, figure = movie_drift(source), draw_drift(source)
    if table is None or figure is None:
        return []
    written = [folder / "drift.csv", folder / f"drift.{ending}"]
    with atomic_write(written[0]) as temporary:
        write_csv(table, temporary)
    save_figure(figure, written[1])
    return written
