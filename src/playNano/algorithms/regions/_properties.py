"""Properties of regions from sums over their pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from playNano.algorithms.regions import _sums_kernels as sums_kernels
from playNano.algorithms.regions._runs import LabelledRuns

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[np.generic]]
Pixel = tuple[float, float]


@dataclass(frozen=True)
class RegionSums:
    """Sums over the pixels of each region of a block of frames, and the properties derived from them.

    Attributes
    ----------
    frame
        (n_regions,) number of the frame within the block.
    sums
        (``N_SUMS``, n_regions), see `_sums_kernels`.
    vertical_pairs, diagonal_pairs
        (n_regions,), see `LabelledRuns`.
    """

    frame: IntArray
    sums: FloatArray
    vertical_pairs: IntArray
    diagonal_pairs: IntArray

    @classmethod
    def of(cls, z: npt.NDArray[np.float32], labelled: LabelledRuns) -> RegionSums:
        """Compute the sums of labelled regions over heights (n, h, w)."""
        sums = np.empty((sums_kernels.N_SUMS, labelled.n_regions))
        sums_kernels.sum_regions(z, labelled.runs, sums)
        frame = labelled.runs.frame[labelled.runs.bounds[:-1]]
        return cls(frame, sums, labelled.vertical_pairs, labelled.diagonal_pairs)

    def take(self, regions: IntArray) -> RegionSums:
        """Select some of the regions."""
        pairs = self.vertical_pairs[regions], self.diagonal_pairs[regions]
        return RegionSums(self.frame[regions], self.sums[:, regions], *pairs)

    @property
    def area(self) -> FloatArray:
        """Area in px."""
        area: FloatArray = self.sums[sums_kernels.AREA]
        return area

    @property
    def mean(self) -> FloatArray:
        """Mean height."""
        mean: FloatArray = self.sums[sums_kernels.SUM_Z] / self.area
        return mean

    @cached_property
    def boxes(self) -> IntArray:
        """Half-open bounding boxes, (n_regions, 4): min_row, min_col, max_row, max_col."""
        rows = [sums_kernels.FIRST_ROW, sums_kernels.MIN_COL, sums_kernels.ROW_END, sums_kernels.COL_END]
        return np.ascontiguousarray(self.sums[rows].T.astype(np.int64))

    def touches_edge(self, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Return whether each region touches the border of frames of (h, w) pixels."""
        top, left, bottom, right = self.boxes.T
        touches: npt.NDArray[np.bool_] = (top == 0) | (left == 0) | (bottom == shape[0]) | (right == shape[1])
        return touches

    def centroid(self) -> tuple[FloatArray, FloatArray]:
        """Return the centroid (y, x), px."""
        s, k = self.sums, sums_kernels
        return s[k.FIRST_ROW] + s[k.SUM_Y] / self.area, s[k.FIRST_COL] + s[k.SUM_X] / self.area

    def weighted_centroid(self, level: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the centroid (y, x), px, weighted by height above a level; NaN unless the weights sum to > 0."""
        s, k = self.sums, sums_kernels
        weight = s[k.SUM_Z] - level * self.area
        weight = np.where(weight > 0, weight, np.nan)
        y = s[k.FIRST_ROW] + (s[k.SUM_ZY] - level * s[k.SUM_Y]) / weight
        x = s[k.FIRST_COL] + (s[k.SUM_ZX] - level * s[k.SUM_X]) / weight
        return y, x

    def perimeter(self, pixel: Pixel) -> FloatArray:
        """Return the Crofton perimeter from four directions, for pixels of a size (y, x).

        Lines along the rows enter the region once per run; lines along columns and diagonals enter it at each pixel
        whose neighbour in that direction is outside. An entry counts as the spacing of the lines times the angular
        fraction of their direction.
        """
        dy, dx = pixel
        angle = math.atan2(dy, dx)
        perimeter: FloatArray = angle * dy * self.sums[sums_kernels.N_RUNS]
        perimeter += (math.pi / 2 - angle) * dx * (self.area - self.vertical_pairs)
        perimeter += math.pi / 4 * dx * dy / math.hypot(dy, dx) * (2 * self.area - self.diagonal_pairs)
        return perimeter

    def ellipse(self, pixel: Pixel) -> Columns:
        """Return axes, direction and eccentricity of the ellipse with each region's second moments."""
        s, k = self.sums, sums_kernels
        per_area = 1 / (self.area * self.area)
        # Products of integers are exact, so that a line of pixels has a width of exactly zero.
        yy = (self.area * s[k.SUM_YY] - s[k.SUM_Y] * s[k.SUM_Y]) * per_area * (pixel[0] * pixel[0])
        xx = (self.area * s[k.SUM_XX] - s[k.SUM_X] * s[k.SUM_X]) * per_area * (pixel[1] * pixel[1])
        xy = (self.area * s[k.SUM_XY] - s[k.SUM_Y] * s[k.SUM_X]) * per_area * (pixel[0] * pixel[1])
        half_difference, mean = 0.5 * (yy - xx), 0.5 * (yy + xx)
        spread = np.sqrt(half_difference * half_difference + xy * xy)
        large, small = mean + spread, np.maximum(mean - spread, 0.0)
        ratio = np.divide(small, large, out=np.ones_like(small), where=large > 0)
        return {
            "major_axis_nm": 4 * np.sqrt(large),
            "minor_axis_nm": 4 * np.sqrt(small),
            "orientation_rad": np.where(spread > 0, 0.5 * np.arctan2(xy, half_difference), np.nan),
            "eccentricity": np.sqrt(1 - ratio),
        }

    def basic_columns(self, pixel: Pixel, shape: tuple[int, ...]) -> Columns:
        """Return position, area, raw heights and bounding box, without frame and label."""
        y, x = self.centroid()
        return {
            "y": y,
            "x": x,
            "y_nm": y * pixel[0],
            "x_nm": x * pixel[1],
            "area_px": self.area.astype(np.int64),
            "area_nm2": self.area * (pixel[0] * pixel[1]),
            "min": self.sums[sums_kernels.MIN],
            "max": self.sums[sums_kernels.MAX],
            "mean": self.mean,
            "bbox_min_row": self.boxes[:, 0],
            "bbox_min_col": self.boxes[:, 1],
            "bbox_max_row": self.boxes[:, 2],
            "bbox_max_col": self.boxes[:, 3],
            "touches_edge": self.touches_edge(shape),
        }

    def height_columns(
        self, pixel: Pixel, background: FloatArray, peak_height: FloatArray, flanks: FloatArray
    ) -> Columns:
        """Return heights above the background of each region, its volume with that of its flanks, and its shape."""
        above = self.sums[sums_kernels.SUM_Z] - background * self.area
        beside = flanks[:, 1] - background * flanks[:, 0]
        y, x = self.weighted_centroid(background)
        return {
            "background_nm": background,
            "z_min_nm": self.sums[sums_kernels.MIN] - background,
            "z_max_nm": self.sums[sums_kernels.MAX] - background,
            "z_mean_nm": above / self.area,
            "height_nm": peak_height,
            "volume_nm3": (above + beside) * (pixel[0] * pixel[1]),
            "y_weighted": y,
            "x_weighted": x,
            "y_weighted_nm": y * pixel[0],
            "x_weighted_nm": x * pixel[1],
            "perimeter_nm": self.perimeter(pixel),
            **self.ellipse(pixel),
        }
