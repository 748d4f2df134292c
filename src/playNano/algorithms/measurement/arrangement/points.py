"""Molecules of each frame, in independent blocks of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.arrangement.blocks_of_frames import Renewal, blocks_of, renewal
from playNano.algorithms.measurement.arrangement.options import ArrangementOptions
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.tracked_movie import TrackedMovie
from playNano.algorithms.measurement.window import Window
from playNano.errors import ParameterError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NAN = float("nan")

MAX_BINS = 500
"""Bins of distance, unless their width is given."""


@dataclass(frozen=True)
class FramePoints:
    """Points of the observed frames, the blocks to which these belong, and the bins of distance.

    Parameters
    ----------
    places
        Places y, x of the molecules of each frame, nm, (n, 2).
    block
        Block of each frame.
    window
        The window.
    dr, n_bins
        Width, nm, and number of the bins.
    resolution
        Distance below which molecules cannot be separated, nm.
    smallest
        Smallest distance of two molecules, nm.
    renewal
        How fast the arrangement changes.
    n_tracks
        Number of tracks.
    """

    places: list[Floats]
    block: Ints
    window: Window
    dr: float
    n_bins: int
    resolution: float
    smallest: float
    renewal: Renewal
    n_tracks: int

    @property
    def n_points(self) -> Ints:
        """Number of points in each frame."""
        return np.array([len(place) for place in self.places], np.int64)

    @property
    def n_pairs(self) -> Ints:
        """Number of ordered pairs in each frame."""
        return np.asarray(self.n_points * (self.n_points - 1), np.int64)

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return int(self.block.max()) + 1

    @property
    def status(self) -> Status:
        """Whether there are blocks for intervals."""
        return "ok" if self.n_blocks > 1 else "one_frame"

    def counts(self, status: Status) -> dict[str, Any]:
        """Return the columns that every row has.

        Parameters
        ----------
        status
            Status of the row.
        """
        interval = self.n_blocks > 1
        return {
            "status": status,
            "ci_method": "jackknife_t" if interval else "",
            "ci_unit": "block" if interval else "",
            "n_frames": len(self.places),
            "n_blocks": self.n_blocks,
            "n_detections": int(self.n_points.sum()),
            "n_tracks": self.n_tracks,
            "n_movies": 1,
        }

    def without_block(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sum of values over the frames, without those of each block, (n_blocks, ...).

        Parameters
        ----------
        values
            A value or a row of values per frame.
        """
        of_block = np.zeros((self.n_blocks, *values.shape[1:]), values.dtype)
        np.add.at(of_block, self.block, values)
        return np.asarray(of_block.sum(axis=0) - of_block)


def frame_points(
    movie: TrackedMovie, options: ArrangementOptions, resolution_nm: float, tracked: bool
) -> FramePoints | Status:
    """Return the points of each observed frame, or why there are none that can be measured.

    Parameters
    ----------
    movie
        Detections with their window.
    options
        See `ArrangementOptions`.
    resolution_nm
        Resolution where the options do not give it, nm.
    tracked
        Whether the tracks are tracks.

    Raises
    ------
    ParameterError
        The bins are wider than the largest distance.
    """
    window = movie.window
    if not window.area_nm2 > 0:
        return "at_bound"
    frame = movie.table["frame"].to_numpy(np.int64)
    place = movie.position_nm(corrected=False)
    seen = np.flatnonzero(movie.frames.observed)
    kept = np.isin(frame, seen) & (window.distance_nm(place[:, 0], place[:, 1]) >= 0)
    order = np.lexsort((place[:, 1], place[:, 0], frame))
    order = order[kept[order]]
    bounds = np.searchsorted(frame[order], [seen, seen + 1])
    places = [place[order[low:high]] for low, high in bounds.T]
    if not any(len(p) > 1 for p in places):
        return "too_few_tracks"
    nearest = np.concatenate([_neighbour_distance(p) for p in places if len(p) > 1])
    largest = min(window.height_nm, window.width_nm) / 2
    r_max = min(options.r_max_nm or largest, largest)
    dr = options.dr_nm or max(float(nearest.mean()) / 10, r_max / MAX_BINS)
    n_bins = int(np.floor(r_max / dr + 1e-9)) if dr > 0 else 0
    if not n_bins:
        raise ParameterError(f"dr_nm = {dr:.3g} is not smaller than the largest distance, {r_max:.3g} nm")
    resolution = resolution_nm if options.resolution_nm is None else options.resolution_nm
    change = renewal(movie, max(float(nearest.mean()) / 4, 1e-9)) if tracked else Renewal(NAN, NAN, np.inf)
    length = change.time_s / movie.frames.interval_s if movie.frames.n_frames > 1 else np.inf
    block = blocks_of(len(seen), length if options.block_frames is None else options.block_frames)
    n_tracks = movie.n_tracks if tracked else 0
    return FramePoints(places, block, window, dr, n_bins, resolution, float(nearest.min()), change, n_tracks)


def _neighbour_distance(place: Floats) -> Floats:
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(place).query(place, k=2)[0][:, 1], dtype=np.float64)
