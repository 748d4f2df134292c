"""Map a function over blocks of frames on several threads, with the same result as on one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

R = TypeVar("R")

BLOCK_BYTES = 16 * 2**20
"""Pixels of one block, bytes: small enough for the caches' good, large enough that a task's overhead vanishes."""

Progress = Callable[[str, int, int], None]
_progress: ContextVar[Progress | None] = ContextVar("playNano_progress", default=None)


@dataclass(frozen=True)
class Block:
    """A run of consecutive frames: ``data[start:stop]``."""

    start: int
    stop: int


@contextmanager
def report_progress(callback: Progress) -> Iterator[None]:
    """Call ``callback(what, done, total)`` (in frames) while work inside the context goes on."""
    token = _progress.set(callback)
    try:
        yield
    finally:
        _progress.reset(token)


def frame_blocks(
    shape: tuple[int, int, int], itemsize: int = 4, block_frames: int | None = None
) -> list[Block]:
    """Cut a movie into blocks of frames.

    Parameters
    ----------
    shape
        (n_frames, height, width).
    itemsize
        Bytes of one pixel.
    block_frames
        Frames in a block; by default as many as `BLOCK_BYTES` hold.

    Examples
    --------
    >>> frame_blocks((5, 8, 8), block_frames=2)
    [Block(start=0, stop=2), Block(start=2, stop=4), Block(start=4, stop=5)]
    """
    n_frames, height, width = shape
    if block_frames is None:
        block_frames = BLOCK_BYTES // max(1, height * width * itemsize)
    step = max(1, block_frames)
    return [Block(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]


def default_workers() -> int:
    """Return the number of threads used when none is asked for: the processors of this process."""
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return max(1, min(int(count or 1), 16))


def map_blocks(
    function: Callable[[Block], R],
    shape: tuple[int, int, int],
    *,
    what: str,
    itemsize: int = 4,
    block_frames: int | None = None,
    workers: int | None = None,
) -> list[R]:
    """Call a function for every block of frames and return the results in the frames' order.

    Parameters
    ----------
    function
        Gets a `Block`, returns anything. It must not depend on where blocks begin, so that the
        result is the same for every block size and number of workers.
    shape
        (n_frames, height, width).
    what
        What goes on, for the progress display.
    itemsize, block_frames
        As in `frame_blocks`.
    workers
        Threads; by default one a processor. Numba and OpenCV release the interpreter's lock, and
        OpenCV is kept to one thread of its own meanwhile, so that threads do not multiply.

    Raises
    ------
    Exception
        The first failing block's, unchanged; blocks not yet begun are dropped.
    """
    workers = default_workers() if workers is None else max(1, workers)
    if block_frames is None:
        per_worker = -(-shape[0] // workers) if shape[0] else 1
        fitting = BLOCK_BYTES // max(1, shape[1] * shape[2] * itemsize)
        block_frames = max(1, min(fitting, per_worker))
    blocks = frame_blocks(shape, itemsize, block_frames)
    notify, results, done = _progress.get(), [], 0
    with _one_thread_in_opencv():
        for block, result in zip(blocks, _run(function, blocks, workers), strict=True):
            results.append(result)
            done += block.stop - block.start
            if notify is not None:
                notify(what, done, shape[0])
    return results


def _run(function: Callable[[Block], R], blocks: list[Block], workers: int) -> Iterator[R]:
    if workers == 1 or len(blocks) < 2:
        yield from map(function, blocks)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="playNano") as pool:
        futures = [pool.submit(function, block) for block in blocks]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


@contextmanager
def _one_thread_in_opencv() -> Iterator[None]:
    import sys

    cv2: Any = sys.modules.get("cv2")
    before = cv2.getNumThreads() if cv2 is not None else None
    if before is not None:
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        if before is not None:
            cv2.setNumThreads(before)
