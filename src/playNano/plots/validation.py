"""One picture that shows how wrong a pipeline is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.estimation._level import level
from playNano.core.files import atomic_write
from playNano.io.export.render import COLOUR_MAP
from playNano.validate.movie_model import DEBRIS
from playNano.validate.result import Validation

_SHARES = ("recall", "precision", "link_recall", "link_precision", "idf1", "hota")
_BLUE, _ORANGE = "#0072b2", "#d55e00"


def save_validation(result: Validation, folder: str | Path) -> list[Path]:
    """Write ``validate.json`` and ``validate.png`` into a folder.

    Parameters
    ----------
    result
        What `playNano.validate.validate_pipeline` returned.
    folder
        An existing folder; files of these names are replaced.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OSError
        If a file cannot be written; the old one then stays.
    """
    paths = [Path(folder) / "validate.json", Path(folder) / "validate.png"]
    with atomic_write(paths[0]) as temporary:
        temporary.write_text(json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with atomic_write(paths[1]) as temporary:
        draw(result, temporary)
    return paths


def draw(result: Validation, path: Path) -> None:
    """Draw the movie beside one simulated, scores with their intervals, sensitivities and the sweep.

    Parameters
    ----------
    result
        What was found.
    path
        A ``.png`` file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8), layout="constrained")
    axes = figure.subplots(2, 3)
    _draw_frames(axes[0, :2], result)
    _draw_scores(axes[0, 2], result)
    _draw_bias(axes[1, 0], result)
    _draw_sensitivity(axes[1, 1], result)
    _draw_sweep(axes[1, 2], result)
    figure.savefig(path, dpi=80, format="png")


def _draw_frames(axes: Any, result: Validation) -> None:
    middle = len(result.example.data) // 2
    images = [_flat(result.frame), _flat(result.example.data[middle])]
    low, high = np.nanpercentile(images[0], (0.5, 99.8))
    py, px = result.measured.pixel_size_nm
    h, w = images[0].shape
    extent = (-0.5 * px, (w - 0.5) * px, (h - 0.5) * py, -0.5 * py)
    for ax, image, title in zip(axes, images, ("the movie", "one simulated to be like it"), strict=True):
        shown = ax.imshow(image, cmap=COLOUR_MAP, vmin=low, vmax=max(high, low + 1e-9), extent=extent)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("nm")
    truth = result.example.truth
    here = truth[(truth["frame"] == middle) & (truth["species"] != DEBRIS)]
    axes[1].plot(here["x_nm"], here["y_nm"], "+", color="#7fd6ff", ms=5, mew=0.8)
    axes[0].figure.colorbar(shown, ax=list(axes), label="height (nm)", shrink=0.8)


def _flat(frame: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.asarray(level(np.asarray(frame, dtype=np.float64)[None]).height_nm[0])


def _draw_scores(ax: Any, result: Validation) -> None:
    names = [name for name in _SHARES if name in result.measures]
    _bars(ax, names, result, scale=100)
    ax.set_xlim(0, 105)
    ax.set_xlabel("%, with 95 % confidence intervals")
    ax.set_title(f"on {len(result.trials)} simulated movies of {result.n_frames} frames", fontsize=10)


def _bars(ax: Any, names: list[str], result: Validation, scale: float) -> None:
    for row, name in enumerate(names):
        m = result.measures[name]
        if not np.isfinite(m.value):
            continue
        ax.barh(row, scale * m.value, color=_BLUE, alpha=0.35)
        if np.isfinite(m.low):
            ax.plot([scale * m.low, scale * m.high], [row, row], color=_BLUE, lw=3)
        ax.text(scale * max(m.value, 0), row + 0.33, f"{scale * m.value:.3g}", fontsize=8, va="center")
    ax.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.25)


def _draw_bias(ax: Any, result: Validation) -> None:
    """Draw relative biases: of heights, and of the diffusion coefficient."""
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
    shown = result.sensitivities[:8]
    ax.barh(range(len(shown)), [s.change for s in shown], color=_ORANGE, alpha=0.6)
    ax.set_yticks(range(len(shown)), [f"{s.parameter} = {s.value:g}\n{s.module}" for s in shown], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel(f"change of {_objective(result)} when moved by a quarter")
    ax.set_title("which parameters matter", fontsize=10)
    ax.grid(axis="x", alpha=0.25)


def _objective(result: Validation) -> str:
    return "HOTA" if "hota" in result.measures else "F1"


def _draw_sweep(ax: Any, result: Validation) -> None:
    found = result.swept
    if found is None:
        ax.text(0.5, 0.5, "no parameter matters", ha="center")
        ax.set_axis_off()
        return
    table = found.objective if found.objective.ndim == 2 else found.objective[None]
    names = found.names if len(found.names) == 2 else (("", ""), *found.names)
    values = found.values if len(found.values) == 2 else ((0.0,), *found.values)
    image = ax.imshow(table, cmap="viridis", origin="lower", aspect="auto")
    ax.set_yticks(range(len(values[0])), [f"{v:g}" for v in values[0]])
    ax.set_xticks(range(len(values[1])), [f"{v:g}" for v in values[1]])
    ax.set_ylabel(names[0][1])
    ax.set_xlabel(names[1][1])
    middle = float(np.nanmean([np.nanmin(table), np.nanmax(table)]))
    for at in np.ndindex(table.shape):
        if np.isfinite(table[at]):
            colour = "black" if table[at] > middle else "white"
            ax.text(at[1], at[0], f"{table[at]:.3f}", ha="center", va="center", fontsize=7, color=colour)
    yours = [_value(result, name) for name in names]
    here = [v.index(y) if y in v else 0 for v, y in zip(values, yours, strict=True)]
    ax.plot(here[1], here[0], "s", ms=26, mfc="none", mec="black", mew=1.5)
    if result.recommended:
        wanted = {(c["module"], c["parameter"]): c["recommended"] for c in result.recommended}
        best = [
            v.index(wanted.get(n, y)) if wanted.get(n, y) in v else 0
            for n, v, y in zip(names, values, yours, strict=True)
        ]
        ax.plot(best[1], best[0], "s", ms=26, mfc="none", mec=_ORANGE, mew=2)
    told = "black: yours" + (
        "; orange: recommended" if result.recommended else "; no other is better for sure"
    )
    ax.set_title(f"{_objective(result)}; {told}", fontsize=10)
    ax.figure.colorbar(image, ax=ax, shrink=0.8)


def _value(result: Validation, name: tuple[str, str]) -> float:
    found = [s.value for s in result.sensitivities if (s.module, s.parameter) == name]
    return found[0] if found else 0.0
