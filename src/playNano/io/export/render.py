"""Rendering of heights, shared by figures and animated movies: options, colour map, height limits, scale bar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import check_options
from playNano.core.lazy import computed, is_lazy
from playNano.errors import ParameterError

COLOUR_MAP = "afmhot"
"""Matplotlib colour map of heights: dark is low, bright is high."""

TRACK_COLOURS = (
    "#56b4e9", "#e69f00", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#7fd6ff",
    "#b3de69", "#fb8072", "#bc80bd", "#ffffff",
)  # fmt: skip
"""Colours of tracks, distinguishable by colour-blind people (after Okabe and Ito); the last one is for text."""

OUTLINE_COLOUR = "#00e5ff"
"""Colour of the outlines of detections; dark and bright heights contrast with it."""

MISSING_COLOUR = "#8fa8c8"
"""Colour of pixels without a height (NaN)."""

_Finite = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class PictureOptions:
    """Set colour map, height range and file format of pictures.

    Parameters
    ----------
    cmap
        Name of a Matplotlib colour map of the heights.
    z_range
        Heights at the ends of the colour map, in the unit of the channel, low < high; None for `height_limits`.
    figure_format
        Format of figures: "png", "pdf" or "svg".
    outlines
        Whether the movie shows the outlines of the detections.

    Raises
    ------
    ParameterError
        If a value is out of its range, or there is no such colour map.

    Examples
    --------
    >>> PictureOptions(z_range=(0, 5)).figure_format
    'png'
    """

    cmap: str = COLOUR_MAP
    z_range: tuple[_Finite, _Finite] | None = None
    figure_format: Literal["png", "pdf", "svg"] = "png"
    outlines: bool = True

    def __post_init__(self) -> None:
        check_options(self)
        if self.z_range is not None and not self.z_range[0] < self.z_range[1]:
            raise ParameterError(f"z_range = {self.z_range!r}: the first height must be less than the second")
        if self.cmap != COLOUR_MAP:
            _check_colour_map(self.cmap)


def _check_colour_map(name: str) -> None:
    """Raise if Matplotlib has no such colour map, with similar names."""
    from difflib import get_close_matches

    from matplotlib import colormaps

    from playNano.io.export.colour_maps import register_colour_maps

    register_colour_maps()
    if name not in colormaps:
        similar = get_close_matches(name, list(colormaps), n=3) or ["viridis", "gray", "afmhot"]
        raise ParameterError(f"cmap = {name!r}: no such colour map; similar: {', '.join(similar)}")


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
