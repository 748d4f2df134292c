"""Figures of states: traces with their states, and the diagram of transitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a0019", "#000000")
MAX_TRACES = 6


def draw_states(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the traces of the longest tracks with their states, and the diagram of transitions.

    Parameters
    ----------
    outputs
        What the module `states` returned.

    Returns
    -------
    dict
        "state_traces", and "state_diagram" for more than one state; empty without states.
    """
    figures: dict[str, Figure] = {}
    table, levels = outputs["states"], outputs["state_table"]
    if not len(levels):
        return figures
    column = str(levels.columns[1])
    with figure_style():
        figures["state_traces"] = _traces(table, levels, column)
        if len(levels) > 1:
            figures["state_diagram"] = _diagram(levels, outputs["transitions"], column)
    return figures


def _label(column: str) -> str:
    """Return a column with its unit in brackets."""
    stem, _, unit = column.rpartition("_")
    return f"{stem} ({unit})" if stem and unit.isalnum() and len(unit) <= 3 else column


def _traces(table: pd.DataFrame, levels: pd.DataFrame, column: str) -> Figure:
    """Return the values of the longest tracks against time, each detection in the colour of its state."""
    length = table[table["state"] >= 0].groupby("track_id").size().sort_values(ascending=False, kind="stable")
    tracks = length.index[:MAX_TRACES]
    time_column = "time_s" if "time_s" in table else "time_frame"
    row_height, top = 0.62, 0.3
    figure = new_figure(PAGE_WIDTH_IN, top + row_height * len(tracks) + 0.42)
    value = table[column].to_numpy(np.float64)
    low, high = np.nanquantile(value, [0.001, 0.999])
    margin = 0.1 * max(high - low, 1e-9)
    span = table[table["track_id"].isin(tracks)][time_column]
    for number, track in enumerate(tracks):
        axes = add_axes(figure, 0.55, top + number * row_height, PAGE_WIDTH_IN - 1.2, row_height - 0.08)
        rows = table[table["track_id"] == track]
        time = rows[time_column].to_numpy(np.float64)
        axes.plot(time, rows[column], color="0.75", linewidth=0.5, zorder=1)
        for state in range(len(levels)):
            mine = (rows["state"] == state).to_numpy()
            axes.scatter(
                time[mine], rows[column].to_numpy()[mine], s=3, color=COLOURS[state], linewidths=0, zorder=2
            )
            axes.axhline(levels[column][state], color=COLOURS[state], linewidth=0.4, zorder=0)
        axes.set_ylim(low - margin, high + margin)
        axes.set_xlim(span.min(), max(span.max(), span.min() + 1e-9))
        axes.text(1.01, 0.5, f"track {track}", transform=axes.transAxes, va="center")
        axes.tick_params(labelbottom=number == len(tracks) - 1)
    axes.set_xlabel(f"time ({'s' if time_column == 'time_s' else 'frames'})")
    figure.text(0.15 / PAGE_WIDTH_IN, 0.5, _label(column), rotation=90, va="center", ha="center", fontsize=7)
    _legend(figure, levels, column)
    return figure


def _legend(figure: Figure, levels: pd.DataFrame, column: str) -> None:
    """Write level and occupancy of each state above the traces."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", markersize=3, linestyle="", color=COLOURS[state]) for state in levels.index
    ]
    texts = [
        f"state {row['state']}: {row[column]:.3g}, {100 * row['occupancy']:.0f} %"
        for row in levels.to_dict("records")
    ]
    figure.legend(handles, texts, loc="upper center", ncols=min(len(texts), 4), frameon=False, fontsize=6.5)


def _diagram(levels: pd.DataFrame, transitions: pd.DataFrame, column: str) -> Figure:
    """Return the states with arrows between them, and beside them the rates with their intervals."""
    figure = new_figure(PAGE_WIDTH_IN, 2.3)
    axes = add_axes(figure, 0.1, 0.1, 2.7, 2.1)
    _draw_states(axes, levels, transitions, column)
    per = "s" if "rate_1_s" in transitions else "frame"
    _draw_rates(add_axes(figure, 3.6, 0.15, PAGE_WIDTH_IN - 4.9, 1.7), transitions, per)
    return figure


def _draw_states(axes: Any, levels: pd.DataFrame, transitions: pd.DataFrame, column: str) -> None:
    """Draw the states on a circle, their areas by occupancy, and an arrow for each rate, its width by the rate."""
    from matplotlib.patches import Circle

    k = len(levels)
    angle = np.pi - 2 * np.pi * np.arange(k) / k
    place = np.column_stack([1.25 * np.cos(angle), np.sin(angle)])
    radius = 0.2 + 0.32 * np.sqrt(levels["occupancy"].to_numpy(np.float64))
    name = "rate_1_s" if "rate_1_s" in transitions else "rate_1_frame"
    fastest = float(np.nanmax(transitions[name].to_numpy(np.float64), initial=0.0))
    for row in transitions.to_dict("records"):
        if row[name] > 0:
            i, j = int(row["from_state"]), int(row["to_state"])
            along = (place[j] - place[i]) / np.hypot(*(place[j] - place[i]))
            side = 0.07 * np.array([-along[1], along[0]])
            ends = (
                place[i] + along * (radius[i] + 0.03) + side,
                place[j] - along * (radius[j] + 0.03) + side,
            )
            shape = {"arrowstyle": "-|>", "connectionstyle": "arc3,rad=-0.15", "color": "0.25"}
            width = 0.4 + 1.6 * row[name] / fastest
            axes.annotate("", xy=ends[1], xytext=ends[0], arrowprops={**shape, "linewidth": width})
    for state, (x, y) in enumerate(place):
        axes.add_patch(Circle((x, y), radius[state], color=COLOURS[state], linewidth=0))
        record = levels.iloc[state]
        text = f"{state}: {record[column]:.3g}\n{100 * record['occupancy']:.0f} %"
        axes.text(x, y, text, ha="center", va="center", color="white", fontsize=6.5, fontweight="bold")
    under = f"state: {_label(column)}, occupancy"
    axes.text(0.5, 0.0, under, transform=axes.transAxes, ha="center", va="bottom", fontsize=6.5)
    axes.set_xlim(-1.95, 1.95)
    axes.set_ylim(-1.75, 1.4)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _draw_rates(axes: Any, transitions: pd.DataFrame, per: str) -> None:
    """Draw the rates with their intervals on a logarithmic axis, with the expected numbers of transitions."""
    rows = transitions.to_dict("records")
    rate, low, high = (
        transitions[f"rate{part}_1_{per}"].to_numpy(np.float64) for part in ("", "_low", "_high")
    )
    place = np.arange(len(rows))[::-1]
    given = rate > 0
    bounded = np.where(np.isfinite(low) & (low > 0), low, rate)
    above = np.where(np.isfinite(high), high, rate)
    axes.hlines(place[given], bounded[given], above[given], color="0.3", linewidth=1.0)
    colours = [COLOURS[int(row["from_state"])] for row in rows]
    axes.scatter(
        rate[given], place[given], c=[c for c, g in zip(colours, given, strict=True) if g], s=14, zorder=3
    )
    bound = ~given & np.isfinite(high)
    axes.scatter(high[bound], place[bound], marker="<", color="0.3", s=14)
    axes.set_xscale("log")
    axes.set_yticks(place, [f"{row['from_state']} \u2192 {row['to_state']}" for row in rows])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    for y, row in zip(place, rows, strict=True):
        text = f"{row[f'rate_1_{per}']:.2g}, n = {row['n_expected']:.0f}"
        axes.text(1.03, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)
    axes.set_xlabel(f"rate (1/{per}), interval")
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)
