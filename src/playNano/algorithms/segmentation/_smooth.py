"""Repair of disturbed lines, and smoothing, of frames on which objects are detected."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]

MIN_STREAK_PX = 8
STREAK_SIGMAS = 3.5


def repair_lines(frame: FloatArray, noise: float) -> FloatArray:
    """Replace parts of lines that lie off both neighbouring lines, to the same side, by the mean of these."""
    import cv2

    # The difference of two infinite pixels is NaN, which lies off nothing.
    with np.errstate(invalid="ignore"):
        above, below = frame[1:-1] - frame[:-2], frame[1:-1] - frame[2:]
    limit = STREAK_SIGMAS * noise
    repaired = frame
    for sign in (1, -1):
        off = np.minimum(sign * above, sign * below) > limit
        if off.any():
            runs = cv2.morphologyEx(
                off.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, MIN_STREAK_PX), np.uint8)
            )
            if runs.any():
                repaired = repaired.copy()
                row, col = np.nonzero(runs)
                repaired[row + 1, col] = (frame[row, col] + frame[row + 2, col]) / 2
    return repaired


def smooth(frame: FloatArray, sigma_px: float) -> npt.NDArray[np.float32]:
    """Filter a frame by a Gaussian; pixels that are not finite count as background, 0."""
    import cv2

    heights = np.nan_to_num(frame, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    out: npt.NDArray[np.float32] = cv2.GaussianBlur(heights, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return out
