"""Compiled imaging: particles onto lines, and the feedback along a line."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit


@jit
def _bilinear(grid, first, height, width, row, col):
    """Return the value of a map (rows of one flat array) between its pixels; 0 outside."""
    if not (row >= 0.0 and col >= 0.0 and row <= height - 1.0 and col <= width - 1.0):
        return 0.0
    i = min(int(row), height - 2)
    j = min(int(col), width - 2)
    u = row - i
    v = col - j
    k = first + i * width + j
    upper = grid[k] * (1.0 - v) + grid[k + 1] * v
    lower = grid[k + width] * (1.0 - v) + grid[k + width + 1] * v
    return upper * (1.0 - u) + lower * u


@jit
def lay_lines(out, rows, y_px, x_px, angle, shown, base, template, data, first, height, width, step,
              extent, pixel_y, pixel_x):  # fmt: skip
    """Raise every line of `out` (line, column) to the particles that the tip meets on it.

    A template with height 1 is a radial profile, any other one a map in the particle's own axes.
    """
    n_lines, n_cols = out.shape
    for k in range(n_lines):
        for p in range(y_px.shape[1]):
            if shown[k, p] == 0:
                continue
            t = template[p, shown[k, p] - 1]
            dy = (rows[k] - y_px[k, p]) * pixel_y
            half2 = extent[t] * extent[t] - dy * dy
            if half2 <= 0.0:
                continue
            half = np.sqrt(half2) / pixel_x
            left = max(int(np.ceil(x_px[k, p] - half)), 0)
            right = min(int(np.floor(x_px[k, p] + half)), n_cols - 1)
            c = np.cos(angle[k, p])
            s = np.sin(angle[k, p])
            for j in range(left, right + 1):
                dx = (j - x_px[k, p]) * pixel_x
                if height[t] == 1:
                    r = np.sqrt(dy * dy + dx * dx) / step[t]
                    i = int(r)
                    if i >= width[t] - 1:
                        continue
                    q = first[t] + i
                    z = data[q] + (data[q + 1] - data[q]) * (r - i)
                else:
                    v = (dx * c + dy * s) / step[t] + 0.5 * (width[t] - 1)
                    u = (-dx * s + dy * c) / step[t] + 0.5 * (height[t] - 1)
                    z = _bilinear(data, first[t], height[t], width[t], u, v)
                out[k, j] = max(out[k, j], base[k, p] + z)


@jit
def follow(lines, forwards, gain, fall):
    """Let the tip follow every line in place: first-order settling, and a greatest drop a pixel."""
    n_lines, n_cols = lines.shape
    for k in range(n_lines):
        z = lines[k, 0] if forwards else lines[k, n_cols - 1]
        for m in range(n_cols):
            j = m if forwards else n_cols - 1 - m
            move = (lines[k, j] - z) * gain
            z += max(move, -fall)
            lines[k, j] = z
