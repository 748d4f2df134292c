"""X-means: k-means that chooses the number of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from numpy.typing import ArrayLike

from playNano.algorithms._cluster_points import (
    Clusters,
    checked_count,
)

if TYPE_CHECKING:
    pass

__all__ = ["Clusters", "log_likelihood", "xmeans"]

_ANDERSON_DARLING_LIMIT = 1.8692  # level 0.0001, as in the G-means paper


def xmeans(
    points: ArrayLike,
    *,
    min_k: int = 1,
    max_k: int = 10,
    replicates: int = 3,
    max_iter: int = 300,
    bic_threshold: float = 0.0,
    criterion: Literal["bic", "aic"] = "bic",
    method: Literal["path", "local", "gmeans"] = "path",
    seed: int = 0,
) -> Clusters:
    """Split points into compact clusters, as many as an information criterion supports.

    Parameters
    ----------
    points
        (N, D) coordinates; scale them first where the dimensions differ in unit.
    min_k, max_k
        Least and largest number of clusters.
    """
    min_k = checked_count(min_k, "min_k")
    return None
