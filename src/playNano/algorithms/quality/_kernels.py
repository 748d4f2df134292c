"""Compiled passes over the pixels of a frame, for `playNano.algorithms.quality.quality`.

Every frame is measured on its own, so the figures do not depend on how a movie is cut into blocks.
The frames that come in here are finite: the caller has filled the gaps.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit

# No NaN reaches the kernels, so sums and the exchanges of the sorting network may be vectorised.
FLAGS = {"reassoc", "contract", "nnan", "nsz"}
MAX_LEVELS = 16
FAR = 3


@jit(fastmath=FLAGS)
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


@jit(fastmath=FLAGS)
def _extremes(line):
    """Return least and largest height, by four running ones each: a single one waits for itself."""
    n = line.shape[0]
    a = b = c = d = line[0]
    e = f = g = h = line[0]
    whole = n - n % 4
    for j in range(0, whole, 4):
        p, q, r, s = line[j], line[j + 1], line[j + 2], line[j + 3]
        a = p if p < a else a
        b = q if q < b else b
        c = r if r < c else c
        d = s if s < d else d
        e = p if p > e else e
        f = q if q > f else f
        g = r if r > g else g
        h = s if s > h else h
    for j in range(whole, n):
        a = line[j] if line[j] < a else a
        e = line[j] if line[j] > e else e
    return min(a, b, c, d), max(e, f, g, h)


@jit(fastmath=FLAGS)
def _line_figures(line, level, profile, rest, high, low, out):
    """Write what one line tells of itself, and raise and lower the extremes of every column."""
    n = line.shape[0]
    least, largest = _extremes(line)
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
        rest[j] = np.float64(line[j]) - level - profile[j]
        deviation += abs(rest[j])
    for j in range(n):
        high[j] = rest[j] if rest[j] > high[j] else high[j]
        low[j] = rest[j] if rest[j] < low[j] else low[j]
    pairs = max(n - 1, 1)
    out[0] = least
    out[1] = largest
    out[2] = at_least / n
    out[3] = at_largest / n
    out[4] = flat / pairs
    out[5] = change / pairs
    out[6] = deviation / n


@jit
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


@jit(fastmath=FLAGS)
def _clipped_mean(upper, lower, centre, limit):
    """Return the mean height step between two lines, with every pixel's deviation held in limits."""
    total = 0.0
    for j in range(upper.shape[0]):
        step = np.float64(lower[j]) - np.float64(upper[j]) - centre
        step = step if step < limit else limit
        total += step if step > -limit else -limit
    return centre + total / upper.shape[0]


@jit(fastmath=FLAGS)
def _count_edges(upper, lower, step, limit):
    """Count the pixels that differ from the line before by more than a limit."""
    count = 0
    for j in range(upper.shape[0]):
        count += 1 if abs(np.float64(lower[j]) - np.float64(upper[j]) - step) > limit else 0
    return count


@jit
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


@jit
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


@jit
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
    values[:, 0] = 0
    for r in range(1, h):
        for c in range(m):
            values[c, r] = frame[r, columns[c]] - frame[r - 1, columns[c]]
    _sort_network(values, pairs)
    for r in range(h):
        lines[1, r] = 0.5 * (values[low, r] + values[high, r])
    off = np.zeros(h)
    for c in range(m):
        for r in range(h):
            off[r] += abs(values[c, r] - lines[1, r])
    spread = np.empty(h)
    kept = 0
    for r in range(1, h):
        # Two lines that differ by a constant are no measurement: they say nothing of the noise.
        if off[r] > 0:
            spread[kept] = off[r] / m
            kept += 1
    noise = np.median(spread[:kept]) if kept > 0 else 0.0
    lines[1, 0] = 0.0
    for r in range(1, h):
        lines[1, r] = _clipped_mean(frame[r - 1], frame[r], lines[1, r], 2.0 * noise)
    return noise


@jit
def _profile(frame, level, sampled, pairs, values, out):
    """Write the profile that the lines share: the medians of some lines, each less its level."""
    m = sampled.shape[0]
    for i in range(m):
        r = sampled[i]
        for j in range(frame.shape[1]):
            values[i, j] = np.float64(frame[r, j]) - level[r]
    _sort_network(values, pairs)
    for j in range(frame.shape[1]):
        out[j] = 0.5 * (values[(m - 1) // 2, j] + values[m // 2, j])


@jit
def measure(block, columns, pairs, sampled, row_pairs, shortest, lines, frames):
    """Measure every frame of a finite block (n, h, w).

    Parameters
    ----------
    block
        Heights, C-contiguous float32 or float64.
    columns
        Columns at which medians are taken, (m,) int64.
    pairs
        Exchanges of a sorting network for m values, (p, 2) int64.
    sampled, row_pairs
        The same of the lines of which the profile is made.
    shortest
        Shortest streak, in pixels.
    lines
        Output (n, 10, h) float64: level, step to the line before, least and largest height, shares of
        the pixels at these two, share of flat pairs, mean |dx|, mean deviation from level and profile,
        depth of the deepest streak.
    frames
        Output (n, 3) float64: noise between lines, distinct heights, range of what stands off the lines.
    """
    n, h, w = block.shape
    values = np.empty((columns.shape[0], h), block.dtype)
    across = np.empty((sampled.shape[0], w), block.dtype)
    height = np.zeros(h)
    profile = np.empty(w)
    rest = np.empty(w)
    high = np.empty(w)
    low = np.empty(w)
    figures = np.empty(7)
    for k in range(n):
        frame = block[k]
        noise = _line_steps(frame, columns, pairs, values, lines[k])
        _profile(frame, lines[k, 0], sampled, row_pairs, across, profile)
        high[:] = 0.0
        low[:] = 0.0
        for r in range(h):
            _line_figures(frame[r], lines[k, 0, r], profile, rest, high, low, figures)
            for i in range(7):
                lines[k, 2 + i, r] = figures[i]
        relief = high.max() - low.min()
        for r in range(1, h):
            height[r] = height[r - 1] + lines[k, 1, r]
        limit = max(5.0 * noise, 0.02 * relief)
        lines[k, 9] = 0.0
        if limit > 0:
            _mark_streaks(frame, height, limit, shortest, lines[k, 9])
        frames[k, 0] = noise
        frames[k, 1] = _count_levels(frame)
        frames[k, 2] = relief
