"""Compiled loops of the levelling steps: one pass a frame, sums in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

# Sums may be re-ordered for speed, always in the same way; NaN and inf keep their meaning.
_FAST = {"reassoc", "contract", "arcp", "nsz"}

F64 = npt.NDArray[np.float64]


@njit(cache=True, nogil=True, fastmath=_FAST)
def _dot(powers: F64, row: npt.NDArray[Any]) -> float:
    total = 0.0
    for x in range(row.size):
        total += powers[x] * row[x]
    return total


@njit(cache=True, nogil=True)
def _row_values(row: npt.NDArray[Any], usable: npt.NDArray[np.bool_], all_usable: bool, values: F64) -> None:
    """Copy a row, with zeros where a pixel is not usable."""
    for x in range(row.size):
        values[x] = row[x] if all_usable or usable[x] else 0.0


@njit(cache=True, nogil=True)
def _row_moments(
    usable: npt.NDArray[np.bool_], all_usable: bool, powers: F64, whole_row: F64, moments: F64
) -> None:
    """Sum up the powers of the usable columns of a row."""
    if all_usable or usable.all():
        moments[:] = whole_row
        return
    moments[:] = 0.0
    for x in range(usable.size):
        if usable[x]:
            for p in range(moments.size):
                moments[p] += powers[p, x]


@njit(cache=True, nogil=True)
def surface_sums(
    block: npt.NDArray[Any], usable: npt.NDArray[np.bool_], all_usable: bool, powers: F64, heights: F64
) -> tuple[F64, F64]:
    """Sum up the normal equations of a polynomial surface for every frame.

    `powers` is (2 d + 1, width): powers of the scaled column; `heights` (2 d + 1, height). Returns
    column-and-row moments of the usable pixels (n, 2 d + 1, 2 d + 1) and of height (n, d + 1, d + 1).
    """
    n, rows, columns = block.shape
    order = (powers.shape[0] - 1) // 2
    moments = np.zeros((n, 2 * order + 1, 2 * order + 1))
    products = np.zeros((n, order + 1, order + 1))
    whole_row = powers.sum(axis=1)
    row_moments = np.empty(2 * order + 1)
    values = np.empty(columns)
    for f in range(n):
        for r in range(rows):
            _row_values(block[f, r], usable[f, r] if not all_usable else usable[0, 0], all_usable, values)
            _row_moments(
                usable[f, r] if not all_usable else usable[0, 0], all_usable, powers, whole_row, row_moments
            )
            for p in range(2 * order + 1):
                for q in range(2 * order + 1):
                    moments[f, p, q] += row_moments[p] * heights[q, r]
            for p in range(order + 1):
                product = _dot(powers[p], values)
                for q in range(order + 1):
                    products[f, p, q] += product * heights[q, r]
    return moments, products


@njit(cache=True, nogil=True)
def subtract_surface(
    block: npt.NDArray[Any], coefficients: F64, powers: F64, heights: F64, out: npt.NDArray[Any]
) -> None:
    """Write ``block`` less the surface with coefficients (n, d + 1, d + 1) to ``out``."""
    n, rows, columns = block.shape
    order = coefficients.shape[1] - 1
    line = np.empty(columns)
    for f in range(n):
        for r in range(rows):
            line[:] = 0.0
            for p in range(order + 1):
                weight = 0.0
                for q in range(order + 1 - p):
                    weight += coefficients[f, p, q] * heights[q, r]
                for x in range(columns):
                    line[x] += weight * powers[p, x]
            for x in range(columns):
                out[f, r, x] = block[f, r, x] - line[x]


@njit(cache=True, nogil=True)
def _select(values: npt.NDArray[Any], count: int, k: int) -> None:
    """Partition ``values[:count]`` so that place k holds what a sort would put there."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        a, b, c = values[low], values[middle], values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return


@njit(cache=True, nogil=True)
def line_medians(lines: npt.NDArray[Any], usable: npt.NDArray[np.bool_], all_usable: bool) -> F64:
    """Return the median of the usable values of each line (n, length); NaN where there is none."""
    n, length = lines.shape
    medians = np.empty(n)
    values = np.empty(length, lines.dtype)
    for i in range(n):
        count = 0
        if all_usable:
            for x in range(length):
                values[x] = lines[i, x]
            count = length
        else:
            for x in range(length):
                if usable[i, x]:
                    values[count] = lines[i, x]
                    count += 1
        if count == 0:
            medians[i] = np.nan
            continue
        k = count // 2
        _select(values, count, k)
        median = np.float64(values[k])
        if count % 2 == 0:
            below = values[0]
            for x in range(1, k):
                below = max(below, values[x])
            median = 0.5 * (median + np.float64(below))
        medians[i] = median
    return medians
