"""Options of tracking that depend on the unit of length and on the columns of the detections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from playNano._options import HeightUnit, Unit
from playNano.algorithms.linking.settings import DistanceScale, LinkingOptions

if TYPE_CHECKING:
    from playNano.analysis.tracking.units import CoordinateUnits

Options = TypeVar("Options", "TrackingOptions", "FeatureWeights")

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Length = Annotated[float, Field(gt=0, allow_inf_nan=False), Unit("nm")]
HeightScale = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False),
    HeightUnit(instead="leave it out: it is estimated from the movie"),
]

OF_COORDINATES = ("max_distance", "distance_scale", "step")
"""Fields of `LinkingOptions` that the tracking modules declare with other units or defaults."""


@dataclass(frozen=True)
class TrackingOptions:
    """Lengths and column names in tracking.

    Parameters
    ----------
    max_distance
        Search range: maximum displacement of a particle from one frame to the next, px. By default it is estimated
        from the movie: from the histogram of the distances of all detections to those of the next frame, and from the
        distance to the nearest neighbour. A shorter one cuts tracks.
    max_distance_nm
        Search range in nm, instead of `max_distance`; pixels need not be square.
    distance_scale
        Scaling of the search range with the time g since the last detection, in frame intervals: "constant" (an
        estimated range grows with time as the motion does), "sqrt" for sqrt(g) (Brownian motion), or "linear" for g
        (directed motion).
    step_nm
        Root mean square displacement per frame interval, nm, if known; by default it is estimated.
    mass_column
        Column of the detections that is conserved in a merge, such as ``"volume_nm3"`` (only where the channel is a
        length); by default the volume, where the detections have one. Without it merges are detected by position alone.
    """

    max_distance: Annotated[float, Field(gt=0, allow_inf_nan=False), Unit("px")] | None = None
    max_distance_nm: Length | None = None
    distance_scale: DistanceScale = "constant"
    step_nm: Length | None = None
    mass_column: str | None = None

    @property
    def search_range(self) -> float | None:
        """The search range, in nm if `max_distance_nm` is given, else in px; None: estimated."""
        return self.max_distance if self.max_distance_nm is None else self.max_distance_nm


@dataclass(frozen=True)
class FeatureWeights:
    """Weights and scales of features in the cost of a link.

    Parameters
    ----------
    area_weight
        Weight of the log likelihood ratio of the areas in the cost; 0: not used, 1: full weight.
    area_scale_nm2
        Standard deviation of one measurement of the area, nm^2; by default estimated from the movie.
    height_weight
        Weight of the height, as for the area.
    height_scale_nm
        Standard deviation of one measurement of the height, nm; by default estimated from the movie.
    orientation_weight
        Weight of the orientation, as for the area.
    orientation_scale_rad
        Standard deviation of one measurement of the orientation, rad; by default estimated from the movie.
    """

    area_weight: Weight = 0.0
    area_scale_nm2: Annotated[float, Field(gt=0, allow_inf_nan=False), Unit("nm^2")] | None = None
    height_weight: Weight = 0.0
    height_scale_nm: HeightScale | None = None
    orientation_weight: Weight = 0.0
    orientation_scale_rad: Annotated[float, Field(gt=0, allow_inf_nan=False), Unit("rad")] | None = None


def options_of(params: Mapping[str, Any], kind: type[Options]) -> Options:
    """Create an instance of a dataclass from the parameters that it declares.

    Parameters
    ----------
    params
        Parameters in effect, by name.
    kind
        The dataclass.
    """
    return kind(**{field.name: params[field.name] for field in fields(kind)})


def linking_options(
    params: Mapping[str, Any], tracking: TrackingOptions, units: CoordinateUnits
) -> LinkingOptions:
    """Create the options of linking, with lengths in the unit in which coordinates are linked.

    Parameters
    ----------
    params
        Parameters in effect, including those of `LinkingOptions` without a unit of length.
    tracking
        Options with a unit of length.
    units
        Units of the coordinates.
    """
    shared = [field.name for field in fields(LinkingOptions) if field.name not in OF_COORDINATES]
    by_motion = tracking.search_range is None and tracking.distance_scale == "constant"
    return LinkingOptions(
        max_distance=tracking.search_range,
        distance_scale=None if by_motion else tracking.distance_scale,
        step=None if tracking.step_nm is None else tracking.step_nm / units.length_factor,
        **{name: params[name] for name in shared},
    )
