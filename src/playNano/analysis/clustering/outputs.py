"""Common outputs of the clustering modules: clusters, tables, and measures of cluster quality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano.analysis.base import AnalysisOutputs
from playNano.analysis.points import PIXEL_AXES, Points, joined
from playNano.core.tables import RowsByGroup

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.clustering.methods import Clusters

PER_POINT = ("probability", "core")
"""Keys of `Clusters.info` with one value per point, which become columns of the table."""


@dataclass(frozen=True)
class ClusterQualityOptions:
    """Options of the measures of cluster quality.

    Parameters
    ----------
    n_bootstrap
        Number of bootstrap samples for the stability of clusters, >= 0: random samples of the points are clustered
        again; 0: the stability is NaN.
    silhouette_points
        Maximum number of points for the silhouette, whose cost is quadratic, >= 4; a random sample of about this
        size is used if there are more.
    judge_seed
        Seed of both random samples, >= 0.
    """

    n_bootstrap: Annotated[int, Field(ge=0)] = 0
    silhouette_points: Annotated[int, Field(ge=4)] = 10_000
    judge_seed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class ClusteringResult:
    """Clusters, with the data that the measures of cluster quality need.

    Parameters
    ----------
    clusters
        Labels in the order of the points.
    coordinates
        (N, D) coordinates in which the algorithm compared distances.
    recluster
        Function that clusters a sample of the points, given their row numbers.
    replace
        Whether bootstrap samples are drawn with replacement (duplicate points would increase the density).
    """

    clusters: Clusters
    coordinates: npt.NDArray[np.float64]
    recluster: Callable[[npt.NDArray[np.int64]], Clusters]
    replace: bool


def cluster_outputs(
    points: Points,
    result: ClusteringResult,
    columns: Sequence[str],
    *,
    detections: Any,
    units: str,
    observed: npt.NDArray[np.bool_],
    quality: ClusterQualityOptions,
) -> AnalysisOutputs:
    """Return the common outputs of the clustering modules.

    Parameters
    ----------
    points
        Detections or tracks.
    result
        Their clusters.
    columns
        Coordinates in ``coords`` and ``cluster_centers``.
    detections
        The output from which the points were taken.
    units
        "px" or "nm": unit of the coordinates that are positions.
    observed
        (n_frames,) bool, whether each frame was observed.
    quality
        Options of the measures of cluster quality.

    Returns
    -------
    dict
        As described in `playNano.analysis.clustering.base.ClusteringModule.run`.
    """
    clusters = result.clusters
    rows = points.table.assign(cluster_id=clusters.labels)
    info = dict(clusters.info)
    per_point = {name: info.pop(name) for name in PER_POINT if name in info}
    if points.positions_nm is not None:
        per_point |= {"y_nm": points.positions_nm[:, 0], "x_nm": points.positions_nm[:, 1]}
    if points.of_tracks:
        per_point["track_id"] = rows["point_index"].to_numpy()
    order = np.lexsort((rows["point_index"], rows["frame"], rows["cluster_id"]))
    rows = rows.iloc[order].reset_index(drop=True)
    members = rows[rows["cluster_id"] >= 0].reset_index(drop=True)
    count = clusters.n_clusters
    centers = members.groupby("cluster_id")[list(columns)].mean().reindex(range(count))
    table = cluster_table(points, result, observed, quality)
    sizes = clusters.sizes
    return {
        "clusters": RowsByGroup(members, "cluster_id", range(count), columns, dense=False),
        "cluster_centers": centers.to_numpy(dtype=np.float64).reshape(count, len(columns)),
        "summary": {
            "n_clusters": count,
            "members_per_cluster": {i: int(size) for i, size in enumerate(sizes)},
            "n_points": len(rows),
            "n_unclustered": len(rows) - len(members),
            "silhouette": _mean_silhouette(table),
        },
        "table": _point_table(
            rows, {name: values[order] for name, values in per_point.items()}, detections, units
        ),
        "cluster_table": table,
        "occupancy_table": occupancy_table(points, clusters.labels),
        "observed": observed,
        "info": info,
    }


def cluster_table(
    points: Points, result: ClusteringResult, observed: npt.NDArray[np.bool_], quality: ClusterQualityOptions
) -> pd.DataFrame:
    """Measure each cluster: size, extent, density, occupancy, silhouette and stability.

    Parameters
    ----------
    points
        Detections or tracks.
    result
        Their clusters.
    observed
        (n_frames,) bool, whether each frame was observed.
    quality
        Options of the silhouette and the stability.

    Returns
    -------
    pandas.DataFrame
        One row per cluster: the columns of `playNano.algorithms.clustering.statistics.cluster_statistics`,
        ``silhouette`` and ``stability``.
    """
    from playNano.algorithms.clustering.scores import bootstrap_stability, silhouette
    from playNano.algorithms.clustering.statistics import cluster_presence, cluster_statistics

    labels = result.clusters.labels
    table = cluster_presence(labels)
    if points.positions_nm is not None:
        table = cluster_statistics(points.positions_nm, labels, unit="nm")
    observations = points.observations
    presence = cluster_presence(
        labels[observations["point"].to_numpy()],
        frames=observations["frame"],
        times_s=observations["time_s"],
        observed_frames=np.flatnonzero(observed),
    )
    table = table.join(presence.drop(columns=["cluster_id", "size"]))
    table["silhouette"] = silhouette(
        result.coordinates, labels, max_points=quality.silhouette_points, seed=quality.judge_seed
    ).per_cluster
    table["stability"] = np.nan
    if quality.n_bootstrap and len(labels):
        # The last column is the index of the sampled point.
        numbered = np.column_stack([result.coordinates, np.arange(len(labels))])
        table["stability"] = bootstrap_stability(
            numbered,
            labels,
            lambda drawn: result.recluster(drawn[:, -1].astype(np.int64)),
            n_resamples=quality.n_bootstrap,
            replace=result.replace,
            seed=quality.judge_seed,
        )
    return table


def occupancy_table(points: Points, labels: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Count the members of each cluster in each frame.

    Parameters
    ----------
    points
        Detections or tracks.
    labels
        (N,) cluster of each point; -1 for none.

    Returns
    -------
    pandas.DataFrame
        One row for each cluster and frame in which it has members: ``cluster_id, frame, time_s, n_members``.
    """
    rows = points.observations.assign(cluster_id=labels[points.observations["point"].to_numpy()])
    rows = rows[rows["cluster_id"] >= 0]
    groups = rows.groupby(["cluster_id", "frame", "time_s"], as_index=False).size()
    return groups.rename(columns={"size": "n_members"})


def _mean_silhouette(table: pd.DataFrame) -> float | None:
    """Return the mean silhouette over all clustered points; None with fewer than two clusters."""
    if len(table) < 2:
        return None
    return float(np.average(table["silhouette"], weights=table["size"]))


def _point_table(
    rows: pd.DataFrame, per_point: dict[str, npt.NDArray[Any]], detections: Any, units: str
) -> pd.DataFrame:
    """Return the columns of the detections, the number of the cluster and the algorithm's values for each point."""
    table: pd.DataFrame = joined(rows, detections, "cluster_id")
    if table is rows:
        table = rows[["cluster_id", *rows.columns.drop("cluster_id")]].copy()
        if units == "nm":
            names = {name: ("y_nm", "x_nm")[axis] for name, axis in PIXEL_AXES.items()}
            table = table.rename(columns=names)
    for name, values in per_point.items():
        if name in PER_POINT and name not in table:
            table.insert(3, name, values)
        else:
            table[name] = values
    return table
