"""The usual area of an object of a movie."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.segmentation.levels import Levels
from playNano.algorithms.segmentation.segment import objects_of_frame

FloatArray = npt.NDArray[np.floating[Any]]


def with_usual_area(smoothed: FloatArray, levels: Levels) -> Levels:
    """Return levels with the usual area of an object, measured on smoothed frames.

    Parameters
    ----------
    smoothed
        Frames after the Gaussian filter, (n, h, w), above the background.
    levels
        Thresholds.

    Examples
    --------
    >>> from playNano.algorithms.segmentation import estimate_levels
    >>> y, x = np.mgrid[:40, :120]
    >>> discs = (((x + 20) % 40 - 20) ** 2 + (y - 20) ** 2 < 50).astype(float)
    >>> noise = np.random.default_rng(0).normal(0, 0.05, discs.shape)
    >>> bool(140 < estimate_levels((discs + noise)[None].repeat(3, 0)).usual_area_px < 170)
    True
    """
    from scipy.ndimage import maximum

    areas, peaks, n_terraces = [], [], 0
    for sign in {"up": (1,), "down": (-1,), "both": (1, -1)}[levels.polarity]:
        for frame in smoothed:
            objects = objects_of_frame(sign * frame, levels)
            labels, n_terraces = objects.labels, n_terraces + (objects.terraces > 0)
            area = np.bincount(labels.ravel())
            area[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = 0
            whole = np.flatnonzero(area)
            areas.append(area[whole])
            peaks.append(maximum(sign * frame, labels, whole))
    levels = replace(levels, has_terraces=n_terraces > 0.5 * len(smoothed))
    sizes, heights = np.concatenate(areas), np.concatenate(peaks)
    if len(sizes) < 3:
        return levels
    usual = float(np.exp(half_sample_mode(np.log(sizes))))
    alike = np.abs(np.log(sizes / usual)) < np.log(1.4)
    has_singles = alike.sum() >= max(3, 0.15 * len(sizes)) and sizes[alike].sum() > 0.05 * sizes.sum()
    low, high = np.quantile(sizes, (0.1, 0.9))
    return replace(
        levels,
        usual_area_px=usual,
        has_singles=bool(has_singles),
        area_range_px=(float(low), float(high)),
        low_peak_nm=float(np.quantile(heights, 0.1)),
    )


def half_sample_mode(values: FloatArray) -> float:
    """Return the mode of a sample: the densest half of it, of which the densest half, and so on.

    Parameters
    ----------
    values
        (n,), at least one.

    References
    ----------
    Bickel D.R., Fruehwirth R., "On a fast, robust estimator of the mode", Computational Statistics & Data Analysis
    50, 2006, doi:10.1016/j.csda.2005.07.011.

    Examples
    --------
    >>> half_sample_mode(np.array([1.0, 5.0, 5.1, 5.2, 9.0]))
    5.1
    """
    sample = np.sort(np.asarray(values, dtype=np.float64))
    while len(sample) > 3:
        half = (len(sample) + 1) // 2
        widths = sample[half - 1 :] - sample[: len(sample) - half + 1]
        # Of equally narrow halves the central one.
        ties = np.flatnonzero(widths <= widths.min() + 1e-12)
        start = int(ties[len(ties) // 2])
        sample = sample[start : start + half]
    return float(np.median(sample))
