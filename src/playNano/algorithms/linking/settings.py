"""The options of linking: one declaration of types, limits and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import Unit, check_options
from playNano.errors import ParameterError

MotionName = Literal["auto", "brownian", "directed", "static"]
FittedMotion = Literal["brownian", "directed", "static"]
DistanceScale = Literal["constant", "sqrt", "linear"]
LinkMethod = Literal["global", "frame"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Probability = Annotated[float, Field(gt=0, lt=1), Unit("1/frame")]
Count = Annotated[int, Field(ge=0), Unit("frames")]

GROWTH_POWER: dict[str, int] = {"constant": 0, "sqrt": 1, "linear": 2}
"""Distance scale -> power of the gap by which the squared search range grows."""

DEFAULT_SCALE: dict[FittedMotion, DistanceScale] = {
    "brownian": "sqrt",
    "directed": "linear",
    "static": "constant",
}
"""Motion -> distance scale, where none is given."""


@dataclass(frozen=True)
class LinkingOptions:
    """Options of `link_movie`; lengths are in the unit of the coordinates.

    Parameters
    ----------
    max_distance
        Search range: maximum displacement of a particle in one frame interval, > 0; None: estimated from the
        displacements and the distance to neighbours (see `search_range.estimate_steps`).
    max_missing
        Gap closing: number of observed frames in a row in which a particle may go undetected, >= 0; None: estimated
        from the missed detections.
    distance_scale
        Growth of the search range with the time g since the last detection, in frame intervals: "constant", "sqrt"
        proportional to sqrt(g) as in Brownian motion, "linear" proportional to g as in directed motion; None: by
        `motion`.
    method
        "global": one assignment over the whole movie on likelihood ratios. "frame": optimal assignment from frame to
        frame by distance; the rates are then used only for the confidence of links.
    min_length
        Minimum number of detections of a track, >= 1; shorter tracks are left out.
    motion
        "brownian": displacements are independent. "directed": they correlate with the velocity before and after.
        "static": the particle stays near one position. "auto": "directed" where the successive displacements of
        Brownian tracks are correlated (see `velocity_correlation.VelocityCorrelation`), else "brownian"; always
        "brownian" with ``method="frame"`` or a given step.
    drift
        "global": the common motion of all particles is estimated robustly and removed before linking. Coordinates
        in the tables stay as they were detected.
    merge_split
        Whether to detect merges and splits of particles.
    step
        Root mean squared displacement per frame interval, > 0; None: estimated.
    miss_rate
        Probability per frame that a particle is missed, 0 to 1; None: estimated. Used only with ``max_missing`` > 0.
    end_rate
        Death rate: probability per frame that a track ends, 0 to 1; None: estimated.
    start_rate
        Birth rate: probability per frame that a particle has just appeared, 0 to 1; None: estimated.
    false_per_frame
        Clutter: false detections in a frame, >= 0; None: estimated.

    Raises
    ------
    ParameterError
        If a value is outside its limits.

    Examples
    --------
    >>> LinkingOptions(max_distance=5.0, motion="directed").scale
    'linear'
    """

    max_distance: Positive | None = None
    max_missing: Count | None = None
    distance_scale: DistanceScale | None = None
    method: LinkMethod = "global"
    min_length: Annotated[int, Field(ge=1)] = 1
    motion: MotionName = "auto"
    drift: Literal["none", "global"] = "none"
    merge_split: bool = False
    step: Positive | None = None
    miss_rate: Probability | None = None
    end_rate: Probability | None = None
    start_rate: Probability | None = None
    false_per_frame: Annotated[float, Field(ge=0, allow_inf_nan=False), Unit("1/frame")] | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        check_options(self)

    @property
    def search_range(self) -> float:
        """The search range in effect.

        Raises
        ------
        ParameterError
            If it has not been estimated yet.
        """
        if self.max_distance is None:
            raise ParameterError("max_distance is None: it must be estimated before it is used")
        return self.max_distance

    @property
    def n_gaps(self) -> int:
        """Number of observed frames that a link may span; 1 while `max_missing` has not been estimated."""
        return int(self.max_missing or 0) + 1

    @property
    def scale(self) -> DistanceScale:
        """The distance scale in effect."""
        return self.distance_scale or DEFAULT_SCALE[self.fitted_motion]

    @property
    def fitted_motion(self) -> FittedMotion:
        """The motion model in effect; "brownian" while "auto" has not been decided."""
        return "brownian" if self.motion == "auto" else self.motion

    @property
    def growth_power(self) -> int:
        """Power of the gap by which the squared search range grows: 0, 1 or 2."""
        return GROWTH_POWER[self.scale]
