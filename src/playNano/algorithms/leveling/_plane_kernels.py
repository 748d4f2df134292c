"""Compiled loops of the levelling steps: one pass a frame, sums in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano._jit import jit

# Sums may be re-ordered for speed, always in the same way; NaN and inf keep their meaning.
_FAST = {"reassoc", "contract", "arcp", "nsz"}

F64 = npt.NDArray[np.float64]


@jit(fastmath=_FAST)
def _dot(powers: F64, row: npt.NDArray[Any]) -> float:
    total = 0.0
    for x in range(row.size):
        total += powers[x] * row[x]
    return total


@jit
def _row_values(row: npt.NDArray[Any], usable: npt.NDArray[np.bool_], all_usable: bool, values: F64) -> None:
    """Copy a row, with zeros where a pixel is not usable."""
    for x in range(row.size):
        values[x] = row[x] if all_usable or usable[x] else 0.0


@jit
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


@jit
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


@jit
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


@jit(fastmath=_FAST)
def _row_products(frame: npt.NDArray[Any], first: F64, second: F64, powers: F64, products: F64) -> None:
    """Write each row's products with the powers 0..d of the column, (rows, d + 1 or 3)."""
    for r in range(frame.shape[0]):
        a = b = c = 0.0
        row = frame[r]
        for x in range(row.size):
            value = np.float64(row[x])
            a += value
            b += value * first[x]
            c += value * second[x]
        products[r, 0], products[r, 1], products[r, 2] = a, b, c
        for p in range(3, products.shape[1]):
            products[r, p] = _dot(powers[p], row)


@jit(fastmath=_FAST)
def _subtract_rows(
    frame: npt.NDArray[Any], weights: F64, first: F64, second: F64, out: npt.NDArray[Any]
) -> None:
    """Write the rows less polynomials of order 2 with weights (rows, 3)."""
    for r in range(frame.shape[0]):
        a, b, c = weights[r, 0], weights[r, 1], weights[r, 2]
        row, line = frame[r], out[r]
        for x in range(row.size):
            line[x] = row[x] - (a + b * first[x] + c * second[x])


@jit
def _row_weights(coefficients: F64, heights: F64, weights: F64) -> None:
    """Write the weights of the column's powers in each row, (rows, 3)."""
    order = coefficients.shape[0] - 1
    weights[:] = 0.0
    for p in range(order + 1):
        for q in range(order + 1 - p):
            for r in range(weights.shape[0]):
                weights[r, p] += coefficients[p, q] * heights[q, r]


@jit
def flatten_whole(
    block: npt.NDArray[Any],
    skip: npt.NDArray[np.bool_],
    inverse: F64,
    powers: F64,
    heights: F64,
    out: npt.NDArray[Any],
    whole: npt.NDArray[np.bool_],
) -> None:
    """Write frames less their fitted surfaces to `out`; `whole` tells the frames that are all finite.

    The others, and those to `skip`, are not written. `inverse` (terms, terms) solves the
    normal equations of a frame whose pixels are all usable; terms run over the column's power, then the row's.
    """
    n, rows, _ = block.shape
    order = (powers.shape[0] - 1) // 2
    first, second = powers[1], powers[2]
    products = np.empty((rows, max(3, order + 1)))
    weights = np.empty((rows, 3))
    sums = np.empty((order + 1, order + 1))
    coefficients = np.empty((1, order + 1, order + 1))
    for f in range(n):
        if skip[f]:
            continue
        _row_products(block[f], first, second, powers, products)
        sums[:] = 0.0
        for p in range(order + 1):
            for q in range(order + 1 - p):
                total = 0.0
                for r in range(rows):
                    total += products[r, p] * heights[q, r]
                sums[p, q] = total
        # A sum over a bad pixel is bad, whatever the weights.
        whole[f] = np.isfinite(sums[0, 0])
        if not whole[f]:
            continue
        _solve_whole(inverse, sums, coefficients[0])
        if order > 2:
            subtract_surface(block[f : f + 1], coefficients, powers, heights, out[f : f + 1])
        else:
            _row_weights(coefficients[0], heights, weights)
            _subtract_rows(block[f], weights, first, second, out[f])


@jit
def _solve_whole(inverse: F64, sums: F64, coefficients: F64) -> None:
    order = sums.shape[0] - 1
    coefficients[:] = 0.0
    i = 0
    for p in range(order + 1):
        for q in range(order + 1 - p):
            j = 0
            for s in range(order + 1):
                for t in range(order + 1 - s):
                    coefficients[p, q] += inverse[i, j] * sums[s, t]
                    j += 1
            i += 1
