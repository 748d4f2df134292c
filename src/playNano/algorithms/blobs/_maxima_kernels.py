"""Compiled check of maxima of a scale space in double precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Floats = NDArray[np.float64]


class Filters(NamedTuple):
    """Halves of the symmetric kernels of all scales, from the centre outwards, padded with zeros.

    Attributes
    ----------
    y, x
        (scales, 2, longest radius + 1) float64: Gaussian and normalised curvature along each axis.
    radii
        (scales, 2) int64: radius of the kernels along y and x.
    """

    y: Floats
    x: Floats
    radii: NDArray[np.int64]


@jit
def _reflected(i: int, n: int) -> int:
    """Map an index into 0 to n - 1 by reflection at the edges (d c b a | a b c d)."""
    i = i % (2 * n)
    return i if i < n else 2 * n - 1 - i


@jit
def response(image: Floats, filters: Filters, k: int, y: int, x: int) -> float:
    """Return minus the scale-normalised Laplacian of Gaussian of an image at one cell: scale ``k``, row, column."""
    radius_y, radius_x = filters.radii[k]
    total = 0.0
    for j in range(-radius_x, radius_x + 1):
        column = _reflected(x + j, image.shape[1])
        smooth = 0.0
        curved = 0.0
        for i in range(-radius_y, radius_y + 1):
            v = image[_reflected(y + i, image.shape[0]), column]
            smooth += v * filters.y[k, 0, abs(i)]
            curved += v * filters.y[k, 1, abs(i)]
        total += curved * filters.x[k, 0, abs(j)] + smooth * filters.x[k, 1, abs(j)]
    return total


@jit
def confirm(
    image: Floats,
    space: NDArray[np.float32],
    candidates: NDArray[np.int64],
    filters: Filters,
    tolerance: float,
    values: Floats,
) -> None:
    """Recompute the responses of candidate maxima in double precision, and reject those with a larger neighbour.

    Only neighbours within the error of single precision are recomputed.

    Parameters
    ----------
    image
        (h, w) float64.
    space
        (scales, h, w) float32: the responses in single precision.
    candidates
        (n, 3) int64: scale, row, column.
    filters
        The kernels.
    tolerance
        Error of ``space``: responses that differ by no more than this are compared in double precision.
    values
        (n,) float64, filled with the responses; NaN where there is no maximum.
    """
    count, height, width = space.shape
    for c in range(candidates.shape[0]):
        k, y, x = candidates[c]
        values[c] = response(image, filters, k, y, x)
        doubtful = space[k, y, x] - tolerance
        for q in range(max(k - 1, 0), min(k + 2, count)):
            for row in range(max(y - 1, 0), min(y + 2, height)):
                for col in range(max(x - 1, 0), min(x + 2, width)):
                    is_candidate = q == k and row == y and col == x
                    if is_candidate or space[q, row, col] < doubtful or np.isnan(values[c]):
                        continue
                    if response(image, filters, q, row, col) > values[c]:
                        values[c] = np.nan
