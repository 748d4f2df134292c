"""Options of the clustering functions: types, limits and defaults, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import check_options
from playNano.errors import ParameterError

Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class KMeansOptions:
    """Options of k-means.

    Parameters
    ----------
    k
        Number of clusters, >= 1; at most the number of different points.
    seed
        Seed of the starting positions, >= 0.
    replicates
        Number of runs from different starting positions (k-means++), >= 1; the one of the lowest inertia is kept.
    max_iter
        Maximum number of iterations of one run, >= 1.
    """

    k: Count
    seed: Seed = 0
    replicates: Count = 10
    max_iter: Count = 300

    def __post_init__(self) -> None:
        """Check the limits."""
        check_options(self)


@dataclass(frozen=True)
class XMeansOptions:
    """Options of x-means.

    Parameters
    ----------
    min_k
        Minimum number of clusters, >= 1.
    max_k
        Maximum number of clusters, >= `min_k`; lowered to the number of different points and to N - 2.
    replicates
        Number of starting positions of each split, >= 1: the principal axis, the farthest point, then random pairs
        of points.
    max_iter
        Maximum number of iterations of each run of k-means, >= 1.
    bic_threshold
        Minimum gain of the criterion for each further cluster, >= 0. "path" takes the k with the largest
        criterion - bic_threshold * k; "local" splits a cluster if that gains more than the threshold. Must be 0 for
        "gmeans".
    criterion
        "bic" (Bayesian) or "aic" (Akaike's), which gives more and smaller clusters.
    method
        "path": best-first splits from `min_k` to `max_k` and merges back, the whole model compared for every number;
        "local": each split is tested separately, as published; "gmeans": splits while clusters are not Gaussian.
    variance
        "own": clusters differ in width; "shared": all are equally wide, as published.
    seed
        Seed of the starting positions, >= 0.
    """

    min_k: Count = 1
    max_k: Count = 10
    replicates: Count = 3
    max_iter: Count = 300
    bic_threshold: NotNegative = 0.0
    criterion: Literal["bic", "aic"] = "bic"
    method: Literal["path", "local", "gmeans"] = "path"
    variance: Literal["own", "shared"] = "own"
    seed: Seed = 0

    def __post_init__(self) -> None:
        """Check the limits and the consistency of the values."""
        check_options(self)
        if self.max_k < self.min_k:
            raise ParameterError(f"max_k ({self.max_k}) is less than min_k ({self.min_k})")
        if self.method == "gmeans" and self.bic_threshold != 0:
            raise ParameterError('bic_threshold has no meaning for method="gmeans"; leave it at 0')


@dataclass(frozen=True)
class DBSCANOptions:
    """Options of DBSCAN.

    Parameters
    ----------
    eps
        Maximum distance between neighbours (inclusive), in the unit of the coordinates, > 0.
    min_samples
        Minimum number of points within `eps` of a core point, itself counted, >= 1.
    """

    eps: Positive = 0.3
    min_samples: Count = 5

    def __post_init__(self) -> None:
        """Check the limits."""
        check_options(self)


@dataclass(frozen=True)
class CylinderOptions:
    """Options of ST-DBSCAN: DBSCAN with separate limits in space and time.

    Parameters
    ----------
    eps_space
        Maximum distance between neighbours (inclusive), in the unit of the positions, > 0.
    eps_time
        Maximum time between neighbours (inclusive), in the unit of the times, > 0.
    min_samples
        Minimum number of points in the cylinder of a core point, itself counted, >= 1.
    """

    eps_space: Positive
    eps_time: Positive
    min_samples: Count = 5

    def __post_init__(self) -> None:
        """Check the limits."""
        check_options(self)


@dataclass(frozen=True)
class HDBSCANOptions:
    """Options of HDBSCAN.

    Parameters
    ----------
    min_cluster_size
        Minimum number of points of a cluster, >= 2.
    min_samples
        Number of points that make a neighbourhood dense, >= 1; None: as `min_cluster_size`.
    cluster_selection_epsilon
        Clusters closer than this, in the unit of the coordinates, are not split, >= 0; 0: no limit.
    cluster_selection_method
        "eom": the most persistent clusters (excess of mass); "leaf": the finest clusters.
    allow_single_cluster
        Whether all points may form one cluster.
    """

    min_cluster_size: Annotated[int, Field(ge=2)] = 5
    min_samples: Count | None = None
    cluster_selection_epsilon: NotNegative = 0.0
    cluster_selection_method: Literal["eom", "leaf"] = "eom"
    allow_single_cluster: bool = False

    def __post_init__(self) -> None:
        """Check the limits."""
        check_options(self)
