"""Options of region detection, declared once for the function and the analysis module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import HeightUnit, Unit, check_options
from playNano.algorithms.regions.separate import (
    Separation,
    SeparationDepth,
    SeparationRadius,
    SeparationSurface,
)
from playNano.errors import ParameterError

Area = Annotated[float, Field(ge=0), Unit("nm^2")]
Height = Annotated[float, HeightUnit(instead="select rows of the table by height_<unit>")]


@dataclass(frozen=True)
class RegionOptions:
    """Set the limits of regions, the background of their heights, and the separation of touching particles.

    Parameters
    ----------
    min_size
        Minimum area, px; a region of exactly this area is kept.
    remove_edge
        Whether regions that touch the border of the frame are dropped.
    fill_holes
        Whether holes in the mask are filled before labelling. A hole is 4-connected background, as it must be
        where the foreground is 8-connected.
    hole_area
        Fill only background smaller than this area, px (at the border too, as
        `skimage.morphology.remove_small_holes` does); None fills every hole that is closed. Used only with
        ``fill_holes``.
    min_area_nm2
        Minimum area, nm^2, inclusive.
    max_area_nm2
        Maximum area, nm^2, inclusive.
    min_height_nm
        Minimum ``height_nm``, the peak height above the background, nm, inclusive; of pits the depth. A region whose
        background is unknown passes no such limit.
    max_height_nm
        Maximum ``height_nm``, nm, inclusive; of pits the depth.
    background
        Background of heights and volumes: "annulus", the median of the pixels in an annulus around the
        region; "frame", the median of all pixels of the frame that belong to no region; "zero", 0.
    annulus_gap_px
        Gap between a region and its annulus, px (Chebyshev distance), which excludes the flanks of particles: the
        annulus omits every pixel within the gap of any region of ``min_size`` and more, and the pixels of smaller
        regions. Where fewer than eight pixels are left, only the region's own gap is omitted; where these are still
        too few, the median of the frame is used. None is three quarters of each region's radius (of half its width,
        if it is long), at least 2 px: the extent of a Gaussian beyond a threshold at a third of its height. It applies
        to regions only: the annulus of blobs is given in multiples of sigma.
    annulus_width_px
        Width of the annulus beyond the gap, px.
    polarity
        "up" for regions above the background, "down" for pits, "both": by the mean of each region. Heights and volumes
        of pits are negative, their peak is the bottom, and the limits of height apply to the depth. "auto" is "up"
        for regions of a mask; where no mask is given, it is found from the movie.
    separate
        How touching particles are separated: "none", by "opening" or by "watershed".
    separate_by
        Input of the watershed: the "distance" to the background or the "height".
    separate_depth_nm
        Minimum rise of a peak above the saddle to a higher one, nm, to be a particle of its own. None is the longer
        side of a pixel for distance, and three times the noise of the frame for height.
    separate_radius_nm
        Radius of the disc of the opening, nm. None is twice the longer side of a pixel.
    """

    min_size: Annotated[int, Field(ge=0), Unit("px")] = 10
    remove_edge: bool = True
    fill_holes: bool = False
    hole_area: Annotated[int, Field(ge=1), Unit("px")] | None = None
    min_area_nm2: Area | None = None
    max_area_nm2: Area | None = None
    min_height_nm: Height | None = None
    max_height_nm: Height | None = None
    background: Literal["annulus", "frame", "zero"] = "annulus"
    annulus_gap_px: Annotated[int, Field(ge=0), Unit("px")] | None = None
    annulus_width_px: Annotated[int, Field(ge=1), Unit("px")] = 3
    polarity: Literal["auto", "up", "down", "both"] = "auto"
    separate: Literal["none", "opening", "watershed"] = "none"
    separate_by: SeparationSurface = "distance"
    separate_depth_nm: SeparationDepth | None = None
    separate_radius_nm: SeparationRadius | None = None

    def __post_init__(self) -> None:
        check_options(self)
        if self.hole_area is not None and not self.fill_holes:
            raise ParameterError("hole_area needs fill_holes=True")

    @property
    def separation(self) -> Separation | None:
        """Options of the separation of touching particles; None where they are not separated."""
        if self.separate == "none":
            return None
        return Separation(self.separate, self.separate_by, self.separate_depth_nm, self.separate_radius_nm)

    @property
    def limits_height(self) -> bool:
        """Whether there is a limit of height."""
        return self.min_height_nm is not None or self.max_height_nm is not None
