"""The coordinates in which points are clustered, and their scaling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, check_options
from playNano.analysis.points import DEFAULT_DETECTION, DEFAULT_OUTPUT, PIXEL_AXES
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Coordinates = npt.NDArray[np.float64]
Length = Annotated[float, Field(gt=0), Unit("nm")]
Duration = Annotated[float, Field(gt=0), Unit("s")]


@dataclass(frozen=True)
class FeatureSpace:
    """Which points are clustered, and in which coordinates.

    Parameters
    ----------
    detection_module
        Module whose detections are clustered; where it is not given, ``"feature_detection"`` or the detection that
        has run. ``"particle_tracking"`` clusters its tracks, each at its mean position and mean time.
    coord_key
        Name of the output that lists them; where it is not given, ``"features_per_frame"``, or ``"tracks"`` of
        tracking.
    coord_columns
        Names of the coordinates, in the order in which the outputs show them.
    use_time
        Whether the frame's time, s, is a further axis.
    normalise
        Whether each axis that has no scale of its own is scaled before clustering.
    time_weight
        Factor for the time axis, after scaling, >= 0; None: 1. It needs ``use_time``.
    units
        "px": coordinates as the columns have them; "nm": px coordinates in nm, for non-square pixels too.
    scale_by
        What `normalise` makes equal to 1: the "range" of an axis, or its standard deviation ("std").
    scale_nm
        Lengths (y, x), nm, > 0, that count as 1 along the axes in space; needs `units` "nm".
    scale_s
        Time, s, > 0, that counts as 1 along the time axis.
    """

    detection_module: str = DEFAULT_DETECTION
    coord_key: str = DEFAULT_OUTPUT
    coord_columns: Annotated[Sequence[str], Field(min_length=1)] = ("centroid_x", "centroid_y")
    use_time: bool = True
    normalise: bool = True
    time_weight: Annotated[float, Field(ge=0)] | None = None
    units: Literal["px", "nm"] = "px"
    scale_by: Literal["range", "std"] = "range"
    scale_nm: tuple[Length, Length] | None = None
    scale_s: Duration | None = None

    def __post_init__(self) -> None:
        """Check the limits, and that values go together."""
        check_options(self)
        if not self.use_time and (self.time_weight is not None or self.scale_s is not None):
            raise ParameterError("time_weight and scale_s need use_time=True")
        if self.scale_nm is not None and self.units != "nm":
            raise ParameterError("scale_nm needs units='nm'")
        other = [name for name in self.coord_columns if name not in PIXEL_AXES]
        if self.units == "nm" and other:
            raise ParameterError(f"units='nm' turns px into nm, but {other[0]!r} is not in px")

    @property
    def axis_names(self) -> list[str]:
        """Names of the axes, time last."""
        return [*self.coord_columns, *(["time_s"] if self.use_time else [])]


@dataclass(frozen=True)
class FeatureMatrix:
    """The coordinates of the points to cluster.

    Parameters
    ----------
    scaled
        (N, D) coordinates after scaling; time last where it is used.
    positions
        (N, S) coordinates in space, px or nm.
    time_s
        (N,) time of each point, s.
    """

    scaled: Coordinates
    positions: Coordinates
    time_s: Coordinates

    def take(self, rows: npt.NDArray[np.int64]) -> FeatureMatrix:
        """Return some of the points.

        Parameters
        ----------
        rows
            Their rows; one may occur more than once.
        """
        return FeatureMatrix(self.scaled[rows], self.positions[rows], self.time_s[rows])


def feature_matrix(points: pd.DataFrame, space: FeatureSpace) -> FeatureMatrix:
    """Return the coordinates of points, scaled.

    An axis with a scale of its own (`scale_nm`, `scale_s`) is divided by it; with `normalise` the others
    are divided by their range or standard deviation, after their minimum is taken off (an axis of no
    extent becomes 0); then the time axis is multiplied by `time_weight`.

    Parameters
    ----------
    points
        One row a point: the columns ``space.coord_columns``, in ``space.units``, and ``time_s``.
    space
        Which coordinates, and how they are scaled.

    Returns
    -------
    FeatureMatrix
        With the points in the same order.

    Examples
    --------
    >>> import pandas as pd
    >>> points = pd.DataFrame({"x": [0.0, 4.0], "time_s": [10.0, 30.0]})
    >>> feature_matrix(points, FeatureSpace(coord_columns=("x",), time_weight=0.5)).scaled.tolist()
    [[0.0, 0.0], [1.0, 0.5]]
    """
    positions = points[list(space.coord_columns)].to_numpy(dtype=np.float64)
    time_s = points["time_s"].to_numpy(dtype=np.float64)
    scales: list[float | None] = [
        None if space.scale_nm is None else space.scale_nm[PIXEL_AXES[name]] for name in space.coord_columns
    ]
    axes = list(positions.T)
    if space.use_time:
        axes.append(time_s)
        scales.append(space.scale_s)
    columns = [_scaled(axis, scale, space) for axis, scale in zip(axes, scales, strict=True)]
    if space.time_weight is not None:
        columns[-1] = columns[-1] * space.time_weight
    return FeatureMatrix(np.column_stack(columns).astype(np.float64), positions, time_s)


def _scaled(axis: Coordinates, scale: float | None, space: FeatureSpace) -> Coordinates:
    """Return an axis divided by a given scale, or by its range or standard deviation."""
    if scale is not None:
        return axis / scale
    if not space.normalise or not len(axis):
        return axis
    extent = float(np.ptp(axis)) if space.scale_by == "range" else float(np.std(axis))
    return np.asarray((axis - axis.min()) / (extent if extent > 0 else 1.0))
