"""Work in one background thread, which can be cancelled, and ends with its dock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from qtpy.QtCore import QObject, Signal

from playNano._jit import on_compile
from playNano.core.executor import report_progress


class Cancelled(BaseException):
    """Raised in a running job when it is cancelled; no handler of exceptions in steps catches it."""


class Worker(QObject):
    """One thread that does one job after another, so that no two run at the same time.

    A job is cancelled at the end of the block of frames that it is working on.
    """

    finished = Signal(object, object)
    """Name of the job, and its result or exception; not of cancelled jobs of a closed worker."""
    progress = Signal(str, int, int)
    """Name of the work, finished frames, all frames."""
    compiling = Signal(str)
    """Name of a function whose compilation begins."""

    def __init__(self) -> None:
        super().__init__()
        self._executor = ThreadPoolExecutor(1, "playNano-viewer")
        self._cancel = threading.Event()
        self._closed = False
        self.running: set[str] = set()
        self.most = 0
        """Largest number of jobs that have run at the same time."""
        self._active = 0

    def start(self, name: str, function: Callable[[], Any]) -> Future[None]:
        """Run a function in the thread; `finished` reports its result.

        Parameters
        ----------
        name
            Name of the job.
        function
            The job.
        """
        self._cancel.clear()
        self.running.add(name)
        return self._executor.submit(self._run, name, function)

    def cancel(self) -> None:
        """Cancel the running job."""
        self._cancel.set()

    def close(self) -> None:
        """Cancel what runs, and wait for its end; nothing is reported any more. It may be called again."""
        self._closed = True
        self._cancel.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _run(self, name: str, function: Callable[[], Any]) -> None:
        """Run a job in the thread."""
        self._active += 1
        self.most = max(self.most, self._active)
        result: Any
        try:
            with report_progress(self._progress), on_compile(self._compiling):
                result = function()
        except (Exception, Cancelled) as error:  # noqa: BLE001 - it is reported in the window
            result = error
        finally:
            self._active -= 1
        self.running.discard(name)
        if not self._closed:
            self.finished.emit(name, result)

    def _progress(self, what: str, done: int, total: int) -> None:
        if self._cancel.is_set():
            raise Cancelled
        if not self._closed:
            self.progress.emit(what, done, total)

    def _compiling(self, kernel: str) -> None:
        if not self._closed:
            self.compiling.emit(kernel)
