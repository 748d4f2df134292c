"""Contact sheet of settings: frames with the outlines of what each setting detects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.analysis.tuning import LEVELLING, Setting, Tuning
from playNano.core.files import atomic_write
from playNano.core.lazy import computed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_SETTINGS, N_FRAMES = 5, 4
ALIKE = 0.1
"""Settings of which the numbers of objects differ by less than this fraction are not shown twice."""


def draw_tuning(tuning: Tuning) -> Figure:
    """Draw a row of frames with outlines for each of the best settings, and of the default analysis.

    Parameters
    ----------
    tuning
        Result of `playNano.analysis.tuning.tune`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    from matplotlib.figure import Figure

    shown = _shown(tuning)
    observed = np.flatnonzero(tuning.detections[0].observed)
    at = observed[np.linspace(0, len(observed) - 1, min(N_FRAMES, len(observed))).round().astype(int)]
    figure = Figure(figsize=(3.0 * len(at), 3.25 * len(shown)), layout="constrained", dpi=100)
    axes = figure.subplots(len(shown), len(at), squeeze=False)
    for row, setting in zip(axes, shown, strict=True):
        k = LEVELLING.index(setting.levelling)
        low, high = _limits(tuning.stacks[k], at)
        for axis, frame in zip(row, at.tolist(), strict=True):
            image = np.asarray(computed(tuning.stacks[k].data[frame]))
            axis.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            _draw_outlines(axis, tuning, setting, frame)
            axis.set_xticks([])
            axis.set_yticks([])
            if axis is not row[0]:
                axis.set_title(f"frame {tuning.frames[frame]}", fontsize=7)
        best = "best: " if setting is tuning.best else ""
        row[0].set_title(f"{best}{_text(setting)}\nframe {tuning.frames[at[0]]}", fontsize=7, loc="left")
    return figure


def write_tuning(tuning: Tuning, path: str | Path) -> Path:
    """Draw a contact sheet of the best settings, and write it.

    Parameters
    ----------
    tuning
        Result of `playNano.analysis.tuning.tune`.
    path
        File to write, PNG.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    figure = draw_tuning(tuning)
    with atomic_write(Path(path)) as temporary:
        figure.savefig(temporary, format="png")
    return Path(path)


def _shown(tuning: Tuning) -> list[Setting]:
    """Return the settings of the sheet: those that detect different numbers of objects, the default among them."""
    shown: list[Setting] = []
    for setting in tuning.settings:
        n = setting.n_per_frame
        if not any(abs(n - other.n_per_frame) <= ALIKE * other.n_per_frame for other in shown):
            shown.append(setting)
    shown = shown[:N_SETTINGS]
    default = next((s for s in tuning.settings if s.steps_from_default == 0), None)
    if default is not None and default not in shown:
        shown[-1] = default
    return shown


def _limits(stack: Any, frames: Any) -> tuple[float, float]:
    """Return the heights at the ends of the grey scale."""
    low, high = np.nanpercentile(np.stack([computed(stack.data[int(k)]) for k in frames]), (1, 99.7))
    return float(low), float(high)


def _draw_outlines(axis: Any, tuning: Tuning, setting: Setting, frame: int) -> None:
    """Draw the outlines of regions, or circles around blobs."""
    detections = tuning.detections[LEVELLING.index(setting.levelling)]
    kept = detections.kept([setting.limits[a.parameter] for a in detections.axes])
    rows = detections.table[kept & (detections.table["frame"].to_numpy() == frame)]
    if not len(rows):
        return
    if detections.labels is None:
        axis.plot(
            rows["x"],
            rows["y"],
            "o",
            markersize=5,
            markerfacecolor="none",
            color="#00b7ff",
            markeredgewidth=0.7,
        )
        return
    labels = np.asarray(detections.labels[frame])
    # Half levels between the labels of neighbours outline each region apart.
    for label in rows["label"].tolist():
        axis.contour(labels == label, levels=[0.5], colors="#00b7ff", linewidths=0.7)


def _text(setting: Setting) -> str:
    """Return a setting and its score in words."""
    limits = ", ".join(f"{name} {value:.3g}" for name, value in setting.limits.items())
    order = setting.levelling.params.get("order", 2)
    text = (
        f"level order {order}, {limits}: {setting.n_per_frame:.3g} a frame, stability {setting.stability:.2f}"
    )
    if setting.links is None:
        return text
    return f"{text}, wrong links {100 * setting.links.expected_wrong:.1f} %"
