"""Heights and volumes of regions above their background, and of pits below it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.segmented import SegmentedObjects
from playNano.algorithms.regions._background import region_backgrounds
from playNano.algorithms.regions._peak_height import peak_heights
from playNano.algorithms.regions._properties import Columns, Pixel, RegionSums
from playNano.algorithms.regions._runs import LabelledRuns
from playNano.algorithms.regions.options import RegionOptions

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

OPPOSITE = {
    "background_nm": "background_nm", "z_min_nm": "z_max_nm", "z_max_nm": "z_min_nm", "z_mean_nm": "z_mean_nm",
    "height_nm": "height_nm", "volume_nm3": "volume_nm3",
}  # fmt: skip
"""Column of a frame -> column of the inverted frame of which it is the negative."""


@dataclass(frozen=True)
class Measured:
    """Labelled regions of a block of frames.

    Attributes
    ----------
    z, mask
        (n, h, w) heights and pixels of all regions.
    labelled, sums
        All regions.
    pixel
        Pixel size (y, x), nm.
    """

    z: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]
    labelled: LabelledRuns
    sums: RegionSums
    pixel: Pixel


def measure_heights(
    regions: Measured, kept: IntArray, options: RegionOptions, objects: SegmentedObjects | None
) -> Columns:
    """Return the columns measured above the background, for the kept regions.

    Parameters
    ----------
    regions
        All regions.
    kept
        (n_kept,) numbers of the regions to measure.
    options
        Kind of background, and polarity.
    objects
        The segmentation from which the regions are; None for those of a mask.
    """
    z, runs, sums = regions.z, regions.labelled.runs, regions.sums
    base = sign = None
    if objects is not None:
        first = runs.bounds[kept]
        frame = runs.frame[first]
        number = objects.labels[frame, runs.row[first], runs.start[first]]
        base, sign = objects.base_nm[frame, number], objects.polarity[frame, number].astype(np.int64)
    background, flanks = region_backgrounds(z, regions.mask, runs, sums, kept, options, base)
    if options.polarity == "both" and sign is None:
        mean = sums.take(kept).mean
        sign = np.where(mean < background, -1, 1)
    if sign is None:
        sign = np.full(len(kept), -1 if options.polarity == "down" else 1)
    columns = _measure_signed(regions, kept, sign, background, flanks)
    return {**columns, "polarity": sign} if options.polarity == "both" or objects is not None else columns


def _measure_signed(
    regions: Measured, kept: IntArray, sign: IntArray, background: FloatArray, flanks: FloatArray
) -> Columns:
    """Return the columns of regions above the background, and, measured on inverted frames, of pits."""
    is_pit = sign < 0
    if not is_pit.any():
        return _measure_above(regions, kept, background, flanks)
    z = -regions.z
    inverted = replace(regions, z=z, sums=RegionSums.of(z, regions.labelled))
    below = _measure_above(inverted, kept[is_pit], -background[is_pit], flanks[is_pit] * (1, -1))
    below |= {name: np.negative(below[source]) for name, source in OPPOSITE.items()}
    if is_pit.all():
        return below
    above = _measure_above(regions, kept[~is_pit], background[~is_pit], flanks[~is_pit])
    columns: Columns = {}
    for name, column in above.items():
        columns[name] = np.empty(len(kept), dtype=np.float64)
        columns[name][~is_pit], columns[name][is_pit] = column, below[name]
    return columns


def _measure_above(regions: Measured, kept: IntArray, background: FloatArray, flanks: FloatArray) -> Columns:
    """Return the columns measured above the background, for the kept regions."""
    chosen = regions.sums.take(kept)
    peak = peak_heights(regions.z, regions.labelled.runs, kept, chosen, regions.pixel)
    return chosen.height_columns(regions.pixel, background, peak - background, flanks)
