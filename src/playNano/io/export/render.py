"""Rendering of heights, shared by figures and animated movies: colour map, height limits, scale bar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.lazy import computed, is_lazy
from playNano.core.stack import Stack
from playNano.core.value_units import value_label

COLOUR_MAP = "afmhot"
"""Matplotlib colour map of heights: dark is low, bright is high."""

TRACK_COLOURS = (
    "#56b4e9", "#e69f00", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#7fd6ff",
    "#b3de69", "#fb8072", "#bc80bd", "#ffffff",
)  # fmt: skip
"""Colours of tracks, distinguishable by colour-blind people (after Okabe and Ito); the last one is for text."""


def height_limits(data: npt.NDArray[Any], low: float = 0.5, high: float = 99.8) -> tuple[float, float]:
    """Return the heights at the ends of the colour map: the median over frames of percentiles of each frame.

    The median is robust against frames that do not show the surface. A sample of at most about 50 frames,
    or of 48 frames of a lazy movie, is used.

    Parameters
    ----------
    data
        Heights, (n_frames, height, width), numpy or lazy; non-finite values are ignored.
    low, high
        Percentiles, 0 to 100.

    Returns
    -------
    low, high : float
        Limits in the unit of the data, low < high; (0, 1) without any finite value.

    Examples
    --------
    >>> height_limits(np.full((2, 4, 4), 3.0))
    (3.0, 4.0)
    """
    if is_lazy(data):
        # Neighbouring frames share a chunk, so that few chunks are read.
        step = max(3, len(data) // 16)
        data = np.concatenate([computed(data[i : i + 3]) for i in range(0, len(data), step)])
    sample = data[:: max(1, len(data) // 50), ::2, ::2] if data.size > 200_000 else data
    values = sample[np.isfinite(sample)]
    if not values.size:
        return 0.0, 1.0
    per_frame = [
        np.percentile(frame[np.isfinite(frame)], (low, high)) for frame in sample if np.isfinite(frame).any()
    ]
    bottom, top = (float(v) for v in np.median(per_frame, axis=0))
    return bottom, top if top > bottom else bottom + 1.0


@dataclass(frozen=True)
class ScaleBar:
    """A scale bar of a round length (1, 2 or 5 times a power of ten), at most a quarter of the image width.

    Parameters
    ----------
    length_nm
        Length, nm.
    """

    length_nm: float

    @classmethod
    def for_width(cls, width_nm: float) -> ScaleBar:
        """Return the scale bar for an image of a given width.

        Parameters
        ----------
        width_nm
            Width of the image, nm, > 0.

        Examples
        --------
        >>> ScaleBar.for_width(400.0)
        ScaleBar(length_nm=100.0)
        """
        goal = width_nm / 4
        decade = 10.0 ** math.floor(math.log10(goal))
        return cls(max(step * decade for step in (1.0, 2.0, 5.0) if step * decade <= goal))

    @property
    def text(self) -> str:
        """The length with its unit, nm or µm."""
        return f"{self.length_nm / 1000:g} µm" if self.length_nm >= 1000 else f"{self.length_nm:g} nm"


def track_colour(track: Any) -> str:
    """Return the colour of a track or cluster.

    Parameters
    ----------
    track
        Its number, >= 0; colours repeat.

    Returns
    -------
    str
        Hexadecimal colour, "#rrggbb".
    """
    return TRACK_COLOURS[int(track) % (len(TRACK_COLOURS) - 1)]


def draw_heights(axes: Any, stack: Stack, image: npt.NDArray[Any], colours: str = COLOUR_MAP) -> None:
    """Draw a height image between the height limits of its movie, with axes in nm, a scale bar and a colour bar.

    Parameters
    ----------
    axes
        Matplotlib axes; their coordinates are nm from the centre of pixel (0, 0).
    stack
        The movie, for pixel size, unit and limits.
    image
        Heights, (height, width).
    colours
        Name of a Matplotlib colour map.
    """
    py, px = stack.pixel_size_yx_nm
    low, high = height_limits(stack.data)
    extent = (-0.5 * px, (stack.width - 0.5) * px, (stack.height - 0.5) * py, -0.5 * py)
    shown = axes.imshow(image, cmap=colours, vmin=low, vmax=high, extent=extent, aspect="equal")
    axes.figure.colorbar(shown, ax=axes, label=value_label(stack), shrink=0.8)
    bar = ScaleBar.for_width(stack.width * px)
    x, y = 0.04 * stack.width * px, (stack.height - 1) * py * 0.955
    axes.plot([x, x + bar.length_nm], [y, y], color="white", linewidth=3, solid_capstyle="butt")
    centre, above = x + bar.length_nm / 2, y - 0.015 * stack.height * py
    axes.text(centre, above, bar.text, color="white", ha="center", va="bottom")
    axes.set_xlabel("x (nm)")
    axes.set_ylabel("y (nm)")
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])


def shade_lost(axes: Any, times: npt.NDArray[np.float64], lost: npt.NDArray[np.bool_]) -> None:
    """Shade the times of unusable frames in a plot over time.

    Parameters
    ----------
    axes
        Matplotlib axes with time along x.
    times
        Time of each frame, s, (n_frames,).
    lost
        Which frames to shade, (n_frames,).
    """
    if lost.any():
        where = axes.get_xaxis_transform()
        axes.fill_between(
            times, 0, 1, where=lost, step="mid", color="0.85", transform=where, label="not usable"
        )
