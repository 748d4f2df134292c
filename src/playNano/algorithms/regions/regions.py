"""Region detection: 8-connected labels of a mask and the properties of each region, in pixels and nanometres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import as_block, pixel_pair
from playNano.algorithms.regions.options import RegionOptions
from playNano.algorithms.regions.separate import separate_touching
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms._common.segmented import SegmentedObjects
    from playNano.algorithms.regions._properties import Columns, RegionSums
    from playNano.algorithms.regions._runs import LabelledRuns

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
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

MAX_OFFSET = 64.0
"""Frames in double precision that lie farther from zero than this many ranges of their heights are shifted first."""


@dataclass(frozen=True)
class Regions:
    """Labelled regions of a block of frames.

    Attributes
    ----------
    labels
        (n, h, w) int32; 0 is background, the regions of a frame count 1..k in the raster order of
        their first pixels.
    table
        One row per region, sorted by frame and label.
    """

    labels: npt.NDArray[np.int32]
    table: pd.DataFrame


def find_regions(
    block: npt.ArrayLike,
    masks: npt.ArrayLike,
    options: RegionOptions | None = None,
    *,
    first_frame: int = 0,
    pixel_size_nm: float | tuple[float, float] = (1.0, 1.0),
    properties: Literal["basic", "full"] = "full",
    objects: SegmentedObjects | None = None,
    out: npt.NDArray[np.int32] | None = None,
) -> Regions:
    """Label the 8-connected regions of masks (run-length labelling) and measure their properties.

    Holes are filled first, then touching particles separated; regions are labelled (run-length labelling with
    union-find), those that touch the border, are too small or miss a limit are dropped, and the rest are numbered in
    raster order. The partition, areas, bounding boxes and centroids are those of `skimage.measure.label` and
    `regionprops`.

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm. They are converted to single precision (float32), that of loaded movies. From a
        frame in double precision that lies far from zero compared with its range of heights, a constant is subtracted
        first, so that no precision is lost (unless the background is "zero").
    masks
        Foreground, (n, h, w), boolean. Pixels that are not finite are never foreground.
    options
        Which regions are kept, their background, and the separation of touching particles; None is
        ``RegionOptions()``.
    first_frame
        Number of the block's first frame in its movie, from 0.
    pixel_size_nm
        Pixel size (y, x), or one number for square pixels, in nm, positive.
    properties
        ``"basic"`` for position, area, raw heights and bounding box; ``"full"`` for all properties.
    objects
        Objects of an automatic segmentation, which may touch; their pixels are the masks. None where the regions are
        those of the masks.
    out
        Array to which the labels are written: (n, h, w) int32, contiguous; None makes a new one.

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
            Height of the background; heights of pixels above it; and the volume above it of the region with its
            flanks, the pixels of the gap between region and annulus. Pixels in the gaps of two regions belong to them
            alternately. Negative heights enter the volume, so that noise does not bias it. ``z_max_nm`` is the height
            of the highest pixel and grows with noise.
        ``height_nm``
            Peak height above the background, not biased by noise: the vertex of a paraboloid fitted around the
            centre of a round region, or around its maximum 3 x 3 mean where the region is not round or this mean is
            higher than noise explains (the lobes of a trimer). The fit extends to half the radius
            of a round region, a quarter of the width of a long one, and at least 1.5 pixels along each axis;
            sharper peaks are underestimated (Gaussians: by 1 % at a sigma of 2 pixels, by 6 % at 1.2). Where the
            paraboloid is no better than a constant (F test), as on flat tops, its value at the centre.
        ``y_weighted, x_weighted, y_weighted_nm, x_weighted_nm``
            Centroid weighted by height above the background; NaN where the sum of these heights is not positive.
        ``perimeter_nm``
            Crofton perimeter from four directions; for non-square pixels the directions, their spacing
            and their angular shares are those of the pixel.
        ``major_axis_nm, minor_axis_nm, eccentricity``
            Axes (full length) of the ellipse with the region's second moments in nm.
        ``orientation_rad``
            Angle in nanometre space from the y axis (down the rows) to the major axis, positive towards
            +x, in (-pi/2, pi/2]; NaN where both axes are equal.
        ``polarity``
            1 for regions above the background, -1 for pits, whose heights and volumes are negative; only with the
            polarity "both" and for the objects of a segmentation.

    Raises
    ------
    ParameterError
        If shapes do not match or a parameter is out of range.

    References
    ----------
    He L., Chao Y., Suzuki K., "A run-based two-scan labeling algorithm", IEEE Trans. Image Processing 17, 2008,
    doi:10.1109/TIP.2008.919369. Lehmann G., Legland D., "Efficient N-dimensional surface estimation using Crofton
    formula and run-length encoding", Insight Journal, 2012, doi:10.54294/wdu86d.

    Examples
    --------
    >>> import numpy as np
    >>> frame = np.zeros((1, 32, 32))
    >>> frame[0, 10:14, 12:18] = 4.0
    >>> regions = find_regions(frame, frame > 1, RegionOptions(min_size=20), pixel_size_nm=2.0)
    >>> row = regions.table.iloc[0]
    >>> float(row.y), float(row.x), float(row.area_nm2), float(row.volume_nm3)
    (11.5, 14.5, 96.0, 384.0)
    """
    from playNano.algorithms.regions._heights import Measured, measure_heights
    from playNano.algorithms.regions._properties import RegionSums
    from playNano.algorithms.regions._runs import label_regions

    options = options or RegionOptions()
    if properties not in ("basic", "full"):
        raise ParameterError(f"properties must be 'basic' or 'full', not {properties!r}")
    z, levels = _single_precision(block, options)
    mask = _foreground(masks, z, options)
    pixel = pixel_pair(pixel_size_nm)
    if out is not None and (out.shape != z.shape or out.dtype != np.int32 or not out.flags.c_contiguous):
        raise ParameterError(f"out must be a contiguous int32 array of the block's shape {z.shape}")
    labelled = label_regions(_parts(z, mask, objects, options, pixel))
    sums = RegionSums.of(z, labelled)
    kept = _select(sums, options, pixel, z.shape[1:])
    columns = sums.take(kept).basic_columns(pixel, z.shape[1:])
    if properties == "full" or options.limits_height:
        heights = measure_heights(Measured(z, mask, labelled, sums, pixel), kept, options, objects)
        sign = np.asarray(heights.get("polarity", -1 if options.polarity == "down" else 1), dtype=np.float64)
        sizes = np.asarray(heights["height_nm"], dtype=np.float64) * sign
        high_enough = _within(sizes, options.min_height_nm, options.max_height_nm)
        kept = kept[high_enough]
        columns = {name: values[high_enough] for name, values in {**columns, **heights}.items()}
    columns = _raised(columns, levels[sums.frame[kept]]) if levels.any() else columns
    label, labels = _paint(labelled, kept, z.shape, out)
    table = _table({"frame": sums.frame[kept] + int(first_frame), "label": label, **columns}, properties)
    return Regions(labels, table)


def _single_precision(
    block: npt.ArrayLike, options: RegionOptions
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return heights in single precision, and the level that was subtracted from each frame, 0 in most cases."""
    z = as_block(block)
    levels = np.zeros(len(z))
    if z.dtype != np.float32 and z.size and options.background != "zero":
        low, high = (extreme.reduce(z.reshape(len(z), -1), axis=1) for extreme in (np.fmin, np.fmax))
        with np.errstate(invalid="ignore"):
            far = np.abs(low + high) / 2 > MAX_OFFSET * (high - low)
        if far.any():
            levels[far] = np.round((low[far] + high[far]) / 2)
            z = z - levels[:, None, None]
    return np.ascontiguousarray(z, dtype=np.float32), levels


def _raised(columns: Columns, levels: npt.NDArray[np.float64]) -> Columns:
    """Return columns with the levels added to those that are not measured above a background."""
    absolute = {name for name in ("min", "max", "mean", "background_nm") if name in columns}
    return {
        name: values.astype(np.float64) + levels if name in absolute else values
        for name, values in columns.items()
    }


def _foreground(masks: npt.ArrayLike, z: npt.NDArray[np.float32], options: RegionOptions) -> BoolArray:
    """Return the masks of finite pixels, with holes filled where the options say so."""
    mask = np.asarray(masks)
    if mask.shape != z.shape:
        raise ParameterError(f"masks must have the block's shape {z.shape}, not {mask.shape}")
    if mask.dtype != np.bool_:
        mask = mask != 0
    if options.fill_holes:
        from playNano.algorithms.regions._holes import fill_holes

        mask = fill_holes(mask, options.hole_area)
    finite = np.isfinite(z)
    return np.ascontiguousarray(mask if finite.all() else mask & finite)


def _parts(
    z: npt.NDArray[np.float32],
    mask: BoolArray,
    objects: SegmentedObjects | None,
    options: RegionOptions,
    pixel: tuple[float, float],
) -> npt.NDArray[Any]:
    """Return the number of the object of each foreground pixel, or the mask where all that touch are one."""
    if objects is not None:
        return np.where(mask, objects.labels, 0)
    if options.separation is not None:
        return separate_touching(z, mask, options.separation, pixel_size_nm=pixel)
    return mask


def _select(
    sums: RegionSums, options: RegionOptions, pixel: tuple[float, float], shape: tuple[int, ...]
) -> IntArray:
    """Return the numbers of the regions that are kept by area and position."""
    kept = sums.area >= options.min_size
    kept &= _within(sums.area * (pixel[0] * pixel[1]), options.min_area_nm2, options.max_area_nm2)
    if options.remove_edge:
        kept &= ~sums.touches_edge(shape)
    return np.flatnonzero(kept)


def _within(values: npt.NDArray[Any], low: float | None, high: float | None) -> BoolArray:
    """Return whether values lie within limits, inclusive; NaN does where there is no limit."""
    within = np.ones(len(values), dtype=np.bool_)
    if low is not None:
        within &= values >= low
    if high is not None:
        within &= values <= high
    return within


def _paint(
    labelled: LabelledRuns, kept: IntArray, shape: tuple[int, ...], out: npt.NDArray[np.int32] | None
) -> tuple[IntArray, npt.NDArray[np.int32]]:
    """Number the kept regions of each frame; return their labels and the label images."""
    from playNano.algorithms.regions._label_kernels import paint_labels

    frame = labelled.runs.frame[labelled.runs.bounds[kept]]
    label = np.arange(1, len(kept) + 1) - np.searchsorted(frame, frame)
    number = np.zeros(labelled.n_regions, dtype=np.int64)
    number[kept] = label
    labels = np.zeros(shape, dtype=np.int32) if out is None else out
    if out is not None:
        out[...] = 0
    paint_labels(labelled.runs, number, labels)
    return label, labels


def _table(columns: Columns, properties: str) -> pd.DataFrame:
    import pandas as pd

    names = FULL_COLUMNS if properties == "full" else BASIC_COLUMNS
    if properties == "full" and "polarity" in columns:
        names = (*names, "polarity")
    return pd.DataFrame({name: columns[name] for name in names})
