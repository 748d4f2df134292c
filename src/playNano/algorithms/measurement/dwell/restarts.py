"""Whether tracks that end begin again at the same place, which tells missed detections from departures."""

from __future__ import annotations

import numpy as np

from playNano.algorithms.measurement.dwell.passes import Passes
from playNano.algorithms.measurement.tracked_movie import Floats, Ints, TrackedMovie

RADIUS = 3.0
"""Radius around an end, in root mean square displacements, within which a new track may be the same molecule."""


def restart_share(movie: TrackedMovie, passes: Passes) -> float:
    """Return the share of the ends after which a track begins at the same place, beyond what chance gives.

    A molecule that is missed once more than the tracking bridges ends one track and begins another. The starts one or
    two passes after the longest gap that is bridged are counted; those as long before the end are the control.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.

    Returns
    -------
    float
        0 to 1; 0 without ends.
    """
    ends = np.flatnonzero(passes.ended)
    if not ends.size:
        return 0.0
    place = movie.position_nm(corrected=False)
    frame = movie.table["frame"].to_numpy(np.int64)
    linked = np.flatnonzero(np.isfinite(passes.gap_s))
    if not linked.size:
        return 0.0
    rms = float(np.sqrt(((place[linked + 1] - place[linked]) ** 2).sum(axis=1).mean()))
    delays = (passes.max_missing + 2, passes.max_missing + 3)
    radius = RADIUS * max(rms, 1e-9) * np.sqrt(delays[1])
    rank = movie.frames.observed_before[frame]
    after = _begins(place, rank, passes, ends, delays, radius)
    before = _begins(place, rank, passes, ends, (-delays[0], -delays[1]), radius)
    return max(float(after.mean() - before.mean()), 0.0)


def _begins(
    place: Floats, rank: Ints, passes: Passes, ends: Ints, delays: tuple[int, int], radius: float
) -> Floats:
    """Return whether another track begins within the radius of each end, after one of the delays, 0 or 1."""
    from scipy.spatial import cKDTree

    apart = 10 * radius
    first = passes.first
    tree = cKDTree(np.column_stack([place[first], rank[first] * apart]))
    out = np.zeros(len(ends))
    for delay in delays:
        points = np.column_stack([place[ends], (rank[ends] + delay) * apart])
        _, index = tree.query(points, k=2, distance_upper_bound=radius)
        others = (index < len(first)) & (index != passes.piece[ends][:, None])
        out[others.any(axis=1)] = 1.0
    return out
