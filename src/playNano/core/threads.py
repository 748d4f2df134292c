"""Work on several threads, in order, while libraries keep from starting threads of their own."""

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
"""How many contexts are open; the outermost one limits and restores."""
_restore: list[Callable[[], None]] = []


def default_workers() -> int:
    """Return the number of threads used when none is given: the processors of this process."""
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return max(1, min(int(count or 1), 16))


def ordered_map(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    """Call a function for every item, on threads, and yield the results in the items' order.

    Threads run at most a few items ahead of the results that have been taken.

    Parameters
    ----------
    function, items
        What to call, and for what.
    workers
        Threads; with 1 everything is done by the caller's.

    Raises
    ------
    Exception
        The first failing item's, unchanged; items not yet begun are dropped.

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
                # A result is let go once it is handed on.
                yield pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(waiting, 1))
        finally:
            for future in pending:
                future.cancel()


@contextmanager
def limit_native_threads() -> Iterator[None]:
    """Keep OpenCV and BLAS to one thread each as long as the context is open.

    Compiled kernels of playNano never start threads. Contexts may be nested, and opened from several
    threads; what was set before comes back when the last one closes.

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
    """Return the handle of the BLAS libraries that are loaded; every new module may bring one."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
