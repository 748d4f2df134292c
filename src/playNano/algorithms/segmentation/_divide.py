"""Division of regions that consist of several touching objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.flooding import flood_basins
from playNano.algorithms.segmentation.levels import Levels

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]

MIN_RATIO = 1.6
"""Areas above this multiple of the usual one may be several objects."""
FRACTIONS = (0.5, 0.65, 0.8, 0.9)
"""Fractions of the height at which the outline is searched for necks."""
LARGE = 0.06
"""Fraction of a frame from which a region is divided where no usual area is known."""
MAX_VARIATION = 0.35
"""Maximum coefficient of variation of the areas of the parts."""


def divide_touching(heights: FloatArray, regions: IntArray, levels: Levels) -> IntArray:
    """Divide regions of several times the usual area along the necks of their outline, where the parts fit."""
    from scipy.ndimage import find_objects

    area = np.bincount(regions.ravel())
    area[0] = 0
    usual = levels.usual_area_px
    large = np.flatnonzero(area > (MIN_RATIO * usual if np.isfinite(usual) else LARGE * regions.size))
    if not len(large):
        return regions
    out, boxes = regions.copy(), find_objects(regions)
    crops = [(heights[boxes[n - 1]], regions[boxes[n - 1]] == n) for n in large]
    for number, parts in zip(large, _parts(crops, levels), strict=True):
        if parts is not None:
            more = parts > 1
            out[boxes[number - 1]][more] = parts[more] - 1 + out.max()
    return out


def _parts(crops: list[tuple[FloatArray, BoolArray]], levels: Levels) -> list[IntArray | None]:
    """Return the parts of each region from 1 on, or None where no division fits.

    The regions, each with its heights, are divided together, side by side with a pixel between them.
    """
    from scipy.ndimage import distance_transform_edt

    usual = levels.usual_area_px
    min_depth = max(0.75, 0.12 * float(np.sqrt(usual / np.pi))) if np.isfinite(usual) else 1.0
    heights, inside, places = _side_by_side(crops)
    tops = [float(np.quantile(z[within], 0.8)) for z, within in crops]
    owner_of_column = np.zeros(inside.shape[1], np.int64)
    for number, place in enumerate(places):
        owner_of_column[place[1]] = number
    divided: list[IntArray | None] = [None] * len(crops)
    for fraction in FRACTIONS:
        limits = np.zeros(inside.shape[1], heights.dtype)
        for place, top in zip(places, tops, strict=True):
            limits[place[1]] = fraction * top
        core = inside & (heights > limits)
        distance = distance_transform_edt(core).astype(np.float32)
        basins = flood_basins(distance, core, min_depth)
        owners = owner_of_column[basins.peaks[basins.is_separate] % inside.shape[1]]
        n_basins = np.bincount(owners, minlength=len(crops))
        several = [n for n in range(len(crops)) if divided[n] is None and n_basins[n] > 1]
        if not several:
            continue
        searched = inside & np.isin(owner_of_column, several)
        parts = _grown(np.where(searched, _numbers_within(owners)[basins.labels], 0), searched)
        for n in several:
            within, own = crops[n][1], parts[places[n]]
            expected = within.sum() / usual
            if _fits(np.bincount(own[within])[1:], expected, levels.has_singles):
                divided[n] = own
    return divided


def _side_by_side(
    crops: list[tuple[FloatArray, BoolArray]],
) -> tuple[FloatArray, BoolArray, list[tuple[slice, slice]]]:
    """Return one image of the heights and one of the pixels of regions, with a margin, and the place of each."""
    height = max(within.shape[0] for _, within in crops) + 2
    width = sum(within.shape[1] + 1 for _, within in crops) + 1
    heights, inside = np.zeros((height, width), crops[0][0].dtype), np.zeros((height, width), np.bool_)
    places, left = [], 1
    for z, within in crops:
        place = slice(1, 1 + within.shape[0]), slice(left, left + within.shape[1])
        heights[place], inside[place] = z, within
        places.append(place)
        left += within.shape[1] + 1
    return heights, inside, places


def _numbers_within(owners: npt.NDArray[np.int64]) -> IntArray:
    """Return the number, from 1, of each basin within its region, in their order; 0 for the background before them."""
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[order], owners[order], side="left")
    numbers = np.zeros(len(owners) + 1, np.int32)
    numbers[order + 1] = np.arange(len(owners)) - starts + 1
    return numbers


def _grown(labels: IntArray, inside: BoolArray) -> IntArray:
    """Extend labels to the pixels inside that touch them, step by step; of several the smallest number is taken."""
    import cv2

    top = int(labels.max()) + 1
    # Counted from above, so that the maximum of the neighbours is the smallest number.
    grown = np.where(labels > 0, top - labels, 0).astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    free = inside & (labels == 0)
    while free.any():
        around = cv2.dilate(grown, kernel)
        new = free & (around > 0)
        if not new.any():
            break
        grown[new] = around[new]
        free &= ~new
    extended: IntArray = np.where(grown > 0, top - grown, 0).astype(np.int32)
    return extended


def _fits(areas: npt.NDArray[np.int64], expected: float, has_singles: bool) -> bool:
    """Return whether parts of these areas are as many as expected, or equal enough among themselves."""
    count = len(areas)
    if has_singles:
        return bool(abs(count - expected) <= max(0.5, 0.2 * count))
    return bool(count >= 3 and areas.std() / areas.mean() < MAX_VARIATION)
