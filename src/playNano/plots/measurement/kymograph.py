"""Figure of a kymograph with real times, and of the mean profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]


def draw_kymograph(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the kymograph, each sample at its own time, and the mean profile along the line.

    Parameters
    ----------
    outputs
        Outputs of the module.

    Returns
    -------
    dict
        ``kymograph``: the figure; empty if no sample is known.
    """
    heights = np.asarray(outputs["kymograph"], dtype=np.float64)
    timed = outputs["clock"] != "index"
    times = np.asarray(outputs["time_s" if timed else "time_frame"], dtype=np.float64)
    distance = np.asarray(outputs["distance_nm"], dtype=np.float64)
    shown = np.isfinite(times).all(axis=1)
    if not np.isfinite(heights[shown]).any() or len(distance) < 2:
        return {}
    unit = str(outputs["unit"])
    with figure_style():
        figure = new_figure(PAGE_WIDTH_IN, 2.9)
        axes = add_axes(figure, 0.55, 0.25, 3.2, 2.2)
        axes.set_facecolor("0.75")
        low, high = np.nanpercentile(heights[shown], [0.5, 99.5])
        grid = np.broadcast_to(_edges(distance[None]), (shown.sum() + 1, len(distance) + 1))
        mesh = axes.pcolormesh(
            grid, _edges(_edges(times[shown]).T).T, np.ma.masked_invalid(heights[shown]),
            cmap="afmhot", vmin=low, vmax=high, rasterized=True,
        )  # fmt: skip
        axes.invert_yaxis()
        axes.set_xlabel("distance along the line (nm)")
        axes.set_ylabel("time (s)" if timed else "frame")
        axes.set_title(
            f"{plural(int(shown.sum()), 'frame')}, each sample at its own time" if timed else "", loc="left"
        )
        bar = figure.colorbar(mesh, cax=add_axes(figure, 3.83, 0.25, 0.09, 2.2))
        bar.set_label(f"height ({unit})" if unit else "value")
        _draw_profile(add_axes(figure, 5.0, 0.25, 1.9, 2.2), outputs, unit)
    return {"kymograph": figure}


def _draw_profile(axes: Any, outputs: Mapping[str, Any], unit: str) -> None:
    """Draw the mean profile with the standard deviation over the frames."""
    table = outputs["profile"]
    mean, sd = (table.iloc[:, k].to_numpy(np.float64) for k in (3, 4))
    distance = table["distance_nm"].to_numpy(np.float64)
    axes.fill_between(
        distance, mean - sd, mean + sd, color="#0072b2", alpha=0.25, linewidth=0, label="sd over frames"
    )
    axes.plot(
        distance, mean, color="#0072b2", label=f"mean of {plural(int(table['n_frames'].max()), 'frame')}"
    )
    axes.set_xlim(distance[0], distance[-1])
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + 0.3 * (top - bottom))
    axes.set_xlabel("distance along the line (nm)")
    axes.set_ylabel(f"height ({unit})" if unit else "value")
    axes.legend(frameon=False, loc="upper right", handlelength=1.5)


def _edges(centres: Floats) -> Floats:
    """Return the borders between values along the last axis, and beyond the outer ones."""
    if centres.shape[-1] < 2:
        return np.concatenate([centres - 0.5, centres + 0.5], axis=-1)
    inner = (centres[..., 1:] + centres[..., :-1]) / 2
    first = centres[..., :1] - (inner[..., :1] - centres[..., :1])
    last = centres[..., -1:] + (centres[..., -1:] - inner[..., -1:])
    return np.concatenate([first, inner, last], axis=-1)
