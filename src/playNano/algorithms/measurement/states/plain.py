"""States in plain tables of tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playNano.algorithms.measurement.plain_tables import options_from, tracks_from_table
from playNano.algorithms.measurement.states.measure import measure_states
from playNano.algorithms.measurement.states.options import StatesOptions

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.measurement.tracked_movie import Frames


def states(
    table: pd.DataFrame,
    *,
    frame_interval_s: float | None = None,
    pixel_size_nm: float | tuple[float, float] | None = None,
    frames: Frames | None = None,
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """Measure states of molecules, and the rates of transitions between them, from a plain table of tracks.

    Parameters
    ----------
    table
        A row a detection: the track (``track_id``, ``particle`` or ``TRACK_ID``), the ``frame``, the place, and the
        column in which states differ.
    frame_interval_s
        Time from frame to frame, s; None and no ``time_s``: rates are per frame.
    pixel_size_nm
        Pixel size, or (y, x), nm, for places in px.
    frames
        Times of the frames and which are observed; None: all up to the last frame of the table are observed.
    **options
        Those of `playNano.algorithms.measurement.states.options.StatesOptions`.

    Returns
    -------
    dict of DataFrame
        ``states, transitions, state_table, state_models``; see
        `playNano.algorithms.measurement.states.measure.States`.

    Raises
    ------
    ParameterError
        A column is missing, or an option is unknown or wrong.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> frame = np.tile(np.arange(60), 6)
    >>> height = np.where((frame + np.arange(360) // 7) // 15 % 2, 6.0, 4.0) + rng.normal(0, 0.2, 360)
    >>> tracks = pd.DataFrame({"track_id": np.repeat(np.arange(6), 60), "frame": frame, "height_nm": height})
    >>> result = states(tracks.assign(y_nm=0.0, x_nm=0.0), frame_interval_s=0.5)
    >>> result["state_table"]["height_nm"].round(1).tolist()
    [4.0, 6.0]
    """
    movie = tracks_from_table(
        table, frame_interval_s=frame_interval_s, pixel_size_nm=pixel_size_nm, frames=frames
    )
    return measure_states(movie, options_from(StatesOptions, options)).tables()
