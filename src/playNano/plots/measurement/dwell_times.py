"""Figures of dwell times: survival curve with numbers at risk, and numbers of molecules against time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.plots.style import COLUMN_WIDTH_IN, add_axes, figure_style, new_figure, plain_log_ticks, plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DATA, FIT, SECOND = "#0072b2", "#d55e00", "#009e73"


def draw_dwell_times(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the survival curve with its fit, and the numbers of tracks against time.

    Parameters
    ----------
    outputs
        What the module `dwell_times` returned.

    Returns
    -------
    dict
        "survival" and "counts"; without tracks only the latter, without frames none.
    """
    figures: dict[str, Figure] = {}
    with figure_style():
        if len(outputs["survival"]) > 1:
            figures["survival"] = _survival_figure(outputs["survival"], outputs["rates"])
        if len(outputs["counts"]) > 1:
            figures["counts"] = _counts_figure(outputs["counts"])
    return figures


def _time_column(table: pd.DataFrame) -> tuple[str, str]:
    """Return the column with the time, and its unit as on an axis."""
    return ("time_s", "s") if "time_s" in table else ("time_frame", "frames")


def _survival_figure(survival: pd.DataFrame, rates: pd.DataFrame) -> Figure:
    """Return the survival curve with its interval, the fitted rates and the numbers at risk below."""
    column, unit = _time_column(survival)
    end = _last_with(survival, 3)
    time = survival[column].to_numpy(np.float64)[:end]
    figure = new_figure(COLUMN_WIDTH_IN, 2.75)
    axes = add_axes(figure, 0.5, 0.12, COLUMN_WIDTH_IN - 0.62, 1.85)
    low, high = (survival[f"survival_{name}"].to_numpy(np.float64)[:end] for name in ("low", "high"))
    which = "whose arrival was seen" if survival["tracks"].iloc[0] == "start_seen" else "from first detection"
    label = f"{plural(int(survival['n_tracks'].iloc[0]), 'track')} {which}"
    value = survival["survival"].to_numpy(np.float64)[:end]
    axes.fill_between(time, low, high, color=DATA, alpha=0.2, linewidth=0)
    markers = {"marker": "o", "markersize": 2} if end <= 40 else {}
    axes.plot(time, value, color=DATA, label=label, **markers)
    _draw_fits(axes, rates, time, "1_s" if unit == "s" else "1_frame", unit)
    axes.set_yscale("log")
    positive = value[value > 0]
    axes.set_ylim(max(float(positive.min()) / 2, 1e-3), 1.15)
    plain_log_ticks(axes.yaxis)
    axes.set_ylabel("fraction still there")
    axes.set_xlabel(f"time since first detection ({unit})")
    axes.set_xlim(0, time[-1] if time[-1] > 0 else 1)
    axes.legend(frameon=False, loc="best")
    _draw_at_risk(axes, survival, column, end)
    return figure


def _last_with(survival: pd.DataFrame, minimum: float) -> int:
    """Return the number of rows up to the last with enough molecules at risk; at least two."""
    enough = np.flatnonzero(survival["at_risk"].to_numpy(np.float64) >= minimum)
    return max(int(enough[-1]) + 1 if enough.size else 2, 2)


def _draw_fits(axes: Any, rates: pd.DataFrame, time: Any, end: str, unit: str) -> None:
    """Draw the survival of one and of two rates; time counts from the first detection."""
    fine = np.linspace(0, time[-1], 200)
    per = "s" if unit == "s" else "frame"
    for row in rates.to_dict("records"):
        if row["model"] == "exponential" and row["status"] == "ok":
            k, low, high = (row[f"k_off{part}_{end}"] for part in ("", "_low", "_high"))
            text = f"k_off = {k:.3g} /{per} ({low:.3g} to {high:.3g}), {plural(int(row['n_events']), 'end')}"
            axes.plot(fine, np.exp(-k * fine), color=FIT, label=text)
            axes.fill_between(
                fine, np.exp(-high * fine), np.exp(-low * fine), color=FIT, alpha=0.2, linewidth=0
            )
        elif row["model"] == "biexponential" and row["status"] == "ok":
            fast, slow, share = row[f"k_fast_{end}"], row[f"k_slow_{end}"], row["share_fast_seen"]
            both = share * np.exp(-fast * fine) + (1 - share) * np.exp(-slow * fine)
            axes.plot(
                fine, both, color=SECOND, linestyle="--", label=f"two rates: {fast:.3g} and {slow:.3g} /{per}"
            )


def _draw_at_risk(axes: Any, survival: pd.DataFrame, column: str, end: int) -> None:
    """Write the numbers at risk below the axis, at some of the ticks."""
    time = survival[column].to_numpy(np.float64)
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= time[end - 1]]
    step = max(1, int(np.ceil(len(ticks) / 6)))
    transform = axes.get_xaxis_transform()
    axes.text(0, -0.27, "at risk", transform=axes.transAxes, ha="left", va="top", style="italic")
    for tick in ticks[::step]:
        row = min(int(np.searchsorted(time, tick - 1e-9)), end - 1)
        number = survival["at_risk"].iloc[row]
        axes.text(tick, -0.35, f"{number:.0f}", transform=transform, ha="center", va="top")


def _counts_figure(counts: pd.DataFrame) -> Figure:
    """Return the numbers of tracks and of detections against time."""
    column, unit = _time_column(counts)
    time = counts[column].to_numpy(np.float64)
    figure = new_figure(COLUMN_WIDTH_IN, 1.9)
    axes = add_axes(figure, 0.5, 0.12, COLUMN_WIDTH_IN - 0.62, 1.4)
    axes.plot(time, counts["n_tracks_present"], color=FIT, label="tracks present")
    axes.plot(time, counts["n_detections"], color=DATA, linewidth=0.6, label="detections")
    axes.set_xlabel(f"time ({unit})")
    axes.set_ylabel("number in frame")
    axes.set_xlim(time[0], time[-1])
    top = float(np.nanmax(counts[["n_tracks_present", "n_detections"]].to_numpy(np.float64), initial=1.0))
    axes.set_ylim(0, 1.3 * top)
    axes.legend(frameon=False, loc="upper right", ncols=2)
    return figure
