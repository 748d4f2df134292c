"""Options of tracking that depend on the unit of length and on the columns of the detections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from playNano._options import HeightUnit, Unit
from playNano.algorithms.linking.settings import DistanceScale, LinkingOptions
from playNano.errors import ParameterError

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
        Search range: maximum displacement of a particle from one frame to the next, px. With ``method="global"`` it
        should be generous, as the distribution of displacements is estimated from the movie.
    max_distance_nm
        Search range in nm, instead of `max_distance`; pixels need not be square.
    distance_scale
        Scaling of the search range with the time g since the last detection, in frame intervals: "constant",
        "sqrt" for sqrt(g) (Brownian motion), or "linear" for g (directed motion).
    step_nm
        Root mean square displacement per frame interval, nm, if known; by default it is estimated.
    mass_column
        Column of the detections that is conserved in a merge, such as ``"volume_nm3"`` (only where the channel is a
        length); by default merges are detected by position alone.
    """

    max_distance: Annotated[float, Field(gt=0, allow_inf_nan=False), Unit("px")] | None = 5.0
    max_distance_nm: Length | None = None
    distance_scale: DistanceScale = "constant"
    step_nm: Length | None = None
    mass_column: str | None = None

    @property
    def search_range(self) -> float:
        """The search range, in nm if `max_distance_nm` is given, else in px."""
        given = self.max_distance if self.max_distance_nm is None else self.max_distance_nm
        if given is None:
            raise ParameterError("give max_distance (px) or max_distance_nm")
        return given


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
    return LinkingOptions(
        max_distance=tracking.search_range,
        distance_scale=tracking.distance_scale,
        step=None if tracking.step_nm is None else tracking.step_nm / units.length_factor,
        **{name: params[name] for name in shared},
    )
