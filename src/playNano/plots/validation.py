"""Figure of a validation: movies, scores, errors, sensitivities and the grid search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.estimation._level import level
from playNano.core.files import atomic_write
from playNano.io.export.render import COLOUR_MAP
from playNano.validate.movie_model import DEBRIS
from playNano.validate.result import Validation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PROPORTIONS = ("recall", "precision", "link_recall", "link_precision", "idf1", "hota")
_BLUE, _ORANGE = "#0072b2", "#d55e00"


def save_validation(result: Validation, folder: str | Path) -> list[Path]:
    """Write ``validate.json`` and ``validate.png`` into a folder.

    Parameters
    ----------
    result
        Result of `playNano.validate.validate_pipeline`.
    folder
        An existing folder; files of these names are replaced.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OSError
        If a file cannot be written; an existing file is left unchanged.
    """
    paths = [Path(folder) / "validate.json", Path(folder) / "validate.png"]
    with atomic_write(paths[0]) as temporary:
        temporary.write_text(json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    figure = draw_validation(result)
    with atomic_write(paths[1]) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
    return paths


def draw_validation(result: Validation) -> Figure:
    """Draw the movie next to a simulated one, scores with their intervals, sensitivities and the grid search.

    Parameters
    ----------
    result
        Result of `playNano.validate.validate_pipeline`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, 2 x 3 axes.

    See Also
    --------
    save_validation : Write the figure and all numbers to files.

    Examples
    --------
    Of a result of `validate_pipeline`, which takes minutes:

    >>> draw_validation(result).savefig("validate.png")  # doctest: +SKIP
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8), layout="constrained")
    axes = figure.subplots(2, 3)
    _draw_frames(axes[0, :2], result)
    _draw_scores(axes[0, 2], result)
    _draw_errors(axes[1, 0], result)
    _draw_sensitivity(axes[1, 1], result)
    _draw_sweep(axes[1, 2], result)
    return figure


def _draw_frames(axes: Any, result: Validation) -> None:
    """Draw a frame of the movie and one of a simulated movie, levelled, with the same colour scale."""
    frame = len(result.example.data) // 2
    images = [_levelled(result.frame), _levelled(result.example.data[frame])]
    low, high = np.nanpercentile(images[0], (0.5, 99.8))
    py, px = result.measured.pixel_size_nm
    h, w = images[0].shape
    extent = (-0.5 * px, (w - 0.5) * px, (h - 0.5) * py, -0.5 * py)
    for ax, image, title in zip(axes, images, ("the movie", "a simulated movie"), strict=True):
        shown = ax.imshow(image, cmap=COLOUR_MAP, vmin=low, vmax=max(high, low + 1e-9), extent=extent)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("nm")
    truth = result.example.truth
    here = truth[(truth["frame"] == frame) & (truth["species"] != DEBRIS)]
    axes[1].plot(here["x_nm"], here["y_nm"], "+", color="#7fd6ff", ms=5, mew=0.8)
    axes[0].figure.colorbar(shown, ax=list(axes), label="height (nm)", shrink=0.8)


def _levelled(frame: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Level a frame, nm."""
    return np.asarray(level(np.asarray(frame, dtype=np.float64)[None]).height_nm[0])


def _draw_scores(ax: Any, result: Validation) -> None:
    """Draw the scores that are proportions as bars with their confidence intervals."""
    names = [name for name in _PROPORTIONS if name in result.measures]
    _bars(ax, names, result, scale=100)
    ax.set_xlim(0, 105)
    ax.set_xlabel("%, with 95 % confidence intervals")
    ax.set_title(f"on {len(result.trials)} simulated movies of {result.n_frames} frames", fontsize=10)


def _bars(ax: Any, names: list[str], result: Validation, scale: float) -> None:
    """Draw one bar for each score, with its interval and its value."""
    for row, name in enumerate(names):
        m = result.measures[name]
        if not np.isfinite(m.value):
            continue
        ax.barh(row, scale * m.value, color=_BLUE, alpha=0.35)
        if np.isfinite(m.low):
            ax.plot([scale * m.low, scale * m.high], [row, row], color=_BLUE, lw=3)
        ax.text(2, row, f"{scale * m.value:.3g}", fontsize=8, va="center")
    ax.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.25)


def _draw_errors(ax: Any, result: Validation) -> None:
    """Draw relative errors of heights, links and the diffusion coefficient with their intervals."""
    height = result.calibrated.particles.height_nm
    rows = [
        ("height bias", "height_bias_nm", 100 / height, f"of {height:.2g} nm"),
        ("height error", "height_error_nm", 100 / height, f"of {height:.2g} nm"),
        ("link error", "link_error", 100, ""),
        (
            "D bias",
            "diffusion_bias",
            100,
            f"of {result.calibrated.dynamics.motion.diffusion_nm2_s:.3g} nm²/s",
        ),
    ]
    rows = [row for row in rows if row[1] in result.measures]
    for k, (_, name, scale, _) in enumerate(rows):
        m = result.measures[name]
        if np.isfinite(m.value):
            half = [[max(scale * (m.value - m.low), 0)], [max(scale * (m.high - m.value), 0)]]
            ax.errorbar(
                scale * m.value,
                k,
                xerr=half if np.isfinite(m.low) else None,
                fmt="o",
                color=_ORANGE,
                capsize=3,
            )
            ax.text(scale * m.value, k - 0.18, f"{scale * m.value:+.3g} %", fontsize=8, ha="center")
    ax.axvline(0, color="0.5", lw=0.8)
    ax.set_yticks(range(len(rows)), [f"{title}\n{of}".strip() for title, _, _, of in rows])
    ax.set_ylim(len(rows) - 0.5, -0.6)
    ax.set_xlabel("%")
    ax.set_title("errors", fontsize=10)
    ax.grid(axis="x", alpha=0.25)


def _draw_sensitivity(ax: Any, result: Validation) -> None:
    """Draw the change of the objective for the eight most sensitive parameters."""
    shown = result.sensitivities[:8]
    ax.barh(range(len(shown)), [s.change for s in shown], color=_ORANGE, alpha=0.6)
    ax.set_yticks(range(len(shown)), [f"{s.parameter} = {s.value:g}\n{s.module}" for s in shown], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel(f"change of {_objective(result)} when changed by a quarter")
    ax.set_title("which parameters matter", fontsize=10)
    ax.grid(axis="x", alpha=0.25)


def _objective(result: Validation) -> str:
    return "HOTA" if "hota" in result.measures else "F1"


def _draw_sweep(ax: Any, result: Validation) -> None:
    """Draw the objective over two parameters, with the user's and the recommended values marked."""
    swept = result.swept
    if swept is None:
        ax.text(0.5, 0.5, "no parameter matters", ha="center")
        ax.set_axis_off()
        return
    table = swept.objective if swept.objective.ndim == 2 else swept.objective[None]
    names = swept.names if len(swept.names) == 2 else (("", ""), *swept.names)
    values = swept.values if len(swept.values) == 2 else ((0.0,), *swept.values)
    image = ax.imshow(table, cmap="viridis", origin="lower", aspect="auto")
    ax.set_yticks(range(len(values[0])), [f"{v:g}" for v in values[0]])
    ax.set_xticks(range(len(values[1])), [f"{v:g}" for v in values[1]])
    ax.set_ylabel(names[0][1])
    ax.set_xlabel(names[1][1])
    mid_range = float(np.nanmean([np.nanmin(table), np.nanmax(table)]))
    for index in np.ndindex(table.shape):
        if np.isfinite(table[index]):
            colour = "black" if table[index] > mid_range else "white"
            ax.text(
                index[1], index[0], f"{table[index]:.3f}", ha="center", va="center", fontsize=7, color=colour
            )
    yours = [_value(result, name) for name in names]
    _mark_setting(ax, values, yours, "black", 1.5)
    legend = "black: yours; no other is significantly better"
    if result.recommended:
        changes = {(c["module"], c["parameter"]): c["recommended"] for c in result.recommended}
        best = [changes.get(name, value) for name, value in zip(names, yours, strict=True)]
        _mark_setting(ax, values, best, _ORANGE, 2.0)
        legend = "black: yours; orange: recommended"
    ax.set_title(f"{_objective(result)}; {legend}", fontsize=10)
    ax.figure.colorbar(image, ax=ax, shrink=0.8)


def _mark_setting(
    ax: Any, values: Sequence[tuple[float, ...]], setting: Sequence[float], colour: str, width: float
) -> None:
    """Draw a square around the cell of a setting (y, x)."""
    row, col = (axis.index(v) if v in axis else 0 for axis, v in zip(values, setting, strict=True))
    ax.plot(col, row, "s", ms=26, mfc="none", mec=colour, mew=width)


def _value(result: Validation, name: tuple[str, str]) -> float:
    """Return the user's value of a parameter (module, name); 0 if it has none."""
    return next((s.value for s in result.sensitivities if (s.module, s.parameter) == name), 0.0)
