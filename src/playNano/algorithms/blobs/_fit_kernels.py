"""Compiled refinement of blobs: position and scale between cells, heights, Gaussian fits."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._median_kernels import median
from playNano.algorithms._common._paraboloid_kernels import solve
from playNano.algorithms.surface._background_kernels import MIN_ANNULUS_PIXELS, frame_background


@jit
def _paint(blobs, pixel, taken):
    """Mark the pixels within two sigma of any blob."""
    height, width = taken.shape
    for b in range(blobs.shape[0]):
        y, x, reach = blobs[b, 0], blobs[b, 1], 2 * blobs[b, 2]
        for row in range(max(int(y - reach / pixel[0]), 0), min(int(y + reach / pixel[0]) + 2, height)):
            for col in range(max(int(x - reach / pixel[1]), 0), min(int(x + reach / pixel[1]) + 2, width)):
                if ((row - y) * pixel[0]) ** 2 + ((col - x) * pixel[1]) ** 2 <= reach * reach:
                    taken[row, col] = 1


@jit
def measure(z, blobs, pixel, taken, values, out):
    """Measure the ground around each blob and the heights over it.

    Parameters
    ----------
    z
        (h, w) heights; what is not finite is left out.
    blobs
        (n, 3): y, x in pixels, sigma in units of ``pixel``.
    pixel
        (2,) size of a pixel along y and x.
    taken, values
        Scratch: (h, w) uint8 and (h * w,) of the type of ``z``.
    out
        (n, 3), to be written: ground (median between 3 and 4.5 sigma, without pixels within two sigma
        of any blob), greatest and mean height within the radius (sqrt(2) sigma).
    """
    height, width = z.shape
    taken[:] = 0
    _paint(blobs, pixel, taken)
    whole = np.nan
    known = False
    for b in range(blobs.shape[0]):
        y, x, s = blobs[b]
        far, near, disc = (4.5 * s) ** 2, (3 * s) ** 2, max(2 * s * s, (0.71 * max(pixel[0], pixel[1])) ** 2)
        n = 0
        m = 0
        total = 0.0
        high = -np.inf
        reach_y, reach_x = 4.5 * s / pixel[0] + 1, 4.5 * s / pixel[1] + 1
        for row in range(max(int(y - reach_y), 0), min(int(y + reach_y) + 2, height)):
            for col in range(max(int(x - reach_x), 0), min(int(x + reach_x) + 2, width)):
                v = z[row, col]
                d = ((row - y) * pixel[0]) ** 2 + ((col - x) * pixel[1]) ** 2
                if not np.isfinite(v) or d > far:
                    continue
                if d >= near and taken[row, col] == 0:
                    values[n] = v
                    n += 1
                if d <= disc:
                    total += v
                    m += 1
                    high = max(high, np.float64(v))
        if n < MIN_ANNULUS_PIXELS and not known:
            whole = frame_background(taken, z)
            known = True
        out[b, 0] = median(values, n) if n >= MIN_ANNULUS_PIXELS else whole
        out[b, 1] = high if m else np.nan
        out[b, 2] = total / m if m else np.nan


@jit
def _gaussian_sums(z, guess, centre, window, pixel, a, g):
    """Sum the normal equations of A exp(-r^2 / 2 s^2) + B over a window; return squares and pixels."""
    height, width = z.shape
    a[:] = 0.0
    g[:] = 0.0
    total = 0.0
    n = 0
    d = np.empty(5)
    for row in range(
        max(int(centre[0] - window / pixel[0]), 0), min(int(centre[0] + window / pixel[0]) + 2, height)
    ):
        for col in range(
            max(int(centre[1] - window / pixel[1]), 0), min(int(centre[1] + window / pixel[1]) + 2, width)
        ):
            h = np.float64(z[row, col])
            p, q = (row - centre[0]) * pixel[0], (col - centre[1]) * pixel[1]
            if p * p + q * q > window * window or not np.isfinite(h):
                continue
            p, q, s = p - guess[0], q - guess[1], guess[2]
            e = math.exp(-(p * p + q * q) / (2 * s * s))
            d[0] = guess[3] * e * p / (s * s)
            d[1] = guess[3] * e * q / (s * s)
            d[2] = guess[3] * e * (p * p + q * q) / (s * s * s)
            d[3] = e
            d[4] = 1.0
            left = h - guess[3] * e - guess[4]
            total += left * left
            n += 1
            for i in range(5):
                g[i] += d[i] * left
                for j in range(5):
                    a[i, j] += d[i] * d[j]
    return total, n


@jit
def _fit_one(z, centre, window, pixel, guess):
    """Improve (y, x, sigma, amplitude, ground) by Levenberg and Marquardt. Return whether it settled."""
    a = np.empty((5, 5))
    g = np.empty(5)
    b = np.empty((5, 5))
    f = np.empty(5)
    damping = 1e-3
    total, n = _gaussian_sums(z, guess, centre, window, pixel, a, g)
    if n < 8:
        return False
    for _ in range(40):
        scaled = a.copy()
        for i in range(5):
            scaled[i, i] += damping * max(a[i, i], 1e-12)
        step = g.copy()
        if not solve(scaled, step):
            return False
        trial = guess + step
        if trial[2] <= 0.1 * guess[2]:
            trial[2] = 0.5 * guess[2]
        squares, _n = _gaussian_sums(z, trial, centre, window, pixel, b, f)
        if squares <= total:
            settled = np.abs(step[:3]).max() < 1e-5 * guess[2]
            guess[:] = trial
            a[:] = b
            g[:] = f
            total = squares
            damping = max(0.2 * damping, 1e-12)
            if settled:
                return True
        else:
            damping *= 5
            if damping > 1e9:
                return True
    return False


@jit
def fit_gaussians(z, blobs, heights, pixel, fitted):
    """Fit a round Gaussian on a flat ground to each blob, over the pixels within 2.5 sigma.

    ``heights`` (n, 2) are the first guesses of ground and top. ``fitted`` (n, 5) becomes y, x (pixels),
    sigma, amplitude and ground; NaN where the fit fails, moves by more than sigma or changes sigma
    more than twofold.
    """
    for b in range(blobs.shape[0]):
        s = blobs[b, 2]
        guess = np.array([0.0, 0.0, s, heights[b, 1] - heights[b, 0], heights[b, 0]])
        good = np.isfinite(guess).all() and _fit_one(z, blobs[b, :2], 2.5 * s, pixel, guess)
        good = good and math.hypot(guess[0], guess[1]) <= s and 0.5 * s <= guess[2] <= 2 * s
        fitted[b] = guess
        fitted[b, 0] = blobs[b, 0] + guess[0] / pixel[0]
        fitted[b, 1] = blobs[b, 1] + guess[1] / pixel[1]
        if not good:
            fitted[b] = np.nan
