"""Threads over blocks of a long array, for kernels and library calls that release the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Result = TypeVar("Result")
Block = TypeVar("Block")

# The blocks depend on the data alone, so that results do not depend on a machine's number of cores.
N_BLOCKS = 4
MIN_ITEMS = 5_000


def blocks_of(n: int, *, min_items: int | None = None) -> list[tuple[int, int]]:
    """Divide n items into N_BLOCKS blocks of equal size, or one block where threads would not pay.

    Parameters
    ----------
    n
        Number of items, >= 0.
    min_items
        Minimum number of items to divide; None: MIN_ITEMS.

    Returns
    -------
    list of (int, int)
        First item of each block, and the one after its last.

    Examples
    --------
    >>> blocks_of(10)
    [(0, 10)]
    """
    if n < (MIN_ITEMS if min_items is None else min_items):
        return [(0, n)]
    edges = [n * k // N_BLOCKS for k in range(N_BLOCKS + 1)]
    return list(pairwise(edges))


def frame_blocks(frame_ptr: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Divide frames into a few runs of about equal numbers of detections, or one run where threads would not pay.

    Parameters
    ----------
    frame_ptr
        Index at which the detections of each frame start, (n_frames + 1,).

    Returns
    -------
    list of (int, int)
        First frame of each run, and the one after its last.

    Examples
    --------
    >>> import numpy as np
    >>> frame_blocks(np.array([0, 9_000, 18_000, 27_000, 36_000]))
    [(0, 1), (1, 2), (2, 3), (3, 4)]
    """
    edges = np.searchsorted(frame_ptr, [0, *(last for _, last in blocks_of(int(frame_ptr[-1])))])
    edges[0], edges[-1] = 0, frame_ptr.size - 1
    return [(int(a), int(b)) for a, b in pairwise(edges) if b > a]


def in_threads(task: Callable[[Block], Result], blocks: Sequence[Block]) -> list[Result]:
    """Run a task that releases the interpreter's lock on every block.

    Parameters
    ----------
    task
        Function of one block; it must not call `in_threads`.
    blocks
        Its arguments; a single block runs in the calling thread.

    Returns
    -------
    list
        The results in the order of the blocks.

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
    """Return the thread pool of a process, which is reused: starting threads takes longer than a short task.

    A forked process has none of its parent's threads, and gets a pool of its own.
    """
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix=f"linking-{process}")
