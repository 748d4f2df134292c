"""Segment the objects of frames at half of their own height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.flooding import flood_basins
from playNano.algorithms._common.inputs import as_block
from playNano.algorithms._common.segmented import SegmentedObjects
from playNano.algorithms.segmentation._smooth import repair_lines, smooth
from playNano.algorithms.segmentation.levels import Levels

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]

MAX_SADDLE = (0.6, 0.5)
"""Peaks are parts of one object where the saddle between them exceeds these fractions of the lower and the higher."""
MIN_RISE = 3.0
"""Minimum rise of a peak above a saddle, in standard deviations of the noise."""
LARGE = 0.06
"""Fraction of a frame from which a region may be a plateau with objects on it."""
MAX_PLATEAUS = 4
MIN_CARRIED = 0.3
"""Minimum height of objects on a plateau, as a fraction of its own; lower ones are its roughness."""


def segment(block: npt.ArrayLike, levels: Levels) -> SegmentedObjects:
    """Segment the objects of each frame.

    Parameters
    ----------
    block
        Heights, (n, h, w), nm, levelled. Pixels that are not finite belong to no object.
    levels
        Thresholds of the movie.

    Returns
    -------
    SegmentedObjects
        ``labels``, (n, h, w) int32, 0 for background; ``polarity`` and ``base_nm`` of each object.

    Notes
    -----
    Frames are smoothed by a Gaussian and flooded from the peaks down to ``low_nm``; two peaks belong to different
    objects if the saddle between them is deep enough. An object is what exceeds half of its own peak height. Regions
    of several times the usual area are divided along the necks of their outline.

    References
    ----------
    Salembier P., Oliveras A., Garrido L., "Antiextensive connected operators for image and sequence processing",
    IEEE Trans. Image Processing 7, 1998, doi:10.1109/83.663500.

    Examples
    --------
    >>> from playNano.algorithms.segmentation import estimate_levels
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (1, 64, 64))
    >>> frame[0, 20:30, 40:52] += 3
    >>> objects = segment(frame, estimate_levels(frame))
    >>> objects.polarity[0].tolist(), 110 < int((objects.labels == 1).sum()) < 130
    ([0, 1], True)
    """
    z = as_block(block)
    labels = np.zeros(z.shape, np.int32)
    tables: list[list[tuple[int, float]]] = []
    for frame, numbers in zip(z, labels, strict=True):
        tables.append(_segment_frame(frame, levels, numbers))
    n_objects = max((len(table) for table in tables), default=0)
    polarity, base = np.zeros((len(z), n_objects + 1), np.int8), np.zeros((len(z), n_objects + 1))
    for i, table in enumerate(tables):
        polarity[i, 1 : len(table) + 1] = [side for side, _ in table]
        base[i, 1 : len(table) + 1] = [height for _, height in table]
    return SegmentedObjects(labels, polarity, base)


def _segment_frame(frame: FloatArray, levels: Levels, labels: IntArray) -> list[tuple[int, float]]:
    """Number the objects of a frame in a label image; return the polarity and the base of each."""
    finite = np.isfinite(frame)
    if not (np.isfinite(levels.threshold_nm) and finite.any()):
        return []
    smoothed = smooth(repair_lines(frame - levels.background_nm, levels.pixel_noise_nm), levels.smoothing_px)
    table: list[tuple[int, float]] = []
    for side in {"up": (1,), "down": (-1,), "both": (1, -1)}[levels.polarity]:
        objects = objects_of_frame(side * smoothed, levels)
        new = (objects.labels > 0) & (labels == 0) & finite
        labels[new] = objects.labels[new] + len(table)
        table.extend((side, levels.background_nm + side * base) for base in objects.bases)
    return table


@dataclass
class Objects:
    """Objects of a frame.

    Attributes
    ----------
    labels
        (h, w) int32 numbers from 1, 0 for background.
    bases
        Height of the surface on which each object stands, above the background, nm.
    terraces
        Number of plateaus that were taken for terraces of the substrate.
    """

    labels: IntArray
    bases: list[float]
    terraces: int = 0

    def add(self, regions: IntArray, base: float) -> None:
        """Add regions; they replace what was there.

        Parameters
        ----------
        regions
            (h, w) int32, numbered from 1 without gaps.
        base
            Height of the surface on which they stand, above the background, nm.
        """
        new = regions > 0
        self.labels[new] = regions[new] + len(self.bases)
        self.bases.extend([base] * int(regions.max(initial=0)))


def objects_of_frame(smoothed: FloatArray, levels: Levels) -> Objects:
    """Number the objects above the background of a smoothed frame.

    Parameters
    ----------
    smoothed
        (h, w) heights above the background, nm.
    levels
        Thresholds of the movie.

    Returns
    -------
    Objects
        Label image, and the base of each object.

    Examples
    --------
    >>> from playNano.algorithms.segmentation import estimate_levels
    >>> frame = np.random.default_rng(0).normal(0, 0.1, (64, 64)).astype(np.float32)
    >>> frame[20:30, 40:52] += 3
    >>> smoothed = smooth(frame, 1.0)
    >>> int(objects_of_frame(smoothed, estimate_levels(frame[None])).labels.max())
    1
    """
    objects = Objects(np.zeros(smoothed.shape, np.int32), [])
    _add_objects(smoothed, smoothed > levels.low_nm, levels, objects, [0.0])
    return objects


def _add_objects(
    heights: FloatArray, active: BoolArray, levels: Levels, objects: Objects, bases: list[float]
) -> None:
    """Add the objects among the active pixels, and those that stand on plateaus.

    Parameters
    ----------
    heights
        (h, w) above the last of the bases.
    active
        (h, w) pixels to segment.
    levels
        Thresholds of the movie.
    objects
        Objects so far.
    bases
        Heights of the plateaus below, from the background on.
    """
    beside = np.zeros(active.shape, np.bool_)
    if len(bases) <= MAX_PLATEAUS and np.count_nonzero(active) > LARGE * active.size:
        for island in _large_parts(active):
            region = _add_plateau(heights, island, levels, objects, bases)
            active = active & ~region
            beside |= _dilated(region, 1)
    if not active.any():
        return
    basins = flood_basins(heights, active, MIN_RISE * levels.noise_nm, max_saddle=MAX_SADDLE)
    at = basins.peaks[basins.is_separate]
    peaks = heights.ravel()[at]
    # A peak beside a plateau is the end of the plateau's flank.
    is_object = (peaks > levels.threshold_nm) & ~beside.ravel()[at]
    limits = np.concatenate([[np.inf], np.where(is_object, 0.5 * peaks, np.inf)])
    regions = np.where(heights > limits[basins.labels], basins.labels, 0)
    whole = _largest_parts(regions, levels.min_area_px)
    low = _low_parts(heights, active, basins.labels, whole, levels)
    objects.add(_divided(heights, whole, levels), bases[-1])
    objects.add(low, bases[-1])


def _low_parts(
    heights: FloatArray, active: BoolArray, basins: IntArray, whole: IntArray, levels: Levels
) -> IntArray:
    """Number the low objects that a higher one touches: parts of its basin that are larger than itself.

    What surrounds the higher object on all sides is its flank.
    """
    near = _dilated(whole > 0, 2)
    rest = active & ~near
    # Each has a peak above the threshold.
    if np.count_nonzero(rest) < levels.min_area_px or not (heights[rest] > levels.threshold_nm).any():
        return np.zeros_like(whole)
    parts = flood_basins(heights, rest, np.inf)
    peaks = heights.ravel()[parts.peaks[parts.is_separate]]
    limits = np.concatenate([[np.inf], np.where(peaks > levels.threshold_nm, 0.5 * peaks, np.inf)])
    low = _largest_parts(np.where(heights > limits[parts.labels], parts.labels, 0), levels.min_area_px)
    owner = np.zeros(int(low.max()) + 1, np.int64)
    owner[low.ravel()] = basins.ravel()
    area_of_owner = np.bincount(basins.ravel(), weights=(whole > 0).ravel())[owner]
    contact = np.bincount(low[_dilated(near, 1) & ~near], minlength=len(owner))
    perimeter = 2 * np.pi * (np.sqrt(area_of_owner / np.pi) + 2.5)
    kept = (area_of_owner > 0) & (np.bincount(low.ravel()) > area_of_owner) & (contact < 0.75 * perimeter)
    kept[0] = False
    return _renumbered(low, kept)


def _renumbered(labels: IntArray, kept: BoolArray) -> IntArray:
    """Keep some of the labels of an image, and number them from 1 without gaps."""
    number: IntArray = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    renumbered: IntArray = number[labels]
    return renumbered


def _large_parts(mask: BoolArray) -> list[BoolArray]:
    """Return the connected parts of a mask that are a large part of the frame."""
    import cv2

    _, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = np.flatnonzero(boxes[1:, cv2.CC_STAT_AREA] > LARGE * mask.size) + 1
    return [parts == part for part in large]


def _dilated(mask: BoolArray, pixels: int) -> BoolArray:
    """Return a mask dilated by a square; with a negative number of pixels it is eroded."""
    import cv2

    morph = cv2.dilate if pixels > 0 else cv2.erode
    out: BoolArray = morph(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=abs(pixels)) > 0
    return out


def _largest_parts(basins: IntArray, min_area: int) -> IntArray:
    """Number the largest connected part of each basin, where it is large enough."""
    from skimage.measure import label

    parts = label(basins, connectivity=2)
    area = np.bincount(parts.ravel())
    if len(area) < 2:
        return np.zeros(basins.shape, np.int32)
    area[0] = 0
    owner = np.zeros(len(area), np.int64)
    owner[parts.ravel()] = basins.ravel()
    order = np.lexsort((-area, owner))
    is_largest = np.zeros(len(area), np.bool_)
    is_largest[order[np.concatenate([[True], np.diff(owner[order]) > 0])]] = True
    is_largest[0] = False
    kept = is_largest & (area >= min_area)
    return _renumbered(parts, kept)


def _add_plateau(
    heights: FloatArray, island: BoolArray, levels: Levels, objects: Objects, bases: list[float]
) -> BoolArray:
    """Add a plateau, and the objects on it and at its edge; return the pixels that belong to it, none if there is none.

    A plateau at the border of the frame that carries objects is a terrace of the substrate, and no object.
    """
    nothing = np.zeros(island.shape, np.bool_)
    top = _plateau_height(heights[island], levels)
    plateaus = _large_parts(island & (heights > top / 2)) if top is not None else []
    if top is None or not plateaus:
        return nothing
    region: BoolArray = np.any(plateaus, axis=0)
    around = _dilated(region, 3)
    parts = _divided(heights, region.astype(np.int32), levels)
    if parts.max() > 1:
        objects.add(parts, bases[-1])
        return around
    attached = _attached_objects(region, levels)
    region &= attached == 0
    above = np.where(_dilated(region, -2), heights - top, 0).astype(np.float32)
    on_top = Objects(np.zeros_like(objects.labels), [])
    _add_objects(above, above > levels.low_nm, levels, on_top, [*bases, bases[-1] + top])
    carries = on_top.bases and above[on_top.labels > 0].max() > MIN_CARRIED * top
    at_border = region[0].any() or region[-1].any() or region[:, 0].any() or region[:, -1].any()
    if carries and at_border:
        objects.terraces += 1 + on_top.terraces
    else:
        objects.add(region.astype(np.int32), bases[-1])
    objects.add(attached, bases[-1])
    if carries:
        carried = on_top.labels > 0
        objects.labels[carried] = on_top.labels[carried] + len(objects.bases)
        objects.bases.extend(on_top.bases)
    return around


def _attached_objects(region: BoolArray, levels: Levels) -> IntArray:
    """Number the parts of about the usual area that touch a plateau: what an opening by a larger disc removes."""
    import cv2
    from skimage.measure import label

    none = np.zeros(region.shape, np.int32)
    if not levels.has_singles:
        return none
    radius = int(np.ceil(1.3 * np.sqrt(levels.usual_area_px / np.pi)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    opened = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    parts = label(region & ~opened, connectivity=1)
    area = np.bincount(parts.ravel()) / levels.usual_area_px
    kept = (area > 0.6) & (area < 1.6)
    kept[0] = False
    return _renumbered(parts, kept)


def _plateau_height(heights: FloatArray, levels: Levels) -> float | None:
    """Return the height of a plateau: the lowest mode that holds a large part of the pixels; None if there is none."""
    from scipy.ndimage import gaussian_filter1d

    noise = levels.noise_nm
    counts, edges = np.histogram(heights, bins=np.arange(levels.low_nm, heights.max() + noise, noise / 2))
    density = gaussian_filter1d(counts.astype(np.float64), 2.0, mode="nearest")
    centres = (edges[1:] + edges[:-1]) / 2
    rising = np.concatenate([[False], np.diff(density) > 0])
    falling = np.concatenate([np.diff(density) <= 0, [True]])
    for i in np.flatnonzero(rising & falling):
        if centres[i] < max(levels.threshold_nm, levels.low_nm + 6 * noise):
            continue
        within = np.abs(heights - centres[i]) < 3 * noise
        below = np.abs(heights - centres[i] + 6 * noise) < 3 * noise
        # The flanks of a smooth object hold more pixels the lower they are, a plateau fewer.
        if within.mean() > 0.25 and np.count_nonzero(within) > 2 * np.count_nonzero(below):
            return float(centres[i])
    return None


def _divided(heights: FloatArray, regions: IntArray, levels: Levels) -> IntArray:
    """Divide the regions that are several objects which touch."""
    from playNano.algorithms.segmentation._divide import divide_touching

    return divide_touching(heights, regions, levels)
