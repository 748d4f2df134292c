"""Options of automatic segmentation, declared once for the function and the analysis module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import Unit, check_options

Polarity = Literal["up", "down", "both", "auto"]


@dataclass(frozen=True)
class SegmentationOptions:
    """Set what automatic segmentation detects.

    Parameters
    ----------
    polarity
        "up" for objects above the background, "down" for pits, "both"; "auto" for the side on which the movie has
        more height beyond the noise, up if it has none.
    false_positives
        Expected number of false detections in a frame of noise alone, above 0: it sets the threshold.
    smoothing_px
        Standard deviation of the Gaussian filter of the frames, px, above 0. Heights are measured on frames that are
        not filtered.

    Raises
    ------
    ParameterError
        If a value is out of its range.

    Examples
    --------
    >>> SegmentationOptions(polarity="down").polarity
    'down'
    """

    polarity: Polarity = "auto"
    false_positives: Annotated[float, Field(gt=0, le=100)] = 0.05
    smoothing_px: Annotated[float, Field(gt=0, le=20), Unit("px")] = 1.0

    def __post_init__(self) -> None:
        check_options(self)
