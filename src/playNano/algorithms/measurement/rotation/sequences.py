"""Orientations of tracks as sequences, and their correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.rotation.options import RotationOptions
from playNano.algorithms.measurement.tracked_movie import TrackedMovie

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Orientations:
    """Orientations of the detections that have one, by piece of a track, then time.

    Parameters
    ----------
    theta
        Orientation, rad; known modulo pi.
    time
        When the tip passed, s.
    frame
        Frame.
    piece
        Piece of a track, numbered from 0; each has at least two detections.
    track
        Track.
    """

    theta: Floats
    time: Floats
    frame: Ints
    piece: Ints
    track: Ints

    @property
    def follows(self) -> npt.NDArray[np.bool_]:
        """Whether each detection but the first is of the same piece as the one before it, (N - 1,)."""
        return np.asarray(self.piece[1:] == self.piece[:-1])

    @property
    def steps(self) -> Floats:
        """Rotation from each detection to the next, from -pi/2 to pi/2, (N - 1,)."""
        return np.asarray((np.diff(self.theta) + np.pi / 2) % np.pi - np.pi / 2, dtype=np.float64)

    def thinned(self, limit: int) -> Orientations:
        """Return every so many-th piece, so that about a given number of detections are left.

        Parameters
        ----------
        limit
            Number of detections.
        """
        step = int(np.ceil(len(self.theta) / limit))
        if step <= 1:
            return self
        kept = self.piece % step == 0
        fields = (self.theta, self.time, self.frame, self.piece, self.track)
        return Orientations(*(values[kept] for values in fields))

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return len(np.unique(self.track))


def orientations_of(movie: TrackedMovie, options: RotationOptions) -> Orientations:
    """Return the orientations of tracks.

    Parameters
    ----------
    movie
        Tracks of detections with ``orientation_rad``; ``eccentricity`` and ``touches_edge`` count where they exist.
    options
        See `RotationOptions`.

    Raises
    ------
    ParameterError
        The detections have no orientation.
    """
    theta = movie.column("orientation_rad")
    kept = np.isfinite(theta)
    if "eccentricity" in movie.table:
        kept &= movie.column("eccentricity") >= options.min_eccentricity
    kept &= movie.whole
    piece = movie.pieces(options.min_confidence)
    several = np.bincount(piece[kept], minlength=piece.max(initial=-1) + 1) > 1
    kept &= several[piece]
    return Orientations(
        theta[kept] % np.pi,
        movie.column("time_s")[kept],
        movie.table["frame"].to_numpy(np.int64)[kept],
        np.unique(piece[kept], return_inverse=True)[1].astype(np.int64),
        movie.track()[kept],
    )


def correlation(given: Orientations, lag: int) -> tuple[Floats, Floats, Ints, Ints]:
    """Return the sums of cos 2(difference of orientation) over pairs of detections, by track.

    Parameters
    ----------
    given
        Orientations.
    lag
        Difference of frames, >= 1.

    Returns
    -------
    cosine : ndarray of float64
        Sum of the cosines of each track, (n_tracks,).
    time : ndarray of float64
        Sum of the time differences, s.
    count : ndarray of int64
        Number of pairs.
    tracks : ndarray of int64
        The tracks.
    """
    key = given.piece * (given.frame.max(initial=0) + lag + 1) + given.frame
    place = np.searchsorted(key, key + lag)
    inside = np.minimum(place, len(key) - 1)
    paired = (key[inside] == key + lag) & (given.piece[inside] == given.piece)
    tracks, number = np.unique(given.track, return_inverse=True)
    first, second = np.flatnonzero(paired), inside[paired]

    def by_track(values: Floats | None) -> Floats:
        return np.asarray(np.bincount(number[first], values, len(tracks)), dtype=np.float64)

    cosine = by_track(np.cos(2 * (given.theta[second] - given.theta[first])))
    time = by_track(given.time[second] - given.time[first])
    return cosine, time, by_track(None).astype(np.int64), tracks
