"""Dwell times of plain tables of tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playNano.algorithms.measurement.dwell.dwell_times import measure_dwell_times
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.plain_tables import options_from, tracks_from_table

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.measurement.tracked_movie import Frames
    from playNano.algorithms.measurement.window import Window


def dwell_times(
    table: pd.DataFrame,
    *,
    frame_interval_s: float | None = None,
    pixel_size_nm: float | tuple[float, float] | None = None,
    window: Window | None = None,
    frames: Frames | None = None,
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """Measure how long molecules stay, and how often they leave and arrive, from a plain table of tracks.

    Parameters
    ----------
    table
        A row a detection: the track (``track_id``, ``particle`` or ``TRACK_ID``), the ``frame``, and the place in nm
        (``y_nm, x_nm``) or px (``y, x``).
    frame_interval_s
        Time from frame to frame, s; None and no ``time_s``: rates are per frame.
    pixel_size_nm
        Pixel size, or (y, x), nm, for places in px.
    window
        In which a particle can be detected; None: unbounded, and arrivals per area are not given.
    frames
        Times of the frames and which are observed; None: all up to the last frame of the table are observed.
    **options
        Those of `playNano.algorithms.measurement.dwell.options.DwellOptions`.

    Returns
    -------
    dict of DataFrame
        ``dwells, rates, survival, counts, sites, site_rates``; see
        `playNano.algorithms.measurement.dwell.dwell_times.DwellTimes`.

    Raises
    ------
    ParameterError
        A column is missing, or an option is unknown or wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(track, frame) for track in range(8) for frame in range(track, track + 5)]
    >>> tracks = pd.DataFrame(rows, columns=["particle", "frame"]).assign(y=0.0, x=0.0)
    >>> result = dwell_times(tracks, frame_interval_s=0.5, pixel_size_nm=1.0, miss_rate=0.0)
    >>> result["rates"][["k_off_1_s", "n_events"]].round(3).values.tolist()
    [[0.396, 7.0]]
    """
    movie = tracks_from_table(
        table,
        frame_interval_s=frame_interval_s,
        pixel_size_nm=pixel_size_nm,
        window=window,
        frames=frames,
    )
    return measure_dwell_times(movie, options_from(DwellOptions, options)).tables()
