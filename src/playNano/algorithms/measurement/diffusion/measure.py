"""Measure the diffusion of a movie's tracks: D of the movie and of each track, MSD, states, confinement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.algorithms.measurement.diffusion.fit import Fitted, fit_movie
from playNano.algorithms.measurement.diffusion.msd import msd_table
from playNano.algorithms.measurement.diffusion.options import DiffusionOptions
from playNano.algorithms.measurement.diffusion.population import states_table
from playNano.algorithms.measurement.diffusion.report import doubts_of, headlines_of, messages_of
from playNano.algorithms.measurement.diffusion.steps import track_bounds
from playNano.algorithms.measurement.diffusion.tables import track_table
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.results import Headline, named_by_clock
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.measurement.tracked_movie import Frames
    from playNano.algorithms.measurement.window import Window


IN_FRAMES = {"diffusion_alpha_nm2_salpha": "diffusion_alpha_nm2_framealpha"}


@dataclass(frozen=True)
class Diffusion:
    """Diffusion of a movie's tracks.

    Parameters
    ----------
    msd
        Mean squared displacement: a row a track and lag, ``track_id`` -1 for all tracks.
    track_diffusion
        D: a row a track, after that of the movie (``track_id`` -1).
    diffusion_states
        States of different D: a row a state.
    headlines
        The main results.
    messages
        What a reader of the numbers must know, in words.
    doubts
        What makes D doubtful, in words.
    """

    msd: pd.DataFrame
    track_diffusion: pd.DataFrame
    diffusion_states: pd.DataFrame
    headlines: tuple[Headline, ...]
    messages: tuple[str, ...]
    doubts: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {
            "msd": self.msd,
            "track_diffusion": self.track_diffusion,
            "diffusion_states": self.diffusion_states,
        }


def diffusion(
    table: pd.DataFrame,
    *,
    frame_interval_s: float | None = None,
    pixel_size_nm: float | tuple[float, float] | None = None,
    window: Window | None = None,
    frames: Frames | None = None,
    **options: Any,
) -> Diffusion:
    """Measure the diffusion of tracks in a plain table: of trackpy, TrackMate, playNano or a CSV file.

    Parameters
    ----------
    table
        A row a detection: the track (``track_id``, ``particle`` or ``TRACK_ID``), the ``frame``, and the place:
        ``y_nm, x_nm``; or ``y, x`` in px and `pixel_size_nm`. ``time_s`` counts where the table has it.
    frame_interval_s
        Time from frame to frame, s, > 0, for tables without ``time_s``; None and no ``time_s``: names of results have
        frames instead of seconds.
    pixel_size_nm
        Pixel size, or (y, x), nm, > 0, for tables with places in px.
    window
        In which a particle can be detected; None: unbounded, so that no step is left out for the border.
    frames
        Times of the frames; None: regular.
    **options
        Fields of `playNano.algorithms.measurement.diffusion.options.DiffusionOptions`.

    Returns
    -------
    Diffusion
        ``msd, track_diffusion, diffusion_states`` (DataFrames), ``headlines`` and ``messages``.

    Raises
    ------
    ParameterError
        A column or the pixel size is missing, or an option is wrong.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> walks = [np.cumsum(rng.normal(0, 5.0, (60, 2)), axis=0) for _ in range(20)]
    >>> tracks = pd.concat(
    ...     pd.DataFrame({"particle": k, "frame": range(60), "y": walk[:, 0], "x": walk[:, 1]})
    ...     for k, walk in enumerate(walks)
    ... )
    >>> result = diffusion(tracks, frame_interval_s=0.5, pixel_size_nm=1.0)
    >>> result.headlines[0].text()
    'D = 24 nm2/s (22 to 27), 20 tracks'
    """
    movie = tracks_from_table(
        table, frame_interval_s=frame_interval_s, pixel_size_nm=pixel_size_nm, window=window, frames=frames
    )
    return measure_diffusion(movie, DiffusionOptions(**options))


def measure_diffusion(movie: TrackedMovie, options: DiffusionOptions | None = None) -> Diffusion:
    """Measure the diffusion of a movie's tracks.

    Parameters
    ----------
    movie
        The tracks.
    options
        Which steps count, and how diffusion is estimated; None: the defaults.

    Returns
    -------
    Diffusion
        Tables, headlines and messages. Where no times are known, names of columns have frames instead of seconds.
    """
    options = DiffusionOptions() if options is None else options
    fitted = fit_movie(movie, options)
    msd = msd_table(
        movie,
        diffusion_nm2_s=float(np.nan_to_num(fitted.pooled.diffusion_nm2_s)) if options.edge_band > 0 else 0.0,
        edge_band=options.edge_band,
        max_lag=options.max_lag,
        min_confidence=options.min_confidence,
        level=options.level,
        corrected=options.drift != "none",
        velocity_nm_s=fitted.velocity.nm_s if fitted.velocity and options.drift == "fit" else (0.0, 0.0),
    )
    states = _states(movie, fitted, options)
    tracks = track_table(fitted, options)
    headlines = headlines_of(fitted, states, movie.clock)
    clock = movie.clock
    return Diffusion(
        named_by_clock(msd, clock),
        named_by_clock(tracks, clock).rename(columns=IN_FRAMES if clock == "index" else {}),
        named_by_clock(states, clock),
        tuple(headlines),
        tuple(messages_of(movie, fitted, options)),
        tuple(doubts_of(movie, fitted, options)),
    )


def _states(movie: TrackedMovie, fitted: Fitted, options: DiffusionOptions) -> pd.DataFrame:
    """Return the states of different D."""
    frame = movie.table["frame"].to_numpy(np.int64)
    _, bounds = track_bounds(movie)
    duration = frame[bounds[1:] - 1] - frame[bounds[:-1]] + 1 if len(frame) else np.zeros(0)
    return states_table(fitted.states, duration, fitted.n_detections, options.level)
