"""Tracks of the reference detections: where the particles of a movie were in every frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.movie import link_movie
from playNano.algorithms.linking.settings import LinkingOptions
from playNano.validate.merged import merged_pairs, pair_offset
from playNano.validate.reference import Reference

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_MAX_MISSING = 4
# A missing particle was there if the relief near its interpolated position exceeds this fraction of its height.
_VISIBLE = 0.4


@dataclass(frozen=True, eq=False)
class Sightings:
    """Positions of the particles in every frame.

    Parameters
    ----------
    frame, y, x
        Frame and position, px, (m,).
    track
        Number of the particle, (m,).
    height_nm, area_px
        Of the region; of the tracks' neighbouring sightings where it is merged, (m,).
    region
        Index of the detection in the reference; -1 where the position is interpolated, (m,).
    single
        Whether the region contains this particle only and does not touch the border, (m,).
    at_border
        Whether the region touches the border, (m,).
    """

    frame: IntArray
    y: FloatArray
    x: FloatArray
    track: IntArray
    height_nm: FloatArray
    area_px: FloatArray
    region: IntArray
    single: Mask
    at_border: Mask

    def __len__(self) -> int:
        """Return the number of sightings."""
        return len(self.frame)


def track_reference(reference: Reference) -> Sightings:
    """Separate merged regions, link the detections from frame to frame, and interpolate missing positions.

    Parameters
    ----------
    reference
        The detections.

    Returns
    -------
    Sightings
        In the order of tracks, then frames.
    """
    import pandas as pd

    s = _separated(reference)
    if not len(s):
        return s
    table = pd.DataFrame({"frame": s.frame, "y": s.y, "x": s.x})
    track = link_movie(table, LinkingOptions(max_missing=_MAX_MISSING, motion="brownian")).track_id
    order = np.lexsort((s.frame, track))
    return _interpolated(_taken(s, order, track[order]), reference)


def neighbour_distances(frame: IntArray, y: FloatArray, x: FloatArray) -> FloatArray:
    """Return the distance of each point to the nearest other one in its frame, px; infinite where it is alone.

    Parameters
    ----------
    frame, y, x
        Frame and position, px, (m,).
    """
    from scipy.spatial import KDTree

    out = np.full(len(frame), np.inf)
    points = np.column_stack([y, x])
    for f in np.unique(frame):
        here = np.flatnonzero(frame == f)
        if len(here) > 1:
            out[here] = KDTree(points[here]).query(points[here], k=2)[0][:, 1]
    return out


def hidden_share(
    s: Sightings, n_frames: int, shape: tuple[int, ...], extent_px: float
) -> tuple[float, float]:
    """Return how often particles are hidden in others: bridged sightings, and tracks lost next to a neighbour.

    Parameters
    ----------
    s
        The sightings.
    n_frames
        Number of frames of the movie.
    shape
        (height, width), px.
    extent_px
        Extent of a particle, px.

    Returns
    -------
    bridged : float
        Fraction of the sightings whose position is interpolated.
    lost : float
        Number of tracks that begin or end away from the border and within about two extents of another particle,
        per sighting.
    """
    if not len(s):
        return 0.0, 0.0
    new = np.diff(s.track) != 0
    starts = np.append(True, new) & (s.frame > 0)
    ends = np.append(new, True) & (s.frame < n_frames - 1)
    margin = 1.5 * extent_px
    inner = (s.y > margin) & (s.x > margin) & (s.y < shape[0] - margin) & (s.x < shape[1] - margin)
    near = neighbour_distances(s.frame, s.y, s.x) < 2.2 * extent_px
    lost = (starts | ends) & ~s.at_border & inner & near
    return float((s.region < 0).mean()), float(lost.sum() / len(s))


def _separated(r: Reference) -> Sightings:
    """Return the detections with two positions for each merged region."""
    merged, usual = merged_pairs(r.height_nm, r.area_px, ~r.at_border)
    one = np.flatnonzero(~merged)
    two = np.flatnonzero(merged)
    d = pair_offset(r.major_px2[two], usual[two])
    index = np.concatenate([one, two, two])
    shift = np.concatenate([np.zeros(len(one)), d, -d])
    return Sightings(
        frame=r.frame[index],
        y=r.y[index] + shift * np.sin(r.angle[index]),
        x=r.x[index] + shift * np.cos(r.angle[index]),
        track=np.full(len(index), -1, dtype=np.int64),
        height_nm=r.height_nm[index],
        area_px=np.where(merged[index], usual[index], r.area_px[index]),
        region=index.astype(np.int64),
        single=~merged[index] & ~r.at_border[index],
        at_border=r.at_border[index],
    )


def _taken(s: Sightings, order: IntArray, track: IntArray) -> Sightings:
    """Return some of the sightings, with their tracks."""
    return Sightings(
        s.frame[order],
        s.y[order],
        s.x[order],
        track,
        s.height_nm[order],
        s.area_px[order],
        s.region[order],
        s.single[order],
        s.at_border[order],
    )


def _interpolated(s: Sightings, reference: Reference) -> Sightings:
    """Insert interpolated positions where a track misses frames and the relief is high."""
    before = np.flatnonzero((np.diff(s.track) == 0) & (np.diff(s.frame) > 1))
    gaps = np.diff(s.frame)[before]
    first = np.repeat(before, gaps - 1)
    step = np.concatenate([np.arange(1, g) for g in gaps]) if len(gaps) else np.zeros(0, dtype=np.int64)
    share = step / np.repeat(gaps, gaps - 1) if len(gaps) else np.zeros(0)
    y = s.y[first] + share * (s.y[first + 1] - s.y[first])
    x = s.x[first] + share * (s.x[first + 1] - s.x[first])
    frame = s.frame[first] + step
    height = np.minimum(s.height_nm[first], s.height_nm[first + 1])
    radius = max(int(np.sqrt(np.median(s.area_px) / np.pi)), 1)
    there = _highest_near(reference.relief_nm, frame, y, x, radius) > _VISIBLE * height
    extra = Sightings(
        frame,
        y,
        x,
        s.track[first],
        height,
        np.minimum(s.area_px[first], s.area_px[first + 1]),
        np.full(len(first), -1, dtype=np.int64),
        np.zeros(len(first), dtype=bool),
        np.zeros(len(first), dtype=bool),
    )
    parts = (s, _taken(extra, np.flatnonzero(there), extra.track[there]))
    joined = Sightings(
        *(np.concatenate([getattr(p, n) for p in parts]) for n in Sightings.__dataclass_fields__)
    )
    order = np.lexsort((joined.frame, joined.track))
    return _taken(joined, order, joined.track[order])


def _highest_near(
    relief: npt.NDArray[np.float32], frame: IntArray, y: FloatArray, x: FloatArray, radius: int
) -> FloatArray:
    """Return the maximum of the relief within a square around each position."""
    h, w = relief.shape[1:]
    out = np.zeros(len(frame))
    for k, (f, row, col) in enumerate(
        zip(frame, np.rint(y).astype(int), np.rint(x).astype(int), strict=True)
    ):
        part = relief[
            f,
            max(row - radius, 0) : min(row + radius + 1, h),
            max(col - radius, 0) : min(col + radius + 1, w),
        ]
        out[k] = part.max(initial=0)
    return out
