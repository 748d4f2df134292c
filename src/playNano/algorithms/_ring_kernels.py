"""Compiled estimate of the ground around regions, on bits: one word holds 64 pixels of a line."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

from playNano.algorithms._background_kernels import MIN_RING_PIXELS, frame_background, median

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
SIX_BITS, SHIFT = np.int64(63), np.uint64(58)
# Unsigned, so that numba does not ask of every place whether it counts from the end.
ZERO, ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT = (np.uint64(_i) for _i in range(9))
# A power of two times this has the power's exponent, scrambled, in its highest six bits.
DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
PLACES = np.zeros(64, dtype=np.int64)
PLACES[[((1 << _i) * int(DE_BRUIJN) & int(ALL)) >> 58 for _i in range(64)]] = np.arange(64)
# Places in a region's row of sums, as in _region_kernels.
_AREA, _ROW_0, _COL_0, _ROW_1, _COL_1 = 0, 6, 7, 8, 9
_N_RUNS, _BELOW, _DIAGONAL, _BACKGROUND = 16, 17, 18, 19
SQRT_HALF = 0.7071067811865476


@njit(cache=True, nogil=True, inline="always")
def _mark(bits, row, first, last):
    """Set the bits of the pixels ``first`` up to ``last`` (not included) of a row."""
    a = first >> 6
    b = (last - 1) >> 6
    head = ALL << np.uint64(first & SIX_BITS)
    tail = ALL >> np.uint64(SIX_BITS - ((last - 1) & SIX_BITS))
    if a == b:
        bits[row, a] |= head & tail
        return
    bits[row, a] |= head
    for w in range(a + 1, b):
        bits[row, w] = ALL
    bits[row, b] |= tail


@njit(cache=True, nogil=True)
def region_gaps(acc, gap, gaps):
    """Write how far each region's flank is taken to reach: ``gap`` px, or, if that is negative, by its size."""
    for c in range(acc.shape[0]):
        if gap >= 0:
            gaps[c] = gap
            continue
        # Crofton's perimeter in pixels. Area / perimeter x (1 + roundness) is the radius of a disc, and half the
        # width of a strand.
        area = acc[c, _AREA]
        entries = acc[c, _N_RUNS] + area - acc[c, _BELOW] + (2 * area - acc[c, _DIAGONAL]) * SQRT_HALF
        around = 0.25 * np.pi * entries
        radius = area / around * (1.0 + 4 * np.pi * area / (around * around))
        gaps[c] = max(2, int(0.75 * radius + 0.5))


@njit(cache=True, nogil=True)
def mark_ground(row_ptr, start, end, region, acc, min_size, gaps, width, taken, near):
    """Mark the pixels of all regions in ``taken``, and in ``near`` also those within the gap of a large one."""
    height = row_ptr.size - 1
    taken[:] = ZERO
    near[:] = ZERO
    for row in range(height):
        for r in range(row_ptr[row], row_ptr[row + 1]):
            s = np.int64(start[r])
            e = np.int64(end[r])
            _mark(taken, row, s, e)
            if acc[region[r], _AREA] >= min_size:
                gap = gaps[region[r]]
                first, last = max(s - gap, 0), min(e + gap, width)
                for k in range(max(row - gap, 0), min(row + gap + 1, height)):
                    _mark(near, k, first, last)
            else:
                _mark(near, row, s, e)


@njit(cache=True, nogil=True, inline="always")
def _cover(runs, rows, start, end, box, left, reach, width, cover):
    """Mark what lies within ``reach`` of a region in the 64 columns from ``left`` on.

    ``cover[0]`` becomes the row ``box[0] - reach``. Rows are spread by running ors over blocks of as many rows as
    the window has, from above and from below: two of them make any window.
    """
    before, after, spread = cover
    span = 2 * reach + 1
    total = box[2] - box[0] + 4 * reach
    before[:total] = ZERO
    for r in runs:
        a = max(np.int64(start[r]) - reach, left) - left
        b = min(np.int64(end[r]) + reach, width, left + 64) - left
        if b > a:
            before[rows[r] - box[0] + 2 * reach] |= (ALL >> np.uint64(64 - (b - a))) << np.uint64(a)
    for first in range(0, total, span):
        last = min(first + span, total) - 1
        after[last] = before[last]
        for i in range(last - 1, first - 1, -1):
            after[i] = before[i] | after[i + 1]
        for i in range(first + 1, last + 1):
            before[i] |= before[i - 1]
    for i in range(total - 2 * reach):
        spread[i] = after[i] | before[i + 2 * reach]


@njit(cache=True, nogil=True, inline="always")
def _word(bits, row, left):
    """Return the bits of the 64 columns from ``left`` on; the rows have a word to spare."""
    w = left >> 6
    shift = np.uint64(left & SIX_BITS)
    return (bits[row, w] >> shift) | ((bits[row, w + 1] << ONE) << (np.uint64(63) - shift))


@njit(cache=True, nogil=True, inline="always")
def _copy(source, at, values, n, length):
    """Copy a stretch eight values at a time; up to seven more are written than asked for."""
    m = np.uint64(n)
    stop = np.uint64(n + length)
    p = np.uint64(at)
    if at + length + 8 > source.size:
        while m < stop:
            values[m] = source[p]
            m += ONE
            p += ONE
        return
    while m < stop:
        # All are read before any is written: they then go through one wide register.
        a, b, c, d = source[p], source[p + ONE], source[p + TWO], source[p + THREE]
        e, f, g, h = source[p + FOUR], source[p + FIVE], source[p + SIX], source[p + SEVEN]
        values[m], values[m + ONE], values[m + TWO], values[m + THREE] = a, b, c, d
        values[m + FOUR], values[m + FIVE], values[m + SIX], values[m + SEVEN] = e, f, g, h
        m += EIGHT
        p += EIGHT


@njit(cache=True, nogil=True, inline="always")
def _without_gaps(values, n):
    """Drop the values that are not finite. Return how many are left."""
    bad = 0
    for i in range(n):
        bad += values[i] - values[i] != 0
    if bad == 0:
        return n
    m = 0
    for i in range(n):
        v = values[i]
        values[m] = v
        m += v - v == 0
    return m


@njit(cache=True, nogil=True, inline="always")
def _copy_marked(flat, at, bits, values, n):
    """Copy the values whose bits are set, stretch by stretch. Return the number of values so far."""
    while bits != ZERO:
        # Adding the lowest bit of a stretch of ones carries through it.
        lowest = bits & (~bits + ONE)
        rest = bits & (bits + lowest)
        first = PLACES[(lowest * DE_BRUIJN) >> SHIFT]
        stretch = (bits ^ rest) >> np.uint64(first)
        length = PLACES[((stretch + ONE) * DE_BRUIJN) >> SHIFT] if stretch != ALL else 64
        _copy(flat, at + first, values, n, length)
        n += length
        bits = rest
    return n


@njit(cache=True, nogil=True)
def _collect(z, runs, rows, start, end, box, gap, reach, own, barred, covers, values):
    """Collect the finite heights in the ring around one region. Return their number.

    Barred pixels are left out; where ``own`` is true, those within the region's own gap are too.
    """
    height, width = z.shape
    flat = z.reshape(-1)
    outer, inner = covers
    n = 0
    for left in range(max(box[1] - reach, 0), min(box[3] + reach, width), 64):
        _cover(runs, rows, start, end, box, left, reach, width, outer)
        if own:
            _cover(runs, rows, start, end, box, left, gap, width, inner)
        for row in range(max(box[0] - reach, 0), min(box[2] + reach, height)):
            bits = outer[2][row - box[0] + reach] & ~_word(barred, row, left)
            if own and box[0] - gap <= row < box[2] + gap:
                bits &= ~inner[2][row - box[0] + gap]
            n = _copy_marked(flat, row * width + left, bits, values, n)
    return _without_gaps(values, n)


@njit(cache=True, nogil=True)
def ring_backgrounds(seeds, z, lists, start, end, acc, chosen, gaps, width, barred, covers, values):
    """Write the median of the ring around each chosen region into its row of sums.

    ``lists`` are the bounds, runs and rows of `runs_by_region`; ``barred`` the pixels ``taken`` and ``near`` of
    `mark_ground`; ``covers`` twice three arrays of words, one for each row and four for each pixel of the widest
    ring's reach; ``values`` has room for a frame and eight pixels. Where fewer than eight pixels are ground, those
    beside other regions are taken too, and then the frame.
    """
    bounds, order, rows = lists
    taken, near = barred
    whole = np.nan
    known = False
    for c in range(acc.shape[0]):
        acc[c, _BACKGROUND] = np.nan
        if chosen[c] == 0:
            continue
        box = (
            np.int64(acc[c, _ROW_0]),
            np.int64(acc[c, _COL_0]),
            np.int64(acc[c, _ROW_1]),
            np.int64(acc[c, _COL_1]),
        )
        runs = order[bounds[c] : bounds[c + 1]]
        gap = gaps[c]
        n = _collect(z, runs, rows, start, end, box, gap, gap + width, False, near, covers, values)
        if n < MIN_RING_PIXELS:
            n = _collect(z, runs, rows, start, end, box, gap, gap + width, True, taken, covers, values)
        if n >= MIN_RING_PIXELS:
            acc[c, _BACKGROUND] = median(values[:n])
            continue
        if not known:
            whole = frame_background(seeds, z)
            known = True
        acc[c, _BACKGROUND] = whole
