"""What pictures and movies share: colours, height limits, scale bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.lazy import computed, is_lazy

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
