"""Group detections into a given number of clusters by k-means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisOutputs, checked_run
from playNano.analysis.clusters import Choice, ClusteringModule, Coordinates, cluster_detections
from playNano.analysis.points import DEFAULT_DETECTION


class KMeansClusteringModule(ClusteringModule):
    """Group detections into a given number of clusters by k-means."""

    name = "k_means_clustering"
    version = "1.0"

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        k: Annotated[int, Field(ge=1)],
        seed: Annotated[int, Field(ge=0)] = 0,
        replicates: Annotated[int, Field(ge=1)] = 10,
        max_iter: Annotated[int, Field(ge=1)] = 300,
        detection_module: str = DEFAULT_DETECTION,
        coord_key: str = "features_per_frame",
        coord_columns: Annotated[Sequence[str], Field(min_length=1)] = ("centroid_x", "centroid_y"),
        use_time: bool = True,
        normalise: bool = True,
        time_weight: Annotated[float, Field(ge=0)] | None = None,
    ) -> AnalysisOutputs:
        """Group detections into a given number of clusters by k-means.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        k
            Number of clusters.
        seed
            Seed of the starting positions.
        replicates
            Runs from different starting positions; the best is kept.
        max_iter
            Most iterations of one run.
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
            If a parameter is unknown or wrong, or there are fewer different points than `k`.
        """
        from playNano.algorithms.clustering import Clusters, kmeans

        def group(points: Coordinates) -> Clusters:
            return kmeans(points, k, seed=seed, replicates=replicates, max_iter=max_iter)

        choice = Choice(detection_module, coord_key, coord_columns, use_time, normalise, time_weight)
        return cluster_detections(stack, previous_results, choice, group)
