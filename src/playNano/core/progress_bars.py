"""Progress bars in a terminal, and in a notebook without any extension."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from html import escape
from typing import TYPE_CHECKING, Any

from playNano.core.executor import report_progress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_S = 1.0
"""Duration of a job after which its bar appears, s."""
REFRESH_S = 0.2
"""Minimum time between two changes of a bar in a notebook, s."""


class Bars:
    """Progress bars of a terminal, one per job, each shown after its job has taken `PATIENCE_S`.

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


class NotebookBars:
    """Progress bars of a notebook, one per job, in one output that is removed at the end.

    Parameters
    ----------
    show
        ``show(html)`` displays HTML in place of what it displayed before.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._began: dict[str, float] = {}
        self._state: dict[str, tuple[int, int]] = {}
        self._shown_at = -REFRESH_S

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
        self._began.setdefault(what, now)
        self._state[what] = done, total
        if done >= total:
            del self._state[what], self._began[what]
        elif now - self._shown_at < REFRESH_S:
            return
        lines = [
            _bar(name, *numbers)
            for name, numbers in self._state.items()
            if now - self._began[name] >= PATIENCE_S
        ]
        if lines or self._shown_at >= 0:
            self._shown_at = now
            self._show("".join(lines))

    def close(self) -> None:
        """Remove the bars."""
        if self._shown_at >= 0:
            self._show("")


def _bar(what: str, done: int, total: int) -> str:
    return (
        f'<div><progress value="{int(done)}" max="{int(total)}" style="width:20em"></progress> '
        f"{escape(what)}: {int(done)} of {int(total)}</div>"
    )


def in_notebook() -> bool:
    """Return whether the code runs in a notebook, whose outputs are HTML."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def progress_bars(*, inner: bool = True, console: Any = None) -> Iterator[Bars | NotebookBars]:
    """Show progress bars inside the context: in a notebook below the cell, else on stderr.

    Parameters
    ----------
    inner
        Whether the progress of single processing steps and analysis modules is shown.
    console
        Console of `rich` of a terminal; None for stderr.

    Yields
    ------
    Bars or NotebookBars
        A function of the name of a job, the number of finished frames, and the total number.

    Examples
    --------
    >>> import numpy as np
    >>> import playNano
    >>> stack = playNano.AFMImageStack(np.zeros((2, 8, 8)), 1.0, "height", "movie.npy")
    >>> with playNano.progress_bars():
    ...     stack.apply(["remove_plane"]).shape
    (2, 8, 8)
    """
    shown = _notebook_bars() if in_notebook() and console is None else _terminal_bars(console)
    with shown as bars, report_progress(bars) if inner else nullcontext():
        yield bars


@contextmanager
def _notebook_bars() -> Iterator[NotebookBars]:
    """Yield bars that are displayed by IPython."""
    from importlib import import_module

    display: Any = import_module("IPython.display")
    handle: list[Any] = []

    def show(html: str) -> None:
        if handle:
            handle[0].update(display.HTML(html))
        else:
            handle.append(display.display(display.HTML(html), display_id=True))

    bars = NotebookBars(show)
    try:
        yield bars
    finally:
        bars.close()


@contextmanager
def _terminal_bars(console: Any) -> Iterator[Bars]:
    """Yield bars of a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = Console(stderr=True, highlight=False, soft_wrap=True) if console is None else console
    progress = Progress(*columns, console=shown, transient=True)
    try:
        yield Bars(progress)
    finally:
        if progress.live.is_started:
            progress.stop()
