"""Objects of an automatic segmentation, as they pass from the segmentation to the measurement of regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class SegmentedObjects:
    """Objects of a block of frames, outlined at half of their own height.

    Attributes
    ----------
    labels
        (n, h, w) int32: numbers 1..k of the objects of each frame, 0 for background.
    polarity
        (n, k + 1) int8, of the objects by number: 1 above the background, -1 below; unused numbers are 0.
    base_nm
        (n, k + 1) float64: height of the surface on which an object stands, nm: the background of the movie, or the
        plateau that carries it.
    """

    labels: npt.NDArray[np.int32]
    polarity: npt.NDArray[np.int8]
    base_nm: npt.NDArray[np.float64]
