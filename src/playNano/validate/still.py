"""Structures larger than the particles that stay in place: terraces, strands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.validate.reference import Reference

Image = npt.NDArray[np.float32]

# A structure is larger than nine tenths of the moving particles by these factors of area and length.
_AREA, _LENGTH = 3.0, 2.0
_SIGMAS, _MIN_HEIGHT_NM, _MIN_AREA_PX = 5.0, 0.25, 6
# Number of frames, and number of moving particles from which their size is known.
_N_FRAMES, _ENOUGH = 40, 20


def still_structures(reference: Reference) -> tuple[int, float]:
    """Count the structures in the temporal median of the levelled frames that are much larger than a particle.

    Where particles move, the median over time contains the background only; particles at rest remain, with their own
    area. Larger structures are terraces or strands. The size of a particle is that of what differs from the median.

    Parameters
    ----------
    reference
        Levelled frames.

    Returns
    -------
    n : int
        Number of structures; 0 where too little moves to tell.
    height_nm : float
        Height or depth of the highest or deepest of them, nm; 0 without any.
    """
    import cv2

    some = reference.level_nm[:: max(len(reference.level_nm) // _N_FRAMES, 1)]
    median = np.median(some, axis=0).astype(np.float32)
    smooth = cv2.GaussianBlur(median - np.median(median), (0, 0), 1.0)
    moving = [cv2.GaussianBlur(frame - median, (0, 0), 1.0) for frame in some]
    sizes = [_regions(image, _threshold(image))[:2] for image in moving]
    area, length = (np.concatenate([size[k] for size in sizes]) for k in (0, 1))
    if len(area) < _ENOUGH:
        return 0, 0.0
    area_limit, length_limit = _AREA * np.quantile(area, 0.9), _LENGTH * np.quantile(length, 0.9)
    n, height = 0, 0.0
    for side in (smooth, -smooth):
        areas, lengths, heights = _regions(side, min(_threshold(side), 4 * _MIN_HEIGHT_NM), whole=False)
        large = (areas > area_limit) & (lengths > length_limit)
        n += int(large.sum())
        height = max(height, float(heights[large].max(initial=0.0)))
    return n, height


def _threshold(image: Image) -> float:
    """Return five robust standard deviations of an image, nm."""
    return max(_SIGMAS * 1.4826 * float(np.median(np.abs(image - np.median(image)))), _MIN_HEIGHT_NM)


def _regions(
    image: Image, threshold: float, *, whole: bool = True
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return area, length and height of the regions above a threshold; of whole ones, or also of those cut off."""
    from scipy.ndimage import find_objects, label

    labels, count = label(image > threshold, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.float64)
    boxes = find_objects(labels)
    length = np.array([max(s.stop - s.start for s in box) for box in boxes], dtype=np.float64)
    height = np.array(
        [np.quantile(image[box][labels[box] == k + 1], 0.9) for k, box in enumerate(boxes)], dtype=np.float64
    )
    h, w = image.shape
    inside = [b[0].start > 0 and b[1].start > 0 and b[0].stop < h and b[1].stop < w for b in boxes]
    keep = (areas >= _MIN_AREA_PX) & (np.array(inside, dtype=bool) | (not whole))
    return areas[keep], length[keep], height[keep]
