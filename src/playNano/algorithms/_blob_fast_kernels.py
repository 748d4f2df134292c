"""Compiled scale space by small steps: each scale is blurred from the one before.

Images are kept with a margin of mirrored pixels, so that many rows can be treated as one long line:
what falls on the margins is written over afterwards.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

from playNano.algorithms._blob_kernels import ROWS, _along, _mirror, _one


@njit(cache=True, nogil=True, fastmath={"contract"})
def _down_one(image, y, height, kernel, lines, i):
    """Correlate row ``y`` along the columns into ``lines[i]``; margins along x come along."""
    j = kernel.size - 1
    pitch = image.shape[1]
    here = y + 1
    k = kernel[0]
    for x in range(pitch):
        lines[i, x] = image[here, x] * k
    if j % 2:
        a, b = _mirror(y - j, height) + 1, _mirror(y + j, height) + 1
        k = kernel[j]
        for x in range(pitch):
            lines[i, x] += (image[a, x] + image[b, x]) * k
        j -= 1
    while j > 0:
        a, b = _mirror(y - j, height) + 1, _mirror(y + j, height) + 1
        c, d = _mirror(y - j + 1, height) + 1, _mirror(y + j - 1, height) + 1
        k, m = kernel[j], kernel[j - 1]
        for x in range(pitch):
            lines[i, x] = lines[i, x] + (image[a, x] + image[b, x]) * k + (image[c, x] + image[d, x]) * m
        j -= 2


@njit(cache=True, nogil=True, fastmath={"contract"})
def _eleven(out, here, a, b, c, d, e, f, g, h, i, j, k):
    k0, k1, k2, k3, k4, k5 = k
    for x in range(out.size):
        t = here[x] * k0 + (a[x] + b[x]) * k1
        t = t + (c[x] + d[x]) * k2
        t = t + (e[x] + f[x]) * k3
        t = t + (g[x] + h[x]) * k4
        out[x] = t + (i[x] + j[x]) * k5


@njit(cache=True, nogil=True)
def _across(line, kernel, out):
    """Correlate a line that has margins of the kernel's reach, the innermost eleven weights in one go."""
    r = kernel.size - 1
    if r < 5:
        _along(line, kernel, out)
        return
    n = out.size
    _eleven(
        out, line[r : r + n],
        line[r - 1 : r - 1 + n], line[r + 1 : r + 1 + n], line[r - 2 : r - 2 + n], line[r + 2 : r + 2 + n],
        line[r - 3 : r - 3 + n], line[r + 3 : r + 3 + n], line[r - 4 : r - 4 + n], line[r + 4 : r + 4 + n],
        line[r - 5 : r - 5 + n], line[r + 5 : r + 5 + n],
        (kernel[0], kernel[1], kernel[2], kernel[3], kernel[4], kernel[5]),
    )  # fmt: skip
    j = r
    while j > 6:
        _pairs(
            out, line[r - j : r - j + n], line[r + j : r + j + n],
            line[r - j + 1 : r - j + 1 + n], line[r + j - 1 : r + j - 1 + n], kernel[j], kernel[j - 1],
        )  # fmt: skip
        j -= 2
    if j == 6:
        _one(out, line[r - 6 : r - 6 + n], line[r + 6 : r + 6 + n], kernel[6])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _pairs(out, a, b, c, d, k, m):
    for x in range(out.size):
        out[x] = out[x] + (a[x] + b[x]) * k + (c[x] + d[x]) * m


@njit(cache=True, nogil=True)
def mirror_margins(image, margin):
    """Fill the margins of an image (one row above and below, ``margin`` columns on both sides)."""
    height, width = image.shape[0] - 2, image.shape[1] - 2 * margin
    for y in range(1, height + 1):
        for i in range(margin):
            image[y, i] = image[y, margin + _mirror(i - margin, width)]
            image[y, margin + width + i] = image[y, margin + _mirror(width + i, width)]
    for x in range(image.shape[1]):
        image[0, x] = image[1, x]
        image[height + 1, x] = image[height, x]


@njit(cache=True, nogil=True)
def blur(image, kernel_y, kernel_x, margin, lines, out):
    """Blur a float32 image with margins by two half kernels of at most ``margin`` reach.

    ``lines`` (ROWS, pitch) is scratch; ``out`` has the shape of ``image`` and gets its margins too.
    """
    height, pitch = image.shape[0] - 2, image.shape[1]
    reach = kernel_x.size - 1
    flat_in = lines.reshape(-1)
    flat_out = out.reshape(-1)
    for first in range(0, height, ROWS):
        n = min(ROWS, height - first)
        for i in range(n):
            _down_one(image, first + i, height, kernel_y, lines, i)
        s = (first + 1) * pitch
        _across(flat_in[: n * pitch], kernel_x, flat_out[s + reach : s + n * pitch - reach])
    mirror_margins(out, margin)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _nine(a, b, c, d, e, f, g, h, i, along_y, along_x, mixed, out):
    """Weigh nine shifted views: a b c over d e f over g h i."""
    for x in range(out.size):
        upright = b[x] + h[x]
        level = d[x] + f[x]
        corners = a[x] + c[x] + g[x] + i[x]
        rim = along_y * upright + along_x * level + mixed * (corners - 2 * (upright + level))
        out[x] = (2 * (along_y + along_x) - 4 * mixed) * e[x] - rim


@njit(cache=True, nogil=True)
def negative_laplacian(image, along_y, along_x, mixed, margin, plane):
    """Write minus the weighted Laplacian of an image with margins into a plane of the same shape.

    The weights (float32) belong to the second difference along y, along x, and to their product; a
    twelfth of the sum of the first two as the third makes the error the same in all directions. The
    margin of the plane becomes -inf.
    """
    rows, pitch = image.shape
    p = image.reshape(-1)
    q = plane.reshape(-1)
    n = (rows - 2) * pitch - 2
    s = pitch + 1
    u, d = s - pitch, s + pitch
    _nine(
        p[u - 1 : u - 1 + n], p[u : u + n], p[u + 1 : u + 1 + n],
        p[s - 1 : s - 1 + n], p[s : s + n], p[s + 1 : s + 1 + n],
        p[d - 1 : d - 1 + n], p[d : d + n], p[d + 1 : d + 1 + n],
        along_y, along_x, mixed, q[s : s + n],
    )  # fmt: skip
    for y in range(rows):
        for i in range(margin):
            plane[y, i] = -np.inf
            plane[y, pitch - 1 - i] = -np.inf
