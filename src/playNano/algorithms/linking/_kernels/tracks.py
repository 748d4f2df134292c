"""Kernels that sort rows and measure distances, for linking and for tables of tracks."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano._jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@jit
def sort_by_count(rows: Ints, key: Ints, n_keys: int) -> Ints:
    """Return the rows by key[row], 0 .. n_keys - 1; those with one key stay in their order."""
    start = np.zeros(n_keys + 1, np.int64)
    for row in rows:
        start[key[row] + 1] += 1
    for k in range(n_keys):
        start[k + 1] += start[k]
    out = np.empty(rows.size, np.int64)
    for row in rows:
        out[start[key[row]]] = row
        start[key[row]] += 1
    return out


@jit
def sum_nearest(where: Floats) -> float:
    """Return the sum, over points sorted by their first coordinate, of the distance to the nearest other."""
    n, dims = where.shape
    total = 0.0
    for i in range(n):
        nearest = np.inf
        for way in (-1, 1):
            j = i + way
            while 0 <= j < n and (where[j, 0] - where[i, 0]) ** 2 < nearest:
                squared = 0.0
                for d in range(dims):
                    squared += (where[j, d] - where[i, d]) ** 2
                nearest = min(nearest, squared)
                j += way
        total += np.sqrt(nearest)
    return total
