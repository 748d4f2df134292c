"""Console output of the command line, and progress bars for jobs that take longer than a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from playNano.core.executor import report_progress

PATIENCE_S = 1.0
"""Duration of a job after which its bar appears, s."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Bars:
    """Progress bars, one per job, each shown after its job has taken `PATIENCE_S`.

    Parameters
    ----------
    progress
        The display of the bars.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Update the bar of a job.

        Parameters
        ----------
        what
            Name of the job.
        done
            Number of frames that are finished.
        total
            Number of all frames.
        """
        now = time.monotonic()
        if self._began.setdefault(what, now) + PATIENCE_S > now and what not in self._tasks:
            if done >= total:
                del self._began[what]
            return
        if what not in self._tasks:
            self._progress.start()
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done)
        if done >= total:
            self._progress.remove_task(self._tasks.pop(what))
            del self._began[what]


@contextmanager
def progress_bars(*, inner: bool = True) -> Iterator[Bars]:
    """Show progress bars on stderr inside the context.

    Parameters
    ----------
    inner
        Whether the progress of single processing steps and analysis modules is shown.

    Yields
    ------
    Bars
        A function of the name of a job, the number of finished frames, and the total number.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=err, transient=True)
    bars = Bars(progress)
    try:
        with report_progress(bars) if inner else nullcontext():
            yield bars
    finally:
        if progress.live.is_started:
            progress.stop()
