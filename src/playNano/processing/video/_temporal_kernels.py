"""Averages over time, pixel by pixel, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano._jit import jit

Frames = npt.NDArray[Any]


@jit
def medians(frames: Frames, half: int, out: Frames) -> None:
    """Put the median of every pixel's window in time into `out`; both are (n, pixels)."""
    n, pixels = frames.shape
    window = np.empty(2 * half + 1, frames.dtype)
    for t in range(n):
        first, last = max(0, t - half), min(n, t + half + 1)
        for p in range(pixels):
            if np.isnan(frames[t, p]):
                out[t, p] = frames[t, p]
                continue
            count = 0
            for s in range(first, last):
                value = frames[s, p]
                if np.isnan(value):
                    continue
                place = count
                while place > 0 and window[place - 1] > value:
                    window[place] = window[place - 1]
                    place -= 1
                window[place] = value
                count += 1
            middle = count // 2
            if count % 2:
                out[t, p] = window[middle]
            else:
                out[t, p] = 0.5 * (window[middle - 1] + window[middle])


@jit
def means(frames: Frames, half: int, out: Frames) -> None:
    """Put the mean of every pixel's window in time into `out`; both are (n, pixels)."""
    n, pixels = frames.shape
    for t in range(n):
        first, last = max(0, t - half), min(n, t + half + 1)
        for p in range(pixels):
            if np.isnan(frames[t, p]):
                out[t, p] = frames[t, p]
                continue
            total, count = 0.0, 0
            for s in range(first, last):
                value = frames[s, p]
                if not np.isnan(value):
                    total += value
                    count += 1
            out[t, p] = total / count
