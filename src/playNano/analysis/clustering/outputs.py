"""What every clustering module gives out: clusters, tables, and how good the clusters are."""

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
"""What an algorithm may tell of each point; columns of the table."""


@dataclass(frozen=True)
class Judgement:
    """How clusters are judged.

    Parameters
    ----------
    n_bootstrap
        Number of times that points are drawn anew and clustered again, to see which clusters come back; 0 leaves
        their stability untold (NaN).
    silhouette_points
        Most points for the silhouette, whose cost grows with the square; of more, about as many are drawn.
    judge_seed
        Seed of both draws.
    """

    n_bootstrap: Annotated[int, Field(ge=0)] = 0
    silhouette_points: Annotated[int, Field(ge=4)] = 10_000
    judge_seed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Found:
    """A clustering, and what is needed to judge it.

    Parameters
    ----------
    clusters
        Labels in the order of the points.
    coordinates
        (N, D), in which the clusters were sought.
    again
        Clusters points anew, given their rows.
    replace
        Whether a bootstrap draws with replacement (copies of points would raise a density).
    """

    clusters: Clusters
    coordinates: npt.NDArray[np.float64]
    again: Callable[[npt.NDArray[np.int64]], Clusters]
    replace: bool


def cluster_outputs(
    points: Points,
    found: Found,
    columns: Sequence[str],
    *,
    detections: Any,
    units: str,
    observed: npt.NDArray[np.bool_],
    judgement: Judgement,
) -> AnalysisOutputs:
    """Return the outputs that all clustering modules share.

    Parameters
    ----------
    points
        What was clustered.
    found
        The clusters.
    columns
        Coordinates that ``coords`` and ``cluster_centers`` show.
    detections
        The output that the points come from.
    units
        "px" or "nm": of the coordinates that are places.
    observed
        (n_frames,) which frames show the surface.
    judgement
        How clusters are judged.
    """
    clusters = found.clusters
    rows = points.table.assign(cluster_id=clusters.labels)
    info = dict(clusters.info)
    own = {name: info.pop(name) for name in PER_POINT if name in info}
    if points.places_nm is not None:
        own |= {"y_nm": points.places_nm[:, 0], "x_nm": points.places_nm[:, 1]}
    if points.of_tracks:
        own["track_id"] = rows["point_index"].to_numpy()
    order = np.lexsort((rows["point_index"], rows["frame"], rows["cluster_id"]))
    rows = rows.iloc[order].reset_index(drop=True)
    members = rows[rows["cluster_id"] >= 0].reset_index(drop=True)
    count = clusters.n_clusters
    centers = members.groupby("cluster_id")[list(columns)].mean().reindex(range(count))
    table = cluster_table(points, found, observed, judgement)
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
        "table": _point_table(rows, {name: values[order] for name, values in own.items()}, detections, units),
        "cluster_table": table,
        "occupancy_table": occupancy_table(points, clusters.labels),
        "observed": observed,
        "info": info,
    }


def cluster_table(
    points: Points, found: Found, observed: npt.NDArray[np.bool_], judgement: Judgement
) -> pd.DataFrame:
    """Return one row a cluster: its size, extent, density, when it has members, silhouette and stability."""
    from playNano.algorithms.clustering.scores import bootstrap_stability, silhouette
    from playNano.algorithms.clustering.statistics import cluster_presence, cluster_statistics

    labels = found.clusters.labels
    table = cluster_presence(labels)
    if points.places_nm is not None:
        table = cluster_statistics(points.places_nm, labels, unit="nm")
    seen = points.seen
    presence = cluster_presence(
        labels[seen["point"].to_numpy()],
        frames=seen["frame"],
        times_s=seen["time_s"],
        observed_frames=np.flatnonzero(observed),
    )
    table = table.join(presence.drop(columns=["cluster_id", "size"]))
    table["silhouette"] = silhouette(
        found.coordinates, labels, max_points=judgement.silhouette_points, seed=judgement.judge_seed
    ).per_cluster
    table["stability"] = np.nan
    if judgement.n_bootstrap and len(labels):
        # The last column says which point a drawn row is.
        numbered = np.column_stack([found.coordinates, np.arange(len(labels))])
        table["stability"] = bootstrap_stability(
            numbered,
            labels,
            lambda drawn: found.again(drawn[:, -1].astype(np.int64)),
            n_resamples=judgement.n_bootstrap,
            replace=found.replace,
            seed=judgement.judge_seed,
        )
    return table


def occupancy_table(points: Points, labels: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Return one row for each cluster and frame in which it has members: ``cluster_id, frame, time_s, n_members``."""
    seen = points.seen.assign(cluster_id=labels[points.seen["point"].to_numpy()])
    seen = seen[seen["cluster_id"] >= 0]
    groups = seen.groupby(["cluster_id", "frame", "time_s"], as_index=False).size()
    return groups.rename(columns={"size": "n_members"})


def _mean_silhouette(table: pd.DataFrame) -> float | None:
    """Return the mean over all clustered points; None where there are no two clusters."""
    if len(table) < 2:
        return None
    return float(np.average(table["silhouette"], weights=table["size"]))


def _point_table(
    rows: pd.DataFrame, own: dict[str, npt.NDArray[Any]], detections: Any, units: str
) -> pd.DataFrame:
    """Return the detections' own columns, the cluster's number and what is known of each point."""
    table: pd.DataFrame = joined(rows, detections, "cluster_id")
    if table is rows:
        table = rows[["cluster_id", *rows.columns.drop("cluster_id")]]
        if units == "nm":
            names = {name: ("y_nm", "x_nm")[axis] for name, axis in PIXEL_AXES.items()}
            table = table.rename(columns=names)
    for name, values in own.items():
        if name in PER_POINT and name not in table:
            table.insert(3, name, values)
        else:
            table[name] = values
    return table
