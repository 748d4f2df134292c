"""Compiled cutting of a frame into runs of foreground, with their sums, and the joining of those that touch."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms._common._union_find_kernels import join

# Unsigned, so that numba does not ask of every place whether it counts from the end.
ZERO, ONE, TWO, THREE, FOUR, SEVEN, EIGHT, HIGHEST = (np.uint64(_i) for _i in (0, 1, 2, 3, 4, 7, 8, 56))
BYTES, GATHER = np.uint64(0x0101010101010101), np.uint64(0x0102040810204080)
# The place of the lowest bit of each byte.
LOWEST = np.array([8, *((_i & -_i).bit_length() - 1 for _i in range(1, 256))], dtype=np.int64)


@jit(inline="always")
def _next_seed(seeds, words, offset, x):
    """Return the first foreground at ``x`` or behind it in a row; the row's end or farther if there is none."""
    width = seeds.size
    n_words = words.size
    while x < width:
        at = np.uint64(offset + x)
        w = at >> THREE
        if np.int64(w) >= n_words:
            if seeds[x] != 0:
                return x
            x += 1
            continue
        skipped = at & SEVEN
        word = words[w] >> (skipped << THREE)
        if word != ZERO:
            # The multiplication gathers the eight bytes' lowest bits in the highest byte.
            return x + LOWEST[((word & BYTES) * GATHER) >> HIGHEST]
        x += np.int64(EIGHT - skipped)
        w += ONE
        while x + 32 <= width and np.int64(w) + 4 <= n_words:
            if (words[w] | words[w + ONE] | words[w + TWO] | words[w + THREE]) != ZERO:
                break
            x += 32
            w += FOUR
    return x


@jit
def _row_runs(seeds, words, z, offset, n, start, end, sums):
    """Append the finite runs of one row. Return the number of runs so far."""
    width = seeds.size
    x = _next_seed(seeds, words, offset, 0)
    while x < width:
        seed = seeds[x]
        first = x
        low = np.float64(z[x])
        high = low
        total = 0.0
        moment = 0.0
        while x < width and seeds[x] == seed:
            v = np.float64(z[x])
            if not np.isfinite(v):
                break
            total += v
            moment += v * (x - first)
            low = v if v < low else low
            high = v if v > high else high
            x += 1
        if x == first:
            x = _next_seed(seeds, words, offset, x + 1)
            continue
        start[n] = first
        end[n] = x
        sums[n, 0] = total
        sums[n, 1] = moment
        sums[n, 2] = low
        sums[n, 3] = high
        n += 1
        if x < width and seeds[x] == 0:
            x = _next_seed(seeds, words, offset, x)
    return n


@jit
def _join_rows(seeds, row, begin, middle, n, start, end, parent, shared):
    """Join the runs of ``row`` to those of the row above and count the pixels that they share.

    ``shared[:, 0]`` counts straight neighbours, ``shared[:, 1]`` diagonal ones, both of one region.
    """
    low = begin
    for j in range(middle, n):
        s = start[j]
        e = end[j]
        while low < middle and end[low] < s:
            low += 1
        i = low
        while i < middle and start[i] <= e:
            if seeds[row - 1, start[i]] == seeds[row, s]:
                join(parent, i, j)
                shared[j, 0] += max(0, min(e, end[i]) - max(s, start[i]))
                shared[j, 1] += max(0, min(e, end[i] + 1) - max(s, start[i] + 1))
                shared[j, 1] += max(0, min(e, end[i] - 1) - max(s, start[i] - 1))
            i += 1


@jit
def frame_runs(seeds, words, z, offset, start, end, sums, row_ptr, parent, shared):
    """Cut one frame into runs and join those that touch. Return the number of runs, -1 where room is short."""
    height, width = seeds.shape
    n = 0
    begin = 0
    for row in range(height):
        if n + width > start.size:
            return -1
        middle = n
        row_ptr[row] = n
        n = _row_runs(seeds[row], words, z[row], offset + row * width, n, start, end, sums)
        for j in range(middle, n):
            parent[j] = j
            shared[j, 0] = 0
            shared[j, 1] = 0
        if begin < middle < n:
            _join_rows(seeds, row, begin, middle, n, start, end, parent, shared)
        begin = middle
    row_ptr[height] = n
    return n
