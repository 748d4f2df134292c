"""Figures of diffusion: mean squared displacement with its interval, and D by track with the states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.plots.style import COLUMN_WIDTH_IN, add_axes, figure_style, new_figure, plain_log_ticks, plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

DATA, FIT, STATE, SINGLE = "#0072b2", "#d55e00", "#009e73", "#b0b0b0"
MAX_SINGLE = 60
"""Maximum number of tracks whose own mean squared displacement is drawn."""

MAX_BARS = 150
"""Maximum number of tracks with an interval of their own; more bars would be a surface."""

MAX_BEYOND = 10.0
"""Right end of the axis of D over the largest D; intervals of short tracks may end beyond."""

DECADES_BELOW = 3.0
"""D this many decades below the largest, and less, stand at the left end of the axis."""


def draw_diffusion(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the mean squared displacement with its fit, and D by track.

    Parameters
    ----------
    outputs
        What the module `diffusion` returned.

    Returns
    -------
    dict
        "msd" and "diffusion_by_track"; each only where there is something to show.
    """
    figures: dict[str, Figure] = {}
    msd, tracks = outputs["msd"], outputs["track_diffusion"]
    per = "s" if "diffusion_nm2_s" in tracks else "frame"
    with figure_style():
        if msd.loc[msd["track_id"] == -1, "msd_nm2"].notna().any():
            figures["msd"] = _msd_figure(msd, tracks, per)
        single = tracks[(tracks["track_id"] >= 0) & tracks[f"diffusion_nm2_{per}"].notna()]
        if len(single):
            movie = tracks[tracks["track_id"] == -1].iloc[0]
            figures["diffusion_by_track"] = _tracks_figure(single, movie, outputs["diffusion_states"], per)
    return figures


def _msd_figure(msd: pd.DataFrame, tracks: pd.DataFrame, per: str) -> Figure:
    """Return the mean squared displacement of all tracks, of some single ones, and of the fitted D."""
    column = f"lag_{per}"
    together = msd[(msd["track_id"] == -1) & msd["msd_nm2"].notna()]
    figure = new_figure(COLUMN_WIDTH_IN, 2.6)
    axes = add_axes(figure, 0.52, 0.1, COLUMN_WIDTH_IN - 0.64, 2.08)
    _draw_single(axes, msd, column)
    time = together[column].to_numpy(np.float64)
    value, low, high = (together[f"msd{end}_nm2"].to_numpy(np.float64) for end in ("", "_low", "_high"))
    axes.fill_between(time, low, high, color=DATA, alpha=0.25, linewidth=0)
    free = together["status"].to_numpy() != "at_bound"
    n_tracks = int(together["n_tracks"].iloc[0])
    axes.plot(
        time[free],
        value[free],
        "o",
        color=DATA,
        markersize=3,
        label=f"{plural(n_tracks, 'track')}, 95 % interval",
    )
    if not free.all():
        label = "most pairs near the border: low"
        axes.plot(
            time[~free], value[~free], "o", color=DATA, markersize=3, markerfacecolor="white", label=label
        )
    movie = tracks[tracks["track_id"] == -1].iloc[0]
    d, low_d, high_d = (movie[f"diffusion{end}_nm2_{per}"] for end in ("", "_low", "_high"))
    error = 4 * movie["localization_nm"] ** 2
    if np.isfinite(d) and np.isfinite(error):
        fine = np.geomspace(time[0] * 0.8, time[-1] * 1.1, 100)
        ends = f" ({low_d:.3g} to {high_d:.3g})" if np.isfinite(low_d) else ""
        axes.plot(fine, 4 * d * fine + error, color=FIT, label=f"4 D t + 4 σ², D = {d:.3g}{ends} nm²/{per}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    _limit(axes, time, np.concatenate([value, low[low > 0], high[np.isfinite(high)]]))
    plain_log_ticks(axes.xaxis)
    axes.set_xlabel(f"lag ({'s' if per == 's' else 'frames'})")
    axes.set_ylabel("mean squared displacement (nm²)")
    axes.legend(frameon=False, loc="upper left", handlelength=1.4, borderaxespad=0.2)
    return figure


def _draw_single(axes: Any, msd: pd.DataFrame, column: str) -> None:
    """Draw the curves of some single tracks in grey."""
    single = msd[(msd["track_id"] >= 0) & (msd["msd_nm2"] > 0)]
    ids = single["track_id"].unique()
    if len(ids) > MAX_SINGLE:
        ids = ids[np.linspace(0, len(ids) - 1, MAX_SINGLE).round().astype(int)]
    for track_id, rows in single[single["track_id"].isin(ids)].groupby("track_id"):
        label = "single tracks" if track_id == ids[0] else None
        axes.plot(
            rows[column], rows["msd_nm2"], color=SINGLE, linewidth=0.4, alpha=0.7, label=label, zorder=0
        )


def _limit(axes: Any, time: Floats, values: Floats) -> None:
    """Set limits around the curve of all tracks, with space for the legend above."""
    positive = values[values > 0]
    axes.set_xlim(time[0] * 0.8, max(time[-1] * 1.15, time[0] * 1.5))
    if positive.size:
        low, high = float(positive.min()), float(positive.max())
        span = np.log10(high / low) if high > low else 0.3
        axes.set_ylim(low / 10 ** (0.15 * span + 0.1), high * 10 ** (0.45 * span + 0.2))


def _tracks_figure(single: pd.DataFrame, movie: Any, states: pd.DataFrame, per: str) -> Figure:
    """Return D of each track, in order, with intervals, the movie's D and the states."""
    d, low, high = (single[f"diffusion{end}_nm2_{per}"].to_numpy(np.float64) for end in ("", "_low", "_high"))
    order = np.argsort(d, kind="stable")
    d, low, high = d[order], low[order], high[order]
    top = float(np.nanmax(np.where(d > 0, d, np.nan), initial=1e-300)) if (d > 0).any() else 1.0
    positive = d[d > 0]
    bottom = max(float(positive.min(initial=top)), top / 10**DECADES_BELOW) / 3
    figure = new_figure(COLUMN_WIDTH_IN, 2.9)
    axes = add_axes(figure, 0.52, 0.5, COLUMN_WIDTH_IN - 0.64, 1.98)
    rank = np.arange(1, len(d) + 1)
    shown = np.maximum(d, bottom)
    label = plural(len(d), "track")
    if len(d) <= MAX_BARS:
        axes.hlines(rank, np.maximum(low, bottom), high, color=DATA, linewidth=0.5, alpha=0.5)
        label += ", 95 % interval"
    axes.plot(shown, rank, "o", color=DATA, markersize=2, label=label)
    value, low_d, high_d = (movie[f"diffusion{end}_nm2_{per}"] for end in ("", "_low", "_high"))
    if value > 0:
        axes.axvline(value, color=FIT, linewidth=0.9)
        ends = f" ({low_d:.3g} to {high_d:.3g})" if np.isfinite(low_d) else ""
        if np.isfinite(low_d):
            axes.axvspan(low_d, high_d, color=FIT, alpha=0.2, linewidth=0)
        axes.plot([], [], color=FIT, label=f"all tracks: {value:.3g}{ends} nm²/{per}")
    if len(states) > 1:
        _draw_states(axes, states, per, bottom)
    axes.set_xscale("log")
    right = float(np.nanmax(high[np.isfinite(high)], initial=top))
    axes.set_xlim(bottom * 0.8, min(right * 1.3, top * MAX_BEYOND))
    plain_log_ticks(axes.xaxis)
    axes.set_ylim(0, len(d) + 1)
    axes.set_xlabel(f"D (nm²/{per})")
    axes.set_ylabel("track, in order of D")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=1, handlelength=1.4)
    return figure


def _draw_states(axes: Any, states: pd.DataFrame, per: str, bottom: float) -> None:
    """Draw the states as dashed lines, with the share of the time of each above."""
    shares = []
    for row in states.to_dict("records"):
        axes.axvline(
            max(float(row[f"diffusion_nm2_{per}"]), bottom), color=STATE, linewidth=0.8, linestyle="--"
        )
        shares.append(f"{100 * row['share_time']:.0f}")
    axes.plot([], [], color=STATE, linestyle="--", label=f"states, with {' / '.join(shares)} % of the time")
