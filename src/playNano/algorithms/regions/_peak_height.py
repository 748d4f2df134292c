"""Peak heights of regions: windows of the fits, and fits next to borders and missing pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.algorithms.regions import _sums_kernels as sums_kernels
from playNano.algorithms.regions._peak_height_kernels import fit_peaks
from playNano.algorithms.regions._properties import RegionSums
from playNano.algorithms.regions._sums_kernels import Runs

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Circularity 4 pi area / perimeter^2 above which a region counts as one round particle; two touching discs have 0.5.
MIN_ROUNDNESS = 0.75
MIN_HALF_AXIS_PX = 1.5


def peak_heights(
    z: npt.NDArray[np.float32], runs: Runs, kept: IntArray, sums: RegionSums, pixel: tuple[float, float]
) -> FloatArray:
    """Measure the peak height of regions by the vertex of a fitted paraboloid, which noise does not bias.

    The paraboloid is fitted around the weighted centroid of a round region, or around its maximum 3 x 3 mean where the
    region is not round, or where this mean is higher than noise explains.

    Parameters
    ----------
    z
        (n, h, w) heights.
    runs
        All regions.
    kept
        (n_kept,) numbers of the regions to measure.
    sums
        Sums of these regions alone.
    pixel
        Pixel size (y, x), nm.

    Returns
    -------
    ndarray
        (n_kept,) heights in the units of ``z``.
    """
    windows, starts = peak_windows(sums, pixel)
    heights = np.empty(len(kept))
    incomplete = np.empty((len(kept), 2), dtype=np.int64)
    fit_peaks(z, runs, kept, windows, starts, heights, incomplete)
    for i in np.flatnonzero(incomplete[:, 0] >= 0):
        heights[i] = fit_incomplete_window(z[sums.frame[i]], incomplete[i], windows[i])
    return heights


def peak_windows(sums: RegionSums, pixel: tuple[float, float]) -> tuple[FloatArray, IntArray]:
    """Return the half axes of the window of each fit, px, and the pixel at which the fit starts.

    For a disc of radius R twice area / perimeter is R, for a strand of width w it is w; the half axis is R / 2 and
    w / 4. A round region is fitted around the centroid weighted by height above its lowest pixel, which is robust
    against noise; others start from (-1, -1), which stands for their maximum 3 x 3 mean.
    """
    size = sums.area * pixel[0] * pixel[1]
    perimeter = sums.perimeter(pixel)
    roundness = 4 * np.pi * size / (perimeter * perimeter)
    half_axis = 0.5 * size / perimeter * (1.0 + roundness)
    windows = np.maximum(np.column_stack([half_axis / pixel[0], half_axis / pixel[1]]), MIN_HALF_AXIS_PX)
    weighted = np.column_stack(sums.weighted_centroid(sums.sums[sums_kernels.MIN]))
    # The weights of a region of equal pixels are all zero.
    centre = np.where(np.isfinite(weighted), weighted, np.column_stack(sums.centroid()))
    start = np.where((roundness > MIN_ROUNDNESS)[:, None], centre + 0.5, -1.0)
    return windows, start.astype(np.int64)


def fit_incomplete_window(frame: npt.NDArray[np.float32], centre: IntArray, half_axes: FloatArray) -> float:
    """Estimate the height at a pixel by a paraboloid fitted to the available pixels of an elliptic window.

    Next to borders and missing pixels the window is not symmetric. Where its pixels do not determine a paraboloid,
    their mean is returned.
    """
    low = np.maximum(centre - half_axes.astype(np.int64), 0)
    high = centre + half_axes.astype(np.int64) + 1
    part = frame[low[0] : high[0], low[1] : high[1]].astype(np.float64)
    p = ((low[0] + np.arange(part.shape[0])) - centre[0])[:, None] * (1.0 / half_axes[0])
    q = ((low[1] + np.arange(part.shape[1])) - centre[1])[None, :] * (1.0 / half_axes[1])
    used = (p * p + q * q <= 1) & np.isfinite(part)
    heights = part[used]
    p, q = (np.broadcast_to(v, part.shape)[used] for v in (p, q))
    if heights.size < 7:
        return float(heights.mean()) if heights.size else np.nan
    basis = np.column_stack([np.ones_like(p), p, q, p * p, p * q, q * q])
    terms, _, rank, _ = np.linalg.lstsq(basis, heights, rcond=1e-6)
    return float(terms[0] if rank == 6 else heights.mean())
