"""What each pass of the tip says about a molecule: still there, left, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from playNano.algorithms.measurement.dwell.bands import Bands, find_bands
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.tracked_movie import Bools, Floats, Ints, TrackedMovie

EndReason: TypeAlias = Literal[
    "left", "edge", "neighbour", "merge", "movie_end", "frame_lost", "low_confidence"
]
"""Why a track ends: the molecule left; it may have diffused out of the window; its image may have fused with another
one; tracks merged; there is no later frame; all later frames are lost; the track was cut at a doubtful link."""

END_REASONS: tuple[EndReason, ...] = get_args(EndReason)

RARE = 0.005
"""Probability below which a molecule that was present is taken not to have been missed in all frames so far."""


@dataclass(frozen=True)
class Passes:
    """The outcome of the passes after each detection.

    Parameters
    ----------
    piece
        Piece of a track to which each row belongs, (N,).
    first, last
        Rows with which pieces begin and end, (n_pieces,).
    age
        Frames since the first detection of the piece, (N,).
    gap_s
        Time to the next detection of the piece, (N,) s; NaN at its end.
    missed
        Observed frames without a detection until then, (N,).
    wait_s
        Time from each detection to the next observed passes of its place, (N, max_missing + 1) s; NaN: there is none.
    at_risk
        Whether the outcome counts, (N,): outside the bands, and the molecule was seen again, or left.
    reason
        Why each piece ends, (n_pieces,).
    start_seen
        Whether the arrival of each piece was seen, (n_pieces,).
    miss_rate
        Probability of a missed detection at a pass; NaN if it cannot be estimated.
    max_missing
        Number of observed frames in a row over which the tracking links.
    bands
        The bands along the border and around neighbours.
    """

    piece: Ints
    first: Ints
    last: Ints
    age: Ints
    gap_s: Floats
    missed: Ints
    wait_s: Floats
    at_risk: Bools
    reason: npt.NDArray[np.object_]
    start_seen: Bools
    miss_rate: float
    max_missing: int
    bands: Bands

    @property
    def survived(self) -> Bools:
        """Whether the molecule was seen again, of rows at risk, (N,)."""
        return self.at_risk & np.isfinite(self.gap_s)

    @property
    def ended(self) -> Bools:
        """Whether the molecule left, of rows at risk, (N,)."""
        return self.at_risk & ~np.isfinite(self.gap_s)


def observe(movie: TrackedMovie, options: DwellOptions) -> Passes:
    """Return what the passes after each detection say about its molecule.

    Parameters
    ----------
    movie
        The tracks.
    options
        Bands, miss rate, and minimum confidence of links.

    Returns
    -------
    Passes
        One outcome a detection.

    Examples
    --------
    >>> import pandas as pd
    >>> from playNano.algorithms.measurement.plain_tables import tracks_from_table
    >>> table = pd.DataFrame({"track_id": [0, 0, 1], "frame": [0, 1, 2], "y_nm": 0.0, "x_nm": [0.0, 0, 9]})
    >>> observe(tracks_from_table(table), DwellOptions()).reason.tolist()
    ['left', 'movie_end']
    """
    piece = movie.pieces(options.min_confidence, cut_at_events=False)
    n_rows = len(piece)
    frame, time = movie.table["frame"].to_numpy(np.int64), movie.column("time_s")
    same = piece[1:] == piece[:-1]
    gap = np.full(n_rows, np.nan)
    missed = np.zeros(n_rows, np.int64)
    rank = movie.frames.observed_before
    if n_rows:
        gap[:-1][same] = np.diff(time)[same]
        missed[:-1][same] = np.maximum(rank[frame[1:]] - rank[frame[:-1] + 1], 0)[same]
    first = np.flatnonzero(np.append(True, ~same)) if n_rows else np.zeros(0, np.int64)
    last = np.append(first, n_rows)[1:] - 1
    given = options.max_missing
    max_missing = int(max(missed.max(initial=0), 0 if given is None else given))
    miss_rate = _miss_rate(options.miss_rate, missed, int(same.sum()), max_missing)
    wait = next_passes_s(movie, frame, max_missing + 1)
    bands = find_bands(movie, piece, wait[:, 0], options.edge_band, options.neighbour_band_nm)
    reason = _reasons(movie, last, wait, bands)
    known = np.isfinite(gap)
    known[last[reason == "left"]] = True
    start_seen = _starts(movie, first, bands, miss_rate, max_missing)
    return Passes(
        piece,
        first,
        last,
        frame - frame[first][piece],
        gap,
        missed,
        wait,
        known & ~bands.near_edge & ~bands.near_neighbour,
        reason,
        start_seen,
        miss_rate,
        max_missing,
        bands,
    )


def _miss_rate(given: float | None, missed: Ints, n_links: int, max_missing: int) -> float:
    """Return the probability of a missed detection, from gaps within tracks, which are not longer than is bridged.

    The mean number of missed detections between two others is that of a geometric distribution cut off behind
    `max_missing`.
    """
    if given is not None:
        return given
    if max_missing == 0 or n_links == 0:
        return float("nan")
    mean, n = float(missed.sum() / n_links), max_missing + 1

    def excess(p: float) -> float:
        return p / (1 - p) - n * p**n / (1 - p**n) - mean

    high = 0.99
    return 0.0 if mean == 0 else float(brentq(excess, 0.0, high)) if excess(high) > 0 else high


def next_passes_s(movie: TrackedMovie, frame: Ints, number: int) -> Floats:
    """Return the times from detections to the next observed passes of their places, (N, number) s; NaN: none.

    Parameters
    ----------
    movie
        The tracks.
    frame
        Frame of each row.
    number
        Number of passes.
    """
    y = movie.position_nm(corrected=False)[:, 0]
    now = movie.frames.pass_s(frame, y)
    out = np.empty((len(frame), number))
    later = frame
    for k in range(number):
        later = np.where(later >= 0, movie.frames.next_observed(later), -1)
        out[:, k] = movie.frames.pass_s(later, y) - now
    return out


def _reasons(movie: TrackedMovie, last: Ints, wait: Floats, bands: Bands) -> npt.NDArray[np.object_]:
    """Return why each piece ends."""
    track = movie.track()
    frame = movie.table["frame"].to_numpy(np.int64)
    reason = np.full(last.size, "left", dtype=object)
    reason[bands.near_neighbour[last]] = "neighbour"
    reason[bands.near_edge[last]] = "edge"
    never = ~np.isfinite(wait[last, 0])
    reason[never] = np.where(frame[last[never]] == movie.frames.n_frames - 1, "movie_end", "frame_lost")
    reason[np.isin(track[last], list(movie.ends_in_merge))] = "merge"
    reason[:-1][track[last[:-1] + 1] == track[last[:-1]]] = "low_confidence"
    return reason


def _starts(movie: TrackedMovie, first: Ints, bands: Bands, miss_rate: float, max_missing: int) -> Bools:
    """Return whether the arrival of each piece was seen.

    The frame before must be observed, and so many before it that a molecule that was already there would have been
    detected.
    """
    track, frame = movie.track(), movie.table["frame"].to_numpy(np.int64)
    seen = frames_with_arrivals(movie, miss_rate, max_missing)[frame[first]]
    seen &= ~bands.near_edge[first] & ~bands.near_neighbour[first]
    seen &= ~np.isin(track[first], list(movie.starts_in_split))
    seen[1:] &= track[first[1:] - 1] != track[first[1:]]
    return np.asarray(seen, dtype=np.bool_)


def frames_with_arrivals(movie: TrackedMovie, miss_rate: float, max_missing: int) -> Bools:
    """Return whether a molecule that is first detected in a frame has arrived since the frame before, (n_frames,).

    Parameters
    ----------
    movie
        The tracks.
    miss_rate
        Probability of a missed detection at a pass; NaN: not known, taken as 0.
    max_missing
        Number of observed frames in a row over which the tracking links.
    """
    observed = movie.frames.observed
    needed = 1
    if miss_rate > 0:
        needed = min(max(int(np.ceil(np.log(RARE) / np.log(miss_rate))), 1), max_missing + 1)
    before = np.append(False, observed[:-1])
    return np.asarray(observed & before & (movie.frames.observed_before[:-1] >= needed), dtype=np.bool_)
