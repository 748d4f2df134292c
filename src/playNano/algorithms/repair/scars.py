"""Scars: parts of one or a few rows that differ in height from the rows above and below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit

Frame = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Direction = Literal["both", "up", "down"]
Fill = Literal["rows", "temporal", "nan"]

FAR = 3
"""Distance in rows at which the surroundings of a scar are compared with its height."""
DEPTH_RATIO = (0.6, 0.8)
"""Smallest depth against the adjacent rows, as a fraction of that against rows farther away, of scars of one row and of
more: the height of a thin object falls off gradually, that of a scar at once."""
CLIP = 2.0
"""Depths count up to this multiple of the limit, so that one pixel cannot make a segment."""
END_DEPTH = 0.3
"""A segment ends where the depth falls below this fraction of its median depth."""
END_ROWS, END_COLUMNS = 2, 4
"""Rows on either side, and columns, in which the continuation of a segment is looked for."""
ATTACHED = 0.5
"""Height of a continuation, as a fraction of the depth of the segment."""
USUAL = 3.0
"""An offset between rows of more than this multiple of the usual one is taken for a scar, if it can be."""
MIN_SHARE = 0.15
"""Fraction of a row that must have a usual offset then."""


@dataclass(frozen=True)
class ScarOptions:
    """What is a scar.

    Parameters
    ----------
    sigmas
        Smallest height difference from the rows above and below, on average over `min_length` pixels, in standard
        deviations of the noise of a pixel.
    min_length
        Smallest length along a row, px.
    max_rows
        Largest number of adjacent rows.
    direction
        "up" for scars above the surface, "down" for those below, "both".
    """

    sigmas: Annotated[float, Field(gt=0, le=100)] = 5.0
    min_length: Annotated[int, Field(ge=2, le=9999), Unit("px")] = 8
    max_rows: Annotated[int, Field(ge=1, le=10), Unit("rows")] = 1
    direction: Direction = "both"


@dataclass(frozen=True)
class RowSteps:
    """Differences between adjacent rows.

    Parameters
    ----------
    noise
        Standard deviation of the noise of a pixel.
    level
        Offset of each row, cumulated from the first, (h,).
    """

    noise: float
    level: FloatArray

    @classmethod
    def of(cls, frame: FloatArray) -> RowSteps:
        """Estimate noise and offsets of a frame.

        Parameters
        ----------
        frame
            Heights, (h, w); NaN where unknown.
        """
        rise = np.diff(frame, axis=0)
        rise = np.where(np.isfinite(rise), rise, np.nan)
        steps = _row_medians(rise)
        rest = np.abs(rise - steps[:, None])
        rest = rest[np.isfinite(rest)]
        noise = float(np.median(rest) / 0.6745) if rest.size else 0.0
        if noise == 0.0 and (rest > 0).any():
            noise = float(np.median(rest[rest > 0]) / 0.6745)
        # A scar longer than half of its row is not the offset of the row, where that would be unusually large.
        usual = USUAL * max(float(np.median(np.abs(steps))) / 0.6745 if steps.size else 0.0, 0.7 * noise)
        near = np.where(np.abs(rise) <= usual, rise, np.nan)
        enough = np.isfinite(near).sum(axis=1) >= MIN_SHARE * frame.shape[1]
        steps[enough] = _row_medians(near[enough])
        for _ in range(2):
            near = np.where(np.abs(rise - steps[:, None]) <= 2 * noise, rise, np.nan)
            steps = np.where(np.isfinite(near).any(axis=1), _row_medians(near), steps)
        noise /= np.sqrt(2)
        return cls(noise, np.concatenate([[0.0], np.cumsum(steps)]))


def _row_medians(rows: FloatArray) -> FloatArray:
    """Return the median of each row without NaN; 0 where there is no value."""
    medians = np.zeros(len(rows))
    some = np.isfinite(rows).any(axis=1)
    if some.any():
        medians[some] = np.nanmedian(rows[some], axis=1)
    return medians


def scar_mask(frame: npt.ArrayLike, options: ScarOptions | None = None) -> Mask:
    """Return the pixels of a frame that belong to scars.

    A scar is a segment of a row, or of a few adjacent ones, whose height differs in the same direction from the row
    above and from the row below. Offsets between rows are left out, so that the frame needs no levelling. The first and
    the last row, which have one neighbour only, are not searched.

    Parameters
    ----------
    frame
        Heights, (h, w); NaN is no scar.
    options
        Limits; the defaults if None.

    Returns
    -------
    ndarray of bool
        (h, w).

    Examples
    --------
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (20, 60))
    >>> frame[7, 10:40] += 2
    >>> rows, columns = np.nonzero(scar_mask(frame))
    >>> set(rows.tolist()), int(columns.min()), int(columns.max())
    ({7}, 10, 39)
    """
    options = options or ScarOptions()
    z = np.asarray(frame, dtype=np.float64)
    marked = np.zeros(z.shape, np.bool_)
    if z.shape[0] < 3 or z.shape[1] < options.min_length:
        return marked
    z = np.where(np.isfinite(z), z, np.nan)
    steps = RowSteps.of(z)
    if steps.noise == 0.0:
        return marked
    flat = z - steps.level[:, None]
    signs = {"up": (1,), "down": (-1,), "both": (1, -1)}[options.direction]
    for rows in range(1, min(options.max_rows, len(z) - 2) + 1):
        # Without the scars of fewer rows, what lies beside them is not taken for one.
        rest = filled_from_rows(flat, marked) if marked.any() else flat
        for sign in signs:
            _mark(marked, sign * rest, rows, options.sigmas * steps.noise, options.min_length)
    return marked & np.isfinite(z)


def _mark(marked: Mask, flat: FloatArray, rows: int, limit: float, length: int) -> None:
    """Mark the scars of `rows` rows above the surface, in place."""
    from scipy.ndimage import uniform_filter1d

    h = len(flat)
    first = np.arange(1, h - rows)
    last = first + rows - 1
    block = np.stack([flat[first + i] for i in range(rows)])
    low = block.min(axis=0)
    depth = np.minimum(low - flat[first - 1], low - flat[last + 1])
    far_above = flat[first] - flat[np.maximum(first - FAR, 0)]
    far_below = flat[last] - flat[np.minimum(last + FAR, h - 1)]
    with np.errstate(invalid="ignore"):
        far = np.fmin(far_above, far_below)
    known = np.isfinite(depth)
    depth = np.where(known, depth, 0.0)
    candidates = np.flatnonzero(np.count_nonzero(depth > limit / 2, axis=1) >= length / 2)
    if not candidates.size:
        return
    depth = depth[candidates]
    far = np.where(np.isfinite(far[candidates]), far[candidates], depth)

    def mean(values: FloatArray) -> FloatArray:
        smooth: FloatArray = uniform_filter1d(values, length, axis=1, mode="constant")
        return smooth

    sudden = mean(depth) >= DEPTH_RATIO[rows > 1] * mean(far)
    seeds = (mean(np.clip(depth, -CLIP * limit, CLIP * limit)) > limit) & sudden
    for i in np.flatnonzero(seeds.any(axis=1)):
        row = first[candidates[i]]
        for start, stop in _segments(seeds[i], depth[i], limit, length):
            if _is_attached(flat, row, rows, (start, stop)):
                continue
            marked[row : row + rows, start:stop] = True


def _is_attached(flat: FloatArray, row: int, rows: int, span: tuple[int, int]) -> bool:
    """Return whether a segment continues at both ends in objects: then it is a part of a thin one, and no scar."""
    start, stop = span
    beside = np.stack([flat[row - 1, start:stop], flat[row + rows, start:stop]])
    level = float(np.nanmedian(beside))
    depth = float(np.nanmedian(flat[row : row + rows, start:stop])) - level
    near = flat[max(row - END_ROWS, 0) : row + rows + END_ROWS]
    ends = near[:, max(start - END_COLUMNS, 0) : start], near[:, stop : stop + END_COLUMNS]
    known = [np.isfinite(end).any(axis=1) for end in ends]
    return all(
        bool(some.any()) and float(np.nanmedian(end[some], axis=1).max()) - level > ATTACHED * depth
        for end, some in zip(ends, known, strict=True)
    )


def _segments(seeds: Mask, depth: FloatArray, limit: float, length: int) -> list[tuple[int, int]]:
    """Return the segments (start, stop) of a row: the windows around the seeds, cut at their ends."""
    width = len(seeds)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], seeds.astype(np.int8), [0]])))
    segments = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        left, right = max(begin - length // 2, 0), min(end + length // 2, width)
        inside = depth[left:right]
        typical = float(np.median(inside[inside > limit / 2])) if (inside > limit / 2).any() else limit
        deep = np.flatnonzero(inside > max(limit / 2, END_DEPTH * typical))
        if deep.size and deep[-1] - deep[0] + 1 >= length:
            segments.append((int(left + deep[0]), int(left + deep[-1] + 1)))
    return segments


def filled_from_rows(frame: Frame, scars: Mask) -> Frame:
    """Return a frame whose scars are interpolated between the nearest rows above and below, column by column.

    Parameters
    ----------
    frame
        Heights, (h, w).
    scars
        Pixels to replace, (h, w). Rows keep their offsets.

    Returns
    -------
    ndarray
        A new frame of the same dtype; NaN where a column has no other pixel.
    """
    out = frame.copy()
    rows, columns = np.nonzero(scars)
    if not rows.size:
        return out
    z = np.where(np.isfinite(frame) & ~scars, frame, np.nan).astype(np.float64)
    level = RowSteps.of(z).level
    known = np.isfinite(z)
    number = np.arange(len(z))[:, None]
    above = np.maximum.accumulate(np.where(known, number, -1), axis=0)[rows, columns]
    below = np.minimum.accumulate(np.where(known, number, len(z))[::-1], axis=0)[::-1][rows, columns]
    has_above, has_below = above >= 0, below < len(z)
    above, below = np.where(has_above, above, below), np.where(has_below, below, above)
    none = ~has_above & ~has_below
    above, below = np.where(none, 0, above), np.where(none, 0, below)
    share = np.where(above == below, 0.0, (rows - above) / np.maximum(below - above, 1))
    flat = z - level[:, None]
    value = (1 - share) * flat[above, columns] + share * flat[below, columns]
    out[rows, columns] = value + level[rows]
    return out


def filled_from_frames(frames: Frame, scars: Mask, index: int) -> Frame:
    """Return a frame whose scars are the mean of the frames before and after, else interpolated between rows.

    Parameters
    ----------
    frames
        Heights, (n, h, w), levelled.
    scars
        Scars of all of them.
    index
        The frame.

    Returns
    -------
    ndarray
        A new frame.
    """
    out = filled_from_rows(frames[index], scars[index])
    near = [i for i in (index - 1, index + 1) if 0 <= i < len(frames)]
    if not near or not scars[index].any():
        return out
    where = scars[index]
    others = frames[near][:, where].astype(np.float64)
    usable = np.isfinite(others) & ~scars[near][:, where]
    count = usable.sum(axis=0)
    total = np.where(usable, others, 0.0).sum(axis=0)
    out[where] = np.where(count > 0, total / np.maximum(count, 1), out[where])
    return out
