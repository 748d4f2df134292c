"""Ordered map on several threads, with the threads of native libraries limited."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_lock = threading.Lock()
_open = 0
"""Number of open contexts; the outermost one sets and restores the limits."""
_restore: list[Callable[[], None]] = []


def default_workers() -> int:
    """Return the default number of threads: the number of processors available to this process."""
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return max(1, min(int(count or 1), 16))


def ordered_map(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    """Call a function for every item, on threads, and yield the results in the items' order.

    Threads compute at most a few items ahead of the results that have been consumed.

    Parameters
    ----------
    function, items
        The function, and its arguments.
    workers
        Number of threads; with 1 the caller's thread does the work.

    Raises
    ------
    Exception
        The exception of the first failing item, unchanged; items not yet started are cancelled.

    Examples
    --------
    >>> list(ordered_map(lambda n: n * n, [1, 2, 3], workers=2))
    [1, 4, 9]
    """
    if workers == 1 or len(items) < 2:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="playNano") as pool:
        waiting = iter(items)
        pending: deque[Future[R]] = deque(
            pool.submit(function, item) for item in islice(waiting, 2 * workers)
        )
        try:
            while pending:
                # Drop the reference to a result once it has been yielded.
                yield pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(waiting, 1))
        finally:
            for future in pending:
                future.cancel()


@contextmanager
def limit_native_threads() -> Iterator[None]:
    """Limit OpenCV and BLAS to one thread each inside the context.

    Compiled kernels of playNano never start threads. Contexts may be nested, and opened from several
    threads; the previous settings are restored when the last one closes.

    Examples
    --------
    >>> import cv2
    >>> before = cv2.getNumThreads()
    >>> with limit_native_threads():
    ...     cv2.getNumThreads()
    1
    >>> cv2.getNumThreads() == before
    True
    """
    global _open
    with _lock:
        _open += 1
        if _open == 1:
            _restore.extend((*_limit_opencv(), *_limit_blas()))
    try:
        yield
    finally:
        with _lock:
            _open -= 1
            if not _open:
                while _restore:
                    _restore.pop()()


def _limit_opencv() -> Iterator[Callable[[], None]]:
    cv2: Any = sys.modules.get("cv2")
    if cv2 is not None:
        before = cv2.getNumThreads()
        cv2.setNumThreads(1)
        yield lambda: cv2.setNumThreads(before)


def _limit_blas() -> Iterator[Callable[[], None]]:
    if "numpy" in sys.modules:
        yield _blas(len(sys.modules)).limit(limits=1, user_api="blas").restore_original_limits


@lru_cache(maxsize=1)
def _blas(modules: int) -> Any:
    """Return the controller of the loaded BLAS libraries; any newly imported module may load one."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _before_fork() -> None:
    """End OpenCV's threads, which a forked child would wait for although it does not have them."""
    _lock.acquire()
    cv2: Any = sys.modules.get("cv2")
    if cv2 is not None:
        _at_fork.append(cv2.getNumThreads())
        cv2.setNumThreads(1)


def _after_fork() -> None:
    """Restore OpenCV's number of threads, in the parent and in the child."""
    while _at_fork:
        sys.modules["cv2"].setNumThreads(_at_fork.pop())
    _lock.release()


_at_fork: list[int] = []
"""Number of OpenCV's threads while a process is forked."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
