"""Differences between pixels along and across the scan lines: tilt and bow along x, and jumps between rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from playNano._jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class RowJumps(NamedTuple):
    """By how much each row may lie higher than the row above.

    `above` (h,) is the previous row that has pixels (-1: none). The others are (h, N_JUMPS): values `jumps`, the first
    one that with the highest score; `shares`, the share of the pixels that jump so (0: no further value); `scores`, the
    share weighted by how probable a jump of this size is, relative to the first.
    """

    above: Ints
    jumps: Floats
    shares: Floats
    scores: Floats


N_BINS = 512
"""Bins of the histogram of the differences between two rows; an even number."""
N_JUMPS = 8
"""Differences between two rows that are kept at most as possible jumps of the background."""
_HALF_WIDTH = 4
"""Half width, in bins of 0.7 noise sd, of the window in which pixels count as one value: 2 sd of a difference."""


def polynomial(x: Floats, coefficients: Floats) -> Floats:
    """Return the sum of coefficients times x, x^2, ... (no constant term)."""
    value = 0.0 * x
    for k in range(len(coefficients) - 1, -1, -1):
        value = (value + coefficients[k]) * x
    return value


@jit
def solve(matrix: Floats, right: Floats) -> None:
    """Solve a small symmetric positive system in place by elimination; a vanishing pivot gives 0."""
    n = len(right)
    for i in range(n):
        if matrix[i, i] <= 1e-12:
            continue
        for j in range(i + 1, n):
            factor = matrix[j, i] / matrix[i, i]
            right[j] -= factor * right[i]
            for k in range(i, n):
                matrix[j, k] -= factor * matrix[i, k]
    for i in range(n - 1, -1, -1):
        total = right[i]
        for k in range(i + 1, n):
            total -= matrix[i, k] * right[k]
        right[i] = total / matrix[i, i] if matrix[i, i] > 1e-12 else 0.0


@jit
def fit_along_x(frame: Floats, u: Floats, lag: int, cuts: Floats, coefficients: Floats) -> None:
    """Fit the polynomial along x to the differences of pixels `lag` columns apart, by Tukey's biweight.

    `coefficients` holds the start and receives the result; `cuts` are the half widths of the weights, one per round.
    At most some 16 000 differences are used, spread over the rows.
    """
    height, width = frame.shape
    order = len(coefficients)
    step = max(1, height * (width - lag) // 16384)
    powers = np.empty((width - lag, order))
    for x in range(width - lag):
        for k in range(order):
            powers[x, k] = u[x + lag] ** (k + 1) - u[x] ** (k + 1)
    for cut in cuts:
        matrix, right = np.zeros((order, order)), np.zeros(order)
        for y in range(0, height, step):
            for x in range(width - lag):
                difference = frame[y, x + lag] - frame[y, x]
                residual = difference
                for k in range(order):
                    residual -= powers[x, k] * coefficients[k]
                if not abs(residual) < cut:  # NaN included
                    continue
                weight = (1 - (residual / cut) ** 2) ** 2
                for k in range(order):
                    right[k] += weight * powers[x, k] * difference
                    for m in range(order):
                        matrix[k, m] += weight * powers[x, k] * powers[x, m]
        if matrix[0, 0] > 0:
            solve(matrix, right)
            coefficients[:] = right


@jit
def jumps_between_rows(flat: Floats, noise: float, row_sd: float, rows: RowJumps) -> None:
    """Find by how much each row may lie higher than the row above: values that many differences of pixels share."""
    height, width = flat.shape
    bin_width, bins_per_unit = 0.7 * noise, 1 / (0.7 * noise)
    counts = np.zeros(N_BINS, np.int64)
    smooth, prior, flat_prior = np.zeros(N_BINS), np.empty(N_BINS), np.ones(N_BINS)
    for b in range(N_BINS):
        prior[b] = (1 + ((b - N_BINS // 2) * bin_width / (3 * row_sd)) ** 2) ** -2
    above, jumps, shares, scores = rows.above, rows.jumps, rows.shares, rows.scores
    above[:], jumps[:], shares[:], scores[:] = -1, 0, 0, 0
    last = -1
    for y in range(height):
        n = 0
        for x in range(width):
            n += not np.isnan(flat[y, x])
        if n == 0:
            continue
        above[y], last = last, y
        if above[y] < 0:
            continue
        upper = flat[above[y]]
        counts[:] = 0
        n, outside, first, last_bin = 0, 0, N_BINS, -1
        for x in range(width):
            difference = flat[y, x] - upper[x]
            if np.isnan(difference):
                continue
            n += 1
            if abs(difference) < (N_BINS // 2 - 1) * bin_width:
                b = int(difference * bins_per_unit + (N_BINS // 2 + 0.5))
                counts[b] += 1
                first, last_bin = min(first, b), max(last_bin, b)
            else:
                outside += 1
        if n == 0:
            continue
        highest, stored = 0.0, 0
        for k in range(N_JUMPS - 1):
            b = _fullest(counts, prior if k == 0 else flat_prior, first, last_bin + 1, smooth)
            if last_bin < first or (k > 0 and smooth[b] < max(3, 0.03 * n)):
                break
            stored = k + 1
            if k == 0:
                highest = smooth[b] * prior[b]
            scores[y, k] = smooth[b] * prior[b] / highest
            value = (b - N_BINS // 2) * bin_width
            jumps[y, k], shares[y, k] = _mean_shift(flat[y], upper, value, _HALF_WIDTH * bin_width)
            shares[y, k] /= n
            counts[max(0, b - _HALF_WIDTH) : b + _HALF_WIDTH + 1] = 0
            b = int(np.floor(jumps[y, k] / bin_width + 0.5)) + N_BINS // 2
            counts[max(0, b - _HALF_WIDTH) : b + _HALF_WIDTH + 1] = 0
        if stored == 0 or outside > max(3, 0.03 * n):  # some pixels jump further than the histogram extends
            limit = 0.0 if stored == 0 else (N_BINS // 2 - 1) * bin_width
            jumps[y, stored], shares[y, stored] = _median_jump(flat[y], upper, limit)
            scores[y, stored] = 1.0 if stored == 0 else 0.0


@jit
def _fullest(counts: Ints, prior: Floats, first: int, stop: int, smooth: Floats) -> int:
    """Return the bin, among those from `first` to `stop`, whose window holds the largest weighted number of pixels.

    `smooth` receives the numbers of pixels in the windows.
    """
    window = 0
    for b in range(max(0, first - _HALF_WIDTH), min(len(counts), first + _HALF_WIDTH)):
        window += counts[b]
    best = first
    for b in range(first, stop):
        if b + _HALF_WIDTH < len(counts):
            window += counts[b + _HALF_WIDTH]
        smooth[b] = window
        if b - _HALF_WIDTH >= 0:
            window -= counts[b - _HALF_WIDTH]
        if smooth[b] * prior[b] > smooth[best] * prior[best]:
            best = b
    return best


@jit
def _mean_shift(row: Floats, upper: Floats, value: float, window: float) -> tuple[float, int]:
    """Return the mode of the differences of two rows near a value, by three mean shifts, and the pixels near it."""
    n = 0
    for _ in range(3):
        total, n = 0.0, 0
        for x in range(len(row)):
            difference = row[x] - upper[x]
            if abs(difference - value) < window:
                total += difference
                n += 1
        if n == 0:
            break
        value = total / n
    return value, n


@jit
def _median_jump(row: Floats, upper: Floats, limit: float) -> tuple[float, float]:
    """Return the median of the differences of two rows that are at least `limit`, and their share."""
    difference = row - upper
    difference = difference[np.isfinite(difference)]
    large = difference[np.abs(difference) >= limit]
    return np.median(large), len(large) / len(difference)
