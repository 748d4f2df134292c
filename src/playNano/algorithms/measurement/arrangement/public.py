"""Arrangement of molecules from plain tables, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.arrangement.options import ArrangementOptions
from playNano.algorithms.measurement.measured import Measured
from playNano.algorithms.measurement.plain_tables import TRACK_NAMES, tracks_from_table
from playNano.algorithms.measurement.window import Window

if TYPE_CHECKING:
    import pandas as pd


def arrangement(
    points: pd.DataFrame,
    *,
    window: Window,
    frame_interval_s: float | None = None,
    pixel_size_nm: float | tuple[float, float] | None = None,
    **options: Any,
) -> Measured:
    """Measure how the molecules of a table lie to each other, and test it against a null model.

    Parameters
    ----------
    points
        A row a molecule and frame: ``frame`` and the place, ``y_nm, x_nm`` (or ``y, x`` in px with `pixel_size_nm`).
        With a column of tracks (``track_id``, ``particle``, ``TRACK_ID``) it is estimated how many frames are
        independent.
    window
        In which molecules are detected; it is smaller than the image where those at its border are left out.
    frame_interval_s
        Time from frame to frame, s, > 0, for tables without ``time_s``.
    pixel_size_nm
        Pixel size, or (y, x), nm, > 0, for places in px.
    **options
        See `playNano.algorithms.measurement.arrangement.options.ArrangementOptions`.

    Returns
    -------
    Measured
        Tables ``pair_correlation``, ``neighbours`` and ``test``.

    Raises
    ------
    ParameterError
        A column or the window is missing, or an option is wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> y, x = np.mgrid[5:100:10, 5:100:10].reshape(2, -1)
    >>> lattice = pd.DataFrame({"frame": 0, "y_nm": y, "x_nm": x})
    >>> result = arrangement(lattice, window=Window(0, 100, 0, 100), null="csr")
    >>> float(result["test"]["clark_evans"][0]), float(result["test"]["p"][0])
    (2.0, 0.005)
    """
    from playNano.algorithms.measurement.arrangement.arrangement import measure_arrangement

    tracked = any(name in points for name in TRACK_NAMES)
    table = points if tracked else points.assign(track_id=np.arange(len(points)))
    movie = tracks_from_table(
        table, frame_interval_s=frame_interval_s, pixel_size_nm=pixel_size_nm, window=window
    )
    return measure_arrangement(movie, ArrangementOptions(**options), tracked=tracked)
