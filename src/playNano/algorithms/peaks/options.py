"""Options of the detection of peaks and of copies of a template, declared once for functions and analysis modules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import HeightUnit, Unit, check_options
from playNano.algorithms._common.polarity import Polarity

LengthNm = Annotated[float, Field(ge=0), Unit("nm")]
MinHeight = Annotated[float, Field(ge=0), HeightUnit(instead="select rows of the table by z_max_<unit>")]
MinProminence = Annotated[
    float, Field(ge=0), HeightUnit(instead="leave it out: three times the noise of the frame is used")
]


@dataclass(frozen=True)
class PeakOptions:
    """Set the limits of height, prominence and distance of peaks, and the background of their heights.

    Parameters
    ----------
    min_height_nm
        Minimum height above the background, nm, at least 0. None is 0; the module `peak_detection` finds it from the
        noise of the movie.
    min_prominence_nm
        Minimum prominence, nm, at least 0: height above the highest saddle to a higher peak. None is three times the
        noise of the frame after smoothing (`playNano.algorithms.surface.noise.robust_noise`).
    min_prominence_ratio
        Minimum ratio of the prominence to the height, 0 to 1. None is 0; with a height found from the noise 0.4.
    min_distance_nm
        Minimum distance between peaks, nm, at least 0; of peaks that are closer the highest is kept.
    smoothing_px
        Standard deviation of the Gaussian filter applied to the frame first, px, at least 0; heights are those of the
        smoothed frame. None is 0; with a height found from the noise 1.
    background
        What heights are measured from: "frame", the median of the frame, or "zero". None is "frame"; with a height
        found from the noise of a movie whose background lies at 0 "zero".
    remove_edge
        Whether peaks on the border of the frame are dropped.
    subpixel
        Whether positions are refined to subpixel precision: the vertex of the paraboloid through the pixels around it
        (at most half a pixel); the height is that of the pixel.
    polarity
        "up" for peaks above the background, "down" for pits, whose heights are negative, "both"; "auto" is "up", but
        the module `peak_detection` finds it from the movie if no height is given.

    Raises
    ------
    ParameterError
        If a value is out of its range.

    Examples
    --------
    >>> PeakOptions(min_height_nm=2).min_height_nm
    2
    """

    min_height_nm: MinHeight | None = None
    min_prominence_nm: MinProminence | None = None
    min_prominence_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    min_distance_nm: LengthNm = 0.0
    smoothing_px: Annotated[float, Field(ge=0, allow_inf_nan=False), Unit("px")] | None = None
    background: Literal["frame", "zero"] | None = None
    remove_edge: bool = False
    subpixel: bool = True
    polarity: Polarity = "auto"

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class TemplateOptions:
    """Set the angles at which a template is compared with a frame, and the limits of matches.

    Parameters
    ----------
    n_angles
        Number of evenly spaced angles, >= 1; with 1 the template is not rotated.
    symmetry
        Order of the template's rotational symmetry, at least 1: angles cover 1 / symmetry of a circle.
    min_score
        Minimum normalised cross-correlation, -1 to 1.
    min_distance_nm
        Minimum distance between matches, nm, at least 0; of matches that are closer the best is kept. None is half the
        shorter side of the template.
    subpixel
        Whether positions are refined to subpixel precision, to the vertex of the paraboloid through the scores at the
        match, and angles to the vertex of the parabola through the neighbouring angles.
    polarity
        "up" and "auto" for copies of the template, "down" for inverted copies, whose gain is negative, "both".

    Raises
    ------
    ParameterError
        If a value is out of its range.

    Examples
    --------
    >>> TemplateOptions(n_angles=12, symmetry=3).angle_step_rad * 12 * 3 / 2
    3.141592653589793
    """

    n_angles: Annotated[int, Field(ge=1)] = 1
    symmetry: Annotated[int, Field(ge=1)] = 1
    min_score: Annotated[float, Field(ge=-1, le=1)] = 0.6
    min_distance_nm: LengthNm | None = None
    subpixel: bool = True
    polarity: Polarity = "auto"

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def period_rad(self) -> float:
        """Angle of the rotational symmetry of the template."""
        return 2 * math.pi / self.symmetry

    @property
    def angle_step_rad(self) -> float:
        """Difference of adjacent angles."""
        return self.period_rad / self.n_angles
