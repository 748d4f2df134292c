"""Estimation plots: means of movies over their tracks, and the difference of conditions with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.quantities import Quantity
from playNano.algorithms.measurement.results import spelt_unit
from playNano.plots.style import add_axes, figure_style, new_figure, plain_log_ticks, plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LEFT, BETWEEN = 0.6, 0.75
"""Space for labels left of the first and of the second axes, inches."""

MAX_DOTS = 1500
"""Number of tracks of a condition above which only every n-th is drawn."""


def draw_comparison(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw an estimation plot of each quantity that is compared.

    Parameters
    ----------
    outputs
        ``movies, conditions, comparison``, and ``tracks`` with the values of tracks.

    Returns
    -------
    dict
        "comparison_<quantity>" -> figure.
    """
    figures = {}
    with figure_style():
        for name in outputs["comparison"]["quantity"].unique():
            figures[f"comparison_{name}"] = _figure(str(name), outputs)
    return figures


def _figure(name: str, outputs: Mapping[str, Any]) -> Figure:
    """Return the plot of one quantity: conditions on the left, differences on the right."""
    movies, conditions, rows = (
        outputs[table][outputs[table]["quantity"] == name] for table in ("movies", "conditions", "comparison")
    )
    order = list(conditions["condition"])
    width, right = 0.75 * len(order), max(0.6 * len(rows), 0.6)
    figure = new_figure(LEFT + width + BETWEEN + right + 0.1, 2.45)
    axes = add_axes(figure, LEFT, 0.12, width, 1.75)
    quantity = Quantity.of(name)
    for place, condition in enumerate(order):
        own = conditions[conditions["condition"] == condition].iloc[0]
        tracks = outputs["tracks"]
        values = tracks.loc[tracks["condition"] == condition, name] if name in tracks else np.empty(0)
        _draw_condition(axes, place, own, np.asarray(values, np.float64), movies)
    if (rows["paired"]).all():
        _draw_pairs(axes, order, movies)
    _limit(axes, name, outputs["tracks"], conditions)
    axes.set_xticks(range(len(order)), [_label(conditions, condition) for condition in order])
    axes.set_xlim(-0.6, len(order) - 0.4)
    unit = f" ({spelt_unit(quantity.unit)})" if quantity.unit else ""
    axes.set_ylabel(quantity.words + unit)
    if (conditions["scale"] == "log").all() and (movies["value"] > 0).all():
        _logarithmic(axes)
    _draw_differences(add_axes(figure, LEFT + width + BETWEEN, 0.12, right, 1.75), rows, quantity)
    return figure


def _draw_condition(axes: Any, place: int, row: Any, values: Any, movies: pd.DataFrame) -> None:
    """Draw tracks, means of movies, and the mean with its interval."""
    colour = COLOURS[place % len(COLOURS)]
    values = values[np.isfinite(values)]
    shown = values[:: max(1, math.ceil(values.size / MAX_DOTS))]
    spread = np.random.default_rng(0).uniform(-0.3, 0.3, shown.size)
    axes.scatter(place + spread, shown, s=2, color=colour, alpha=0.35, linewidths=0, rasterized=True)
    own = movies[movies["condition"] == row["condition"]]
    if row["n_units"] > 0:
        x = place - 0.12 + 0.24 * (np.arange(len(own)) + 0.5) / max(len(own), 1)
        axes.scatter(x, own["value"], s=16, color=colour, edgecolors="black", linewidths=0.5, zorder=3)
    low, high = row["low"], row["high"]
    if np.isfinite(low) and np.isfinite(high):
        axes.vlines(place + 0.42, low, high, color="black", linewidth=1.2, zorder=4)
    axes.plot([place + 0.36, place + 0.48], [row["value"]] * 2, color="black", linewidth=1.2, zorder=4)


def _draw_pairs(axes: Any, order: list[str], movies: pd.DataFrame) -> None:
    """Join the means of the movies of each pair."""
    for _, own in movies[movies["pair"] != ""].groupby("pair"):
        means = own.groupby("condition")["value"].mean()
        places = [place for place, condition in enumerate(order) if condition in means.index]
        axes.plot(places, [means[order[place]] for place in places], color="0.4", linewidth=0.6, zorder=2)


def _limit(axes: Any, name: str, tracks: pd.DataFrame, conditions: pd.DataFrame) -> None:
    """Show the range of 98 % of the tracks, and all means and intervals."""
    if name not in tracks:
        return
    values = tracks[name].to_numpy(np.float64)
    values = values[np.isfinite(values)]
    ends = [*np.quantile(values, [0.01, 0.99]), *conditions[["low", "high"]].to_numpy(np.float64).ravel()]
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    margin = 0.08 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _logarithmic(axes: Any) -> None:
    """Use a logarithmic scale with plain numbers."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high > 10 * low:
        plain_log_ticks(axes.yaxis)
        return
    for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        which("{x:g}")


def _label(conditions: pd.DataFrame, condition: str) -> str:
    row = conditions[conditions["condition"] == condition].iloc[0]
    counts = plural(int(row["n_movies"]), "movie"), plural(int(row["n_tracks"]), "track")
    return "\n".join((condition, *counts))


def _draw_differences(axes: Any, rows: pd.DataFrame, quantity: Quantity) -> None:
    """Draw each difference, or ratio, with its interval and p."""
    ratio = (rows["scale"] == "log").all()
    kind, null = ("ratio", 1.0) if ratio else ("difference", 0.0)
    axes.axhline(null, color="0.6", linewidth=0.6)
    sign = "/" if ratio else "\u2212"
    labels = []
    for place, row in enumerate(rows.to_dict("records")):
        low, high = row[f"{kind}_low"], row[f"{kind}_high"]
        if np.isfinite(low) and np.isfinite(high):
            axes.vlines(place, low, high, color="black", linewidth=1.2)
        axes.plot(place, row[kind], "o", color="black", markersize=4)
        p = "no test" if not np.isfinite(row["p_adjusted"]) else f"p = {row['p_adjusted']:.2g}"
        labels.append(f"{row['condition_b']}\n{sign} {row['condition_a']}\n{p}")
    axes.set_xticks(range(len(rows)), labels)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    if ratio and (rows["ratio_low"].isna() | (rows["ratio_low"] > 0)).all():
        _logarithmic(axes)
    unit = "" if ratio or not quantity.unit else f" ({spelt_unit(quantity.unit)})"
    axes.set_ylabel(f"{kind}{unit}")
    axes.yaxis.set_label_position("left")
