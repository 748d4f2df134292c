"""Figure of a validation: movie and replanted copy, comparison of both, scores, errors, and the grid search."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.core.files import atomic_write
from playNano.io.export.render import COLOUR_MAP
from playNano.validate.result import Validation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHARES = ("recall", "precision", "link_error")
_BLUE, _ORANGE, _GREEN, _RED, _CYAN = "#0072b2", "#d55e00", "#009e73", "#d11141", "#7fd6ff"


def save_validation(result: Validation, folder: str | Path) -> list[Path]:
    """Write ``validate.json``, ``validate.csv`` and ``validate.png`` into a folder.

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
    paths = [Path(folder) / f"validate.{kind}" for kind in ("json", "csv", "png")]
    with atomic_write(paths[0]) as temporary:
        temporary.write_text(json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with atomic_write(paths[1]) as temporary:
        result.table().to_csv(temporary, index=False)
    figure = draw_validation(result)
    with atomic_write(paths[2]) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
    return paths


def draw_validation(result: Validation) -> Figure:
    """Draw the movie next to its replanted copy, the comparison of both, scores, errors and the grid search.

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

    figure = Figure(figsize=(16, 10.5), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.2, 1.0))
    above, below = parts
    top = above.subplots(1, 3, width_ratios=(1.0, 1.0, 0.75))
    _draw_frames(top[:2], result)
    _draw_comparison(top[2], result)
    bottom = below.subplots(1, 3, gridspec_kw={"wspace": 0.12})
    _draw_shares(bottom[0], result)
    _draw_errors(bottom[1], result)
    _draw_sweep(bottom[2], result)
    return figure


def _draw_frames(axes: Any, result: Validation) -> None:
    """Draw a frame of the movie and of its copy with the same colours and scale."""
    e = result.example
    low, high = np.nanpercentile(e.movie, (0.5, 99.8))
    py, px = result.pixel_size_nm
    h, w = e.movie.shape
    extent = (-0.5 * px, (w - 0.5) * px, (h - 0.5) * py, -0.5 * py)
    titles = (f"the movie, frame {e.frame + result.frames.start}", "the same frame, particles put back")
    for ax, image, title in zip(axes, (e.movie, e.copy), titles, strict=True):
        shown = ax.imshow(image, cmap=COLOUR_MAP, vmin=low, vmax=max(high, low + 1e-9), extent=extent)
        ax.set_title(title, fontsize=11)
        ax.set_xlabel("nm")
    x, y = np.arange(w) * px, np.arange(h) * py
    for ax, outlines in zip(axes, (e.outlines, e.copy_outlines), strict=True):
        if outlines.any():
            ax.contour(x, y, outlines, levels=[0.5], colors=_CYAN, linewidths=1.0)
        ax.plot([], [], color=_CYAN, lw=1.0, label="reference detection")
    _points(axes[0], e.detected_in_movie, (px, py), "+", _BLUE, "your pipeline")
    if result.n_copies:
        _points(axes[1], e.detected_in_copy, (px, py), "+", _BLUE, "your pipeline")
        _points(axes[1], e.true[e.hit], (px, py), "o", _GREEN, "put back, detected")
        _points(axes[1], e.true[~e.hit], (px, py), "X", _RED, "put back, missed")
        b = result.border_nm
        right, bottom = (w - 1) * px - b, (h - 1) * py - b
        axes[1].plot(
            [b, right, right, b, b],
            [b, b, bottom, bottom, b],
            color="white",
            lw=0.7,
            ls=":",
            label="scored inside",
        )
    else:
        axes[1].set_title("no copy could be made", fontsize=11)
    for ax in axes:
        legend = ax.legend(
            fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, facecolor="0.35"
        )
        for text in legend.get_texts():
            text.set_color("white")
    axes[0].figure.colorbar(shown, ax=list(axes), label="height (nm)", shrink=0.7, pad=0.01, location="left")


def _points(
    ax: Any, at: npt.NDArray[np.float64], scale: tuple[float, float], mark: str, colour: str, label: str
) -> None:
    """Draw points (x, y) in px."""
    size = {"o": 11, "X": 9, "+": 8}[mark]
    x, y = at[:, 0] * scale[0], at[:, 1] * scale[1]
    face = "none" if mark == "o" else colour
    ax.plot(
        x, y, mark, ms=size, mfc=face, mec=colour, mew=0.6 if mark == "X" else 1.8, label=label, ls="none"
    )


def _draw_comparison(ax: Any, result: Validation) -> None:
    """Draw the differences of the figures of movie and copy, in units of what is allowed."""
    figures = result.figures
    ax.set_title("does the copy resemble the movie?", fontsize=11)
    if not figures:
        _say(ax, _reasons(result))
        return
    ax.axvspan(-1, 1, color=_GREEN, alpha=0.12, lw=0)
    limits = [f.to_dict()["limit"] for f in figures]
    for row, (figure, limit) in enumerate(zip(figures, limits, strict=True)):
        colour = _GREEN if figure.agrees else _RED
        scaled = figure.difference / limit if np.isfinite(figure.difference) else 0.0
        ax.plot(np.clip(scaled, -2.2, 2.2), row, "o", color=colour, ms=7)
        ax.text(2.6, row, "pass" if figure.agrees else "FAIL", color=colour, fontsize=9, va="center")
        ax.text(4.2, row, f"{figure.movie:.3g} → {figure.copy:.3g}", fontsize=8, va="center")
    ax.set_yticks(range(len(figures)), [f.to_dict()["description"] for f in figures], fontsize=8)
    ax.set_ylim(len(figures) - 0.5, -0.5)
    ax.set_xlim(-2.4, 7.5)
    ax.set_xticks([-1, 0, 1], ["-1", "0", "+1"], fontsize=8)
    ax.set_xlabel("copy minus movie, in units of what is allowed      ", fontsize=9, loc="left")
    ax.axvline(0, color="0.5", lw=0.8)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _draw_shares(ax: Any, result: Validation) -> None:
    """Draw recall, precision, link error and the recall by class with their intervals; values in a column."""
    ax.set_title("scores on your movie, with 95 % intervals", fontsize=11)
    if result.withheld:
        _say(ax, "withheld:\n" + _reasons(result))
        return
    rows = [
        (name.replace("_", " "), m.value, m.low, m.high, _BLUE)
        for name, m in result.measures.items()
        if name in _SHARES
    ]
    for c in result.classes:
        title = f"recall,\n{c['low_nm']:.2g} to {c['high_nm']:.2g} nm high"
        rows.append((title, c["recall"], c["low"], c["high"], "0.45"))
    _intervals(ax, rows, 100, "%")
    ax.set_xlim(-2, 102)
    ax.set_xlabel("%")


def _intervals(
    ax: Any, rows: Sequence[tuple[str, float, float, float, str]], scale: float, unit: str
) -> None:
    """Draw a value with its interval in each row, and both in words beside the axes."""
    from matplotlib.transforms import blended_transform_factory

    beside = blended_transform_factory(ax.transAxes, ax.transData)
    for row, (_, value, low, high, colour) in enumerate(rows):
        if not np.isfinite(value):
            ax.text(1.02, row, "not defined", transform=beside, fontsize=8, va="center")
            continue
        ax.plot([scale * low, scale * high], [row, row], color=colour, lw=3, alpha=0.5, solid_capstyle="butt")
        ax.plot(scale * value, row, "o", color=colour, ms=6)
        text = f"{scale * value:.3g} {unit}\n({scale * low:.3g} to {scale * high:.3g})"
        ax.text(1.02, row, text, transform=beside, fontsize=8, va="center")
    ax.set_yticks(range(len(rows)), [row[0] for row in rows], fontsize=9)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="x", alpha=0.25)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _draw_errors(ax: Any, result: Validation) -> None:
    """Draw the biases of height and D with their intervals, and what the settings do to D."""
    ax.set_title("bias of heights and D, with 95 % intervals", fontsize=11)
    if result.withheld:
        _say(ax, "withheld" if not result.motion else "\n".join(("withheld", "", *result.motion.messages)))
        return
    height = result.reference["height_nm"]
    rows = []
    for name, scale in (("height_bias_nm", 1 / height), ("diffusion_bias", 1.0)):
        m = result.measures.get(name)
        if m is not None:
            title = f"height\n(of {height:.2g} nm)" if scale != 1.0 else "D"
            rows.append((title, scale * m.value, scale * m.low, scale * m.high, _ORANGE))
    for s in result.measurements:
        if s.name in ("D", "k_off") and np.isfinite(s.bias):
            rows.append((f"{s.name} of the\nmodule {s.module}", s.bias, s.bias, s.bias, "0.45"))
    _intervals(ax, rows, 100, "%")
    ax.axvline(0, color="0.5", lw=0.8)
    ax.set_xlabel("%")
    messages = result.motion.messages if result.motion else ()
    if messages:
        text = "\n".join(textwrap.fill(m, 66) for m in messages)
        ax.text(-0.15, -0.2, text, transform=ax.transAxes, fontsize=8, va="top", color=_RED)


def _say(ax: Any, text: str) -> None:
    """Write text instead of a diagram."""
    wrapped = "\n".join(textwrap.fill(line, 52) for line in text.splitlines())
    ax.text(0.02, 0.97, wrapped, transform=ax.transAxes, va="top", fontsize=9, color=_RED)
    ax.set_axis_off()


def _reasons(result: Validation) -> str:
    return "\n".join(f"- {reason}" for reason in result.withheld)


def _draw_sweep(ax: Any, result: Validation) -> None:
    """Draw the objective over two parameters, with the user's and the recommended values marked."""
    search = result.search
    if search is None or search.swept is None:
        why = "no parameter matters" if search else "settings are not searched where scores are withheld"
        if not result.withheld and search is None:
            why = "settings were not searched"
        _say(ax, why)
        ax.set_title("other settings", fontsize=11)
        return
    swept = search.swept
    table = swept.objective if swept.objective.ndim == 2 else swept.objective[None]
    names = swept.names if len(swept.names) == 2 else (("", ""), *swept.names)
    values = swept.values if len(swept.values) == 2 else ((0.0,), *swept.values)
    ax.imshow(table, cmap="viridis", origin="lower", aspect="auto")
    ax.set_yticks(range(len(values[0])), [f"{v:g}" for v in values[0]])
    ax.set_xticks(range(len(values[1])), [f"{v:g}" for v in values[1]])
    ax.set_ylabel(names[0][1])
    ax.set_xlabel(names[1][1])
    mid_range = float(np.nanmean([np.nanmin(table), np.nanmax(table)]))
    for index in np.ndindex(table.shape):
        if np.isfinite(table[index]):
            colour = "black" if table[index] > mid_range else "white"
            ax.text(
                index[1], index[0], f"{table[index]:.3f}", ha="center", va="center", fontsize=8, color=colour
            )
    yours = [_value(result, name) for name in names]
    _mark_setting(ax, values, yours, "black")
    legend = "black: yours; no other is surely better"
    if result.recommended:
        changes = {(c["module"], c["parameter"]): c["recommended"] for c in result.recommended}
        best = [changes.get(name, value) for name, value in zip(names, yours, strict=True)]
        _mark_setting(ax, values, best, _ORANGE)
        legend = "black: yours; orange: recommended"
    ax.set_title(f"{search.objective} in half of the frames\n{legend}", fontsize=10)


def _mark_setting(
    ax: Any, values: Sequence[tuple[float, ...]], setting: Sequence[float], colour: str
) -> None:
    """Draw a frame around the cell of a setting (y, x)."""
    from matplotlib.patches import Rectangle

    row, col = (axis.index(v) if v in axis else 0 for axis, v in zip(values, setting, strict=True))
    ax.add_patch(Rectangle((col - 0.46, row - 0.46), 0.92, 0.92, fill=False, edgecolor=colour, linewidth=2.5))


def _value(result: Validation, name: tuple[str, str]) -> float:
    """Return the user's value of a parameter (module, name); 0 if it has none."""
    assert result.search is not None
    return next((s.value for s in result.search.sensitivities if (s.module, s.parameter) == name), 0.0)
