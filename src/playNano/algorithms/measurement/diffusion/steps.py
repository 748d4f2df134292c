"""Steps of tracks from one detection to the next, less those that the border of the field selects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.tracked_movie import TrackedMovie
from playNano.algorithms.measurement.window import half_extent_nm

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PARABOLIC_BLUR = 0.26
"""Mean difference of two moments, as a fraction of the time of a pass, of a particle with a parabolic profile."""


@dataclass(frozen=True)
class Steps:
    """Steps of tracks from one detection to the next, by track.

    Parameters
    ----------
    step_nm
        Displacements along y and x, (N, 2) nm.
    time_s
        Time differences, (N,) s.
    gap
        Differences of frames, (N,).
    begins
        Whether the step does not start where the one before it ended, (N,).
    first
        The steps of track k are first[k] to first[k + 1], (n_tracks + 1,).
    n_edge
        Number of steps of each track that start in the band along the border, (n_tracks,).
    n_overlap
        Number of steps of each track in which the tip's two passes overlap, (n_tracks,).
    """

    step_nm: Floats
    time_s: Floats
    gap: Ints
    begins: Bools
    first: Ints
    n_edge: Ints
    n_overlap: Ints

    @property
    def n_tracks(self) -> int:
        """Number of tracks, also those without steps."""
        return len(self.first) - 1

    @property
    def n_steps(self) -> Ints:
        """Number of steps of each track, (n_tracks,)."""
        return np.diff(self.first)

    @property
    def track(self) -> Ints:
        """Track of each step, (N,)."""
        return np.repeat(np.arange(self.n_tracks), self.n_steps)

    @property
    def typical_time_s(self) -> float:
        """Median time of a step, s; 1 without steps."""
        return float(np.median(self.time_s)) if len(self.time_s) else 1.0

    @property
    def kept_share(self) -> float:
        """Fraction of the steps that do not start in the band along the border; 1 without steps."""
        n_all = len(self.time_s) + int(self.n_edge.sum())
        return len(self.time_s) / n_all if n_all else 1.0

    def sums(self, values: Floats) -> Floats:
        """Return sums by track of values by step.

        Parameters
        ----------
        values
            One a step, (N,).
        """
        return np.asarray(np.bincount(self.track, values, minlength=self.n_tracks), np.float64)

    def of_tracks(self, chosen: Bools) -> Steps:
        """Return the steps of some tracks.

        Parameters
        ----------
        chosen
            Which tracks, (n_tracks,).
        """
        rows = chosen[self.track]
        return Steps(
            self.step_nm[rows], self.time_s[rows], self.gap[rows], self.begins[rows],
            np.append(0, np.cumsum(self.n_steps[chosen])).astype(np.int64),
            self.n_edge[chosen], self.n_overlap[chosen],
        )  # fmt: skip

    def less(self, velocity_nm_s: Floats) -> Steps:
        """Return the steps without a velocity that all share.

        Parameters
        ----------
        velocity_nm_s
            Along y and x, (2,) nm/s.
        """
        return replace(self, step_nm=self.step_nm - self.time_s[:, None] * velocity_nm_s)


def track_bounds(movie: TrackedMovie) -> tuple[Ints, Ints]:
    """Return the ids of the tracks of a movie, and where their rows begin, (n_tracks + 1,).

    Parameters
    ----------
    movie
        The tracks.
    """
    ids, first = np.unique(movie.track(), return_index=True)
    return ids, np.append(first, len(movie.table)).astype(np.int64)


def edge_distance_nm(movie: TrackedMovie) -> Floats:
    """Return the distance of each detection from the border of the window, (N,) nm.

    Parameters
    ----------
    movie
        The tracks.
    """
    seen = movie.position_nm(corrected=False)
    return movie.window.distance_nm(seen[:, 0], seen[:, 1])


def pass_duration_s(movie: TrackedMovie) -> float:
    """Return the time in which the tip passes a typical particle, s; 0 where it is not known.

    Parameters
    ----------
    movie
        The tracks.
    """
    if movie.clock != "line" or not movie.frames.line_time_s > 0:
        return 0.0
    half_y, _ = half_extent_nm(movie.table, (movie.frames.pixel_y_nm, 1.0))
    return 2 * half_y / movie.frames.pixel_y_nm * movie.frames.line_time_s


def steps_of(
    movie: TrackedMovie,
    *,
    diffusion_nm2_s: float = 0.0,
    edge_band: float = 3.0,
    min_confidence: float = 0.0,
    corrected: bool = True,
) -> Steps:
    """Return the steps of a movie's tracks, less those that start in the band along the border.

    Steps that take a particle out of the field are never seen. A filter on both ends of a step selects short ones; a
    filter on its start does not.

    Parameters
    ----------
    movie
        The tracks.
    diffusion_nm2_s
        D by which the width of the band is computed, nm2/s; 0: no band.
    edge_band
        Width of the band as a multiple of the root mean square step along one axis in the time of the step.
    min_confidence
        Minimum confidence of a link, 0 to 1.
    corrected
        Whether the drift is subtracted, where it is known.
    """
    _, bounds = track_bounds(movie)
    n_rows = len(movie.table)
    piece, frame = movie.pieces(min_confidence), movie.table["frame"].to_numpy(np.int64)
    start = np.flatnonzero(piece[1:] == piece[:-1]) if n_rows else np.zeros(0, np.int64)
    time = movie.column("time_s")
    duration = time[start + 1] - time[start]
    interval = movie.frames.interval_s
    if not interval > 0:
        interval = 1.0
    width = edge_band * np.sqrt(2 * diffusion_nm2_s * interval * (frame[start + 1] - frame[start]))
    in_band = (
        edge_distance_nm(movie)[start] < width if diffusion_nm2_s > 0 else np.zeros(len(start), np.bool_)
    )
    overlaps = np.zeros(len(start), np.bool_)
    if alternates(movie):
        overlaps = (duration < 2 * pass_duration_s(movie)) & ~in_band
    kept = ~(in_band | overlaps)
    row, track_rows = start[kept], np.searchsorted(bounds, start, side="right") - 1
    position = movie.position_nm(corrected=corrected)
    n_tracks = len(bounds) - 1

    def count(chosen: Bools) -> Ints:
        return np.bincount(track_rows[chosen], minlength=n_tracks).astype(np.int64)

    # A row without a step that counts ends a piece.
    return Steps(
        position[row + 1] - position[row],
        duration[kept],
        frame[row + 1] - frame[row],
        np.append(True, np.diff(row) != 1)[: len(row)],
        np.append(0, np.cumsum(count(kept))).astype(np.int64),
        count(in_band),
        count(overlaps),
    )


def alternates(movie: TrackedMovie) -> bool:
    """Return whether frames are scanned in both directions of the slow axis.

    Parameters
    ----------
    movie
        The tracks.
    """
    upwards = movie.frames.upwards
    return upwards is not None and bool(upwards.any() and not upwards.all())
