"""Compiled union-find over integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playNano._jit import jit

Ints = NDArray[np.integer[Any]]


@jit
def find_root(parent: Ints, i: int) -> int:
    """Return the root of the set of ``i`` (union-find with path halving)."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@jit
def join(parent: Ints, i: int, j: int) -> None:
    """Join the sets of ``i`` and ``j`` (union-find); the smaller root is kept, which preserves raster order."""
    a = find_root(parent, i)
    b = find_root(parent, j)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b
