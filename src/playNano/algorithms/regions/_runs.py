"""Run-length labelling of masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.regions._label_kernels import label_runs, order_by_region
from playNano.algorithms.regions._sums_kernels import Runs

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelledRuns:
    """Regions of a block of frames as runs of pixels.

    Attributes
    ----------
    runs
        The runs of each region; regions are in the order of frames, and of their first pixels within a frame.
    vertical_pairs, diagonal_pairs
        (n_regions,) number of pairs of pixels of the region that are neighbours along a column, and along both
        diagonals.
    """

    runs: Runs
    vertical_pairs: IntArray
    diagonal_pairs: IntArray

    @property
    def n_regions(self) -> int:
        """The number of regions."""
        return len(self.vertical_pairs)


def find_runs(parts: npt.NDArray[Any]) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Find the runs of equal nonzero pixels in raster order (run-length encoding).

    Parameters
    ----------
    parts
        (n, h, w), bool or int.

    Returns
    -------
    tuple of ndarray
        Line, start, end and value of each run, (n_runs,) int64. The line counts rows through all frames; columns
        are half open.
    """
    n, height, width = parts.shape
    # Padded by a 0 before the first pixel and after every row: runs begin and end where the value changes.
    flat = np.zeros(n * height * (width + 1) + 1, dtype=parts.dtype)
    flat[1:].reshape(n * height, width + 1)[:, :width] = parts.reshape(n * height, width)
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    start = changes[flat[changes + 1] != 0]
    end = changes[flat[changes] != 0]
    line = start // (width + 1)
    offset = line * (width + 1)
    return line, start - offset, end - offset, flat[start + 1].astype(np.int64)


def label_regions(parts: npt.NDArray[Any]) -> LabelledRuns:
    """Label the 8-connected regions of equal nonzero pixels (run-length labelling).

    Parameters
    ----------
    parts
        (n, h, w), bool or int.
    """
    line, start, end, part = find_runs(parts)
    frame = line // max(parts.shape[1], 1)
    region, vertical, diagonal = (np.zeros(line.size, dtype=np.int64) for _ in range(3))
    # With a gap of one line, runs of different frames never touch.
    n_regions = label_runs(line + frame, start, end, part, region, vertical, diagonal)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(region, minlength=n_regions))])
    order = np.empty_like(region)
    order_by_region(region, bounds[:-1].copy(), order)
    runs = Runs(
        bounds=bounds,
        frame=frame[order],
        row=(line - frame * parts.shape[1])[order],
        start=start[order],
        end=end[order],
    )
    return LabelledRuns(runs, _sum_by(region, vertical, n_regions), _sum_by(region, diagonal, n_regions))


def _sum_by(region: IntArray, values: IntArray, n_regions: int) -> IntArray:
    return np.bincount(region, weights=values, minlength=n_regions).astype(np.int64)
