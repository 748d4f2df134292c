"""Group detections into clusters of any density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from playNano.analysis.clustering.base import ClusteringModule, Sample

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters


class HDBSCANClusteringModule(ClusteringModule):
    """Group detections into clusters of any density, with a probability for each, by HDBSCAN."""

    name = "hdbscan_clustering"
    version = "1.0"
    by_density = True

    def group(
        self,
        sample: Sample,
        *,
        min_cluster_size: Annotated[int, Field(ge=2)] = 5,
        min_samples: Annotated[int, Field(ge=1)] | None = None,
        cluster_selection_epsilon: Annotated[float, Field(ge=0)] = 0.0,
        cluster_selection_method: Literal["eom", "leaf"] = "eom",
        allow_single_cluster: bool = False,
    ) -> Clusters:
        """Group detections into clusters of any density, with a probability for each, by HDBSCAN.

        Parameters
        ----------
        sample
            The points.
        min_cluster_size
            Least number of members.
        min_samples
            Points that make a neighbourhood dense; by default `min_cluster_size`.
        cluster_selection_epsilon
            Clusters closer than this, in scaled coordinates, are not split.
        cluster_selection_method
            "eom": the most persistent clusters; "leaf": the finest.
        allow_single_cluster
            Whether all points may form one cluster.

        Returns
        -------
        Clusters
            See `playNano.algorithms.clustering.methods.hdbscan`.

        References
        ----------
        Campello, Moulavi, Sander: Density-based clustering based on hierarchical density estimates, PAKDD 2013,
        doi 10.1007/978-3-642-37456-2_14.
        """
        from playNano.algorithms.clustering.methods import hdbscan

        return hdbscan(
            sample.scaled,
            min_cluster_size=min_cluster_size,
            min_samples=min_samples,
            cluster_selection_epsilon=cluster_selection_epsilon,
            cluster_selection_method=cluster_selection_method,
            allow_single_cluster=allow_single_cluster,
        )
