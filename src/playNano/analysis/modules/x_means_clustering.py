"""Group detections into as many clusters as they support."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from playNano.analysis.clustering.base import ClusteringModule, Sample
from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters

Count = Annotated[int, Field(ge=1)]


class XMeansClusteringModule(ClusteringModule):
    """Group detections into as many clusters as an information criterion supports."""

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

    def group(
        self,
        sample: Sample,
        *,
        min_k: Count = 1,
        max_k: Count = 10,
        replicates: Count = 3,
        max_iter: Count = 300,
        bic_threshold: Annotated[float, Field(ge=0)] = 0.0,
        criterion: Literal["bic", "aic"] = "bic",
        method: Literal["path", "local", "gmeans"] = "path",
        variance: Literal["own", "shared"] = "own",
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> Clusters:
        """Group detections into as many clusters as an information criterion supports.

        Parameters
        ----------
        sample
            The points.
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
        variance
            "own": clusters differ in width; "shared": all are equally wide, as published.
        seed
            Seed of the starting positions.

        Returns
        -------
        Clusters
            ``info["path"]`` holds the criterion for every number of clusters tried; see
            `playNano.algorithms.clustering.xmeans.xmeans`.

        References
        ----------
        Pelleg, Moore: X-means: extending k-means with efficient estimation of the number of clusters,
        ICML 2000, pp. 727-734.
        """
        from playNano.algorithms.clustering.xmeans import xmeans

        return xmeans(
            sample.scaled,
            min_k=min_k,
            max_k=max_k,
            replicates=replicates,
            max_iter=max_iter,
            bic_threshold=bic_threshold,
            criterion=criterion,
            method=method,
            variance=variance,
            seed=seed,
        )
