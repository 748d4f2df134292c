"""What the clustering modules share: points to cluster, scaling, and the shape of the output."""

from __future__ import annotations

import functools
import inspect
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.modules.particle_tracking import PIXEL_AXES, joined
from playNano.analysis.points import DEFAULT_DETECTION, DETECTIONS, detected_points, settle_detection
from playNano.core.params import Declaration, Unit
from playNano.core.tables import RowsByGroup
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.clustering import Clusters

Coordinates = npt.NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]
Length = Annotated[float, Field(gt=0), Unit("nm")]


@dataclass(frozen=True)
class Choice:
    """Which detections are clustered, and in which coordinates.

    Parameters
    ----------
    detection_module
        Module whose detections are clustered. By default ``"feature_detection"``, or
        ``"log_blob_detection"`` where only that has run.
    coord_key
        Which of its outputs.
    coord_columns
        Coordinates, in the order in which the outputs show them.
    use_time
        Whether the frame's time, s, is a further axis.
    normalise
        Whether each axis that has no scale of its own is scaled before clustering.
    time_weight
        Factor for the time axis, after scaling.
    units
        "px": coordinates as the columns have them; "nm": px coordinates in nm, for non-square pixels too.
    scale_by
        What `normalise` makes equal to 1: the "range" of an axis, or its standard deviation ("std").
    scale_nm
        Lengths (y, x), nm, that count as 1 along the axes in space; needs `units` "nm".
    scale_s
        Time, s, that counts as 1 along the time axis.
    """

    detection_module: str = DEFAULT_DETECTION
    coord_key: str = "features_per_frame"
    coord_columns: Annotated[Sequence[str], Field(min_length=1)] = ("centroid_x", "centroid_y")
    use_time: bool = True
    normalise: bool = True
    time_weight: Annotated[float, Field(ge=0)] | None = None
    units: Literal["px", "nm"] = "px"
    scale_by: Literal["range", "std"] = "range"
    scale_nm: tuple[Length, Length] | None = None
    scale_s: Annotated[float, Field(gt=0), Unit("s")] | None = None

    def check(self, where: str) -> None:
        """Raise `ParameterError` where values do not go together."""
        if not self.use_time and (self.time_weight is not None or self.scale_s is not None):
            raise ParameterError(f"{where}: time_weight and scale_s need use_time=True")
        if self.scale_nm is not None and self.units != "nm":
            raise ParameterError(f"{where}: scale_nm needs units='nm'")
        strange = [name for name in self.coord_columns if name not in PIXEL_AXES]
        if self.units == "nm" and strange:
            raise ParameterError(f"{where}: units='nm' turns px into nm, but {strange[0]!r} is not in px")


@dataclass(frozen=True)
class Sample:
    """The points to cluster.

    Parameters
    ----------
    scaled
        Coordinates as the algorithms see them, (N, D); time last where it is used.
    space
        Coordinates in space, px or nm, (N, S).
    time_s
        Time of each point, s, (N,).
    choice
        What was asked for.
    """

    scaled: Coordinates
    space: Coordinates
    time_s: Coordinates
    choice: Choice


class ClusteringModule(AnalysisModule):
    """A module that groups detections; subclasses give the algorithm, `group`, and its parameters."""

    requires: ClassVar[tuple[str, ...]] = DETECTIONS

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give `run` a signature that shows the algorithm's parameters and those of `Choice`."""
        super().__init_subclass__(**kwargs)
        shared = cls.run

        @functools.wraps(shared)
        def run(self: Any, stack: Any, previous_results: Any = None, **params: Any) -> AnalysisOutputs:
            return shared(self, stack, previous_results, **params)

        parameters = list(inspect.signature(shared).parameters.values())
        leading = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        own = [p for d in cls.declarations() for p in inspect.signature(d.function).parameters.values()]
        named = [p.replace(kind=p.KEYWORD_ONLY) for p in own if p.name not in ("self", "sample")]
        run.__signature__ = inspect.Signature([*leading, *named])  # type: ignore[attr-defined]
        cls.run = run  # type: ignore[method-assign]

    @abstractmethod
    def group(self, sample: Sample, **params: Any) -> Clusters:
        """Cluster points; the signature declares the algorithm's own parameters."""

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return what declares the parameters: the algorithm's own and `Choice`."""
        return (Declaration(cls.group, ("sample",)), Declaration(Choice))

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Return the values in effect."""
        bound = super().bind(params, where)
        _chosen(bound).check(where or self.name)
        return bound

    def settle(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Name the detection module that the default stands for."""
        return settle_detection(params, previous_results)

    @checked_run
    def run(
        self, stack: AFMImageStack, previous_results: dict[str, Any] | None = None, **params: Any
    ) -> AnalysisOutputs:
        """Group detections into clusters.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        **params
            Those of the algorithm (`group`) and of `Choice`.

        Returns
        -------
        dict
            ``clusters``: a sequence of dicts with ``id``, ``frames``, ``point_indices`` and ``coords`` (tuples in
            original units, time in s last where it is used).
            ``cluster_centers``: float64 (k, D), the members' mean in original units.
            ``summary``: ``n_clusters``, ``members_per_cluster`` (id -> count), ``n_points``, ``n_unclustered``.
            ``table``: the detections' table with ``cluster_id`` (-1 = in no cluster), ``point_index`` and, where
            the algorithm gives one, ``probability``.
            ``info``: what the algorithm tells besides.

        Raises
        ------
        MissingInputError
            If no detection has run before.
        ParameterError
            If a parameter is unknown or wrong, or the points do not allow it.
        """
        choice = _chosen(settle_detection(params, previous_results or {}))
        own = {name: value for name, value in params.items() if name not in vars(choice)}
        points = detected_points(
            stack, previous_results, choice.detection_module, choice.coord_key, choice.coord_columns
        )
        if choice.units == "nm":
            for name in choice.coord_columns:
                points[name] *= stack.pixel_size_yx_nm[PIXEL_AXES[name]]
        found = self.group(sample_of(points, choice), **own)
        points["cluster_id"] = found.labels
        detections = (previous_results or {})[choice.detection_module].get(choice.coord_key)
        return _outputs(points, found, choice, detections)


def _chosen(params: Mapping[str, Any]) -> Choice:
    return Choice(**{name: params[name] for name in Choice.__dataclass_fields__})


def sample_of(points: pd.DataFrame, choice: Choice) -> Sample:
    """Return points as the algorithms see them.

    An axis with a scale of its own (`scale_nm`, `scale_s`) is divided by it; with `normalise` the others
    are divided by their range or standard deviation, after their minimum is taken off (an axis of no
    extent becomes 0); then the time axis is multiplied by `time_weight`.

    Examples
    --------
    >>> import pandas as pd
    >>> points = pd.DataFrame({"x": [0.0, 4.0], "time_s": [10.0, 30.0]})
    >>> sample_of(points, Choice(coord_columns=("x",), time_weight=0.5)).scaled.tolist()
    [[0.0, 0.0], [1.0, 0.5]]
    """
    space = points[list(choice.coord_columns)].to_numpy(dtype=np.float64)
    time_s = points["time_s"].to_numpy(dtype=np.float64)
    given: list[float | None] = [
        None if choice.scale_nm is None else choice.scale_nm[PIXEL_AXES[name]]
        for name in choice.coord_columns
    ]
    axes = list(space.T)
    if choice.use_time:
        axes.append(time_s)
        given.append(choice.scale_s)
    columns = [_scaled(axis, scale, choice) for axis, scale in zip(axes, given, strict=True)]
    if choice.time_weight is not None:
        columns[-1] = columns[-1] * choice.time_weight
    return Sample(np.column_stack(columns).astype(np.float64), space, time_s, choice)


def _scaled(axis: Coordinates, scale: float | None, choice: Choice) -> Coordinates:
    if scale is not None:
        return axis / scale
    if not choice.normalise or not len(axis):
        return axis
    extent = float(np.ptp(axis)) if choice.scale_by == "range" else float(np.std(axis))
    return np.asarray((axis - axis.min()) / (extent if extent > 0 else 1.0))


def _outputs(points: pd.DataFrame, found: Clusters, choice: Choice, detections: Any) -> AnalysisOutputs:
    columns = [*choice.coord_columns, *(["time_s"] if choice.use_time else [])]
    info = dict(found.info)
    if "probability" in info:
        points["probability"] = info.pop("probability")
    rows = points.sort_values(["cluster_id", "frame", "point_index"], ignore_index=True)
    members = rows[rows["cluster_id"] >= 0].reset_index(drop=True)
    count = len(found.centers)
    sizes = np.bincount(members["cluster_id"].to_numpy(), minlength=count)
    centers = members.groupby("cluster_id")[columns].mean().reindex(range(count))
    table = joined(rows, detections, "cluster_id")
    if "probability" in rows and "probability" not in table:
        table.insert(3, "probability", rows["probability"].to_numpy())
    return {
        "clusters": RowsByGroup(members, "cluster_id", range(count), columns, dense=False),
        "cluster_centers": centers.to_numpy(dtype=np.float64).reshape(count, len(columns)),
        "summary": {
            "n_clusters": count,
            "members_per_cluster": {i: int(size) for i, size in enumerate(sizes)},
            "n_points": len(points),
            "n_unclustered": len(points) - len(members),
        },
        "table": table,
        "info": info,
    }
