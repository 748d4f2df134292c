"""Rotation of molecules from plain tables, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playNano.algorithms.measurement.measured import Measured
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.rotation.options import RotationOptions

if TYPE_CHECKING:
    import pandas as pd


def rotation(
    tracks: pd.DataFrame,
    *,
    frame_interval_s: float | None = None,
    pixel_size_nm: float | tuple[float, float] | None = None,
    **options: Any,
) -> Measured:
    """Measure the rotational diffusion of the molecules of a table of tracks.

    Parameters
    ----------
    tracks
        A row a detection: ``track_id`` (or ``particle``, ``TRACK_ID``), ``frame``, ``y_nm, x_nm`` (or ``y, x`` in px
        with `pixel_size_nm`), ``orientation_rad``; ``eccentricity`` and ``touches_edge`` count where they exist.
    frame_interval_s
        Time from frame to frame, s, > 0, for tables without ``time_s``.
    pixel_size_nm
        Pixel size, or (y, x), nm, > 0, for places in px.
    **options
        See `playNano.algorithms.measurement.rotation.options.RotationOptions`.

    Returns
    -------
    Measured
        Tables ``rotation``, ``orientation_correlation`` and ``pairs``.

    Raises
    ------
    ParameterError
        A column is missing, or an option is wrong.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> angles = np.random.default_rng(0).normal(0, 0.4, (20, 30)).cumsum(axis=1)
    >>> tracks = pd.DataFrame({"track_id": np.repeat(range(20), 30), "frame": np.tile(range(30), 20), "y_nm": 0.0,
    ...                        "x_nm": np.repeat(range(20), 30), "orientation_rad": angles.ravel()})
    >>> rotation(tracks, frame_interval_s=0.5)["rotation"]["rotation_rad2_s"].round(2).tolist()
    [0.16]
    """
    from playNano.algorithms.measurement.rotation.rotation import measure_rotation

    movie = tracks_from_table(tracks, frame_interval_s=frame_interval_s, pixel_size_nm=pixel_size_nm)
    return measure_rotation(movie, RotationOptions(**options))
