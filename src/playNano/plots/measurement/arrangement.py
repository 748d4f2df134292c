"""Figure of the arrangement of molecules: g(r) with envelope, nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NULLS = {"hard_core": "random placing of molecules with a size", "csr": "complete spatial randomness"}
"""Null model -> its name in the legend."""


def draw_arrangement(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw g(r) with its interval and the envelope of the null model, and the nearest-neighbour distances.

    Parameters
    ----------
    outputs
        Outputs of the module.

    Returns
    -------
    dict
        ``pair_correlation``: the figure; empty if there are no pairs.
    """
    if not len(outputs["pair_correlation"]):
        return {}
    with figure_style():
        figure = new_figure(PAGE_WIDTH_IN, 2.5)
        _draw_g(add_axes(figure, 0.5, 0.25, 3.7, 1.85), outputs)
        _draw_neighbours(add_axes(figure, 4.85, 0.25, 2.05, 1.85), outputs)
    return {"pair_correlation": figure}


def _draw_g(axes: Any, outputs: Mapping[str, Any]) -> None:
    """Draw g(r) of all frames with its interval, and that of the tested frames with the envelope."""
    table, test = outputs["pair_correlation"], outputs["test"].iloc[0]
    r = table["r_nm"].to_numpy(np.float64)
    null = NULLS[str(test["null"])]
    axes.fill_between(
        r, table["envelope_low"], table["envelope_high"], color="#d9d9d9", linewidth=0, step="mid",
        label=f"global envelope: {null}",
    )  # fmt: skip
    axes.axhline(1.0, color="0.6", linewidth=0.5, zorder=1)
    n_tested, n_frames = int(test["n_frames_tested"]), int(test["n_frames"])
    axes.step(
        r, table["g_tested"], where="mid", color="#d55e00", linewidth=0.7,
        label=f"tested: {plural(n_tested, 'independent frame')}",
    )  # fmt: skip
    if n_frames > n_tested:
        axes.fill_between(
            r, table["g_low"], table["g_high"], color="#0072b2", alpha=0.25, linewidth=0, step="mid"
        )
        interval = f", interval over {test['n_blocks']} blocks" if test["n_blocks"] > 1 else ""
        axes.step(
            r, table["g"], where="mid", color="#0072b2", label=f"all {plural(n_frames, 'frame')}{interval}"
        )
    high = np.nanmax(table[["g", "g_tested"]].to_numpy(np.float64), initial=2.0)
    axes.set_ylim(0, 1.45 * high)
    axes.set_xlim(0, table["r_high_nm"].max())
    axes.set_xlabel("distance r (nm)")
    axes.set_ylabel("pair correlation g(r)")
    p = f"p = {test['p']:.2g}" if np.isfinite(test["p"]) else "not tested"
    axes.set_title(f"{p}, {plural(int(test['n_detections']), 'detection')}", loc="left")
    axes.legend(frameon=False, loc="upper right", handlelength=1.5, borderaxespad=0.2)


def _draw_neighbours(axes: Any, outputs: Mapping[str, Any]) -> None:
    """Draw the distribution function of nearest-neighbour distances beside that of independent points."""
    table, test = outputs["neighbours"], outputs["test"].iloc[0]
    r = table["distance_nm"].to_numpy(np.float64)
    poisson = 1 - np.exp(-np.pi * test["density_1_nm2"] * r**2)
    axes.plot(r, poisson, color="0.5", linestyle="--", linewidth=0.8, label="independent points")
    axes.fill_between(
        r, table["g_low"], table["g_high"], color="#0072b2", alpha=0.25, linewidth=0, step="post"
    )
    axes.step(r, table["g_cdf"], where="post", color="#0072b2", label="movie")
    axes.set_ylim(0, 1.02)
    cdf = table["g_cdf"].to_numpy(np.float64)
    full = r[np.nan_to_num(np.maximum(cdf, poisson * np.isnan(cdf))) >= 0.995]
    axes.set_xlim(0, 1.15 * (full[0] if len(full) else r[-1]))
    axes.set_xlabel("distance of nearest neighbour (nm)")
    axes.set_ylabel("fraction of molecules")
    axes.set_title(f"Clark-Evans index {test['clark_evans']:.2f}", loc="left")
    axes.legend(frameon=False, loc="lower right", handlelength=1.5)
