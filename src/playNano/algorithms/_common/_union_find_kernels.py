"""Compiled union-find over integers."""

# mypy: ignore-errors
from __future__ import annotations

from playNano._jit import jit


@jit
def find_root(parent, i):
    """Return the root of ``i``, halving the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@jit
def join(parent, i, j):
    """Join two sets; the smaller index stays the root, which keeps raster order."""
    a = find_root(parent, i)
    b = find_root(parent, j)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b
