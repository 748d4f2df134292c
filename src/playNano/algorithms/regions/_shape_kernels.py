"""Compiled shapes of regions from their sums: heights above the ground, weighted centroid, axes of an ellipse."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from playNano._jit import jit
from playNano.algorithms.regions._sums import (
    ANCHOR,
    AREA,
    BACKGROUND,
    HEIGHT,
    MAX,
    MIN,
    PERIMETER,
    ROW_0,
    SUM_X,
    SUM_XX,
    SUM_XY,
    SUM_Y,
    SUM_YY,
    SUM_Z,
    SUM_ZX,
    SUM_ZY,
)

N_SHAPES = 15


@jit(error_model="numpy")
def _ellipse(mine, pixel):
    """Return the axes (major, minor), direction and eccentricity of the ellipse with a region's second moments."""
    area, sum_y, sum_x = mine[AREA], mine[SUM_Y], mine[SUM_X]
    dy, dx = pixel[0], pixel[1]
    share = 1 / (area * area)
    # Products of whole numbers: a line of pixels has a width of exactly zero.
    yy = (area * mine[SUM_YY] - sum_y * sum_y) * share * (dy * dy)
    xx = (area * mine[SUM_XX] - sum_x * sum_x) * share * (dx * dx)
    xy = (area * mine[SUM_XY] - sum_y * sum_x) * share * (dy * dx)
    half = 0.5 * (yy - xx)
    middle, spread = 0.5 * (yy + xx), math.sqrt(half * half + xy * xy)
    large, small = middle + spread, max(middle - spread, 0.0)
    direction = 0.5 * math.atan2(xy, half) if spread > 0 else np.nan
    ratio = small / large if large > 0 else 1.0
    return 4 * math.sqrt(large), 4 * math.sqrt(small), direction, math.sqrt(1 - ratio)


@jit(error_model="numpy")
def write_shapes(mine, pixel, out, row):
    """Write what follows from one region's sums into a row of the ``N_SHAPES`` last columns of the full table.

    They are in the order of ``FULL_COLUMNS``; ``pixel`` is the pixel's size (y, x) in nm.
    """
    area, ground = mine[AREA], mine[BACKGROUND]
    above = mine[SUM_Z] - ground * area
    y = x = np.nan
    if above > 0:
        y = mine[ROW_0] + (mine[SUM_ZY] - ground * mine[SUM_Y]) / above
        x = mine[ANCHOR] + (mine[SUM_ZX] - ground * mine[SUM_X]) / above
    out[0, row] = ground
    out[1, row] = mine[MIN] - ground
    out[2, row] = mine[MAX] - ground
    out[3, row] = above / area
    out[4, row] = mine[HEIGHT]
    out[5, row] = above * (pixel[0] * pixel[1])
    out[6, row] = y
    out[7, row] = x
    out[8, row] = y * pixel[0]
    out[9, row] = x * pixel[1]
    out[10, row] = mine[PERIMETER]
    out[11, row], out[12, row], out[13, row], out[14, row] = _ellipse(mine, pixel)
