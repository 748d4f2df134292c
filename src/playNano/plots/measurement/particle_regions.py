"""Montage of tracked particles: one row per particle, one column per time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.io.export.render import COLOUR_MAP, ScaleBar
from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure, plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MAX_ROWS, MAX_COLUMNS = 8, 10
_LEFT, _RIGHT, _TOP, _GAP = 0.55, 0.62, 0.42, 0.03


def draw_particle_regions(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw a montage of the longest tracks: each picture is the detection nearest to the time of its column.

    Parameters
    ----------
    outputs
        Outputs of the module.

    Returns
    -------
    dict
        ``particles``: the figure; empty without crops.
    """
    index = outputs["crop_index"]
    longest = index.groupby("track_id").size().sort_values(ascending=False, kind="stable")
    rows = sorted(longest.index[:MAX_ROWS].tolist())
    index = index[index["track_id"].isin(rows)]
    if not len(index):
        return {}
    centres, shown = _nearest(index, rows)
    crops = {number: np.asarray(outputs["crops"][number]) for number in np.unique(shown[shown >= 0]).tolist()}
    finite = np.concatenate([crop[np.isfinite(crop)] for crop in crops.values()] or [np.zeros(0)])
    if not finite.size:
        return {}
    limits = tuple(np.percentile(finite, [0.5, 99.8]))
    edge = min((PAGE_WIDTH_IN - _LEFT - _RIGHT) / len(centres) - _GAP, 1.0)
    width = _LEFT + len(centres) * (edge + _GAP) + _RIGHT
    height = _TOP + len(rows) * (edge + _GAP) + 0.12
    with figure_style():
        figure = new_figure(max(width, 2.2), max(height, 1.3))
        image: Any = None
        for number, track in enumerate(rows):
            for column in range(len(centres)):
                place = _LEFT + column * (edge + _GAP), _TOP + number * (edge + _GAP)
                axes = add_axes(figure, *place, edge, edge)
                axes.set(xticks=[], yticks=[], facecolor="0.8")
                axes.spines[:].set_visible(False)
                if shown[number, column] >= 0:
                    image = axes.imshow(
                        np.ma.masked_invalid(crops[int(shown[number, column])]),
                        cmap=COLOUR_MAP, vmin=limits[0], vmax=limits[1], interpolation="nearest",
                    )  # fmt: skip
                if column == 0:
                    axes.set_ylabel(f"track {track}", fontsize=6.5)
                if number == 0:
                    axes.set_title(_time_text(centres[column], outputs["clock"]), fontsize=6.5)
                if number == column == 0:
                    _draw_bar(axes, outputs)
        tall = len(rows) * (edge + _GAP) - _GAP
        cax = add_axes(figure, _LEFT + len(centres) * (edge + _GAP) + 0.05, _TOP, 0.08, tall)
        unit = str(outputs["unit"])
        figure.colorbar(image, cax=cax).set_label(
            f"height ({unit})" if unit in ("nm", "") else f"value ({unit})"
        )
        total = len(longest)
        what = plural(total, "track") if total <= MAX_ROWS else f"the longest {len(rows)} of {total} tracks"
        figure.text(
            _LEFT / figure.get_figwidth(), 1 - 0.1 / figure.get_figheight(),
            f"{what}; grey: outside the frame, or not detected around this time", va="top", fontsize=7,
        )  # fmt: skip
    return {"particles": figure}


def _nearest(index: pd.DataFrame, tracks: list[int]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the times of the columns, and the number of the crop of each track and column, -1 for none."""
    times = index["time_s" if "time_s" in index else "time_frame"].to_numpy(np.float64)
    frames = index["frame"].to_numpy(np.int64)
    first, last = int(frames.min()), int(frames.max())
    n = min(MAX_COLUMNS, last - first + 1)
    bounds = np.linspace(first - 0.5, last + 0.5, n + 1)
    centre_frame = (bounds[1:] + bounds[:-1]) / 2
    known, where = np.unique(frames, return_index=True)
    centres = np.interp(centre_frame, known, times[where])
    column = np.clip(np.searchsorted(bounds, frames, side="right") - 1, 0, n - 1)
    shown = np.full((len(tracks), n), -1, np.int64)
    far = np.abs(frames - centre_frame[column])
    row = np.searchsorted(tracks, index["track_id"].to_numpy())
    for k in np.argsort(-far, kind="stable"):  # the nearest comes last, and stays
        shown[row[k], column[k]] = index["crop"].iloc[k]
    return centres, shown


def _time_text(time: float, clock: str) -> str:
    return f"frame {time:.0f}" if clock == "index" else f"{time:.3g} s"


def _draw_bar(axes: Any, outputs: Mapping[str, Any]) -> None:
    """Draw a scale bar, white with a black edge, into the first picture."""
    from matplotlib.patheffects import withStroke

    size = float(outputs["size_nm"])
    bar = ScaleBar.for_width(1.6 * size)
    place, edge = (
        {"transform": axes.transAxes, "color": "white"},
        [withStroke(linewidth=1.5, foreground="black")],
    )
    axes.plot(
        [0.07, 0.07 + bar.length_nm / size], [0.08, 0.08], linewidth=1.6, solid_capstyle="butt",
        path_effects=[withStroke(linewidth=2.6, foreground="black")], **place,
    )  # fmt: skip
    axes.text(0.07, 0.14, bar.text, fontsize=5.5, path_effects=edge, **place)
