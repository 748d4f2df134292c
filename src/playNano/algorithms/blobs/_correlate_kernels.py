"""Compiled correlation of a long line with symmetric weights, a few pairs of neighbours at a time.

Rows of an image that has margins are one long line; the pixels above and below are neighbours at a distance
of a row. Shifted views instead of shifted places, few of them, and sums that stay in registers: only so does
the compiler make the best of the loops.
"""

# mypy: ignore-errors
from __future__ import annotations

from playNano._jit import jit


@jit
def _pair(line, start, away, n):
    return line[start - away : start - away + n], line[start + away : start + away + n]


@jit(fastmath={"contract"})
def _first_four(line, start, step, k, out):
    n = out.size
    here = line[start : start + n]
    a, b = _pair(line, start, step, n)
    c, d = _pair(line, start, 2 * step, n)
    e, f = _pair(line, start, 3 * step, n)
    g, h = _pair(line, start, 4 * step, n)
    k0, k1, k2, k3, k4 = k[0], k[1], k[2], k[3], k[4]
    for i in range(n):
        t = here[i] * k0 + (a[i] + b[i]) * k1
        t = t + (c[i] + d[i]) * k2
        t = t + (e[i] + f[i]) * k3
        out[i] = t + (g[i] + h[i]) * k4


@jit(fastmath={"contract"})
def _four_more(line, start, step, k, j, out):
    n = out.size
    a, b = _pair(line, start, j * step, n)
    c, d = _pair(line, start, (j + 1) * step, n)
    e, f = _pair(line, start, (j + 2) * step, n)
    g, h = _pair(line, start, (j + 3) * step, n)
    k0, k1, k2, k3 = k[j], k[j + 1], k[j + 2], k[j + 3]
    for i in range(n):
        t = out[i] + (a[i] + b[i]) * k0
        t = t + (c[i] + d[i]) * k1
        t = t + (e[i] + f[i]) * k2
        out[i] = t + (g[i] + h[i]) * k3


@jit(fastmath={"contract"})
def _two_more(line, start, step, k, j, out):
    n = out.size
    a, b = _pair(line, start, j * step, n)
    c, d = _pair(line, start, (j + 1) * step, n)
    k0, k1 = k[j], k[j + 1]
    for i in range(n):
        t = out[i] + (a[i] + b[i]) * k0
        out[i] = t + (c[i] + d[i]) * k1


@jit
def correlate(line, start, step, kernel, out):
    """Weigh values of a line, from ``start``, with their neighbours at multiples of ``step`` on both sides.

    ``kernel`` (float32) is half of a symmetric one; its reach, the size less one, is even and at least 4.
    """
    _first_four(line, start, step, kernel, out)
    j = 5
    while j + 4 <= kernel.size:
        _four_more(line, start, step, kernel, j, out)
        j += 4
    if j < kernel.size:
        _two_more(line, start, step, kernel, j, out)
