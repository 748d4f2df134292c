"""Background heights of regions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.algorithms.regions._annulus_kernels import Surroundings, annulus_medians, mark_regions_and_gaps
from playNano.algorithms.regions._properties import RegionSums
from playNano.algorithms.regions._sums_kernels import Runs
from playNano.algorithms.regions.options import RegionOptions
from playNano.algorithms.surface._background_kernels import MIN_ANNULUS_PIXELS, frame_background

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def region_backgrounds(
    z: npt.NDArray[np.float32],
    masks: npt.NDArray[np.bool_],
    runs: Runs,
    sums: RegionSums,
    kept: IntArray,
    options: RegionOptions,
) -> FloatArray:
    """Measure the background height of regions by the method of `RegionOptions.background`.

    Parameters
    ----------
    z
        (n, h, w) heights.
    masks
        (n, h, w) pixels of all regions.
    runs, sums
        All regions.
    kept
        (n_kept,) numbers of the regions that are measured.
    options
        Kind of background, gap and width of the annulus.

    Returns
    -------
    ndarray
        (n_kept,) heights, nm; NaN where no substrate is visible.
    """
    if options.background == "zero":
        return np.zeros(len(kept))
    background = np.full(len(kept), np.nan)
    if options.background == "annulus":
        gap = annulus_gaps(sums, options)
        state = np.zeros(z.shape, dtype=np.uint8)
        mark_regions_and_gaps(runs, gap, state)
        around = Surroundings(z, state, runs, sums.boxes, gap, options.annulus_width_px)
        annulus_medians(around, kept, MIN_ANNULUS_PIXELS, background)
    frames = sums.frame[kept]
    for frame in np.unique(frames[np.isnan(background)]):
        level = frame_background(masks[frame].view(np.uint8), z[frame])
        background[(frames == frame) & np.isnan(background)] = level
    return background


def annulus_gaps(sums: RegionSums, options: RegionOptions) -> IntArray:
    """Return the gap between each region and its annulus, px.

    Regions smaller than ``min_size`` count as noise, which has no flanks: their gap is 0.
    """
    if options.annulus_gap_px is not None:
        gap = np.full(len(sums.area), options.annulus_gap_px, dtype=np.int64)
    else:
        # Area / perimeter x (1 + roundness) is the radius of a disc and half the width of a strand.
        perimeter = sums.perimeter((1.0, 1.0))
        radius = sums.area / perimeter * (1.0 + 4 * np.pi * sums.area / (perimeter * perimeter))
        gap = np.maximum(2, (0.75 * radius + 0.5).astype(np.int64))
    return np.where(sums.area < options.min_size, 0, gap)
