"""Group detections into as many clusters as the Bayesian information criterion says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisOutputs, checked_run
from playNano.analysis.clusters import Choice, ClusteringModule, Coordinates, cluster_detections
from playNano.analysis.points import DEFAULT_DETECTION
from playNano.errors import ParameterError


class XMeansClusteringModule(ClusteringModule):
    """Group detections into as many clusters as the Bayesian information criterion says."""

    name = "x_means_clustering"
    version = "1.0"

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Return the values in effect."""
        bound = super().bind(params, where)
        if bound["max_k"] < bound["min_k"]:
            raise ParameterError(
                f"{where or self.name}: max_k ({bound['max_k']}) is less than min_k ({bound['min_k']})"
            )
        return bound

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        min_k: Annotated[int, Field(ge=1)] = 1,
        max_k: Annotated[int, Field(ge=1)] = 10,
        replicates: Annotated[int, Field(ge=1)] = 3,
        max_iter: Annotated[int, Field(ge=1)] = 300,
        bic_threshold: Annotated[float, Field(ge=0)] = 0.0,
        criterion: Literal["bic", "aic"] = "bic",
        method: Literal["path", "local", "gmeans"] = "path",
        seed: Annotated[int, Field(ge=0)] = 0,
        detection_module: str = DEFAULT_DETECTION,
        coord_key: str = "features_per_frame",
        coord_columns: Annotated[Sequence[str], Field(min_length=1)] = ("centroid_x", "centroid_y"),
        use_time: bool = True,
        normalise: bool = True,
        time_weight: Annotated[float, Field(ge=0)] | None = None,
    ) -> AnalysisOutputs:
        """Group detections into as many clusters as the Bayesian information criterion says.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        min_k, max_k
            Least and greatest number of clusters.
        replicates
            Runs of k-means from different starting positions for each number; the best is kept.
        max_iter
            Most iterations of one run.
        bic_threshold
            Least gain in the criterion for which more clusters are taken.
        criterion
            "bic" (Bayesian) or "aic" (Akaike's).
        method
            "path": best-first splits from `min_k` to `max_k`, the whole model judged for every number;
            "local": each split judged by itself; "gmeans": splits while clusters are not Gaussian.
        seed
            Seed of the starting positions.
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
            ``info["path"]`` holds the criterion for every number of clusters tried.

        Raises
        ------
        MissingInputError
            If no detection has run before.
        ParameterError
            If a parameter is unknown or wrong.

        References
        ----------
        Pelleg, Moore: X-means: extending k-means with efficient estimation of the number of clusters,
        ICML 2000, pp. 727-734.
        """
        from playNano.algorithms.clustering import Clusters
        from playNano.algorithms.xmeans import xmeans

        def group(points: Coordinates) -> Clusters:
            return xmeans(
                points,
                min_k=min_k,
                max_k=max_k,
                replicates=replicates,
                max_iter=max_iter,
                bic_threshold=bic_threshold,
                criterion=criterion,
                method=method,
                seed=seed,
            )

        choice = Choice(detection_module, coord_key, coord_columns, use_time, normalise, time_weight)
        return cluster_detections(stack, previous_results, choice, group)
