"""Compiled estimate of the ground around regions, on bits: one word holds 64 pixels of a line."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

from playNano.algorithms._background_kernels import (
    MIN_RING_PIXELS,
    frame_background,
    median_near,
    rough_moments,
)

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
SIX_BITS = np.int64(63)
# Unsigned, so that numba does not ask of every place whether it counts from the end.
ZERO, ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT = (np.uint64(_i) for _i in range(9))
BYTE = np.uint64(255)
# The places of the bits set in each byte, filled up with the lowest of them; and their number.
PLACES = np.zeros((256, 8), dtype=np.uint8)
NUMBER = np.zeros(256, dtype=np.uint64)
for _i in range(1, 256):
    _set = [_j for _j in range(8) if _i >> _j & 1]
    PLACES[_i] = _set + _set[:1] * (8 - len(_set))
    NUMBER[_i] = len(_set)
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
def _mark_taken(row_ptr, start, end, taken):
    """Mark the pixels of all regions."""
    taken[:] = ZERO
    for row in range(row_ptr.size - 1):
        for r in range(row_ptr[row], row_ptr[row + 1]):
            _mark(taken, row, np.int64(start[r]), np.int64(end[r]))


@njit(cache=True, nogil=True)
def mark_near(lists, start, end, acc, min_size, gaps, width, cover, near):
    """Mark the pixels of all regions, and those within the gap of a large one.

    ``lists`` and ``cover`` are as in `ring_backgrounds`; ``near`` has a word to spare in each row.
    """
    bounds, order, rows = lists
    height = near.shape[0]
    near[:] = ZERO
    for c in range(acc.shape[0]):
        runs = order[bounds[c] : bounds[c + 1]]
        if acc[c, _AREA] < min_size:
            for r in runs:
                _mark(near, rows[r], np.int64(start[r]), np.int64(end[r]))
            continue
        gap = gaps[c]
        box = _box(acc[c])
        for left in range(max(box[1] - gap, 0), min(box[3] + gap, width), 64):
            _cover(runs, rows, start, end, box, left, gap, width, cover)
            w = left >> 6
            shift = np.uint64(left & SIX_BITS)
            for row in range(max(box[0] - gap, 0), min(box[2] + gap, height)):
                bits = cover[row - box[0] + gap]
                near[row, w] |= bits << shift
                near[row, w + 1] |= (bits >> ONE) >> (np.uint64(63) - shift)


@njit(cache=True, nogil=True, inline="always")
def _box(mine):
    return np.int64(mine[_ROW_0]), np.int64(mine[_COL_0]), np.int64(mine[_ROW_1]), np.int64(mine[_COL_1])


@njit(cache=True, nogil=True)
def _cover(runs, rows, start, end, box, left, reach, width, cover):
    """Mark what lies within ``reach`` of a region in the 64 columns from ``left`` on.

    ``cover[0]`` becomes the row ``box[0] - reach``. Rows are spread by ors over twice as many rows each time.
    """
    first = box[0] - 2 * reach
    total = np.uint64(box[2] - first + 2 * reach)
    for i in range(total):
        cover[i] = ZERO
    last = min(width - left, 64)
    for r in runs:
        a = max(np.int64(start[r]) - reach - left, 0)
        b = min(np.int64(end[r]) + reach - left, last)
        if b > a:
            cover[np.uint64(rows[r] - first)] |= (ALL >> np.uint64(64 - (b - a))) << np.uint64(a)
    span = np.uint64(2 * reach + 1)
    done = ONE
    while done < span:
        step = min(done, span - done)
        for i in range(total - step):
            cover[i] |= cover[i + step]
        done += step


@njit(cache=True, nogil=True, inline="always")
def _word(bits, row, left):
    """Return the bits of the 64 columns from ``left`` on; the rows have a word to spare."""
    w = left >> 6
    shift = np.uint64(left & SIX_BITS)
    return (bits[row, w] >> shift) | ((bits[row, w + 1] << ONE) << (np.uint64(63) - shift))


@njit(cache=True, nogil=True)
def _without_gaps(values, n):
    """Drop the values that are not finite. Return how many are left."""
    m = 0
    for i in range(n):
        v = values[i]
        values[m] = v
        m += np.isfinite(v)
    return m


@njit(cache=True, nogil=True, inline="always")
def _copy_marked(flat, at, bits, size, values, n):
    """Copy the values whose bits are set among the first ``size``, eight at a time. Return the number so far.

    Nothing hangs on the bits but places, so that the processor has nothing to guess; up to eight values more are
    written than there are.
    """
    p = np.uint64(at)
    m = np.uint64(n)
    for _ in range(size):
        byte = bits & BYTE
        o = PLACES[byte]
        a, b, c, d = flat[p + o[ZERO]], flat[p + o[ONE]], flat[p + o[TWO]], flat[p + o[THREE]]
        e, f, g, h = flat[p + o[FOUR]], flat[p + o[FIVE]], flat[p + o[SIX]], flat[p + o[SEVEN]]
        values[m], values[m + ONE], values[m + TWO], values[m + THREE] = a, b, c, d
        values[m + FOUR], values[m + FIVE], values[m + SIX], values[m + SEVEN] = e, f, g, h
        m += NUMBER[byte]
        p += EIGHT
        bits >>= EIGHT
    return np.int64(m)


@njit(cache=True, nogil=True)
def _collect(flat, shape, runs, rows, start, end, box, gap, reach, own, barred, covers, values):
    """Collect the heights in the ring around one region. Return their number.

    Barred pixels are left out; where ``own`` is true, those within the region's own gap are too.
    """
    height, width = shape
    outer, inner = covers
    n = 0
    for left in range(max(box[1] - reach, 0), min(box[3] + reach, width), 64):
        _cover(runs, rows, start, end, box, left, reach, width, outer)
        if own:
            _cover(runs, rows, start, end, box, left, gap, width, inner)
        size = (min(box[3] + reach, width, left + 64) - left + 7) >> 3
        for row in range(max(box[0] - reach, 0), min(box[2] + reach, height)):
            bits = outer[row - box[0] + reach] & ~_word(barred, row, left)
            if own and box[0] - gap <= row < box[2] + gap:
                bits &= ~inner[row - box[0] + gap]
            n = _copy_marked(flat, row * width + left, bits, size, values, n)
    return n


@njit(cache=True, nogil=True, inline="always")
def _cleaned(values, n):
    """Drop what is not finite; return the number left, their mean and deviation, roughly."""
    if n == 0:
        return n, 0.0, 0.0
    mean, spread = rough_moments(values, n)
    if not spread < np.inf:
        n = _without_gaps(values, n)
        if n > 0:
            mean, spread = rough_moments(values, n)
    return n, mean, spread


@njit(cache=True, nogil=True)
def ring_backgrounds(seeds, z, lists, row_ptr, start, end, acc, chosen, gaps, width, barred, covers, values):
    """Write the median of the ring around each chosen region into its row of sums.

    ``lists`` are the bounds, runs and rows of `runs_by_region`; ``barred`` the pixels of `mark_near`, and as many
    words of scratch; ``covers`` twice as many words as rows and four times the widest ring's reach; ``values``
    has room for a frame and ``LANES`` pixels. Where fewer than eight pixels are ground, those beside other
    regions are taken too, and then the frame.
    """
    bounds, order, rows = lists
    near, taken = barred
    flat = z.reshape(-1)
    whole = np.nan
    marked = False
    known = False
    for c in range(acc.shape[0]):
        acc[c, _BACKGROUND] = np.nan
        if chosen[c] == 0:
            continue
        box = _box(acc[c])
        runs = order[bounds[c] : bounds[c + 1]]
        gap = gaps[c]
        n = _collect(
            flat, z.shape, runs, rows, start, end, box, gap, gap + width, False, near, covers, values
        )
        n, mean, spread = _cleaned(values, n)
        if n < MIN_RING_PIXELS:
            if not marked:
                _mark_taken(row_ptr, start, end, taken)
                marked = True
            n = _collect(
                flat, z.shape, runs, rows, start, end, box, gap, gap + width, True, taken, covers, values
            )
            n, mean, spread = _cleaned(values, n)
        if n >= MIN_RING_PIXELS:
            acc[c, _BACKGROUND] = median_near(values, n, mean, spread)
            continue
        if not known:
            whole = frame_background(seeds, z)
            known = True
        acc[c, _BACKGROUND] = whole
