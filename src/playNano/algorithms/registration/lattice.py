"""Vectors by which the surface repeats, so that its drift is known only modulo these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from playNano.algorithms.registration.frame_shift import Signal, correlation_at, correlation_peaks

Floats = npt.NDArray[np.float64]

MIN_CORRELATION = 0.3
MIN_LENGTH_PX = 2.0
SAME_PX = 1.0


def lattice_vectors(signals: Sequence[Signal], max_length_px: float) -> list[Floats]:
    """Return the shortest vectors by which frames repeat themselves.

    Parameters
    ----------
    signals
        Prepared frames.
    max_length_px
        Longest vector that is searched for, px along each axis.

    Returns
    -------
    list of ndarray
        None, one or two independent vectors (y, x), px, that most of the frames have in common.

    Examples
    --------
    >>> from playNano.algorithms.registration.frame_shift import prepare
    >>> y, x = np.mgrid[:80, :80]
    >>> lattice = np.cos(2 * np.pi * x / 8) * np.cos(2 * np.pi * y / 10)
    >>> [np.abs(np.round(v)).tolist() for v in lattice_vectors([prepare(lattice)], 20)]
    [[5.0, 4.0], [5.0, 4.0]]
    """
    peaks = [
        [
            v
            for v in correlation_peaks(s, s, max_length_px, 20)
            if np.hypot(*v) > MIN_LENGTH_PX and _repeats(s, v)
        ]
        for s in signals
    ]
    common: list[Floats] = []
    for vector in (v for frame in peaks for v in frame):
        near = [[w for w in frame if np.abs(w - vector).max() < SAME_PX] for frame in peaks]
        if sum(map(bool, near)) <= len(peaks) / 2:
            continue
        mean = np.mean([w for frame in near for w in frame], axis=0)
        if not any(min(np.hypot(*(mean - v)), np.hypot(*(mean + v))) < 2 * SAME_PX for v in common):
            common.append(mean)
    common.sort(key=lambda v: (round(float(np.hypot(*v)), 3), abs(v[0])))
    if len(common) < 2:
        return common
    first = common[0]
    for other in common[1:]:
        area = abs(first[0] * other[1] - first[1] * other[0])
        # Along stripes everything repeats: the difference of two vectors has no minimum half-way.
        if area > 0.3 * np.hypot(*first) * np.hypot(*other) and _repeats(signals[0], other - first):
            return [first, other]
    return [first]


def _repeats(signal: Signal, vector: Floats) -> bool:
    """Return whether a frame correlates with itself at a shift, and much less half-way."""
    there = correlation_at(signal, signal, vector)
    return there > MIN_CORRELATION and there - correlation_at(signal, signal, vector / 2) > MIN_CORRELATION
