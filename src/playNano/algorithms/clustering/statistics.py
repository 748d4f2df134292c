"""Statistics of clusters: size, extent, density, occupancy in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playNano.algorithms.clustering._points import checked_labels, checked_points, members_of, position_order
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cluster_presence", "cluster_statistics"]


def cluster_statistics(
    positions: ArrayLike,
    labels: ArrayLike,
    *,
    frames: ArrayLike | None = None,
    times_s: ArrayLike | None = None,
    observed_frames: ArrayLike | None = None,
    unit: str = "nm",
) -> pd.DataFrame:
    """Measure size, position, extent, area, density and occupancy of each cluster.

    Parameters
    ----------
    positions
        (N, 2) y, x of the points, in `unit`.
    labels
        (N,) cluster numbers 0 to k - 1; -1 for points in no cluster.
    frames
        (N,) frame of each point; None leaves the columns on frames out.
    times_s
        (N,) time of each point, s; None leaves the columns on times out.
    observed_frames
        Frames that show the surface, each once (bad frames left out); occupancy is a fraction of
        them. None: every frame that has any point.
    unit
        Unit of the positions, which becomes part of the column names.

    Returns
    -------
    pandas.DataFrame
        One row per cluster, in order of number: `cluster_id`, `size` (points), `y_nm`, `x_nm` (mean), `extent_y_nm`,
        `extent_x_nm` (maximum minus minimum), `radius_nm` (root mean square distance to the mean), `area_nm2` (of
        the convex hull; 0 for fewer than three points or points in line), `density_per_nm2` (size by area, NaN
        where the area is 0); with `frames` also `first_frame`, `last_frame`, `n_frames` (observed frames with a
        member) and `occupancy` (their fraction of the observed frames, 0 to 1); with `times_s` also
        `first_time_s`, `last_time_s`. With `unit="px"`, px stands for nm. No cluster gives no row.

    Raises
    ------
    ParameterError
        If the arrays differ in length, or values are not finite.

    Examples
    --------
    >>> table = cluster_statistics([[0, 0], [0, 2], [2, 0], [9, 9]], [0, 0, 0, -1], frames=[0, 1, 3, 3])
    >>> table[["size", "area_nm2", "occupancy"]].to_numpy().tolist()
    [[3.0, 2.0, 1.0]]
    """
    import pandas as pd

    yx = checked_points(positions, "positions")
    if len(yx) == 0:
        yx = np.empty((0, 2))
    if yx.shape[1] != 2:
        raise ParameterError(f"positions must have the columns y, x; got shape {yx.shape}")
    lab = checked_labels(labels, len(yx))
    k = int(lab.max(initial=-1)) + 1
    plane = pd.DataFrame(_plane_columns(yx, members_of(position_order(yx), lab, k), unit))
    presence = cluster_presence(lab, frames=frames, times_s=times_s, observed_frames=observed_frames)
    return plane.join(presence.drop(columns=["cluster_id", "size"]))


def cluster_presence(
    labels: ArrayLike,
    *,
    frames: ArrayLike | None = None,
    times_s: ArrayLike | None = None,
    observed_frames: ArrayLike | None = None,
) -> pd.DataFrame:
    """Measure the size of each cluster and the frames and times in which it has members.

    Parameters
    ----------
    labels
        (N,) cluster numbers 0 to k - 1; -1 for points in no cluster. A particle detected several times has several
        points.
    frames
        (N,) frame of each point; None leaves the columns on frames out.
    times_s
        (N,) time of each point, s; None leaves the columns on times out.
    observed_frames
        Frames that show the surface, each once; None: every frame that has any point.

    Returns
    -------
    pandas.DataFrame
        One row per cluster: `cluster_id`, `size` (points), and the columns on frames and times of
        `cluster_statistics`.

    Raises
    ------
    ParameterError
        If the arrays differ in length, or values are not finite.

    Examples
    --------
    >>> cluster_presence([0, 0, 1, -1], frames=[0, 2, 2, 3], observed_frames=range(4))["occupancy"].tolist()
    [0.5, 0.25]
    """
    import pandas as pd

    lab = checked_labels(labels, np.size(labels))
    k = int(lab.max(initial=-1)) + 1
    members = members_of(np.arange(len(lab)), lab, k)
    columns: dict[str, NDArray[np.generic]] = {
        "cluster_id": np.arange(k, dtype=np.int64),
        "size": np.array([len(m) for m in members], dtype=np.int64),
    }
    if frames is not None:
        columns |= _frame_columns(_one_a_point(frames, len(lab), "frames"), members, observed_frames)
    if times_s is not None:
        time = _one_a_point(times_s, len(lab), "times_s")
        columns["first_time_s"] = np.array([time[m].min() for m in members], dtype=np.float64)
        columns["last_time_s"] = np.array([time[m].max() for m in members], dtype=np.float64)
    return pd.DataFrame(columns)


def _one_a_point(values: ArrayLike, n: int, name: str) -> NDArray[np.float64]:
    out = np.asarray(values, dtype=np.float64)
    if out.shape != (n,):
        raise ParameterError(f"{name} must have one value per point, shape ({n},); got shape {out.shape}")
    if not np.isfinite(out).all():
        raise ParameterError(f"{name} must be finite; {np.count_nonzero(~np.isfinite(out))} values are not")
    return out


def _plane_columns(
    yx: NDArray[np.float64], members: list[NDArray[np.int64]], unit: str
) -> dict[str, NDArray[np.generic]]:
    """Return the columns on size and position of each cluster."""
    k = len(members)
    size = np.array([len(m) for m in members], dtype=np.int64)
    center = np.array([yx[m].mean(axis=0) for m in members]).reshape(k, 2)
    extent = np.array([np.ptp(yx[m], axis=0) for m in members]).reshape(k, 2)
    squares = [((yx[m] - c) ** 2).sum(axis=1).mean() for m, c in zip(members, center, strict=True)]
    area = np.array([_hull_area(yx[m]) for m in members], dtype=np.float64)
    density = np.divide(size, area, out=np.full(k, np.nan), where=area > 0)
    return {
        "cluster_id": np.arange(k, dtype=np.int64),
        "size": size,
        f"y_{unit}": center[:, 0],
        f"x_{unit}": center[:, 1],
        f"extent_y_{unit}": extent[:, 0],
        f"extent_x_{unit}": extent[:, 1],
        f"radius_{unit}": np.sqrt(np.array(squares, dtype=np.float64)),
        f"area_{unit}2": area,
        f"density_per_{unit}2": density,
    }


def _hull_area(yx: NDArray[np.float64]) -> float:
    """Return the area of the convex hull of points in the plane, 0 if they are collinear."""
    from scipy.spatial import ConvexHull, QhullError

    if len(yx) < 3:
        return 0.0
    centred = yx - yx.mean(axis=0)
    spread = np.linalg.svd(centred, compute_uv=False)
    if not spread[1] > 1e-12 * spread[0]:
        return 0.0
    try:
        return float(ConvexHull(centred).volume)
    except QhullError:  # collinear within Qhull's precision
        return 0.0


def _frame_columns(
    frames: NDArray[np.float64], members: list[NDArray[np.int64]], observed_frames: ArrayLike | None
) -> dict[str, NDArray[np.generic]]:
    """Return the columns on the frames in which each cluster has members."""
    observed = np.unique(frames if observed_frames is None else np.asarray(observed_frames, dtype=np.float64))
    n_frames = np.array([np.isin(np.unique(frames[m]), observed).sum() for m in members], dtype=np.int64)
    return {
        "first_frame": np.array([frames[m].min() for m in members], dtype=np.int64),
        "last_frame": np.array([frames[m].max() for m in members], dtype=np.int64),
        "n_frames": n_frames,
        "occupancy": n_frames / max(len(observed), 1),
    }
