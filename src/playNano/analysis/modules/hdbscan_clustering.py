"""Hierarchical density-based clustering of detections (HDBSCAN)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playNano.algorithms.clustering.options import HDBSCANOptions
from playNano.analysis.clustering.base import ClusteringModule
from playNano.analysis.clustering.features import FeatureMatrix

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters


class HDBSCANClusteringModule(ClusteringModule[HDBSCANOptions]):
    """Group detections into clusters of varying density, with membership probabilities, by HDBSCAN.

    References
    ----------
    Campello, Moulavi, Sander: Density-based clustering based on hierarchical density estimates, PAKDD 2013,
    doi 10.1007/978-3-642-37456-2_14.
    """

    name = "hdbscan_clustering"
    version = "1.0"
    options = HDBSCANOptions
    by_density = True

    def group(self, features: FeatureMatrix, options: HDBSCANOptions) -> Clusters:
        """Cluster points by `playNano.algorithms.clustering.methods.hdbscan`.

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
        from playNano.algorithms.clustering.methods import hdbscan

        return hdbscan(features.scaled, **vars(options))
