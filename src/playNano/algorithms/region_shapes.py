"""What follows from a region's sums: heights above ground, perimeter, second moments."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.algorithms import _region_kernels as kernels

FloatArray = npt.NDArray[np.float64]


def full_columns(sums: FloatArray, pixel: tuple[float, float]) -> dict[str, FloatArray]:
    """Turn the sums of regions into their columns in nanometres.

    Parameters
    ----------
    sums
        (``N_FULL``, k): what the kernel gathered, one column a region.
    pixel
        Pixel size (y, x), in nm.

    Returns
    -------
    dict
        Column name -> (k,) float64, as `find_regions` documents them.

    Examples
    --------
    >>> columns = full_columns(np.ones((kernels.N_FULL, 1)), (1.0, 1.0))
    >>> float(columns["background_nm"][0])
    1.0
    """
    area, ground = sums[kernels.AREA], sums[kernels.BACKGROUND]
    above = sums[kernels.SUM_Z] - ground * area
    weight = np.where(above > 0, above, np.nan)
    y = sums[kernels.ROW_0] + (sums[kernels.SUM_ZY] - ground * sums[kernels.SUM_Y]) / weight
    x = sums[kernels.ANCHOR] + (sums[kernels.SUM_ZX] - ground * sums[kernels.SUM_X]) / weight
    return {
        "background_nm": ground,
        "z_min_nm": sums[kernels.MIN] - ground,
        "z_max_nm": sums[kernels.MAX] - ground,
        "z_mean_nm": above / area,
        "height_nm": sums[kernels.HEIGHT],
        "volume_nm3": above * (pixel[0] * pixel[1]),
        "y_weighted": y,
        "x_weighted": x,
        "y_weighted_nm": y * pixel[0],
        "x_weighted_nm": x * pixel[1],
        "perimeter_nm": sums[kernels.PERIMETER],
        **_ellipse(sums, pixel),
    }


def _ellipse(sums: FloatArray, pixel: tuple[float, float]) -> dict[str, FloatArray]:
    """Return the axes and direction of the ellipse with the region's second moments in nm."""
    dy, dx = pixel
    area, sum_y, sum_x = sums[kernels.AREA], sums[kernels.SUM_Y], sums[kernels.SUM_X]
    # Products of whole numbers: a line of pixels has a width of exactly zero.
    yy = (area * sums[kernels.SUM_YY] - sum_y * sum_y) / area**2 * dy**2
    xx = (area * sums[kernels.SUM_XX] - sum_x * sum_x) / area**2 * dx**2
    xy = (area * sums[kernels.SUM_XY] - sum_y * sum_x) / area**2 * (dy * dx)
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    large, small = middle + spread, np.maximum(middle - spread, 0.0)
    ratio = np.divide(small, large, out=np.ones_like(large), where=large > 0)
    return {
        "major_axis_nm": 4 * np.sqrt(large),
        "minor_axis_nm": 4 * np.sqrt(small),
        "orientation_rad": np.where(spread > 0, 0.5 * np.arctan2(2 * xy, yy - xx), np.nan),
        "eccentricity": np.sqrt(1 - ratio),
    }
