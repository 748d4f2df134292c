"""Figure of the colour maps for heights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playNano.io.export.colour_maps import COLOUR_MAPS, colour_map, lab_of
from playNano.plots.style import PAGE_WIDTH_IN, figure_style, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure


def draw_colour_maps(names: Sequence[str] = COLOUR_MAPS) -> Figure:
    """Draw colour maps, each in colour and as its lightness against height.

    Parameters
    ----------
    names
        Names of colour maps, of playNano or Matplotlib.

    Returns
    -------
    matplotlib.figure.Figure
        The figure. A straight line of the lightness means that equal steps of height look equal.

    Examples
    --------
    >>> draw_colour_maps(["afm_gold"]).axes[0].get_title()
    'afm_gold'
    """
    with figure_style():
        figure = new_figure(PAGE_WIDTH_IN, 1.9)
        axes = figure.subplots(2, len(names), squeeze=False, height_ratios=(1, 3))
        figure.subplots_adjust(left=0.06, right=0.985, top=0.9, bottom=0.2, hspace=0.12, wspace=0.2)
        for column, name in enumerate(names):
            colours = colour_map(name)(np.linspace(0, 1, 256))[:, :3]
            above, below = axes[:, column]
            above.imshow(colours[None], aspect="auto", extent=(0, 1, 0, 1))
            above.set_title(name)
            above.set_axis_off()
            below.scatter(np.linspace(0, 1, 256), lab_of(colours)[:, 0], c=colours, s=6, linewidths=0)
            below.set_xlim(0, 1)
            below.set_ylim(0, 100)
            below.set_xlabel("place in the range of heights")
        axes[1, 0].set_ylabel("lightness L*")
    return figure
