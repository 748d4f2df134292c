"""The level of the background from row to row: a shortest path, then least squares."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from playNano._jit import jit
from playNano.algorithms.leveling._rows_kernels import N_JUMPS, Floats, Ints, RowJumps, solve

Bools = npt.NDArray[np.bool_]

MAX_BINS = 256
"""Bins of heights among which the level of the background is sought."""


@jit
def height_range(flat: Floats, base: Floats) -> tuple[float, float]:
    """Return two heights between which 99 % of the pixels lie, relative to the rows' base; some rows are sampled."""
    height, width = flat.shape
    step = max(1, height * width // 32768)
    low, high = np.inf, -np.inf
    for y in range(0, height, step):
        for x in range(width):
            value = flat[y, x] - base[y]
            if value < low:
                low = value
            if value > high:
                high = value
    for _ in range(3):  # each round narrows a range that a few outliers have widened
        counts = np.zeros(256, np.int64)
        bin_width = (high - low) / 256
        if not bin_width > 0:
            break
        n = 0
        for y in range(0, height, step):
            for x in range(width):
                value = flat[y, x] - base[y]
                if low <= value <= high:
                    counts[min(255, int((value - low) / bin_width))] += 1
                    n += 1
        first, last, below, over = 0, 255, 0, 0
        while below + counts[first] < 0.002 * n and first < 255:
            below += counts[first]
            first += 1
        while over + counts[last] < 0.002 * n and last > first:
            over += counts[last]
            last -= 1
        low, high = low + first * bin_width, low + (last + 1) * bin_width
    return low, high


class Arrivals(NamedTuple):
    """For every height in a row: the lowest cost on arrival from the row above, from which bin and by which jump."""

    cost: Floats
    origin: Ints
    by: Ints


class Path(NamedTuple):
    """For every row: the level of the background, and its jump from the row above."""

    level: Floats
    tie: Floats


@jit
def track_background(
    flat: Floats, noise: float, both: bool, is_edge: Bools, rows: RowJumps, path: Path
) -> tuple[int, float]:
    """Find the level of the background in every row.

    Return the number of rows where it jumps with few of the pixels, and the precision of the levels.

    The path through (row, height) of lowest cost. In a row, pixels more than three noise sd below the level cost, and
    pixels at the level earn; the lowest level with support thus wins, not the fullest (with `both`, the fullest).
    Between rows the level jumps by one of the values in `rows`; this costs less, the larger the part of the pixels
    at the level in the row above that jump so. Where `is_edge`, an object begins or ends, and the level stays.
    """
    height = len(flat)
    base = np.zeros(height)
    for y in range(1, height):
        base[y] = base[y - 1] + (0.0 if is_edge[y] else rows.jumps[y, 0])
    low, high = height_range(flat, base)
    low -= 2 * noise
    bin_width = max(0.7 * noise, (high + 2 * noise - low) / MAX_BINS)
    n_bins = min(MAX_BINS, int((high + 2 * noise - low) / bin_width) + 1)
    below, at = int(np.ceil(3 * noise / bin_width)), max(1, int(1.4 * noise / bin_width + 0.5))
    slip = max(1, int(2.5 * noise / bin_width))
    cost, support = np.zeros(n_bins), np.zeros(n_bins, np.int64)
    arrivals = Arrivals(np.zeros(n_bins), np.zeros(n_bins, np.int64), np.zeros(n_bins, np.int64))
    origin, by = np.zeros((height, n_bins), np.int64), np.zeros((height, n_bins), np.int64)
    cumulative = np.zeros(n_bins + 1, np.int64)
    moving = np.zeros((N_JUMPS + 1, n_bins + 1), np.int64)
    for y in range(height):
        n = _cumulative_counts(flat[y], base[y] + low, bin_width, cumulative)
        for b in range(n_bins):
            origin[y, b] = b
            support[b] = cumulative[min(n_bins, b + at + 1)] - cumulative[max(0, b - at)]
        if n == 0:
            continue
        if rows.above[y] >= 0 and not is_edge[y]:
            upper = rows.above[y]
            n_values = max(1, np.count_nonzero(rows.shares[y]))
            heights = (flat[upper] - base[upper] - low) / bin_width
            _count_moving(flat[y] - flat[upper], heights, 3.5 * noise, rows.jumps[y, :n_values], moving)
            _arrive(
                cost, rows.jumps[y] / bin_width, rows.shares[y], rows.scores[y], at, moving, support, arrivals
            )
            for b in range(n_bins):
                best = b
                cost[b] = arrivals.cost[b]
                for k in range(max(0, b - slip), min(n_bins, b + slip + 1)):
                    if arrivals.cost[k] + 0.4 * abs(k - b) < cost[b]:
                        best, cost[b] = k, arrivals.cost[k] + 0.4 * abs(k - b)
                origin[y, b], by[y, b] = arrivals.origin[best], arrivals.by[best]
        for b in range(n_bins):
            if both:
                cost[b] -= support[b] / n
            else:
                cost[b] += min(cumulative[max(0, b - below)] / n / 0.12, 1.0) - 0.2 * min(
                    support[b] / n / 0.1, 1.0
                )
    n_jumps = 0
    b = int(np.argmin(cost))
    for y in range(height - 1, -1, -1):
        k = by[y, b]
        path.level[y] = base[y] + low + (b + 0.5) * bin_width
        path.tie[y] = 0.0 if is_edge[y] or k == N_JUMPS else rows.jumps[y, k]
        n_jumps += k > 0
        b = origin[y, b]
    return n_jumps, bin_width


@jit
def _arrive(
    cost: Floats,
    jumps: Floats,
    shares: Floats,
    scores: Floats,
    at: int,
    moving: Ints,
    support: Ints,
    arrivals: Arrivals,
) -> None:
    """Find for every height the cheapest way from the row above: by a jump (in bins), or from anywhere at a high price.

    Levels that few pixels of the row above support rely on the score of the jump, as if four more pixels did.
    """
    n_bins = len(cost)
    cheapest = int(np.argmin(cost))
    arrivals.cost[:], arrivals.origin[:], arrivals.by[:] = cost[cheapest] + 6, cheapest, N_JUMPS
    for k in range(N_JUMPS):
        if k > 0 and shares[k] == 0:
            break
        shift = int(np.floor(jumps[k] - jumps[0] + 0.5))
        for b in range(max(0, shift), min(n_bins, n_bins + shift)):
            a = b - shift
            first, stop = max(0, a - at), min(n_bins, a + at + 1)
            n_above = moving[N_JUMPS, stop] - moving[N_JUMPS, first]
            n_moving = moving[k, stop] - moving[k, first]
            # An object that begins in this row hides up to three quarters of the background without a penalty.
            visible = min(n_above, max(support[b], n_above // 4))
            part = min(1.0, (n_moving + 4 * scores[k]) / (visible + 4))
            total = cost[a] + 3 * (1 - part) + 0.1 * (1 - scores[k])
            if total < arrivals.cost[b]:
                arrivals.cost[b], arrivals.origin[b], arrivals.by[b] = total, a, k


@jit
def _count_moving(difference: Floats, heights: Floats, window: float, jumps: Floats, moving: Ints) -> None:
    """Count, cumulated over the bins of the row above, all its pixels (last) and those that jump by each value."""
    n_bins = moving.shape[1] - 1
    moving[:] = 0
    for x in range(len(difference)):
        if np.isnan(difference[x]) or heights[x] >= n_bins:
            continue
        b = max(0, int(heights[x])) + 1
        moving[N_JUMPS, b] += 1
        for k in range(len(jumps)):
            if abs(difference[x] - jumps[k]) < window:
                moving[k, b] += 1
    for b in range(n_bins):
        moving[N_JUMPS, b + 1] += moving[N_JUMPS, b]
        for k in range(len(jumps)):
            moving[k, b + 1] += moving[k, b]


@jit
def _cumulative_counts(row: Floats, low: float, bin_width: float, cumulative: Ints) -> int:
    """Count the pixels of a row below each bin; return the number of all its pixels."""
    n_bins, bins_per_unit = len(cumulative) - 1, 1 / bin_width
    cumulative[:] = 0
    n = 0
    for x in range(len(row)):
        value = (row[x] - low) * bins_per_unit
        if np.isnan(value):
            continue
        n += 1
        if value < n_bins:
            cumulative[max(0, int(value)) + 1] += 1
    for b in range(n_bins):
        cumulative[b + 1] += cumulative[b]
    return n


class Sums(NamedTuple):
    """Sums over the background pixels of a frame.

    Per row: number of pixels, sum of heights, sums of x, x^2, x^3 (3, h). Over all rows: sums of x^0 to x^6 (7,), and
    of heights times x, x^2, x^3 (3,).
    """

    pixels: Floats
    heights: Floats
    powers: Floats
    products: Floats
    powers_heights: Floats


@jit
def fit_background(
    flat: Floats,
    u: Floats,
    path: Path,
    above: Ints,
    coefficients: Floats,
    noise: float,
    upper: float,
    rounds: int,
) -> int:
    """Fit offsets of rows and a polynomial along x to the background pixels, both at once; return their number.

    Background pixels lie between -3 and `upper` noise sd about the present fit; the mean of a normal distribution that
    is cut off there is subtracted. Rows are tied to the row above by their jump, with a weight that matters only to
    rows without background. The levels of `path` and `coefficients` hold the start and receive the result.
    """
    height, width = flat.shape
    centre = noise * _mean_of_truncated_normal(-3.0, upper)
    sums = Sums(np.zeros(height), np.zeros(height), np.zeros((3, height)), np.zeros(7), np.zeros(3))
    shape = np.zeros(width)
    for _ in range(rounds):
        shape[:] = 0
        for k in range(len(coefficients)):
            shape += coefficients[k] * u ** (k + 1)
        sums.products[:], sums.powers_heights[:] = 0, 0
        for y in range(height):
            limits = (path.level[y] - 3 * noise, path.level[y] + upper * noise)
            _sum_background(flat[y], u, shape, limits, centre, y, sums)
        if sums.products[0] == 0:
            break
        _solve_jointly(sums, above, path, coefficients, 0.002 * width)
    return int(sums.products[0])


@jit
def _sum_background(
    row: Floats, u: Floats, shape: Floats, limits: tuple[float, float], centre: float, y: int, sums: Sums
) -> None:
    """Sum over the pixels of a row between two limits above the shape; `centre` is subtracted from their heights."""
    low, high = limits
    # The pixels are chosen first: a sum under a condition that is hard to predict takes three times as long.
    inside, n = np.empty(len(row), np.int64), 0
    for x in range(len(row)):
        inside[n] = x
        n += low < row[x] - shape[x] < high
    z, x1, x2, x3, x4, x5, x6, zx1, zx2, zx3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        value, p1 = row[inside[i]] - centre, u[inside[i]]
        p2, p3 = p1 * p1, p1 * p1 * p1
        z += value
        x1 += p1
        x2 += p2
        x3 += p3
        x4 += p2 * p2
        x5 += p2 * p3
        x6 += p3 * p3
        zx1 += value * p1
        zx2 += value * p2
        zx3 += value * p3
    sums.pixels[y], sums.heights[y] = n, z
    sums.powers[0, y], sums.powers[1, y], sums.powers[2, y] = x1, x2, x3
    sums.products[:] += np.array([n, x1, x2, x3, x4, x5, x6])
    sums.powers_heights[:] += np.array([zx1, zx2, zx3])


@jit
def _solve_jointly(sums: Sums, above: Ints, path: Path, coefficients: Floats, weight: float) -> None:
    """Solve the normal equations of row offsets (tridiagonal) and polynomial by elimination of the rows.

    `weight` is that of the ties between rows, in pixels.
    """
    height, order = len(above), len(coefficients)
    right = np.empty((order + 1, height))
    right[0], right[1:] = sums.heights, sums.powers[:order]
    diagonal = sums.pixels + 1e-9  # a row without pixels, or a lone one without background
    for y in range(height):
        if above[y] >= 0:
            right[0, y] += weight * path.tie[y]
            right[0, above[y]] -= weight * path.tie[y]
            diagonal[y] += weight
            diagonal[above[y]] += weight
    for y in range(height):
        if above[y] >= 0:
            factor = weight / diagonal[above[y]]
            diagonal[y] -= factor * weight
            for k in range(order + 1):
                right[k, y] += factor * right[k, above[y]]
    for k in range(order + 1):
        for y in range(height - 1, -1, -1):
            right[k, y] /= diagonal[y]
            if above[y] >= 0:
                right[k, above[y]] += weight * right[k, y]
    matrix, vector = np.zeros((order, order)), sums.powers_heights[:order].copy()
    for k in range(order):
        for m in range(order):
            matrix[k, m] = sums.products[k + m + 2]
        # The polynomial of the movie has been subtracted; a few pixels do not change it.
        matrix[k, k] += 1e-3 * sums.products[0]
        for y in range(height):
            vector[k] -= sums.powers[k, y] * right[0, y]
            for m in range(order):
                matrix[k, m] -= sums.powers[k, y] * right[m + 1, y]
    solve(matrix, vector)
    coefficients[:] = vector
    for y in range(height):
        path.level[y] = right[0, y]
        for k in range(order):
            path.level[y] -= coefficients[k] * right[k + 1, y]


@jit
def _mean_of_truncated_normal(low: float, high: float) -> float:
    """Return the mean of a standard normal distribution between two values."""
    density = math.exp(-low * low / 2) - math.exp(-high * high / 2)
    mass = math.sqrt(math.pi / 2) * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))
    return float(density / mass)


@jit
def background_statistics(levelled: Floats, noise: float, counts: Ints) -> float:
    """Count the background pixels of every row, within three noise sd of 0; return the sd of the pixels below 0.

    The sd is that of a normal distribution whose lower half has the same median; objects lie above.
    """
    height, width = levelled.shape
    bin_width = noise / 50
    histogram = np.zeros(200, np.int64)
    n = 0
    for y in range(height):
        counts[y] = 0
        for x in range(width):
            value = levelled[y, x]
            if abs(value) < 3 * noise:
                counts[y] += 1
            if -4 * noise < value < 0:
                histogram[min(199, int(-value / bin_width))] += 1
                n += 1
    half, b = 0, 0
    while b < 200 and half + histogram[b] < n / 2:
        half += histogram[b]
        b += 1
    if n == 0 or b == 200:
        return 0.0
    return float(1.4826 * (b + (n / 2 - half) / max(1, histogram[b])) * bin_width)
