"""Compiled background of regions: the median of the pixels in an annulus around each."""

# mypy: ignore-errors
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median
from playNano.algorithms.regions._sums_kernels import Runs

# What a pixel is taken for: substrate, within the gap of a region, or part of a region.
SUBSTRATE, GAP, REGION = 0, 1, 2


class Surroundings(NamedTuple):
    """Frames with their regions, and where the annulus around each region lies.

    Attributes
    ----------
    z
        (n, h, w) float32 heights.
    state
        (n, h, w) uint8 of `mark_regions_and_gaps`.
    runs
        `Runs` of all regions.
    boxes
        (n_regions, 4) int64: bounding boxes, (row, col) of the first pixel and behind the last.
    gap
        (n_regions,) int64: distance between region and annulus, px.
    width
        Width of the annulus, px.
    """

    z: np.ndarray
    state: np.ndarray
    runs: Runs
    boxes: np.ndarray
    gap: np.ndarray
    width: int


@jit
def mark_regions_and_gaps(runs, gap, state):
    """Mark the pixels of all regions, and those within the gap around each.

    Parameters
    ----------
    runs
        `Runs` of all regions.
    gap
        (n_regions,) int64, Chebyshev distance in px.
    state
        (n, h, w) uint8, ``SUBSTRATE``; marked.
    """
    height, width = state.shape[1:]
    for c in range(gap.size):
        for i in range(runs.bounds[c], runs.bounds[c + 1]):
            left, right = max(runs.start[i] - gap[c], 0), min(runs.end[i] + gap[c], width)
            for y in range(max(runs.row[i] - gap[c], 0), min(runs.row[i] + gap[c] + 1, height)):
                line = state[runs.frame[i], y]
                for x in range(left, right):
                    line[x] = GAP
    for i in range(runs.row.size):
        line = state[runs.frame[i], runs.row[i]]
        for x in range(runs.start[i], runs.end[i]):
            line[x] = REGION


@jit
def _slide_window(runs, window, last, y, radius, count):
    """Move a window over the rows of a region to the rows within ``radius`` of ``y``.

    ``window`` holds the first run inside and the first one below; ``count`` the runs inside that come within ``radius``
    of each column.
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
def _collect_annulus(around, c, own_gap_only, workspace):
    """Collect the finite heights of the substrate in the annulus around region ``c`` and return their number.

    The gaps of all regions are left out, or, with ``own_gap_only``, only that of the region itself.
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
    n = 0
    for y in range(max(around.boxes[c, 0] - radius, 0), min(around.boxes[c, 2] + radius, height)):
        _slide_window(around.runs, outer_window, last, y, radius, outer)
        if own_gap_only:
            _slide_window(around.runs, inner_window, last, y, gap, inner)
        heights, states = around.z[frame, y], around.state[frame, y]
        for x in range(left, right):
            allowed = states[x] == SUBSTRATE or (own_gap_only and states[x] == GAP and inner[x] == 0)
            if allowed and outer[x] > 0 and np.isfinite(heights[x]):
                values[n] = heights[x]
                n += 1
    return n


@jit
def annulus_medians(around, chosen, min_pixels, background):
    """Take the median of the substrate in the annulus around each of the chosen regions.

    Parameters
    ----------
    around
        `Surroundings`.
    chosen
        (n_chosen,) int64, numbers of the regions.
    min_pixels
        With fewer pixels than these the gaps of other regions are taken as well; if they are still too few, the
        result is NaN.
    background
        (n_chosen,) float64, filled.
    """
    height, width = around.z.shape[1:]
    outer = np.zeros(width, np.int64)
    inner = np.zeros(width, np.int64)
    outer_window = np.zeros(2, np.int64)
    inner_window = np.zeros(2, np.int64)
    values = np.empty(height * width, np.float32)
    workspace = (outer, inner, outer_window, inner_window, values)
    for k in range(chosen.size):
        n = _collect_annulus(around, chosen[k], False, workspace)
        if n < min_pixels:
            n = _collect_annulus(around, chosen[k], True, workspace)
        background[k] = median(values, n) if n >= min_pixels else np.nan
