"""Compiled fits of paraboloids: maxima between pixels, and heights at given positions."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit


@jit
def solve(a, b):
    """Solve a small symmetric positive system in place. Return whether it could be solved."""
    n = b.size
    least = 1e-10 * np.diag(a)
    for i in range(n):
        if not a[i, i] > least[i]:
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
def _axis(low, here, high):
    """Return slope and minus the curvature through three cells; an axis that ends here is held."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, 1e30
    return 0.5 * (high - low), 2 * here - low - high


@jit
def _cross(cube, k, y, x, i, j):
    """Return the mixed difference along two axes of the cube; 0 at its border."""
    p = np.zeros(3, np.int64)
    total = 0.0
    for a in (-1, 1):
        for b in (-1, 1):
            p[:] = 0
            p[i] = a
            p[j] = b
            v = np.float64(cube[k + p[0], y + p[1], x + p[2]])
            if not np.isfinite(v):
                return 0.0
            total += 0.25 * a * b * v
    return total


@jit
def refine(cube, where, moves, response):
    """Find the top of the paraboloid through each maximum and its neighbours.

    ``moves`` (n, 3) becomes the offset along scale, y and x, at most half a cell; ``response`` (n,) the
    height there.
    """
    hessian = np.empty((3, 3))
    for c in range(where.shape[0]):
        k, y, x = where[c, 0] + 1, where[c, 1] + 1, where[c, 2] + 1
        here = np.float64(cube[k, y, x])
        slope = np.empty(3)
        slope[0], hessian[0, 0] = _axis(np.float64(cube[k - 1, y, x]), here, np.float64(cube[k + 1, y, x]))
        slope[1], hessian[1, 1] = _axis(np.float64(cube[k, y - 1, x]), here, np.float64(cube[k, y + 1, x]))
        slope[2], hessian[2, 2] = _axis(np.float64(cube[k, y, x - 1]), here, np.float64(cube[k, y, x + 1]))
        for i in range(3):
            for j in range(i + 1, 3):
                held = hessian[i, i] > 1e29 or hessian[j, j] > 1e29
                hessian[i, j] = 0.0 if held else -_cross(cube, k, y, x, i, j)
                hessian[j, i] = hessian[i, j]
        curvature = np.array([hessian[0, 0], hessian[1, 1], hessian[2, 2]])
        step = slope.copy()
        if not solve(hessian, step) or np.abs(step).max() > 1.0:
            for i in range(3):
                step[i] = slope[i] / curvature[i] if curvature[i] > 0 else 0.0
        top = here
        for i in range(3):
            moves[c, i] = min(max(step[i], -0.5), 0.5)
            top += 0.5 * slope[i] * moves[c, i]
        response[c] = top


@jit
def tops(z, blobs, pixel, out):
    """Read the height at each blob's centre from a paraboloid fitted to the pixels around it.

    Pixels within 0.8 sigma, at least 1.5 pixels, take part; where they do not hold a paraboloid their
    mean stands in. ``out`` (n,) is written.
    """
    height, width = z.shape
    basis = np.empty(6)
    for b in range(blobs.shape[0]):
        y, x = blobs[b, 0], blobs[b, 1]
        reach = max(0.8 * blobs[b, 2], 1.5 * max(pixel[0], pixel[1]))
        a = np.zeros((6, 6))
        v = np.zeros(6)
        n = 0
        total = 0.0
        for row in range(max(int(y - reach / pixel[0]), 0), min(int(y + reach / pixel[0]) + 2, height)):
            for col in range(max(int(x - reach / pixel[1]), 0), min(int(x + reach / pixel[1]) + 2, width)):
                p, q = (row - y) * pixel[0] / reach, (col - x) * pixel[1] / reach
                h = np.float64(z[row, col])
                if p * p + q * q > 1 or not np.isfinite(h):
                    continue
                basis[0], basis[1], basis[2] = 1.0, p, q
                basis[3], basis[4], basis[5] = p * p, p * q, q * q
                for i in range(6):
                    v[i] += basis[i] * h
                    for j in range(6):
                        a[i, j] += basis[i] * basis[j]
                n += 1
                total += h
        mean = total / n if n else np.nan
        out[b] = v[0] if n >= 7 and solve(a, v) else mean
