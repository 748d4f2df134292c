"""Join tracks or clusters with their detections, as a table and a figure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.analysis.utils.frames import new_axes
from playNano.core.files import atomic_write
from playNano.errors import MissingInputError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

GROUPS = {"tracks": "track_id", "clusters": "cluster_id"}
_COLUMNS = ("frame", "timestamp", "label", "centroid_x", "centroid_y", "area", "mean", "min", "max")


def flatten_particle_features(
    grouping_output: Mapping[str, Any],
    detection_output: Mapping[str, Any],
    *,
    object_key: str | None = None,
    object_id_field: str | None = None,
    frame_key: str = "frames",
    index_key: str = "point_indices",
) -> pd.DataFrame:
    """Join tracks or clusters with the features that they contain.

    Parameters
    ----------
    grouping_output
        Output of a tracking or clustering module.
    detection_output
        Output of the detection module before it.
    object_key
        Key of the groups in `grouping_output`; by default "tracks" or "clusters".
    object_id_field
        Column for the number of the group; by default "track_id" or "cluster_id".
    frame_key
        Key of a group's frames.
    index_key
        Key of the indices of a group's features within these frames; None in it, a missing detection, is
        skipped.

    Returns
    -------
    pandas.DataFrame
        One row per detection: `object_id_field`, ``frame``, ``timestamp`` (s), ``label``, ``centroid_x``,
        ``centroid_y`` (px), ``area`` (px), ``mean``, ``min``, ``max`` (the pixels' unit); values that a feature
        lacks are missing (NaN).

    Raises
    ------
    ValueError
        If `object_key` is not given, and the output has neither tracks nor clusters.
    KeyError
        If a group has no frames or indices, or the detection output has no features.

    Examples
    --------
    >>> tracks = {"tracks": [{"id": 7, "frames": [0, 1], "point_indices": [0, None]}]}
    >>> feature = {"frame_timestamp": 0.5, "label": 1, "centroid": (2.0, 3.0), "area": 9}
    >>> flat = flatten_particle_features(tracks, {"features_per_frame": [[feature], []]})
    >>> flat[["track_id", "centroid_x", "centroid_y"]].values.tolist()
    [[7.0, 3.0, 2.0]]
    """
    import pandas as pd

    key = object_key or next((name for name in GROUPS if name in grouping_output), None)
    if key is None:
        raise ParameterError(f"neither tracks nor clusters among {list(grouping_output)}; give object_key")
    id_field = object_id_field or GROUPS.get(key, "cluster_id")
    if "features_per_frame" not in detection_output:
        raise MissingInputError(
            f"no 'features_per_frame' among the detection's outputs {list(detection_output)}"
        )
    features = detection_output["features_per_frame"]
    rows = []
    for group in grouping_output.get(key, []):
        if group.get(frame_key) is None or group.get(index_key) is None:
            raise MissingInputError(f"group {group.get('id')!r} must have {frame_key!r} and {index_key!r}")
        for frame, index in zip(group[frame_key], group[index_key], strict=True):
            if index is not None:
                rows.append(_row(id_field, group["id"], frame, features[frame][index]))
    return pd.DataFrame(rows, columns=[id_field, *_COLUMNS])


def _row(id_field: str, number: Any, frame: int, feature: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of one detection, NaN or None for values that the feature does not have."""
    y, x = feature["centroid"] if "centroid" in feature else (feature.get("y"), feature.get("x"))
    nan = float("nan")
    return {
        id_field: number,
        "frame": frame,
        "timestamp": feature.get("frame_timestamp", nan),
        "label": feature.get("label"),
        "centroid_x": x,
        "centroid_y": y,
        **{name: feature.get(name, nan) for name in ("area", "mean", "min", "max")},
    }


def plot_particle_labels_3d(
    df: pd.DataFrame,
    object_id_field: str = "track_id",
    ax: Any = None,
    save_to: str | os.PathLike[str] | None = None,
    cmap: str = "tab10",
) -> Any:
    """Plot grouped detections in x, y and time, one colour per group.

    Parameters
    ----------
    df
        Table returned by `flatten_particle_features`.
    object_id_field
        Column with the number of the group.
    ax
        3-D axes to draw into; by default new ones.
    save_to
        Image file to write.
    cmap
        Name of a matplotlib colour map.

    Returns
    -------
    matplotlib.axes.Axes
        The 3-D axes.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    import matplotlib

    missing = [c for c in ("centroid_x", "centroid_y", "timestamp", object_id_field) if c not in df]
    if missing:
        raise ParameterError(f"no column {missing[0]!r} (there are: {', '.join(map(str, df.columns))})")
    ax = new_axes(projection="3d") if ax is None else ax
    colours = matplotlib.colormaps[cmap]
    for position, (number, group) in enumerate(df.groupby(object_id_field, sort=True)):
        colour = colours(position % colours.N)
        x, y, t = (group[c].to_numpy() for c in ("centroid_x", "centroid_y", "timestamp"))
        ax.scatter(x, y, t, color=colour, s=8, label=f"{number}")
    ax.set_xlabel("x (px)")
    ax.set_ylabel("y (px)")
    ax.set_zlabel("time (s)")
    if save_to is not None:
        ax.figure.savefig(os.fspath(save_to))
    return ax


def export_particle_csv(df: pd.DataFrame, out_path: str | os.PathLike[str]) -> None:
    """Write a table to a CSV file; its folder is created if necessary.

    Parameters
    ----------
    df
        Table returned by `flatten_particle_features`.
    out_path
        The CSV file.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    with atomic_write(Path(out_path)) as temporary:
        df.to_csv(temporary, index=False)
