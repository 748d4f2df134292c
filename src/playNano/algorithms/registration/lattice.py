"""Vectors by which the surface repeats, so that its drift is known only modulo these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from playNano.algorithms.registration.frame_shift import CLIP, Signal, correlation_at, correlation_peaks

Floats = npt.NDArray[np.float64]

MIN_CORRELATION = 0.3
MIN_LENGTH_PX = 2.0
SAME_PX = 1.0
MAX_PEAKS = 400
MAX_VECTORS = 12


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
    peaks = [_own_peaks(signal, max_length_px) for signal in signals]
    common: list[Floats] = []
    for vector in (v for frame in peaks for v in frame):
        near = [[w for w in frame if np.abs(w - vector).max() < SAME_PX] for frame in peaks]
        if sum(map(bool, near)) <= len(peaks) / 2:
            continue
        mean = np.mean([w for frame in near for w in frame], axis=0)
        if not any(min(np.hypot(*(mean - v)), np.hypot(*(mean + v))) < 2 * SAME_PX for v in common):
            common.append(mean)
    common.sort(key=lambda v: (round(float(np.hypot(*v)), 1), abs(v[0])))
    if len(common) < 2:
        return common
    first = common[0]
    for other in common[1:]:
        area = abs(first[0] * other[1] - first[1] * other[0])
        # Along stripes everything repeats: the difference of two vectors has no minimum half-way.
        if area > 0.3 * np.hypot(*first) * np.hypot(*other) and _repeats(signals[0], other - first):
            return [first, other]
    return [first]


def _own_peaks(signal: Signal, max_length_px: float) -> list[Floats]:
    """Return the shortest shifts at which a frame correlates with itself."""
    peaks = correlation_peaks(signal, signal, max_length_px, MAX_PEAKS)
    lengths = np.array([np.hypot(*v) for v in peaks])
    found: list[Floats] = []
    for k in np.argsort(lengths, kind="stable"):
        if lengths[k] > MIN_LENGTH_PX and len(found) < MAX_VECTORS and _repeats(signal, peaks[k]):
            found.append(peaks[k])
    return found


def _repeats(signal: Signal, vector: Floats) -> bool:
    """Return whether a frame correlates with itself at a shift and at twice the shift, and much less half-way."""
    if min(correlation_at(signal, signal, factor * vector) for factor in (1, 2)) < MIN_CORRELATION:
        return False
    # The pixels with a large gradient, which these are of, repeat themselves half-way between lines.
    there, twice, half = (_own_correlation(signal, factor * vector) for factor in (1, 2, 0.5))
    return min(there, twice) > MIN_CORRELATION and there - half > MIN_CORRELATION


def _own_correlation(signal: Signal, vector: Floats) -> float:
    """Return the correlation of all pixels of a frame with those at a distance in whole pixels."""
    rows, columns = np.round(vector).astype(int).tolist()
    image = np.clip(signal.image, -CLIP, CLIP)
    parts = []
    for sign in (1, -1):
        y, x = sign * rows, sign * columns
        parts.append(image[max(y, 0) : image.shape[0] + min(y, 0), max(x, 0) : image.shape[1] + min(x, 0)])
    return float(np.corrcoef(parts[0].ravel(), parts[1].ravel())[0, 1])
