"""Compiled measurements of blobs: background in an annulus, heights, and Gaussian fits."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median
from playNano.algorithms._common._paraboloid_kernels import solve
from playNano.algorithms.surface._background_kernels import MIN_ANNULUS_PIXELS, frame_background

Floats = NDArray[np.float64]
Mask = NDArray[np.uint8]

# Radii in sigma: exclusion from the background around any blob; the annulus; the window of a fit.
OCCUPIED, ANNULUS_INNER, ANNULUS_OUTER, FIT_WINDOW = 2.0, 3.0, 4.5, 2.5
MIN_FIT_PIXELS = 8
# Relative tolerance, so that rounding does not exclude pixels on the edge of a disc or annulus.
TOLERANCE = 1e-12
MAX_ITERATIONS = 40


class Disc(NamedTuple):
    """A disc on a frame: centre (px), radius (unit of the pixel size) and the size of a pixel."""

    y: float
    x: float
    radius: float
    pixel_y: float
    pixel_x: float


@jit
def _bounds(disc: Disc, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return first and end row, first and end column of a box that contains the pixels of a disc."""
    tall, wide = disc.radius / disc.pixel_y, disc.radius / disc.pixel_x
    top, bottom = max(int(disc.y - tall), 0), min(int(disc.y + tall) + 2, shape[0])
    left, right = max(int(disc.x - wide), 0), min(int(disc.x + wide) + 2, shape[1])
    return top, bottom, left, right


@jit
def _distance_squared(disc: Disc, row: int, col: int) -> float:
    """Return the squared distance of a pixel from the centre, in the unit of the pixel size."""
    return ((row - disc.y) * disc.pixel_y) ** 2 + ((col - disc.x) * disc.pixel_x) ** 2


@jit
def _inside(disc: Disc, row: int, col: int) -> bool:
    """Return whether a pixel lies in a disc, including its edge."""
    inside: bool = _distance_squared(disc, row, col) <= disc.radius**2 * (1 + TOLERANCE)
    return inside


@jit
def _mark(disc: Disc, mask: Mask) -> None:
    """Set the pixels of a disc in a mask."""
    top, bottom, left, right = _bounds(disc, mask.shape)
    for row in range(top, bottom):
        for col in range(left, right):
            if _inside(disc, row, col):
                mask[row, col] = 1


@jit
def _annulus_median(z: Floats, disc: Disc, inner: float, occupied: Mask, values: Floats) -> float:
    """Return the annulus median, of the free pixels between ``inner`` and the radius of a disc; NaN for too few."""
    top, bottom, left, right = _bounds(disc, z.shape)
    n = 0
    for row in range(top, bottom):
        for col in range(left, right):
            inside = _inside(disc, row, col) and _distance_squared(disc, row, col) >= inner**2 * (
                1 - TOLERANCE
            )
            if inside and occupied[row, col] == 0 and np.isfinite(z[row, col]):
                values[n] = z[row, col]
                n += 1
    return median(values, n) if n >= MIN_ANNULUS_PIXELS else np.nan


@jit
def _maximum_and_mean(z: Floats, disc: Disc) -> tuple[float, float]:
    """Return maximum and mean of the finite pixels of a disc; NaN where there are none."""
    top, bottom, left, right = _bounds(disc, z.shape)
    n = 0
    total = 0.0
    maximum = -np.inf
    for row in range(top, bottom):
        for col in range(left, right):
            if _inside(disc, row, col) and np.isfinite(z[row, col]):
                total += z[row, col]
                maximum = max(maximum, z[row, col])
                n += 1
    return (maximum, total / n) if n else (np.nan, np.nan)


@jit
def measure(z: Floats, blobs: Floats, pixel: Floats, out: Floats) -> None:
    """Measure the background around each blob (annulus median), and maximum and mean height within its disc.

    Parameters
    ----------
    z
        (h, w) float64 heights; pixels that are not finite are left out.
    blobs
        (n, 3) float64: y, x in px, sigma in the unit of ``pixel``.
    pixel
        (2,) float64: height and width of a pixel.
    out
        (n, 3) float64, filled with: the background (median between 3 and 4.5 sigma without the pixels within two sigma
        of any blob; where fewer than eight are left, that of the frame), maximum and mean height within the radius
        (sqrt(2) sigma, at least 0.71 px).
    """
    occupied = np.zeros(z.shape, np.uint8)
    values = np.empty(z.size)
    for b in range(blobs.shape[0]):
        y, x, sigma = blobs[b]
        _mark(Disc(y, x, OCCUPIED * sigma, pixel[0], pixel[1]), occupied)
    whole_frame = np.nan
    for b in range(blobs.shape[0]):
        y, x, sigma = blobs[b]
        annulus = Disc(y, x, ANNULUS_OUTER * sigma, pixel[0], pixel[1])
        out[b, 0] = _annulus_median(z, annulus, ANNULUS_INNER * sigma, occupied, values)
        if np.isnan(out[b, 0]):
            if np.isnan(whole_frame):
                whole_frame = frame_background(occupied, z)
            out[b, 0] = whole_frame
        radius = max(math.sqrt(2.0) * sigma, 0.71 * max(pixel[0], pixel[1]))
        out[b, 1], out[b, 2] = _maximum_and_mean(z, Disc(y, x, radius, pixel[0], pixel[1]))


@jit
def _normal_equations(z: Floats, model: Floats, window: Disc, a: Floats, g: Floats) -> tuple[float, int]:
    """Sum the normal equations of a Gaussian on a constant background over the pixels of a disc.

    Parameters
    ----------
    z
        (h, w) float64 heights.
    model
        (5,): offset of the centre from that of the window along y and x, sigma, amplitude, background.
    window
        The disc.
    a, g
        (5, 5) and (5,), filled with J^T J and J^T r.

    Returns
    -------
    tuple
        Sum of squared residuals, and number of pixels.
    """
    a[:] = 0.0
    g[:] = 0.0
    squares = 0.0
    n = 0
    s, amplitude = model[2], model[3]
    d = np.empty(5)
    top, bottom, left, right = _bounds(window, z.shape)
    for row in range(top, bottom):
        for col in range(left, right):
            h = z[row, col]
            if not _inside(window, row, col) or not np.isfinite(h):
                continue
            p = (row - window.y) * window.pixel_y - model[0]
            q = (col - window.x) * window.pixel_x - model[1]
            e = math.exp(-(p * p + q * q) / (2 * s * s))
            d[0] = amplitude * e * p / (s * s)
            d[1] = amplitude * e * q / (s * s)
            d[2] = amplitude * e * (p * p + q * q) / (s * s * s)
            d[3] = e
            d[4] = 1.0
            residual = h - amplitude * e - model[4]
            squares += residual * residual
            n += 1
            for i in range(5):
                g[i] += d[i] * residual
                for j in range(5):
                    a[i, j] += d[i] * d[j]
    return squares, n


@jit
def _levenberg_marquardt(z: Floats, window: Disc, model: Floats) -> bool:
    """Fit the parameters of `_normal_equations` in place by Levenberg-Marquardt; return whether the fit converged."""
    a, trial_a = np.empty((5, 5)), np.empty((5, 5))
    g, trial_g = np.empty(5), np.empty(5)
    damping = 1e-3
    squares, n = _normal_equations(z, model, window, a, g)
    if n < MIN_FIT_PIXELS:
        return False
    for _ in range(MAX_ITERATIONS):
        damped = a.copy()
        for i in range(5):
            damped[i, i] += damping * max(a[i, i], 1e-12)
        step = g.copy()
        if not solve(damped, step):
            return False
        trial = model + step
        if trial[2] <= 0.1 * model[2]:
            trial[2] = 0.5 * model[2]
        trial_squares, n = _normal_equations(z, trial, window, trial_a, trial_g)
        if trial_squares <= squares:
            converged = max(abs(step[0]), abs(step[1]), abs(step[2])) < 1e-5 * model[2]
            model[:] = trial
            a[:] = trial_a
            g[:] = trial_g
            squares = trial_squares
            damping = max(0.2 * damping, 1e-12)
            if converged:
                return True
        else:
            damping *= 5
            if damping > 1e9:
                return True
    return False


@jit
def fit_gaussians(z: Floats, blobs: Floats, heights: Floats, pixel: Floats, fitted: Floats) -> None:
    """Fit a round Gaussian on a constant background to each blob by Levenberg-Marquardt.

    Parameters
    ----------
    z
        (h, w) float64 heights; the fit uses those within 2.5 sigma.
    blobs
        (n, 3) float64 first estimates: y, x in px, sigma in the unit of ``pixel``.
    heights
        (n, 2) float64 first estimates: background, and height at the centre.
    pixel
        (2,) float64: height and width of a pixel.
    fitted
        (n, 5) float64, filled with y, x (px), sigma, amplitude and background; NaN where the fit fails, moves by more
        than sigma, or changes sigma more than twofold.
    """
    for b in range(blobs.shape[0]):
        y, x, s = blobs[b]
        model = np.array([0.0, 0.0, s, heights[b, 1] - heights[b, 0], heights[b, 0]])
        window = Disc(y, x, FIT_WINDOW * s, pixel[0], pixel[1])
        good = np.isfinite(model).all() and _levenberg_marquardt(z, window, model)
        good = good and math.hypot(model[0], model[1]) <= s and 0.5 * s <= model[2] <= 2 * s
        fitted[b] = model
        fitted[b, 0] = y + model[0] / pixel[0]
        fitted[b, 1] = x + model[1] / pixel[1]
        if not good:
            fitted[b] = np.nan
