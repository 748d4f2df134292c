"""Clustering of detections into a given number of clusters (k-means)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playNano.algorithms.clustering.options import KMeansOptions
from playNano.analysis.clustering.base import ClusteringModule
from playNano.analysis.clustering.features import FeatureMatrix

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters


class KMeansClusteringModule(ClusteringModule[KMeansOptions]):
    """Group detections into a given number of clusters by k-means."""

    name = "k_means_clustering"
    version = "1.0"
    options = KMeansOptions

    def group(self, features: FeatureMatrix, options: KMeansOptions) -> Clusters:
        """Cluster points by `playNano.algorithms.clustering.methods.kmeans`.

        Parameters
        ----------
        features
            Coordinates of the points.
        options
            The algorithm's own parameters.

        Returns
        -------
        Clusters
            A label for each point.
        """
        from playNano.algorithms.clustering.methods import kmeans

        return kmeans(features.scaled, **vars(options))
