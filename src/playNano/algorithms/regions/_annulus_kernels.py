"""Compiled estimate of the ground around regions, on bits: one word holds 64 pixels of a line."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from playNano._jit import jit
from playNano.algorithms.regions._bracket_kernels import median_near, rough_moments
from playNano.algorithms.regions._sums import (
    AREA,
    BACKGROUND,
    BELOW,
    COL_0,
    COL_1,
    DIAGONAL,
    N_RUNS,
    ROW_0,
    ROW_1,
)
from playNano.algorithms.surface._background_kernels import MIN_RING_PIXELS, frame_background

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
SIX_BITS, SIXTY_FOUR = np.uint64(63), np.uint64(64)
# Unsigned, so that numba does not ask of every place whether it counts from the end.
ZERO, ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT = (np.uint64(_i) for _i in range(9))
BYTE = np.uint64(255)
# Where in each byte its stretches of set bits begin, and how long they are: four at most.
BEGIN = np.zeros((4, 256), dtype=np.uint8)
LENGTH = np.zeros((4, 256), dtype=np.uint8)
for _i in range(256):
    _begins = [_j for _j in range(8) if _i >> _j & 1 and not _i << 1 >> _j & 1]
    _ends = [_j + 1 for _j in range(8) if _i >> _j & 1 and not _i >> _j + 1 & 1]
    for _j, (_begin, _end) in enumerate(zip(_begins, _ends, strict=True)):
        BEGIN[_j, _i], LENGTH[_j, _i] = _begin, _end - _begin
SQRT_HALF = 0.7071067811865476
# Gaps up to this many pixels are grown in whole frames, wider ones region by region.
NARROW = 4


@jit(inline="always")
def _mark_word(bits, row, left, word):
    """Set the bits of a word in the 64 columns from ``left`` on; each row has a word to spare."""
    w, shift = left >> SIX, left & SIX_BITS
    bits[row, w] |= word << shift
    # Not by 64 at once, which is no shift at all.
    bits[row, w + ONE] |= (word >> ONE) >> (SIX_BITS - shift)


@jit(inline="always")
def _mark(bits, row, first, last):
    """Set the bits of the pixels ``first`` up to ``last`` (not included) of a row."""
    for left in range(np.uint64(first), np.uint64(last), SIXTY_FOUR):
        _mark_word(bits, row, left, ALL >> (SIXTY_FOUR - min(np.uint64(last) - left, SIXTY_FOUR)))


@jit
def region_gaps(acc, gap, min_size, gaps):
    """Write how far each region's flank is taken to reach: ``gap`` px, or, if that is negative, by its size.

    Regions of less than ``min_size`` px are taken for noise, which has no flanks.
    """
    for c in range(acc.shape[0]):
        if acc[c, AREA] < min_size:
            gaps[c] = 0
            continue
        if gap >= 0:
            gaps[c] = gap
            continue
        # Crofton's perimeter in pixels. Area / perimeter x (1 + roundness) is the radius of a disc, and half the
        # width of a strand.
        area = acc[c, AREA]
        entries = acc[c, N_RUNS] + area - acc[c, BELOW] + (2 * area - acc[c, DIAGONAL]) * SQRT_HALF
        around = 0.25 * np.pi * entries
        radius = area / around * (1.0 + 4 * np.pi * area / (around * around))
        gaps[c] = max(2, int(0.75 * radius + 0.5))


@jit
def _mark_taken(runs, regions, taken):
    """Mark the pixels of all regions."""
    bounds, rows, starts, ends = runs
    taken[:] = ZERO
    for i in range(np.uint64(bounds[regions])):
        _mark(taken, rows[i], starts[i], ends[i])


@jit
def mark_near(runs, acc, gaps, width, near, cover):
    """Mark the pixels of all regions and those within their gaps.

    ``runs`` and ``cover`` are as in `ring_backgrounds`; ``near`` has a word to spare in each row.
    """
    near[:] = ZERO
    widest = 0
    for c in range(acc.shape[0]):
        if gaps[c] <= NARROW:
            widest = max(widest, gaps[c])
    # Narrow gaps are grown along the rows at once, and across them together: all by a row less each time.
    for gap in range(widest, -1, -1):
        _mark_grown(runs, acc.shape[0], gaps, gap, width, near)
        if gap > 0:
            _spread_rows(near, cover[: near.shape[1]])
    for c in range(acc.shape[0]):
        if gaps[c] > NARROW:
            _mark_cover(runs, c, acc[c], gaps[c], width, near, cover)


@jit(inline="always")
def _mark_grown(runs, regions, gaps, gap, width, near):
    """Mark the regions with one gap, grown by it along the rows."""
    bounds, rows, starts, ends = runs
    for c in range(regions):
        if gaps[c] != gap:
            continue
        for i in range(np.uint64(bounds[c]), np.uint64(bounds[c + 1])):
            _mark(near, rows[i], max(starts[i] - gap, 0), min(ends[i] + gap, width))


@jit(inline="always")
def _spread_rows(bits, above):
    """Or each row with the one above and the one below it; ``above`` has room for a row."""
    height, words = np.uint64(bits.shape[0]), np.uint64(bits.shape[1])
    above[:] = ZERO
    for row in range(height - ONE):
        for w in range(words):
            here = bits[row, w]
            bits[row, w] = above[w] | here | bits[row + ONE, w]
            above[w] = here
    for w in range(words):
        bits[height - ONE, w] |= above[w]


@jit
def _mark_cover(runs, c, mine, gap, width, near, cover):
    """Mark what lies within a wide gap of a region."""
    height = near.shape[0]
    box = _box(mine)
    for left in range(max(box[1] - gap, 0), min(box[3] + gap, width), 64):
        _cover(runs, c, box, left, gap, width, cover)
        first = max(box[0] - gap, 0)
        i = np.uint64(first - box[0] + gap)
        for row in range(np.uint64(first), np.uint64(min(box[2] + gap, height))):
            _mark_word(near, row, np.uint64(left), cover[i])
            i += ONE


@jit(inline="always")
def _box(mine):
    return np.int64(mine[ROW_0]), np.int64(mine[COL_0]), np.int64(mine[ROW_1]), np.int64(mine[COL_1])


@jit(inline="always")
def _cover(runs, c, box, left, reach, width, cover):
    """Mark what lies within ``reach`` of a region in the 64 columns from ``left`` on.

    ``cover[0]`` becomes the row ``box[0] - reach``: each row is the ors of the ``2 reach + 1`` of the region up to it.
    """
    bounds, rows, starts, ends = runs
    tall = np.uint64(box[2] - box[0])
    span = np.uint64(2 * reach + 1)
    for i in range(tall):
        cover[i] = ZERO
    last = min(width - left, 64)
    for i in range(np.uint64(bounds[c]), np.uint64(bounds[c + 1])):
        a = max(starts[i] - reach - left, 0)
        b = min(ends[i] + reach - left, last)
        if b > a:
            cover[np.uint64(rows[i] - box[0])] |= (ALL >> np.uint64(64 - (b - a))) << np.uint64(a)
    if tall <= span:
        _spread_low(cover, tall, span)
    else:
        _spread_tall(cover, tall, span)


@jit(inline="always")
def _spread_low(cover, tall, span):
    """Spread the rows of a region that is no taller than a window: all of it lies in the windows of the middle."""
    bits = ZERO
    i = tall
    while i > ZERO:
        i -= ONE
        bits |= cover[i]
        cover[i + span - ONE] = bits
    for i in range(tall, span):
        cover[i] = bits
    bits = ZERO
    for i in range(tall):
        bits |= cover[i]
        cover[i] = bits


@jit
def _spread_tall(cover, tall, span):
    """Spread the rows of a region by ors with twice as many rows each time, from below, where nothing is missed."""
    total = tall + span - ONE
    for i in range(tall, total):
        cover[i] = ZERO
    done = ONE
    while done < span:
        step = min(done, span - done)
        i = total
        while i > step:
            i -= ONE
            cover[i] |= cover[i - step]
        done += step


@jit
def _without_gaps(values, n):
    """Move the values that are finite to the front. Return how many there are."""
    m = 0
    for i in range(n):
        v = values[i]
        values[m] = v
        m += np.isfinite(v)
    return m


@jit(inline="always")
def _copy_eight(flat, p, values, m):
    """Copy eight values; all are read before the first is written, so that it is done at once."""
    a, b, c, d = flat[p], flat[p + ONE], flat[p + TWO], flat[p + THREE]
    e, f, g, h = flat[p + FOUR], flat[p + FIVE], flat[p + SIX], flat[p + SEVEN]
    values[m], values[m + ONE], values[m + TWO], values[m + THREE] = a, b, c, d
    values[m + FOUR], values[m + FIVE], values[m + SIX], values[m + SEVEN] = e, f, g, h


@jit
def _copy_rest(flat, p, byte, values, m):
    """Copy the stretches of a byte behind its first. Return the number so far."""
    for k in range(ONE, FOUR):
        _copy_eight(flat, p + BEGIN[k, byte], values, m)
        m += LENGTH[k, byte]
    return m


@jit(inline="always")
def _copy_marked(flat, p, bits, size, values, m):
    """Copy the values whose bits are set among the first ``size`` bytes of bits. Return the number so far.

    Stretches of set bits are copied eight at a time, and what is too much is written over by the next: so the
    processor has little to guess. Up to eight values more are read and written than there are.
    """
    for _ in range(size):
        byte = bits & BYTE
        _copy_eight(flat, p + BEGIN[ZERO, byte], values, m)
        m += LENGTH[ZERO, byte]
        if LENGTH[ONE, byte]:
            m = _copy_rest(flat, p, byte, values, m)
        p += EIGHT
        bits >>= EIGHT
    return m


@jit
def _copy_last(flat, p, bits, values, m):
    """Copy the values whose bits are set, one by one, where the frame ends. Return the number so far."""
    while bits != ZERO:
        if bits & ONE:
            values[m] = flat[p]
            m += ONE
        bits >>= ONE
        p += ONE
    return m


@jit(inline="always")
def _collect(flat, shape, runs, c, box, gap, reach, own, barred, covers, values):
    """Collect the heights in the ring around one region. Return their number.

    Barred pixels are left out; where ``own`` is true, those within the region's own gap are too.
    """
    height, width = shape
    outer, inner = covers
    first, last = max(box[0] - reach, 0), min(box[2] + reach, height)
    # From where on, and for how many rows, there are rows of `inner`; the difference is not below zero there.
    top, tall = np.uint64(box[0] - gap), np.uint64(box[2] - box[0] + 2 * gap if own else 0)
    n = ZERO
    for left in range(max(box[1] - reach, 0), min(box[3] + reach, width), 64):
        _cover(runs, c, box, left, reach, width, outer)
        if own:
            _cover(runs, c, box, left, gap, width, inner)
        size = np.uint64((min(box[3] + reach, width, left + 64) - left + 7) >> 3)
        # So far can whole bytes be copied.
        safe = flat.size - np.int64(EIGHT * size + EIGHT)
        i = np.uint64(first - box[0] + reach)
        at = np.uint64(first * width + left)
        w, shift = np.uint64(left) >> SIX, np.uint64(left) & SIX_BITS
        for row in range(np.uint64(first), np.uint64(last)):
            other = (barred[row, w] >> shift) | ((barred[row, w + ONE] << ONE) << (SIX_BITS - shift))
            bits = outer[i] & ~other
            if row - top < tall:
                bits &= ~inner[row - top]
            if np.int64(at) <= safe:
                n = _copy_marked(flat, at, bits, size, values, n)
            else:
                n = _copy_last(flat, at, bits, values, n)
            at += np.uint64(width)
            i += ONE
    return np.int64(n)


@jit(inline="always")
def _cleaned(values, n):
    """Drop what is not finite; return the number left, their mean and variance, roughly."""
    count, mean, variance = rough_moments(values, n)
    if count < n or not variance < np.inf:
        count, mean, variance = rough_moments(values, _without_gaps(values, n))
    return count, mean, variance


@jit
def ring_backgrounds(seeds, z, runs, acc, chosen, gaps, width, barred, covers, values):
    """Write the median of the ring around each chosen region into its row of sums.

    ``runs`` are those of `runs_by_region`; ``barred`` the pixels of `mark_near`, and as many
    words of scratch; ``covers`` twice as many words as rows and four times the widest ring's reach; ``values``
    has room for a frame and ``LANES`` pixels. Where fewer than eight pixels are ground, those beside other
    regions are taken too, and then the frame.
    """
    near, taken = barred
    flat = z.reshape(-1)
    whole = np.nan
    marked = False
    known = False
    for c in range(acc.shape[0]):
        acc[c, BACKGROUND] = np.nan
        if chosen[c] == 0:
            continue
        box = _box(acc[c])
        gap = gaps[c]
        n = _collect(flat, z.shape, runs, c, box, gap, gap + width, False, near, covers, values)
        n, mean, variance = _cleaned(values, n)
        if n < MIN_RING_PIXELS:
            if not marked:
                _mark_taken(runs, acc.shape[0], taken)
                marked = True
            n = _collect(flat, z.shape, runs, c, box, gap, gap + width, True, taken, covers, values)
            n, mean, variance = _cleaned(values, n)
        if n >= MIN_RING_PIXELS:
            acc[c, BACKGROUND] = median_near(values, n, mean, variance)
            continue
        if not known:
            whole = frame_background(seeds, z)
            known = True
        acc[c, BACKGROUND] = whole
