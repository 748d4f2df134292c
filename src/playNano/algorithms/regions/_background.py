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

FULL_GAP, HALF_HEIGHT_GAP = 0.75, 1.25
"""Extent of the flanks beyond the outline, in radii: of regions above a third of their height, and above half of it."""


def region_backgrounds(
    z: npt.NDArray[np.float32],
    masks: npt.NDArray[np.bool_],
    runs: Runs,
    sums: RegionSums,
    kept: IntArray,
    options: RegionOptions,
    base_nm: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Measure the background height of regions by the method of `RegionOptions.background`, and their flanks.

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
    base_nm
        (n_kept,) for objects that are outlined at half of their height: height of the surface on which each stands,
        for those whose annulus is too small. None for other regions: the gaps of others are then included.

    Returns
    -------
    tuple of ndarray
        (n_kept,) heights, nm, NaN where no substrate is visible; and (n_kept, 2) number of the pixels of the gap
        around each region, its flanks, and the sum of their heights.
    """
    background, flanks = np.full(len(kept), np.nan), np.zeros((len(kept), 2))
    gap = annulus_gaps(sums, options, FULL_GAP if base_nm is None else HALF_HEIGHT_GAP)
    state = np.zeros(z.shape, dtype=np.int32)
    mark_regions_and_gaps(runs, sums.boxes, gap, state)
    width = options.annulus_width_px if options.background == "annulus" else 0
    around = Surroundings(z, state, runs, sums.boxes, gap, width)
    share_gaps = base_nm is None and options.background == "annulus"
    annulus_medians(around, kept, MIN_ANNULUS_PIXELS, share_gaps, background, flanks)
    if options.background == "zero":
        return np.zeros(len(kept)), flanks
    if options.background == "frame":
        background[:] = np.nan
    elif base_nm is not None:
        background = np.where(np.isnan(background), base_nm, background)
    frames = sums.frame[kept]
    for frame in np.unique(frames[np.isnan(background)]):
        level = frame_background(masks[frame].view(np.uint8), z[frame])
        background[(frames == frame) & np.isnan(background)] = level
    return background, flanks


def annulus_gaps(sums: RegionSums, options: RegionOptions, per_radius: float = FULL_GAP) -> IntArray:
    """Return the gap between each region and its annulus, px, by default a multiple of the region's radius.

    Regions smaller than ``min_size`` count as noise, which has no flanks: their gap is 0.
    """
    if options.annulus_gap_px is not None:
        gap = np.full(len(sums.area), options.annulus_gap_px, dtype=np.int64)
    else:
        # Area / perimeter x (1 + roundness) is the radius of a disc and half the width of a strand.
        perimeter = sums.perimeter((1.0, 1.0))
        radius = sums.area / perimeter * (1.0 + 4 * np.pi * sums.area / (perimeter * perimeter))
        gap = np.maximum(2, (per_radius * radius + 0.5).astype(np.int64))
    return np.where(sums.area < options.min_size, 0, gap)
