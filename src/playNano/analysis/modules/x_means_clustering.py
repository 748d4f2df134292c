"""Clustering of detections with the number of clusters chosen by an information criterion (x-means)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playNano.algorithms.clustering.options import XMeansOptions
from playNano.analysis.clustering.base import ClusteringModule
from playNano.analysis.clustering.features import FeatureMatrix

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters


class XMeansClusteringModule(ClusteringModule[XMeansOptions]):
    """Group detections by x-means, with the number of clusters chosen by an information criterion.

    ``info["path"]`` of the outputs contains the criterion for every number of clusters compared.

    References
    ----------
    Pelleg, Moore: X-means: extending k-means with efficient estimation of the number of clusters, ICML 2000,
    pp. 727-734.
    """

    name = "x_means_clustering"
    version = "1.0"
    options = XMeansOptions

    def group(self, features: FeatureMatrix, options: XMeansOptions) -> Clusters:
        """Cluster points by `playNano.algorithms.clustering.xmeans.xmeans`.

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
        from playNano.algorithms.clustering.xmeans import xmeans

        return xmeans(features.scaled, **vars(options))

    def doubts(self, clusters: Clusters, options: XMeansOptions) -> list[str]:
        """Return a warning if there are as many clusters as are allowed.

        Parameters
        ----------
        clusters
            The clusters.
        options
            The algorithm's own parameters.

        Returns
        -------
        list of str
            One text, or none.
        """
        if not clusters.n_clusters == options.max_k > options.min_k:
            return []
        return [
            f"x_means_clustering: the number of clusters is at its limit, max_k={options.max_k}: there may be "
            "more; raise max_k, or give use_time=False if the sites last all movie long"
        ]
