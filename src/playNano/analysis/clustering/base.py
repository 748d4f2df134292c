"""What the clustering modules share: the points to cluster, their scaling, and the run."""

from __future__ import annotations

import functools
import inspect
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.clustering.outputs import Found, Judgement, cluster_outputs
from playNano.analysis.observed import observed_frames
from playNano.analysis.points import (
    DEFAULT_COORDINATES,
    DEFAULT_DETECTION,
    DETECTIONS,
    PIXEL_AXES,
    points_of,
    settle_detection,
)
from playNano.core.params import Declaration
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.clustering.methods import Clusters

Part = TypeVar("Part", "Choice", Judgement)
Coordinates = npt.NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]
Length = Annotated[float, Field(gt=0), Unit("nm")]


@dataclass(frozen=True)
class Choice:
    """Which points are clustered, and in which coordinates.

    Parameters
    ----------
    detection_module
        Module whose detections are clustered; by default ``"feature_detection"``, or the one detection that has
        run. ``"particle_tracking"`` clusters its tracks, each at its mean position and mean time.
    coord_key
        Which of its outputs; by default ``"features_per_frame"``, or ``"tracks"`` of tracking.
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
    coord_key: str = DEFAULT_COORDINATES
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

    def take(self, rows: npt.NDArray[np.int64]) -> Sample:
        """Return some of the points; one may be taken more than once."""
        return Sample(self.scaled[rows], self.space[rows], self.time_s[rows], self.choice)


class ClusteringModule(AnalysisModule):
    """A module that groups detections or tracks; subclasses give the algorithm, `group`, and its parameters.

    Attributes
    ----------
    by_density : bool
        Whether the algorithm goes by density, which points drawn twice would raise.
    """

    kind = "clustering"
    requires: ClassVar[tuple[str, ...]] = DETECTIONS
    by_density: ClassVar[bool] = False

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

    def coordinates(self, sample: Sample, params: Mapping[str, Any]) -> Coordinates:
        """Return the coordinates in which `group` compares distances; `params` are those of `group`."""
        return sample.scaled

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return what declares the parameters: the algorithm's own, `Choice` and `Judgement`."""
        return (Declaration(cls.group, ("sample",)), Declaration(Choice), Declaration(Judgement))

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Return the values in effect."""
        bound = super().bind(params, where)
        _part(bound, Choice).check(where or self.name)
        return bound

    def resolve_defaults(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Name the detection module that the default stands for."""
        return settle_detection(params, previous_results)

    @checked_run
    def run(
        self, stack: AFMImageStack, previous_results: dict[str, Any] | None = None, **params: Any
    ) -> AnalysisOutputs:
        """Group detections or tracks into clusters.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        **params
            Those of the algorithm (`group`), of `Choice` and of `Judgement`.

        Returns
        -------
        dict
            ``clusters``: a sequence of dicts with ``id``, ``frames``, ``point_indices`` and ``coords`` (tuples in
            px or nm, as `units` says, time in s last where it is used). Of a track, ``frames`` has the first frame
            and ``point_indices`` the id.
            ``cluster_centers``: float64 (k, D), the members' mean in the same units.
            ``summary``: ``n_clusters``, ``members_per_cluster`` (id -> count), ``n_points``, ``n_unclustered``,
            ``silhouette`` (mean over the clustered points; None with fewer than two clusters).
            ``table``: the detections' table (or one row a track) with ``cluster_id`` (-1 = in no cluster),
            ``point_index``, ``y_nm, x_nm`` and, where the algorithm gives them, ``probability`` and ``core``.
            ``cluster_table``: one row a cluster: ``cluster_id, size``, place, extent, area and density in nm,
            ``first_frame, last_frame, n_frames, occupancy, first_time_s, last_time_s`` (see
            `playNano.algorithms.clustering.statistics.cluster_statistics`), ``silhouette`` (-1 to 1; NaN with fewer
            than two clusters) and ``stability`` (0 to 1; NaN unless `n_bootstrap` is given). A track counts in each
            frame in which it was detected.
            ``occupancy_table``: one row for each cluster and frame in which it has members: ``cluster_id, frame,
            time_s`` (the frame's start), ``n_members``.
            ``observed``: bool (n_frames,), the frames that occupancy is a fraction of; those that `frame_quality` calls
            unusable are not.
            ``info``: what the algorithm tells besides.

        Raises
        ------
        MissingInputError
            If no detection has run before.
        ParameterError
            If a parameter is unknown or wrong, or the points do not allow it.
        """
        results = previous_results or {}
        settled = settle_detection(params, results)
        choice, judgement = _part(settled, Choice), _part(settled, Judgement)
        own = {name: value for name, value in params.items() if name not in vars(choice) | vars(judgement)}
        points = points_of(stack, results, choice.detection_module, choice.coord_key, choice.coord_columns)
        if choice.units == "nm":
            for name in choice.coord_columns:
                points.table[name] *= stack.pixel_size_yx_nm[PIXEL_AXES[name]]
        sample = sample_of(points.table, choice)
        found = Found(
            self.group(sample, **own),
            self.coordinates(sample, own),
            lambda rows: self.group(sample.take(rows), **own),
            replace=not self.by_density,
        )
        outputs = results[choice.detection_module]
        observed = observed_frames(results, stack.n_frames)
        if "observed" in outputs:
            observed = observed & np.asarray(outputs["observed"], dtype=np.bool_)
        return cluster_outputs(
            points,
            found,
            [*choice.coord_columns, *(["time_s"] if choice.use_time else [])],
            detections=outputs[choice.coord_key],
            units=choice.units,
            observed=observed,
            judgement=judgement,
        )


def _part(params: Mapping[str, Any], kind: type[Part]) -> Part:
    """Return the parameters that a dataclass declares, as one of it."""
    return kind(**{field.name: params[field.name] for field in fields(kind)})


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
