"""Watershed by flooding from the peaks: the basin and the prominence of every peak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Basins:
    """Peaks of a surface and their basins.

    Attributes
    ----------
    labels
        (h, w) int32: 1.. for the basins of separate peaks, by decreasing height of these; 0 where nothing was flooded.
    peaks
        (n,) int64 flat indices of all peaks, by decreasing height; equal ones in raster order.
    prominences
        (n,) float64: height above the saddle at which the basin was merged into that of a higher peak, or, of separate
        ones, above their lowest pixel.
    is_separate
        (n,) bool: whether a peak kept a basin of its own.
    """

    labels: npt.NDArray[np.int32]
    peaks: npt.NDArray[np.int64]
    prominences: npt.NDArray[np.float64]
    is_separate: npt.NDArray[np.bool_]


def flood_basins(
    surface: npt.NDArray[np.floating[Any]],
    active: npt.NDArray[np.bool_],
    depth: float,
    *,
    max_saddle: tuple[float, float] = (np.inf, np.inf),
) -> Basins:
    """Segment a surface by flooding it from its peaks down (watershed by immersion of the inverted surface).

    Parameters
    ----------
    surface
        (h, w) heights, converted to single precision.
    active
        (h, w): the pixels to flood; their heights must be finite.
    depth
        Minimum rise of a peak above the saddle to a higher one to keep a basin of its own, in the unit of the surface,
        at least 0; infinity merges every peak into the highest of its island.
    max_saddle
        Fractions of the height of the lower and of the higher peak: a basin is also merged where the saddle is as high
        as both of them. Heights are then counted from 0; infinity, the default, sets no limit.

    Returns
    -------
    Basins
        Labels, peaks and their prominences.

    References
    ----------
    Edelsbrunner H., Letscher D., Zomorodian A., "Topological persistence and simplification", Discrete
    & Computational Geometry 28, 2002, doi:10.1007/s00454-002-2885-2.

    Examples
    --------
    >>> line = np.array([[1.0, 4.0, 2.0, 3.0, 0.0]])
    >>> flood_basins(line, line > 0, 0.5).labels
    array([[1, 1, 1, 2, 0]], dtype=int32)
    """
    from playNano.algorithms._common._flood_kernels import Flood, flood, resolve_basins

    height, width = surface.shape
    heights = np.ascontiguousarray(surface, dtype=np.float32).reshape(-1)
    pixels = np.flatnonzero(active)
    order = pixels[np.argsort(-heights[pixels], kind="stable")]
    max_peaks = ((height + 1) // 2) * ((width + 1) // 2)
    state = Flood(
        heights, np.full(heights.size, -1, dtype=np.int32), np.empty(max_peaks, dtype=np.int64),
        np.empty(max_peaks, dtype=np.int64), np.empty(max_peaks),
    )  # fmt: skip
    limits = (float(depth), float(max_saddle[0]), float(max_saddle[1]))
    n = flood(state, order, (height, width), limits)
    parent = state.parent[:n]
    is_separate = parent == np.arange(n)
    labels = np.where(is_separate, np.cumsum(is_separate), 0).astype(np.int32)
    resolve_basins(state.basin, parent, labels)
    return Basins(state.basin.reshape(surface.shape), state.peak[:n], state.prominence[:n], is_separate)
