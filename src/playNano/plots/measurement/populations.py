"""Figures of populations: histograms of heights and volumes by track."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.quantities import Quantity
from playNano.algorithms.measurement.results import spelt_unit
from playNano.plots.style import COLUMN_WIDTH_IN, add_axes, figure_style, new_figure, plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#999999",
    "#f0e442",
    "#000000",
    "#7f3c8d",
)
MIN_BINS, MAX_BINS, SHOWN = 10, 80, (0.005, 0.995)


def draw_populations(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw a histogram of each quantity by track, with means and intervals of the populations.

    Parameters
    ----------
    outputs
        What the module `populations` returned.

    Returns
    -------
    dict
        "populations_<quantity>" -> figure; none for quantities of fewer than two tracks.
    """
    figures = {}
    with figure_style():
        for row in outputs["population_means"].to_dict("records"):
            if row["n_tracks"] >= 2:
                name = str(row["quantity"])
                figures[f"populations_{name}"] = _figure(Quantity.of(name), outputs)
    return figures


def _figure(q: Quantity, outputs: Mapping[str, Any]) -> Figure:
    """Return the histogram of one quantity."""
    tracks = outputs["track_values"]
    tracks = tracks[tracks[q.name].notna()]
    values = tracks[q.name].to_numpy(np.float64)
    populations = outputs["populations"]
    populations = populations[populations["quantity"] == q.name]
    above = 0.1 + 0.12 * len(populations)
    figure = new_figure(COLUMN_WIDTH_IN, above + 1.95)
    axes = add_axes(figure, 0.45, above, COLUMN_WIDTH_IN - 0.6, 1.5)
    low, high = np.quantile(values, SHOWN) if len(values) >= 200 else (values.min(), values.max())
    edges = _edges(values[(values >= low) & (values <= high)])
    member = tracks[f"{q.stem}_population"].to_numpy(np.int64)
    parts = [values[member == k + 1] for k in range(len(populations))]
    counts, *_ = axes.hist(
        parts, edges, stacked=True, color=list(COLOURS[: len(parts)]), alpha=0.6, linewidth=0
    )
    tallest = float(np.max(counts)) or 1.0
    axes.set_ylim(0, tallest * (1.15 + 0.1 * len(populations)))
    _draw_means(axes, q, populations, tallest)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(f"{q.words}, median of each track" + (f" ({spelt_unit(q.unit)})" if q.unit else ""))
    axes.set_ylabel("tracks")
    outside = int(((values < edges[0]) | (values > edges[-1])).sum())
    text = plural(len(values), "track") + (f"\n({outside} outside the axis)" if outside else "")
    figure.text(0.45 / COLUMN_WIDTH_IN, 1 - (above - 0.04) / (above + 1.95), text, va="bottom", fontsize=6.5)
    return figure


def _edges(values: Any) -> Any:
    """Return the edges of bins by Freedman and Diaconis, 10 to 80."""
    edges = np.histogram_bin_edges(values, "fd")
    number = int(np.clip(len(edges) - 1, MIN_BINS, MAX_BINS))
    return edges if len(edges) - 1 == number else np.histogram_bin_edges(values, number)


def _draw_means(axes: Any, q: Quantity, populations: pd.DataFrame, tallest: float) -> None:
    """Draw mean and interval of each population above the bars, and write it above the axes with its share."""
    n = len(populations)
    for k, row in enumerate(populations.to_dict("records")):
        y = tallest * (1.1 + 0.1 * k)
        low, high = row[q.derived("low")], row[q.derived("high")]
        if np.isfinite([low, high]).all():
            axes.plot([low, high], [y, y], color=COLOURS[k], linewidth=1.5)
        axes.plot(row[q.name], y, "o", color=COLOURS[k], markersize=3)
        text = f"{_number(row[q.name])} ({_number(low)} to {_number(high)}) {spelt_unit(q.unit)}"
        if n > 1:
            text += f", {row['share_tracks']:.0%}"
            if np.isfinite(row["share_tracks_low"]):
                text += f" ({row['share_tracks_low']:.0%} to {row['share_tracks_high']:.0%})"
        place = 1.0, 1.05 + 0.08 * (n - 1 - k)
        axes.text(
            *place, text, color=COLOURS[k], transform=axes.transAxes, ha="right", va="center", fontsize=6
        )


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
