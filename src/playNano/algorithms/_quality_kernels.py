"""Compiled passes over the pixels of a frame, for `playNano.algorithms.quality`.

Every frame is measured on its own, so the figures do not depend on how a movie is cut into blocks.
The frames that come in here are finite: the caller has filled the gaps.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# No NaN reaches the kernels, so sums and the exchanges of the sorting network may be vectorised.
FLAGS = {"reassoc", "contract", "nnan", "nsz"}
MAX_LEVELS = 16
FAR = 3


@njit(cache=True, nogil=True, fastmath=FLAGS)
def _sort_network(values, pairs):
    """Sort ``values`` (m, k) along the first axis by the exchanges ``pairs``, all columns at once."""
    for p in range(pairs.shape[0]):
        low = values[pairs[p, 0]]
        high = values[pairs[p, 1]]
        for r in range(values.shape[1]):
            a = low[r]
            b = high[r]
            low[r] = a if a < b else b
            high[r] = b if a < b else a


@njit(cache=True, nogil=True, fastmath=FLAGS)
def _line_figures(line, least, largest, level, out):
    """Write the shares at the extremes, the share of flat pairs, mean |dx| and mean deviation of a line."""
    n = line.shape[0]
    at_least = 0
    at_largest = 0
    flat = 0
    for j in range(n):
        at_least += 1 if line[j] == least else 0
        at_largest += 1 if line[j] == largest else 0
    for j in range(1, n):
        flat += 1 if line[j] == line[j - 1] else 0
    change = 0.0
    for j in range(1, n):
        change += abs(np.float64(line[j]) - np.float64(line[j - 1]))
    deviation = 0.0
    for j in range(n):
        deviation += abs(np.float64(line[j]) - level)
    pairs = max(n - 1, 1)
    out[0] = at_least / n
    out[1] = at_largest / n
    out[2] = flat / pairs
    out[3] = change / pairs
    out[4] = deviation / n


@njit(cache=True, nogil=True)
def _count_levels(frame):
    """Count the distinct heights, at most `MAX_LEVELS`."""
    found = np.empty(MAX_LEVELS, frame.dtype)
    count = 0
    last = frame[0, 0]
    for r in range(frame.shape[0]):
        for j in range(frame.shape[1]):
            value = frame[r, j]
            if value == last and count > 0:
                continue
            last = value
            k = 0
            while k < count and found[k] != value:
                k += 1
            if k == count:
                found[k] = value
                count += 1
                if count == MAX_LEVELS:
                    return count
    return count


@njit(cache=True, nogil=True, fastmath=FLAGS)
def _clipped_mean(upper, lower, centre, limit):
    """Return the mean height step between two lines, with every pixel's deviation held in limits."""
    total = 0.0
    for j in range(upper.shape[0]):
        step = np.float64(lower[j]) - np.float64(upper[j]) - centre
        step = step if step < limit else limit
        total += step if step > -limit else -limit
    return centre + total / upper.shape[0]


@njit(cache=True, nogil=True, fastmath=FLAGS)
def _count_edges(upper, lower, step, limit):
    """Count the pixels that differ from the line before by more than a limit."""
    count = 0
    for j in range(upper.shape[0]):
        count += 1 if abs(np.float64(lower[j]) - np.float64(upper[j]) - step) > limit else 0
    return count


@njit(cache=True, nogil=True)
def _streak_thickness(frame, height, r, j, limit):
    """Return thickness (1 or 2 lines) and depth of a streak whose first line is ``r``; 0 for none."""
    h = frame.shape[0]
    rise = frame[r, j] - frame[r - 1, j] - (height[r] - height[r - 1])
    sign = 1.0 if rise > 0 else -1.0
    for thick in (1, 2):
        last = r + thick - 1
        if last + 1 >= h:
            return 0, 0.0
        fall = sign * (frame[last, j] - frame[last + 1, j] - (height[last] - height[last + 1]))
        depth = min(sign * rise, fall)
        if depth <= limit:
            continue
        before = max(r - FAR, 0)
        after = min(last + FAR, h - 1)
        far = max(
            sign * (frame[r, j] - frame[before, j] - (height[r] - height[before])),
            sign * (frame[last, j] - frame[after, j] - (height[last] - height[after])),
        )
        # A thin object sinks into its neighbour lines; a streak stands on them at its full height.
        if depth >= 0.6 * far:
            return thick, depth
    return 0, 0.0


@njit(cache=True, nogil=True)
def _mark_streaks(frame, height, limit, shortest, marked):
    """Write the mean depth of the deepest streak of at least ``shortest`` pixels in every line."""
    h, w = frame.shape
    for r in range(1, h - 1):
        step = height[r] - height[r - 1]
        if _count_edges(frame[r - 1], frame[r], step, limit) < shortest:
            continue
        run = 0
        thickest = 0
        total = 0.0
        for j in range(w):
            if abs(frame[r, j] - frame[r - 1, j] - step) <= limit:
                run = 0
                continue
            thick, depth = _streak_thickness(frame, height, r, j, limit)
            if thick == 0 or run == 0:
                run = 0
                thickest = 0
                total = 0.0
            if thick == 0:
                continue
            run += 1
            thickest = max(thickest, thick)
            total += depth
            if run >= shortest:
                for k in range(thickest):
                    marked[r + k] = max(marked[r + k], total / run)


@njit(cache=True, nogil=True)
def _line_steps(frame, columns, pairs, values, lines):
    """Write level and step of every line and return the noise between lines."""
    h = frame.shape[0]
    m = columns.shape[0]
    low, high = (m - 1) // 2, m // 2
    for r in range(h):
        for c in range(m):
            values[c, r] = frame[r, columns[c]]
    _sort_network(values, pairs)
    for r in range(h):
        lines[0, r] = 0.5 * (values[low, r] + values[high, r])
    values[:, 0] = 0.0
    for r in range(1, h):
        for c in range(m):
            values[c, r] = np.float64(frame[r, columns[c]]) - np.float64(frame[r - 1, columns[c]])
    _sort_network(values, pairs)
    spread = np.empty(h)
    kept = 0
    for r in range(1, h):
        lines[1, r] = 0.5 * (values[low, r] + values[high, r])
        off = 0.0
        for c in range(m):
            off += abs(values[c, r] - lines[1, r])
        # Two lines that differ by a constant are no measurement: they say nothing of the noise.
        if off > 0:
            spread[kept] = off / m
            kept += 1
    noise = np.median(spread[:kept]) if kept > 0 else 0.0
    lines[1, 0] = 0.0
    for r in range(1, h):
        lines[1, r] = _clipped_mean(frame[r - 1], frame[r], lines[1, r], 2.0 * noise)
    return noise


@njit(cache=True, nogil=True)
def measure(block, least, largest, columns, pairs, shortest, lines, frames):
    """Measure every frame of a finite block (n, h, w).

    Parameters
    ----------
    block
        Heights, C-contiguous float32 or float64.
    least, largest
        Extremes of every line, (n, h), of the block's kind.
    columns
        Columns at which medians are taken, (m,) int64.
    pairs
        Exchanges of a sorting network for m values, (p, 2) int64.
    shortest
        Shortest streak, in pixels.
    lines
        Output (n, 8, h) float64: level, step to the line before, share at the least, share at the
        largest height, share of flat pairs, mean |dx|, mean deviation from the level, depth of the deepest streak.
    frames
        Output (n, 2) float64: noise between lines, distinct levels.
    """
    n, h, _ = block.shape
    values = np.empty((columns.shape[0], h))
    height = np.zeros(h)
    figures = np.empty(5)
    for k in range(n):
        frame = block[k]
        noise = _line_steps(frame, columns, pairs, values, lines[k])
        top = 0.0
        for r in range(h):
            level = lines[k, 0, r]
            _line_figures(frame[r], least[k, r], largest[k, r], level, figures)
            lines[k, 2:7, r] = figures
            top = max(top, largest[k, r] - level, level - least[k, r])
        for r in range(1, h):
            height[r] = height[r - 1] + lines[k, 1, r]
        limit = max(5.0 * noise, 0.02 * top)
        lines[k, 7] = 0.0
        if limit > 0:
            _mark_streaks(frame, height, limit, shortest, lines[k, 7])
        frames[k, 0] = noise
        frames[k, 1] = _count_levels(frame)
