"""Wait for tasks on a Dask cluster; what would make the wait endless becomes an error with the workers' reason."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any

from playNano.errors import ClusterError

WAIT = "30 s"
"""Time without any work after which a cluster counts as stalled, unless ``playnano.cluster-wait`` of Dask's
configuration (environment variable ``DASK_PLAYNANO__CLUSTER_WAIT``) says otherwise."""

POLL_S = 0.5
"""Time after which the state of the cluster is examined again, s."""

CALL_S = 5.0
"""Time within which the cluster must say why a worker ended, s."""

_DEATH = re.compile(r"was killed by|exited with status|died unexpectedly")


class Watch:
    """Wait for the results of tasks while watching their cluster.

    Parameters
    ----------
    client
        A `distributed.Client`.
    what
        Name of the work, for messages.
    """

    def __init__(self, client: Any, what: str) -> None:
        import dask
        from dask.utils import parse_timedelta

        self.client, self.what = client, what
        self.wait_s = float(parse_timedelta(dask.config.get("playnano.cluster-wait", WAIT)))
        self.active, self.began, self.had_workers = time.monotonic(), time.time(), False

    def check_sendable(self, work: Any) -> None:
        """Check that every worker can unpickle the work; a worker that cannot would stop without a word.

        Parameters
        ----------
        work
            What will be sent.

        Raises
        ------
        ClusterError
            If a worker cannot.
        """
        from distributed.comm.core import CommClosedError
        from distributed.protocol.pickle import dumps, loads

        sent = dumps(work)
        answers = self._call(lambda: self.client.run(loads, sent, on_error="return"), self.wait_s) or {}
        for worker, answer in answers.items():
            # A worker that cannot be reached has died meanwhile, and gets no tasks.
            if isinstance(answer, Exception) and not isinstance(answer, (CommClosedError, OSError)):
                raise ClusterError(
                    f"{self.what}: worker {worker} of the cluster cannot unpack the work: {answer}; install playNano "
                    "and its plugins, in the same versions, where the workers run"
                ) from answer

    def result(self, future: Any, others: Sequence[Any]) -> Any:
        """Return the result of a task.

        Parameters
        ----------
        future
            The task.
        others
            Tasks whose failure makes waiting useless.

        Raises
        ------
        Exception
            The exception of the task.
        ClusterError
            If the cluster cannot finish the task; the message has the reason.
        """
        from distributed import KilledWorker

        # The caller may have taken long over the result before.
        self.active = time.monotonic()
        gathered = self._start(lambda: self.client.gather(future, asynchronous=True))
        try:
            while not wait([gathered], timeout=POLL_S).done:
                for other in others:
                    # The scheduler repeats the work of a worker that died; at the last failure it gives up.
                    if other.status == "error" and isinstance(other.exception(timeout=POLL_S), KilledWorker):
                        raise other.exception(timeout=POLL_S)
                if future.status == "finished":  # a large result is being transferred
                    self.active = time.monotonic()
                self._check_active()
            return gathered.result()
        except KilledWorker as error:
            raise ClusterError(
                f"{self.what}: a task ended each of the {error.allowed_failures + 1} worker processes that tried it"
                f"{self._reason()}; give the workers more memory, or run without a cluster to see the error"
            ) from error
        except OSError as error:
            raise self._unreadable(error) from error
        except CancelledError as error:
            raise ClusterError(
                f"{self.what}: the connection to the cluster's scheduler was lost; start it again"
            ) from error
        finally:
            gathered.cancel()

    def _check_active(self) -> None:
        """Raise ClusterError if no worker has processed anything for too long."""
        try:
            workers = self.client.scheduler_info(n_workers=-1)["workers"]
        except OSError:
            # The client notices by itself if the scheduler does not come back, and cancels the tasks.
            return
        self.had_workers = self.had_workers or bool(workers)
        counts = [worker["metrics"].get("task_counts", {}) for worker in workers.values()]
        if any(count.get(state) for count in counts for state in ("executing", "long-running", "flight")):
            self.active = time.monotonic()
        if time.monotonic() - self.active < self.wait_s:
            return
        head = f"{self.what}: the cluster has processed nothing for {self.wait_s:.0f} s{self._reason()}: "
        paused = [worker for worker in workers.values() if worker["status"] == "paused"]
        if not workers:
            address = self.client.scheduler.address
            lost = "lost all its workers" if self.had_workers else "has no workers"
            raise ClusterError(
                f"{head}its scheduler {address} {lost}; start some (`dask worker {address}`), or run without a cluster"
            )
        if len(paused) == len(workers):
            used, limit = paused[0]["metrics"].get("memory", 0), paused[0]["memory_limit"]
            raise ClusterError(
                f"{head}its {len(paused)} workers have paused because their memory is full ({used / 2**20:.0f} MiB of "
                f"{limit / 2**20:.0f} MiB are used in the first one); give them more (--memory-limit of dask worker)"
            )
        raise ClusterError(
            f"{head}its scheduler gives the {len(workers)} workers no work; restart the cluster"
        )

    def _unreadable(self, error: OSError) -> ClusterError:
        """Return the error for a file that a worker cannot read, with the cure."""
        if error.filename is None:
            return ClusterError(f"{self.what}: a worker of the cluster failed: {error}")
        reason = f"{self.what}: a worker of the cluster cannot read {error.filename}: {error.strerror}"
        if Path(error.filename).exists():
            return ClusterError(
                f"{reason}; put the movie where the workers see it under the same path, on a disk that they share, or "
                "run without a cluster"
            )
        return ClusterError(f"{reason}; it was moved or deleted during the run: put it back and run again")

    def _reason(self) -> str:
        """Return why a worker ended, from the scheduler's events or the log of the worker's supervisor, or nothing."""
        events = self._call(lambda: self.client.get_events("worker-restart-memory"), CALL_S) or ()
        used = [event["rss"] for moment, event in events if moment >= self.began]
        if used:
            return f" (a worker exceeded its limit of memory, with {used[-1] / 2**20:.0f} MiB)"
        until = time.monotonic() + (CALL_S if self.had_workers else 0.0)
        logs: dict[str, Any] = {}
        # A worker that is being started again is not registered yet.
        while not logs and time.monotonic() < until:
            logs = self._call(lambda: self.client.get_worker_logs(n=50, nanny=True), CALL_S) or {}
            time.sleep(POLL_S)
        lines = [entry[1] for log in logs.values() if isinstance(log, (list, tuple)) for entry in log]
        deaths = [line for line in lines if _DEATH.search(line)]
        return f" ({deaths[0].rpartition(' - ')[2].strip()})" if deaths else ""

    def _start(self, make: Callable[[], Awaitable[Any]]) -> Future[Any]:
        """Start a coroutine in the client's event loop, where its methods return coroutines."""

        async def run() -> Any:
            return await make()

        return asyncio.run_coroutine_threadsafe(run(), self.client.loop.asyncio_loop)

    def _call(self, make: Callable[[], Awaitable[Any]], timeout_s: float) -> Any:
        """Return the result of a coroutine; None if there is no answer in time."""
        started = self._start(make)
        try:
            return started.result(timeout=timeout_s)
        except (TimeoutError, OSError):
            return None
        finally:
            started.cancel()
