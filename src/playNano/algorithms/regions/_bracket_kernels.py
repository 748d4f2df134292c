"""Compiled exact medians: counts close in on them, without moving or sorting anything.

What is looked at from the first value to the last is looked at in vectors, and often; what hangs on the outcome is
decided seldom, for a processor cannot foresee it.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import intrinsic

from playNano._jit import jit

# Values are counted so many at a time; buffers have that many places to spare.
LANES = 32
# So few in a bracket are told apart by their neighbours.
FEW = 8
# Half the first bracket around the mean, in standard errors of it: those of a median are a quarter larger, and
# three quarters as large is its distance from the mean.
FIRST_REACH = 1.7
TRIES = 4
# Interpolations before a bracket is halved instead: values of very uneven density are slow to close in on.
PASSES = 8


def _bits(value):
    """Return the type of whole numbers that has as many bits as a type of floats."""
    return types.int32 if value == types.float32 else types.int64


def _turned(builder, bits):
    """Flip all bits of a negative float but its sign, so that bits as whole numbers are in the order of floats."""
    width = bits.type.width
    rest = builder.and_(builder.ashr(bits, bits.type(width - 1)), bits.type(2 ** (width - 1) - 1))
    return builder.xor(bits, rest)


@intrinsic
def _order(typing_context, value):
    """Return a whole number of as many bits as a float has, in whose order the floats are."""
    bits = _bits(value)

    def generate(context, builder, signature, arguments):
        return _turned(builder, builder.bitcast(arguments[0], context.get_value_type(bits)))

    return bits(value), generate


@intrinsic
def _value(typing_context, order):
    """Return the float that a number of `_order` stands for."""
    value = types.float32 if order == types.int32 else types.float64

    def generate(context, builder, signature, arguments):
        return builder.bitcast(_turned(builder, arguments[0]), context.get_value_type(value))

    return value(order), generate


@intrinsic
def _halfway(typing_context, low, high):
    """Return the float in the middle of all those between two: so at most as many halvings as bits are needed."""
    bits = _bits(low)

    def generate(context, builder, signature, arguments):
        a, b = (_turned(builder, builder.bitcast(x, context.get_value_type(bits))) for x in arguments)
        # Half the sum, rounded down, without overflow.
        half = builder.ashr(builder.xor(a, b), a.type(1))
        middle = builder.add(builder.and_(a, b), half)
        return builder.bitcast(_turned(builder, middle), context.get_value_type(low))

    return low(low, high), generate


@intrinsic
def _plus(typing_context, n, more):
    """Add a truth value to a whole number without making that wider."""

    def generate(context, builder, signature, arguments):
        return builder.add(arguments[0], builder.zext(arguments[1], arguments[0].type))

    return n(n, more), generate


@jit(inline="always")
def _padded(n):
    """Return the least multiple of ``LANES`` that is not less."""
    return (n + LANES - 1) // LANES * LANES


# Sums whose order is free are vectorised; they are only a first guess.
@jit(fastmath={"reassoc", "contract"})
def rough_moments(values, n):
    """Return how many of ``n`` values are not inf, and roughly their mean and variance.

    Neither is finite where another value is not. The ``LANES`` places behind the values are filled with inf.
    """
    kind = values.dtype.type
    for i in range(LANES):
        values[n + i] = np.inf
    first = values[0] if values[0] < np.inf else kind(0)
    count = np.int32(0)
    total = kind(0)
    squares = kind(0)
    for i in range(np.uint64(_padded(n))):
        v = values[i]
        count = _plus(count, v != kind(np.inf))
        d = v - first if v != kind(np.inf) else kind(0)
        total += d
        squares += d * d
    share = 1.0 / max(count, 1)
    mean = np.float64(total) * share
    rest = np.float64(squares) * share - mean * mean
    return np.int64(count), np.float64(first) + mean, rest if not rest < 0 else 0.0


@jit(inline="always")
def _counts(values, padded, limits):
    """Count the values that are at most each of six limits; no value is beyond the padding."""
    a, b, c, d, e, f = limits
    at_a = at_b = at_c = at_d = at_e = at_f = np.int32(0)
    for i in range(np.uint64(padded)):
        v = values[i]
        at_a = _plus(at_a, v <= a)
        at_b = _plus(at_b, v <= b)
        at_c = _plus(at_c, v <= c)
        at_d = _plus(at_d, v <= d)
        at_e = _plus(at_e, v <= e)
        at_f = _plus(at_f, v <= f)
    return at_a, at_b, at_c, at_d, at_e, at_f


@jit(inline="always")
def _inside(x, low, high):
    """Return what is nearest to a value in a bracket."""
    return min(max(x, low), high)


@jit
def _guess(values, n, padded, k, mean, variance):
    """Bracket rank ``k`` by limits around the mean, and then around where the bracket's counts place it.

    Returns ``floor, ceiling, below, within``: ``below`` values are at most ``floor``, ``within`` at most
    ``ceiling``, and rank ``k`` lies between.
    """
    kind = values.dtype.type
    floor, ceiling, below, within = kind(-np.inf), kind(np.inf), np.int32(0), np.int32(n)
    if not variance < np.inf:
        return floor, ceiling, np.int64(below), np.int64(within)
    middle = mean
    reach = FIRST_REACH * np.sqrt(variance / n)
    for _ in range(TRIES):
        limits = (
            _inside(kind(middle - reach), floor, ceiling),
            _inside(kind(middle - 0.5 * reach), floor, ceiling),
            _inside(kind(middle - 0.17 * reach), floor, ceiling),
            _inside(kind(middle + 0.17 * reach), floor, ceiling),
            _inside(kind(middle + 0.5 * reach), floor, ceiling),
            _inside(kind(middle + reach), floor, ceiling),
        )
        counts = _counts(values, padded, limits)
        for i in range(6):
            if counts[i] <= k:
                floor, below = limits[i], counts[i]
        for i in range(6):
            if counts[5 - i] > k:
                ceiling, within = limits[5 - i], counts[5 - i]
        wide = np.float64(ceiling) - np.float64(floor)
        if within - below <= FEW or not wide < np.inf:
            break
        middle = floor + wide * (k + 0.5 - below) / (within - below)
        reach = 0.25 * wide
    return floor, ceiling, np.int64(below), np.int64(within)


@jit(inline="always")
def _beside(values, padded, t):
    """Return how many values are at most ``t``, the greatest of them, and the least of the others."""
    kind = values.dtype.type
    top = _order(t)
    lowest = _order(kind(-np.inf))
    highest = _order(kind(np.inf))
    below = lowest
    above = highest
    # Counted from there, so that it has as many bits as the rest and all is done in one vector.
    count = lowest
    for i in range(np.uint64(padded)):
        here = _order(values[i])
        low = here <= top
        count = _plus(count, low)
        below = max(below, here if low else lowest)
        above = min(above, highest if low else here)
    return np.int64(count) - np.int64(lowest), _value(below), _value(above)


@jit(inline="always")
def _middle(values, n, padded, k, bracket):
    """Return the values of rank ``k`` and, where ``n`` is even, ``k + 1``, closing in on them from both sides."""
    kind = values.dtype.type
    floor, ceiling, below, within = bracket
    passes = 0
    while True:
        t = floor + (ceiling - floor) * kind(k + 1 - below) / kind(within - below)
        if within == k + 1:
            t = ceiling
        elif passes >= PASSES or not floor <= t < ceiling:
            t = _halfway(floor, ceiling)
        count, low, high = _beside(values, padded, t)
        if count == k + 1:
            return low, high
        if count > k:
            ceiling, within = low, count
        else:
            floor, below = high, count
        if floor == ceiling:
            return ceiling, ceiling
        if count == k and n % 2 == 1:
            return high, high
        passes += 1


@jit
def median_near(values, n, mean, variance):
    """Return the exact median of ``n`` finite values, of which mean and variance are roughly known.

    The ``LANES`` places behind them hold inf.
    """
    k = (n - 1) // 2
    padded = _padded(n)
    bracket = _guess(values, n, padded, k, mean, variance)
    middle, after = _middle(values, n, padded, k, bracket)
    if n % 2 == 1:
        return np.float64(middle)
    return 0.5 * (np.float64(middle) + np.float64(after))


@jit
def median(values, n):
    """Return the exact median of the first ``n`` values, finite ones; NaN of none.

    The array has ``LANES`` more places, which are written to.
    """
    if n == 0:
        return np.nan
    _, mean, variance = rough_moments(values, n)
    return median_near(values, n, mean, variance)
