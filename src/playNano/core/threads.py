"""Keep libraries from starting threads of their own while blocks are spread over threads already."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

_lock = threading.Lock()
_open = 0
"""How many contexts are open; the outermost one limits and restores."""
_restore: list[Callable[[], None]] = []


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep OpenCV and BLAS to one thread each as long as the context is open.

    Compiled kernels of playNano never start threads. Contexts may be nested, and opened from several
    threads; what was set before comes back when the last one closes.

    Examples
    --------
    >>> import cv2
    >>> before = cv2.getNumThreads()
    >>> with one_thread_each():
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
