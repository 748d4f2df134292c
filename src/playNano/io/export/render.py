"""What pictures and movies share: colours, height limits, scale bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.lazy import computed, is_lazy
from playNano.core.stack import Stack

COLOUR_MAP = "afmhot"
TRACK_COLOURS = (
    "#56b4e9", "#e69f00", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#7fd6ff",
    "#b3de69", "#fb8072", "#bc80bd", "#ffffff",
)  # fmt: skip
"""Told apart by colour-blind people too (after Okabe and Ito)."""


def height_limits(data: npt.NDArray[Any], low: float = 0.5, high: float = 99.8) -> tuple[float, float]:
    """Return the heights between which colours run: percentiles over a sample of the movie.

    Parameters
    ----------
    data
        (n_frames, height, width).
    low, high
        Percentiles.

    Examples
    --------
    >>> height_limits(np.full((2, 4, 4), 3.0))
    (3.0, 4.0)
    """
    if is_lazy(data):
        # Frames of one chunk cost little more than one of them; few chunks are touched.
        step = max(3, len(data) // 16)
        data = np.concatenate([computed(data[i : i + 3]) for i in range(0, len(data), step)])
    sample = data[:: max(1, len(data) // 50), ::2, ::2] if data.size > 200_000 else data
    values = sample[np.isfinite(sample)]
    if not values.size:
        return 0.0, 1.0
    # Frames that are lost as a whole must not set the scale: the median over frames does.
    per_frame = [
        np.percentile(frame[np.isfinite(frame)], (low, high)) for frame in sample if np.isfinite(frame).any()
    ]
    bottom, top = (float(v) for v in np.median(per_frame, axis=0))
    return bottom, top if top > bottom else bottom + 1.0


@dataclass(frozen=True)
class ScaleBar:
    """A round length that fills about a fifth of the picture."""

    length_nm: float

    @classmethod
    def for_width(cls, width_nm: float) -> ScaleBar:
        """Return the bar for a picture of this width.

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
        """The length in words."""
        return f"{self.length_nm / 1000:g} µm" if self.length_nm >= 1000 else f"{self.length_nm:g} nm"


def track_colour(track: Any) -> str:
    """Return the colour of a track."""
    return TRACK_COLOURS[int(track) % (len(TRACK_COLOURS) - 1)]


def draw_heights(axes: Any, stack: Stack, image: npt.NDArray[Any], colours: str = COLOUR_MAP) -> None:
    """Draw heights between the movie's limits with axes in nm, a scale bar and a colour bar.

    Parameters
    ----------
    axes
        Matplotlib axes; places are in nm from the centre of pixel (0, 0).
    stack
        The movie, for pixel size, unit and limits.
    image
        (height, width).
    colours
        Name of a Matplotlib colour map.
    """
    py, px = stack.pixel_size_yx_nm
    low, high = height_limits(stack.data)
    extent = (-0.5 * px, (stack.width - 0.5) * px, (stack.height - 0.5) * py, -0.5 * py)
    shown = axes.imshow(image, cmap=colours, vmin=low, vmax=high, extent=extent, aspect="equal")
    axes.figure.colorbar(shown, ax=axes, label=f"height ({stack.unit})", shrink=0.8)
    bar = ScaleBar.for_width(stack.width * px)
    x, y = 0.04 * stack.width * px, (stack.height - 1) * py * 0.955
    axes.plot([x, x + bar.length_nm], [y, y], color="white", linewidth=3, solid_capstyle="butt")
    middle, above = x + bar.length_nm / 2, y - 0.015 * stack.height * py
    axes.text(middle, above, bar.text, color="white", ha="center", va="bottom")
    axes.set_xlabel("x (nm)")
    axes.set_ylabel("y (nm)")
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])


def shade_lost(axes: Any, times: npt.NDArray[np.float64], lost: npt.NDArray[np.bool_]) -> None:
    """Shade the times of frames that do not show the surface."""
    if lost.any():
        where = axes.get_xaxis_transform()
        axes.fill_between(
            times, 0, 1, where=lost, step="mid", color="0.85", transform=where, label="not usable"
        )
