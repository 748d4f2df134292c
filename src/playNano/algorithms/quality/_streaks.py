"""Streaks of a frame: parts of one or two scan lines that differ in height from the lines on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.quality._statistics import FloatArray, runs

IntArray = npt.NDArray[np.int64]
Frame = npt.NDArray[Any]

# Distance in lines at which a streak is also compared with the surface: an object is wider than that.
FAR = 3
# The height of a thin object falls off gradually over the adjacent lines, that of a streak all at once.
MIN_DEPTH_RATIO = 0.6


def streak_depths(frame: Frame, steps: FloatArray, limit: float, min_length: int) -> FloatArray:
    """Measure the mean depth of the deepest streak in every line.

    A pixel belongs to a streak if it differs from the line before and, with the opposite sign, from the line
    after the streak by more than a limit.

    Parameters
    ----------
    frame
        Heights, (h, w), finite.
    steps
        Step of each line from the line before, (h,); the first is 0.
    limit
        Smallest depth of a streak, in the unit of the heights, > 0.
    min_length
        Smallest length of a streak, px.

    Returns
    -------
    ndarray
        (h,) float64, mean over the streak, in the unit of the heights; 0 where a line has none.
    """
    depths = np.zeros(len(frame))
    if len(frame) < 3:
        return depths
    height = np.cumsum(steps)
    rise = np.diff(frame, axis=0) - np.diff(height)[:, None]
    is_edge = np.abs(rise[:-1]) > limit
    rows = 1 + np.flatnonzero(np.count_nonzero(is_edge, axis=1) >= min_length)
    if rows.size == 0:
        return depths
    depth_1, depth_2 = (_pixel_depths(frame, height, rise, rows, thickness, limit) for thickness in (1, 2))
    is_thick = depth_1 == 0
    depth = np.where(is_thick, depth_2, depth_1)
    for i, row in enumerate(rows):
        for start, stop in runs(depth[i] > 0, min_length):
            # Beyond the minimum length, the streak ends where its mean depth is largest.
            means = np.cumsum(depth[i, start:stop]) / np.arange(1, stop - start + 1)
            in_both = np.logical_or.accumulate(is_thick[i, start:stop])
            depths[row] = max(depths[row], means[min_length - 1 :].max())
            if in_both[-1]:
                both = means[min_length - 1 :][in_both[min_length - 1 :]]
                depths[row + 1] = max(depths[row + 1], both.max())
    return depths


def _pixel_depths(
    frame: Frame, height: FloatArray, rise: FloatArray, rows: IntArray, thickness: int, limit: float
) -> FloatArray:
    """Return the depth of streaks of `thickness` lines that start in `rows`, (len(rows), w); 0 for none."""
    h = len(frame)
    depths = np.zeros((len(rows), frame.shape[1]))
    whole = rows + thickness < h
    rows = rows[whole]
    last = rows + thickness - 1
    sign = np.where(rise[rows - 1] > 0, 1.0, -1.0)
    depth = np.minimum(sign * rise[rows - 1], -sign * rise[last])

    def above(row: IntArray, other: IntArray) -> FloatArray:
        """Return the heights of some lines relative to other lines, without the offsets between lines."""
        difference: FloatArray = frame[row] - frame[other] - (height[row] - height[other])[:, None]
        return sign * difference

    far = np.maximum(above(rows, np.maximum(rows - FAR, 0)), above(last, np.minimum(last + FAR, h - 1)))
    depths[whole] = np.where((depth > limit) & (depth >= MIN_DEPTH_RATIO * far), depth, 0.0)
    return depths
