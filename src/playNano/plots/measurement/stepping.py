"""Figures of motors: velocities by track, survival of runs, sizes of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure, plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DATA, FIT = "#0072b2", "#d55e00"
WIDTH, TOP, HEIGHT = 1.75, 0.25, 1.6


def draw_stepping(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw velocities of tracks, the survival of runs and a histogram of steps.

    Parameters
    ----------
    outputs
        What the module `stepping` returned.

    Returns
    -------
    dict
        "stepping" -> figure; none without tracks.
    """
    speeds, runs, steps = (outputs[name] for name in ("speeds", "runs", "steps"))
    if not len(speeds):
        return {}
    with figure_style():
        figure = new_figure(PAGE_WIDTH_IN, TOP + HEIGHT + 0.5)
        axes = [add_axes(figure, 0.45 + k * (WIDTH + 0.6), TOP, WIDTH, HEIGHT) for k in range(3)]
        _draw_speeds(axes[0], speeds)
        _draw_runs(axes[1], runs)
        _draw_steps(axes[2], steps, speeds)
    return {"stepping": figure}


def _draw_speeds(axes: Any, speeds: pd.DataFrame) -> None:
    """Draw the velocity of each track with its interval, by size, and the mean."""
    name = next(str(c) for c in speeds if str(c).startswith("velocity_nm"))
    unit = name.removeprefix("velocity_")
    own = speeds[speeds["track_id"] >= 0].sort_values(name, ignore_index=True)
    overall = speeds[speeds["track_id"] == -1].iloc[0]
    ends = own[f"velocity_low_{unit}"], own[f"velocity_high_{unit}"]
    axes.vlines(own.index, *ends, color=DATA, linewidth=0.6, alpha=0.6)
    axes.plot(own.index, own[name], "o", color=DATA, markersize=2)
    low, high = overall[f"velocity_low_{unit}"], overall[f"velocity_high_{unit}"]
    if np.isfinite([low, high]).all():
        axes.axhspan(low, high, color=FIT, alpha=0.25, linewidth=0)
    axes.axhline(overall[name], color=FIT)
    axes.axhline(0, color="0.6", linewidth=0.5)
    axes.set_xlabel("tracks by velocity")
    axes.set_ylabel(f"velocity ({'nm/s' if unit == 'nm_s' else 'nm/frame'})")
    axes.set_title(f"{overall[name]:.3g} ({low:.3g} to {high:.3g}), {plural(len(own), 'track')}")


def _draw_runs(axes: Any, runs: pd.DataFrame) -> None:
    """Draw the Kaplan-Meier curve of what runs went on after the minimum length, and the exponential."""
    overall = runs[runs["track_id"] == -1].iloc[0]
    own = runs[(runs["track_id"] >= 0) & (runs["status"] == "ok")].sort_values("travelled_nm")
    axes.set_xlabel("run beyond the minimum length (nm)")
    axes.set_ylabel("fraction that goes on")
    mean = overall["run_length_nm"]
    if not len(own) or not np.isfinite(mean):
        axes.set_title(f"run length not given ({overall['status'].replace('_', ' ')})")
        return
    length, ended = own["travelled_nm"].to_numpy(np.float64), ~own["censored_end"].to_numpy(np.bool_)
    at_risk = np.arange(len(own), 0, -1)
    survival = np.cumprod(1 - ended / at_risk)
    axes.step(np.append(0, length), np.append(1, survival), where="post", color=DATA, label="runs")
    axes.plot(length[~ended], survival[~ended], "|", color=DATA, markersize=4)
    fine = np.linspace(0, max(float(length.max()), 1.0), 100)
    axes.plot(fine, np.exp(-fine / mean), color=FIT, label="exponential")
    low, high = overall["run_length_low_nm"], overall["run_length_high_nm"]
    axes.fill_between(fine, np.exp(-fine / low), np.exp(-fine / high), color=FIT, alpha=0.2, linewidth=0)
    axes.set_ylim(0, 1.05)
    axes.set_xlim(0, fine[-1])
    axes.legend(frameon=False, loc="upper right")
    axes.set_title(f"{mean:.3g} nm ({low:.3g} to {high:.3g}), {plural(int(overall['n_ends']), 'end')}")


def _draw_steps(axes: Any, steps: pd.DataFrame, speeds: pd.DataFrame) -> None:
    """Draw the sizes of steps."""
    axes.set_xlabel("step (nm)")
    axes.set_ylabel("steps")
    if len(steps) < 2:
        status = str(speeds["step_status"].iloc[-1]).replace("_", " ")
        axes.set_title(f"steps: {status}")
        return
    sizes = steps["step_nm"].to_numpy(np.float64)
    low, high = np.quantile(sizes, [0.005, 0.995])
    axes.hist(sizes, np.linspace(low, high, 30), color=DATA, alpha=0.7, linewidth=0)
    axes.axvline(0, color="0.6", linewidth=0.5)
    axes.set_title(f"median {np.median(np.abs(sizes)):.3g} nm, {plural(len(sizes), 'step')}")
