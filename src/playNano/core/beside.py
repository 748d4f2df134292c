"""Call a function in a process of its own, beside what this one does."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

CAN_START: ContextVar[bool] = ContextVar("playNano_can_start", default=False)
"""Whether the main module may be imported again by a new process: True in the ``playnano`` command itself."""


def helps() -> bool:
    """Return whether a second process can be started, and has a processor of its own."""
    import multiprocessing

    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return CAN_START.get() and (count or 1) > 1 and not multiprocessing.current_process().daemon


class Beside:
    """A function that is being called in a new process.

    The process is started anew ("spawn") on every system, and ends with this one.

    Parameters
    ----------
    function
        A function of a module, without a result.
    *args
        Its arguments; they are pickled.
    """

    def __init__(self, function: Callable[..., None], *args: Any) -> None:
        """Start the process."""
        from multiprocessing import get_context

        context = get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        # Only the process has it now, so that its end is noticed.
        other.close()
        # Large arguments are sent while this process goes on.
        self._sender = threading.Thread(target=self._send, args=((function, args),), daemon=True)
        self._sender.start()

    def _send(self, job: Any) -> None:
        try:
            self._connection.send(job)
        except OSError:  # the process has ended, which `result` reports
            pass
        except (pickle.PicklingError, AttributeError, TypeError):
            # What cannot be pickled is not called.
            self._process.terminate()

    def result(self) -> tuple[float, float] | None:
        """Wait for the end, and return the wall and processor time taken, s; None if there is no answer.

        That is so where the process was ended from outside, or function, arguments or exception cannot be pickled.

        Raises
        ------
        Exception
            The exception of the function.
        """
        try:
            error, wall_s, cpu_s = self._connection.recv()
        except (EOFError, OSError, TypeError):
            return None
        finally:
            self.stop()
        if error is not None:
            raise error
        return wall_s, cpu_s

    def stop(self) -> None:
        """End the process, if it has not ended."""
        self._process.terminate()
        self._process.join()
        self._sender.join()
        self._connection.close()


def _serve(connection: Any) -> None:
    """Receive a function with its arguments, call it, and send its exception, if any, and the time taken."""
    # Ctrl-C reaches all processes of a terminal; the one that started this stops it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    began = time.perf_counter()
    error: BaseException | None = None
    try:
        function, args = connection.recv()
        function(*args)
    except Exception as raised:  # noqa: BLE001 - raised again by `Beside.result`
        error = raised
    connection.send((error, time.perf_counter() - began, time.process_time()))


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, by whatever cause."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
