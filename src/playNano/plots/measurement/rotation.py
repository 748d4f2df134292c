"""Figure of the rotation of molecules: correlation of orientation against time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.plots.style import COLUMN_WIDTH_IN, add_axes, figure_style, new_figure, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_rotation(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the correlation of orientation by lag with its interval, and the fitted decay.

    Parameters
    ----------
    outputs
        Outputs of the module.

    Returns
    -------
    dict
        ``rotation``: the figure; empty if no orientation is seen twice.
    """
    table = outputs["orientation_correlation"]
    if not len(table):
        return {}
    row, unit = outputs["rotation"].iloc[0], "frame" if outputs["clock"] == "index" else "s"
    lag, value = table[f"lag_{unit}"].to_numpy(np.float64), table["correlation"].to_numpy(np.float64)
    with figure_style():
        figure = new_figure(COLUMN_WIDTH_IN, 2.5)
        axes = add_axes(figure, 0.5, 0.45, 2.8, 1.65)
        ends = np.abs(table[["correlation_low", "correlation_high"]].to_numpy(np.float64).T - value)
        drawn = np.isfinite(ends).all(axis=0)
        axes.errorbar(
            lag[drawn], value[drawn], ends[:, drawn], fmt="none", ecolor="#0072b2", elinewidth=0.8, capsize=2
        )
        axes.plot(lag, value, "o", color="#0072b2", markersize=3, label="tracks, interval over tracks")
        diffusion, error = float(row[f"rotation_rad2_{unit}"]), float(row["orientation_error_rad"])
        if np.isfinite(diffusion):
            time = np.linspace(0, lag[-1], 200)
            decay = np.exp(-4 * (error**2 + diffusion * time))
            axes.plot(time, decay, color="#d55e00", label="diffusion fitted to all orientations")
        axes.axhline(0.0, color="0.6", linewidth=0.5, zorder=1)
        axes.set_xlim(0, 1.04 * lag[-1])
        axes.set_ylim(min(-0.1, 1.1 * float(np.nanmin(value))), 1.05)
        axes.set_xlabel("time difference (s)" if unit == "s" else "difference of frames")
        axes.set_ylabel(r"orientation $\langle\cos 2\Delta\theta\rangle$")
        axes.legend(frameon=False, loc="upper right", handlelength=1.5)
        axes.set_title(_title(outputs), loc="left")
    return {"rotation": figure}


def _title(outputs: Mapping[str, Any]) -> str:
    """Return the result in two lines."""
    row = outputs["rotation"].iloc[0]
    headline = outputs["summary"]["headlines"][0]["text"].rsplit(", ", 1)[0]
    named = (
        headline.replace("D_r", r"$D_r$")
        .replace("rad2/s", "rad$^2$/s")
        .replace("rad2/frame", "rad$^2$/frame")
    )
    return (
        f"{named}\n{plural(int(row['n_tracks']), 'track')}, {plural(int(row['n_detections']), 'detection')}"
    )
