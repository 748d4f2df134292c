"""Regions of a mask: 8-connected labels and what each region measures, in pixels and in nanometres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import as_block, pixel_pair
from playNano.algorithms.regions.separate import separate_touching
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

BASIC_COLUMNS = (
    "frame", "label", "y", "x", "y_nm", "x_nm", "area_px", "area_nm2", "min", "max", "mean",
    "bbox_min_row", "bbox_min_col", "bbox_max_row", "bbox_max_col", "touches_edge",
)  # fmt: skip
FULL_COLUMNS = (
    *BASIC_COLUMNS,
    "background_nm", "z_min_nm", "z_max_nm", "z_mean_nm", "height_nm", "volume_nm3",
    "y_weighted", "x_weighted",
    "y_weighted_nm", "x_weighted_nm", "perimeter_nm", "major_axis_nm", "minor_axis_nm", "orientation_rad",
    "eccentricity",
)  # fmt: skip

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Regions:
    """Labelled regions of a block of frames.

    Attributes
    ----------
    labels
        (n, h, w) int32; 0 is background, the regions of a frame count 1..k in the raster order of
        their first pixels.
    table
        One row a region, sorted by frame and label.
    """

    labels: npt.NDArray[np.int32]
    table: pd.DataFrame


def find_regions(
    block: npt.ArrayLike,
    masks: npt.ArrayLike,
    *,
    first_frame: int = 0,
    pixel_size_nm: float | tuple[float, float] = (1.0, 1.0),
    min_size: float = 10,
    remove_edge: bool = True,
    fill_holes: bool = False,
    hole_area: float | None = None,
    min_area_nm2: float | None = None,
    max_area_nm2: float | None = None,
    min_height_nm: float | None = None,
    max_height_nm: float | None = None,
    background: Literal["ring", "frame", "zero"] = "ring",
    ring_gap_px: int | None = None,
    ring_width_px: int = 3,
    separate: Literal["none", "opening", "watershed"] = "none",
    separate_by: Literal["distance", "height"] = "distance",
    separate_depth_nm: float | None = None,
    separate_radius_nm: float | None = None,
    properties: Literal["basic", "full"] = "full",
    out: npt.NDArray[np.int32] | None = None,
) -> Regions:
    """Label the 8-connected regions of masks and measure them.

    Holes are filled first, then touching particles parted; regions are labelled, those that touch the
    border, are too small or miss a limit are dropped, and the rest are numbered in raster order. The
    partition, areas, bounding boxes and centroids are those of `skimage.measure.label` and
    `regionprops`.

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm. Float32 and float64 are taken as they are, other kinds as float64.
    masks
        Foreground, (n, h, w), boolean. Pixels that are not finite are never foreground.
    first_frame
        Number of the block's first frame in its movie.
    pixel_size_nm
        Pixel size (y, x), or one number for square pixels, in nm.
    min_size
        Least area that stays, in pixels.
    remove_edge
        Drop regions that touch the border of the frame.
    fill_holes
        Fill holes before labelling. A hole is 4-connected background, as it must be where the
        foreground is 8-connected.
    hole_area
        Fill only background smaller than this many pixels (at the border too, as
        `skimage.morphology.remove_small_holes` does); None fills every hole that is closed. Read only
        with ``fill_holes``.
    min_area_nm2, max_area_nm2
        Limits of the area, inclusive.
    min_height_nm, max_height_nm
        Limits of ``height_nm``, inclusive. A region whose background is unknown passes no such limit.
    background
        What heights are measured from: ``"ring"`` is the median of the pixels in a ring around the region,
        ``"frame"`` that of all pixels that belong to no region, ``"zero"`` is 0.
    ring_gap_px, ring_width_px
        The ring around a region lies within gap + width of it (Chebyshev distance) and beyond the gap of every
        region of ``min_size`` and more, this one included: the gap keeps the flanks of particles out of it.
        Pixels of smaller regions are left out too. Where fewer than eight pixels are left, only the region's
        own gap is kept; where that is too few, the frame's median stands in. A gap of None is three quarters
        of each region's radius (of half its width, if it is long), at least 2 pixels: where a Gaussian that
        was cut at a third of its height has ended.
    separate, separate_by, separate_depth_nm, separate_radius_nm
        Part touching particles: see `playNano.algorithms.regions.separate.separate_touching`, where they are
        called ``method, by, depth_nm, radius_nm``.
    properties
        ``"basic"`` for position, area, raw heights and bounding box; ``"full"`` for the rest too.
    out
        Where to write the labels: (n, h, w) int32, contiguous; None makes a new array.

    Returns
    -------
    Regions
        ``labels`` and ``table``. Columns of the table:

        ``frame, label, area_px, bbox_min_row, bbox_min_col, bbox_max_row, bbox_max_col``
            int64; the box is half-open.
        ``y, x, y_nm, x_nm``
            Centroid; the origin is the centre of pixel (0, 0).
        ``area_nm2``; ``min, max, mean``
            Area; raw heights over the region, in nm.
        ``touches_edge``
            Whether the region reaches the border of the frame.

        and with ``"full"``:

        ``background_nm``; ``z_min_nm, z_max_nm, z_mean_nm``; ``volume_nm3``
            Height of the ground; heights of pixels and volume above it. The volume is not clipped, so that
            noise does not add to it. ``z_max_nm`` is that of the highest pixel and grows with noise.
        ``height_nm``
            Height of the summit above the ground, which noise does not raise: the top of a paraboloid fitted
            around the middle of a round region, or else around its greatest 3 x 3 mean. The fit reaches half
            the radius of a round region, a quarter of the width of a long one, and at least 1.5 pixels along
            each axis; summits sharper than that come out low (Gaussians: 1 % at a sigma of 2 pixels, 6 % at
            1.2).
        ``y_weighted, x_weighted, y_weighted_nm, x_weighted_nm``
            Centroid weighted by height above the ground; NaN where those heights sum to nothing.
        ``perimeter_nm``
            Crofton perimeter from four directions; for non-square pixels the directions, their spacing
            and their angular shares follow the pixel.
        ``major_axis_nm, minor_axis_nm, eccentricity``
            Axes (full length) of the ellipse with the region's second moments in nm.
        ``orientation_rad``
            Angle in nanometre space from the y axis (down the rows) to the major axis, positive towards
            +x, in (-pi/2, pi/2]; NaN where both axes are equal.

    Raises
    ------
    ParameterError
        If shapes do not match or a parameter is out of range.

    References
    ----------
    Lehmann G., Legland D., "Efficient N-dimensional surface estimation using Crofton formula and
    run-length encoding", Insight Journal, 2012, doi:10.54294/wdu86d.

    Examples
    --------
    >>> import numpy as np
    >>> frame = np.zeros((1, 32, 32))
    >>> frame[0, 10:14, 12:18] = 4.0
    >>> found = find_regions(frame, frame > 1, pixel_size_nm=2.0)
    >>> row = found.table.iloc[0]
    >>> float(row.y), float(row.x), float(row.area_nm2), float(row.volume_nm3)
    (11.5, 14.5, 96.0, 384.0)
    """
    z, seeds = _images(block, masks)
    pixel = pixel_pair(pixel_size_nm)
    _check(properties, background, ring_gap_px, ring_width_px)
    if out is not None and (out.shape != z.shape or out.dtype != np.int32 or not out.flags.c_contiguous):
        raise ParameterError(f"out must be a contiguous int32 array of the block's shape {z.shape}")
    if fill_holes:
        seeds = _filled(seeds, hole_area)
    parts: npt.NDArray[Any] = seeds
    if separate != "none":
        parts = separate_touching(
            z, seeds, method=separate, by=separate_by, depth_nm=separate_depth_nm,
            radius_nm=separate_radius_nm, pixel_size_nm=pixel,
        )  # fmt: skip
    heights = _limits(min_height_nm, max_height_nm)
    areas = _limits(min_area_nm2, max_area_nm2)
    full = properties == "full" or heights != (-np.inf, np.inf)
    ring = np.array([-1 if ring_gap_px is None else ring_gap_px, ring_width_px], dtype=np.int64)
    labels, sums = _run_kernel(
        z, parts, out, float(min_size), bool(remove_edge), np.array(pixel), np.array(areas),
        np.array(heights), full, background, ring,
    )  # fmt: skip
    return Regions(labels, _table(sums, int(first_frame), pixel, z.shape[1:], properties == "full"))


def _images(block: npt.ArrayLike, masks: npt.ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    z = as_block(block)
    mask = np.asarray(masks)
    if mask.shape != z.shape:
        raise ParameterError(f"masks must have the block's shape {z.shape}, not {mask.shape}")
    if mask.dtype != np.bool_:
        mask = mask != 0
    return z, np.ascontiguousarray(mask).view(np.uint8)


def _limits(low: float | None, high: float | None) -> tuple[float, float]:
    return (-np.inf if low is None else float(low), np.inf if high is None else float(high))


def _check(properties: str, background: str, gap: int | None, width: int) -> None:
    if properties not in ("basic", "full"):
        raise ParameterError(f"properties must be 'basic' or 'full', not {properties!r}")
    if background not in ("ring", "frame", "zero"):
        raise ParameterError(f"background must be 'ring', 'frame' or 'zero', not {background!r}")
    if (gap is not None and gap < 0) or width < 1:
        raise ParameterError("ring_gap_px must be at least 0 and ring_width_px at least 1")


def _filled(seeds: npt.NDArray[np.uint8], hole_area: float | None) -> npt.NDArray[np.uint8]:
    from playNano.algorithms.regions._hole_kernels import fill_holes

    filled = seeds.copy()
    fill_holes(filled, -1.0 if hole_area is None else float(hole_area))
    return filled


def _run_kernel(
    z: npt.NDArray[Any],
    seeds: npt.NDArray[Any],
    labels: npt.NDArray[np.int32] | None,
    min_size: float,
    remove_edge: bool,
    pixel: FloatArray,
    areas: FloatArray,
    heights: FloatArray,
    full: bool,
    background: str,
    ring: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Run the kernel, giving it more room whenever it runs out of it."""
    from playNano.algorithms.regions import _label_kernels as kernels

    labels = np.empty(z.shape, dtype=np.int32) if labels is None else labels
    words = np.empty(0, dtype=np.uint64)
    if seeds.itemsize == 1 and seeds.ctypes.data % 8 == 0:
        words = seeds.reshape(-1)[: seeds.size // 8 * 8].view(np.uint64)
    kind = {"zero": 0, "frame": 1, "ring": 2}[background]
    width = kernels.N_COLUMNS if full else kernels.FIRST_SHAPE
    # A frame that does not fit is done again: start with more room than a crowded frame needs.
    out = np.empty((width, len(z) * (64 + z[0].size // 256 if len(z) else 0)))
    runs = z[0].size // 64 + 2 * z.shape[2] if len(z) else 0
    first = rows = 0
    while first < len(z):
        first, rows, short = kernels.regions_of_block(
            seeds, words, z, first, rows, runs, labels, out, min_size, remove_edge, pixel, areas, heights, full,
            kind, ring,
        )  # fmt: skip
        if short:
            runs *= 2
        elif first < len(z):
            more = np.empty((width, 2 * out.shape[1]))
            more[:, :rows] = out[:, :rows]
            out = more
    return labels, out[:, :rows]


def _table(
    out: FloatArray, first_frame: int, pixel: tuple[float, float], shape: tuple[int, ...], full: bool
) -> pd.DataFrame:
    import pandas as pd

    from playNano.algorithms.regions import _label_kernels as kernels
    from playNano.algorithms.regions import _sums as places

    sums = out[kernels.FIRST_SUM :]
    area = sums[places.AREA]
    box = sums[[places.ROW_0, places.COL_0, places.ROW_1, places.COL_1]].astype(np.int64)
    y = sums[places.ROW_0] + sums[places.SUM_Y] / area
    x = sums[places.ANCHOR] + sums[places.SUM_X] / area
    values: dict[str, npt.NDArray[Any]] = {
        "frame": out[kernels.FRAME].astype(np.int64) + first_frame,
        "label": out[kernels.LABEL].astype(np.int64),
        "y": y,
        "x": x,
        "y_nm": y * pixel[0],
        "x_nm": x * pixel[1],
        "area_px": area.astype(np.int64),
        "area_nm2": area * (pixel[0] * pixel[1]),
        "min": sums[places.MIN],
        "max": sums[places.MAX],
        "mean": sums[places.SUM_Z] / area,
        "bbox_min_row": box[0],
        "bbox_min_col": box[1],
        "bbox_max_row": box[2],
        "bbox_max_col": box[3],
        "touches_edge": (box[0] == 0) | (box[1] == 0) | (box[2] == shape[0]) | (box[3] == shape[1]),
    }
    if full:
        values.update(zip(FULL_COLUMNS[len(BASIC_COLUMNS) :], out[kernels.FIRST_SHAPE :], strict=True))
    return pd.DataFrame(values)
