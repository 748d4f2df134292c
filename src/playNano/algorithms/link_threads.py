"""Kernels over blocks of a long array, in threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
B = TypeVar("B")

# The blocks depend on the data alone, so that results do on no machine's number of cores.
N_BLOCKS = 4
LEAST_FOR_BLOCKS = 20_000


def blocks_of(n: int) -> list[tuple[int, int]]:
    """Cut n items into a few even blocks, or one if that is not worth it.

    Examples
    --------
    >>> blocks_of(10)
    [(0, 10)]
    """
    if n < LEAST_FOR_BLOCKS:
        return [(0, n)]
    edges = [n * k // N_BLOCKS for k in range(N_BLOCKS + 1)]
    return list(pairwise(edges))


def in_threads(task: Callable[[B], T], blocks: Sequence[B]) -> list[T]:
    """Run a task that releases the interpreter's lock on every block; return the results in order.

    Examples
    --------
    >>> in_threads(lambda block: block[1] - block[0], [(0, 2), (2, 5)])
    [2, 3]
    """
    if len(blocks) <= 1:
        return [task(block) for block in blocks]
    with ThreadPoolExecutor(min(len(blocks), os.cpu_count() or 1)) as pool:
        return list(pool.map(task, blocks))
