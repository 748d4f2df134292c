"""Mean squared displacement of each track and of all together, at each lag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.diffusion._step_kernels import pair_sums
from playNano.algorithms.measurement.diffusion.columns import MIN_TRACKS, MSD_COLUMNS, stacked
from playNano.algorithms.measurement.diffusion.steps import edge_distance_nm, track_bounds
from playNano.algorithms.measurement.intervals import NONE, ratio_interval
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_SHARE = 0.3
"""Minimum fraction of steps or pairs outside the band along the border."""

MIN_MAX_LAG = 4


def msd_table(
    movie: TrackedMovie,
    *,
    diffusion_nm2_s: float = 0.0,
    edge_band: float = 3.0,
    max_lag: int | None = None,
    min_confidence: float = 0.0,
    level: float = 0.95,
    corrected: bool = True,
    velocity_nm_s: npt.ArrayLike = (0.0, 0.0),
) -> pd.DataFrame:
    """Return the mean squared displacement of each track and of all tracks, at each lag.

    It is the sum over all pairs of detections that are `lag` frames apart, divided by their number; of all tracks
    together each pair has the same weight. Pairs that start in the band along the border are left out, at lags where
    enough others remain.

    Parameters
    ----------
    movie
        The tracks.
    diffusion_nm2_s
        D by which the width of the band is computed, nm2/s; 0: no band.
    edge_band
        Width of the band as a multiple of the root mean square step along one axis in the time of the lag.
    max_lag
        Maximum lag, frames; None: a quarter of the longest track, at least 4.
    min_confidence
        Minimum confidence of a link, 0 to 1; tracks are cut at others.
    level
        Coverage of the intervals.
    corrected
        Whether the drift is subtracted, where it is known.
    velocity_nm_s
        Velocity along y and x that is subtracted as well, nm/s.

    Returns
    -------
    DataFrame
        A row a track and lag of which it has pairs, after those of all tracks (``track_id`` -1): ``track_id, lag,
        lag_s`` (mean time difference of the pairs), ``msd_nm2, msd_low_nm2, msd_high_nm2`` (all tracks: jackknife over
        tracks), ``n_pairs, n_pairs_edge`` (left out), ``n_detections, n_tracks, n_movies, status, ci_method,
        ci_unit``. The status of a lag is "at_bound" where too few pairs lie outside the band, so that all are used.
    """
    ids, first = track_bounds(movie)
    frame = movie.table["frame"].to_numpy(np.int64)
    span = frame[first[1:] - 1] - frame[first[:-1]] if len(ids) else np.zeros(0, np.int64)
    if max_lag is None:
        max_lag = max(MIN_MAX_LAG, int(span.max(initial=0) + 1) // 4)
    n_lags = np.minimum(span, max_lag)
    first_row = np.append(0, np.cumsum(n_lags)).astype(np.int64)
    row_lag = np.arange(first_row[-1]) - np.repeat(first_row[:-1], n_lags) + 1
    pieces = np.append(True, np.diff(movie.pieces(min_confidence)) != 0)[: len(frame)]
    piece_first = np.append(np.flatnonzero(pieces), len(frame))
    track_of_piece = np.searchsorted(first, piece_first[:-1], side="right") - 1
    band = np.append(0.0, _band(movie, diffusion_nm2_s, edge_band, max_lag))
    time = movie.column("time_s")
    position = movie.position_nm(corrected=corrected) - time[:, None] * np.asarray(velocity_nm_s, np.float64)

    rows_of = first_row[:-1][track_of_piece], n_lags[track_of_piece]
    distance = edge_distance_nm(movie)

    def sums() -> tuple[Floats, Floats, Ints, Ints]:
        sums_of: tuple[Floats, Floats, Ints, Ints] = pair_sums(
            frame, time, position, distance, band, piece_first, *rows_of
        )
        return sums_of

    pairs = sums()
    kept, left_out = (np.bincount(row_lag, n, minlength=max_lag + 1) for n in pairs[2:])
    at_bound = kept < MIN_SHARE * (kept + left_out)
    if at_bound.any():
        band[at_bound] = -np.inf
        pairs = sums()
    row_track = np.repeat(np.arange(len(ids)), n_lags)
    rows = _Rows(row_track, row_lag, *pairs)
    return _table(rows, ids, np.diff(first), at_bound, level)


@dataclass(frozen=True)
class _Rows:
    """Sums over the pairs of each track and lag."""

    track: Ints
    lag: Ints
    square: Floats
    time: Floats
    n_pairs: Ints
    n_edge: Ints


def _band(movie: TrackedMovie, diffusion_nm2_s: float, edge_band: float, max_lag: int) -> Floats:
    """Return the width of the band along the border for each lag, nm; nothing lies in a band of 0."""
    interval = movie.frames.interval_s
    if not (interval > 0 and diffusion_nm2_s > 0):
        return np.full(max_lag, -np.inf)
    return np.asarray(edge_band * np.sqrt(2 * diffusion_nm2_s * interval * np.arange(1, max_lag + 1)))


def _table(
    rows: _Rows, ids: Ints, n_detections: Ints, at_bound: npt.NDArray[np.bool_], level: float
) -> pd.DataFrame:
    """Return the table of all tracks together and of each."""
    used = rows.n_pairs > 0
    track, lag, n_pairs = rows.track[used], rows.lag[used], rows.n_pairs[used]
    single = {
        "track_id": ids[track],
        "lag": lag,
        "lag_s": rows.time[used] / n_pairs,
        "msd_nm2": rows.square[used] / n_pairs,
        "msd_low_nm2": np.nan,
        "msd_high_nm2": np.nan,
        "n_pairs": n_pairs,
        "n_pairs_edge": rows.n_edge[used],
        "n_detections": n_detections[track],
        "n_tracks": 1,
        "n_movies": 1,
        "status": np.where(at_bound[lag], "at_bound", "ok").astype(object),
        "ci_method": "",
        "ci_unit": "",
    }
    order = np.argsort(rows.lag, kind="stable")
    ends = np.searchsorted(rows.lag[order], np.arange(len(at_bound) + 1))
    together = [
        _all_tracks(rows, order[ends[k] : ends[k + 1]], k, n_detections, bool(at_bound[k]), level)
        for k in (range(1, len(at_bound)) if len(ids) else ())
    ]
    return stacked([together, single], MSD_COLUMNS)


def _all_tracks(
    rows: _Rows, of_lag: Ints, lag: int, n_detections: Ints, at_bound: bool, level: float
) -> dict[str, Any]:
    """Return the row of all tracks together for a lag."""
    here = of_lag[rows.n_pairs[of_lag] > 0]
    square, number = rows.square[here], rows.n_pairs[here]
    n, n_tracks = int(number.sum()), len(here)
    status: Status = "too_short" if n == 0 else "at_bound" if at_bound else "ok"
    low, high = NONE if n_tracks < MIN_TRACKS else ratio_interval(square, number, level)
    if status == "ok" and n_tracks < MIN_TRACKS:
        status = "too_few_tracks"
    return {
        "track_id": -1,
        "lag": lag,
        "lag_s": rows.time[here].sum() / n if n else np.nan,
        "msd_nm2": square.sum() / n if n else np.nan,
        "msd_low_nm2": low,
        "msd_high_nm2": high,
        "n_pairs": n,
        "n_pairs_edge": int(rows.n_edge[of_lag].sum()),
        "n_detections": int(n_detections[rows.track[here]].sum()),
        "n_tracks": n_tracks,
        "n_movies": 1,
        "status": status,
        "ci_method": "jackknife_t",
        "ci_unit": "track",
    }
