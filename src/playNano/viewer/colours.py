"""Colour maps of heights in napari."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.io.export.colour_maps import COLOUR_MAPS
from playNano.io.export.render import COLOUR_MAP


def register_colour_maps() -> None:
    """Add playNano's colour maps of heights to those that napari lists."""
    from napari.utils.colormaps import AVAILABLE_COLORMAPS, Colormap

    from playNano.io.export.colour_maps import colours_of

    for name in COLOUR_MAPS:
        if name not in AVAILABLE_COLORMAPS:
            AVAILABLE_COLORMAPS[name] = Colormap(colours_of(name), name=name, display_name=name)


def colour_map_of(name: str = COLOUR_MAP) -> Any:
    """Return a colour map of heights as napari takes it.

    Parameters
    ----------
    name
        Name of a colour map of playNano or Matplotlib.
    """
    from napari.utils.colormaps import AVAILABLE_COLORMAPS, Colormap

    from playNano.io.export.colour_maps import colour_map

    register_colour_maps()
    if name not in AVAILABLE_COLORMAPS:
        AVAILABLE_COLORMAPS[name] = Colormap(
            colour_map(name)(np.linspace(0, 1, 256)), name=name, display_name=name
        )
    return AVAILABLE_COLORMAPS[name]
