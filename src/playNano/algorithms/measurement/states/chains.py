"""The values of tracks as chains: on the grid of frames, and at the times of their detections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playNano.algorithms.measurement.tracked_movie import Floats, Ints, TrackedMovie

RESOLUTION = 256
"""Parts of the frame interval to which times between detections are rounded, so that few durations differ."""


@dataclass(frozen=True)
class Chains:
    """Values in time, one chain after another.

    Parameters
    ----------
    value
        Values, (N,); NaN where there is none.
    bounds
        First row of each chain, and N, (n_chains + 1,).
    index
        Which of the durations leads to each row from the one before, (N,); of no meaning for the first row of a chain.
    durations
        Different durations from row to row, (n,) s.
    """

    value: Floats
    bounds: Ints
    index: Ints
    durations: Floats

    @property
    def n_chains(self) -> int:
        """Number of chains."""
        return len(self.bounds) - 1

    @property
    def chain(self) -> Ints:
        """Chain of each row, (N,)."""
        return np.repeat(np.arange(self.n_chains), np.diff(self.bounds)).astype(np.int64)

    @property
    def n_values(self) -> int:
        """Number of values."""
        return int(np.isfinite(self.value).sum())


@dataclass(frozen=True)
class TrackChains:
    """The chains of a movie.

    Parameters
    ----------
    grid
        A row a frame from the first to the last value of each chain; frames without a value are missing.
    seen
        A row a value.
    row
        Row of `grid` of each row of the movie's table, (n_detections,); -1: its chain is left out.
    track
        Track of each chain, (n_chains,).
    n_left_out
        Number of chains without any value.
    """

    grid: Chains
    seen: Chains
    row: Ints
    track: Ints
    n_left_out: int


def chains_of(movie: TrackedMovie, value: Floats, min_confidence: float = 0.0) -> TrackChains:
    """Return the values of tracks as chains, cut at doubtful links, merges and splits.

    Parameters
    ----------
    movie
        The tracks.
    value
        Value of each detection, (n_detections,); NaN: missing.
    min_confidence
        Minimum confidence of a link, 0 to 1.

    Returns
    -------
    TrackChains
        The chains.
    """
    piece = movie.pieces(min_confidence)
    frame, time, track = movie.table["frame"].to_numpy(np.int64), movie.column("time_s"), movie.track()
    valid = np.isfinite(value)
    rows = np.flatnonzero(valid)
    n_pieces = int(piece[-1]) + 1 if len(piece) else 0
    kept, chain = np.unique(piece[rows], return_inverse=True)
    begins = np.searchsorted(chain, np.arange(kept.size + 1))
    first, last = frame[rows[begins[:-1]]], frame[rows[begins[1:] - 1]]
    bounds = np.append(0, np.cumsum(last - first + 1)).astype(np.int64)
    grid = np.full(int(bounds[-1]), np.nan)
    at = bounds[:-1][chain] + frame[rows] - first[chain]
    grid[at] = value[rows]
    of_piece = np.full(n_pieces, -1)
    of_piece[kept] = np.arange(kept.size)
    mine = of_piece[piece] if n_pieces else np.zeros(0, np.int64)
    row = np.full(len(piece), -1, np.int64)
    inside = mine >= 0
    inside[inside] &= (frame[inside] >= first[mine[inside]]) & (frame[inside] <= last[mine[inside]])
    row[inside] = bounds[:-1][mine[inside]] + frame[inside] - first[mine[inside]]
    interval = movie.frames.interval_s
    interval = interval if np.isfinite(interval) and interval > 0 else 1.0
    step = np.append(0.0, np.diff(time[rows]))
    step[begins[:-1]] = interval
    durations, index = np.unique(np.maximum(np.round(step * RESOLUTION / interval), 1), return_inverse=True)
    return TrackChains(
        Chains(grid, bounds, np.zeros(grid.size, np.int64), np.array([interval])),
        Chains(
            value[rows], begins.astype(np.int64), index.astype(np.int64), durations * interval / RESOLUTION
        ),
        row,
        track[rows[begins[:-1]]],
        n_pieces - kept.size,
    )
