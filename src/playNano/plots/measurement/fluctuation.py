"""Figure of a fluctuation map beside the mean image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.plots.style import PAGE_WIDTH_IN, add_axes, figure_style, new_figure, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, MAX_HEIGHT = 2.35, 3.6
"""Width of a picture, and its maximum height, inches."""


def draw_fluctuation(outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the mean image and the fluctuation map.

    Parameters
    ----------
    outputs
        Outputs of the module.

    Returns
    -------
    dict
        ``fluctuation``: the figure; empty if the map is not known.
    """
    row = outputs["fluctuation"].iloc[0]
    names = [next(key for key in outputs if key.startswith(start)) for start in ("mean_", "rmsf_")]
    mean, rmsf = (np.asarray(outputs[name], dtype=np.float64) for name in names)
    if not np.isfinite(rmsf).any():
        return {}
    size_y, size_x = outputs["pixel_size_nm"]
    extent = (-size_x / 2, (rmsf.shape[1] - 0.5) * size_x, (rmsf.shape[0] - 0.5) * size_y, -size_y / 2)
    tall = WIDTH * rmsf.shape[0] * size_y / (rmsf.shape[1] * size_x)
    tall = float(np.clip(tall, 0.8, MAX_HEIGHT))
    unit = str(outputs["unit"])
    value = f" ({unit})" if unit else ""
    floor, limit = (float(row.iloc[k]) for k in (0, 1))
    high = max(float(np.nanquantile(rmsf, 0.999)), limit, 1e-12)
    low, top = (float(v) for v in np.nanquantile(mean, [0.002, 0.998]))
    how = f"{'median' if row['robust'] else 'mean'} of {plural(int(row['n_frames']), 'frame')}"
    subtracted = f"noise {floor:.2g} {unit} and jitter {row['jitter_px']:.2g} px subtracted\n"
    subtracted += f"95 % of the background below {limit:.2g} {unit}"
    shown: tuple[tuple[Any, ...], ...] = (
        (mean, "afmhot", low, top, f"height{value}", how),
        (rmsf, "viridis", 0.0, high, f"rms fluctuation{value}", subtracted),
    )
    with figure_style():
        figure = new_figure(PAGE_WIDTH_IN, tall + 0.85)
        for number, (image, cmap, low, top, label, title) in enumerate(shown):
            left = 0.5 + number * 3.55
            axes = add_axes(figure, left, 0.38, WIDTH, tall)
            axes.set_facecolor("0.75")
            drawn = axes.imshow(
                image, cmap=cmap, vmin=low, vmax=max(top, low + 1e-12), extent=extent, aspect="auto",
                interpolation="nearest",
            )  # fmt: skip
            axes.set_xlabel("x (nm)")
            axes.set_ylabel("y (nm)")
            axes.set_title(title, loc="left")
            bar = figure.colorbar(drawn, cax=add_axes(figure, left + WIDTH + 0.07, 0.38, 0.08, tall))
            bar.set_label(label)
    return {"fluctuation": figure}
