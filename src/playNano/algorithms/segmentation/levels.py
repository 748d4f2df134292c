"""Thresholds of a movie."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Levels:
    """Thresholds of a movie, and what they were computed from.

    Attributes
    ----------
    polarity
        "up", "down" or "both".
    background_nm
        Height of the background, nm.
    pixel_noise_nm
        Standard deviation of a pixel of the background, nm.
    noise_nm
        The same in the smoothed frames.
    fwhm_px
        Full width at half maximum of the noise's correlation in the smoothed frames, along y and x, px.
    threshold_nm
        Height above the background that the peak of an object exceeds, nm.
    low_nm
        Height above which pixels are flooded, nm.
    min_area_px
        Minimum area of an object at half of its height, px.
    background_share
        Fraction of the pixels within three standard deviations of the background.
    highest_nm, lowest_nm
        Highest and lowest pixel of the smoothed frames, above the background.
    is_periodic
        Whether the frames are periodic though hardly any pixel lies outside the noise: a lattice.
    has_terraces
        Whether large areas that carry objects were taken for terraces.
    usual_area_px
        Usual area of an object at half of its height, px; NaN where it is not known.
    area_range_px
        10th and 90th percentile of the areas of the objects at half of their height, px; NaN without objects.
    low_peak_nm
        10th percentile of the heights of the smoothed objects, nm; NaN without objects.
    has_singles
        Whether enough objects have the usual area for it to be that of a single object.
    smoothing_px
        Standard deviation of the Gaussian filter, px.
    """

    polarity: str
    background_nm: float
    pixel_noise_nm: float
    noise_nm: float
    fwhm_px: tuple[float, float]
    threshold_nm: float
    low_nm: float
    min_area_px: int
    background_share: float
    highest_nm: float
    lowest_nm: float
    is_periodic: bool = False
    has_terraces: bool = False
    usual_area_px: float = math.nan
    area_range_px: tuple[float, float] = (math.nan, math.nan)
    low_peak_nm: float = math.nan
    has_singles: bool = False
    smoothing_px: float = 1.0

    @property
    def sigmas(self) -> float:
        """Threshold in standard deviations of the smoothed noise."""
        return self.threshold_nm / self.noise_nm if self.noise_nm > 0 else math.inf
