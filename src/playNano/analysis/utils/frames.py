"""Summarise features by frame, as a table and a figure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def frame_summary_to_dataframe(features_per_frame: Sequence[Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """Summarise the features of each frame.

    Parameters
    ----------
    features_per_frame
        Output of a detection module.

    Returns
    -------
    pandas.DataFrame
        One row per frame: ``frame_index``, ``n_features``, ``total_area`` (px), ``mean_area`` (px),
        ``mean_intensity`` (the pixels' unit); means are 0 for a frame without features, areas and
        intensities are 0 if features have none.

    Examples
    --------
    >>> frame_summary_to_dataframe([[{"area": 4, "mean": 2.0}], []])["n_features"].tolist()
    [1, 0]
    """
    import pandas as pd

    rows = []
    for index, features in enumerate(features_per_frame):
        areas = [float(feature.get("area", 0)) for feature in features]
        means = [float(feature.get("mean", 0)) for feature in features]
        rows.append(
            {
                "frame_index": index,
                "n_features": len(areas),
                "total_area": sum(areas),
                "mean_area": sum(areas) / len(areas) if areas else 0.0,
                "mean_intensity": sum(means) / len(means) if means else 0.0,
            }
        )
    columns = ["frame_index", "n_features", "total_area", "mean_area", "mean_intensity"]
    return pd.DataFrame(rows, columns=columns)


def plot_frame_histogram(
    df: pd.DataFrame,
    column: str,
    ax: Axes | None = None,
    save_to: str | os.PathLike[str] | None = None,
    bins: int = 20,
) -> Axes:
    """Plot the histogram of a column over the frames.

    Parameters
    ----------
    df
        Table returned by `frame_summary_to_dataframe`.
    column
        Name of the column.
    ax
        Axes to draw into; by default new ones.
    save_to
        Image file to write.
    bins
        Number of bins.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    if column not in df:
        raise ParameterError(f"no column {column!r} (there are: {', '.join(map(str, df.columns))})")
    axes: Any = new_axes() if ax is None else ax
    axes.hist(df[column].to_numpy(), bins=bins)
    axes.set_xlabel(column)
    axes.set_ylabel("frames")
    if save_to is not None:
        axes.figure.savefig(os.fspath(save_to))
    drawn: Axes = axes
    return drawn


def new_axes(**options: Any) -> Any:
    """Create axes on a new figure that is not registered with pyplot.

    Parameters
    ----------
    **options
        Options of `matplotlib.figure.Figure.add_subplot`, such as ``projection="3d"``.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(6, 4), layout="constrained").add_subplot(**options)
