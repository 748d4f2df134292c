"""Shaded relief of a frame in three dimensions, with a true scale of the heights or a stated exaggeration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.core.stack import Stack
from playNano.core.value_units import value_label
from playNano.errors import ParameterError
from playNano.io.export.colour_maps import colour_map
from playNano.io.export.render import PictureOptions, height_limits
from playNano.plots.style import figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_EDGE = 320
"""Number of points along an edge up to which every pixel is drawn."""

_SHARE = 0.12
"""Height of the relief without a given exaggeration, as a part of the longer edge."""


def draw_relief(
    stack: Stack,
    frame: int = 0,
    *,
    z_exaggeration: float | None = None,
    pictures: PictureOptions | None = None,
    azimuth_deg: float = -65.0,
    elevation_deg: float = 40.0,
) -> Figure:
    """Draw a frame as a shaded relief, seen from the side, in true proportions apart from the stated exaggeration.

    The light comes from the upper left of the frame. The slopes that it shades are those that are drawn.

    Parameters
    ----------
    stack
        The movie, as a rule a levelled one; its values are lengths.
    frame
        Number of the frame.
    z_exaggeration
        Factor by which heights are stretched against x and y, > 0; 1 is the true proportion. None for the round number
        (1, 2, 5, 10 ...) with which the relief is about an eighth of its width high. The picture states it.
    pictures
        Colour map, and heights at its ends; None for the defaults. The range changes colours, not the relief.
    azimuth_deg, elevation_deg
        Direction from which the relief is seen, degrees: around the vertical, and above the surface (0 to 90).

    Returns
    -------
    matplotlib.figure.Figure
        The figure; `playNano.plots.style.save_figure` writes it. Pixels without a height are holes.

    Raises
    ------
    ParameterError
        The channel is not a length, an option is out of its range, or the frame has no height at all.

    Examples
    --------
    >>> from playNano.simulate import simulate_movie
    >>> stack = simulate_movie(2, (32, 32), n_particles=1).to_stack()
    >>> draw_relief(stack, z_exaggeration=1).axes[0].get_xlabel()
    'x (nm)'
    """
    if not stack.is_length:
        raise ParameterError(f"a relief is of heights, and the unit of {stack.channel} is {stack.unit!r}")
    if z_exaggeration is not None and not (z_exaggeration > 0 and math.isfinite(z_exaggeration)):
        raise ParameterError(f"z_exaggeration = {z_exaggeration:g}: it must be greater than 0")
    if not 0 <= elevation_deg <= 90:
        raise ParameterError(f"elevation_deg = {elevation_deg:g}: it must be from 0 to 90")
    pixels = np.asarray(stack.get_frame(frame), dtype=np.float64)
    step = max(1, math.ceil(max(pixels.shape) / MAX_EDGE))
    heights = pixels[::step, ::step]
    if not np.isfinite(heights).any() or min(heights.shape) < 2:
        raise ParameterError(f"{stack.file_path.name}: frame {frame} has no heights to draw")
    drawn = pictures or PictureOptions()
    limits = drawn.z_range or height_limits(pixels[None])
    py, px = (size * step for size in stack.pixel_size_yx_nm)
    edges = np.multiply(heights.shape, (py, px))
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    factor = z_exaggeration or _round_factor(_SHARE * edges.max() / max(high - low, 1e-9))
    colours = _shaded(heights, limits, drawn.cmap, (py, px), factor)
    with figure_style():
        figure = new_figure(5.2, 3.9)
        axes: Any = figure.add_axes((-0.03, -0.04, 0.88, 1.04), projection="3d")
        y0, x0 = stack.origin_nm
        y, x = np.mgrid[: heights.shape[0], : heights.shape[1]]
        surface = axes.plot_surface(
            x0 + x * px, y0 + y * py, heights, facecolors=colours, rstride=1, cstride=1,
            linewidth=0, antialiased=False, shade=False,
        )  # fmt: skip
        surface.set_rasterized(True)
        _finish(axes, edges, (low, high), factor, (azimuth_deg, elevation_deg))
        thinned = "" if step == 1 else f"; 1 of {step} pixels along x and y"
        times = f"heights \N{MULTIPLICATION SIGN} {factor:g} against x and y"
        figure.text(0.44, 0.93, f"{_when(stack, frame)}; {times}{thinned}", ha="center", fontsize=8)
        _colour_bar(figure, limits, drawn.cmap, value_label(stack))
    return figure


def _round_factor(goal: float) -> float:
    """Return the largest of 1, 2, 5, 10 ... that is not above a number; at least 1.

    Examples
    --------
    >>> [_round_factor(goal) for goal in (0.3, 7.0, 26.0)]
    [1.0, 5.0, 20.0]
    """
    if goal < 1:
        return 1.0
    decade = 10.0 ** math.floor(math.log10(goal))
    return max(digit * decade for digit in (1.0, 2.0, 5.0) if digit * decade <= goal)


def _shaded(
    heights: npt.NDArray[np.float64],
    limits: tuple[float, float],
    cmap: str,
    size_yx: tuple[float, float],
    factor: float,
) -> npt.NDArray[np.float64]:
    """Return the colours of the points with light and shadow, (rows, columns, 4)."""
    from matplotlib.colors import LightSource, Normalize

    filled = np.where(np.isfinite(heights), heights, np.nanmedian(heights))
    rgb = colour_map(cmap)(Normalize(*limits)(filled))[..., :3]
    light = LightSource(azdeg=315, altdeg=50)
    # LightSource takes row 0 as the upper edge.
    shaded = light.shade_rgb(
        rgb, filled, fraction=1.0, blend_mode="soft", vert_exag=factor, dx=size_yx[1], dy=size_yx[0]
    )
    return np.asarray(np.dstack([np.clip(shaded, 0, 1), np.isfinite(heights)]))


def _finish(
    axes: Any,
    edges: npt.NDArray[np.float64],
    heights: tuple[float, float],
    factor: float,
    seen_from: tuple[float, float],
) -> None:
    """Set proportions, direction of view and labels."""
    low, high = heights
    span = max(high - low, 1e-9)
    axes.set_zlim(low, low + span)
    axes.invert_yaxis()
    axes.set_box_aspect((edges[1], edges[0], span * factor), zoom=1.02)
    azimuth, elevation = seen_from
    axes.view_init(elev=elevation, azim=azimuth)
    axes.set_proj_type("ortho")
    axes.set_xlabel("x (nm)", labelpad=0)
    axes.set_ylabel("y (nm)", labelpad=0)
    axes.tick_params(pad=-1)
    axes.locator_params(axis="z", nbins=3)
    axes.locator_params(axis="x", nbins=5)
    axes.locator_params(axis="y", nbins=5)


def _when(stack: Stack, frame: int) -> str:
    """Return a frame and its time in words."""
    time = stack.time_for_frame(frame)
    return f"frame {frame}" + (f", {time:.2f} s" if stack.has_times and math.isfinite(time) else "")


def _colour_bar(figure: Figure, limits: tuple[float, float], cmap: str, label: str) -> None:
    """Draw the colours without shading beside the relief."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    axes = figure.add_axes((0.895, 0.25, 0.018, 0.5))
    figure.colorbar(ScalarMappable(Normalize(*limits), colour_map(cmap)), cax=axes, label=label)
