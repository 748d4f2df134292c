"""Tracks that break where particles merge or split: the joint particle goes on as one of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.rates import ball_volume, field_size

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Shorter tracks may be clutter, which begins and ends anywhere.
LEAST_LENGTH = 3
# How many steps a joint particle may lie off the line between its parts.
STEPS_OFF_LINE = 2.0


def bridge_events(
    points: Detections,
    previous: npt.NDArray[np.int32],
    confidence: Floats,
    *,
    step: float,
    max_distance: float,
    n_gaps: int,
) -> tuple[npt.NDArray[np.int32], Floats]:
    """Link a joint particle to the nearer of its parts where the linker took all three for different ones.

    The centre of a pair lies off the centres of its parts. Where particles are slow, no step is so wide: both
    parts end and the pair begins anew, or the other way round. Two ends with a beginning between them just
    after, near the line that joins them, are taken for that, and two beginnings with an end between them.

    Parameters
    ----------
    points
        Detections in canonical order, without common motion.
    previous
        Detection before each one, or -1, (N,).
    confidence
        Probability of the link to it, (N,).
    step
        Root mean squared displacement per frame interval; > 0.
    max_distance
        Farthest that a part may lie from the pair; > 0.
    n_gaps
        Number of frames that a link may span; >= 1.

    Returns
    -------
    previous : ndarray of int32, (N,)
        With the new links.
    confidence : ndarray of float64, (N,)
        Of a new link: one to the number of tracks that begin (end) there by chance.

    Examples
    --------
    >>> import numpy as np
    >>> from playNano.algorithms.linking.detections import prepare
    >>> x = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.4, 0.4, 0.4])
    >>> found = prepare(np.array([0, 0, 1, 1, 2, 2, 3, 4, 5]), np.column_stack([np.zeros(9), x]))
    >>> previous = np.array([-1, -1, 0, 1, 2, 3, -1, 6, 7], np.int32)
    >>> sure = np.where(previous >= 0, 1.0, np.nan)
    >>> after, _ = bridge_events(found.points, previous, sure, step=0.1, max_distance=1.5, n_gaps=1)
    >>> int(after[6])
    4
    """
    from playNano.algorithms.linking._kernels.frames import turn_round

    following = turn_round(previous)
    length = _lengths(previous)
    last = points.frame_ptr.size - 2
    long = length >= LEAST_LENGTH
    ends = np.flatnonzero((following < 0) & long & (points.frame_of < last))
    starts = np.flatnonzero((previous < 0) & long & (points.frame_of > 0))
    previous, confidence = previous.copy(), confidence.copy()
    ended, begun = np.zeros((2, previous.size), np.bool_)
    for merging in (True, False):
        pair, single = (ends, starts) if merging else (starts, ends)
        parts_used, joint_used = (ended, begun) if merging else (begun, ended)
        for one, other, joint, sure in _triples(points, pair, single, step, max_distance, n_gaps, merging):
            if parts_used[one] or parts_used[other] or joint_used[joint]:
                continue
            parts_used[[one, other]] = True
            joint_used[joint] = True
            source, target = (one, joint) if merging else (joint, one)
            previous[target], confidence[target] = source, sure
    return previous, confidence


def _lengths(previous: npt.NDArray[np.int32]) -> Ints:
    """Return how many detections the track of each detection has."""
    from playNano.algorithms.linking._kernels.frames import number_tracks

    track, n_tracks = number_tracks(previous)
    return np.asarray(np.bincount(track, minlength=n_tracks)[track])


def _triples(
    points: Detections,
    pair: Ints,
    single: Ints,
    step: float,
    reach: float,
    n_gaps: int,
    merging: bool,
) -> list[tuple[int, int, int, float]]:
    """Return (nearer part, other part, joint particle, probability) of what looks like an event, best first."""
    from scipy.spatial import KDTree

    if pair.size < 2 or not single.size:
        return []
    position, frame = points.position, points.frame_of
    # In space and time at once; a joint particle and its part lie a frame apart at least.
    place = np.column_stack([position / reach, frame / n_gaps])
    near = KDTree(place[single]).query_ball_tree(KDTree(place[pair]), 1.0, p=np.inf)
    dims = position.shape[1]
    density = single.size / ((points.frame_ptr.size - 1) * field_size(position, reach))
    found = []
    for joint, others in zip(single.tolist(), near, strict=True):
        parts = pair[np.sort(np.asarray(others, dtype=np.int64))]
        gap = (frame[joint] - frame[parts]) * (1 if merging else -1)
        away = np.sqrt(((position[parts] - position[joint]) ** 2).sum(axis=1))
        usable = (gap >= 1) & (away <= reach)
        parts, gap, away = parts[usable], gap[usable], away[usable]
        for a in range(parts.size):
            for b in range(a + 1, parts.size):
                width = STEPS_OFF_LINE * step * np.sqrt(float(gap[a] + gap[b]))
                off, apart = _off_line(position[joint], position[parts[a]], position[parts[b]])
                if off > width:
                    continue
                chance = density * n_gaps * float(ball_volume(np.asarray(width + 0.5 * apart), dims))
                one, other = (a, b) if away[a] <= away[b] else (b, a)
                rank = (off / width + apart / reach, joint, a, b)
                found.append((rank, (int(parts[one]), int(parts[other]), joint, 1.0 / (1.0 + chance))))
    return [triple for _, triple in sorted(found)]


def _off_line(point: Floats, a: Floats, b: Floats) -> tuple[float, float]:
    """Return how far a point lies from the line between two others, and how far those lie apart."""
    way = b - a
    squared = float(way @ way)
    along = float(np.clip((point - a) @ way / squared, 0.0, 1.0)) if squared > 0 else 0.0
    return float(np.linalg.norm(point - a - along * way)), float(np.sqrt(squared))
