"""Group detections that lie densely, and leave out the rest, by DBSCAN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisOutputs, checked_run
from playNano.analysis.clusters import Choice, ClusteringModule, Coordinates, cluster_detections
from playNano.analysis.points import DEFAULT_DETECTION


class DBSCANClusteringModule(ClusteringModule):
    """Group detections that lie densely, and leave out the rest, by DBSCAN."""

    name = "dbscan_clustering"
    version = "1.0"

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        eps: Annotated[float, Field(gt=0)] = 0.3,
        min_samples: Annotated[int, Field(ge=1)] = 5,
        detection_module: str = DEFAULT_DETECTION,
        coord_key: str = "features_per_frame",
        coord_columns: Annotated[Sequence[str], Field(min_length=1)] = ("centroid_x", "centroid_y"),
        use_time: bool = True,
        normalise: bool = True,
        time_weight: Annotated[float, Field(ge=0)] | None = None,
    ) -> AnalysisOutputs:
        """Group detections that lie densely, and leave out the rest, by DBSCAN.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        eps
            Radius of a point's neighbourhood, in scaled coordinates.
        min_samples
            Points within `eps`, itself included, that make a point the core of a cluster.
        detection_module
            Module whose detections are clustered. By default ``"feature_detection"``, or
            ``"log_blob_detection"`` where only that has run.
        coord_key
            Which of its outputs.
        coord_columns
            Coordinates, px or as the columns have them.
        use_time
            Whether the frame's time, s, is a further axis.
        normalise
            Whether each axis is scaled to 0..1 by its range before clustering.
        time_weight
            Factor for the time axis, after scaling.

        Returns
        -------
        dict
            ``clusters, cluster_centers, summary, table, info``: see
            `playNano.analysis.clusters.cluster_detections`.

        Raises
        ------
        MissingInputError
            If no detection has run before.
        ParameterError
            If a parameter is unknown or wrong.

        References
        ----------
        Ester, Kriegel, Sander, Xu: A density-based algorithm for discovering clusters in large spatial
        databases with noise, KDD 1996, pp. 226-231.
        """
        from playNano.algorithms.clustering import Clusters, dbscan

        def group(points: Coordinates) -> Clusters:
            return dbscan(points, eps=eps, min_samples=min_samples)

        choice = Choice(detection_module, coord_key, coord_columns, use_time, normalise, time_weight)
        return cluster_detections(stack, previous_results, choice, group)
