"""Repair of tracks that end at a merge or a split: the merged particle continues the track of one of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from playNano.algorithms.linking.detections import Floats, Indices, Ints
from playNano.algorithms.linking.motion_model import successors
from playNano.algorithms.linking.rates import ball_volume, field_size

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections

# Shorter tracks may be clutter, which begins and ends anywhere.
MIN_LENGTH = 3
# Maximum distance of a merged particle from the line between its parts, in rms steps.
MAX_OFF_LINE = 2.0


@dataclass(frozen=True)
class _Scale:
    """Scales of a search for events: rms step, search range, frames that a link may span, direction of time."""

    step: float
    max_distance: float
    n_gaps: int
    merging: bool


def bridge_events(
    points: Detections,
    previous: Indices,
    confidence: Floats,
    *,
    step: float,
    max_distance: float,
    n_gaps: int,
) -> tuple[Indices, Floats]:
    """Link a merged particle to the nearer of its parts where linking produced three tracks.

    The centre of a pair is displaced from the centres of its parts. Where particles are slow, this displacement is
    longer than any step: both parts end and the pair starts a new track, or vice versa. Two ends with a start between
    them just after, near the line that joins them, are interpreted as a merge, and two starts with an end between
    them as a split.

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
        Maximum distance of a part from the pair; > 0.
    n_gaps
        Number of frames that a link may span; >= 1.

    Returns
    -------
    previous : ndarray of int32, (N,)
        With the new links.
    confidence : ndarray of float64, (N,)
        Probability of each link; of a new link 1 / (1 + number of tracks expected to start (end) there by chance).

    Examples
    --------
    >>> import numpy as np
    >>> from playNano.algorithms.linking.detections import sort_detections
    >>> x = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.4, 0.4, 0.4])
    >>> detections = sort_detections(np.array([0, 0, 1, 1, 2, 2, 3, 4, 5]), np.column_stack([np.zeros(9), x]))
    >>> previous = np.array([-1, -1, 0, 1, 2, 3, -1, 6, 7], np.int32)
    >>> sure = np.where(previous >= 0, 1.0, np.nan)
    >>> after, _ = bridge_events(detections.points, previous, sure, step=0.1, max_distance=1.5, n_gaps=1)
    >>> int(after[6])
    4
    """
    following = successors(previous)
    length = _lengths(previous)
    last = points.frame_ptr.size - 2
    long = length >= MIN_LENGTH
    ends = np.flatnonzero((following < 0) & long & (points.frame_of < last))
    starts = np.flatnonzero((previous < 0) & long & (points.frame_of > 0))
    previous, confidence = previous.copy(), confidence.copy()
    ended, begun = np.zeros((2, previous.size), np.bool_)
    for merging in (True, False):
        pair, single = (ends, starts) if merging else (starts, ends)
        parts_used, joint_used = (ended, begun) if merging else (begun, ended)
        scale = _Scale(step, max_distance, n_gaps, merging)
        for one, other, joint, sure in _triples(points, pair, single, scale):
            if parts_used[one] or parts_used[other] or joint_used[joint]:
                continue
            parts_used[[one, other]] = True
            joint_used[joint] = True
            source, target = (one, joint) if merging else (joint, one)
            previous[target], confidence[target] = source, sure
    return previous, confidence


def _lengths(previous: Indices) -> Ints:
    """Return the number of detections of the track of each detection."""
    from playNano.algorithms.linking._kernels.tracks import number_tracks

    track, n_tracks = number_tracks(previous)
    return np.asarray(np.bincount(track, minlength=n_tracks)[track])


def _triples(
    points: Detections, pair: Ints, single: Ints, scale: _Scale
) -> list[tuple[int, int, int, float]]:
    """Return (nearer part, other part, merged particle, probability) of all candidate events, best first.

    pair are the ends (starts) of tracks that may be parts, single the starts (ends) that may be the merged particle.
    """
    from scipy.spatial import KDTree

    if pair.size < 2 or not single.size:
        return []
    position, frame, max_distance = points.position, points.frame_of, scale.max_distance
    # Neighbours in space and time at once; a merged particle and its part are at least one frame apart.
    scaled = np.column_stack([position / max_distance, frame / scale.n_gaps])
    near = KDTree(scaled[single]).query_ball_tree(KDTree(scaled[pair]), 1.0, p=np.inf)
    density = single.size / ((points.frame_ptr.size - 1) * field_size(position, max_distance))
    ranked = []
    for joint, others in zip(single.tolist(), near, strict=True):
        parts = pair[np.sort(np.asarray(others, dtype=np.int64))]
        gap = (frame[joint] - frame[parts]) * (1 if scale.merging else -1)
        distance = np.sqrt(((position[parts] - position[joint]) ** 2).sum(axis=1))
        usable = (gap >= 1) & (distance <= max_distance)
        parts, gap, distance = parts[usable], gap[usable], distance[usable]
        for a, b in combinations(range(parts.size), 2):
            width = MAX_OFF_LINE * scale.step * np.sqrt(float(gap[a] + gap[b]))
            off, apart = _off_line(position[joint], position[parts[a]], position[parts[b]])
            if off > width:
                continue
            volume = float(ball_volume(np.asarray(width + 0.5 * apart), position.shape[1]))
            probability = 1.0 / (1.0 + density * scale.n_gaps * volume)
            one, other = (a, b) if distance[a] <= distance[b] else (b, a)
            rank = (off / width + apart / max_distance, joint, a, b)
            ranked.append((rank, (int(parts[one]), int(parts[other]), joint, probability)))
    return [triple for _, triple in sorted(ranked)]


def _off_line(point: Floats, a: Floats, b: Floats) -> tuple[float, float]:
    """Return the distance of a point from the segment between two others, and the length of the segment."""
    segment = b - a
    squared = float(segment @ segment)
    along = float(np.clip((point - a) @ segment / squared, 0.0, 1.0)) if squared > 0 else 0.0
    return float(np.linalg.norm(point - a - along * segment)), float(np.sqrt(squared))
