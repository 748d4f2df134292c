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
    for number in large:
        box = boxes[number - 1]
        inside = regions[box] == number
        parts = _parts(heights[box], inside, levels)
        if parts is not None:
            more = parts > 1
            out[box][more] = parts[more] - 1 + out.max()
    return out


def _parts(heights: FloatArray, inside: BoolArray, levels: Levels) -> IntArray | None:
    """Return the parts of a region from 1 on, or None where no division fits."""
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import watershed

    usual = levels.usual_area_px
    expected = inside.sum() / usual
    min_depth = max(0.75, 0.12 * float(np.sqrt(usual / np.pi))) if np.isfinite(usual) else 1.0
    top = float(np.quantile(heights[inside], 0.8))
    for fraction in FRACTIONS:
        core = np.pad(inside & (heights > fraction * top), 1)
        distance = distance_transform_edt(core).astype(np.float32)
        basins = flood_basins(distance, core, min_depth)
        markers = basins.labels[1:-1, 1:-1]
        count = int(markers.max())
        if count < 2:
            continue
        parts = watershed(-distance[1:-1, 1:-1], markers, mask=inside, connectivity=2)
        if _fits(np.bincount(parts[inside])[1:], expected, levels.has_singles):
            divided: IntArray = parts.astype(np.int32)
            return divided
    return None


def _fits(areas: npt.NDArray[np.int64], expected: float, has_singles: bool) -> bool:
    """Return whether parts of these areas are as many as expected, or equal enough among themselves."""
    count = len(areas)
    if has_singles:
        return bool(abs(count - expected) <= max(0.5, 0.2 * count))
    return bool(count >= 3 and areas.std() / areas.mean() < MAX_VARIATION)
