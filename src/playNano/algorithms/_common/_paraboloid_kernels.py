"""Compiled fits of paraboloids: subpixel maxima, and heights at given positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Curvature assigned to an axis without neighbours, so that a maximum does not move along it.
FIXED = 1e30
MIN_PIXELS = 7


@jit
def solve(a: Floats, b: Floats) -> bool:
    """Solve a symmetric positive definite linear system in place by Gaussian elimination; return whether it succeeded.

    Parameters
    ----------
    a
        (n, n) float64; overwritten.
    b
        (n,) float64; becomes the solution.
    """
    n = b.size
    min_pivot = np.empty(n)
    for i in range(n):
        min_pivot[i] = 1e-10 * a[i, i]
    for i in range(n):
        if not a[i, i] > min_pivot[i]:
            return False
        for j in range(i + 1, n):
            f = a[j, i] / a[i, i]
            for k in range(i, n):
                a[j, k] -= f * a[i, k]
            b[j] -= f * b[i]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= a[i, j] * b[j]
        b[i] /= a[i, i]
    return True


@jit
def _slope_and_curvature(low: float, here: float, high: float) -> tuple[float, float]:
    """Return slope and minus the curvature through three cells; no slope and ``FIXED`` where a neighbour is missing."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, FIXED
    return 0.5 * (high - low), 2 * here - low - high


@jit
def _mixed_difference(cube: NDArray[np.float32], k: int, y: int, x: int, i: int, j: int) -> float:
    """Return the mixed second difference along the axes ``i`` and ``j`` of a cube; 0 where a neighbour is missing."""
    total = 0.0
    for a in range(-1, 2, 2):
        for b in range(-1, 2, 2):
            dk, dy, dx = a * (i == 0), a * (i == 1) + b * (j == 1), b * (j == 2)
            v = np.float64(cube[k + dk, y + dy, x + dx])
            if not np.isfinite(v):
                return 0.0
            total += 0.25 * a * b * v
    return total


@jit
def refine(cube: NDArray[np.float32], where: Ints, moves: Floats, response: Floats) -> None:
    """Refine maxima of a cube (scale, y, x) to the vertex of the paraboloid through each and its neighbours.

    Parameters
    ----------
    cube
        (k + 2, h + 2, w + 2) float32, with a border that is not finite.
    where
        (n, 3) int64: cells of the maxima, counted without the border.
    moves
        (n, 3) float64, filled with the offsets along scale, y and x, at most half a cell.
    response
        (n,) float64, filled with the height at the vertex.
    """
    hessian = np.empty((3, 3))
    slope = np.empty(3)
    curvature = np.empty(3)
    step = np.empty(3)
    for c in range(where.shape[0]):
        k, y, x = where[c, 0] + 1, where[c, 1] + 1, where[c, 2] + 1
        here = np.float64(cube[k, y, x])
        slope[0], curvature[0] = _slope_and_curvature(
            np.float64(cube[k - 1, y, x]), here, np.float64(cube[k + 1, y, x])
        )
        slope[1], curvature[1] = _slope_and_curvature(
            np.float64(cube[k, y - 1, x]), here, np.float64(cube[k, y + 1, x])
        )
        slope[2], curvature[2] = _slope_and_curvature(
            np.float64(cube[k, y, x - 1]), here, np.float64(cube[k, y, x + 1])
        )
        for i in range(3):
            hessian[i, i], step[i] = curvature[i], slope[i]
            for j in range(i + 1, 3):
                fixed = curvature[i] == FIXED or curvature[j] == FIXED
                hessian[i, j] = 0.0 if fixed else -_mixed_difference(cube, k, y, x, i, j)
                hessian[j, i] = hessian[i, j]
        solved = solve(hessian, step)
        if not solved or max(abs(step[0]), abs(step[1]), abs(step[2])) > 1.0:
            # Fall back to a parabola along each axis.
            for i in range(3):
                step[i] = slope[i] / curvature[i] if curvature[i] > 0 else 0.0
        response[c] = here
        for i in range(3):
            moves[c, i] = min(max(step[i], -0.5), 0.5)
            response[c] += 0.5 * slope[i] * moves[c, i]


@jit
def tops(z: Floats, blobs: Floats, pixel: Floats, out: Floats) -> None:
    """Estimate the height at the centre of each blob by a paraboloid fitted to the pixels around it.

    The fit uses the pixels within 0.8 sigma, at least 1.5 pixels, of the pixel nearest to the centre, so that their
    number does not depend on where between pixels the centre lies; where they do not determine a paraboloid their mean
    is returned.

    Parameters
    ----------
    z
        (h, w) float64 heights.
    blobs
        (n, 3) float64: y and x in px, sigma in the unit of ``pixel``.
    pixel
        (2,) float64: height and width of a pixel.
    out
        (n,) float64, filled.
    """
    height, width = z.shape
    basis = np.empty(6)
    a = np.empty((6, 6))
    v = np.empty(6)
    for b in range(blobs.shape[0]):
        y, x = blobs[b, 0], blobs[b, 1]
        radius = max(0.8 * blobs[b, 2], 1.5 * max(pixel[0], pixel[1]))
        tall, wide = radius / pixel[0], radius / pixel[1]
        a[:] = 0.0
        v[:] = 0.0
        n = 0
        total = 0.0
        near_y, near_x = np.floor(y + 0.5), np.floor(x + 0.5)
        for row in range(max(int(near_y - tall), 0), min(int(near_y + tall) + 2, height)):
            for col in range(max(int(near_x - wide), 0), min(int(near_x + wide) + 2, width)):
                p, q = (row - near_y) * pixel[0] / radius, (col - near_x) * pixel[1] / radius
                h = np.float64(z[row, col])
                if p * p + q * q > 1 or not np.isfinite(h):
                    continue
                p, q = (row - y) * pixel[0] / radius, (col - x) * pixel[1] / radius
                basis[0], basis[1], basis[2] = 1.0, p, q
                basis[3], basis[4], basis[5] = p * p, p * q, q * q
                for i in range(6):
                    v[i] += basis[i] * h
                    for j in range(6):
                        a[i, j] += basis[i] * basis[j]
                n += 1
                total += h
        mean = total / n if n else np.nan
        out[b] = v[0] if n >= MIN_PIXELS and solve(a, v) else mean
