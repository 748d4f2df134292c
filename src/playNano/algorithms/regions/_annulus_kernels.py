"""Compiled background of regions, the median of the pixels in an annulus around each, and sums over their flanks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median
from playNano.algorithms.regions._sums_kernels import Runs

Ints = NDArray[np.int64]
Workspace = tuple[Ints, Ints, Ints, Ints, NDArray[np.float32]]
States = NDArray[np.int32]

# State of a pixel: substrate, or part of a region. Within the gap of region ``c`` it is ``c + 1``; a pixel of a region
# without a gap (noise) within it is ``-(c + 2)``. The pixels within the gaps of two regions belong to them alternately.
SUBSTRATE, REGION = 0, -1


class Surroundings(NamedTuple):
    """Frames with their regions, and where the annulus around each region lies.

    Attributes
    ----------
    z
        (n, h, w) float32 heights.
    state
        (n, h, w) int32 of `mark_regions_and_gaps`.
    runs
        `Runs` of all regions.
    boxes
        (n_regions, 4) int64: half-open bounding boxes: min_row, min_col, max_row, max_col.
    gap
        (n_regions,) int64: distance between region and annulus, px.
    width
        Width of the annulus, px.
    """

    z: NDArray[np.float32]
    state: States
    runs: Runs
    boxes: Ints
    gap: Ints
    width: int


@jit
def _slide_window(runs: Runs, window: Ints, last: int, y: int, radius: int, count: Ints) -> None:
    """Slide a window over the rows of a region to the rows within ``radius`` of ``y``.

    ``window`` holds the index of the first run inside and of the first one below; ``count`` the number of runs inside
    that come within ``radius`` of each column.
    """
    while window[1] < last and runs.row[window[1]] <= y + radius:
        i = window[1]
        for x in range(max(runs.start[i] - radius, 0), min(runs.end[i] + radius, count.size)):
            count[x] += 1
        window[1] += 1
    while window[0] < last and runs.row[window[0]] < y - radius:
        i = window[0]
        for x in range(max(runs.start[i] - radius, 0), min(runs.end[i] + radius, count.size)):
            count[x] -= 1
        window[0] += 1


@jit
def mark_regions_and_gaps(runs: Runs, boxes: Ints, gap: Ints, state: States) -> None:
    """Mark the pixels of all regions, and those within the gap around each.

    Parameters
    ----------
    runs
        `Runs` of all regions.
    boxes
        (n_regions, 4) int64: half-open bounding boxes: min_row, min_col, max_row, max_col.
    gap
        (n_regions,) int64, Chebyshev distance in px.
    state
        (n, h, w) int32, all ``SUBSTRATE``; filled.
    """
    height, width = state.shape[1:]
    count = np.zeros(width, np.int64)
    window = np.zeros(2, np.int64)
    for c in range(gap.size):
        first, last = runs.bounds[c], runs.bounds[c + 1]
        radius, frame = gap[c], runs.frame[first]
        if radius == 0:
            continue
        window[:] = first
        left, right = max(boxes[c, 1] - radius, 0), min(boxes[c, 3] + radius, width)
        count[left:right] = 0
        for y in range(max(boxes[c, 0] - radius, 0), min(boxes[c, 2] + radius, height)):
            _slide_window(runs, window, last, y, radius, count)
            line = state[frame, y]
            for x in range(left, right):
                if count[x] > 0 and (line[x] == SUBSTRATE or (x + y) % 2 == 1):
                    line[x] = c + 1
    for c in range(gap.size):
        for i in range(runs.bounds[c], runs.bounds[c + 1]):
            line = state[runs.frame[i], runs.row[i]]
            for x in range(runs.start[i], runs.end[i]):
                is_noise = gap[c] == 0 and line[x] > 0
                line[x] = -line[x] - 1 if is_noise else REGION


@jit
def _collect_annulus(
    around: Surroundings, c: int, own_gap_only: bool, workspace: Workspace
) -> tuple[int, int, float]:
    """Collect the finite heights of the substrate in the annulus around region ``c``.

    The gaps of all regions are excluded, or, with ``own_gap_only``, only that of this region. Return the number of
    heights, and number and sum of the heights of the region's gap.
    """
    outer, inner, outer_window, inner_window, values = workspace
    height, width = around.z.shape[1:]
    first, last = around.runs.bounds[c], around.runs.bounds[c + 1]
    frame, gap = around.runs.frame[first], around.gap[c]
    radius = gap + around.width
    outer_window[:] = first
    inner_window[:] = first
    left, right = max(around.boxes[c, 1] - radius, 0), min(around.boxes[c, 3] + radius, width)
    for x in range(left, right):
        outer[x] = inner[x] = 0
    n, n_gap, in_gap = 0, 0, 0.0
    own, own_noise = c + 1, -(c + 2)
    for y in range(max(around.boxes[c, 0] - radius, 0), min(around.boxes[c, 2] + radius, height)):
        _slide_window(around.runs, outer_window, last, y, radius, outer)
        if own_gap_only:
            _slide_window(around.runs, inner_window, last, y, gap, inner)
        heights, states = around.z[frame, y], around.state[frame, y]
        for x in range(left, right):
            state = states[x]
            if state == REGION or outer[x] == 0 or not np.isfinite(heights[x]):
                continue
            if state == SUBSTRATE or (own_gap_only and state > 0 and inner[x] == 0):
                values[n] = heights[x]
                n += 1
            elif state in (own, own_noise):
                n_gap += 1
                in_gap += heights[x]
    return n, n_gap, in_gap


@jit
def annulus_medians(
    around: Surroundings,
    chosen: Ints,
    min_pixels: int,
    share_gaps: bool,
    background: NDArray[np.float64],
    flanks: NDArray[np.float64],
) -> None:
    """Compute the annulus median of each of the chosen regions: the median height of the substrate around it.

    Parameters
    ----------
    around
        `Surroundings`.
    chosen
        (n_chosen,) int64, numbers of the regions.
    min_pixels
        Minimum number of pixels; with fewer, the result is NaN.
    share_gaps
        Whether the gaps of other regions are included where there are too few pixels without them.
    background
        (n_chosen,) float64, filled.
    flanks
        (n_chosen, 2) float64, filled: number of the pixels of the gap of each region, and the sum of their heights.
    """
    height, width = around.z.shape[1:]
    outer = np.zeros(width, np.int64)
    inner = np.zeros(width, np.int64)
    outer_window = np.zeros(2, np.int64)
    inner_window = np.zeros(2, np.int64)
    values = np.empty(height * width, np.float32)
    workspace = (outer, inner, outer_window, inner_window, values)
    for k in range(chosen.size):
        n, flanks[k, 0], flanks[k, 1] = _collect_annulus(around, chosen[k], False, workspace)
        if n < min_pixels and share_gaps:
            n, flanks[k, 0], flanks[k, 1] = _collect_annulus(around, chosen[k], True, workspace)
        background[k] = median(values, n) if n >= min_pixels else np.nan
