"""Translation-corrected sums over pairs of points, from which g(r), K(r) and L(r) follow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.window import Window

Floats = npt.NDArray[np.float64]

CHUNK_PAIRS = 500_000
"""Pairs that are computed at once."""


def pair_sums(points: npt.ArrayLike, window: Window, dr: float, n_bins: int) -> Floats:
    """Return the sums of translation weights over ordered pairs of points, by bins of distance.

    A pair at the offset (dy, dx) has the weight 1 / [(H - |dy|) (W - |dx|)]: the inverse area of the places in the
    window from which it would be seen.

    Parameters
    ----------
    points
        Places y, x in nm, (n_sets, n, 2) or (n, 2); all inside the window.
    window
        Of height H and width W.
    dr
        Width of the bins, nm; the first one begins at 0.
    n_bins
        Number of bins.

    Returns
    -------
    ndarray of float64
        1/nm2, (n_sets, n_bins), or (n_bins,).

    References
    ----------
    Ohser, On estimators for the reduced second moment measure of point processes, Math. Operationsforsch. Statist. 14,
    1983, 63-71.

    Examples
    --------
    >>> sums = pair_sums([[0.0, 0.0], [0.0, 3.0]], Window(0, 10, 0, 10), 2.0, 3)
    >>> sums.round(4).tolist()
    [0.0, 0.0286, 0.0]
    """
    given = np.asarray(points, dtype=np.float64)
    sets = given if given.ndim == 3 else given[None]
    n_sets, n = sets.shape[:2]
    sums = np.zeros((n_sets, n_bins))
    first, second = np.triu_indices(n, 1)
    step = max(1, CHUNK_PAIRS // max(1, len(first)))
    for start in range(0, n_sets if len(first) else 0, step):
        part = sets[start : start + step]
        dy = np.abs(part[:, first, 0] - part[:, second, 0])
        dx = np.abs(part[:, first, 1] - part[:, second, 1])
        number = (np.hypot(dy, dx) / dr).astype(np.int64)
        near = number < n_bins
        row = np.broadcast_to(np.arange(len(part))[:, None], near.shape)[near]
        weight = 2.0 / ((window.height_nm - dy[near]) * (window.width_nm - dx[near]))
        counted = np.bincount(row * n_bins + number[near], weight, minlength=len(part) * n_bins)
        sums[start : start + step] = counted.reshape(len(part), n_bins)
    return sums if given.ndim == 3 else sums[0]


def bin_areas(dr: float, n_bins: int) -> Floats:
    """Return the areas of the annuli of the bins, nm2, (n_bins,).

    Parameters
    ----------
    dr
        Width of the bins, nm.
    n_bins
        Number of bins.
    """
    edges = np.arange(n_bins + 1) * dr
    return np.asarray(np.pi * np.diff(edges**2), dtype=np.float64)


def pair_correlation(sums: Floats, n_pairs: float | Floats, window: Window, dr: float) -> Floats:
    """Return g(r) from sums over pairs; 1 for points that are placed independently.

    Parameters
    ----------
    sums
        As `pair_sums` returns them, or the sum of those of several frames, (..., n_bins).
    n_pairs
        Number of ordered pairs n (n - 1), or its sum over the frames.
    window
        The window.
    dr
        Width of the bins, nm.
    """
    return np.asarray(window.area_nm2**2 * sums / n_pairs / bin_areas(dr, sums.shape[-1]), dtype=np.float64)


def ripley_k(sums: Floats, n_pairs: float, window: Window) -> Floats:
    """Return Ripley's K at the upper ends of the bins, nm2; pi r^2 for points that are placed independently.

    Parameters
    ----------
    sums
        As `pair_sums` returns them, (..., n_bins).
    n_pairs
        Number of ordered pairs.
    window
        The window.
    """
    return np.asarray(window.area_nm2**2 * np.cumsum(sums, axis=-1) / n_pairs, dtype=np.float64)
