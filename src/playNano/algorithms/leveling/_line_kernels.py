"""Compiled sums and medians of lines; a median is found by counting, many values at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano._jit import jit

Array = npt.NDArray[Any]
F64 = npt.NDArray[np.float64]

# Sums may be re-ordered for speed, always in the same way; NaN and inf keep their meaning.
_SUM = {"reassoc", "nsz"}


@jit(fastmath=_SUM)
def total(values: Array) -> float:
    """Return the sum of a line; it is finite only where every value is."""
    result = 0.0
    for i in range(values.size):
        result += values[i]
    return result


@jit
def _make_keys(values: Array, bits: Array, keys: Array) -> tuple[Any, Any]:
    """Write integers that order as the finite values do; return the least and the greatest."""
    kind = bits.dtype.type
    shift, magnitude = kind(8 * bits.itemsize - 1), kind(np.iinfo(bits.dtype).max)
    low, high = magnitude, kind(-magnitude)
    for i in range(values.size):
        # A negative number's magnitude counts downwards.
        key = kind(bits[i] ^ ((bits[i] >> shift) & magnitude))
        keys[i] = key
        low = min(low, key)
        high = max(high, key)
    return low, high


@jit
def _split(keys: Array, level: Any, least: Any, most: Any) -> tuple[Any, Any, Any]:
    """Return how many keys are at most `level`, the greatest of these, and the least of the others."""
    kind = keys.dtype.type
    number, below, above = kind(0), least, most
    for i in range(keys.size):
        key = keys[i]
        number = kind(number + (kind(1) if key <= level else kind(0)))
        below = max(below, key if key <= level else least)
        above = min(above, most if key <= level else key)
    return number, below, above


@jit
def _key_of(value: float, number: Array, bits: Array) -> Any:
    kind = bits.dtype.type
    number[0] = value
    shift, magnitude = kind(8 * bits.itemsize - 1), kind(np.iinfo(bits.dtype).max)
    return kind(bits[0] ^ ((bits[0] >> shift) & magnitude))


@jit
def _value_of(key: Any, number: Array, bits: Array) -> float:
    kind = bits.dtype.type
    shift, magnitude = kind(8 * bits.itemsize - 1), kind(np.iinfo(bits.dtype).max)
    bits[0] = kind(key ^ ((key >> shift) & magnitude))
    return np.float64(number[0])


@jit
def median_of(values: Array, bits: Array, keys: Array) -> float:
    """Return the median of a line of finite values, at least one.

    `bits` is the same memory as integers of the same size, `keys` scratch of the line's length at least.
    The value of a rank is closed in from both sides: each pass counts the values up to a level between
    the bounds, and draws the bounds to the values next to it.
    """
    keys = keys[: values.size]
    low, high = _make_keys(values, bits, keys)
    least, most = low, high
    one = np.empty(1, values.dtype)
    as_bits = one.view(bits.dtype)
    rank, two = (keys.size - 1) // 2, keys.size % 2 == 0
    n_low, n_high, turn = 0, keys.size, 0
    while low < high:
        bottom, top = _value_of(low, one, as_bits), _value_of(high, one, as_bits)
        # Where the values lie evenly, this hits the rank; halving now and then keeps the worst case short.
        share = 0.5 if turn % 3 == 2 else (rank + 1 - n_low) / (n_high - n_low)
        turn += 1
        level = _key_of(bottom * (1.0 - share) + top * share, one, as_bits)
        level = max(low, min(level, keys.dtype.type(high - 1)))
        number, below, above = _split(keys, level, least, most)
        if number == rank + 1:
            middle: float = _value_of(below, one, as_bits)
            if two:
                middle = 0.5 * (middle + _value_of(above, one, as_bits))
            return middle
        if number > rank:
            high, n_high = below, number
        else:
            low, n_low = above, number
    middle = np.float64(_value_of(low, one, as_bits))
    if two:
        number, _, above = _split(keys, low, least, most)
        if number == rank + 1:
            middle = np.float64(0.5 * (middle + _value_of(above, one, as_bits)))
    return middle


@jit
def line_medians(lines: Array, bits: Array, usable: npt.NDArray[np.bool_], all_usable: bool) -> F64:
    """Return the median of the usable values of each line (n, length); NaN where there is none.

    `bits` is the same memory as integers. Values that are usable must be finite.
    """
    n, length = lines.shape
    medians = np.empty(n)
    values = np.empty(length, lines.dtype)
    value_bits = values.view(bits.dtype)
    keys = np.empty(length, bits.dtype)
    for i in range(n):
        if all_usable:
            medians[i] = median_of(lines[i], bits[i], keys)
            continue
        count = 0
        for x in range(length):
            if usable[i, x]:
                values[count] = lines[i, x]
                count += 1
        medians[i] = median_of(values[:count], value_bits[:count], keys) if count else np.nan
    return medians


@jit
def subtract_medians(lines: Array, bits: Array, out: Array, whole: npt.NDArray[np.bool_]) -> None:
    """Write each line (n, length) less its median to `out`; `whole` tells the lines that are all finite.

    The others are not written.
    """
    keys = np.empty(lines.shape[1], bits.dtype)
    for i in range(len(lines)):
        whole[i] = np.isfinite(total(lines[i]))
        if whole[i]:
            offset = lines.dtype.type(median_of(lines[i], bits[i], keys))
            for x in range(lines.shape[1]):
                out[i, x] = lines[i, x] - offset
