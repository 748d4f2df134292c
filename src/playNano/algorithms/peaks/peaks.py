"""Local maxima with height and prominence in nanometres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.flooding import flood_basins
from playNano.algorithms._common.inputs import as_block, pixel_pair
from playNano.algorithms._common.polarity import find_both_ways
from playNano.algorithms._common.spacing import refine_maxima, select_separated
from playNano.algorithms.peaks.options import PeakOptions
from playNano.algorithms.surface.noise import robust_noise

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "frame", "label", "y", "x", "y_nm", "x_nm", "background_nm", "z_max_nm", "prominence_nm", "touches_edge",
)  # fmt: skip
OPPOSITE = {name: name for name in ("background_nm", "z_max_nm")}
"""Column -> column of the inverted frame of which it is the negative."""

FloatArray = npt.NDArray[np.floating[Any]]


def find_peaks(
    block: npt.ArrayLike,
    options: PeakOptions | None = None,
    *,
    first_frame: int = 0,
    pixel_size_nm: float | tuple[float, float] = (1.0, 1.0),
) -> pd.DataFrame:
    """Find the local maxima of each frame, with limits on height, prominence and distance.

    A peak is a pixel, or a plateau, that none of its eight neighbours exceeds. Its prominence is its height above
    the highest saddle to a higher peak, and at most its height above the background.

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm. Pixels that are not finite are never peaks, and separate peaks on either side.
    options
        Limits, smoothing and background; None is ``PeakOptions()``.
    first_frame
        Number of the block's first frame in its movie.
    pixel_size_nm
        Pixel size (y, x), or one number for square pixels, in nm.

    Returns
    -------
    pandas.DataFrame
        One row per peak, by frame and decreasing height: ``frame, label`` (int64, 1..k in each frame),
        ``y, x`` (pixels), ``y_nm, x_nm, background_nm``, ``z_max_nm`` (height above the background, negative for pits),
        ``prominence_nm`` and ``touches_edge`` (bool: on the border of the frame); with the polarity "both" also
        ``polarity``, 1 for peaks and -1 for pits.

    Raises
    ------
    ParameterError
        If the block does not have three axes or the pixel size is not positive.

    References
    ----------
    Edelsbrunner H., Letscher D., Zomorodian A., "Topological persistence and simplification", Discrete
    & Computational Geometry 28, 2002, doi:10.1007/s00454-002-2885-2.

    Examples
    --------
    >>> import numpy as np
    >>> frame = np.zeros((1, 9, 9))
    >>> frame[0, 4, 2:7] = 1, 3, 2, 5, 1
    >>> find_peaks(frame, PeakOptions(min_prominence_nm=0.5))[["z_max_nm", "prominence_nm"]].to_numpy()
    array([[5., 5.],
           [3., 1.]])
    """
    options = options or PeakOptions()
    z = as_block(block)
    pixel = pixel_pair(pixel_size_nm)

    def bright(frames: FloatArray) -> pd.DataFrame:
        """Return the peaks above the background."""
        parts = [_peaks_of_frame(frame, options, pixel, first_frame + i) for i, frame in enumerate(frames)]
        return _table(np.concatenate(parts) if parts else np.empty((0, 8)), pixel)

    return find_both_ways(bright, z, options.polarity, OPPOSITE, "z_max_nm")


def _peaks_of_frame(
    frame: FloatArray, options: PeakOptions, pixel: tuple[float, float], number: int
) -> npt.NDArray[np.float64]:
    """Return the columns frame to touches_edge, without positions in nm, of the peaks of a frame."""
    heights, background = _above_background(frame, options)
    where, prominence = _peaks(heights, options)
    selected = select_separated(where * np.array(pixel), options.min_distance_nm)
    where, prominence = where[selected], prominence[selected]
    rows: npt.NDArray[np.float64] = np.column_stack([
        np.full(len(where), number), np.arange(1, len(where) + 1),
        refine_maxima(heights, where) if options.subpixel else where,
        np.full(len(where), background), heights[where[:, 0], where[:, 1]], prominence,
        _on_border(where, heights.shape),
    ])  # fmt: skip
    return rows


def _above_background(frame: FloatArray, options: PeakOptions) -> tuple[FloatArray, float]:
    """Return the smoothed heights above the background, NaN where pixels are not finite, and the background."""
    good = np.isfinite(frame)
    if not good.any():
        return np.full(frame.shape, np.nan, dtype=np.float32), np.nan
    heights = frame.astype(np.float64)
    if options.smoothing_px:
        from scipy.ndimage import gaussian_filter

        # Normalised convolution: values and weights are filtered alike, so that only finite pixels contribute.
        weight = gaussian_filter(good.astype(np.float64), options.smoothing_px)
        total = gaussian_filter(np.where(good, heights, 0.0), options.smoothing_px)
        heights = np.divide(total, weight, out=heights, where=good)
    background = float(np.median(heights[good])) if options.background != "zero" else 0.0
    return np.where(good, heights - background, np.nan).astype(np.float32), background


def _peaks(
    heights: FloatArray, options: PeakOptions
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return positions (row, column) and prominences of the peaks, the highest first."""
    basins = flood_basins(heights, heights > 0, np.inf)
    where = np.column_stack(np.divmod(basins.peaks, max(heights.shape[1], 1)))
    height = heights.reshape(-1)[basins.peaks].astype(np.float64)
    prominence = np.where(basins.is_separate, height, basins.prominences)
    min_prominence = options.min_prominence_nm
    if min_prominence is None:
        min_prominence = 3 * robust_noise(heights)
    kept = (height >= (options.min_height_nm or 0.0)) & (prominence >= min_prominence)
    kept &= prominence >= (options.min_prominence_ratio or 0.0) * height
    if options.remove_edge:
        kept &= ~_on_border(where, heights.shape)
    return where[kept], prominence[kept]


def _on_border(where: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return whether pixels lie on the border of a frame."""
    last = np.array(shape) - 1
    on_border: npt.NDArray[np.bool_] = ((where == 0) | (where == last)).any(axis=1)
    return on_border


def _table(rows: npt.NDArray[np.float64], pixel: tuple[float, float]) -> pd.DataFrame:
    """Return the table of peaks from rows of frame, label, y, x, background, height, prominence and border."""
    import pandas as pd

    frame, label, y, x, background, height, prominence, on_border = rows.T
    values = (
        frame.astype(np.int64), label.astype(np.int64), y, x, y * pixel[0], x * pixel[1],
        background, height, prominence, on_border > 0,
    )  # fmt: skip
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
