"""Separation of regions that consist of more than one particle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Number of detections of similar height with which an area is compared.
_NEIGHBOURS = 60
# A merged region is larger than their median area by these factors, and by this many robust standard deviations of ln.
_MIN_RATIO, _MAX_RATIO, _MIN_DEVIATIONS = 1.5, 2.7, 3.0


def separate_by_height(
    relief_nm: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], min_area_px: int
) -> npt.NDArray[np.int32]:
    """Separate regions of which more than one part exceeds half of their height.

    Parameters
    ----------
    relief_nm
        Heights above the background, nm, (n, h, w).
    labels
        Numbers of the regions from 1, (n, h, w); 0 for the background.
    min_area_px
        Minimum area of a part, px.

    Returns
    -------
    ndarray of int32, (n, h, w)
        New numbers from 1, frame by frame. Every pixel of a separated region belongs to the nearest part.
    """
    from scipy.ndimage import distance_transform_edt, find_objects, label

    n = int(labels.max(initial=0))
    if not n:
        return labels
    peak = np.zeros(n + 1, dtype=np.float32)
    np.maximum.at(peak, labels.ravel(), relief_nm.ravel())
    plane = np.zeros((3, 3, 3), dtype=bool)
    plane[1] = True
    high = (labels > 0) & (relief_nm > peak[labels] / 2)
    parts, n_parts = label(high, structure=plane)
    area = np.bincount(parts.ravel(), minlength=n_parts + 1)
    owner = np.zeros(n_parts + 1, dtype=np.int64)
    owner[parts[high]] = labels[high]
    large = area >= min_area_px
    large[0] = False
    several = np.bincount(owner[large], minlength=n + 1) > 1
    out = labels.copy()
    new = n
    boxes = find_objects(labels)
    for region in np.flatnonzero(several):
        box = boxes[region - 1]
        own = labels[box][0] == region
        inside = np.where(own & large[parts[box][0]], parts[box][0], 0)
        nearest = distance_transform_edt(inside == 0, return_distances=False, return_indices=True)
        belongs = inside[tuple(nearest)]
        for part in np.unique(belongs[own])[1:]:
            new += 1
            out[box][0][own & (belongs == part)] = new
    used = np.unique(out)
    first = np.full(new + 1, len(out), dtype=np.int64)
    for k in range(len(out) - 1, -1, -1):
        first[np.unique(out[k])] = k
    used = used[used > 0]
    number = np.zeros(new + 1, dtype=np.int32)
    number[used[np.argsort(first[used], kind="stable")]] = np.arange(1, len(used) + 1)
    return np.asarray(number[out])


def merged_pairs(height_nm: FloatArray, area_px: FloatArray, usable: Mask) -> tuple[Mask, FloatArray]:
    """Find regions that are so large that they are two particles which touch.

    Parameters
    ----------
    height_nm, area_px
        Height and area of each region, (m,).
    usable
        Whether a region is complete, (m,); only such regions are compared with.

    Returns
    -------
    merged : ndarray of bool, (m,)
        Whether the area is 1.5 to 2.7 times the median of the sixty regions of the most similar heights, and more than
        three robust standard deviations above it.
    usual_area : ndarray of float64, (m,)
        That median, px; NaN with fewer than eight regions.

    Examples
    --------
    >>> area = np.array([50.0] * 9 + [104.0, 51.0])
    >>> merged_pairs(np.full(11, 4.0), area, np.ones(11, bool))[0].nonzero()[0].tolist()
    [9]
    """
    known = np.flatnonzero(usable)
    usual = np.full(len(height_nm), np.nan)
    merged = np.zeros(len(height_nm), dtype=bool)
    if len(known) < 8:
        return merged, usual
    order = known[np.argsort(height_nm[known], kind="stable")]
    heights, logs = height_nm[order], np.log(np.maximum(area_px[order], 1))
    k = min(_NEIGHBOURS, len(order))
    place = np.searchsorted(heights, height_nm)
    first = np.clip(place - k // 2, 0, len(order) - k)
    windows = np.lib.stride_tricks.sliding_window_view(logs, k)
    median = np.median(windows, axis=1)
    spread = 1.4826 * np.median(np.abs(windows - median[:, None]), axis=1)
    usual = np.exp(median[first])
    excess = np.log(np.maximum(area_px, 1)) - median[first]
    merged = (excess > np.log(_MIN_RATIO)) & (excess < np.log(_MAX_RATIO))
    merged &= excess > _MIN_DEVIATIONS * np.maximum(spread[first], 1e-3)
    return merged, usual


def pair_offset(major_px2: FloatArray, usual_area_px: FloatArray) -> FloatArray:
    """Return the distance of the two centres of a merged region from its centroid, px, along the major axis.

    Parameters
    ----------
    major_px2
        Variance along the major axis, px², (m,).
    usual_area_px
        Area of a single particle, px, (m,).

    Notes
    -----
    A disc of area A has the variance A / 4 pi along every axis; two of them at +-d have d² more.
    """
    return np.asarray(np.sqrt(np.maximum(major_px2 - usual_area_px / (4 * np.pi), 0.25)))
