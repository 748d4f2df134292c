"""Kernels over blocks of a long array, in threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
B = TypeVar("B")

# The blocks depend on the data alone, so that results do on no machine's number of cores.
N_BLOCKS = 4
LEAST_FOR_BLOCKS = 5_000


def blocks_of(n: int, *, least: int | None = None) -> list[tuple[int, int]]:
    """Cut n items into a few even blocks, or one if they are fewer than `least`: not worth it.

    Examples
    --------
    >>> blocks_of(10)
    [(0, 10)]
    """
    if n < (LEAST_FOR_BLOCKS if least is None else least):
        return [(0, n)]
    edges = [n * k // N_BLOCKS for k in range(N_BLOCKS + 1)]
    return list(pairwise(edges))


def frame_blocks(frame_ptr: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut frames into a few runs with about as many detections in each, or one if that is not worth it.

    `frame_ptr` tells where the detections of each frame start, (n_frames + 1,).

    Examples
    --------
    >>> import numpy as np
    >>> frame_blocks(np.array([0, 9_000, 18_000, 27_000, 36_000]))
    [(0, 1), (1, 2), (2, 3), (3, 4)]
    """
    edges = np.searchsorted(frame_ptr, [0, *(last for _, last in blocks_of(int(frame_ptr[-1])))])
    edges[0], edges[-1] = 0, frame_ptr.size - 1
    return [(int(a), int(b)) for a, b in pairwise(edges) if b > a]


def in_threads(task: Callable[[B], T], blocks: Sequence[B]) -> list[T]:
    """Run a task that releases the interpreter's lock on every block; return the results in order.

    Examples
    --------
    >>> in_threads(lambda block: block[1] - block[0], [(0, 2), (2, 5)])
    [2, 3]
    """
    if len(blocks) <= 1:
        return [task(block) for block in blocks]
    return list(_pool(os.getpid()).map(task, blocks))


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process: starting them anew for every task takes longer than many a task.

    A forked process has no threads of its parent's, and gets its own.
    """
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix=f"linking-{process}")
