"""Feature space of clustering: the coordinates of the points, and their scaling."""

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
    """Options of the feature space: which points are clustered, in which scaled coordinates.

    Parameters
    ----------
    detection_module
        Module whose detections are clustered; by default ``"feature_detection"`` or the detection module that
        has run. ``"particle_tracking"`` clusters its tracks, each at its mean position and mean time.
    coord_key
        Name of the output that lists them; by default ``"features_per_frame"``, or ``"tracks"`` of
        tracking.
    coord_columns
        Names of the coordinates, in the order of the outputs.
    use_time
        Whether the time of the frame, s, is an additional axis.
    normalise
        Whether each axis without an explicit scale is normalised before clustering.
    time_weight
        Factor for the time axis, after scaling, >= 0; None: 1. It needs ``use_time``.
    units
        "px": coordinates as in the columns; "nm": px coordinates are converted to nm, also for non-square pixels.
    scale_by
        Quantity by which `normalise` divides: the "range" of an axis, or its standard deviation ("std").
    scale_nm
        Lengths (y, x), nm, > 0, by which the spatial axes are divided; needs `units` "nm".
    scale_s
        Time, s, > 0, by which the time axis is divided.
    """

    detection_module: str = DEFAULT_DETECTION
    coord_key: str = DEFAULT_OUTPUT
    coord_columns: Annotated[Sequence[str], Field(min_length=1)] = ("centroid_x", "centroid_y")
    use_time: bool = True
    normalise: bool = True
    time_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    units: Literal["px", "nm"] = "px"
    scale_by: Literal["range", "std"] = "range"
    scale_nm: tuple[Length, Length] | None = None
    scale_s: Duration | None = None

    def __post_init__(self) -> None:
        """Check the limits, and that the values are compatible."""
        check_options(self)
        if not self.use_time and (self.time_weight is not None or self.scale_s is not None):
            raise ParameterError("time_weight and scale_s need use_time=True")
        if self.scale_nm is not None and self.units != "nm":
            raise ParameterError("scale_nm needs units='nm'")
        other = [name for name in self.coord_columns if name not in PIXEL_AXES]
        if self.units == "nm" and other:
            raise ParameterError(f"units='nm' converts px to nm, but {other[0]!r} is not in px")

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
        (N, D) coordinates after scaling, with time last if it is used.
    positions
        (N, S) spatial coordinates, px or nm.
    time_s
        (N,) time of each point, s.
    """

    scaled: Coordinates
    positions: Coordinates
    time_s: Coordinates

    def take(self, rows: npt.NDArray[np.int64]) -> FeatureMatrix:
        """Return a subset of the points.

        Parameters
        ----------
        rows
            Row numbers of the points; duplicates are allowed.
        """
        return FeatureMatrix(self.scaled[rows], self.positions[rows], self.time_s[rows])


def feature_matrix(points: pd.DataFrame, space: FeatureSpace) -> FeatureMatrix:
    """Return the scaled coordinates of points.

    An axis with an explicit scale (`scale_nm`, `scale_s`) is divided by it; with `normalise` the minimum of the others
    is subtracted, and they are divided by their range or standard deviation (a constant axis
    becomes 0); then the time axis is multiplied by `time_weight`.

    Parameters
    ----------
    points
        One row per point: the columns ``space.coord_columns``, in ``space.units``, and ``time_s``.
    space
        The coordinates, and their scaling.

    Returns
    -------
    FeatureMatrix
        Coordinates of the points, in the same order.

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
