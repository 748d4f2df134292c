"""Figures of measurements: one function a module, from its outputs to figures by file name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from playNano.core.provenance import outputs_of_kind
from playNano.io.export.tables import file_name
from playNano.plots.style import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Figures = Callable[[Mapping[str, Any]], "dict[str, Figure]"]

FIGURES: dict[str, str] = {
    "arrangement": "playNano.plots.measurement.arrangement:draw_arrangement",
    "diffusion": "playNano.plots.measurement.diffusion:draw_diffusion",
    "dwell_times": "playNano.plots.measurement.dwell_times:draw_dwell_times",
    "rotation": "playNano.plots.measurement.rotation:draw_rotation",
    "kymograph": "playNano.plots.measurement.kymograph:draw_kymograph",
    "fluctuation": "playNano.plots.measurement.fluctuation:draw_fluctuation",
    "states": "playNano.plots.measurement.states:draw_states",
    "populations": "playNano.plots.measurement.populations:draw_populations",
    "stepping": "playNano.plots.measurement.stepping:draw_stepping",
    "particle_regions": "playNano.plots.measurement.particle_regions:draw_particle_regions",
}
"""Name of a measurement module -> "package.module:function", which draws figures by file name from its outputs."""


CAPTIONS = {
    "msd": "Mean squared displacement against lag, all tracks together with its interval, and the fitted D.",
    "diffusion_by_track": "Diffusion coefficient of each track, in order, with the states of the movie.",
    "survival": "Fraction of molecules that are still bound, corrected for those whose end was not seen.",
    "counts": "Molecules in each frame.",
    "populations_height_nm": "Heights of tracks, and the populations that they form.",
    "populations_volume_nm3": "Volumes of tracks, and the populations that they form.",
    "pair_correlation": "Pair correlation of the detections against distance.",
    "kymograph": "Heights along a line against time.",
}
"""Name of a figure -> caption; others are named."""


def measurement_figures(module: str, outputs: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the figures of a measurement.

    Parameters
    ----------
    module
        Name of the module: "diffusion".
    outputs
        What it returned.

    Returns
    -------
    dict
        File name without ending -> figure; empty if there is nothing to show.
    """
    if module not in FIGURES:
        return {}
    package, _, function = FIGURES[module].partition(":")
    return cast(Figures, getattr(import_module(package), function))(outputs)


def write_measurement_figures(record: Any, folder: str | Path, ending: str = "png") -> dict[str, Path]:
    """Write the figures of all measurements of a record.

    Parameters
    ----------
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack.
    folder
        Folder for the files, created if needed.
    ending
        Format: png, svg or pdf.

    Returns
    -------
    dict
        Name of the file -> its path.

    Raises
    ------
    OSError
        If a file cannot be written; an existing file is left unchanged.
    """
    written: dict[str, Path] = {}
    for key, outputs in outputs_of_kind(record, "measurement").items():
        module = key.split("_", 2)[2]
        for stem, figure in measurement_figures(module, outputs).items():
            name = file_name(stem, ending, key, written)
            written[name] = Path(folder) / name
            save_figure(figure, written[name])
    return written
