"""Figures: overview of an analysis, sampled frames, threshold, clusters, validation.

Examples
--------
>>> from playNano.plots import draw_overview
>>> from playNano.simulate import simulate_movie
>>> draw_overview(simulate_movie(3, (32, 32), n_particles=1).to_stack(), {}).axes[0].get_xlabel()
'x (nm)'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playNano.plots.clusters import write_cluster_pictures
    from playNano.plots.colour_maps import draw_colour_maps
    from playNano.plots.overview import draw_overview, write_overview
    from playNano.plots.pictures import write_pictures
    from playNano.plots.relief import draw_relief
    from playNano.plots.validation import draw_validation, save_validation

__all__ = [
    "draw_colour_maps",
    "draw_overview",
    "draw_relief",
    "draw_validation",
    "save_validation",
    "write_cluster_pictures",
    "write_overview",
    "write_pictures",
]

_MODULES = {
    "colour_maps": ("draw_colour_maps",),
    "clusters": ("write_cluster_pictures",),
    "overview": ("draw_overview", "write_overview"),
    "pictures": ("write_pictures",),
    "relief": ("draw_relief",),
    "validation": ("draw_validation", "save_validation"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"playNano.plots.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
