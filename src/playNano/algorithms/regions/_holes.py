"""Filling of holes in masks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


def fill_holes(masks: BoolArray, hole_area: int | None) -> BoolArray:
    """Fill holes: 4-connected background that does not touch the border, or that is smaller than an area.

    Parameters
    ----------
    masks
        (n, h, w).
    hole_area
        Fill only background smaller than this area, px, also at the border; None fills every closed hole.

    Returns
    -------
    ndarray
        (n, h, w), a new array.
    """
    import cv2

    filled = masks.copy()
    if not masks.size:
        return filled
    for mask in filled:
        n, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).view(np.uint8), connectivity=4)
        if hole_area is None:
            is_hole = np.ones(n, dtype=bool)
            for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
                is_hole[border] = False
        else:
            is_hole = stats[:, cv2.CC_STAT_AREA] < hole_area
        mask |= is_hole[labels]  # label 0 is the foreground
    return filled
