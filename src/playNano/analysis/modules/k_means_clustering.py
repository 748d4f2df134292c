"""Group detections into a given number of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from playNano.analysis.clustering.base import ClusteringModule, Sample

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters


class KMeansClusteringModule(ClusteringModule):
    """Group detections into a given number of clusters by k-means."""

    name = "k_means_clustering"
    version = "1.0"

    def group(
        self,
        sample: Sample,
        *,
        k: Annotated[int, Field(ge=1)],
        seed: Annotated[int, Field(ge=0)] = 0,
        replicates: Annotated[int, Field(ge=1)] = 10,
        max_iter: Annotated[int, Field(ge=1)] = 300,
    ) -> Clusters:
        """Group detections into a given number of clusters by k-means.

        Parameters
        ----------
        sample
            The points.
        k
            Number of clusters; at most as many as there are different points.
        seed
            Seed of the starting positions.
        replicates
            Runs from different starting positions; the best is kept.
        max_iter
            Most iterations of one run.

        Returns
        -------
        Clusters
            See `playNano.algorithms.clustering.methods.kmeans`.
        """
        from playNano.algorithms.clustering.methods import kmeans

        return kmeans(sample.scaled, k, seed=seed, replicates=replicates, max_iter=max_iter)
