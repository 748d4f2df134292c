"""Local maxima with height and prominence in nanometres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import as_block, pixel_pair
from playNano.algorithms._common.spacing import apart, refined
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("frame", "label", "y", "x", "y_nm", "x_nm", "background_nm", "z_max_nm", "prominence_nm")

FloatArray = npt.NDArray[np.floating[Any]]


def find_peaks(
    block: npt.ArrayLike,
    *,
    first_frame: int = 0,
    pixel_size_nm: float | tuple[float, float] = (1.0, 1.0),
    min_height_nm: float = 0.0,
    min_prominence_nm: float | None = None,
    min_distance_nm: float = 0.0,
    smoothing_px: float = 0.0,
    background: Literal["frame", "zero"] = "frame",
    remove_edge: bool = True,
    subpixel: bool = True,
) -> pd.DataFrame:
    """Find the summits of each frame that stand high enough, alone enough and far enough apart.

    A summit is a pixel, or a plateau, that none of its eight neighbours exceeds. Its prominence is how
    far one must go down from it to reach a higher summit, and at most its height above the background.

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm. Pixels that are not finite are never summits and part hills.
    first_frame
        Number of the block's first frame in its movie.
    pixel_size_nm
        Pixel size (y, x), or one number for square pixels, in nm.
    min_height_nm
        Least height above the background.
    min_prominence_nm
        Least prominence; None means three times the noise of the frame
        (`playNano.algorithms.surface.noise.robust_noise`, after smoothing).
    min_distance_nm
        Of summits closer than this only the highest stays.
    smoothing_px
        Standard deviation of a Gaussian that is applied first, in pixels; heights are then those of the
        smoothed frame.
    background
        What heights are measured from: the median of the frame, or 0.
    remove_edge
        Drop summits on the border of the frame.
    subpixel
        Move each summit to the top of the paraboloid through the pixels around it (at most half a
        pixel); its height is the pixel's.

    Returns
    -------
    pandas.DataFrame
        One row a summit, by frame and falling height: ``frame, label`` (int64, 1..k in each frame),
        ``y, x`` (pixels), ``y_nm, x_nm, background_nm``, ``z_max_nm`` (height above the background) and
        ``prominence_nm``.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Edelsbrunner H., Letscher D., Zomorodian A., "Topological persistence and simplification", Discrete
    & Computational Geometry 28, 2002, doi:10.1007/s00454-002-2885-2.

    Examples
    --------
    >>> import numpy as np
    >>> frame = np.zeros((1, 9, 9))
    >>> frame[0, 4, 2:7] = 1, 3, 2, 5, 1
    >>> find_peaks(frame, min_prominence_nm=0.5)[["z_max_nm", "prominence_nm"]].to_numpy()
    array([[5., 5.],
           [3., 1.]])
    """
    z = as_block(block)
    pixel = pixel_pair(pixel_size_nm)
    if background not in ("frame", "zero"):
        raise ParameterError(f"background must be 'frame' or 'zero', not {background!r}")
    for name, value in (("min_distance_nm", min_distance_nm), ("smoothing_px", smoothing_px)):
        if not value >= 0:
            raise ParameterError(f"{name} must be at least 0, not {value!r}")
    parts = []
    for i, frame in enumerate(z):
        heights, ground = _levelled(frame, smoothing_px, background)
        where, prominence = _summits(heights, min_height_nm, min_prominence_nm, remove_edge)
        stays = apart(where * np.asarray(pixel), min_distance_nm)
        where, prominence = where[stays], prominence[stays]
        part = np.column_stack([
            np.full(len(where), first_frame + i), np.arange(1, len(where) + 1),
            refined(heights, where) if subpixel else where,
            np.full(len(where), ground), heights[where[:, 0], where[:, 1]], prominence,
        ])  # fmt: skip
        parts.append(part)
    return _table(np.concatenate(parts) if parts else np.empty((0, 7)), pixel)


def _levelled(frame: FloatArray, smoothing_px: float, background: str) -> tuple[FloatArray, float]:
    """Return the smoothed heights above the ground, NaN where lost, and the ground."""
    good = np.isfinite(frame)
    if not good.any():
        return np.full(frame.shape, np.nan, dtype=np.float32), np.nan
    heights = frame.astype(np.float64)
    if smoothing_px > 0:
        from scipy.ndimage import gaussian_filter

        # Smoothed over the pixels that are there: both sums go through the same filter.
        weight = gaussian_filter(good.astype(np.float64), smoothing_px)
        total = gaussian_filter(np.where(good, heights, 0.0), smoothing_px)
        heights = np.divide(total, weight, out=heights, where=good)
    ground = float(np.median(heights[good])) if background == "frame" else 0.0
    return np.where(good, heights - ground, np.nan).astype(np.float32), ground


def _summits(
    heights: FloatArray, min_height: float, min_prominence: float | None, remove_edge: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the places (row, column) and prominences of the summits, the highest first."""
    from playNano.algorithms._common._flood_kernels import descending_keys, flood
    from playNano.algorithms.surface.noise import robust_noise

    level = min(min_height, 0.0)
    active = heights > level if level == 0 else heights >= level
    keys = np.sort(descending_keys(np.ascontiguousarray(heights), active))
    peak, prominence, alone = flood(heights, keys, np.inf, np.empty(heights.size, dtype=np.int32))
    where = (
        np.column_stack(np.divmod(peak, heights.shape[1])) if peak.size else np.empty((0, 2), dtype=np.int64)
    )
    top = heights.reshape(-1)[peak].astype(np.float64)
    prominence = np.where(alone, top - level, prominence)
    least = 3 * robust_noise(heights) if min_prominence is None else min_prominence
    stays = (top >= min_height) & (prominence >= least)
    if remove_edge:
        last = np.array(heights.shape) - 1
        stays &= ((where > 0) & (where < last)).all(axis=1)
    return where[stays], prominence[stays]


def _table(rows: npt.NDArray[np.float64], pixel: tuple[float, float]) -> pd.DataFrame:
    import pandas as pd

    frame, label, y, x, ground, top, prominence = rows.T
    values = (
        frame.astype(np.int64), label.astype(np.int64), y, x, y * pixel[0], x * pixel[1],
        ground, top, prominence,
    )  # fmt: skip
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
