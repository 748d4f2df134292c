"""What the clustering modules share: points to cluster, scaling, and the shape of the output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs
from playNano.analysis.modules.particle_tracking import joined
from playNano.analysis.points import DETECTIONS, detected_points, settle_detection
from playNano.core.tables import RowsByGroup
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.clustering import Clusters

Coordinates = npt.NDArray[np.float64]


class ClusteringModule(AnalysisModule):
    """A module that groups detections; its subclasses differ in the algorithm and its parameters."""

    requires: ClassVar[tuple[str, ...]] = DETECTIONS

    def settle(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Name the detection module that the default stands for."""
        return settle_detection(params, previous_results)


@dataclass(frozen=True)
class Choice:
    """Which detections to cluster, and in which coordinates; the parameters that all modules share."""

    detection_module: str
    coord_key: str
    coord_columns: Sequence[str]
    use_time: bool
    normalise: bool
    time_weight: float | None

    def __post_init__(self) -> None:
        if self.time_weight is not None and not self.use_time:
            raise ParameterError("time_weight needs use_time=True")


def cluster_detections(
    stack: AFMImageStack,
    previous_results: Mapping[str, Any] | None,
    choice: Choice,
    algorithm: Callable[[Coordinates], Clusters],
) -> AnalysisOutputs:
    """Cluster detections and name the outputs.

    Parameters
    ----------
    stack
        The movie.
    previous_results
        Module name -> its latest outputs.
    choice
        Which detections, in which coordinates.
    algorithm
        Scaled coordinates (N, D) -> clusters.

    Returns
    -------
    dict
        ``clusters``: a sequence of dicts with ``id``, ``frames``, ``point_indices`` and ``coords`` (tuples in
        original units, time in s last where it is used).
        ``cluster_centers``: float64 (k, D), original units.
        ``summary``: ``n_clusters``, ``members_per_cluster`` (id -> count), ``n_points``, ``n_unclustered``.
        ``table``: the detections' table with ``cluster_id`` (-1 = in no cluster) and ``point_index``.
        ``info``: what the algorithm tells besides.
    """
    results = previous_results or {}
    chosen = settle_detection({"detection_module": choice.detection_module}, results)["detection_module"]
    points = detected_points(stack, results, chosen, choice.coord_key, choice.coord_columns)
    columns = [*choice.coord_columns, *(["time_s"] if choice.use_time else [])]
    coordinates = points[columns].to_numpy(dtype=np.float64)
    found = algorithm(scaled(coordinates, choice))
    points["cluster_id"] = found.labels
    rows = points.sort_values(["cluster_id", "frame", "point_index"], ignore_index=True)
    members = rows[rows["cluster_id"] >= 0].reset_index(drop=True)
    count = len(found.centers)
    sizes = np.bincount(members["cluster_id"].to_numpy(), minlength=count)
    return {
        "clusters": RowsByGroup(members, "cluster_id", range(count), columns, dense=False),
        "cluster_centers": _centers(members, columns, count),
        "summary": {
            "n_clusters": count,
            "members_per_cluster": {i: int(size) for i, size in enumerate(sizes)},
            "n_points": len(points),
            "n_unclustered": len(points) - len(members),
        },
        "table": joined(rows, results[chosen].get(choice.coord_key), "cluster_id"),
        "info": dict(found.info),
    }


def scaled(coordinates: Coordinates, choice: Choice) -> Coordinates:
    """Return coordinates as the algorithms see them.

    With `normalise` every axis is brought to 0..1 by its range (an axis of no extent to 0); then the last
    axis is multiplied by `time_weight`, if given.

    Examples
    --------
    >>> choice = Choice("feature_detection", "features_per_frame", ("x",), True, True, 0.5)
    >>> scaled(np.array([[0.0, 10.0], [4.0, 30.0]]), choice).tolist()
    [[0.0, 0.0], [1.0, 0.5]]
    """
    result = coordinates.copy()
    if choice.normalise and len(result):
        low = result.min(axis=0)
        extent = result.max(axis=0) - low
        result = (result - low) / np.where(extent > 0, extent, 1.0)
    if choice.time_weight is not None:
        result[:, -1] *= choice.time_weight
    return result


def _centers(members: pd.DataFrame, columns: list[str], count: int) -> Coordinates:
    """Return the mean of each cluster's members in original units, (count, D)."""
    means = members.groupby("cluster_id")[columns].mean().reindex(range(count))
    return means.to_numpy(dtype=np.float64).reshape(count, len(columns))
